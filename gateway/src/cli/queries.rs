//! The commands that answer a question and end.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use weir_config::{Overrides, Secret};

use super::{ConfigFlag, DatabaseFlags, ServeFlags};
use crate::commands::explain::Question;
use crate::commands::serve::Origin;
use crate::commands::setup::Wish;
use crate::commands::stats::Shown;
use crate::commands::{config, discover, explain, keys, setup, stats};

/// The flags of `discover`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DiscoverFlags {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFlag,
}

impl DiscoverFlags {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let origin = Origin { file: self.file.config, overrides: Overrides::default() };
        discover::discover(origin, self.json).await.map(|()| ExitCode::SUCCESS)
    }
}

/// The flags of `setup`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SetupFlags {
    /// The ecosystem: npm, pypi, cargo, …
    ecosystem: String,
    /// Write the lines into the clients' settings files; each changed file is kept as *.bak.
    #[arg(long)]
    write: bool,
    /// Only show what --write would change.
    #[arg(long)]
    dry_run: bool,
    /// The gateway's address [default: `base_url`, else the address that it listens on].
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The path of the mount [default: that of the ecosystem].
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    #[command(flatten)]
    file: ConfigFlag,
}

impl SetupFlags {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let overrides = Overrides { base_url: self.base_url, ..Overrides::default() };
        let origin = Origin { file: self.file.config, overrides };
        setup::setup(
            &origin,
            &Wish {
                ecosystem: self.ecosystem,
                path: self.path,
                write: self.write && !self.dry_run,
                show_changes: self.write || self.dry_run,
            },
        )
    }
}

/// The flags of `explain`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ExplainFlags {
    /// A package URL: pkg:npm/lodash@4.17.21, pkg:pypi/requests
    purl: String,
    /// The gateway to ask [default: the one that runs here, else its data folder].
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    serve: ServeFlags,
}

impl ExplainFlags {
    pub(crate) async fn run(self) -> ExitCode {
        let question = Question { purl: self.purl, url: self.url, json: self.json };
        explain::explain(self.serve.origin(), question).await
    }
}

/// The flags of `stats`.
#[derive(Clone, Debug, Args)]
pub(crate) struct StatsFlags {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// How many popular packages are shown.
    #[arg(long, value_name = "N", default_value_t = 10)]
    popular: u64,
    /// How many recently cached files are shown.
    #[arg(long, value_name = "N", default_value_t = 10)]
    recent: u64,
    /// Folder of the gateway's data.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    #[command(flatten)]
    file: ConfigFlag,
    #[command(flatten)]
    database: DatabaseFlags,
}

impl StatsFlags {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let overrides = Overrides {
            data_dir: self.data_dir,
            database_driver: self.database.database_driver,
            database_path: self.database.database_path,
            database_url: self.database.database_url.map(Secret::new),
            ..Overrides::default()
        };
        let origin = Origin { file: self.file.config, overrides };
        let shown = Shown { json: self.json, popular: self.popular, recent: self.recent };
        stats::stats(origin, shown).await.map(|()| ExitCode::SUCCESS)
    }
}

/// What to do with the configuration.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say what is wrong with it, with file and line; exit code 1 when something is.
    Check(Box<ServeFlags>),
    /// Print what it means: every key with its value as TOML, secrets as ***.
    Show(Box<ServeFlags>),
    /// Print the JSON Schema of the configuration file.
    Schema,
}

impl ConfigCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Check(flags) => config::check(&flags.origin()),
            Self::Show(flags) => config::show(&flags.origin()).map(|()| ExitCode::SUCCESS),
            Self::Schema => config::schema().map(|()| ExitCode::SUCCESS),
        }
    }
}

/// What to do with the key.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make the key; one that is there is never overwritten.
    Init {
        /// What clients show of the key: `Name <address>` [default: Weir at the host of `base_url`].
        #[arg(long, value_name = "TEXT")]
        user_id: Option<String>,
        #[command(flatten)]
        place: KeyPlace,
    },
    /// Print its fingerprint, and where clients get its public half.
    Show {
        /// Print the public key itself, in ASCII armor.
        #[arg(long)]
        armor: bool,
        #[command(flatten)]
        place: KeyPlace,
    },
}

/// Which key.
#[derive(Clone, Debug, Args)]
pub(crate) struct KeyPlace {
    /// Folder of the gateway's data.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    #[command(flatten)]
    file: ConfigFlag,
}

impl KeyPlace {
    fn origin(self) -> Origin {
        let overrides = Overrides { data_dir: self.data_dir, ..Overrides::default() };
        Origin { file: self.file.config, overrides }
    }
}

impl KeysCommand {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Init { user_id, place } => keys::init(&place.origin(), user_id.as_deref()),
            Self::Show { armor, place } => keys::show(&place.origin(), armor),
        }
    }
}

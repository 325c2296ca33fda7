//! The command line.

mod queries;
mod upkeep;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use weir_config::{Overrides, Secret};

use crate::commands::run::Wanted;
use crate::commands::serve::Origin;
use queries::{ConfigCommand, DiscoverFlags, ExplainFlags, KeysCommand, SetupFlags, StatsFlags};
use upkeep::{GcFlags, VerifyFlags};

/// A gateway between package clients and package registries: it caches what they fetch, decides
/// what may pass, and says why.
#[derive(Debug, Parser)]
#[command(name = "weir", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    /// What to do; without a command, `serve`.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Flags of `serve`.
    #[command(flatten)]
    pub(crate) serve: ServeFlags,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the gateway (the default).
    Serve(ServeFlags),
    /// Print which registry addresses are known, and from where.
    Discover(DiscoverFlags),
    /// Print or write the settings that point a package client at the gateway.
    Setup(SetupFlags),
    /// Say why a package passes or is withheld.
    ///
    /// Exit code 0: it passes (without a version: some version passes); 1: it is withheld;
    /// 2: there is no answer.
    Explain(Box<ExplainFlags>),
    /// Count what is stored. Needs no running gateway.
    Stats(StatsFlags),
    /// Evict what is over the limits and delete stored objects that no record names.
    Gc(GcFlags),
    /// Hash everything that is stored; what has changed is removed, to be fetched again.
    ///
    /// Exit code 1 when something was wrong.
    Verify(VerifyFlags),
    /// Check or show the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Make or show the key that signs edited indexes.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Run a command with a gateway of its own: npm, pip, uv, cargo … need no set-up.
    Run(RunFlags),
}

/// Which configuration file.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ConfigFlag {
    /// Configuration file (TOML, YAML or JSON).
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Which database.
#[derive(Clone, Debug, Default, Args)]
#[expect(clippy::struct_field_names, reason = "they are the names of the flags")]
pub(crate) struct DatabaseFlags {
    /// `sqlite` or `postgres`.
    #[arg(long, value_name = "DRIVER")]
    pub(crate) database_driver: Option<String>,
    /// File of the SQLite database.
    #[arg(long, value_name = "FILE")]
    pub(crate) database_path: Option<String>,
    /// Address of the Postgres database.
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
}

/// The flags of `serve`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ServeFlags {
    /// The configuration file.
    #[command(flatten)]
    pub(crate) file: ConfigFlag,
    /// Address to listen on; `:8080` is every interface [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Public address that clients see, where it differs from the one they ask.
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// Folder for the cache, the database and spooled files.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data_dir: Option<String>,
    /// Serve from the cache only; open no connection.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Where artifacts are kept: file:///… or s3://….
    #[arg(long, value_name = "URL")]
    pub(crate) storage_url: Option<String>,
    /// Deprecated: use --storage-url.
    #[arg(long, value_name = "FOLDER", hide = true)]
    pub(crate) storage_path: Option<String>,
    /// The database.
    #[command(flatten)]
    pub(crate) database: DatabaseFlags,
    /// Log level: error, warn, info, debug, trace [default: info].
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
    /// Log format: text or json [default: text].
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
}

impl ServeFlags {
    /// Where the configuration of this command comes from.
    pub(crate) fn origin(self) -> Origin {
        Origin {
            file: self.file.config,
            overrides: Overrides {
                listen: self.listen,
                base_url: self.base_url,
                data_dir: self.data_dir,
                offline: self.offline,
                storage_url: self.storage_url,
                storage_path: self.storage_path,
                database_driver: self.database.database_driver,
                database_path: self.database.database_path,
                database_url: self.database.database_url.map(Secret::new),
                log_level: self.log_level,
                log_format: self.log_format,
            },
        }
    }
}

/// The flags of `run`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunFlags {
    /// The configuration file.
    #[command(flatten)]
    pub(crate) file: ConfigFlag,
    /// Folder for the cache, the database and spooled files.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data_dir: Option<String>,
    /// Serve from the cache only; open no connection.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Show the gateway's own log.
    #[arg(long)]
    pub(crate) verbose: bool,
    /// Show no summary at the end.
    #[arg(long)]
    pub(crate) quiet: bool,
    /// The command and its arguments, after `--`.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

impl RunFlags {
    /// What the command is asked to do.
    pub(crate) fn wanted(self) -> Wanted {
        let overrides =
            Overrides { data_dir: self.data_dir, offline: self.offline, ..Overrides::default() };
        Wanted {
            origin: Origin { file: self.file.config, overrides },
            verbose: self.verbose,
            quiet: self.quiet,
            command: self.command,
        }
    }
}

/// Long flags work with one dash too, as people type them who come from older tools: `-listen`
/// becomes `--listen`. What follows `--` is left alone.
pub(crate) fn two_dashes(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut rest = false;
    args.map(|arg| {
        rest |= arg == "--";
        match arg.to_str() {
            Some(text) if !rest && is_long_with_one_dash(text) => format!("-{text}").into(),
            _ => arg,
        }
    })
    .collect()
}

fn is_long_with_one_dash(text: &str) -> bool {
    let Some(name) = text.strip_prefix('-') else { return false };
    let name = name.split('=').next().unwrap_or(name);
    name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_dash_is_enough_for_long_flags() {
        let args = ["weir", "serve", "-listen", ":1", "-log-level=debug", "-h", "--", "-xyz"];
        let read = two_dashes(args.into_iter().map(OsString::from));
        let expected = ["weir", "serve", "--listen", ":1", "--log-level=debug", "-h", "--", "-xyz"];
        assert_eq!(read, expected);
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}

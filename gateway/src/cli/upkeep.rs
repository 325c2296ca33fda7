//! The commands that keep the store in order.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use weir_cache::Collecting;

use super::ServeFlags;
use crate::commands::upkeep;

/// The flags of `gc`.
#[derive(Clone, Debug, Args)]
pub(crate) struct GcFlags {
    /// Count only; evict and delete nothing.
    #[arg(long)]
    dry_run: bool,
    /// Minutes for which an object without a record is left alone: it may be on its way.
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    grace: u64,
    #[command(flatten)]
    serve: ServeFlags,
}

impl GcFlags {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let how = Collecting { grace: Duration::from_secs(self.grace * 60), dry_run: self.dry_run };
        upkeep::gc(self.serve.origin(), how).await
    }
}

/// The flags of `verify`.
#[derive(Clone, Debug, Args)]
pub(crate) struct VerifyFlags {
    /// Report only; remove nothing.
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    serve: ServeFlags,
}

impl VerifyFlags {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        upkeep::verify(self.serve.origin(), self.keep).await
    }
}

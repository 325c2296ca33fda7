//! `weir stats`: counts of what is stored, read from the catalogue itself.

use anyhow::bail;
use weir_catalog::{Catalog, Driver};
use weir_config::Env;

use crate::commands::serve::Origin;
use crate::{output, settings};

/// What to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// As JSON.
    pub(crate) json: bool,
    /// How many popular packages.
    pub(crate) popular: u64,
    /// How many recent files.
    pub(crate) recent: u64,
}

/// Prints the counts. A gateway may run beside it or not.
pub(crate) async fn stats(origin: Origin, shown: Shown) -> anyhow::Result<()> {
    let loaded = origin.load(&Env::from_process_env())?;
    let database = settings::database(&loaded.config);
    // Opening makes a new file, and counting nothing in a place that was misspelt helps nobody.
    if database.driver == Driver::Sqlite && !database.path.exists() {
        bail!(
            "there is no database at {}: nothing has been cached there; is --database-path or \
             --data-dir that of the gateway?",
            database.path.display()
        );
    }
    let catalog = Catalog::open(&database).await?;
    let stats = catalog.stats(shown.popular, shown.recent).await?;
    catalog.close().await?;
    if shown.json { output::json(&stats) } else { output::result(&stats.to_string()) }
}

//! The catalogue: what is stored, what listings said, and when a thing was first seen.
//!
//! SQLite on one machine and Postgres for several run the same queries. A cached answer touches no
//! table: the catalogue is read on the first answer for a key, and written behind the answers.

mod artifacts;
mod away;
mod connect;
mod documents;
mod entity;
mod error;
mod listed;
mod migrations;
mod refusals;
mod sightings;
mod stats;
#[cfg(test)]
mod tests;
mod upkeep;

use std::sync::Arc;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

pub use artifacts::{ArtifactRow, Hits, Kind};
pub use connect::{DatabaseSettings, Driver};
pub use documents::{DocumentRow, DocumentState, FACTS, ROOTS};
pub use error::CatalogError;
pub use refusals::Refusal;
pub use sightings::{FirstSeen, Sights};
pub use stats::{Popular, Recent, Stats, human_size};
pub use upkeep::{Cursor, Volume};

/// An open catalogue. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    db: DatabaseConnection,
    place: Arc<str>,
    /// SQLite has one writer: waiting in line costs less than trying again and again.
    writer: Option<Arc<tokio::sync::Mutex<()>>>,
}

type Result<T> = std::result::Result<T, CatalogError>;

impl Catalog {
    /// Opens the database, creates it where it is a file that does not exist, and brings its
    /// tables up to date. Several processes may do so at once.
    pub async fn open(settings: &DatabaseSettings) -> Result<Self> {
        let (db, place) = connect::connect(settings).await?;
        let writer = match settings.driver {
            Driver::Sqlite => Some(Arc::default()),
            Driver::Postgres => None,
        };
        let catalog = Self { db, place, writer };
        migrations::run(&catalog.db).await.map_err(|error| catalog.fail("migrate", error))?;
        Ok(catalog)
    }

    /// Proves that the database answers and takes writes.
    pub async fn check(&self) -> Result<()> {
        // A deleted file still takes writes from those who have it open; nobody will read them.
        if self.writer.is_some() && !tokio::fs::try_exists(&*self.place).await.unwrap_or(false) {
            return Err(CatalogError::Missing { place: self.place.to_string() });
        }
        let probe = async {
            let transaction = self.db.begin_with_options(immediate()).await?;
            // Writes nothing, but needs the rights and the lock of a write.
            transaction.execute_unprepared("UPDATE contacts SET at = at WHERE 1 = 0").await?;
            transaction.rollback().await
        };
        probe.await.map_err(|error| self.fail("check", error))
    }

    /// The file or address of the database, without a password.
    pub fn describe(&self) -> &str {
        &self.place
    }

    /// Closes all connections; clones answer with an error from then on.
    pub async fn close(&self) -> Result<()> {
        self.db.clone().close().await.map_err(|error| self.fail("close", error))
    }

    /// Runs statements in one transaction, one writer at a time where the database has but one.
    async fn write<T>(
        &self,
        doing: &'static str,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> std::result::Result<T, sea_orm::DbErr>,
    ) -> Result<T> {
        let _turn = match &self.writer {
            Some(writer) => Some(writer.lock().await),
            None => None,
        };
        let done = async {
            let transaction = self.db.begin_with_options(immediate()).await?;
            let value = work(&transaction).await?;
            transaction.commit().await?;
            Ok(value)
        };
        done.await.map_err(|error| self.fail(doing, error))
    }

    fn fail(&self, doing: &'static str, error: sea_orm::DbErr) -> CatalogError {
        CatalogError::sort(doing, &self.place, error)
    }
}

/// SQLite takes the write lock at the start: a transaction that asks for it half-way is refused
/// at once when somebody else has written meanwhile, however long it is ready to wait.
fn immediate() -> TransactionOptions {
    TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    }
}

/// Rows of one statement: far below what either database takes as parameters.
const BATCH: usize = 500;

//! The history of the tables.

mod m0001_begin;
mod m0002_artifact_digests;
mod m0003_outlines;

use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, Statement, TransactionTrait,
};
use sea_orm_migration::prelude::*;

/// Any number that nothing else in the database uses: "weir" in ASCII.
const ADVISORY_LOCK: i64 = 0x7765_6972;

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_begin::Migration),
            Box::new(m0002_artifact_digests::Migration),
            Box::new(m0003_outlines::Migration),
        ]
    }
}

/// Applies what is missing, in one transaction under a lock: processes that start at once wait
/// for each other, and a failure leaves nothing half-done.
pub(crate) async fn run(db: &DatabaseConnection) -> Result<(), DbErr> {
    let transaction = db.begin_with_options(crate::immediate()).await?;
    if transaction.get_database_backend() == DatabaseBackend::Postgres {
        let lock = format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})");
        transaction.execute_raw(Statement::from_string(DatabaseBackend::Postgres, lock)).await?;
    }
    Migrator::up(&transaction, None).await?;
    transaction.commit().await
}

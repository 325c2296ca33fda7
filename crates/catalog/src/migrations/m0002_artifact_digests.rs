//! Digests of stored files in algorithms besides SHA-256, `algorithm:hex` joined by spaces.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[expect(
    elided_lifetimes_in_paths,
    reason = "async_trait made the trait's lifetimes, named ones differ"
)]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::alter();
        table.table("artifacts").add_column(ColumnDef::new("digests").text());
        manager.alter_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::alter();
        manager.alter_table(table.table("artifacts").drop_column("digests").to_owned()).await
    }
}

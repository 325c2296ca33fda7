//! What a listing last named, so that what is new in the next one is known without the document.

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
        let mut table = Table::create();
        table.table("outlines");
        for name in ["mount", "scope"] {
            table.col(ColumnDef::new(name).text().not_null());
        }
        table.col(ColumnDef::new("entries").blob().not_null());
        table.primary_key(Index::create().col("mount").col("scope"));
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("outlines").to_owned()).await
    }
}

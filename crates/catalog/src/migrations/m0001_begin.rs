//! The first tables.
//!
//! Instants are milliseconds since the Unix epoch, digests `algorithm:hex`. A migration that has
//! been released is never changed: it does not use the entities, which follow the newest tables.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Table, columns that are never null, columns that may be, primary key.
struct Sketch {
    table: &'static str,
    texts: &'static [&'static str],
    numbers: &'static [&'static str],
    nullable_texts: &'static [&'static str],
    nullable_numbers: &'static [&'static str],
    key: &'static [&'static str],
}

const TABLES: [Sketch; 5] = [
    Sketch {
        table: "artifacts",
        texts: &[
            "mount",
            "path",
            "ecosystem",
            "name",
            "version",
            "file",
            "storage_key",
            "sha256",
            "role",
            "kind",
        ],
        numbers: &["size", "created_at", "last_used_at", "hits"],
        nullable_texts: &["promised", "media", "source_host"],
        nullable_numbers: &["available", "authored", "first_seen"],
        key: &["mount", "path"],
    },
    Sketch {
        table: "documents",
        texts: &["mount", "key", "scope", "state", "headers", "url"],
        numbers: &["status", "size", "fetched_at", "validated_at"],
        nullable_texts: &["digest", "media", "etag", "last_modified", "storage_key"],
        nullable_numbers: &[],
        key: &["mount", "key"],
    },
    Sketch {
        table: "contacts",
        texts: &["mount", "scope"],
        numbers: &["at"],
        nullable_texts: &[],
        nullable_numbers: &[],
        key: &["mount", "scope"],
    },
    Sketch {
        table: "first_seen",
        texts: &["mount", "name", "version", "file"],
        numbers: &["at"],
        nullable_texts: &[],
        nullable_numbers: &[],
        key: &["mount", "name", "version", "file"],
    },
    Sketch {
        table: "listed_files",
        texts: &["mount", "name", "version", "file"],
        numbers: &["recorded_at"],
        nullable_texts: &["digest"],
        nullable_numbers: &["published"],
        key: &["mount", "name", "version", "file"],
    },
];

const INDEXES: [(&str, &[&str]); 7] = [
    ("artifacts", &["mount", "name"]),
    ("artifacts", &["ecosystem", "name", "version"]),
    ("artifacts", &["kind", "last_used_at"]),
    ("artifacts", &["created_at"]),
    ("artifacts", &["storage_key"]),
    ("listed_files", &["mount", "digest"]),
    ("listed_files", &["mount", "file"]),
];

#[expect(
    elided_lifetimes_in_paths,
    reason = "async_trait made the trait's lifetimes, named ones differ"
)]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for sketch in &TABLES {
            manager.create_table(sketch.statement()).await?;
        }
        manager.create_table(refusals()).await?;
        for (table, columns) in INDEXES {
            manager.create_index(index(table, columns)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("refusals").to_owned()).await?;
        for sketch in &TABLES {
            manager.drop_table(Table::drop().table(sketch.table).to_owned()).await?;
        }
        Ok(())
    }
}

impl Sketch {
    fn statement(&self) -> TableCreateStatement {
        let mut table = Table::create();
        table.table(self.table);
        for name in self.texts {
            table.col(ColumnDef::new(*name).text().not_null());
        }
        for name in self.numbers {
            table.col(ColumnDef::new(*name).big_integer().not_null());
        }
        for name in self.nullable_texts {
            table.col(ColumnDef::new(*name).text());
        }
        for name in self.nullable_numbers {
            table.col(ColumnDef::new(*name).big_integer());
        }
        let mut key = Index::create();
        for name in self.key {
            key.col(*name);
        }
        table.primary_key(&mut key).to_owned()
    }
}

fn refusals() -> TableCreateStatement {
    Table::create()
        .table("refusals")
        .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
        .col(ColumnDef::new("at").big_integer().not_null())
        .col(ColumnDef::new("mount").text().not_null())
        .col(ColumnDef::new("purl").text())
        .col(ColumnDef::new("code").text().not_null())
        .col(ColumnDef::new("rule").text())
        .col(ColumnDef::new("sentence").text().not_null())
        .col(ColumnDef::new("count").big_integer().not_null())
        .to_owned()
}

fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("{table}_by_{}", columns.join("_"))).table(table);
    for name in columns {
        index.col(*name);
    }
    index
}

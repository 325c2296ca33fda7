//! What upkeep asks: how much there is, page by page what there is, and which objects of the
//! storage are still named.

use std::collections::HashSet;

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};
use weir_core::Timestamp;

use crate::entity::{artifact, document};
use crate::{ArtifactRow, BATCH, Catalog, DocumentRow, DocumentState, FACTS, Kind, ROOTS, Result};

/// How much is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Stored files.
    pub artifacts: u64,
    /// Their length in bytes; an object that several share counts once.
    pub artifact_bytes: u64,
    /// Stored documents.
    pub documents: u64,
    /// Their length in bytes.
    pub document_bytes: u64,
}

impl Volume {
    /// The length of everything, in bytes.
    pub fn bytes(&self) -> u64 {
        self.artifact_bytes + self.document_bytes
    }
}

/// The place of a row in the order of mount and path (or key): a page begins after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    mount: String,
    key: String,
}

impl Cursor {
    /// The place of a file.
    pub fn of_artifact(row: &ArtifactRow) -> Self {
        Self { mount: row.mount.clone(), key: row.path.clone() }
    }

    /// The place of a document.
    pub fn of_document(row: &DocumentRow) -> Self {
        Self { mount: row.mount.clone(), key: row.key.clone() }
    }

    /// Rows that come later.
    fn after<C: ColumnTrait>(&self, mount: C, key: C) -> Condition {
        let same = Condition::all().add(mount.eq(&self.mount)).add(key.gt(&self.key));
        Condition::any().add(mount.gt(&self.mount)).add(same)
    }
}

// Both databases read this. A sum of BIGINT is NUMERIC in Postgres, hence the casts.
const VOLUME: &str = "SELECT
    (SELECT COUNT(*) FROM artifacts) AS artifacts,
    (SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT)
        FROM (SELECT MAX(size) AS size FROM artifacts GROUP BY storage_key) AS o)
        AS artifact_bytes,
    (SELECT COUNT(*) FROM documents WHERE storage_key IS NOT NULL) AS documents,
    (SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM documents) AS document_bytes";

#[derive(FromQueryResult)]
struct VolumeRow {
    artifacts: i64,
    artifact_bytes: i64,
    documents: i64,
    document_bytes: i64,
}

impl Catalog {
    /// How much is stored.
    pub async fn volume(&self) -> Result<Volume> {
        let statement = Statement::from_string(self.db.get_database_backend(), VOLUME);
        let row = VolumeRow::find_by_statement(statement).one(&self.db).await;
        let row = row.map_err(|error| self.fail("measure what is stored", error))?;
        Ok(row.map_or_else(Volume::default, |row| Volume {
            artifacts: row.artifacts as u64,
            artifact_bytes: row.artifact_bytes as u64,
            documents: row.documents as u64,
            document_bytes: row.document_bytes as u64,
        }))
    }

    /// A page of all files, in the order of mount and path.
    pub async fn artifacts_after(&self, cursor: &Cursor, limit: u64) -> Result<Vec<ArtifactRow>> {
        use artifact::{Column, Entity};
        let query = Entity::find()
            .filter(cursor.after(Column::Mount, Column::Path))
            .order_by_asc(Column::Mount)
            .order_by_asc(Column::Path)
            .limit(limit);
        let found = query.all(&self.db).await;
        self.artifact_rows(found.map_err(|error| self.fail("read all files", error))?)
    }

    /// A page of all documents, in the order of mount and key.
    pub async fn documents_after(&self, cursor: &Cursor, limit: u64) -> Result<Vec<DocumentRow>> {
        use document::{Column, Entity};
        let query = Entity::find()
            .filter(cursor.after(Column::Mount, Column::Key))
            .order_by_asc(Column::Mount)
            .order_by_asc(Column::Key)
            .limit(limit);
        let found = query.all(&self.db).await;
        self.document_rows(found.map_err(|error| self.fail("read all documents", error))?)
    }

    /// The stored documents that upstream has not confirmed for longest, oldest first. With
    /// `before`, only those last confirmed before that instant.
    ///
    /// Nobody confirms what was read from an index, and files are found by it: it is left out as
    /// long as a root of its mount is there.
    pub async fn least_recently_validated(
        &self,
        before: Option<Timestamp>,
        limit: u64,
    ) -> Result<Vec<DocumentRow>> {
        use document::{Column, Entity};
        let rooted = Query::select()
            .column(Column::Mount)
            .from(Entity)
            .and_where(Column::Scope.eq(ROOTS))
            .and_where(Column::StorageKey.is_not_null())
            .to_owned();
        let free = Condition::any()
            .add(Column::Scope.ne(FACTS))
            .add(Column::Mount.not_in_subquery(rooted));
        let mut query = Entity::find().filter(Column::StorageKey.is_not_null()).filter(free);
        if let Some(before) = before {
            query = query.filter(Column::ValidatedAt.lt(before.as_millis()));
        }
        let query = query.order_by_asc(Column::ValidatedAt).limit(limit);
        let found = query.all(&self.db).await;
        self.document_rows(found.map_err(|error| self.fail("look for unused documents", error))?)
    }

    /// Removes the record of a cached file unless it was used again or replaced since the row was
    /// read.
    pub async fn retire_artifact(&self, row: &ArtifactRow) -> Result<bool> {
        use artifact::{Column, Entity};
        self.write("retire a file", async |db| {
            let delete = Entity::delete_many()
                .filter(Column::Mount.eq(&row.mount))
                .filter(Column::Path.eq(&row.path))
                .filter(Column::Kind.eq(Kind::Cached.as_str()))
                .filter(Column::LastUsedAt.eq(row.last_used_at.as_millis()));
            Ok(delete.exec(db).await?.rows_affected > 0)
        })
        .await
    }

    /// Removes the record of a document unless it was confirmed again or replaced since the row
    /// was read.
    pub async fn retire_document(&self, row: &DocumentRow) -> Result<bool> {
        use document::{Column, Entity};
        self.write("retire a document", async |db| {
            let delete = Entity::delete_many()
                .filter(Column::Mount.eq(&row.mount))
                .filter(Column::Key.eq(&row.key))
                .filter(Column::ValidatedAt.eq(row.validated_at.as_millis()));
            Ok(delete.exec(db).await?.rows_affected > 0)
        })
        .await
    }

    /// Notes that the bytes of a document are gone, unless it was confirmed again or replaced since the
    /// row was read. That there was such a document is remembered.
    pub async fn lose_document(&self, row: &DocumentRow) -> Result<bool> {
        use document::{Column, Entity};
        self.write("note a lost document", async |db| {
            let update = Entity::update_many()
                .col_expr(Column::StorageKey, Expr::value(Option::<String>::None))
                .col_expr(Column::Size, Expr::value(0_i64))
                .filter(Column::Mount.eq(&row.mount))
                .filter(Column::Key.eq(&row.key))
                .filter(Column::StorageKey.is_not_null())
                .filter(Column::ValidatedAt.eq(row.validated_at.as_millis()));
            Ok(update.exec(db).await?.rows_affected > 0)
        })
        .await
    }

    /// Forgets that upstream has no such document: of what was last asked before an instant, and of all
    /// but the latest `keep`. Clients may ask for as many names as they like.
    pub async fn forget_absences(&self, before: Option<Timestamp>, keep: u64) -> Result<u64> {
        use document::{Column, Entity};
        let absent = Column::State.eq(DocumentState::Absent.as_str());
        let oldest: Option<i64> = Entity::find()
            .select_only()
            .column(Column::ValidatedAt)
            .filter(absent.clone())
            .order_by_desc(Column::ValidatedAt)
            .offset(keep)
            .limit(1)
            .into_tuple()
            .one(&self.db)
            .await
            .map_err(|error| self.fail("look for old absences", error))?;
        let first = oldest.map(|last| last.saturating_add(1));
        let Some(first) = first.max(before.map(Timestamp::as_millis)) else { return Ok(0) };
        self.write("forget old absences", async |db| {
            let delete = Entity::delete_many().filter(absent).filter(Column::ValidatedAt.lt(first));
            Ok(delete.exec(db).await?.rows_affected)
        })
        .await
    }

    /// Which of these objects of the storage some record names.
    pub async fn named(&self, storage_keys: &[String]) -> Result<HashSet<String>> {
        let mut named = HashSet::new();
        for batch in storage_keys.chunks(BATCH) {
            let doing = "look for names of objects";
            let files: Vec<String> = artifact::Entity::find()
                .select_only()
                .column(artifact::Column::StorageKey)
                .filter(artifact::Column::StorageKey.is_in(batch))
                .into_tuple()
                .all(&self.db)
                .await
                .map_err(|error| self.fail(doing, error))?;
            let documents: Vec<String> = document::Entity::find()
                .select_only()
                .column(document::Column::StorageKey)
                .filter(document::Column::StorageKey.is_in(batch))
                .into_tuple()
                .all(&self.db)
                .await
                .map_err(|error| self.fail(doing, error))?;
            named.extend(files.into_iter().chain(documents));
        }
        Ok(named)
    }
}

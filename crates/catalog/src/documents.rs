//! Fetched documents, and the absence of some.

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use weir_core::{Digest, Timestamp};

use crate::entity::document::{Column, Entity, Model};
use crate::{Catalog, Result};

/// The scope of documents that name others by hash.
pub const ROOTS: &str = "~root";
/// The scope of tables of what an index says of its files.
pub const FACTS: &str = "~facts";

/// A document as it was last fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRow {
    /// The mount; with `key`, its identity.
    pub mount: String,
    /// What was asked for: origin, path, method and `Accept`, in the caller's spelling.
    pub key: String,
    /// The package or index that it is about.
    pub scope: String,
    /// Whether there is one.
    pub state: DocumentState,
    /// The SHA-256 of the decoded bytes; `None` when absent.
    pub digest: Option<Digest>,
    /// The HTTP status of the last answer.
    pub status: u16,
    /// The media type.
    pub media: Option<String>,
    /// Headers that are kept, as the caller's JSON.
    pub headers: String,
    /// Where it was found, after redirects.
    pub url: String,
    /// The upstream's `ETag`.
    pub etag: Option<String>,
    /// The upstream's `Last-Modified`, as given.
    pub last_modified: Option<String>,
    /// The length of the decoded bytes.
    pub size: u64,
    /// Where the bytes are in the storage; `None` when absent.
    pub storage_key: Option<String>,
    /// When these bytes (or the absence) were fetched.
    pub fetched_at: Timestamp,
    /// When upstream last said that they are current.
    pub validated_at: Timestamp,
}

/// Whether upstream has a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentState {
    /// It has.
    Present,
    /// It answered that there is none.
    Absent,
}

impl DocumentState {
    /// The word in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Absent => "absent",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Present, Self::Absent].into_iter().find(|state| state.as_str() == text)
    }
}

impl Catalog {
    /// The document of a key.
    pub async fn document(&self, mount: &str, key: &str) -> Result<Option<DocumentRow>> {
        let id = (mount.to_owned(), key.to_owned());
        let found = Entity::find_by_id(id).one(&self.db).await;
        found
            .map_err(|error| self.fail("look up a document", error))?
            .map(|model| self.document_row(model))
            .transpose()
    }

    /// All documents about a scope, by key.
    pub async fn documents_of(&self, mount: &str, scope: &str) -> Result<Vec<DocumentRow>> {
        let query = Entity::find()
            .filter(Column::Mount.eq(mount))
            .filter(Column::Scope.eq(scope))
            .order_by_asc(Column::Key);
        let found = query.all(&self.db).await;
        self.document_rows(found.map_err(|error| self.fail("look up documents", error))?)
    }

    /// All documents whose keys begin with this text, the latest fetched first.
    pub async fn documents_under(&self, mount: &str, prefix: &str) -> Result<Vec<DocumentRow>> {
        // Below the first text that is behind all of them: `LIKE` has wildcards of its own.
        let end = format!("{prefix}\u{10FFFF}");
        let query = Entity::find()
            .filter(Column::Mount.eq(mount))
            .filter(Column::Key.gte(prefix))
            .filter(Column::Key.lt(end))
            .order_by_desc(Column::FetchedAt);
        let found = query.all(&self.db).await;
        let models = found.map_err(|error| self.fail("look up documents", error))?;
        let begins = |model: &Model| model.key.starts_with(prefix);
        models.into_iter().filter(begins).map(|model| self.document_row(model)).collect()
    }

    /// Records documents in place of earlier ones, all or none of them.
    pub async fn put_documents(&self, rows: &[DocumentRow]) -> Result<()> {
        let mut conflict = OnConflict::columns([Column::Mount, Column::Key]);
        conflict.update_columns(REPLACED);
        self.write("record a document", async |db| {
            for row in rows {
                let insert = Entity::insert(model(row).into_active_model());
                insert.on_conflict(conflict.clone()).exec_without_returning(db).await?;
            }
            Ok(())
        })
        .await
    }

    /// Notes that upstream said that a document is current; false when it has no record. An
    /// earlier instant than the recorded one changes nothing.
    pub async fn touch_document(&self, mount: &str, key: &str, at: Timestamp) -> Result<bool> {
        let at = at.as_millis();
        let later = Expr::case(Expr::col(Column::ValidatedAt).lt(at), at)
            .finally(Expr::col(Column::ValidatedAt));
        self.write("validate a document", async |db| {
            let update = Entity::update_many()
                .col_expr(Column::ValidatedAt, later.into())
                .filter(Column::Mount.eq(mount))
                .filter(Column::Key.eq(key));
            Ok(update.exec(db).await?.rows_affected > 0)
        })
        .await
    }

    /// Removes the record of a document; false when there was none.
    pub async fn forget_document(&self, mount: &str, key: &str) -> Result<bool> {
        let id = (mount.to_owned(), key.to_owned());
        self.write("forget a document", async |db| {
            Ok(Entity::delete_by_id(id).exec(db).await?.rows_affected > 0)
        })
        .await
    }

    pub(crate) fn document_rows(&self, models: Vec<Model>) -> Result<Vec<DocumentRow>> {
        models.into_iter().map(|model| self.document_row(model)).collect()
    }

    fn document_row(&self, model: Model) -> Result<DocumentRow> {
        Ok(DocumentRow {
            state: DocumentState::read(&model.state)
                .ok_or_else(|| self.unreadable("documents.state", &model.state))?,
            digest: self.optional_digest("documents.digest", model.digest.as_deref())?,
            mount: model.mount,
            key: model.key,
            scope: model.scope,
            status: u16::try_from(model.status)
                .map_err(|_| self.unreadable("documents.status", &model.status.to_string()))?,
            media: model.media,
            headers: model.headers,
            url: model.url,
            etag: model.etag,
            last_modified: model.last_modified,
            size: model.size as u64,
            storage_key: model.storage_key,
            fetched_at: Timestamp::from_millis(model.fetched_at),
            validated_at: Timestamp::from_millis(model.validated_at),
        })
    }
}

/// The columns that a new record replaces: all but the key.
const REPLACED: [Column; 13] = [
    Column::Scope,
    Column::State,
    Column::Headers,
    Column::Url,
    Column::Status,
    Column::Size,
    Column::FetchedAt,
    Column::ValidatedAt,
    Column::Digest,
    Column::Media,
    Column::Etag,
    Column::LastModified,
    Column::StorageKey,
];

fn model(row: &DocumentRow) -> Model {
    Model {
        mount: row.mount.clone(),
        key: row.key.clone(),
        scope: row.scope.clone(),
        state: row.state.as_str().to_owned(),
        headers: row.headers.clone(),
        url: row.url.clone(),
        status: i64::from(row.status),
        size: row.size as i64,
        fetched_at: row.fetched_at.as_millis(),
        validated_at: row.validated_at.as_millis(),
        digest: row.digest.as_ref().map(ToString::to_string),
        media: row.media.clone(),
        etag: row.etag.clone(),
        last_modified: row.last_modified.clone(),
        storage_key: row.storage_key.clone(),
    }
}

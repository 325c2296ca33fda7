//! A row of the catalogue whose bytes are in the store: upkeep treats files and documents alike.

use weir_catalog::{ArtifactRow, Cursor, DocumentRow, ROOTS};
use weir_core::{Digest, Timestamp};
use weir_storage::Key;

use super::Upkeep;
use crate::CacheError;

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// Files.
    Artifacts,
    /// Listings and other documents.
    Documents,
}

impl Table {
    /// Files go before documents: a listing is small, and the memory of which versions are new
    /// depends on it.
    pub(super) const ALL: [Self; 2] = [Self::Artifacts, Self::Documents];
}

/// A row of either table.
#[derive(Clone, Debug)]
pub(super) enum Record {
    Artifact(ArtifactRow),
    Document(DocumentRow),
}

impl Record {
    /// Its mount, and its path or key there.
    pub(super) fn place(&self) -> (&str, &str) {
        match self {
            Self::Artifact(row) => (&row.mount, &row.path),
            Self::Document(row) => (&row.mount, &row.key),
        }
    }

    /// Where a page that begins after this row begins.
    pub(super) fn cursor(&self) -> Cursor {
        match self {
            Self::Artifact(row) => Cursor::of_artifact(row),
            Self::Document(row) => Cursor::of_document(row),
        }
    }

    /// The object with its bytes; a document that says that upstream has nothing has none.
    pub(super) fn storage_key(&self) -> Option<&str> {
        match self {
            Self::Artifact(row) => Some(&row.storage_key),
            Self::Document(row) => row.storage_key.as_deref(),
        }
    }

    /// The length of its bytes.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Artifact(row) => row.size,
            Self::Document(row) => row.size,
        }
    }

    /// The digest of its bytes.
    pub(super) fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Artifact(row) => Some(&row.sha256),
            Self::Document(row) => row.digest.as_ref(),
        }
    }

    /// Whether another row of the same place stands for the same bytes, though it may have been
    /// used or confirmed since.
    fn is_still(&self, now: &Self) -> bool {
        self.storage_key() == now.storage_key()
            && match (self, now) {
                (Self::Artifact(then), Self::Artifact(now)) => then.created_at == now.created_at,
                (Self::Document(then), Self::Document(now)) => then.fetched_at == now.fetched_at,
                _ => false,
            }
    }
}

impl Upkeep {
    /// A page of a table, in the order of mount and path.
    pub(super) async fn page_after(
        &self,
        table: Table,
        cursor: &Cursor,
        rows: u64,
    ) -> Result<Vec<Record>, CacheError> {
        Ok(match table {
            Table::Artifacts => records(self.catalog.artifacts_after(cursor, rows).await?),
            Table::Documents => records(self.catalog.documents_after(cursor, rows).await?),
        })
    }

    /// What was used least recently, with `before` only what was last used before that instant.
    pub(super) async fn least_used(
        &self,
        table: Table,
        before: Option<Timestamp>,
        rows: u64,
    ) -> Result<Vec<Record>, CacheError> {
        let catalog = &self.catalog;
        Ok(match table {
            Table::Artifacts => records(catalog.least_recently_used(before, rows).await?),
            Table::Documents => records(catalog.least_recently_validated(before, rows).await?),
        })
    }

    /// The record as it is now, if it still stands for the same bytes.
    pub(super) async fn reread(&self, record: &Record) -> Result<Option<Record>, CacheError> {
        let (mount, place) = record.place();
        let now = match record {
            Record::Artifact(_) => self.catalog.artifact(mount, place).await?.map(Record::from),
            Record::Document(_) => self.catalog.document(mount, place).await?.map(Record::from),
        };
        Ok(now.filter(|now| record.is_still(now)))
    }

    /// Removes a record that was not used or confirmed since it was read, and its bytes if nobody
    /// else names them. What is being read or committed stays. Returns the number of bytes that
    /// this freed; `None` when it stays.
    pub(super) async fn retire(&self, record: &Record) -> Result<Option<u64>, CacheError> {
        let Some(Ok(key)) = record.storage_key().map(Key::parse) else { return Ok(None) };
        let uses = match record {
            Record::Artifact(_) => self.artifacts.remove(&key),
            Record::Document(_) => self.documents.remove(&key),
        };
        let Some(_removal) = uses else { return Ok(None) };
        let retired = match record {
            Record::Artifact(row) => self.catalog.retire_artifact(row).await?,
            // Package files of which nothing else is known are found by the roots that there were.
            Record::Document(row) if row.scope == ROOTS => self.catalog.lose_document(row).await?,
            Record::Document(row) => self.catalog.retire_document(row).await?,
        };
        if !retired {
            return Ok(None);
        }
        self.forget(record);
        // Row first, then bytes: a crash between the two leaves an orphan, not a false promise.
        if self.catalog.users_of(&key.to_string()).await? > 0 {
            return Ok(Some(0));
        }
        self.storage.delete(&key).await?;
        Ok(Some(record.size()))
    }

    /// Drops what is held of it in memory.
    fn forget(&self, record: &Record) {
        let (mount, place) = record.place();
        match record {
            Record::Artifact(_) => self.artifacts.drop_entry(mount, place),
            Record::Document(_) => self.documents.drop_held(mount, place),
        }
    }
}

fn records<R: Into<Record>>(rows: Vec<R>) -> Vec<Record> {
    rows.into_iter().map(Into::into).collect()
}

impl From<ArtifactRow> for Record {
    fn from(row: ArtifactRow) -> Self {
        Self::Artifact(row)
    }
}

impl From<DocumentRow> for Record {
    fn from(row: DocumentRow) -> Self {
        Self::Document(row)
    }
}

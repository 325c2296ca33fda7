//! Upkeep of what is stored: eviction of what is used least, collection of what nobody names, and
//! the search for bytes that have changed.
//!
//! Upkeep opens bytes only to hash them; they never become an answer.

mod collect;
mod evict;
mod verify;

use std::fmt;
use std::sync::Arc;

use weir_catalog::{ArtifactRow, Catalog, DocumentRow};
use weir_core::{Clock, Timestamp};
use weir_storage::{Key, Storage};

use crate::{Artifacts, CacheError, Documents};

pub use collect::{Collected, Collecting};
pub use evict::{Evicted, Retention};
pub use verify::{Fault, FaultKind, Scrub, Verified};

/// Rows or objects that are looked at in one step.
const PAGE: u64 = 500;

/// The upkeep of one store and its catalogue. Several processes may do it at once.
#[derive(Clone)]
pub struct Upkeep {
    storage: Arc<dyn Storage>,
    catalog: Catalog,
    clock: Arc<dyn Clock>,
    artifacts: Artifacts,
    documents: Documents,
}

impl Upkeep {
    /// The upkeep of what these two keep.
    pub fn new(artifacts: Artifacts, documents: Documents) -> Self {
        let (storage, catalog, clock) = artifacts.parts();
        Self { storage, catalog, clock, artifacts, documents }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Removes a file that nobody is reading and that was not used since its row was read.
    /// Returns the number of bytes that this freed; `None` when it stays.
    async fn retire_artifact(&self, row: &ArtifactRow) -> Result<Option<u64>, CacheError> {
        let Ok(key) = Key::parse(&row.storage_key) else { return Ok(None) };
        let Some(_removal) = self.artifacts.remove(&key) else { return Ok(None) };
        if !self.catalog.retire_artifact(row).await? {
            return Ok(None);
        }
        self.artifacts.drop_entry(&row.mount, &row.path).await;
        // Row first, then bytes: a crash between the two leaves an orphan, not a false promise.
        if self.catalog.users_of(&row.storage_key).await? > 0 {
            return Ok(Some(0));
        }
        self.storage.delete(&key).await?;
        Ok(Some(row.size))
    }

    /// Removes a document that was not confirmed since its row was read.
    async fn retire_document(&self, row: &DocumentRow) -> Result<Option<u64>, CacheError> {
        let key = row.storage_key.as_deref().and_then(|key| Key::parse(key).ok());
        let Some(key) = key else { return Ok(None) };
        let Some(_removal) = self.documents.remove(&key) else { return Ok(None) };
        if !self.catalog.retire_document(row).await? {
            return Ok(None);
        }
        self.documents.drop_held(&row.mount, &row.key).await;
        self.storage.delete(&key).await?;
        Ok(Some(row.size))
    }
}

impl fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upkeep").field("storage", &self.storage.describe()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! Upkeep of what is stored: eviction of what is used least, collection of what nobody names, and
//! the search for bytes that have changed.
//!
//! Upkeep opens bytes only to hash them; they never become an answer.

mod collect;
mod evict;
mod record;
mod verify;

use std::fmt;
use std::sync::Arc;

use weir_catalog::Catalog;
use weir_core::{Clock, Timestamp};
use weir_storage::Storage;

use crate::{Artifacts, Documents};

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
}

impl fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upkeep").field("storage", &self.storage.describe()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

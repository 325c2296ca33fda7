//! Eviction: what has not been used for longest goes first.

use std::time::Duration;

use weir_core::Timestamp;

use super::record::Table;
use super::{PAGE, Upkeep};
use crate::CacheError;

/// The part of `max_size` that eviction frees beyond what it must, so that it does not run after
/// every file.
const SLACK: u64 = 20;

/// So many absent documents are remembered, those that were asked for last. A row of the database each.
const ABSENCES: u64 = 100_000;

/// How much and how long is kept. Without either, everything stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// The most bytes of files and documents.
    pub max_size: Option<u64>,
    /// How long something stays that nobody uses.
    pub max_age: Option<Duration>,
}

/// What an eviction removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// Files.
    pub artifacts: u64,
    /// Documents.
    pub documents: u64,
    /// Bytes that were freed.
    pub bytes: u64,
}

impl Upkeep {
    /// Removes what is older than `max_age`, then what was used least recently until everything
    /// together is below `max_size`. What is being read stays, and so does what was uploaded. Of
    /// absent documents the latest are remembered, in any case.
    pub async fn evict(&self, retention: &Retention) -> Result<Evicted, CacheError> {
        let mut evicted = Evicted::default();
        let before = retention.max_age.map(|age| self.now().minus(age));
        self.catalog.forget_absences(before, ABSENCES).await?;
        if *retention == Retention::default() {
            return Ok(evicted);
        }
        // What was just served must not look unused.
        self.artifacts.flush_hits().await?;
        if before.is_some() {
            for table in Table::ALL {
                while self.evict_page(table, before, u64::MAX, &mut evicted).await? > 0 {}
            }
        }
        if let Some(max) = retention.max_size {
            self.shrink(max, &mut evicted).await?;
        }
        self.artifacts.volume_changed();
        Ok(evicted)
    }

    /// Whether so much has been stored since the last look that `max_size` may be exceeded.
    pub async fn is_over(&self, max_size: u64) -> Result<bool, CacheError> {
        if let Some(known) = self.artifacts.known_volume() {
            return Ok(known > max_size);
        }
        let volume = self.catalog.volume().await?;
        self.artifacts.note_volume(volume.bytes());
        Ok(volume.bytes() > max_size)
    }

    async fn shrink(&self, max: u64, evicted: &mut Evicted) -> Result<(), CacheError> {
        let aim = max - max / SLACK;
        let mut volume = self.catalog.volume().await?;
        if volume.bytes() <= max {
            return Ok(());
        }
        while volume.bytes() > aim {
            let over = volume.bytes() - aim;
            let mut removed = self.evict_page(Table::Artifacts, None, over, evicted).await?;
            if removed == 0 && (volume.document_bytes > max || self.has_no_files().await?) {
                removed = self.evict_page(Table::Documents, None, over, evicted).await?;
            }
            if removed == 0 {
                tracing::warn!(
                    max_size = max,
                    bytes = volume.bytes(),
                    "more is in use than storage.max_size allows; nothing else can be evicted"
                );
                break;
            }
            volume = self.catalog.volume().await?;
        }
        Ok(())
    }

    /// Whether no file is left to go. Files that are only in use just now are no reason to forget the
    /// listings, by which the next ones are found.
    async fn has_no_files(&self) -> Result<bool, CacheError> {
        Ok(self.least_used(Table::Artifacts, None, 1).await?.is_empty())
    }

    /// Removes what was used least of one page until this many bytes are free; returns how many
    /// rows went.
    async fn evict_page(
        &self,
        table: Table,
        before: Option<Timestamp>,
        bytes: u64,
        evicted: &mut Evicted,
    ) -> Result<u64, CacheError> {
        let (mut removed, mut freed) = (0, 0);
        for record in self.least_used(table, before, PAGE).await? {
            if freed >= bytes {
                break;
            }
            let Some(size) = self.retire(&record).await? else { continue };
            let (mount, path) = record.place();
            tracing::debug!(mount, path, size, "evicted");
            removed += 1;
            freed += size;
        }
        *match table {
            Table::Artifacts => &mut evicted.artifacts,
            Table::Documents => &mut evicted.documents,
        } += removed;
        evicted.bytes += freed;
        Ok(removed)
    }
}

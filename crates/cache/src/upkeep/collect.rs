//! Collection: objects of the store that no record names are deleted.

use std::time::Duration;

use futures_util::StreamExt as _;
use weir_core::Timestamp;
use weir_storage::{Key, Stored};

use super::{PAGE, Upkeep};
use crate::CacheError;

/// How objects without a record are collected.
#[derive(Clone, Copy, Debug)]
pub struct Collecting {
    /// How old an object must be. Bytes are committed before their record is written, maybe by
    /// another process: what is younger may get its record yet.
    pub grace: Duration,
    /// Count only; delete nothing.
    pub dry_run: bool,
}

impl Default for Collecting {
    fn default() -> Self {
        Self { grace: Duration::from_hours(1), dry_run: false }
    }
}

/// What a collection has seen and done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Objects that were looked at.
    pub seen: u64,
    /// Objects without a record, and what was left half-way.
    pub orphans: u64,
    /// Their length in bytes.
    pub bytes: u64,
    /// Objects without a record that are younger than the grace time, and stay.
    pub young: u64,
}

impl Upkeep {
    /// Deletes the objects that no record names. `progress` is called after each page.
    pub async fn collect(
        &self,
        how: Collecting,
        mut progress: impl FnMut(&Collected),
    ) -> Result<Collected, CacheError> {
        let mut collected = Collected::default();
        let before = self.now().minus(how.grace);
        let mut pages = self.storage.list("").chunks(PAGE as usize);
        while let Some(page) = pages.next().await {
            let page = page.into_iter().collect::<Result<Vec<Stored>, _>>()?;
            collected.seen += page.len() as u64;
            for orphan in self.unnamed(page).await? {
                self.orphan(&orphan, before, how.dry_run, &mut collected).await?;
            }
            progress(&collected);
        }
        if !how.dry_run {
            collected.orphans += self.storage.sweep(before).await?;
        }
        Ok(collected)
    }

    async fn unnamed(&self, page: Vec<Stored>) -> Result<Vec<Stored>, CacheError> {
        let keys: Vec<String> = page.iter().map(|object| object.key.to_string()).collect();
        let named = self.catalog.named(&keys).await?;
        Ok(page.into_iter().filter(|object| !named.contains(object.key.as_str())).collect())
    }

    async fn orphan(
        &self,
        object: &Stored,
        before: Timestamp,
        dry_run: bool,
        collected: &mut Collected,
    ) -> Result<(), CacheError> {
        if object.modified > before {
            collected.young += 1;
            return Ok(());
        }
        if !dry_run && !self.delete_unnamed(&object.key).await? {
            return Ok(());
        }
        tracing::debug!(key = %object.key, size = object.size, "nobody names this object");
        collected.orphans += 1;
        collected.bytes += object.size;
        Ok(())
    }

    /// Deletes an object unless it has got a name meanwhile.
    async fn delete_unnamed(&self, key: &Key) -> Result<bool, CacheError> {
        let (Some(_artifact), Some(_document)) =
            (self.artifacts.remove(key), self.documents.remove(key))
        else {
            return Ok(false);
        };
        if !self.catalog.named(&[key.to_string()]).await?.is_empty() {
            return Ok(false);
        }
        Ok(self.storage.delete(key).await?)
    }
}

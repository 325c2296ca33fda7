//! The store with a stopwatch: each operation is told to the observer.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use weir_cache::{Artifacts, CacheError, Trouble};
use weir_core::Timestamp;
use weir_pipeline::Observer;
use weir_storage::{Key, Opened, Spool, Spools, Storage, StorageError, Stored};

/// What is done with bytes: on the store, on the way to it (`spool`), and when they are read
/// (`read`) or hashed once more (`verify`).
pub(crate) const OPERATIONS: [&str; 9] =
    ["check", "commit", "delete", "list", "open", "read", "spool", "sweep", "verify"];

/// Has what happens to bytes beside the store's own operations told too.
pub(crate) fn tell_of(artifacts: &Artifacts, observer: Arc<dyn Observer>) {
    artifacts.on_trouble(move |trouble| match trouble {
        Trouble::Read(_) | Trouble::Changed => observer.storage("read", 0.0, true),
        Trouble::Transfer(ecosystem, error) => {
            if let Some(word) = unusable(error) {
                observer.unusable(ecosystem, word);
            }
        }
    });
}

/// Spools whose faults are told.
pub(crate) fn spools(spools: Spools, observer: Arc<dyn Observer>) -> Spools {
    spools.counting(move || observer.storage("spool", 0.0, true))
}

/// In which way upstream sent something else than was promised. What broke has been told already.
fn unusable(error: &CacheError) -> Option<&'static str> {
    match error {
        CacheError::WrongLength { .. } => Some("length"),
        CacheError::WrongDigest { .. } | CacheError::Unhashable { .. } => Some("digest"),
        CacheError::TooLarge { .. } => Some("too_large"),
        _ => None,
    }
}

/// A store whose operations are measured.
#[derive(Debug)]
pub(crate) struct Measured {
    inner: Arc<dyn Storage>,
    observer: Arc<dyn Observer>,
}

impl Measured {
    /// Measures this store.
    pub(crate) fn new(inner: Arc<dyn Storage>, observer: Arc<dyn Observer>) -> Self {
        Self { inner, observer }
    }

    async fn timed<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        let started = Instant::now();
        let result = work.await;
        self.observer.storage(operation, started.elapsed().as_secs_f64(), result.is_err());
        result
    }
}

/// A listing that is read, until it is dropped.
struct Listing {
    observer: Arc<dyn Observer>,
    started: Instant,
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.observer.storage("list", self.started.elapsed().as_secs_f64(), false);
    }
}

#[async_trait]
impl Storage for Measured {
    async fn commit(&self, key: &Key, spool: Spool) -> Result<u64, StorageError> {
        self.timed("commit", self.inner.commit(key, spool)).await
    }

    async fn open(&self, key: &Key) -> Result<Option<Opened>, StorageError> {
        self.timed("open", self.inner.open(key)).await
    }

    async fn delete(&self, key: &Key) -> Result<bool, StorageError> {
        self.timed("delete", self.inner.delete(key)).await
    }

    fn list(&self, prefix: &str) -> BoxStream<'static, Result<Stored, StorageError>> {
        let listing = Listing { observer: Arc::clone(&self.observer), started: Instant::now() };
        let told = move |item: &Result<Stored, StorageError>| {
            if item.is_err() {
                listing.observer.storage("list", listing.started.elapsed().as_secs_f64(), true);
            }
        };
        self.inner.list(prefix).inspect(told).boxed()
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StorageError> {
        self.timed("sweep", self.inner.sweep(before)).await
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.timed("check", self.inner.check()).await
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

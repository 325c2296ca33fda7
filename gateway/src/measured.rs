//! The store with a stopwatch: each operation is told to the observer.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use weir_core::Timestamp;
use weir_pipeline::Observer;
use weir_storage::{Key, Opened, Spool, Storage, StorageError, Stored};

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
        let observer = Arc::clone(&self.observer);
        let told = move |item: &Result<Stored, StorageError>| {
            if item.is_err() {
                observer.storage("list", 0.0, true);
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

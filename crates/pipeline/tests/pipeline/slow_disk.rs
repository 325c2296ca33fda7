//! A store that stands still: who waits for it, and who does not.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use http_body_util::BodyExt as _;
use tokio::sync::watch;
use weir_storage::{Key, Opened, Spool, Storage, StorageError, Stored};
use weir_testkit::origin::{NpmStyle, Origin, Package, npm_registry};

use crate::harness::{Gateway, setup};

/// Longer than anything here takes when it does not wait for the store.
const LIMIT: Duration = Duration::from_mins(1);
const LISTING: &str = "/npm/demo";
const SMALL: &str = "/npm/demo/-/demo-1.0.0.tgz";

/// Whether a store stands still.
#[derive(Clone, Debug)]
pub(crate) struct Disk(Arc<watch::Sender<bool>>);

impl Disk {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// The store, which stands still when it is told to.
    pub(crate) fn under(&self, storage: Arc<dyn Storage>) -> Arc<dyn Storage> {
        Arc::new(Held { storage, disk: self.clone() })
    }

    fn hold(&self, holds: bool) {
        self.0.send_replace(holds);
    }

    async fn turn(&self) {
        let mut held = self.0.subscribe();
        held.wait_for(|held| !held).await.unwrap();
    }
}

#[derive(Debug)]
struct Held {
    storage: Arc<dyn Storage>,
    disk: Disk,
}

#[async_trait]
impl Storage for Held {
    async fn commit(&self, key: &Key, spool: Spool) -> Result<u64, StorageError> {
        self.disk.turn().await;
        self.storage.commit(key, spool).await
    }

    async fn open(&self, key: &Key) -> Result<Option<Opened>, StorageError> {
        self.disk.turn().await;
        self.storage.open(key).await
    }

    async fn delete(&self, key: &Key) -> Result<bool, StorageError> {
        self.disk.turn().await;
        self.storage.delete(key).await
    }

    fn list(&self, prefix: &str) -> BoxStream<'static, Result<Stored, StorageError>> {
        self.storage.list(prefix)
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.disk.turn().await;
        self.storage.check().await
    }

    fn describe(&self) -> String {
        self.storage.describe()
    }
}

/// A gateway before a registry with a package, and its file.
async fn slow() -> (Gateway, Origin, Bytes) {
    let origin = Origin::start().await;
    let demo = Package::new("demo").release("1.0.0", "2025-01-01T00:00:00Z");
    let files = npm_registry(&origin, &[demo], &NpmStyle::default());
    (setup().npm(&origin).open().await, origin, files[0].bytes.clone())
}

/// Waits until an answer comes from memory: the same bytes twice, while both are looked at.
async fn held(gateway: &Gateway, path: &str) {
    let first = async || {
        let mut body = gateway.send("GET", path, &[]).await.into_body();
        body.frame().await.unwrap().unwrap().into_data().unwrap()
    };
    for _ in 0..1000 {
        let (one, two) = (first().await, first().await);
        if one.as_ptr() == two.as_ptr() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{path} is not held in memory");
}

#[tokio::test]
async fn what_is_held_in_memory_does_not_wait_for_the_disk() {
    let (gateway, origin, small) = slow().await;
    for path in [LISTING, SMALL] {
        assert!(gateway.get(path).await.is(200));
        held(&gateway, path).await;
    }
    gateway.setup.disk.hold(true);
    let asking = async {
        for _ in 0..10 {
            assert!(gateway.get(LISTING).await.is(200));
            assert_eq!(gateway.get(SMALL).await.body, small);
        }
    };
    tokio::time::timeout(LIMIT, asking).await.unwrap();
    assert_eq!(origin.count("demo/-/demo-1.0.0.tgz"), 1);
}

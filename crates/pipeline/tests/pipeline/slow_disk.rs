//! A store that stands still: who waits for it, and who does not.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use http_body_util::BodyExt as _;
use tokio::sync::watch;
use weir_storage::{Key, Opened, Spool, Storage, StorageError, Stored};
use weir_testkit::origin::{NpmStyle, Origin, Package, PackageRelease, npm_registry};

use crate::harness::{Gateway, read, setup};

/// Longer than anything here takes when it does not wait for the store.
const LIMIT: Duration = Duration::from_mins(1);
const LISTING: &str = "/npm/demo";
const SMALL: &str = "/npm/demo/-/demo-1.0.0.tgz";
const LARGE: &str = "/npm/demo/-/demo-2.0.0.tgz";

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

/// A gateway before a registry with a small and a large file; what they have. What the files are judged
/// by is here already.
async fn slow() -> (Gateway, Origin, [Bytes; 2]) {
    let origin = Origin::start().await;
    let old = "2025-01-01T00:00:00Z";
    let large = |release| PackageRelease { ballast: 3 << 20, ..release };
    let demo = Package::new("demo").release("1.0.0", old).release_with("2.0.0", old, large);
    let files = npm_registry(&origin, &[demo], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    for path in [SMALL, LARGE] {
        assert!(gateway.ask("HEAD", path, &[]).await.is(200));
    }
    let [small, large] = [0, 1].map(|at: usize| files[at].bytes.clone());
    (gateway, origin, [small, large])
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
    let (gateway, origin, [small, _]) = slow().await;
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
    assert_eq!(origin.count("demo/-/demo-1.0.0.tgz"), 2, "one HEAD, one GET");
}

#[tokio::test]
async fn a_slow_commit_holds_back_the_last_part_of_its_own_file_alone() {
    let (gateway, origin, [small, large]) = slow().await;
    assert!(gateway.get(SMALL).await.is(200));
    held(&gateway, SMALL).await;
    gateway.setup.disk.hold(true);
    let mut bodies = Vec::new();
    for _ in 0..3 {
        let response = tokio::time::timeout(LIMIT, gateway.send("GET", LARGE, &[])).await.unwrap();
        bodies.push(response);
    }
    for response in &mut bodies {
        let first = tokio::time::timeout(LIMIT, response.body_mut().frame()).await.unwrap();
        let first = first.unwrap().unwrap().into_data().unwrap();
        assert!(large.starts_with(&first) && first.len() < large.len());
    }
    let other = tokio::time::timeout(LIMIT, gateway.get(SMALL)).await.unwrap();
    assert_eq!(other.body, small, "others go on");
    let rest = bodies.into_iter().map(|body| tokio::spawn(read(body))).collect::<Vec<_>>();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(rest.iter().all(|rest| !rest.is_finished()), "nothing is whole before it is stored");
    gateway.setup.disk.hold(false);
    for rest in rest {
        let rest = rest.await.unwrap();
        assert!(rest.broken.is_none() && large.ends_with(&rest.body));
    }
    assert_eq!(origin.count("demo/-/demo-2.0.0.tgz"), 2, "one HEAD, one GET");
}

#[tokio::test]
async fn a_client_that_does_not_wait_for_the_disk_leaves_the_file_to_be_stored() {
    let (gateway, origin, [_, large]) = slow().await;
    gateway.get(SMALL).await;
    gateway.setup.disk.hold(true);
    let mut body = gateway.send("GET", LARGE, &[]).await.into_body();
    tokio::time::timeout(LIMIT, body.frame()).await.unwrap().unwrap().unwrap();
    drop(body);
    gateway.setup.disk.hold(false);
    assert_eq!(gateway.get(LARGE).await.body, large);
    assert_eq!(origin.count("demo/-/demo-2.0.0.tgz"), 2, "one HEAD, one GET");
}

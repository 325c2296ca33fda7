//! What the tests of this crate share: a folder with a store and a catalogue, a clock that is set by
//! hand, and the proof that policy admitted something.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use weir_catalog::{Catalog, DatabaseSettings};
use weir_core::{Clock, Coordinates, Role, Scheme, Timestamp};
use weir_policy::{Admitted, EcosystemInfo, Facts, MountInfo, Policy, PolicySettings};
use weir_storage::{Files, Key, Spools, Storage, StorageSettings};

use crate::{
    Acquired, ArtifactSettings, Artifacts, CacheError, Documents, Entry, Promise, Upkeep, Wanted,
};

#[derive(Debug, Default)]
pub(crate) struct Watch(AtomicI64);

impl Watch {
    pub(crate) fn set(&self, at: Timestamp) {
        self.0.store(at.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A data folder that outlives what is opened in it.
pub(crate) struct Kept {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) clock: Arc<Watch>,
}

/// What one process has open.
pub(crate) struct Open {
    pub(crate) catalog: Catalog,
    pub(crate) artifacts: Artifacts,
    pub(crate) documents: Documents,
    pub(crate) upkeep: Upkeep,
}

impl Kept {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: Arc::default() }
    }

    pub(crate) async fn open(&self) -> Open {
        self.open_with(ArtifactSettings { hot_artifact: 0, ..ArtifactSettings::default() }).await
    }

    pub(crate) async fn open_with(&self, held: ArtifactSettings) -> Open {
        let settings = StorageSettings::default();
        let storage: Arc<dyn Storage> = Arc::new(Files::open(&self.objects(), &settings).unwrap());
        let spools = Spools::open(self.folder.path(), &settings).unwrap();
        let database = DatabaseSettings::sqlite(self.folder.path().join("weir.db"));
        let catalog = Catalog::open(&database).await.unwrap();
        let clock: Arc<dyn Clock> = self.clock.clone();
        let artifacts = Artifacts::new(
            Arc::clone(&storage),
            catalog.clone(),
            spools.clone(),
            Arc::clone(&clock),
            held,
        );
        let documents = Documents::new(storage, catalog.clone(), spools, clock, 1 << 20);
        let upkeep = Upkeep::new(artifacts.clone(), documents.clone());
        Open { catalog, artifacts, documents, upkeep }
    }

    pub(crate) fn objects(&self) -> PathBuf {
        self.folder.path().join("objects")
    }

    /// The files of the store.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.objects()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        files
    }
}

/// The proof that policy admitted some release.
pub(crate) fn admitted() -> Admitted {
    let npm = EcosystemInfo { id: "npm", purl_type: "npm", scheme: Scheme::Npm };
    let policy = Policy::new(PolicySettings::default(), &[npm]).unwrap();
    let mount =
        MountInfo { id: "npm", mount: "npm", purl_type: "npm", scheme: Scheme::Npm, marks: false };
    let lens = policy.lens(&mount, Timestamp::EPOCH);
    policy.admit(&lens, &Facts::new("a", "1.0.0")).unwrap().0
}

/// A file of 100 bytes.
pub(crate) fn wanted(name: &str) -> Wanted {
    let file = format!("{name}-1.0.0.tgz");
    Wanted {
        ecosystem: "npm",
        mount: "npm".into(),
        path: format!("{name}/-/{file}").into(),
        release: Coordinates::new(name, "1.0.0"),
        key: Key::from_parts(["npm", name, "1.0.0", &file]),
        file: file.into(),
        role: Role::Package,
        available: None,
        authored: None,
        first_seen: None,
    }
}

/// Its bytes.
pub(crate) fn content(name: &str) -> Bytes {
    Bytes::from(format!("{name:>100}"))
}

/// Stores a file.
pub(crate) async fn store(open: &Open, wanted: Wanted, content: Bytes) -> Arc<Entry> {
    let promise =
        Promise { length: None, digests: Vec::new(), wanted: Vec::new(), limit: u64::MAX };
    let ask = async move {
        let source = stream::iter([Ok::<_, Infallible>(content)]);
        Ok::<_, Arc<CacheError>>((promise, Box::from("text/plain"), source))
    };
    match open.artifacts.acquire(wanted, ask).await.unwrap() {
        Acquired::Stored(entry) => entry,
        Acquired::Filling(fill) => fill.finished().await.unwrap(),
    }
}

/// The whole of a stored file, as a client gets it.
pub(crate) async fn read(open: &Open, entry: &Arc<Entry>) -> Result<Vec<u8>, CacheError> {
    let mut body = open.artifacts.open(admitted(), entry, 0..entry.size).await?;
    let mut all = Vec::new();
    while let Some(chunk) = body.next().await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}

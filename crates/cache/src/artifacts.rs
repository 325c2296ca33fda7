//! Artifacts: found in memory, else in the catalogue, else filled once from upstream.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::{FutureExt as _, Stream};
use tracing::Instrument as _;
use weir_catalog::{ArtifactRow, Catalog, Hits};
use weir_core::{Clock, Coordinates, Digest, Role, Timestamp};
use weir_policy::Admitted;
use weir_storage::{Key, Opened, Spools, Storage};

use crate::fill::{Fill, Leader, Promise, Verified};
use crate::room::Room;
use crate::trouble::{Counting, Trouble};
use crate::uses::{Removal, Use, Uses};
use crate::{Body, CacheError, Entry, Flights, Memory, Of, checked};

/// Bounds on what is held in memory.
#[derive(Clone, Copy, Debug)]
pub struct ArtifactSettings {
    /// Number of artifacts whose catalogue row is remembered.
    pub entries: usize,
    /// Bytes of hot artifacts held in memory, in all.
    pub hot_bytes: u64,
    /// The largest artifact that is held in memory, in bytes.
    pub hot_artifact: u64,
}

impl Default for ArtifactSettings {
    fn default() -> Self {
        Self { entries: 100_000, hot_bytes: 48 << 20, hot_artifact: 16 << 20 }
    }
}

/// An artifact that is wanted but not stored.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Ecosystem id.
    pub ecosystem: &'static str,
    /// Mount name.
    pub mount: Arc<str>,
    /// Canonical path of the target.
    pub path: Box<str>,
    /// The release that it belongs to.
    pub release: Coordinates,
    /// Its file name.
    pub file: Box<str>,
    /// Whether it is the package.
    pub role: Role,
    /// Where its bytes will be.
    pub key: Key,
    /// When the registry made it available.
    pub available: Option<Timestamp>,
    /// When its author says that it was made.
    pub authored: Option<Timestamp>,
    /// When this gateway first saw it, where that matters; `Timestamp::MIN` when it was there at
    /// first contact.
    pub first_seen: Option<Timestamp>,
}

/// What [`Artifacts::acquire`] comes back with.
#[derive(Clone, Debug)]
pub enum Acquired {
    /// It is stored.
    Stored(Arc<Entry>),
    /// It is on its way.
    Filling(Fill),
}

/// Stored bytes that another path's record names. They stay for as long as this value lives.
#[derive(Debug)]
pub struct Kept {
    row: ArtifactRow,
    _using: Use,
}

type EntryKey = (Arc<str>, Box<str>);
/// Absent files that are remembered.
const ABSENT: usize = 10_000;
/// What an artifact mostly weighs, in bytes.
const HOT: u64 = 64 << 10;
/// A failure of the caller's own type, shared by all who waited.
type Reason = Arc<dyn Any + Send + Sync>;

/// The artifacts of all mounts.
#[derive(Clone)]
pub struct Artifacts {
    inner: Arc<Inner>,
}

struct Inner {
    storage: Arc<dyn Storage>,
    catalog: Catalog,
    spools: Spools,
    clock: Arc<dyn Clock>,
    settings: ArtifactSettings,
    entries: Memory<EntryKey, Arc<Entry>>,
    hot: Memory<EntryKey, Bytes>,
    room: Arc<Room>,
    /// Transfers that are being asked for.
    begins: Flights<EntryKey, Result<Acquired, Reason>>,
    /// Transfers whose bytes arrive.
    fills: Mutex<HashMap<EntryKey, Fill>>,
    /// Files that upstream lists and does not serve, and since when.
    absent: Memory<EntryKey, Timestamp>,
    touched: Mutex<Vec<Arc<Entry>>>,
    warming: Flights<EntryKey, ()>,
    uses: Uses,
    counting: Counting,
    /// Bytes in the store as far as this process knows; `None` when it should look again.
    volume: Mutex<Option<u64>>,
}

impl Artifacts {
    /// Joins a store, a catalogue and a spool folder.
    pub fn new(
        storage: Arc<dyn Storage>,
        catalog: Catalog,
        spools: Spools,
        clock: Arc<dyn Clock>,
        settings: ArtifactSettings,
    ) -> Self {
        let hot = Memory::weighing(settings.hot_bytes, HOT, |bytes: &Bytes| bytes.len() as u64);
        Self {
            inner: Arc::new(Inner {
                storage,
                catalog,
                spools,
                clock,
                settings,
                entries: Memory::of(settings.entries),
                hot,
                room: Room::new(settings.hot_bytes.saturating_mul(2)),
                begins: Flights::new(),
                fills: Mutex::default(),
                absent: Memory::of(ABSENT),
                touched: Mutex::default(),
                warming: Flights::new(),
                uses: Uses::default(),
                counting: Counting::default(),
                volume: Mutex::default(),
            }),
        }
    }

    /// Has trouble counted. The first to ask is heard.
    pub fn on_trouble(&self, counting: impl Fn(Trouble<'_>) + Send + Sync + 'static) {
        self.inner.counting.begin(counting);
    }

    /// The stored artifact at a path, if there is one. Memory first; the first answer for a path
    /// since start reads the catalogue.
    pub async fn entry(
        &self,
        mount: &Arc<str>,
        path: &str,
    ) -> Result<Option<Arc<Entry>>, CacheError> {
        match self.inner.entries.get(&Of(mount, path)) {
            Some(entry) => Ok(Some(entry)),
            // Boxed: what is known should not carry the weight of what is not.
            None => self.recorded((Arc::clone(mount), path.into())).boxed().await,
        }
    }

    async fn recorded(&self, key: EntryKey) -> Result<Option<Arc<Entry>>, CacheError> {
        let (mount, path) = &key;
        let Some(row) = self.inner.catalog.artifact(mount, path).await? else { return Ok(None) };
        let Some(entry) = Entry::from_row(row, Arc::clone(mount)).map(Arc::new) else {
            return Ok(None);
        };
        self.inner.entries.put(key, Arc::clone(&entry));
        Ok(Some(entry))
    }

    /// Joins the transfer of an artifact, or starts it with `ask`, which asks upstream and comes
    /// back with what was promised and the bytes. A failure of `ask` is shared by all who waited.
    /// Asking and transfer go on when the caller leaves.
    pub async fn acquire<A, S, F, E>(&self, wanted: Wanted, ask: A) -> Result<Acquired, E>
    where
        A: Future<Output = Result<(Promise, Box<str>, S), E>> + Send + 'static,
        S: Stream<Item = Result<Bytes, F>> + Send + Unpin + 'static,
        F: fmt::Display + Send + 'static,
        E: From<CacheError> + Clone + Send + Sync + 'static,
    {
        let key: EntryKey = (Arc::clone(&wanted.mount), wanted.path.clone());
        if let Some(fill) = self.inner.under_way(&key) {
            return Ok(Acquired::Filling(fill));
        }
        let inner = Arc::clone(&self.inner);
        let begin = || async move {
            inner.begin(wanted, ask).await.map_err(|error: E| -> Reason { Arc::new(error) })
        };
        match self.inner.begins.join(key, begin).await {
            Some(Ok(acquired)) => Ok(acquired),
            Some(Err(reason)) => Err(match reason.downcast_ref::<E>() {
                Some(error) => error.clone(),
                None => CacheError::Abandoned.into(),
            }),
            None => Err(CacheError::Abandoned.into()),
        }
    }

    /// Whole bytes that are stored under the wanted key already, for another path.
    pub async fn kept(&self, wanted: &Wanted) -> Result<Option<Kept>, CacheError> {
        let key = wanted.key.to_string();
        let using = self.inner.uses.begin(&wanted.key).await;
        let Some(row) = self.inner.catalog.artifact_with_key(&key).await? else { return Ok(None) };
        let opened = self.inner.storage.open(&wanted.key).await?;
        let whole = opened.is_some_and(|opened| opened.size == row.size);
        Ok(whole.then_some(Kept { row, _using: using }))
    }

    /// Records that kept bytes are the wanted artifact's too.
    pub async fn share(&self, wanted: &Wanted, kept: Kept) -> Result<Arc<Entry>, CacheError> {
        let now = self.inner.clock.now();
        let row = ArtifactRow {
            ecosystem: wanted.ecosystem.to_owned(),
            mount: wanted.mount.to_string(),
            path: wanted.path.to_string(),
            name: wanted.release.name.to_string(),
            version: wanted.release.version.to_string(),
            file: wanted.file.to_string(),
            available: wanted.available,
            authored: wanted.authored,
            first_seen: wanted.first_seen,
            role: wanted.role,
            created_at: now,
            last_used_at: now,
            hits: 0,
            ..kept.row
        };
        self.inner.catalog.put_artifact(&row).await?;
        let mount = Arc::clone(&wanted.mount);
        let entry = Entry::from_row(row, mount).map(Arc::new).ok_or(CacheError::Abandoned)?;
        let key: EntryKey = (Arc::clone(&wanted.mount), wanted.path.clone());
        self.inner.entries.put(key, Arc::clone(&entry));
        Ok(entry)
    }

    /// Remembers that upstream does not serve a file.
    pub fn note_absent(&self, mount: &Arc<str>, path: &str) {
        let key: EntryKey = (Arc::clone(mount), path.into());
        self.inner.absent.put(key, self.inner.clock.now());
    }

    /// Since when upstream is known not to serve a file.
    pub fn absent_since(&self, mount: &Arc<str>, path: &str) -> Option<Timestamp> {
        self.inner.absent.get(&Of(mount, path))
    }

    /// Opens a range of a stored artifact for a client. Consumes the proof that policy admitted
    /// it.
    pub async fn open(
        &self,
        admitted: Admitted,
        entry: &Arc<Entry>,
        range: Range<u64>,
    ) -> Result<Body, CacheError> {
        let _ = admitted;
        self.count(entry);
        if let Some(bytes) = self.inner.hot.get(&Of(&entry.mount, &entry.path)) {
            return Ok(Body::held(bytes.slice(range.start as usize..range.end as usize)));
        }
        // Boxed: what is hot should not carry the weight of what is not.
        self.open_stored(entry, range).boxed().await
    }

    async fn open_stored(&self, entry: &Arc<Entry>, range: Range<u64>) -> Result<Body, CacheError> {
        let using = self.inner.uses.begin(&entry.key).await;
        let opened = self.inner.storage.open(&entry.key).await?;
        let whole = |opened: &Opened| opened.size == entry.size && !entry.is_changed();
        let Some(opened) = opened.filter(whole) else {
            self.forget(entry).await?;
            return Err(CacheError::Missing { key: entry.key.to_string() });
        };
        let known = entry.is_checked(opened.stamp());
        let hash = !known && checked::on_the_way(entry, &range);
        if !known
            && !hash
            && let Err(error) = checked::check(entry, &opened).await
        {
            if matches!(error, CacheError::Changed { .. }) {
                self.condemn(entry).await;
            }
            return Err(error);
        }
        self.warm(entry);
        let bytes = checked::guarded(self, entry, opened, range, hash);
        let inner = Arc::clone(&self.inner);
        let chunks = futures_util::StreamExt::map(bytes, move |chunk| {
            // In use for as long as the stream lives.
            let _ = &using;
            if let Err(error) = &chunk {
                inner.counting.tell(Trouble::Read(error));
            }
            chunk
        });
        Ok(Body::new(chunks))
    }

    /// Reports a stored file that has changed, and has the next request fetch it again.
    pub(crate) async fn condemn(&self, entry: &Entry) {
        let (mount, key) = (&entry.mount, &entry.key);
        tracing::error!(%mount, %key, "a stored file has changed; it is fetched again");
        self.inner.counting.tell(Trouble::Changed);
        if let Err(error) = self.forget(entry).await {
            tracing::warn!(%mount, %key, %error, "its record was not removed");
        }
    }

    /// Drops the record of an artifact whose bytes are gone; the next request fetches it again. What
    /// another request has fetched meanwhile stays.
    pub async fn forget(&self, entry: &Entry) -> Result<(), CacheError> {
        self.drop_entry(&entry.mount, &entry.path);
        let Entry { mount, path, stored_at, .. } = entry;
        self.inner.catalog.forget_artifact(mount, path, *stored_at).await?;
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn room(&self) -> &Arc<Room> {
        &self.inner.room
    }

    /// What upkeep works on.
    pub(crate) fn parts(&self) -> (Arc<dyn Storage>, Catalog, Arc<dyn Clock>) {
        let inner = &self.inner;
        (Arc::clone(&inner.storage), inner.catalog.clone(), Arc::clone(&inner.clock))
    }

    /// Drops what is held in memory of an artifact.
    pub(crate) fn drop_entry(&self, mount: &str, path: &str) {
        self.inner.entries.forget(&Of(mount, path));
        self.inner.hot.forget(&Of(mount, path));
    }

    /// Begins the removal of an object, unless it is being read for a client or committed.
    pub(crate) fn remove(&self, key: &Key) -> Option<Removal> {
        self.inner.uses.remove(key)
    }

    /// The bytes in the store as far as this process knows.
    pub(crate) fn known_volume(&self) -> Option<u64> {
        *self.inner.volume()
    }

    /// The store was measured; what this process adds is counted from here on.
    pub(crate) fn note_volume(&self, bytes: u64) {
        *self.inner.volume() = Some(bytes);
    }

    /// The store has to be measured again.
    pub(crate) fn volume_changed(&self) {
        *self.inner.volume() = None;
    }

    /// Writes the hits counted since the last call to the catalogue, in one transaction. When that
    /// fails they are kept for the next call.
    pub async fn flush_hits(&self) -> Result<(), CacheError> {
        let touched = std::mem::take(&mut *self.inner.touched());
        let last_used = self.inner.clock.now();
        let hits: Vec<Hits> = touched
            .iter()
            .map(|entry| Hits {
                mount: entry.mount.to_string(),
                path: entry.path.to_string(),
                count: entry.take_hits(),
                last_used,
            })
            .collect();
        if hits.is_empty() {
            return Ok(());
        }
        let counted = self.inner.catalog.count_hits(&hits).await;
        if counted.is_err() {
            for (entry, hits) in touched.iter().zip(&hits) {
                if entry.give_back(hits.count) {
                    self.inner.touched().push(Arc::clone(entry));
                }
            }
        }
        Ok(counted?)
    }

    fn count(&self, entry: &Arc<Entry>) {
        if entry.hit() {
            self.inner.touched().push(Arc::clone(entry));
        }
    }

    /// Reads a small artifact into memory beside its first hit, so that later ones find it there.
    fn warm(&self, entry: &Arc<Entry>) {
        let inner = &self.inner;
        if entry.size > inner.settings.hot_artifact || !inner.hot.takes(entry.size) {
            return;
        }
        let key: EntryKey = (Arc::clone(&entry.mount), entry.path.clone());
        let (task, entry) = (Arc::clone(inner), Arc::clone(entry));
        inner.warming.start(key.clone(), || async move {
            let Some(place) = task.room.take(entry.size) else { return };
            let Ok(Some(opened)) = task.storage.open(&entry.key).await else { return };
            if let Ok(bytes) = opened.all(entry.size).await
                && is_stored(&entry, &bytes).await
            {
                task.hot.put(key.clone(), place.hold(bytes));
                // What was replaced meanwhile must not come back.
                let now = task.entries.get(&key);
                if !now.is_some_and(|now| Arc::ptr_eq(&now, &entry)) {
                    task.hot.forget(&key);
                }
            }
        });
    }
}

/// Whether bytes are what was stored. Hashed off the reactor: they may be many.
async fn is_stored(entry: &Arc<Entry>, bytes: &Bytes) -> bool {
    let (entry, bytes) = (Arc::clone(entry), bytes.clone());
    let hash = move || {
        let found = Digest::of(entry.sha256.algorithm(), &bytes);
        bytes.len() as u64 == entry.size && found == entry.sha256
    };
    tokio::task::spawn_blocking(hash).await.unwrap_or(false)
}

impl fmt::Debug for Artifacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Artifacts")
            .field("entries", &self.inner.entries.count())
            .finish_non_exhaustive()
    }
}

/// Takes a transfer off the list however it ends.
struct UnderWay {
    inner: Arc<Inner>,
    key: EntryKey,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.inner.fills().remove(&self.key);
    }
}

impl Inner {
    fn fills(&self) -> MutexGuard<'_, HashMap<EntryKey, Fill>> {
        self.fills.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touched(&self) -> MutexGuard<'_, Vec<Arc<Entry>>> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn volume(&self) -> MutexGuard<'_, Option<u64>> {
        self.volume.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self, key: &EntryKey) -> Option<Fill> {
        self.fills().get(key).cloned()
    }

    /// Begins a transfer. Runs once at a time for each key.
    async fn begin<A, S, F, E>(self: Arc<Self>, wanted: Wanted, ask: A) -> Result<Acquired, E>
    where
        A: Future<Output = Result<(Promise, Box<str>, S), E>>,
        S: Stream<Item = Result<Bytes, F>> + Send + Unpin + 'static,
        F: fmt::Display + Send + 'static,
        E: From<CacheError>,
    {
        let key: EntryKey = (Arc::clone(&wanted.mount), wanted.path.clone());
        // A transfer that began or ended since the caller looked must not start again.
        if let Some(fill) = self.under_way(&key) {
            return Ok(Acquired::Filling(fill));
        }
        if let Some(entry) = self.entries.get(&key) {
            return Ok(Acquired::Stored(entry));
        }
        let (promise, media, source) = ask.await?;
        let spool = self.spools.create().await.map_err(CacheError::from)?;
        let (fill, leader) = Fill::begin(spool, promise, media.clone());
        self.fills().insert(key.clone(), fill.clone());
        let under_way = UnderWay { inner: self, key };
        let work = async move { under_way.lead(leader, source, wanted, media).await };
        // Part of the trace of the request that began it.
        tokio::spawn(work.in_current_span());
        Ok(Acquired::Filling(fill))
    }

    /// Bytes first, then the row: a row never points at bytes that are not there.
    async fn commit(
        &self,
        wanted: Wanted,
        verified: Verified,
        row: ArtifactRow,
    ) -> Result<Arc<Entry>, CacheError> {
        let _using = self.uses.begin(&wanted.key).await;
        let size = self.storage.commit(&wanted.key, verified.spool).await?;
        self.catalog.put_artifact(&row).await?;
        if let Some(volume) = self.volume().as_mut() {
            *volume += size;
        }
        Entry::from_row(row, wanted.mount).map(Arc::new).ok_or(CacheError::Abandoned)
    }
}

impl UnderWay {
    /// Runs a transfer to its end, in a task of its own: it goes on when clients leave.
    async fn lead<S, F>(self, leader: Leader, source: S, wanted: Wanted, media: Box<str>)
    where
        S: Stream<Item = Result<Bytes, F>> + Send + Unpin,
        F: fmt::Display,
    {
        let promised = leader.promised();
        let (ending, result) = leader.receive(source).await.split();
        let (inner, key) = (&self.inner, &self.key);
        if let Err(error) = &result {
            inner.counting.tell(Trouble::Transfer(wanted.ecosystem, error));
        }
        let result = match result {
            Ok(verified) => {
                let row = row(&wanted, &verified, promised, media, inner.clock.now());
                inner.commit(wanted, verified, row).await
            }
            Err(error) => Err(error),
        };
        let result = result.map_err(|error| {
            tracing::warn!(mount = %key.0, path = %key.1, %error, "transfer not stored");
            Arc::new(error)
        });
        if let Ok(entry) = &result {
            inner.entries.put(key.clone(), Arc::clone(entry));
        }
        // Whoever hears of the end finds the entry, or begins anew.
        drop(self);
        ending.tell(result);
    }
}

fn row(
    wanted: &Wanted,
    verified: &Verified,
    promised: Option<Digest>,
    media: Box<str>,
    now: Timestamp,
) -> ArtifactRow {
    ArtifactRow {
        ecosystem: wanted.ecosystem.to_owned(),
        mount: wanted.mount.to_string(),
        path: wanted.path.to_string(),
        name: wanted.release.name.to_string(),
        version: wanted.release.version.to_string(),
        file: wanted.file.to_string(),
        storage_key: wanted.key.to_string(),
        size: verified.size,
        sha256: verified.sha256.clone(),
        promised,
        digests: verified.digests.clone(),
        media: Some(media.into()),
        source_host: None,
        available: wanted.available,
        authored: wanted.authored,
        first_seen: wanted.first_seen,
        role: wanted.role,
        kind: weir_catalog::Kind::Cached,
        created_at: now,
        last_used_at: now,
        hits: 0,
    }
}

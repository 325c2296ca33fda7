//! A stored artifact as the cache holds it in memory.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::{HeaderMap, HeaderValue};
use weir_core::{Algorithm, Coordinates, Digest, Purl, Role, Timestamp};
use weir_policy::Decision;
use weir_storage::{Key, Stamp};

/// A stored artifact: whole, verified, and with the facts that policy judges it by.
#[derive(Debug)]
pub struct Entry {
    /// The mount whose artifact it is.
    pub mount: Arc<str>,
    /// The canonical path of its target.
    pub path: Box<str>,
    /// The release that it belongs to.
    pub release: Coordinates,
    /// Its file name.
    pub file: Box<str>,
    /// Whether it is the package.
    pub role: Role,
    /// Where its bytes are.
    pub key: Key,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// What the registry promised.
    pub promised: Option<Digest>,
    /// Digests of its bytes in further algorithms.
    pub digests: Vec<Digest>,
    /// Upstream's media type.
    pub media: Box<str>,
    /// When the registry made it available.
    pub available: Option<Timestamp>,
    /// When its author says that it was made.
    pub authored: Option<Timestamp>,
    /// When this gateway first saw it, where that matters; `Timestamp::MIN` when it was there at
    /// first contact.
    pub first_seen: Option<Timestamp>,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// The entity tag with its quotes, as every answer has it.
    tag: HeaderValue,
    subject: OnceLock<Purl>,
    headers: OnceLock<HeaderMap>,
    confirmed: AtomicI64,
    decision: Mutex<Option<Decision>>,
    hits: AtomicU64,
    queued: AtomicBool,
    /// The file that was last found to be what was stored.
    checked: Mutex<Option<Checked>>,
    /// Whether the file was found to be something else than what was stored.
    changed: AtomicBool,
}

/// A file that was compared with its digest, where the storage tells files apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Checked(Option<Stamp>);

impl Entry {
    pub(crate) fn from_row(row: weir_catalog::ArtifactRow, mount: Arc<str>) -> Option<Self> {
        let promised = row.promised.as_ref().filter(|digest| digest.algorithm().is_streamed());
        let tag = format!("\"{}\"", promised.unwrap_or(&row.sha256).hex());
        Some(Self {
            tag: HeaderValue::try_from(tag).ok()?,
            subject: OnceLock::new(),
            headers: OnceLock::new(),
            mount,
            path: row.path.into(),
            release: Coordinates::new(row.name, row.version),
            file: row.file.into(),
            role: row.role,
            key: Key::parse(&row.storage_key).ok()?,
            size: row.size,
            sha256: row.sha256,
            promised: row.promised,
            digests: row.digests,
            media: row.media.unwrap_or_default().into(),
            available: row.available,
            authored: row.authored,
            first_seen: row.first_seen,
            stored_at: row.created_at,
            confirmed: AtomicI64::new(row.created_at.as_millis()),
            decision: Mutex::new(None),
            hits: AtomicU64::new(0),
            queued: AtomicBool::new(false),
            checked: Mutex::default(),
            changed: AtomicBool::new(false),
        })
    }

    /// The strong entity tag with its quotes: the promised digest where it tells bytes apart, else
    /// our own. The same on a miss and on a hit.
    pub fn quoted_etag(&self) -> &HeaderValue {
        &self.tag
    }

    /// The package that it belongs to, as whoever served it first found.
    pub fn subject(&self, find: impl FnOnce() -> Purl) -> Purl {
        self.subject.get_or_init(find).clone()
    }

    /// The headers that tell of it, as whoever served it first made them.
    pub fn headers(&self, make: impl FnOnce() -> HeaderMap) -> &HeaderMap {
        self.headers.get_or_init(make)
    }

    /// The digest in this algorithm, where it is known.
    pub fn digest(&self, algorithm: Algorithm) -> Option<&Digest> {
        let known = [Some(&self.sha256), self.promised.as_ref()];
        let mut known = known.into_iter().flatten().chain(&self.digests);
        known.find(|digest| digest.algorithm() == algorithm)
    }

    /// When it was last found to be what upstream has.
    pub fn confirmed_at(&self) -> Timestamp {
        Timestamp::from_millis(self.confirmed.load(Ordering::Relaxed))
    }

    /// Notes that upstream still has these bytes.
    pub fn confirm(&self, now: Timestamp) {
        self.confirmed.store(now.as_millis(), Ordering::Relaxed);
    }

    /// Whether a file with this stamp was found to be what was stored, by this process.
    pub(crate) fn is_checked(&self, stamp: Option<Stamp>) -> bool {
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) == Some(Checked(stamp))
    }

    /// Whether its file is not what was stored any more.
    pub(crate) fn is_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// Its file is not what was stored any more.
    pub(crate) fn note_changed(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// A file with this stamp is what was stored.
    pub(crate) fn note_checked(&self, stamp: Option<Stamp>) {
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Checked(stamp));
    }

    /// The decision of the last judgement.
    pub fn decision(&self) -> Option<Decision> {
        self.decision.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps a decision for the next hit.
    pub fn decide(&self, decision: Decision) {
        *self.decision.lock().unwrap_or_else(PoisonError::into_inner) = Some(decision);
    }

    /// Counts a hit; `true` when the entry has to be queued for writing the count.
    pub(crate) fn hit(&self) -> bool {
        self.hits.fetch_add(1, Ordering::Relaxed);
        !self.queued.swap(true, Ordering::Relaxed)
    }

    /// Counts hits again that were taken and not written; true when the entry has to be queued.
    pub(crate) fn give_back(&self, hits: u64) -> bool {
        self.hits.fetch_add(hits, Ordering::Relaxed);
        !self.queued.swap(true, Ordering::Relaxed)
    }

    /// The hits since they were last taken.
    pub(crate) fn take_hits(&self) -> u64 {
        self.queued.store(false, Ordering::Relaxed);
        self.hits.swap(0, Ordering::Relaxed)
    }
}

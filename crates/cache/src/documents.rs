//! Documents as upstream gave them: the latest of each place, with its validators, kept in the
//! store and described in the catalogue, so that they outlive a restart and serve offline.

mod tables;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use weir_catalog::{Catalog, DocumentRow, DocumentState};
use weir_core::{Algorithm, Clock, Digest, Doc, Timestamp};
use weir_storage::{Key, Spools, Storage};

use crate::uses::{Removal, Use, Uses};
use crate::{CacheError, Memory};

pub use tables::LostFacts;

/// So many versions are kept of what is named by hash, and of what names it.
const KEPT: u8 = 3;

/// Names a document: the mount that fetched it and a text that says what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DocumentKey {
    /// Mount name.
    pub mount: Arc<str>,
    /// Origin, path and `Accept` in one text.
    pub request: Arc<str>,
}

/// A document as fetched, to be kept.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The decoded bytes; `None` when upstream says that there is no such thing.
    pub body: Option<Bytes>,
    /// The media type that upstream claimed.
    pub media: String,
    /// The address that it came from, after redirects, without credentials.
    pub url: String,
    /// Upstream's validators, as they were sent.
    pub etag: Option<String>,
    /// Upstream's `Last-Modified`, as it was sent.
    pub last_modified: Option<String>,
    /// Allow-listed headers.
    pub headers: Vec<(String, String)>,
    /// The scope that it lists, for people who read the catalogue.
    pub scope: String,
}

impl Fetched {
    /// A note of this gateway's own, with a date in HTTP's form.
    pub fn note(text: String, date: String) -> Self {
        Self {
            body: Some(text.into()),
            media: String::new(),
            url: String::new(),
            etag: None,
            last_modified: Some(date),
            headers: Vec::new(),
            scope: String::from("~note"),
        }
    }
}

/// A document that is kept.
pub struct Stored {
    /// The document; `None` when upstream says that there is no such thing.
    pub doc: Option<Doc>,
    /// The address that it came from.
    pub url: String,
    /// Upstream's entity tag.
    pub etag: Option<String>,
    /// Upstream's `Last-Modified`.
    pub last_modified: Option<String>,
    /// When these bytes arrived.
    pub fetched_at: Timestamp,
    validated_at: AtomicI64,
    length: usize,
    body: Option<Bytes>,
}

impl Stored {
    /// An answer that is kept nowhere.
    pub fn transient(fetched: Fetched, now: Timestamp) -> Self {
        let length = fetched.body.as_ref().map_or(0, Bytes::len);
        let bytes = fetched.body.clone();
        let doc = fetched.body.map(|body| {
            describe(
                Doc::new(body, &fetched.media),
                &fetched.headers,
                fetched.last_modified.as_deref(),
            )
        });
        Self {
            doc,
            url: fetched.url,
            etag: fetched.etag,
            last_modified: fetched.last_modified,
            fetched_at: now,
            validated_at: AtomicI64::new(now.as_millis()),
            length,
            body: bytes,
        }
    }

    /// Nothing, as of now.
    pub fn absent(now: Timestamp) -> Self {
        Self {
            doc: None,
            url: String::new(),
            etag: None,
            last_modified: None,
            fetched_at: now,
            validated_at: AtomicI64::new(now.as_millis()),
            length: 0,
            body: None,
        }
    }

    /// Whether these bytes came again.
    pub fn has_body_of(&self, fetched: &Fetched) -> bool {
        match (&self.doc, &fetched.body) {
            (Some(doc), Some(body)) => doc.bytes() == &body[..],
            _ => false,
        }
    }

    /// Whether the same validators and headers came again: a HEAD says nothing else.
    pub fn has_validators_of(&self, fetched: &Fetched) -> bool {
        let said = |(name, value): &(String, String)| {
            self.doc.as_ref().and_then(|doc| doc.header(name)) == Some(value)
        };
        self.etag == fetched.etag
            && self.last_modified == fetched.last_modified
            && fetched.headers.iter().all(said)
    }

    /// When upstream last confirmed it.
    pub fn validated_at(&self) -> Timestamp {
        Timestamp::from_millis(self.validated_at.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("doc", &self.doc)
            .field("url", &self.url)
            .field("validated_at", &self.validated_at())
            .finish_non_exhaustive()
    }
}

/// A document whose bytes are in the store, and the record that it is to get. As long as this
/// lives, nobody removes them.
struct Committed {
    row: DocumentRow,
    _using: Option<Use>,
}

/// The documents of all mounts.
#[derive(Clone)]
pub struct Documents {
    storage: Arc<dyn Storage>,
    catalog: Catalog,
    spools: Spools,
    clock: Arc<dyn Clock>,
    memory: Arc<Memory<DocumentKey, Arc<Stored>>>,
    uses: Uses,
}

impl Documents {
    /// Joins a store, a catalogue and a spool folder; holds about `memory` bytes of documents.
    pub fn new(
        storage: Arc<dyn Storage>,
        catalog: Catalog,
        spools: Spools,
        clock: Arc<dyn Clock>,
        memory: u64,
    ) -> Self {
        let weight = |stored: &Arc<Stored>| stored.length as u64 + 1024;
        let memory = Arc::new(Memory::weighing(memory, TYPICAL, weight));
        Self { storage, catalog, spools, clock, memory, uses: Uses::default() }
    }

    /// The document under a key, of any age. Bytes that do not have the recorded digest any more
    /// count as absent from the cache.
    pub async fn get(&self, key: &DocumentKey) -> Result<Option<Arc<Stored>>, CacheError> {
        if let Some(stored) = self.memory.get(key) {
            return Ok(Some(stored));
        }
        let Some(row) = self.catalog.document(&key.mount, &key.request).await? else {
            return Ok(None);
        };
        let Some(stored) = self.load(row).await?.map(Arc::new) else { return Ok(None) };
        self.memory.put(key.clone(), Arc::clone(&stored));
        Ok(Some(stored))
    }

    async fn load(&self, row: DocumentRow) -> Result<Option<Stored>, CacheError> {
        let body = match (&row.state, &row.storage_key, &row.digest) {
            (DocumentState::Absent, _, _) => None,
            (DocumentState::Present, Some(key), Some(digest)) => {
                let Ok(key) = Key::parse(key) else { return Ok(None) };
                let Some(opened) = self.storage.open(&key).await? else { return Ok(None) };
                let bytes = opened.all(u64::MAX).await?;
                if sha256(bytes.clone()).await? != *digest {
                    tracing::warn!(%key, "a stored document has changed; it is fetched again");
                    return Ok(None);
                }
                Some((bytes, digest.clone()))
            }
            (DocumentState::Present, _, _) => return Ok(None),
        };
        let length = body.as_ref().map_or(0, |(bytes, _)| bytes.len());
        let held = body.as_ref().map(|(bytes, _)| bytes.clone());
        let headers = headers(&row);
        let doc = body.map(|(bytes, digest)| {
            let media = row.media.as_deref().unwrap_or_default();
            describe(Doc::hashed(bytes, media, digest), &headers, row.last_modified.as_deref())
        });
        Ok(Some(Stored {
            doc,
            url: row.url,
            etag: row.etag,
            last_modified: row.last_modified,
            fetched_at: row.fetched_at,
            validated_at: AtomicI64::new(row.validated_at.as_millis()),
            length,
            body: held,
        }))
    }

    /// Keeps what was fetched, in place of what was there.
    pub async fn put(
        &self,
        key: &DocumentKey,
        fetched: Fetched,
    ) -> Result<Arc<Stored>, CacheError> {
        let committed = self.commit(key, &fetched).await?;
        let previous = self.catalog.document(&key.mount, &key.request).await?;
        self.catalog.put_documents(std::slice::from_ref(&committed.row)).await?;
        self.discard(previous, committed.row.storage_key.as_deref()).await;
        Ok(self.hold(key, fetched, committed))
    }

    /// Keeps a document that names others by hash in place of what was there, and with it the two
    /// versions before. All records change at once: whatever fails, and whenever the process ends,
    /// the last whole one is still the current one.
    pub async fn put_root(
        &self,
        key: &DocumentKey,
        fetched: Fetched,
    ) -> Result<Arc<Stored>, CacheError> {
        let committed = self.commit(key, &fetched).await?;
        let mut rows = Vec::new();
        let mut oldest = None;
        for past in 0..KEPT {
            let place = key.past(past);
            let row = self.catalog.document(&place.mount, &place.request).await?;
            let Some(row) = row.filter(|row| row.digest.is_some()) else { continue };
            if past + 1 == KEPT {
                oldest = Some(row);
                continue;
            }
            let request = key.past(past + 1).request.to_string();
            rows.push(DocumentRow { key: request, ..row });
        }
        // A version that none took the place of stays.
        oldest = oldest.filter(|_| rows.iter().any(|row| *row.key == *key.past(KEPT - 1).request));
        rows.push(committed.row.clone());
        self.catalog.put_documents(&rows).await?;
        for past in 1..KEPT {
            self.memory.forget(&key.past(past));
        }
        let named = |row: &DocumentRow| rows.iter().any(|kept| kept.storage_key == row.storage_key);
        self.discard(oldest.filter(|row| !named(row)), None).await;
        Ok(self.hold(key, fetched, committed))
    }

    /// Puts the bytes of a document into the store. Its record is still to be written: bytes
    /// without one are no document.
    async fn commit(&self, key: &DocumentKey, fetched: &Fetched) -> Result<Committed, CacheError> {
        let digest = match &fetched.body {
            Some(body) => Some(sha256(body.clone()).await?),
            None => None,
        };
        let mut using = None;
        if let (Some(body), Some(digest)) = (&fetched.body, &digest) {
            let storage_key = document_key(key, digest);
            using = Some(self.uses.begin(&storage_key).await);
            let mut spool = self.spools.create().await?;
            spool.write(body.clone()).await?;
            self.storage.commit(&storage_key, spool).await?;
        }
        let row = row(key, fetched, digest.as_ref(), self.clock.now());
        Ok(Committed { row, _using: using })
    }

    /// Holds in memory what has been recorded.
    fn hold(&self, key: &DocumentKey, fetched: Fetched, committed: Committed) -> Arc<Stored> {
        let Committed { row, .. } = committed;
        let length = fetched.body.as_ref().map_or(0, Bytes::len);
        let body = fetched.body.clone();
        let doc = fetched.body.zip(row.digest).map(|(body, digest)| {
            let doc = Doc::hashed(body, &fetched.media, digest);
            describe(doc, &fetched.headers, fetched.last_modified.as_deref())
        });
        let stored = Arc::new(Stored {
            doc,
            url: fetched.url,
            etag: fetched.etag,
            last_modified: fetched.last_modified,
            fetched_at: row.fetched_at,
            validated_at: AtomicI64::new(row.validated_at.as_millis()),
            length,
            body,
        });
        self.memory.put(key.clone(), Arc::clone(&stored));
        stored
    }

    /// Keeps one version of a document under its digest, and the two that came before under theirs.
    pub async fn put_version(
        &self,
        key: &DocumentKey,
        fetched: Fetched,
    ) -> Result<Arc<Stored>, CacheError> {
        let stored = self.put(key, fetched).await?;
        if let Some(place) = key.versions() {
            let rows = self.catalog.documents_under(&key.mount, &place).await?;
            for row in rows.into_iter().skip(usize::from(KEPT)) {
                self.forget(&DocumentKey { request: row.key.into(), ..key.clone() }).await?;
            }
        }
        Ok(stored)
    }

    /// The latest other version of a document that is kept under its digest.
    pub async fn version_before(
        &self,
        key: &DocumentKey,
    ) -> Result<Option<Arc<Stored>>, CacheError> {
        let Some(place) = key.versions() else { return Ok(None) };
        let rows = self.catalog.documents_under(&key.mount, &place).await?;
        match rows.into_iter().find(|row| *row.key != *key.request) {
            Some(row) => self.get(&DocumentKey { request: row.key.into(), ..key.clone() }).await,
            None => Ok(None),
        }
    }

    /// The latest version of a document that is kept under its digest.
    pub async fn latest_version(
        &self,
        key: &DocumentKey,
    ) -> Result<Option<Arc<Stored>>, CacheError> {
        let rows = self.catalog.documents_under(&key.mount, &format!("{} @", key.request)).await?;
        match rows.into_iter().next() {
            Some(row) => self.get(&DocumentKey { request: row.key.into(), ..key.clone() }).await,
            None => Ok(None),
        }
    }

    /// Removes a document and the facts that were read from it.
    async fn forget(&self, key: &DocumentKey) -> Result<(), CacheError> {
        for key in [key.facts(), key.clone()] {
            let row = self.catalog.document(&key.mount, &key.request).await?;
            self.catalog.forget_document(&key.mount, &key.request).await?;
            self.memory.forget(&key);
            self.discard(row, None).await;
        }
        Ok(())
    }

    /// Upstream confirmed a document (304, or the same bytes again).
    pub async fn confirm(&self, key: &DocumentKey, stored: &Stored) -> Result<(), CacheError> {
        let now = self.clock.now();
        stored.validated_at.store(now.as_millis(), Ordering::Relaxed);
        self.catalog.touch_document(&key.mount, &key.request, now).await?;
        Ok(())
    }

    /// Drops what is held in memory of a document.
    pub(crate) fn drop_held(&self, mount: &str, request: &str) {
        let key = DocumentKey { mount: mount.into(), request: request.into() };
        self.memory.forget(&key);
    }

    /// Begins the removal of an object, unless it is being committed.
    pub(crate) fn remove(&self, key: &Key) -> Option<Removal> {
        self.uses.remove(key)
    }

    /// Removes the bytes that a new row no longer points at. A failure costs space, not truth.
    async fn discard(&self, previous: Option<DocumentRow>, current: Option<&str>) {
        let Some(old) = previous.and_then(|row| row.storage_key) else { return };
        if current == Some(&*old) {
            return;
        }
        if let Ok(old) = Key::parse(&old)
            && let Err(error) = self.storage.delete(&old).await
        {
            tracing::debug!(key = %old, %error, "an old document was not removed");
        }
    }
}

/// The headers of a record: our own JSON. One that somebody has edited loses them, not the document.
fn headers(row: &DocumentRow) -> Vec<(String, String)> {
    serde_json::from_str(&row.headers).unwrap_or_default()
}

impl DocumentKey {
    /// The key of an earlier version of a root.
    #[must_use]
    pub fn past(&self, versions: u8) -> Self {
        if versions == 0 {
            return self.clone();
        }
        Self { request: format!("{} ~{versions}", self.request).into(), ..self.clone() }
    }

    /// The key of one version of a document.
    #[must_use]
    pub fn version(&self, digest: &Digest) -> Self {
        Self { request: format!("{} @{digest}", self.request).into(), ..self.clone() }
    }

    /// What the keys of all versions of a document begin with; `None` for a document that is not
    /// kept by version.
    fn versions(&self) -> Option<String> {
        self.request.rfind(" @").map(|at| self.request[..at + 2].to_owned())
    }
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Documents").field("held", &self.memory.count()).finish_non_exhaustive()
    }
}

/// What a document mostly weighs, in bytes.
const TYPICAL: u64 = 32 << 10;
/// Bytes that are hashed in less time than a task switch is worth.
const HASH_INLINE: usize = 256 << 10;

/// Hashes a document, off the reactor when it is large.
async fn sha256(bytes: Bytes) -> Result<Digest, CacheError> {
    let small = bytes.len() <= HASH_INLINE;
    let hash = move || Digest::of(Algorithm::Sha256, &bytes);
    if small {
        return Ok(hash());
    }
    tokio::task::spawn_blocking(hash).await.map_err(|_| CacheError::Abandoned)
}

fn describe(mut doc: Doc, headers: &[(String, String)], last_modified: Option<&str>) -> Doc {
    for (name, value) in headers {
        doc = doc.with_header(name, value);
    }
    doc.modified(last_modified.and_then(Timestamp::parse_http))
}

/// Documents lie beside the artifacts, in a folder that no mount can have, by the digest of what
/// was asked for and of what came.
fn document_key(key: &DocumentKey, digest: &Digest) -> Key {
    let asked = Digest::of(Algorithm::Sha256, key.request.as_bytes()).hex();
    let file = format!("{}-{}", &asked[..32], &digest.hex()[..32]);
    Key::from_parts(["~documents", &*key.mount, &asked[..2], &file])
}

fn row(
    key: &DocumentKey,
    fetched: &Fetched,
    digest: Option<&Digest>,
    now: Timestamp,
) -> DocumentRow {
    DocumentRow {
        mount: key.mount.to_string(),
        key: key.request.to_string(),
        scope: fetched.scope.clone(),
        digest: digest.cloned(),
        state: if digest.is_some() { DocumentState::Present } else { DocumentState::Absent },
        status: if digest.is_some() { 200 } else { 404 },
        media: Some(fetched.media.clone()),
        headers: serde_json::to_string(&fetched.headers).unwrap_or_default(),
        url: fetched.url.clone(),
        etag: fetched.etag.clone(),
        last_modified: fetched.last_modified.clone(),
        size: fetched.body.as_ref().map_or(0, |body| body.len() as u64),
        storage_key: digest.map(|digest| document_key(key, digest).to_string()),
        fetched_at: now,
        validated_at: now,
    }
}

#[cfg(test)]
mod tests;

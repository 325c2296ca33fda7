//! One upstream transfer shared by everyone who waits for the same artifact.
//!
//! The leader spools to a local file while hashing; followers read the spool behind it. Nobody
//! receives the last byte before length and digest agree, so a torn or wrong object never ends
//! as a clean answer.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::sync::watch;
use weir_core::{Algorithm, Digest, Hasher};
use weir_policy::Admitted;
use weir_storage::{Spool, SpoolReader};

use crate::{Body, CacheError, Entry, dirhash};

/// How far a transfer is.
#[derive(Clone, Debug, Default)]
struct Progress {
    written: u64,
    end: Option<Result<Arc<Entry>, Arc<CacheError>>>,
}

/// What upstream promised for a transfer.
#[derive(Clone, Debug)]
pub struct Promise {
    /// The length that upstream declared or the listing promised, in bytes.
    pub length: Option<u64>,
    /// The digests that the registry published, the one that counts as the entity tag first. All of
    /// them have to agree.
    pub digests: Vec<Digest>,
    /// Algorithms whose digests are wanted besides.
    pub wanted: Vec<Algorithm>,
    /// The most bytes that are taken.
    pub limit: u64,
}

/// A transfer under way, or just ended.
#[derive(Clone)]
pub struct Fill {
    promise: Promise,
    media: Box<str>,
    reader: SpoolReader,
    progress: watch::Receiver<Progress>,
}

/// The writing side of a [`Fill`].
pub(crate) struct Leader {
    spool: Spool,
    progress: watch::Sender<Progress>,
    promise: Promise,
}

impl Fill {
    pub(crate) fn begin(spool: Spool, promise: Promise, media: Box<str>) -> (Self, Leader) {
        let reader = spool.reader();
        let (sender, progress) = watch::channel(Progress::default());
        let fill = Self { promise: promise.clone(), media, reader, progress };
        (fill, Leader { spool, progress: sender, promise })
    }

    /// The length, where it is known before the end.
    pub fn length(&self) -> Option<u64> {
        self.promise.length
    }

    /// Upstream's media type.
    pub fn media(&self) -> &str {
        &self.media
    }

    /// The digests that the registry published.
    pub fn digests(&self) -> &[Digest] {
        &self.promise.digests
    }

    /// Waits for the end: the stored artifact, or why there is none.
    pub async fn finished(&self) -> Result<Arc<Entry>, Arc<CacheError>> {
        let mut progress = self.progress.clone();
        match progress.wait_for(|p| p.end.is_some()).await {
            Ok(state) => state.end.clone().unwrap_or_else(|| Err(Arc::new(CacheError::Abandoned))),
            Err(_) => Err(Arc::new(CacheError::Abandoned)),
        }
    }

    /// The bytes from `start` on, as they arrive. The last byte (or the end, where the length is
    /// not known) is held until the whole has been verified; a failure is an error of the stream.
    pub fn body(&self, _admitted: Admitted, start: u64) -> Body {
        let tail = Tail {
            offset: start,
            reader: self.reader.clone(),
            progress: self.progress.clone(),
            length: self.promise.length,
        };
        Body::new(stream::try_unfold(tail, Tail::next))
    }
}

impl fmt::Debug for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fill")
            .field("promise", &self.promise)
            .field("written", &self.progress.borrow().written)
            .finish_non_exhaustive()
    }
}

/// A follower's place in the spool.
struct Tail {
    offset: u64,
    reader: SpoolReader,
    progress: watch::Receiver<Progress>,
    length: Option<u64>,
}

/// How much a follower reads at once, in bytes.
const TAIL_CHUNK: u64 = 256 * 1024;

impl Tail {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, CacheError> {
        loop {
            let (written, end) = {
                let state = self.progress.borrow_and_update();
                (state.written, state.end.clone())
            };
            if let Some(Err(error)) = &end {
                return Err(CacheError::Fill(Arc::clone(error)));
            }
            let complete = end.is_some();
            let held = u64::from(!complete && self.length.is_some_and(|all| written >= all));
            let available = written.saturating_sub(held);
            if self.offset < available {
                let want = (available - self.offset).min(TAIL_CHUNK);
                let bytes = self.reader.read_at(self.offset, want as usize).await?;
                if bytes.is_empty() {
                    return Err(CacheError::Abandoned);
                }
                self.offset += bytes.len() as u64;
                return Ok(Some((bytes, self)));
            }
            if complete {
                return Ok(None);
            }
            if self.progress.changed().await.is_err() {
                return Err(CacheError::Abandoned);
            }
        }
    }
}

/// A transfer whose bytes agreed with what was promised.
pub(crate) struct Verified {
    pub(crate) spool: Spool,
    pub(crate) size: u64,
    pub(crate) sha256: Digest,
    /// In further algorithms, where they were promised or wanted.
    pub(crate) digests: Vec<Digest>,
}

impl Leader {
    pub(crate) fn promised(&self) -> Option<Digest> {
        self.promise.digests.first().cloned()
    }

    /// Spools the stream to its end and verifies it.
    pub(crate) async fn receive<S, E>(mut self, mut source: S) -> Received
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: fmt::Display,
    {
        let mut check = Check::new(&self.promise);
        let result = loop {
            match source.next().await {
                Some(Ok(bytes)) => {
                    if let Err(error) = self.accept(&mut check, bytes).await {
                        break Err(error);
                    }
                }
                Some(Err(error)) => break Err(CacheError::Source(error.to_string())),
                None => break check.finish(&self.promise),
            }
        };
        let result = match result {
            Ok(checked) => self.check_content().await.map(|()| checked),
            Err(error) => Err(error),
        };
        let progress = self.progress;
        match result {
            Ok((size, sha256, digests)) => {
                let verified = Verified { spool: self.spool, size, sha256, digests };
                Received { progress, result: Ok(verified) }
            }
            Err(error) => Received { progress, result: Err(error) },
        }
    }

    /// Checks what was promised of the content, however it is packed.
    async fn check_content(&self) -> Result<(), CacheError> {
        for expected in self.promise.digests.iter().filter(|one| !one.algorithm().is_streamed()) {
            let file = self.spool.reopen().await?;
            let hashed = tokio::task::spawn_blocking(move || dirhash::of_zip(file)).await;
            let found = hashed.map_err(|_| CacheError::Abandoned)?;
            let expected = expected.clone();
            match found {
                Ok(found) if found == expected => {}
                Ok(found) => return Err(CacheError::WrongDigest { expected, found }),
                Err(reason) => return Err(CacheError::Unhashable { expected, reason }),
            }
        }
        Ok(())
    }

    async fn accept(&mut self, check: &mut Check, bytes: Bytes) -> Result<(), CacheError> {
        check.update(&bytes);
        let received = check.sha256.length();
        if received > self.promise.limit {
            return Err(CacheError::TooLarge { limit: self.promise.limit });
        }
        if let Some(expected) = self.promise.length.filter(|expected| received > *expected) {
            return Err(CacheError::WrongLength { expected, found: received });
        }
        self.spool.write(bytes).await?;
        self.progress.send_modify(|p| p.written = received);
        Ok(())
    }
}

/// The end of a transfer, before it has been told to the followers.
pub(crate) struct Received {
    progress: watch::Sender<Progress>,
    pub(crate) result: Result<Verified, CacheError>,
}

impl Received {
    /// Splits off what is to be committed; the followers are told by the [`Ending`].
    pub(crate) fn split(self) -> (Ending, Result<Verified, CacheError>) {
        (Ending(self.progress), self.result)
    }
}

/// Tells the followers how a transfer ended. Dropping it unused tells them that it was abandoned.
pub(crate) struct Ending(watch::Sender<Progress>);

impl Ending {
    pub(crate) fn tell(self, result: Result<Arc<Entry>, Arc<CacheError>>) {
        self.0.send_modify(|p| p.end = Some(result));
    }
}

/// Hashes what arrives: always SHA-256 (the catalogue's own), and what is promised or wanted.
struct Check {
    sha256: Hasher,
    others: Vec<Hasher>,
}

impl Check {
    fn new(promise: &Promise) -> Self {
        let promised = promise.digests.iter().map(Digest::algorithm);
        let mut others: Vec<Algorithm> = promised.chain(promise.wanted.iter().copied()).collect();
        others.sort_unstable();
        others.dedup();
        others.retain(|algorithm| *algorithm != Algorithm::Sha256 && algorithm.is_streamed());
        let others = others.into_iter().map(Hasher::new).collect();
        Self { sha256: Hasher::new(Algorithm::Sha256), others }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.others.iter_mut().for_each(|hasher| hasher.update(bytes));
    }

    fn finish(self, promise: &Promise) -> Result<(u64, Digest, Vec<Digest>), CacheError> {
        let size = self.sha256.length();
        if let Some(expected) = promise.length.filter(|expected| *expected != size) {
            return Err(CacheError::WrongLength { expected, found: size });
        }
        let sha256 = self.sha256.finish();
        let others: Vec<Digest> = self.others.into_iter().map(Hasher::finish).collect();
        for expected in &promise.digests {
            let found = std::iter::once(&sha256).chain(&others);
            let mut found = found.filter(|found| found.algorithm() == expected.algorithm());
            if let Some(found) = found.find(|found| *found != expected) {
                let (expected, found) = (expected.clone(), found.clone());
                return Err(CacheError::WrongDigest { expected, found });
            }
        }
        Ok((size, sha256, others))
    }
}

#[cfg(test)]
mod tests;

//! Listings as served: the written bytes, their encodings, and until when they hold.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::HeaderMap;
use quick_cache::Equivalent;
use tokio::sync::OnceCell;
use weir_core::{Algorithm, Digest, Edits, Head, Purl, Target, Timestamp};

use crate::encode::pack;
use crate::{Encoding, Memory, encode};

/// Bodies shorter than this many bytes are not worth a coding.
const MIN_ENCODED: usize = 1024;
/// What a rendering mostly weighs, in bytes.
const TYPICAL: u64 = 32 << 10;

/// What a rendering is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RenderingKey {
    /// The mount whose documents were read.
    pub mount: Arc<str>,
    /// The public address that links were written with.
    pub base: Arc<str>,
    /// The target, view included.
    pub target: Target,
}

impl RenderingKey {
    /// What it is made of.
    pub fn parts(&self) -> RenderingOf<'_> {
        RenderingOf { mount: &self.mount, base: &self.base, target: &self.target }
    }
}

/// The parts of a [`RenderingKey`], to look up what is held.
#[derive(Clone, Copy, Debug, Hash)]
pub struct RenderingOf<'a> {
    /// The mount whose documents were read.
    pub mount: &'a str,
    /// The public address that links were written with.
    pub base: &'a str,
    /// The target, view included.
    pub target: &'a Target,
}

impl Equivalent<RenderingKey> for RenderingOf<'_> {
    fn equivalent(&self, key: &RenderingKey) -> bool {
        *self.mount == *key.mount && *self.base == *key.base && *self.target == key.target
    }
}

/// A listing as served.
pub struct Rendering {
    /// Media type and headers.
    pub head: Head,
    /// SHA-256 of each source document, in the order of need.
    pub sources: Vec<Digest>,
    /// What was dropped, marked and noted.
    pub edits: Edits,
    /// Number of releases read, and of those kept or marked.
    pub counts: (usize, usize),
    /// SHA-256 and length of what was written, where the head has it compressed.
    pub plain: Option<(Digest, u64)>,
    identity: Bytes,
    digest: Digest,
    /// The entity tag of the identity bytes.
    tag: Box<str>,
    /// Digests in other algorithms, as far as they were asked for.
    digests: Mutex<Vec<Digest>>,
    subject: OnceLock<Option<Purl>>,
    /// Of the identity bytes, then of each encoding.
    headers: [OnceLock<HeaderMap>; 4],
    encoded: [OnceCell<Option<Bytes>>; 3],
    hold: ArcSwap<Hold>,
}

/// Under which lens and until when a rendering may be served.
#[derive(Clone, Copy, Debug)]
struct Hold {
    lens: (u64, u64),
    valid_until: Timestamp,
    fresh_until: Timestamp,
}

/// What decided a rendering.
#[derive(Debug)]
pub struct Grounds {
    /// SHA-256 of each source document.
    pub sources: Vec<Digest>,
    /// The edits.
    pub edits: Edits,
    /// Releases read and kept.
    pub counts: (usize, usize),
}

impl Rendering {
    /// Takes written bytes. They hold until [`Self::extend`] says how long: at first, not at all.
    pub fn new(head: Head, written: Vec<u8>, grounds: Grounds) -> Self {
        let (plain, written) = match pack(head.coding, &written) {
            Some(packed) => {
                let plain = (Digest::of(Algorithm::Sha256, &written), written.len() as u64);
                (Some(plain), packed)
            }
            None => (None, written),
        };
        let digest = Digest::of(Algorithm::Sha256, &written);
        let Grounds { sources, edits, counts } = grounds;
        let never = Timestamp::MIN;
        let hold = Hold { lens: (0, 0), valid_until: never, fresh_until: never };
        Self {
            head,
            sources,
            edits,
            counts,
            plain,
            identity: written.into(),
            tag: digest.hex()[..32].into(),
            digest,
            digests: Mutex::default(),
            subject: OnceLock::new(),
            headers: [const { OnceLock::new() }; 4],
            encoded: [const { OnceCell::const_new() }; 3],
            hold: ArcSwap::from_pointee(hold),
        }
    }

    /// SHA-256 of the identity bytes.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The identity bytes.
    pub fn identity(&self) -> &Bytes {
        &self.identity
    }

    /// The strong entity tag of a representation, without quotes.
    pub fn etag(&self, encoding: Option<Encoding>) -> String {
        match encoding {
            Some(encoding) => format!("{}-{}", self.tag, encoding.token()),
            None => self.tag.to_string(),
        }
    }

    /// The digest of the identity bytes in any algorithm; each is computed once.
    pub fn digest_in(&self, algorithm: Algorithm) -> Digest {
        let mut known = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = std::iter::once(&self.digest).chain(&*known);
        if let Some(digest) = all.find(|digest| digest.algorithm() == algorithm) {
            return digest.clone();
        }
        let digest = Digest::of(algorithm, &self.identity);
        known.push(digest.clone());
        digest
    }

    /// The package that it is of, as whoever served it first found.
    pub fn subject(&self, find: impl FnOnce() -> Option<Purl>) -> Option<Purl> {
        self.subject.get_or_init(find).clone()
    }

    /// The headers that tell of a representation, as whoever served it first made them.
    pub fn headers(
        &self,
        encoding: Option<Encoding>,
        make: impl FnOnce() -> HeaderMap,
    ) -> &HeaderMap {
        self.headers[encoding.map_or(0, |encoding| 1 + encoding as usize)].get_or_init(make)
    }

    /// The bytes in a coding, made when first asked for and kept; identity when the coding does
    /// not pay.
    pub async fn encoded(&self, encoding: Encoding) -> (Option<Encoding>, Bytes) {
        if self.identity.len() < MIN_ENCODED {
            return (None, self.identity.clone());
        }
        let made = self.encoded[encoding as usize]
            .get_or_init(|| {
                let bytes = self.identity.clone();
                async move {
                    tokio::task::spawn_blocking(move || encode(encoding, &bytes))
                        .await
                        .ok()
                        .flatten()
                }
            })
            .await;
        match made {
            Some(bytes) => (Some(encoding), bytes.clone()),
            None => (None, self.identity.clone()),
        }
    }

    /// Says under which lens (epoch and class) and until when the verdicts hold, and until when
    /// the sources count as fresh.
    pub fn extend(&self, lens: (u64, u64), valid_until: Timestamp, fresh_until: Timestamp) {
        self.hold.store(Arc::new(Hold { lens, valid_until, fresh_until }));
    }

    /// Whether the verdicts hold under this lens at this instant.
    pub fn holds(&self, lens: (u64, u64), now: Timestamp) -> bool {
        let hold = self.hold.load();
        hold.lens == lens && now < hold.valid_until
    }

    /// Whether the sources count as fresh.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.hold.load().fresh_until
    }

    /// Until when the sources count as fresh.
    pub fn fresh_until(&self) -> Timestamp {
        self.hold.load().fresh_until
    }

    /// The next instant at which a verdict changes.
    pub fn valid_until(&self) -> Timestamp {
        self.hold.load().valid_until
    }

    fn weight(&self) -> u64 {
        // Up to three encodings of a quarter each come on top.
        self.identity.len() as u64 * 2 + 1024
    }
}

impl fmt::Debug for Rendering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendering")
            .field("length", &self.identity.len())
            .field("counts", &self.counts)
            .field("valid_until", &self.valid_until())
            .finish_non_exhaustive()
    }
}

/// The renderings held in memory.
#[derive(Clone, Debug)]
pub struct Renderings(Arc<Memory<RenderingKey, Arc<Rendering>>>);

impl Renderings {
    /// Holds about this many bytes.
    pub fn new(max_bytes: u64) -> Self {
        let weight = |rendering: &Arc<Rendering>| rendering.weight();
        Self(Arc::new(Memory::weighing(max_bytes, TYPICAL, weight)))
    }

    /// A rendering, whether it still holds or not.
    pub fn get(&self, of: RenderingOf<'_>) -> Option<Arc<Rendering>> {
        self.0.get(&of)
    }

    /// Keeps a rendering.
    pub fn put(&self, key: RenderingKey, rendering: Arc<Rendering>) {
        self.0.put(key, rendering);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendering(text: &str) -> Rendering {
        let grounds = Grounds { sources: Vec::new(), edits: Edits::keep_all(), counts: (1, 1) };
        Rendering::new(Head::new("text/plain"), text.into(), grounds)
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn it_holds_under_its_lens_until_a_verdict_changes() {
        let rendering = rendering("x");
        assert!(!rendering.holds((0, 0), at(0)), "not before it was said how long");
        rendering.extend((1, 2), at(100), at(50));
        assert!(rendering.holds((1, 2), at(99)));
        assert!(!rendering.holds((1, 2), at(100)), "the instant itself belongs to the new verdict");
        assert!(!rendering.holds((2, 2), at(0)) && !rendering.holds((1, 3), at(0)));
        assert!(rendering.is_fresh(at(49)) && !rendering.is_fresh(at(50)));
    }

    #[tokio::test]
    async fn an_encoding_is_made_once() {
        let rendering = rendering(&"weir ".repeat(1000));
        let (first, again) =
            (rendering.encoded(Encoding::Gzip).await, rendering.encoded(Encoding::Gzip).await);
        assert_eq!(first.0, Some(Encoding::Gzip));
        assert_eq!(first.1.as_ptr(), again.1.as_ptr());
        assert_ne!(rendering.etag(None), rendering.etag(first.0));
    }

    #[test]
    fn other_bytes_have_another_entity_tag() {
        assert_ne!(rendering("a").etag(None), rendering("b").etag(None));
        assert_eq!(rendering("a").etag(None), rendering("a").etag(None));
    }

    #[test]
    fn the_memory_is_bounded() {
        let renderings = Renderings::new(10_000);
        let key = |n: usize| RenderingKey {
            mount: "npm".into(),
            base: "http://weir.example".into(),
            target: Target::manifest(format!("p{n}"), "full"),
        };
        for n in 0..100 {
            renderings.put(key(n), Arc::new(rendering(&"x".repeat(1000))));
            assert!(renderings.get(key(n).parts()).is_some());
        }
        let held = renderings.0.count();
        assert!(held <= 4, "{held}");
    }
}

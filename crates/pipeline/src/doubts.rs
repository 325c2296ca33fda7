//! Documents that came with a 200 and are no use: a registry's error page, a captive portal's, a root
//! whose signature is wrong. They are asked for again after the short time of a 404, those that never
//! change too.

use std::time::Duration;

use weir_cache::{DocumentKey, Memory, Stored};
use weir_core::{Code, Fetch, Found, Need, Timestamp, Via};

use crate::Failure;
use crate::gather::Gathered;
use crate::visit::Visit;

/// Documents that are remembered. One that is forgotten is doubted again at its next request.
const REMEMBERED: usize = 10_000;

/// The documents that were found to be no use.
#[derive(Debug)]
pub(crate) struct Doubts {
    /// Kept ones that could not be read.
    unreadable: Memory<DocumentKey, ()>,
    /// What was not kept at all: why, and when it came.
    refused: Memory<DocumentKey, (Failure, Timestamp)>,
}

impl Doubts {
    pub(crate) fn new() -> Self {
        Self { unreadable: Memory::of(REMEMBERED), refused: Memory::of(REMEMBERED) }
    }

    /// Whether a kept document was found unreadable.
    pub(crate) fn hold(&self, key: &DocumentKey) -> bool {
        self.unreadable.has(key)
    }

    /// What came just now was not kept, and there is nothing older.
    pub(crate) fn refuse(&self, key: &DocumentKey, failure: &Failure, now: Timestamp) {
        self.refused.put(key.clone(), (failure.clone(), now));
    }

    /// Something else came in its place.
    pub(crate) fn settle(&self, key: &DocumentKey) {
        self.unreadable.forget(key);
        self.refused.forget(key);
    }
}

impl Visit {
    /// Notes that what was gathered cannot be read. Which of several documents is the broken one,
    /// the failure does not tell: each is asked for again once.
    pub(crate) async fn doubt(&self, gathered: &Gathered, failure: &Failure) {
        if failure.code() != Code::UnreadableDocument {
            return;
        }
        for (need, found) in gathered.docs.iter() {
            let (Need::Fetch(fetch), Found::Doc(_)) = (need, found) else { continue };
            if !is_promised(fetch)
                && let Ok(spot) = self.spot(&fetch.place, gathered).await
            {
                self.core.doubts.unreadable.put(self.document_key(fetch, &spot), ());
            }
        }
    }

    /// Why a document of which nothing is kept was refused, as long as it is not asked for again.
    pub(crate) fn refused_lately(&self, key: &DocumentKey) -> Option<Failure> {
        let (failure, at) = self.core.doubts.refused.get(key)?;
        (self.now.since(at) < self.mount.freshness.negative_ttl).then_some(failure)
    }

    /// How long a kept document counts as current, whatever it says of itself, when it could not
    /// be read.
    pub(crate) fn doubted_for(&self, key: &DocumentKey, stored: &Stored) -> Option<Duration> {
        let doubted = stored.doc.is_some() && self.core.doubts.hold(key);
        doubted.then_some(self.mount.freshness.negative_ttl)
    }
}

/// Whether a document is what its parent promised, or part of a generation: it would come again as
/// it is.
fn is_promised(fetch: &Fetch) -> bool {
    fetch.expect.is_some() || fetch.root || fetch.past > 0 || matches!(fetch.via, Via::Post(_))
}

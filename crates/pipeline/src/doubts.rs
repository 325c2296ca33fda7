//! Documents that came with a 200 and cannot be read: a registry's error page, a captive portal's.
//! They are asked for again after the short time of a 404, those that never change too.

use std::time::Duration;

use weir_cache::{DocumentKey, Stored};
use weir_core::{Code, Fetch, Found, Need, Via};

use crate::Failure;
use crate::gather::Gathered;
use crate::visit::Visit;

/// Documents that are remembered. One that is forgotten is doubted again at its next request.
const REMEMBERED: u64 = 10_000;

/// The documents that could not be read.
#[derive(Debug)]
pub(crate) struct Doubts(moka::sync::Cache<DocumentKey, ()>);

impl Doubts {
    pub(crate) fn new() -> Self {
        Self(moka::sync::Cache::new(REMEMBERED))
    }

    /// Whether a kept document was found unreadable.
    pub(crate) fn hold(&self, key: &DocumentKey) -> bool {
        self.0.contains_key(key)
    }

    /// Something else came in its place.
    pub(crate) fn settle(&self, key: &DocumentKey) {
        self.0.invalidate(key);
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
                self.core.doubts.0.insert(self.document_key(fetch, &spot), ());
            }
        }
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

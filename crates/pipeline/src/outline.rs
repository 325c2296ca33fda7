//! What a listing without dates names, kept beside the contact with its package: what is new in the
//! next one is known though the listing itself was evicted, has rotted, or was a 404 for a while.

use std::collections::HashSet;
use std::sync::Arc;

use weir_cache::{Memory, Of};
use weir_core::{Algorithm, Digest, Docs, FactSet, Found, Need, Release, Target};

use crate::gather::Gathered;
use crate::obtain::leads_on;
use crate::sight::{Undated, scope_of};
use crate::visit::Visit;

/// Bytes of an entry: a SHA-256, cut where nobody finds a second name to the same.
const LENGTH: usize = 16;
/// Packages that are known to be outlined.
const REMEMBERED: usize = 100_000;

/// The entries of a listing, as digests in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outline(Vec<u8>);

impl Outline {
    pub(crate) fn of(entries: &HashSet<Undated>) -> Self {
        let mut digests: Vec<Vec<u8>> = entries.iter().map(digest).collect();
        digests.sort_unstable();
        Self(digests.concat())
    }

    pub(crate) fn read(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn names(&self, entry: &Undated) -> bool {
        let (entries, _) = self.0.as_chunks::<LENGTH>();
        entries.binary_search_by(|known| known[..].cmp(&digest(entry))).is_ok()
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

fn digest((name, version, file): &Undated) -> Vec<u8> {
    let text = format!("{name}\0{version}\0{file}");
    Digest::of(Algorithm::Sha256, text.as_bytes()).bytes()[..LENGTH].to_vec()
}

/// The packages whose outline is in the catalogue, as far as this process has looked.
#[derive(Debug)]
pub(crate) struct Outlined(Memory<(Arc<str>, Box<str>), ()>);

impl Outlined {
    pub(crate) fn new() -> Self {
        Self(Memory::of(REMEMBERED))
    }
}

impl Visit {
    /// Remembers what a listing names, when its releases have no dates. Nothing depends on it yet, so
    /// a failure is no reason to refuse an answer: the next one tries again.
    pub(crate) async fn outline(
        &self,
        target: &Target,
        gathered: &Gathered,
        releases: &[Release<'_>],
    ) {
        let descriptor = self.mount.descriptor();
        let counts = self.cx.wants.contains(FactSet::DATES)
            && descriptor.content.is_none()
            && !self.mount.lists_whole_indexes()
            && releases.iter().any(|release| release.available.is_none());
        let Some(scope) = scope_of(target).filter(|_| counts) else { return };
        if self.core.outlined.0.has(&Of(&self.mount.name, scope.as_str())) {
            return;
        }
        let Some(docs) = listing(&gathered.docs) else { return };
        let (visit, of) = (self.clone(), self.listing_of(target));
        let read = self.compute(gathered.length(), move || {
            let entries = visit.undated(&of, &docs);
            entries.map_err(|error| visit.unreadable(&of, &error))
        });
        // What cannot be read without further documents has no outline.
        let Ok(entries) = read.await else { return };
        let entries = Outline::of(&entries).into_bytes();
        match self.core.catalog.begin_outline(&self.mount.name, &scope, entries).await {
            Ok(()) => {
                let key = (Arc::clone(&self.mount.name), scope.as_str().into());
                self.core.outlined.0.put(key, ());
            }
            Err(error) => {
                tracing::warn!(mount = %self.mount.name, %error, "a listing was not outlined");
            }
        }
    }
}

/// The listing alone, as it is compared with the next one. A page of one says too little.
fn listing(docs: &Docs) -> Option<Docs> {
    let (need, doc) = docs.iter().find_map(|(need, found)| match (need, found) {
        (Need::Fetch(fetch), Found::Doc(doc)) if fetch.lists => Some((need, doc)),
        _ => None,
    })?;
    if doc.header("link").is_some_and(leads_on) {
        return None;
    }
    let mut alone = Docs::default();
    alone.insert(need.clone(), Found::Doc(doc.clone()));
    Some(alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_knows_what_it_was_made_of_and_nothing_else() {
        let entry = |version: &str| ("demo".to_owned(), version.to_owned(), String::new());
        let entries: HashSet<Undated> = (0..100).map(|n| entry(&n.to_string())).collect();
        let outline = Outline::read(Outline::of(&entries).into_bytes());
        assert!(entries.iter().all(|entry| outline.names(entry)));
        assert!(!outline.names(&entry("100")) && !outline.names(&entry("")));
        assert!(!Outline::read(Vec::new()).names(&entry("1")));
    }
}

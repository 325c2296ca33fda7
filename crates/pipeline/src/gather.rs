//! Gathers what a plugin needs: documents from the cache or upstream, other targets as served,
//! recorded facts.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use weir_cache::{Rendering, Stored};
use weir_core::{Algorithm, Code, Digest, Docs, Found, Known, Listed, Need, Target, Timestamp};

use crate::Failure;
use crate::visit::Visit;

/// Rounds of `need` that a plugin may take.
const ROUNDS: usize = 4;

/// What documents are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be listed: as current as freshness asks for.
    Listing,
    /// To find one file's release: any age will do, dates and digests do not change.
    Evidence,
    /// The kept evidence did not list the file: ask upstream again.
    Recheck,
}

/// What has been gathered, with where it came from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) docs: Docs,
    sources: Vec<Source>,
    /// Other targets as served.
    children: Vec<Arc<Rendering>>,
    /// When the records were looked up, where there are any: another gateway may add some.
    looked_up: Option<Timestamp>,
}

/// Where an answer came from.
enum Origin {
    Document(Source),
    Rendering(Arc<Rendering>),
    Records,
}

#[derive(Clone, Debug)]
struct Source {
    stored: Arc<Stored>,
    immutable: bool,
}

impl Gathered {
    /// The digests of the documents, in the order in which they were needed; an absent document
    /// counts as the digest of nothing.
    pub(crate) fn digests(&self) -> Vec<Digest> {
        let nothing = || Digest::of(Algorithm::Sha256, b"");
        let of = |source: &Source| {
            source.stored.doc.as_ref().map_or_else(nothing, |doc| doc.digest().clone())
        };
        let children = self.children.iter().map(|child| child.digest().clone());
        self.sources.iter().map(of).chain(children).collect()
    }

    /// Bytes of all documents.
    pub(crate) fn length(&self) -> usize {
        let of = |source: &Source| source.stored.doc.as_ref().map_or(0, |doc| doc.bytes().len());
        self.sources.iter().map(of).sum()
    }

    /// Upstream does not serve a file. That is final where the registry lists it, as for a file that
    /// is not listed; where no document of the registry speaks of it, another one may have it.
    pub(crate) fn unserved(&self, file: &str) -> Failure {
        let speaks = |(need, found): (&Need, &Found)| match (need, found) {
            (Need::Fetch(fetch), Found::Doc(_)) => fetch.place.is_main(),
            (_, Found::Absent) => false,
            _ => true,
        };
        if self.docs.iter().any(speaks) {
            return Failure::unlisted(format!("{file} is listed, but upstream's file"));
        }
        Failure::not_found(file)
    }

    /// The address that a document came from.
    pub(crate) fn address_of(&self, digest: &Digest) -> Option<&str> {
        let is =
            |source: &&Source| source.stored.doc.as_ref().is_some_and(|doc| doc.digest() == digest);
        self.sources.iter().find(is).map(|source| source.stored.url.as_str())
    }

    /// Until when the documents count as current.
    pub(crate) fn fresh_until(&self, ttl: Duration) -> Timestamp {
        let of = |source: &Source| {
            if source.immutable { Timestamp::MAX } else { source.stored.validated_at().plus(ttl) }
        };
        let children = self.children.iter().map(|child| child.fresh_until());
        let records = self.looked_up.map(|at| at.plus(ttl));
        self.sources.iter().map(of).chain(children).chain(records).min().unwrap_or(Timestamp::MAX)
    }

    /// The next instant at which another target as served changes.
    pub(crate) fn valid_until(&self) -> Timestamp {
        self.children.iter().map(|child| child.valid_until()).min().unwrap_or(Timestamp::MAX)
    }
}

impl Visit {
    /// Asks the plugin what it needs until it needs nothing more.
    pub(crate) async fn gather(
        &self,
        target: &Target,
        purpose: Purpose,
    ) -> Result<Gathered, Failure> {
        let mut gathered = Gathered::default();
        for _ in 0..=ROUNDS {
            let needs = self.mount.ecosystem.need(&self.job(target, &gathered.docs));
            if needs.is_empty() {
                return Ok(gathered);
            }
            let answers =
                join_all(needs.iter().map(|need| self.answer(target, need, purpose, &gathered)))
                    .await;
            for (need, answer) in needs.into_iter().zip(answers) {
                let (found, origin) = answer?;
                gathered.docs.insert(need, found);
                match origin {
                    Origin::Document(source) => gathered.sources.push(source),
                    Origin::Rendering(child) => gathered.children.push(child),
                    Origin::Records => gathered.looked_up = Some(self.now),
                }
            }
        }
        let sentence = format!("{} needs too many rounds of documents", self.describe(target));
        Err(Failure::new(Code::Internal, sentence))
    }

    async fn answer(
        &self,
        target: &Target,
        need: &Need,
        purpose: Purpose,
        known: &Gathered,
    ) -> Result<(Found, Origin), Failure> {
        match need {
            // What is only helpful is no reason to name an address.
            Need::Fetch(fetch) if fetch.optional && self.lacks(&fetch.place).await => {
                Ok((Found::Absent, Origin::Records))
            }
            Need::Fetch(fetch) => {
                self.can_vouch(fetch).await?;
                let stored = self.obtain(target, fetch, purpose, known).await?;
                if let Some(doc) = &stored.doc {
                    self.vouch_for_kept(fetch, doc).await?;
                }
                let found = match &stored.doc {
                    // What a plugin reads from it lasts as long as this job, not as the document.
                    Some(doc) => Found::Doc(doc.unread()),
                    None if fetch.optional => Found::Absent,
                    None => return Err(Failure::not_found(self.describe(target))),
                };
                Ok((found, Origin::Document(Source { stored, immutable: fetch.immutable })))
            }
            // Nothing is made of a root that may never be kept.
            Need::Rendered(child) if self.candidate.is_some() => {
                self.sources(child, purpose).await?;
                let nothing = Found::Rendered { digests: Vec::new(), size: 0, plain: None };
                Ok((nothing, Origin::Records))
            }
            Need::Rendered(child) => {
                let rendering = self.listing(child).await?;
                let size = rendering.identity().len() as u64;
                let digests = vec![rendering.digest().clone()];
                let plain = rendering.plain.clone();
                self.keep_served(child, &rendering).await?;
                Ok((Found::Rendered { digests, size, plain }, Origin::Rendering(rendering)))
            }
            Need::Known(known) => {
                Ok((Found::Known(self.known(target, known).await?), Origin::Records))
            }
            Need::Nowhere(clause) => {
                Err(Failure::unlisted(format!("{clause}: {}", self.describe(target))))
            }
            Need::Served(of) => Ok((self.last_served(of).await?, Origin::Records)),
            Need::Past(digest) => Ok((self.past_bytes(digest).await?, Origin::Records)),
            Need::Signature { of, scheme } => {
                let rendering = self.listing(of).await?;
                let signature = self.sign(scheme, &rendering)?;
                Ok((Found::Signature(signature.into()), Origin::Rendering(rendering)))
            }
        }
    }

    async fn known(&self, target: &Target, question: &Known) -> Result<Vec<Listed>, Failure> {
        let (catalog, mount) = (&self.core.catalog, &self.mount.name);
        let mut listed = match question {
            Known::Roots => return self.kept_roots().await,
            _ if self.mount.lists_whole_indexes() => self.known_facts(target, question).await?,
            _ => Vec::new(),
        };
        listed.extend(match question {
            Known::Digest(digest) => catalog.known_by_digest(mount, digest).await?,
            Known::File(file) => catalog.known_by_file(mount, file).await?,
            Known::Above { name, digest } => catalog.known_above(mount, name, digest).await?,
            Known::Package(name) => catalog.known_of(mount, name).await?,
            Known::Roots => Vec::new(),
        });
        Ok(listed)
    }

    /// Signs a target as served, with the time of its generation.
    fn sign(&self, scheme: &str, rendering: &Rendering) -> Result<Vec<u8>, Failure> {
        let Some(signer) = &self.core.signer else {
            let sentence = format!(
                "the indexes of {} are signed, and this gateway has no signing key",
                self.mount.name
            );
            return Err(Failure::new(Code::NotOffered, sentence));
        };
        let at = rendering.head.last_modified.unwrap_or(self.now);
        signer.sign(scheme, rendering.identity(), at).map_err(|error| {
            Failure::new(Code::Internal, format!("signing for {}: {error}", self.mount.name))
        })
    }
}

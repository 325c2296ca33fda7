//! Gathers what a plugin needs: documents from the cache or upstream, other targets as served,
//! recorded facts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use weir_cache::{DocumentKey, Fetched, Rendering, Stored};
use weir_core::{
    Algorithm, Code, Coding, Digest, Docs, Fetch, Found, Known, Listed, Need, Target, Timestamp,
    Via,
};
use weir_upstream::capped::Cap;
use weir_upstream::{Ask, Document, Quota, UpstreamError};

use crate::Failure;
use crate::failure::is_refusal;
use crate::link::{Spot, header, validators};
use crate::visit::Visit;

/// Rounds of `need` that a plugin may take.
const ROUNDS: usize = 4;
/// The most that a compressed document may grow by.
const MAX_RATIO: u32 = 1000;
/// Response headers that plugins may see.
const SEEN_HEADERS: [&str; 6] = [
    "link",
    "content-version",
    "docker-content-digest",
    "x-checksum-sha1",
    "x-checksum-sha256",
    "x-pypi-last-serial",
];

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
                let stored = self.obtain(target, fetch, purpose, known).await?;
                let found = match &stored.doc {
                    Some(doc) => Found::Doc(doc.clone()),
                    None if fetch.optional => Found::Absent,
                    None => return Err(Failure::not_found(self.describe(target))),
                };
                Ok((found, Origin::Document(Source { stored, immutable: fetch.immutable })))
            }
            Need::Rendered(child) => {
                let rendering = self.listing(child).await?;
                let size = rendering.identity().len() as u64;
                let digests = vec![rendering.digest().clone()];
                let plain = rendering.plain.clone();
                self.keep_served(child, &rendering).await?;
                Ok((Found::Rendered { digests, size, plain }, Origin::Rendering(rendering)))
            }
            Need::Known(known) => Ok((Found::Known(self.known(known).await?), Origin::Records)),
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

    async fn known(&self, question: &Known) -> Result<Vec<Listed>, Failure> {
        let (catalog, mount) = (&self.core.catalog, &self.mount.name);
        let mut listed = match question {
            Known::Roots => return self.kept_roots().await,
            _ if self.mount.lists_whole_indexes() => self.known_facts(question).await?,
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

    /// A document as fresh as its purpose asks for.
    pub(crate) async fn obtain(
        &self,
        target: &Target,
        fetch: &Fetch,
        purpose: Purpose,
        known: &Gathered,
    ) -> Result<Arc<Stored>, Failure> {
        let spot = self.spot(&fetch.place, known).await?;
        if let Via::Post(body) = &fetch.via {
            return self.post(&spot, fetch, body).await;
        }
        let key = self.document_key(fetch, &spot);
        if let Some(candidate) = self.candidate.as_ref().filter(|c| c.key == key && fetch.past == 0)
        {
            return Ok(Arc::clone(&candidate.stored));
        }
        if fetch.past > 0 {
            return self.earlier(&key, fetch).await;
        }
        let stored = self.core.documents.get(&key).await?;
        let errand = Arc::new(Errand {
            target: target.clone(),
            fetch: fetch.clone(),
            known: known.docs.clone(),
            also: match &fetch.also {
                Some(place) => Some(self.spot(place, known).await?),
                None => None,
            },
            spot,
            key,
        });
        let Some(stored) = stored else {
            if self.core.settings.offline {
                return Err(Failure::not_cached(self.describe(target)));
            }
            return self.refreshed(errand, None).await;
        };
        match self.currency(&stored, fetch, purpose) {
            Currency::Current => Ok(stored),
            Currency::Stale => {
                let (visit, previous) = (self.clone(), Arc::clone(&stored));
                self.core.document_flights.start(errand.key.clone(), || async move {
                    visit.refresh(&errand, Some(previous)).await
                });
                Ok(stored)
            }
            Currency::Expired { spare } => {
                match self.refreshed(errand, Some(Arc::clone(&stored))).await {
                    Err(failure) if spare && stands_in_for(&failure) => {
                        tracing::warn!(mount = %self.mount.name, %failure, "served stale");
                        Ok(stored)
                    }
                    other => other,
                }
            }
        }
    }

    fn currency(&self, stored: &Stored, fetch: &Fetch, purpose: Purpose) -> Currency {
        let freshness = &self.mount.freshness;
        let present = stored.doc.is_some();
        let age = self.now.since(stored.validated_at());
        let ttl = if present { freshness.ttl } else { freshness.negative_ttl };
        let any_age = self.core.settings.offline
            || present && (fetch.immutable || purpose == Purpose::Evidence);
        if any_age || purpose != Purpose::Recheck && age < ttl {
            Currency::Current
        } else if present
            && purpose == Purpose::Listing
            && age < ttl + freshness.stale_while_revalidate
        {
            Currency::Stale
        } else {
            // What was asked again because the kept document is not enough has no spare.
            let within = age < ttl + freshness.stale_if_error;
            Currency::Expired { spare: present && within && purpose != Purpose::Recheck }
        }
    }

    async fn refreshed(
        &self,
        errand: Arc<Errand>,
        previous: Option<Arc<Stored>>,
    ) -> Result<Arc<Stored>, Failure> {
        self.note_asked();
        let visit = self.clone();
        let key = errand.key.clone();
        let work = || async move { visit.refresh(&errand, previous).await };
        let joined = self.core.document_flights.join(key, work).await;
        joined.unwrap_or_else(|| {
            Err(Failure::new(Code::Internal, "fetching a document was interrupted"))
        })
    }

    /// Asks upstream for a document and keeps what came.
    async fn refresh(
        &self,
        errand: &Arc<Errand>,
        previous: Option<Arc<Stored>>,
    ) -> Result<Arc<Stored>, Failure> {
        let Errand { target, fetch, spot, key, .. } = &**errand;
        // Pages that say "not found" have validators too, but those confirm nothing.
        let conditional = previous.as_ref().filter(|previous| previous.doc.is_some());
        if let Some(fetched) = self.by_hash(errand).await {
            return self.keep(errand, None, fetched).await;
        }
        let ask = Ask {
            if_none_match: conditional.and_then(|p| p.etag.as_deref()),
            if_modified_since: conditional.and_then(|p| p.last_modified.as_deref()),
            identity: fetch.coding != Coding::Identity || fetch.expect.is_some(),
            ..match fetch.via {
                Via::Head => Ask::head(spot.whither()),
                _ => Ask::get(spot.whither()),
            }
            .accept(fetch.accept)
        };
        let document = self.ask(spot, ask).await?;
        if let (StatusCode::NOT_MODIFIED, Some(previous)) = (document.status, conditional) {
            self.core.documents.confirm(key, previous).await?;
            return Ok(Arc::clone(previous));
        }
        let body = if accepted(&document, || self.describe(target))? {
            Some(self.decoded(fetch, document.body.clone(), spot).await?)
        } else {
            None
        };
        let fetched = fetched(errand, &document, body);
        let same = conditional.filter(|previous| previous.has_body_of(&fetched));
        if let Some(previous) = same.filter(|previous| previous.has_validators_of(&fetched)) {
            self.core.documents.confirm(key, previous).await?;
            return Ok(Arc::clone(previous));
        }
        if same.is_some() {
            return Ok(self.core.documents.put(key, fetched).await?);
        }
        self.keep(errand, previous.as_ref(), fetched).await
    }

    /// The same bytes from their address by hash, where there is one that answers.
    async fn by_hash(&self, errand: &Errand) -> Option<Fetched> {
        let spot = errand.also.as_ref()?;
        let ask = Ask { identity: true, ..Ask::get(spot.whither()) }.accept(errand.fetch.accept);
        let found = async {
            let document = self.ask(spot, ask).await?;
            accepted(&document, || self.describe(&errand.target))?
                .then_some(())
                .ok_or_else(|| Failure::not_found("an address by hash"))?;
            let body = self.decoded(&errand.fetch, document.body.clone(), spot).await?;
            Ok::<_, Failure>(fetched(errand, &document, Some(body)))
        };
        match found.await {
            Ok(fetched) => Some(fetched),
            Err(failure) => {
                tracing::debug!(%failure, "not found by hash; asking for its own address");
                None
            }
        }
    }

    /// Keeps what came in place of what was there.
    async fn keep(
        &self,
        errand: &Arc<Errand>,
        previous: Option<&Arc<Stored>>,
        fetched: Fetched,
    ) -> Result<Arc<Stored>, Failure> {
        let (fetch, key, documents) = (&errand.fetch, &errand.key, &self.core.documents);
        match fetch.lists {
            true if self.mount.lists_whole_indexes() => self.note_index(errand, &fetched).await?,
            true if is_page(&fetched) => {}
            true => {
                let before = match previous {
                    Some(previous) => Some(Arc::clone(previous)),
                    None => documents.version_before(key).await?,
                };
                self.note_sightings(errand, before.as_deref(), &fetched).await?;
            }
            false => {}
        }
        if !fetch.root {
            return Ok(match fetch.expect {
                Some(_) => documents.put_version(key, fetched).await?,
                None => documents.put(key, fetched).await?,
            });
        }
        if let Some(previous) = previous.filter(|p| p.doc.is_some() && fetched.body.is_some()) {
            let candidate = Arc::new(Stored::transient(fetched.clone(), self.now));
            if let Err(failure) = self.complete(errand, candidate).await {
                tracing::warn!(mount = %self.mount.name, %failure,
                    "upstream is being updated; the previous indexes are served");
                documents.confirm(key, previous).await?;
                return Ok(Arc::clone(previous));
            }
        }
        Ok(documents.put_root(key, fetched).await?)
    }

    /// Checks the promised digest of the bytes as fetched, then takes off the resource's own
    /// coding under a cap.
    async fn decoded(&self, fetch: &Fetch, body: Bytes, spot: &Spot) -> Result<Bytes, Failure> {
        if let Some(expected) = &fetch.expect {
            let found = Digest::of(expected.algorithm(), &body);
            if found != *expected {
                let sentence = format!(
                    "{}: expected {expected}, received {found}; nothing was stored",
                    spot.origin.label
                );
                return Err(Failure::new(Code::IntegrityMismatch, sentence));
            }
        }
        if fetch.verbatim {
            return Ok(body);
        }
        self.uncompressed(fetch.coding, body, &spot.origin.label).await
    }

    /// Takes the coding of a file off, under a cap.
    pub(crate) async fn uncompressed(
        &self,
        coding: Coding,
        body: Bytes,
        label: &str,
    ) -> Result<Bytes, Failure> {
        if coding == Coding::Identity {
            return Ok(body);
        }
        let coding = weir_upstream::capped::Coding::from(coding);
        let cap = Cap { bytes: self.core.settings.max_document, ratio: MAX_RATIO };
        let decoded =
            tokio::task::spawn_blocking(move || weir_upstream::capped::decode(coding, &body, cap))
                .await;
        match decoded {
            Ok(Ok(bytes)) => Ok(bytes.into()),
            Ok(Err(error)) => {
                let sentence = format!("{label}: {error}");
                Err(Failure::new(Code::UnreadableDocument, sentence))
            }
            Err(_) => Err(Failure::new(Code::Internal, "decoding a document failed")),
        }
    }

    /// A POST: asked each time, kept nowhere.
    async fn post(&self, spot: &Spot, fetch: &Fetch, body: &[u8]) -> Result<Arc<Stored>, Failure> {
        if self.core.settings.offline {
            return Err(Failure::not_cached(format!("{} (a POST)", self.mount.name)));
        }
        self.note_asked();
        let mut ask = Ask::post(spot.whither(), Bytes::copy_from_slice(body)).accept(fetch.accept);
        let json = http::HeaderValue::from_static("application/json");
        ask.headers.insert(CONTENT_TYPE, json);
        let document = self.ask(spot, ask).await?;
        let found = accepted(&document, || self.mount.name.to_string())?;
        let body = found.then(|| document.body.clone());
        let fetched = transient(&document, body);
        Ok(Arc::new(Stored::transient(fetched, self.now)))
    }

    pub(crate) async fn ask(&self, spot: &Spot, ask: Ask<'_>) -> Result<Document, Failure> {
        let started = Instant::now();
        let answer = self.mount.upstream.document(&spot.origin, ask).await;
        self.tell(started, answer.as_ref().map(|document| &document.headers));
        answer.map_err(Failure::from)
    }

    /// Tells the observer how upstream answered.
    pub(crate) fn tell(&self, started: Instant, answer: Result<&HeaderMap, &UpstreamError>) {
        let (observer, ecosystem) = (&self.core.observer, self.mount.descriptor().id);
        let error = answer.err().map(UpstreamError::kind);
        observer.upstream(ecosystem, started.elapsed().as_secs_f64(), error);
        let quota = match answer {
            Ok(headers) => Quota::of(headers),
            Err(error) => error.quota(),
        };
        if let Some(quota) = quota {
            observer.quota(ecosystem, &self.mount.name, &quota);
        }
    }

    fn document_key(&self, fetch: &Fetch, spot: &Spot) -> DocumentKey {
        let method = if fetch.via == Via::Head { "HEAD " } else { "" };
        let raw = if fetch.verbatim { " raw" } else { "" };
        let of = fetch.of.as_ref().map(|of| format!(" of {of}")).unwrap_or_default();
        let request = format!("{method}{} {}{of}{raw}", spot.text(), fetch.accept);
        let key = DocumentKey { mount: Arc::clone(&self.mount.name), request: request.into() };
        match &fetch.expect {
            Some(digest) => key.version(digest),
            None => key,
        }
    }
}

/// Whether a stale document is better than this failure: upstream is in trouble, or answers with
/// something else than a document of the ecosystem.
fn stands_in_for(failure: &Failure) -> bool {
    failure.is_transient() || failure.code() == Code::UnreadableDocument
}

/// A document to be fetched, for whom and to be kept where.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) target: Target,
    pub(crate) fetch: Fetch,
    /// What had been gathered before.
    pub(crate) known: Docs,
    pub(crate) spot: Spot,
    /// Another place of the same bytes.
    also: Option<Spot>,
    pub(crate) key: DocumentKey,
}

fn fetched(errand: &Errand, document: &Document, body: Option<Bytes>) -> Fetched {
    let scope = match &errand.target {
        _ if errand.fetch.root => crate::indexes::ROOTS.to_owned(),
        Target::Manifest { scope, .. } => scope.to_string(),
        other => other.package().map(ToString::to_string).unwrap_or_default(),
    };
    Fetched { scope, ..transient(document, body) }
}

fn transient(document: &Document, body: Option<Bytes>) -> Fetched {
    let (etag, last_modified) = validators(&document.headers);
    let seen = SEEN_HEADERS.into_iter().filter_map(|name| {
        let value = document.headers.get(name)?.to_str().ok()?;
        Some((name.to_owned(), value.to_owned()))
    });
    Fetched {
        body,
        media: header(&document.headers, CONTENT_TYPE).unwrap_or_default(),
        url: document.url.to_string(),
        etag,
        last_modified,
        headers: seen.collect(),
        scope: String::new(),
    }
}

/// Whether more of a listing follows on another page (RFC 8288): what is new on one of several
/// pages may have been on the next before.
fn is_page(fetched: &Fetched) -> bool {
    let next = |(name, value): &(String, String)| name == "link" && value.contains("next");
    fetched.headers.iter().any(next)
}

/// How current a kept document is.
enum Currency {
    /// Serve it.
    Current,
    /// Serve it and revalidate in the background.
    Stale,
    /// Ask upstream first; serve it when upstream fails and it is still a spare.
    Expired { spare: bool },
}

/// Whether an answer is a document (`true`) or says that there is none (`false`).
pub(crate) fn accepted(
    document: &Document,
    describe: impl FnOnce() -> String,
) -> Result<bool, Failure> {
    answered(document.status, &document.url, describe)
}

/// Sorts a final status: there is a body, there is no such thing, or upstream refuses.
pub(crate) fn answered(
    status: StatusCode,
    url: &url::Url,
    describe: impl FnOnce() -> String,
) -> Result<bool, Failure> {
    match status.as_u16() {
        200 | 203 => Ok(true),
        404 | 410 => Ok(false),
        _ if is_refusal(status) => {
            let host = url.host_str().unwrap_or("upstream");
            let sentence = format!(
                "upstream ({host}) refused {} with {status}; this is not a decision of this gateway",
                describe()
            );
            Err(Failure::new(Code::UpstreamRefused, sentence))
        }
        _ => {
            let host = url.host_str().unwrap_or("upstream");
            let sentence = format!("upstream ({host}) answered {status} for {}", describe());
            Err(Failure::new(Code::UpstreamUnavailable, sentence))
        }
    }
}

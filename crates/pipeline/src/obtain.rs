//! One document as fresh as it has to be: kept, served stale while it is asked for again, or waited
//! for.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use weir_cache::{DocumentKey, Fetched, Stored};
use weir_core::{Code, Coding, Digest, Docs, Fetch, Target, Via};
use weir_upstream::capped::Cap;
use weir_upstream::{Ask, Document, Quota, UpstreamError};

use crate::Failure;
use crate::failure::is_refusal;
use crate::gather::{Gathered, Purpose};
use crate::link::{Spot, header, validators};
use crate::visit::Visit;

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

impl Visit {
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
        match self.currency(&errand.key, &stored, fetch, purpose) {
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

    fn currency(
        &self,
        key: &DocumentKey,
        stored: &Stored,
        fetch: &Fetch,
        purpose: Purpose,
    ) -> Currency {
        let freshness = &self.mount.freshness;
        let present = stored.doc.is_some();
        let age = self.now.since(stored.validated_at());
        if let Some(ttl) = self.doubted_for(key, stored)
            && !self.core.settings.offline
            && age >= ttl
        {
            return Currency::Expired { spare: true };
        }
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
        let nothing = previous.as_ref().is_none_or(|previous| previous.doc.is_none());
        if let Some(failure) = self.refused_lately(&errand.key).filter(|_| nothing) {
            return Err(failure);
        }
        self.note_asked();
        let visit = self.clone();
        let key = errand.key.clone();
        let work = || async move { visit.refresh(&errand, previous).await };
        let joined = self.core.document_flights.join(key, work).await;
        joined.unwrap_or_else(|| {
            Err(Failure::new(Code::Internal, "fetching a document was interrupted"))
        })
    }

    async fn refresh(
        &self,
        errand: &Arc<Errand>,
        previous: Option<Arc<Stored>>,
    ) -> Result<Arc<Stored>, Failure> {
        let kept = self.ask_again(errand, previous).await?;
        self.core.doubts.settle(&errand.key);
        Ok(kept)
    }

    /// Asks upstream for a document and keeps what came.
    async fn ask_again(
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
            self.confirm(key, previous).await;
            return Ok(Arc::clone(previous));
        }
        // What a registry may lack, some say to be no method of theirs (lists of referrers).
        let lacks = fetch.optional && document.status == StatusCode::METHOD_NOT_ALLOWED;
        let body = if !lacks && accepted(&document, || self.describe(target))? {
            Some(self.decoded(fetch, document.body.clone(), spot).await?)
        } else {
            None
        };
        let fetched = fetched(errand, &document, body);
        let same = conditional.filter(|previous| previous.has_body_of(&fetched));
        if let Some(previous) = same.filter(|previous| previous.has_validators_of(&fetched)) {
            self.confirm(key, previous).await;
            return Ok(Arc::clone(previous));
        }
        if same.is_some() {
            return Ok(self.core.documents.put(key, fetched).await?);
        }
        self.keep(errand, previous.as_ref(), fetched).await
    }

    /// Notes that upstream still has these bytes. This process knows it, whatever the database says:
    /// where it cannot be written now, the next start asks upstream again.
    async fn confirm(&self, key: &DocumentKey, stored: &Stored) {
        if let Err(error) = self.core.documents.confirm(key, stored).await {
            tracing::warn!(mount = %self.mount.name, %error, "a confirmation was not recorded");
        }
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
        if let Err(failure) = self.vouch_for_new(errand, previous, &fetched).await {
            return self.keep_generation(errand, previous, failure).await;
        }
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
                return self.keep_generation(errand, Some(previous), failure).await;
            }
        }
        Ok(documents.put_root(key, fetched).await?)
    }

    /// Goes on with the root that is kept, where a new one is not to be had whole.
    async fn keep_generation(
        &self,
        errand: &Errand,
        previous: Option<&Arc<Stored>>,
        failure: Failure,
    ) -> Result<Arc<Stored>, Failure> {
        let Some(previous) = previous.filter(|previous| previous.doc.is_some()) else {
            if !failure.is_transient() {
                self.core.doubts.refuse(&errand.key, &failure, self.now);
            }
            return Err(failure);
        };
        tracing::warn!(mount = %self.mount.name, %failure, "the previous indexes are served");
        self.confirm(&errand.key, previous).await;
        Ok(Arc::clone(previous))
    }

    /// Checks the promised digest of the bytes as fetched, then takes off the resource's own
    /// coding under a cap.
    async fn decoded(&self, fetch: &Fetch, body: Bytes, spot: &Spot) -> Result<Bytes, Failure> {
        if let Some(expected) = &fetch.expect {
            let found = Digest::of(expected.algorithm(), &body);
            if found != *expected {
                self.core.observer.unusable(self.mount.descriptor().id, "digest");
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
        self.tell(started, answer.as_ref().err());
        self.tell_quota(answer.as_ref().map(|document| &document.headers));
        answer.map_err(Failure::from)
    }

    /// Tells the observer that upstream has answered.
    pub(crate) fn tell(&self, started: Instant, error: Option<&UpstreamError>) {
        let seconds = started.elapsed().as_secs_f64();
        let error = error.map(UpstreamError::kind);
        self.core.observer.upstream(self.mount.descriptor().id, seconds, error);
    }

    /// Tells the observer what upstream still grants, where it said so.
    pub(crate) fn tell_quota(&self, answer: Result<&HeaderMap, &UpstreamError>) {
        let quota = match answer {
            Ok(headers) => Quota::of(headers),
            Err(error) => error.quota(),
        };
        if let Some(quota) = quota {
            self.core.observer.quota(self.mount.descriptor().id, &self.mount.name, &quota);
        }
    }

    pub(crate) fn document_key(&self, fetch: &Fetch, spot: &Spot) -> DocumentKey {
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
        _ if errand.fetch.root => weir_catalog::ROOTS.to_owned(),
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
    fetched.headers.iter().any(|(name, value)| name == "link" && leads_on(value))
}

/// Whether a `Link` header names a next page.
pub(crate) fn leads_on(link: &str) -> bool {
    link.contains("next")
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

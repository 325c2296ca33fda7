//! Files: evidence → locate → judge → bytes, in this order. Nothing of a file is asked for
//! before policy has admitted it.

use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt as _;
use http::header::CONTENT_TYPE;
use weir_cache::{Acquired, Entry, Promise, Wanted};
use weir_core::{
    Code, Coordinates, Digest, FactSet, Located, Owner, Release, Role, Target, Timestamp,
};
use weir_policy::{Admitted, Decision, Facts, Judgement, Sight};
use weir_storage::Key;
use weir_upstream::{Ask, Method, Streaming};

use crate::Failure;
use crate::contents::Order;
use crate::gather::{Gathered, Purpose};
use crate::link::{Spot, header};
use crate::obtain::answered;
use crate::refusals::Barred;
use crate::transfer::Transfer;
use crate::visit::Visit;

/// An admitted artifact.
pub(crate) enum File {
    /// Stored.
    Stored(Admitted, Arc<Entry>),
    /// Listed, and not here yet.
    Absent(Admitted, Box<Evidence>),
}

/// What a listing says of one file, found for its request.
pub(crate) struct Evidence {
    gathered: Gathered,
    located: Located,
    /// The release that the file belongs to. Content that several releases share may leave when
    /// one of them may.
    releases: Vec<(Release<'static>, Sight)>,
}

/// The artifact's target, taken apart.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) target: &'a Target,
    pub(crate) path: &'a str,
    pub(crate) file: &'a str,
    pub(crate) role: Role,
}

/// The media type of content that is addressed by its digest.
pub(crate) const CONTENT: &str = "application/octet-stream";

impl Visit {
    /// The file of an artifact target, admitted by policy. What a hit does not do is boxed: most
    /// requests are hits, and each would carry its weight.
    pub(crate) async fn artifact(&self, asked: Asked<'_>) -> Result<File, Failure> {
        if let Some(refusal) = self.refused_before(asked.path) {
            return Err(refusal);
        }
        if let Some(entry) = self.core.artifacts.entry(&self.mount.name, asked.path).await? {
            let admitted = match self.admit_again(&entry) {
                Some(admitted) => admitted,
                None => self.admit_anew(asked, &entry).boxed().await?,
            };
            if !self.may_change(asked, &entry) || self.is_current(asked, &entry).boxed().await? {
                return Ok(File::Stored(admitted, entry));
            }
            self.core.artifacts.forget(&entry).boxed().await?;
        }
        self.absent(asked).boxed().await
    }

    /// A file that is not stored.
    async fn absent(&self, asked: Asked<'_>) -> Result<File, Failure> {
        let mount = &self.mount.name;
        let mut evidence = self.evidence(asked).await?;
        let admitted = self.admit_any(&mut evidence, asked.role);
        let (admitted, _) = admitted.map_err(|barred| self.keep_refusal(asked.path, barred))?;
        if self.core.settings.offline {
            return Err(Failure::not_cached(asked.file));
        }
        let since = self.core.artifacts.absent_since(mount, asked.path);
        if since.is_some_and(|since| self.now.since(since) < self.mount.freshness.negative_ttl) {
            return Err(evidence.gathered.unserved(asked.file));
        }
        Ok(File::Absent(admitted, Box::new(evidence)))
    }

    /// Admits what is stored by the kept decision, when it still holds.
    fn admit_again(&self, entry: &Entry) -> Option<Admitted> {
        let decision = entry.decision()?;
        let admitted = self.policy.recall(&decision, &self.lens)?;
        self.tell_decision(&decision);
        Some(admitted)
    }

    async fn admit_anew(&self, asked: Asked<'_>, entry: &Entry) -> Result<Admitted, Failure> {
        let admitted = self.admit_stored(asked, entry).await;
        admitted.map_err(|barred| self.keep_refusal(asked.path, barred))
    }

    /// Admits what is stored by judging again.
    async fn admit_stored(&self, asked: Asked<'_>, entry: &Entry) -> Result<Admitted, Barred> {
        let undated = entry.available.is_none() && entry.first_seen.is_none();
        let mut trouble = None;
        // Stored when nobody asked for dates: the listing still knows them.
        if undated && self.cx.wants.contains(FactSet::DATES) || is_shared(asked.target) {
            match self.evidence(asked).await {
                Ok(mut evidence) => {
                    let (admitted, decision) = self.admit_any(&mut evidence, entry.role)?;
                    entry.decide(decision);
                    return Ok(admitted);
                }
                // No manifest of this package lists the content any more.
                Err(failure) if is_shared(asked.target) && failure.code() == Code::NotFound => {
                    return Err(failure.into());
                }
                Err(failure) => {
                    tracing::debug!(%failure, path = %entry.path, "no evidence for a stored file");
                    trouble = Some(failure).filter(Failure::is_transient);
                }
            }
        }
        let mut facts = Facts::new(entry.release.name.as_str(), entry.release.version.as_str());
        facts.file = Some(&entry.file);
        facts.available = entry.available;
        facts.authored = entry.authored;
        facts.role = entry.role;
        facts.first_seen = match entry.first_seen {
            Some(Timestamp::MIN) => Sight::Baseline,
            seen => Sight::At(seen.unwrap_or(entry.stored_at)),
        };
        // What upstream's trouble hides may speak for the file: that is no refusal.
        let (admitted, decision) = match (self.admit(&facts), trouble) {
            (Err(_), Some(trouble)) => return Err(trouble.into()),
            (admitted, _) => admitted?,
        };
        entry.decide(decision);
        Ok(admitted)
    }

    /// Admits a file for the first of its releases that passes, and keeps only that one.
    fn admit_any(
        &self,
        evidence: &mut Evidence,
        role: Role,
    ) -> Result<(Admitted, Decision), Barred> {
        let mut refused: Option<Barred> = None;
        for (ordinal, (release, sight)) in evidence.releases.iter().enumerate() {
            match self.admit(&Facts { role, ..Facts::of(release, *sight) }) {
                Ok(admitted) => {
                    evidence.releases.swap(0, ordinal);
                    evidence.releases.truncate(1);
                    return Ok(admitted);
                }
                // The first one is told; it stands until one of them changes.
                Err(Barred::Refused(failure, until)) => {
                    refused = Some(match refused {
                        Some(first) => first.at_most_until(until),
                        None => Barred::Refused(failure, until),
                    });
                }
                Err(failed) => return Err(failed),
            }
        }
        let fresh_until = evidence.gathered.fresh_until(self.mount.freshness.ttl);
        let refused = refused.map(|refused| refused.at_most_until(fresh_until));
        Err(refused.unwrap_or_else(|| Failure::unlisted("the file's release").into()))
    }

    fn admit(&self, facts: &Facts<'_>) -> Result<(Admitted, Decision), Barred> {
        let admitted = self.policy.admit(&self.lens, facts);
        let (admitted, decision) = admitted.map_err(|judgement| {
            Barred::Refused(self.refuse(facts, &judgement), judgement.valid_until)
        })?;
        if let Some(sentence) = decision.warning() {
            tracing::warn!(mount = %self.mount.name, "passed with a warning: {sentence}");
        }
        self.tell_decision(&decision);
        Ok((admitted, decision))
    }

    fn tell_decision(&self, decision: &Decision) {
        let ecosystem = self.mount.descriptor().id;
        self.core.observer.decided(ecosystem, decision.code(), decision.rule());
    }

    fn refuse(&self, facts: &Facts<'_>, judgement: &Judgement) -> Failure {
        let Some(refusal) = judgement.refusal() else {
            return Failure::new(Code::Internal, "policy refused without a reason");
        };
        let subject = self.mount.purl(facts.name, Some(facts.version));
        Failure::from_denial(refusal.denial(subject, None))
    }

    /// Finds the release of a file: in what is kept, else by asking upstream again.
    async fn evidence(&self, asked: Asked<'_>) -> Result<Evidence, Failure> {
        let kept = self.gather(asked.target, Purpose::Evidence).await?;
        let current = kept.fresh_until(self.mount.freshness.negative_ttl) > self.now;
        let mut found = self.find(asked, kept).await?;
        let listed = found.as_ref().is_some_and(|evidence| !evidence.is_unlisted());
        if !listed && !current && !self.core.settings.offline {
            let again = self.gather(asked.target, Purpose::Recheck).await?;
            found = self.find(asked, again).await?;
        }
        if let Some(mut evidence) = found {
            self.note_unlisted(&mut evidence.releases).await?;
            return Ok(evidence);
        }
        Err(Failure::unlisted(format!("{} in {}", asked.file, self.describe(asked.target))))
    }

    async fn find(
        &self,
        asked: Asked<'_>,
        gathered: Gathered,
    ) -> Result<Option<Evidence>, Failure> {
        let visit = self.clone();
        let (target, file) = (asked.target.clone(), asked.file.to_owned());
        let docs = gathered.docs.clone();
        let found =
            self.compute(gathered.length(), move || visit.find_now(&target, &docs, &file)).await;
        if let Err(failure) = &found {
            self.doubt(&gathered, failure).await;
        }
        let Some((located, releases)) = found? else { return Ok(None) };
        let sights = self.sights(asked.target, &releases).await?;
        self.outline(asked.target, &gathered, &releases).await;
        let releases = releases.into_iter().zip(sights).collect();
        Ok(Some(Evidence { gathered, located, releases }))
    }

    fn find_now(
        &self,
        target: &Target,
        docs: &weir_core::Docs,
        file: &str,
    ) -> Result<Option<(Located, Vec<Release<'static>>)>, Failure> {
        let job = self.job(target, docs);
        let unreadable = |error| self.unreadable(target, &error);
        let ecosystem = &self.mount.ecosystem;
        let Some(located) = ecosystem.locate(&job).map_err(unreadable)? else { return Ok(None) };
        let listed = located.listed_as.as_deref().unwrap_or(file);
        let shared = is_shared(target);
        let mut found: Vec<Release<'static>> = Vec::new();
        let mut each = |release: Release<'_>| {
            let owns = *release.name == *located.release.name.as_str()
                && *release.version == *located.release.version.as_str();
            let lists = release.file.as_deref().is_none_or(|name| name == listed);
            if lists && (shared || owns && found.is_empty()) {
                found.push(release.into_owned());
            }
        };
        ecosystem.read(&job, &mut each).map_err(unreadable)?;
        Ok((!found.is_empty()).then_some((located, found)))
    }

    /// Fetches an admitted file, or joins its transfer.
    pub(crate) async fn fetch(
        &self,
        asked: Asked<'_>,
        evidence: Evidence,
    ) -> Result<Acquired, Failure> {
        self.note_asked();
        let Evidence { gathered, located, releases } = evidence;
        let spot = self.spot(&located.place, &gathered).await?;
        let checksums = self.checksum_spots(&located, &gathered).await?;
        let headers = self.mount.descriptor().checksum_headers;
        let promised = Promise {
            length: located.size,
            digests: located.digest.into_iter().collect(),
            wanted: headers.iter().map(|(algorithm, _)| *algorithm).collect(),
            limit: self.core.settings.max_artifact,
        };
        let Some(release) = releases.first() else {
            return Err(Failure::unlisted(asked.file));
        };
        let wanted = self.wanted(asked, release, located.variant.as_deref());
        let (file, content) = (asked.file.into(), is_shared(asked.target));
        let order = Order { wanted, spot, promised, checksums, file, content };
        let acquired =
            if content { self.order_content(order).boxed() } else { self.order(order).boxed() };
        let acquired = acquired.await;
        self.noting_absence(asked, &gathered, acquired)
    }

    /// Remembers a 404 of upstream's for a file.
    fn noting_absence<T>(
        &self,
        asked: Asked<'_>,
        gathered: &Gathered,
        answer: Result<T, Failure>,
    ) -> Result<T, Failure> {
        if answer.as_ref().is_err_and(|failure| failure.code() == Code::NotFound) {
            self.core.artifacts.note_absent(&self.mount.name, asked.path);
            return Err(gathered.unserved(asked.file));
        }
        answer
    }

    /// Length and media type of a file that is not here: upstream's own HEAD.
    pub(crate) async fn probe(
        &self,
        asked: Asked<'_>,
        evidence: &Evidence,
    ) -> Result<(Option<u64>, String), Failure> {
        self.note_asked();
        let spot = self.spot(&evidence.located.place, &evidence.gathered).await?;
        let answer = self.stream(&spot, Ask::head(spot.whither()), asked.file).await;
        let Streaming { headers, length, .. } =
            self.noting_absence(asked, &evidence.gathered, answer)?;
        let media = if is_shared(asked.target) {
            CONTENT.to_owned()
        } else {
            header(&headers, CONTENT_TYPE).unwrap_or_default()
        };
        Ok((evidence.located.size.or(length), media))
    }

    /// Whether a file is stored, or still at upstream.
    pub(crate) async fn can_be_had(&self, target: &Target) -> bool {
        let Target::Artifact { file, role, .. } = target else { return false };
        let path = self.mount.ecosystem.path(target);
        let asked = Asked { target, path: &path, file, role: *role };
        match self.core.artifacts.entry(&self.mount.name, &path).await {
            Ok(Some(_)) => return true,
            Ok(None) if !self.core.settings.offline => {}
            _ => return false,
        }
        match self.evidence(asked).await {
            Ok(evidence) => self.probe(asked, &evidence).await.is_ok(),
            Err(_) => false,
        }
    }

    /// Asks for a file; the answer has a success's status.
    pub(crate) async fn stream(
        &self,
        spot: &Spot,
        ask: Ask<'_>,
        file: &str,
    ) -> Result<Streaming, Failure> {
        let started = Instant::now();
        let comes = ask.method == Method::Get;
        let answer = self.mount.upstream.stream(&spot.origin, ask).await;
        // A body that comes is told of when it has ended.
        let comes = comes && answer.as_ref().is_ok_and(|streaming| streaming.status.is_success());
        if !comes {
            self.tell(started, answer.as_ref().err());
        }
        self.tell_quota(answer.as_ref().map(|streaming| &streaming.headers));
        let streaming = answer?;
        if !answered(streaming.status, &streaming.url, || file.to_owned())? {
            return Err(Failure::not_found(file));
        }
        Ok(streaming)
    }

    pub(crate) async fn ask_file(
        &self,
        spot: &Spot,
        mut promise: Promise,
        file: &str,
    ) -> Result<(Promise, Box<str>, Transfer), Failure> {
        let started = Instant::now();
        let Streaming { headers, length, body, .. } =
            self.stream(spot, Ask::get(spot.whither()), file).await?;
        let ecosystem = self.mount.descriptor().id;
        let body = Transfer::new(body, &self.core.observer, ecosystem, started);
        promise.length = promise.length.or(length);
        if promise.length.is_some_and(|length| length > promise.limit) {
            return Err(weir_cache::CacheError::TooLarge { limit: promise.limit }.into());
        }
        let media = header(&headers, CONTENT_TYPE).unwrap_or_default();
        Ok((promise, media.into(), body))
    }

    /// Where an artifact's bytes are: content by its digest, whoever lists it.
    fn key(&self, asked: Asked<'_>, release: &Release<'_>, variant: Option<&str>) -> Key {
        if let Target::Artifact { owner: Owner::Content { digest, .. }, .. } = asked.target {
            let hex = digest.hex();
            let (folder, algorithm) = (self.mount.descriptor().folder, digest.algorithm());
            return Key::from_parts([folder, algorithm.name(), &hex[..2], &hex]);
        }
        let (name, version) = (&*release.name, &*release.version);
        let parts = [Some(&*self.mount.folder), Some(name), Some(version), variant];
        Key::from_parts(parts.into_iter().flatten().chain([asked.file]))
    }

    fn wanted(
        &self,
        asked: Asked<'_>,
        (release, sight): &(Release<'_>, Sight),
        variant: Option<&str>,
    ) -> Wanted {
        let key = self.key(asked, release, variant);
        Wanted {
            ecosystem: self.mount.descriptor().id,
            mount: Arc::clone(&self.mount.name),
            path: asked.path.into(),
            release: Coordinates::new(&*release.name, &*release.version),
            file: asked.file.into(),
            role: asked.role,
            key,
            available: release.available,
            authored: release.authored,
            first_seen: match *sight {
                Sight::At(at) => Some(at),
                Sight::Baseline => Some(Timestamp::MIN),
                Sight::Unknown => None,
            },
        }
    }
}

impl Evidence {
    /// The digests that the registry promised in what was gathered.
    pub(crate) fn digests(&self) -> &[Digest] {
        self.located.digest.as_slice()
    }

    fn is_unlisted(&self) -> bool {
        self.releases.iter().any(|(release, _)| release.unlisted)
    }

    /// The release that the file is served for.
    pub(crate) fn release(&self) -> Coordinates {
        match self.releases.first() {
            Some((release, _)) => Coordinates::new(&*release.name, &*release.version),
            None => self.located.release.clone(),
        }
    }
}

/// Whether several releases may list the same content.
fn is_shared(target: &Target) -> bool {
    matches!(target, Target::Artifact { owner: Owner::Content { .. }, .. })
}

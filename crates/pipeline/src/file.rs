//! Answers with a file: stored, on its way, or known by its head alone; and with the checksum of
//! what is served.

use std::sync::Arc;

use futures_util::FutureExt as _;
use http::Response;
use weir_cache::{Acquired, CacheError, Entry, Fill};
use weir_core::{Algorithm, Code, Coordinates, Digest, Purl, Target};
use weir_policy::Admitted;

use crate::artifact::{Asked, Evidence, File};
use crate::checksums;
use crate::respond::{self, Foretold};
use crate::service::{Answered, Exchange};
use crate::visit::Visit;
use crate::{Failure, Mount, ResponseBody};

impl Exchange<'_> {
    pub(crate) async fn file(&self, visit: &Visit, asked: Asked<'_>) -> Result<Answered, Failure> {
        // A file that was removed by hand is fetched again, once.
        match self.file_once(visit, asked).await {
            Err(failure) if failure.code() == Code::UpstreamUnavailable && !visit.has_asked() => {
                tracing::warn!(%failure, path = asked.path, "fetching again");
                self.file_once(visit, asked).boxed().await
            }
            other => other,
        }
    }

    async fn file_once(&self, visit: &Visit, asked: Asked<'_>) -> Result<Answered, Failure> {
        let (response, subject) = match visit.artifact(asked).await? {
            File::Stored(admitted, entry) => {
                let subject = entry.subject(|| subject(visit, &entry.release));
                (self.stored(admitted, &entry).await?, subject)
            }
            File::Absent(admitted, evidence) => {
                let subject = subject(visit, &evidence.release());
                (self.absent(visit, asked, admitted, *evidence).boxed().await?, subject)
            }
        };
        let hit = !visit.has_asked();
        Ok(Answered { response, hit, subject: Some(subject), withheld: 0, notice: None })
    }

    pub(crate) fn checksum_headers(&self) -> checksums::Headers {
        self.front.ecosystem().map_or(&[], |ecosystem| ecosystem.describe().checksum_headers)
    }

    async fn stored(
        &self,
        admitted: Admitted,
        entry: &Arc<Entry>,
    ) -> Result<Response<ResponseBody>, Failure> {
        let (head, range) = respond::stored_part(entry, self.conditions());
        let head = checksums::told(head, self.checksum_headers(), |a| entry.digest(a).cloned());
        let Some(range) = range else { return Ok(head.map(|()| ResponseBody::empty())) };
        let body = self.core.artifacts.open(admitted, entry, range).await?;
        Ok(respond::stored(head, body))
    }

    /// A file that is not here: fetched, unless the client only asks about it.
    async fn absent(
        &self,
        visit: &Visit,
        asked: Asked<'_>,
        admitted: Admitted,
        evidence: Evidence,
    ) -> Result<Response<ResponseBody>, Failure> {
        let conditions = self.conditions();
        let known = Foretold { digests: evidence.digests(), media: "", length: None };
        if let Some(response) = known.unchanged(conditions) {
            return Ok(response);
        }
        if conditions.head {
            let (length, media) = visit.probe(asked, &evidence).await?;
            return Ok(Foretold { media: &media, length, ..known }
                .head(0)
                .map(|()| ResponseBody::empty()));
        }
        match visit.fetch(asked, evidence).await? {
            Acquired::Stored(entry) => self.stored(admitted, &entry).await,
            Acquired::Filling(fill) => self.filling(admitted, &fill).await,
        }
    }

    /// A file on its way: an open range follows the transfer, a closed one and the files of Go wait
    /// for its end up to a limit and then get the whole.
    async fn filling(
        &self,
        admitted: Admitted,
        fill: &Fill,
    ) -> Result<Response<ResponseBody>, Failure> {
        let foretold = Foretold::of(fill);
        let range = match foretold.length {
            Some(length) => self.conditions().range(foretold.etag().as_deref(), None, length),
            None => respond::Asked::Whole,
        };
        let start = match range {
            respond::Asked::Nothing => {
                let length = foretold.length.unwrap_or(0);
                let head = respond::unsatisfiable(foretold.head(0), length);
                return Ok(head.map(|()| ResponseBody::empty()));
            }
            respond::Asked::Part { range, open: true } => range.start,
            // What is wrong with a module, go prints of an answer that says so, not of one that breaks.
            respond::Asked::Whole if !fill.digests().iter().any(|one| one.algorithm().is_go()) => 0,
            respond::Asked::Whole | respond::Asked::Part { open: false, .. } => {
                let wait = self.core.settings.range_wait;
                if let Ok(ended) = tokio::time::timeout(wait, fill.finished()).await {
                    let entry = ended.map_err(CacheError::Fill)?;
                    return self.stored(admitted, &entry).await;
                }
                0
            }
        };
        let head = checksums::told(foretold.head(start), self.checksum_headers(), |algorithm| {
            fill.digests().iter().find(|digest| digest.algorithm() == algorithm).cloned()
        });
        Ok(respond::stored(head, fill.body(admitted, start)))
    }

    /// The checksum of what this gateway serves for another target.
    pub(crate) async fn checksum(
        &self,
        visit: &Visit,
        of: &Target,
        algorithm: Algorithm,
    ) -> Result<Answered, Failure> {
        let digest = match of {
            Target::Artifact { file, role, .. } => {
                let path = visit.mount.ecosystem.path(of);
                let asked = Asked { target: of, path: &path, file, role: *role };
                self.artifact_digest(visit, asked, algorithm).await?
            }
            other => self.rendering(visit, other).await?.digest_in(algorithm),
        };
        Ok(self.digest(of, &digest, &visit.mount, !visit.has_asked()))
    }

    /// The answer that shows a digest of another target.
    pub(crate) fn digest(
        &self,
        of: &Target,
        digest: &Digest,
        mount: &Mount,
        hit: bool,
    ) -> Answered {
        let response = respond::text(digest.hex(), self.conditions());
        let subject = of.package().map(|name| mount.purl(name.as_str(), None));
        Answered { response, hit, subject, withheld: 0, notice: None }
    }

    async fn artifact_digest(
        &self,
        visit: &Visit,
        asked: Asked<'_>,
        algorithm: Algorithm,
    ) -> Result<Digest, Failure> {
        let (admitted, entry) = match visit.artifact(asked).await? {
            File::Stored(admitted, entry) => (admitted, entry),
            File::Absent(admitted, evidence) => match visit.fetch(asked, *evidence).await? {
                Acquired::Stored(entry) => (admitted, entry),
                Acquired::Filling(fill) => {
                    (admitted, fill.finished().await.map_err(CacheError::Fill)?)
                }
            },
        };
        if let Some(digest) = entry.digest(algorithm) {
            return Ok(digest.clone());
        }
        let mut body = self.core.artifacts.open(admitted, &entry, 0..entry.size).await?;
        let mut hasher = weir_core::Hasher::new(algorithm);
        while let Some(chunk) = futures_util::StreamExt::next(&mut body).await {
            hasher.update(&chunk?);
        }
        Ok(hasher.finish())
    }
}

fn subject(visit: &Visit, release: &Coordinates) -> Purl {
    visit.mount.purl(release.name.as_str(), Some(release.version.as_str()))
}

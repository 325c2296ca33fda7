//! Digests that registries publish in files of their own, and what gateways tell of theirs.

use futures_util::future::join_all;
use http::{HeaderName, HeaderValue, Response};
use weir_cache::Entry;
use weir_core::{Algorithm, Digest, Located};
use weir_upstream::Ask;

use crate::Failure;
use crate::artifact::Asked;
use crate::gather::{Gathered, Purpose};
use crate::link::Spot;
use crate::visit::Visit;

/// Headers that hold digests, as [`weir_core::Descriptor::checksum_headers`] names them.
pub(crate) type Headers = &'static [(Algorithm, &'static str)];

/// Adds the headers whose digests are known.
pub(crate) fn told<B>(
    mut response: Response<B>,
    headers: Headers,
    digest: impl Fn(Algorithm) -> Option<Digest>,
) -> Response<B> {
    for (algorithm, name) in headers {
        if let Some(digest) = digest(*algorithm)
            && let Ok(value) = HeaderValue::try_from(digest.hex())
        {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

impl Visit {
    /// Whether a stored file may be another one at upstream by now.
    pub(crate) fn may_change(&self, asked: Asked<'_>, entry: &Entry) -> bool {
        let changes = self.mount.descriptor().changing.is_some_and(|may| may(asked.target));
        let age = || self.now.since(entry.confirmed_at());
        changes && !self.core.settings.offline && age() >= self.mount.freshness.ttl
    }

    /// Whether a stored file that may change is what upstream has, by the digests that upstream
    /// publishes beside it.
    pub(crate) async fn is_current(
        &self,
        asked: Asked<'_>,
        entry: &Entry,
    ) -> Result<bool, Failure> {
        let published = async {
            let gathered = self.gather(asked.target, Purpose::Evidence).await?;
            let job = self.job(asked.target, &gathered.docs);
            let located = self.mount.ecosystem.locate(&job);
            let located = located.map_err(|error| self.unreadable(asked.target, &error))?;
            let Some(located) = located else { return Ok(Vec::new()) };
            let spots = self.checksum_spots(&located, &gathered).await?;
            self.ask_checksums(&spots).await
        };
        self.note_asked();
        match published.await {
            Ok(published) => {
                let agrees = |one: &Digest| entry.digest(one.algorithm()) == Some(one);
                let same = published.iter().any(agrees);
                if same {
                    entry.confirm(self.now);
                }
                Ok(same)
            }
            Err(failure) if failure.is_transient() => {
                tracing::warn!(mount = %self.mount.name, %failure, "served stale");
                Ok(true)
            }
            Err(failure) => Err(failure),
        }
    }

    pub(crate) async fn checksum_spots(
        &self,
        located: &Located,
        gathered: &Gathered,
    ) -> Result<Vec<(Algorithm, Spot)>, Failure> {
        let mut spots = Vec::with_capacity(located.checksums.len());
        for (algorithm, place) in &located.checksums {
            spots.push((*algorithm, self.spot(place, gathered).await?));
        }
        Ok(spots)
    }

    /// The digests that upstream publishes in files of their own. MD5 is asked for only where there is
    /// nothing better.
    pub(crate) async fn ask_checksums(
        &self,
        spots: &[(Algorithm, Spot)],
    ) -> Result<Vec<Digest>, Failure> {
        let (weak, strong): (Vec<_>, Vec<_>) =
            spots.iter().partition(|(algorithm, _)| *algorithm == Algorithm::Md5);
        let found = self.ask_each(&strong).await?;
        if found.is_empty() { self.ask_each(&weak).await } else { Ok(found) }
    }

    /// A file that upstream does not have, or that holds no digest, promises nothing; when none could
    /// be had and one of them failed, nothing is known.
    async fn ask_each(&self, spots: &[&(Algorithm, Spot)]) -> Result<Vec<Digest>, Failure> {
        let ask = |(algorithm, spot): &&(Algorithm, Spot)| {
            let (algorithm, spot) = (*algorithm, spot.clone());
            async move {
                let document = self.ask(&spot, Ask::get(spot.whither())).await?;
                let text = String::from_utf8_lossy(&document.body);
                let found = || Digest::in_text(algorithm, &text);
                Ok(document.status.is_success().then(found).flatten())
            }
        };
        let answers: Vec<Result<Option<Digest>, Failure>> = join_all(spots.iter().map(ask)).await;
        let mut failed = None;
        let mut digests = Vec::new();
        for answer in answers {
            match answer {
                Ok(digest) => digests.extend(digest),
                Err(failure) => failed = Some(failure),
            }
        }
        match failed {
            Some(failure) if digests.is_empty() => Err(failure),
            _ => Ok(digests),
        }
    }
}

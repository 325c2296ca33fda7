//! Why a package passes or does not: the same answer for the API, the page and the terminal.

use std::sync::Arc;

use thiserror::Error;
use weir_core::{Digest, Name, Purl, Request, Target, Unroutable, View};
use weir_policy::{Explanation, Facts};

use crate::gather::Purpose;
use crate::visit::Visit;
use crate::{Failure, Mount, Pipeline};

/// The answer for one package URL.
#[derive(Clone, Debug)]
pub struct Explained {
    /// One explanation for each file or release that the URL names; for a URL without version,
    /// those that are withheld, and the newest that passes.
    pub explanations: Vec<Explanation>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ExplainError {
    /// No mount serves this type.
    #[error("no mount serves packages of type {0:?}")]
    NoMount(String),
    /// The URL lacks something.
    #[error("{0}")]
    Malformed(String),
    /// The mount's registry does not list this package or version.
    #[error("{0} is not listed by its registry")]
    NotListed(String),
    /// The listing could not be had.
    #[error("{0}")]
    Failed(Failure),
}

impl Pipeline {
    /// Explains a package URL at the first of these mounts that serves its type and lists it.
    pub async fn explain(
        &self,
        mounts: &[Arc<Mount>],
        purl: &Purl,
    ) -> Result<Explained, ExplainError> {
        let Some((purl_type, name, version)) = purl.parts() else {
            return Err(ExplainError::Malformed(format!("{purl} is not a package URL")));
        };
        let mut last = ExplainError::NoMount(purl_type.clone());
        for mount in mounts {
            let descriptor = mount.descriptor();
            let own = descriptor.content.map(|content| content.namespace_purl_type);
            let of_type = descriptor.purl_type == purl_type || own == Some(&*purl_type);
            if !of_type || descriptor.listing.is_empty() {
                continue;
            }
            match self.explain_at(mount, &name, version.as_deref()).await {
                Ok(explained) => return Ok(explained),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn explain_at(
        &self,
        mount: &Arc<Mount>,
        name: &str,
        version: Option<&str>,
    ) -> Result<Explained, ExplainError> {
        let address = version.filter(|version| version.parse::<Digest>().is_ok());
        let view = match (mount.descriptor().content, address) {
            (Some(content), Some(address)) => View::with(content.version_view, address),
            _ => mount.descriptor().listing.into(),
        };
        let target = canonical(mount, Target::manifest(name, view))?;
        let visit = Visit::new(&self.core, mount, "http://weir.invalid".into(), b"");
        let visit = visit.concerning(&target);
        let label = mount.purl(name, version).to_string();
        let failed = |failure: Failure| {
            if failure.goes_on() {
                ExplainError::NotListed(label.clone())
            } else {
                ExplainError::Failed(failure)
            }
        };
        let gathered = visit.gather(&target, Purpose::Listing).await.map_err(failed)?;
        let releases = visit.read(&target, &gathered).await.map_err(failed)?;
        let sights = visit.sights(&target, &releases).await.map_err(failed)?;
        let info = mount.info();
        let mut explanations = Vec::new();
        let mut passing = None;
        for (release, sight) in releases.iter().zip(sights) {
            let named = |version: &str| {
                version == release.version || release.chain.iter().any(|one| one == version)
            };
            if version.is_some_and(|version| !named(version)) {
                continue;
            }
            let explanation = visit.policy.explain(&visit.lens, &info, &Facts::of(release, sight));
            if version.is_some() || explanation.code.is_some() {
                explanations.push(explanation);
            } else {
                passing = Some(explanation);
            }
        }
        explanations.extend(passing);
        explanations.dedup_by(|a, b| a.purl == b.purl && a.sentence == b.sentence);
        if explanations.is_empty() {
            return Err(ExplainError::NotListed(label));
        }
        Ok(Explained { explanations })
    }
}

/// The target as the plugin spells it: a package URL may have another spelling of the name, or a
/// name that this ecosystem does not know.
fn canonical(mount: &Mount, target: Target) -> Result<Target, ExplainError> {
    let ecosystem = &mount.ecosystem;
    let accept = mount.descriptor().accepts.first().copied().unwrap_or_default();
    let namespace = mount.namespace();
    let route = |path: &str| {
        let request = Request { namespace: &namespace, ..Request::get(path)?.accepting(accept) };
        ecosystem.route(&request)
    };
    let routed = match route(&ecosystem.path(&target)) {
        Err(Unroutable::Moved(path)) => route(&path),
        other => other,
    };
    match (routed, target) {
        (Ok(Target::Manifest { scope, .. }), Target::Manifest { view, .. }) => {
            Ok(Target::Manifest { scope, view })
        }
        (_, target) => {
            let name = target.package().map(Name::as_str).unwrap_or_default();
            let id = mount.descriptor().id;
            Err(ExplainError::Malformed(format!("{name:?} is not a package name of {id}")))
        }
    }
}

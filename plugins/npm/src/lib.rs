//! npm registries for Weir: packuments, single versions, dist-tags, search, audit.
//!
//! Formats: <https://github.com/npm/registry> (`docs/REGISTRY-API.md`,
//! `docs/responses/package-metadata.md`) and the npm client's own sources.
//!
//! The full packument is the source of everything else. A single version, the tags and the
//! abbreviated packument are parts of it, so they cannot disagree with it; only where policy
//! needs no date does the small document of one version stand in as evidence for its file.

mod deny;
mod describe;
mod entry;
mod needs;
mod packument;
mod restrictions;
mod route;
mod search;
mod tags;
mod write;

use std::io;

use weir_core::{
    Denial, Descriptor, Ecosystem, Edits, FormatError, Head, Job, Located, Need, Place, Release,
    Reply, Request, Scope, Target, Unroutable,
};

use crate::entry::Entry;
use crate::needs::Evidence;

/// The npm ecosystem.
#[derive(Clone, Copy, Debug, Default)]
pub struct Npm;

/// The views of this plugin.
pub mod view {
    /// The packument with all fields.
    pub const FULL: &str = "full";
    /// The packument with the fields that installing needs.
    pub const ABBREVIATED: &str = "abbreviated";
    /// One version, named exactly in the argument.
    pub const VERSION: &str = "version";
    /// The version that the tag in the argument names.
    pub const TAG: &str = "tag";
    /// All tags.
    pub const TAGS: &str = "dist-tags";
    /// The attestations of the version in the argument.
    pub const ATTESTATIONS: &str = "attestations";
    /// Search results; the argument is the query.
    pub const SEARCH: &str = "search";
    /// Answers that the registry is there.
    pub const PING: &str = "ping";
    /// The keys that sign packages.
    pub const KEYS: &str = "keys";
    /// Advisories for a list of installed packages; the path tells the form.
    pub const AUDIT: &str = "audit";
}

impl Ecosystem for Npm {
    fn describe(&self) -> &'static Descriptor {
        &describe::NPM
    }

    fn route(&self, request: &Request<'_>) -> Result<Target, Unroutable> {
        route::route(request)
    }

    fn path(&self, target: &Target) -> String {
        route::path(target)
    }

    fn need(&self, job: &Job<'_>) -> Vec<Need> {
        needs::need(job)
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        if let Target::Manifest { scope: Scope::Index(_), .. } = job.target {
            return search::read(job, each);
        }
        let Some(name) = job.target.package().map(weir_core::Name::as_str) else {
            return Ok(());
        };
        let evidence = Evidence::gathered(job, name)?;
        match (&evidence.version, evidence.packument()) {
            (Some(entry), packument) => {
                let dates = packument.map(packument::Packument::dates);
                let date = dates.and_then(|dates| dates.get(&*entry.version).copied());
                each(entry.release(name, date));
            }
            (None, Some(packument)) => packument.read(name, each),
            (None, None) => {}
        }
        Ok(())
    }

    fn write(
        &self,
        job: &Job<'_>,
        edits: &Edits,
        out: &mut dyn io::Write,
    ) -> Result<Head, FormatError> {
        write::write(job, edits, out)
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        let Target::Artifact { owner, file, .. } = job.target else { return Ok(None) };
        let Some(name) = owner.package() else { return Ok(None) };
        let evidence = Evidence::gathered(job, name.as_str())?;
        let located = |doc: &weir_core::Doc, entry: &Entry<'_>| -> Result<_, FormatError> {
            Ok(Some(Located {
                release: weir_core::Coordinates::new(name.as_str(), &*entry.version),
                listed_as: None,
                place: Place::Link(entry.link(doc)?),
                digest: entry.digest.clone(),
                checksums: Vec::new(),
                size: None,
                variant: None,
            }))
        };
        if let Some((doc, packument)) = evidence.packument_doc.zip(evidence.packument()) {
            return match packument.find(file) {
                Some(entry) => located(doc, entry),
                None => Ok(None),
            };
        }
        match evidence.version_doc.zip(evidence.version.as_ref()) {
            Some((doc, entry)) if entry.file.as_deref() == Some(&**file) => located(doc, entry),
            _ => Ok(None),
        }
    }

    fn deny(&self, _target: Option<&Target>, denial: &Denial) -> Reply {
        deny::deny(denial)
    }
}

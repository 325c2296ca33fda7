//! Which documents a target needs, and finding them again among those gathered.

use std::sync::Arc;

use weir_core::{Doc, FactSet, Fetch, FormatError, Job, Need, Owner, Scope, Target, Via};

use crate::entry::Entry;
use crate::packument::{Packument, Reading};
use crate::{describe, route, view};

pub(crate) fn need(job: &Job<'_>) -> Vec<Need> {
    let fetches = match job.target {
        Target::Manifest { scope: Scope::Package(name), view } => {
            of_package(job, name.as_str(), view)
        }
        Target::Manifest { scope: Scope::Index(_), .. } => vec![search(job.target)],
        Target::Artifact { owner, file, .. } => of_file(job, owner, file),
        Target::Relay { path, view } => vec![relay(job, path, view.name)],
        Target::Local(_) | Target::Sidecar { .. } => Vec::new(),
    };
    job.missing(fetches.into_iter().map(Need::Fetch))
}

fn of_package(job: &Job<'_>, name: &str, view: &weir_core::View) -> Vec<Fetch> {
    match view.name {
        view::FULL => vec![full(name)],
        // The tag's own document answers 404 for a tag that does not exist; which version the
        // tag may name is decided over all of them.
        view::TAG => vec![single(name, &view.arg), full(name)],
        view::VERSION => dated(job, name, vec![single(name, &view.arg)]),
        view::ATTESTATIONS => {
            dated(job, name, vec![single(name, &view.arg), attestations(name, &view.arg)])
        }
        _ => vec![packument(job, name)],
    }
}

/// Adds the document that holds the dates, when they are wanted.
fn dated(job: &Job<'_>, name: &str, mut fetches: Vec<Fetch>) -> Vec<Fetch> {
    if job.cx.wants.contains(FactSet::DATES) {
        fetches.push(full(name));
    }
    fetches
}

/// The small document of one version is enough evidence for its file, unless dates are wanted or
/// the file turns out to be another version's.
fn of_file(job: &Job<'_>, owner: &Owner, file: &str) -> Vec<Fetch> {
    let Some(name) = owner.package() else { return Vec::new() };
    let name = name.as_str();
    let Owner::Release(release) = owner else { return vec![packument(job, name)] };
    if job.cx.wants.contains(FactSet::DATES) {
        return vec![full(name)];
    }
    let small = single(name, release.version.as_str()).optional();
    if job.docs.found(&Need::Fetch(small.clone())).is_none() {
        return vec![small];
    }
    let proven = job.docs.doc(&small).is_some_and(|doc| {
        Entry::single(doc.bytes(), name).is_ok_and(|entry| entry.file.as_deref() == Some(file))
    });
    if proven { Vec::new() } else { vec![small, packument(job, name)] }
}

fn relay(job: &Job<'_>, path: &str, view: &str) -> Fetch {
    let mut fetch = Fetch::get(path).accept(describe::JSON);
    if view == view::AUDIT {
        fetch.via = Via::Post(job.cx.body.clone());
    }
    fetch
}

pub(crate) fn search(target: &Target) -> Fetch {
    Fetch::get(route::path(target)).accept(describe::JSON)
}

/// The fetch behind a relay.
pub(crate) fn relayed(job: &Job<'_>) -> Option<Fetch> {
    match job.target {
        Target::Relay { path, view } => Some(relay(job, path, view.name)),
        _ => None,
    }
}

fn full(name: &str) -> Fetch {
    Fetch::get(route::escaped(name)).accept(describe::JSON).listing()
}

/// The packument with all fields when policy wants those that the abbreviated one lacks.
fn packument(job: &Job<'_>, name: &str) -> Fetch {
    let lacking = [FactSet::DATES, FactSet::LICENCES];
    if lacking.into_iter().any(|fact| job.cx.wants.contains(fact)) {
        return full(name);
    }
    full(name).accept(describe::ACCEPT_ABBREVIATED)
}

fn single(name: &str, version_or_tag: &str) -> Fetch {
    let path = format!("{}/{}", route::escaped(name), route::segment(version_or_tag));
    Fetch::get(path).accept(describe::JSON)
}

pub(crate) fn attestations(name: &str, version: &str) -> Fetch {
    Fetch::get(route::attestations_path(name, version)).accept(describe::JSON)
}

/// The version that upstream resolved a tag or range to.
pub(crate) fn resolved(job: &Job<'_>, name: &str, tag: &str) -> Result<String, FormatError> {
    let doc = job.doc(&single(name, tag))?;
    Ok(Entry::single(doc.bytes(), name)?.version.into_owned())
}

/// The gathered documents that say something about versions of a package, read.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    /// The document of the single version that the target is about.
    pub(crate) version_doc: Option<&'a Doc>,
    /// The same, read.
    pub(crate) version: Option<Entry<'a>>,
    /// The packument: of a target about one version, only a source of its date.
    pub(crate) packument_doc: Option<&'a Doc>,
    reading: Option<Arc<Reading>>,
}

impl<'a> Evidence<'a> {
    pub(crate) fn gathered(job: &Job<'a>, name: &str) -> Result<Self, FormatError> {
        let packument_doc = job.docs.iter().find_map(|(need, _)| match need {
            Need::Fetch(fetch) if fetch.lists => job.docs.doc(fetch),
            _ => None,
        });
        let version_doc = match job.target {
            Target::Manifest { view, .. } => match view.name {
                view::VERSION | view::ATTESTATIONS => job.docs.doc(&single(name, &view.arg)),
                _ => None,
            },
            Target::Artifact { owner: Owner::Release(release), .. } if packument_doc.is_none() => {
                job.docs.doc(&single(name, release.version.as_str()).optional())
            }
            _ => None,
        };
        let version = version_doc.map(|doc| Entry::single(doc.bytes(), name)).transpose()?;
        let reading = packument_doc.map(|doc| Packument::of(doc, name)).transpose()?;
        Ok(Self { version_doc, version, packument_doc, reading })
    }

    /// The packument, read.
    pub(crate) fn packument(&self) -> Option<&Packument<'_>> {
        self.reading.as_ref().map(|reading| reading.get())
    }
}

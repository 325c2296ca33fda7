//! When releases became available: which documents say it, and what they say.

use std::collections::HashSet;

use weir_core::{
    Coordinates, Doc, Docs, Fetch, FormatError, Found, Job, Need, Release, Role, Timestamp, Via,
};

use crate::metadata::{Metadata, order};
use crate::{listing, route, wants_dates};

/// How many of the newest versions are asked for their date at first, and how many when all of
/// those are too new to settle it.
const FIRST: usize = 4;
const MORE: usize = 16;

/// The dates of an artifact's versions, as far as they were asked for.
pub(crate) struct Dates<'j> {
    docs: &'j Docs,
    name: &'j str,
    /// All versions are at least this old, and that is old enough.
    settled: Option<Timestamp>,
}

impl<'j> Dates<'j> {
    pub(crate) fn new(job: &Job<'j>, metadata: &Metadata<'_>, name: &'j str) -> Self {
        let old = |at: &Timestamp| job.cx.horizon.is_some_and(|horizon| *at < horizon);
        Self { docs: job.docs, name, settled: metadata.updated().filter(old) }
    }

    /// When a version became available.
    pub(crate) fn of(&self, version: &str) -> Option<Timestamp> {
        self.settled.or_else(|| self.doc(version)?.last_modified())
    }

    fn doc(&self, version: &str) -> Option<&Doc> {
        self.docs.doc(&head(route::pom(self.name, version)?))
    }

    /// The questions that are open.
    fn questions(&self, job: &Job<'_>, metadata: &Metadata<'_>) -> Vec<Fetch> {
        if self.settled.is_some() {
            return Vec::new();
        }
        let newest = newest(metadata, MORE);
        let fetch = |version: &&str| Some(head(route::pom(self.name, version)?));
        let first: Vec<Fetch> = newest.iter().take(FIRST).filter_map(fetch).collect();
        let asked = |fetch: &Fetch| job.docs.found(&Need::Fetch(fetch.clone())).is_some();
        if !first.iter().all(asked) {
            return first;
        }
        let oldest = newest.iter().take(FIRST).filter_map(|version| self.of(version)).min();
        match oldest {
            Some(oldest) if job.cx.horizon.is_none_or(|horizon| oldest >= horizon) => {
                newest.iter().filter_map(fetch).collect()
            }
            _ => first,
        }
    }
}

/// The versions that may be new: the highest ones and those that were listed last, in turns.
fn newest<'m>(metadata: &'m Metadata<'_>, limit: usize) -> Vec<&'m str> {
    let listed = metadata.versions();
    let mut sorted = listed.clone();
    sorted.sort_by(|a, b| order(b, a));
    let mut seen = HashSet::new();
    let turns = sorted.into_iter().zip(listed.into_iter().rev());
    let turns = turns.flat_map(|(high, late)| [high, late]);
    turns.filter(|version| seen.insert(*version)).take(limit).collect()
}

/// The headers of a file that never changes.
fn head(path: String) -> Fetch {
    Fetch { via: Via::Head, ..Fetch::get(path).optional().immutable() }
}

/// The headers of the file that a job is about.
fn own_head(job: &Job<'_>) -> Fetch {
    Fetch { immutable: !route::changes(job.target), ..head(route::path(job.target)) }
}

/// What an artifact's listing takes.
pub(crate) fn of_listing(job: &Job<'_>) -> Vec<Fetch> {
    let Ok(fetch) = listing(job) else { return Vec::new() };
    let mut fetches = questions(job, &fetch);
    fetches.insert(0, fetch);
    fetches
}

/// The questions about the versions of a listing that is there.
fn questions(job: &Job<'_>, fetch: &Fetch) -> Vec<Fetch> {
    let name = job.target.package().filter(|_| wants_dates(job, Role::Package));
    let (Some(name), Some(doc)) = (name, job.docs.doc(fetch)) else { return Vec::new() };
    // A document that cannot be read fails in `read`.
    let Ok(metadata) = Metadata::read(doc.bytes()) else { return Vec::new() };
    Dates::new(job, &metadata, name.as_str()).questions(job, &metadata)
}

/// The listing as evidence for a file: some artifacts have none.
fn evidence(release: &Coordinates) -> Fetch {
    Fetch::get(route::listing(&release.name)).accept(crate::XML).listing().optional()
}

/// What a file's date takes: nothing, where its own name says it or nobody asks.
pub(crate) fn of_file(job: &Job<'_>, release: &Coordinates, role: Role) -> Vec<Fetch> {
    if !wants_dates(job, role) || is_dated(job, release) {
        return Vec::new();
    }
    let fetch = evidence(release);
    let Some(found) = job.docs.found(&Need::Fetch(fetch.clone())) else { return vec![fetch] };
    let mut fetches = match found {
        Found::Doc(doc) if lists(doc, release) != Some(false) => questions(job, &fetch),
        _ => vec![own_head(job)],
    };
    fetches.insert(0, fetch);
    fetches
}

fn is_dated(job: &Job<'_>, release: &Coordinates) -> bool {
    file_of(job).is_some_and(|file| route::built_at(release, file).is_some())
}

fn file_of<'j>(job: &Job<'j>) -> Option<&'j str> {
    match job.target {
        weir_core::Target::Artifact { file, .. } => Some(file),
        _ => None,
    }
}

/// Whether a listing names a release; `None` when it cannot be read.
fn lists(doc: &Doc, release: &Coordinates) -> Option<bool> {
    let metadata = Metadata::read(doc.bytes()).ok()?;
    Some(metadata.versions().contains(&release.version.as_str()))
}

/// The release of a file, with the date that was found for it.
pub(crate) fn release<'j>(
    job: &Job<'j>,
    release: &'j Coordinates,
    file: &str,
) -> Result<Release<'j>, FormatError> {
    let mut found = Release {
        name: release.name.as_str().into(),
        version: release.version.as_str().into(),
        available: route::built_at(release, file),
        ..Release::default()
    };
    if found.available.is_some() {
        return Ok(found);
    }
    match job.docs.doc(&evidence(release)) {
        Some(doc) if lists(doc, release) != Some(false) => {
            let metadata = Metadata::read(doc.bytes())?;
            let dates = Dates::new(job, &metadata, release.name.as_str());
            found.available = dates.of(release.version.as_str());
        }
        _ => {
            let own = job.docs.found(&Need::Fetch(own_head(job)));
            found.unlisted = own.is_some();
            found.available = job.docs.doc(&own_head(job)).and_then(Doc::last_modified);
        }
    }
    Ok(found)
}

/// Whether no listing names a file and upstream does not have it either.
pub(crate) fn is_absent(job: &Job<'_>) -> bool {
    matches!(job.docs.found(&Need::Fetch(own_head(job))), Some(Found::Absent))
}

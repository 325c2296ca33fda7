//! Maven repositories, for Maven, Gradle and whatever else reads their layout.
//!
//! # Layout
//! `group/with/slashes/artifact/version/artifact-version[-classifier].extension`. Extensions are open-ended: whatever
//! stands in a version's directory is an artifact. Beside each file stand its checksums (`.md5`,
//! `.sha1`, `.sha256`, `.sha512`) and maybe a signature (`.asc`). The canonical name of a package is
//! `group:artifact`. Gradle's plugin markers (`<id>/<id>.gradle.plugin`) are packages like others.
//!
//! # Metadata
//! `maven-metadata.xml` lists an artifact's versions, a group's plugins or a snapshot's builds; the
//! first two share one path shape and may share one document.
//!
//! # Dates
//! A repository has none but `Last-Modified`. When policy wants dates, the POMs of the newest versions
//! are asked for theirs, unless the listing says that nothing has changed for longer than any
//! cooldown. Files that no listing names are asked for their own.
//!
//! Format: <https://maven.apache.org/repositories/layout.html> and
//! <https://maven.apache.org/ref/3.9.11/maven-repository-metadata/repository-metadata.html>.

mod dates;
mod descriptor;
mod join;
mod metadata;
mod route;

use std::borrow::Cow;
use std::io;

use weir_core::{
    Algorithm, Coordinates, Denial, Descriptor, Doc, Ecosystem, Edits, FactSet, Fetch, FormatError,
    Head, Job, Located, Need, Owner, Place, Release, Reply, Request, Role, SidecarKind, Target,
    Unroutable,
};
use weir_format::json;

use crate::dates::Dates;
use crate::metadata::Metadata;

/// The plugin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Maven;

/// The views of this plugin.
pub mod views {
    /// The listing of an artifact, of a group, or of both. Of a package, or of an index for the
    /// first word of a group.
    pub const METADATA: &str = "metadata";
    /// The builds of a snapshot. Of a package; the argument is the version.
    pub const SNAPSHOT: &str = "snapshot";
}

/// The checksum files of a layout, strongest first.
const CHECKSUMS: [(Algorithm, &str); 4] = [
    (Algorithm::Sha512, "sha512"),
    (Algorithm::Sha256, "sha256"),
    (Algorithm::Sha1, "sha1"),
    (Algorithm::Md5, "md5"),
];
const XML: &str = "text/xml";

impl Ecosystem for Maven {
    fn describe(&self) -> &'static Descriptor {
        &descriptor::DESCRIPTOR
    }

    fn route(&self, request: &Request<'_>) -> Result<Target, Unroutable> {
        route::route(request)
    }

    fn path(&self, target: &Target) -> String {
        route::path(target)
    }

    fn need(&self, job: &Job<'_>) -> Vec<Need> {
        let fetches = match job.target {
            Target::Manifest { view, .. } if view.name == views::SNAPSHOT => {
                vec![Fetch::get(route::path(job.target)).accept(XML)]
            }
            Target::Manifest { .. } => dates::of_listing(job),
            Target::Artifact { owner: Owner::Release(release), role, .. } => {
                dates::of_file(job, release, *role)
            }
            Target::Sidecar { of, kind: SidecarKind::Signature } => vec![signature(of)],
            _ => Vec::new(),
        };
        job.missing(fetches.into_iter().map(Need::Fetch))
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        match job.target {
            Target::Manifest { scope, view } => {
                let Some(name) = scope.package() else { return Ok(()) };
                let metadata = Metadata::read(document(job)?.bytes())?;
                if view.name == views::SNAPSHOT {
                    metadata.snapshot(name.as_str(), &view.arg).into_iter().for_each(each);
                } else {
                    let dates = Dates::new(job, &metadata, name.as_str());
                    metadata.releases(name.as_str(), &dates).for_each(each);
                }
                Ok(())
            }
            Target::Artifact { owner: Owner::Release(release), file, .. } => {
                each(dates::release(job, release, file)?);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn write(
        &self,
        job: &Job<'_>,
        edits: &Edits,
        out: &mut dyn io::Write,
    ) -> Result<Head, FormatError> {
        let unwritten = |_| FormatError::new("the document could not be written");
        match job.target {
            Target::Manifest { scope, view } => {
                let metadata = Metadata::read(document(job)?.bytes())?;
                let edited = match scope.package() {
                    Some(_) if view.name == views::SNAPSHOT => metadata.without_snapshot(edits),
                    Some(_) => metadata.edited(edits),
                    None => metadata.unedited(),
                };
                edited.write(out).map_err(unwritten)?;
                Ok(Head::new(XML))
            }
            Target::Sidecar { of, kind: SidecarKind::Signature } => {
                out.write_all(job.doc(&signature(of))?.bytes()).map_err(unwritten)?;
                Ok(Head::new("text/plain"))
            }
            _ => Err(FormatError::new("this target has no document")),
        }
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        let Target::Artifact { owner: Owner::Release(release), .. } = job.target else {
            return Ok(None);
        };
        if dates::is_absent(job) {
            return Ok(None);
        }
        let path = route::path(job.target);
        let beside = |(algorithm, suffix): (Algorithm, &str)| {
            (algorithm, Place::primary(format!("{path}.{suffix}")))
        };
        Ok(Some(Located {
            release: Coordinates::clone(release),
            listed_as: None,
            variant: None,
            checksums: CHECKSUMS.map(beside).into(),
            place: Place::primary(path),
            digest: None,
            size: None,
        }))
    }

    /// RFC 9457, which Maven 3.9.11 and 4 print; older ones and Gradle print the status line.
    fn deny(&self, _: Option<&Target>, denial: &Denial) -> Reply {
        let title = if denial.code.is_block() {
            Cow::Borrowed("withheld by the gateway")
        } else {
            Cow::Owned(denial.code.as_str().replace('_', " "))
        };
        let explain =
            denial.explain.as_deref().map(|url| format!(",\"instance\":{}", json::quote(url)));
        let body = format!(
            "{{\"title\":{},\"detail\":{}{}}}",
            json::quote(&title),
            json::quote(&denial.sentence),
            explain.unwrap_or_default()
        );
        Reply { media: "application/problem+json", headers: Vec::new(), body }
    }
}

/// The document of a manifest.
fn listing(job: &Job<'_>) -> Result<Fetch, FormatError> {
    match job.target {
        Target::Manifest { view, .. } if view.name == views::SNAPSHOT => {
            Ok(Fetch::get(route::path(job.target)).accept(XML))
        }
        Target::Manifest { .. } => Ok(Fetch::get(route::path(job.target)).accept(XML).listing()),
        _ => Err(FormatError::new("this target has no document")),
    }
}

/// What was gathered of it: maybe as evidence for a file, which can do without.
fn document<'j>(job: &Job<'j>) -> Result<&'j Doc, FormatError> {
    let fetch = listing(job)?;
    job.docs.doc(&fetch.clone().optional()).map_or_else(|| job.doc(&fetch), Ok)
}

fn signature(of: &Target) -> Fetch {
    let fetch = Fetch::get(format!("{}.asc", route::path(of)));
    match of {
        Target::Artifact { .. } if !route::changes(of) => fetch.immutable(),
        _ => fetch,
    }
}

/// Whether policy reads dates of this file.
fn wants_dates(job: &Job<'_>, role: Role) -> bool {
    role == Role::Package && job.cx.wants.contains(FactSet::DATES)
}

//! PyPI: the simple repository API in both forms (PEP 503 HTML, PEP 691 JSON), the legacy JSON
//! API, wheel metadata (PEP 658) and provenance (PEP 740).
//!
//! One upstream document per project, in whichever form upstream gives it, is the source of both
//! forms. Output in the form of the source is the source with spans edited; output in the other
//! form is written anew. Files are served under `files/<project>/<file name>`: which release a
//! file belongs to, and where it really is, only the project's listing says.
//!
//! Specifications: <https://packaging.python.org/en/latest/specifications/simple-repository-api/>
//! and <https://packaging.python.org/en/latest/specifications/binary-distribution-format/>.

mod descriptor;
mod filename;
mod index;
mod legacy;
mod listing;
mod name;
mod route;
mod simple_html;
mod simple_json;

use std::io;

use weir_core::{
    Coordinates, Descriptor, Doc, Ecosystem, Edits, Fetch, FormatError, Head, Job, Located, Need,
    Owner, Place, Release, Request, Role, Scope, Target, Unroutable,
};

use crate::listing::{Listing, Page};
use crate::route::{METADATA, PROVENANCE};

/// Media type of the JSON form.
const JSON: &str = "application/vnd.pypi.simple.v1+json";
/// Media type of the HTML form.
const HTML: &str = "text/html; charset=utf-8";
/// What upstream is asked for: JSON where it has it, since only JSON has sizes and versions.
const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, \
                      application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

/// The plugin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pypi;

impl Ecosystem for Pypi {
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
        job.missing(source(job.target).map(Need::Fetch))
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        match view(job.target) {
            View::Index => Ok(()),
            View::Legacy { project, version } => legacy::read(doc(job)?, project, version, each),
            View::Project(project) => {
                let listing = Listing::of(doc(job)?, project)?;
                listing.get().files.iter().for_each(|file| each(file.release(project)));
                Ok(())
            }
            View::None => Err(no_document()),
        }
    }

    fn write(
        &self,
        job: &Job<'_>,
        edits: &Edits,
        out: &mut dyn io::Write,
    ) -> Result<Head, FormatError> {
        let json = job.target.view().is_some_and(|view| view.name == route::VIEW_JSON);
        match view(job.target) {
            View::Index => index::write(doc(job)?, json, out)?,
            View::Legacy { project, version } => {
                legacy::write(job, doc(job)?, (project, version), edits, out)?;
                return Ok(Head::new("application/json"));
            }
            View::Project(project) => {
                let listing = Listing::of(doc(job)?, project)?;
                Page { listing: listing.get(), job: *job, project, edits }.write(json, out)?;
            }
            View::None => return Err(no_document()),
        }
        Ok(Head::new(if json { JSON } else { HTML }).varying())
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        let (View::Project(project), Target::Artifact { file, role, .. }) =
            (view(job.target), job.target)
        else {
            return Ok(None);
        };
        let listing = Listing::of(doc(job)?, project)?;
        Ok(located(listing.get(), project, file, *role))
    }
}

/// What a target's document is about.
enum View<'a> {
    Index,
    Project(&'a str),
    Legacy { project: &'a str, version: Option<&'a str> },
    None,
}

fn view(target: &Target) -> View<'_> {
    match target {
        Target::Manifest { scope: Scope::Index(_), .. } => View::Index,
        Target::Manifest { scope: Scope::Package(name), view } => match view.name {
            route::VIEW_LEGACY => View::Legacy { project: name.as_str(), version: None },
            route::VIEW_LEGACY_VERSION => {
                View::Legacy { project: name.as_str(), version: Some(&view.arg) }
            }
            _ => View::Project(name.as_str()),
        },
        Target::Artifact { owner: Owner::Listed(Scope::Package(name)), .. } => {
            View::Project(name.as_str())
        }
        _ => View::None,
    }
}

/// The one document behind a target.
fn source(target: &Target) -> Option<Fetch> {
    match view(target) {
        View::Index => Some(Fetch::get("").accept(ACCEPT)),
        View::Project(project) => Some(Fetch::get(format!("{project}/")).accept(ACCEPT).listing()),
        View::Legacy { project, version } => {
            let path = match version {
                Some(version) => format!("{project}/{version}/json"),
                None => format!("{project}/json"),
            };
            let place = Place::Origin { origin: descriptor::API, path: path.into() };
            Some(Fetch::from(place).accept("application/json"))
        }
        View::None => None,
    }
}

fn doc<'a>(job: &Job<'a>) -> Result<&'a Doc, FormatError> {
    job.doc(&source(job.target).ok_or_else(no_document)?)
}

fn no_document() -> FormatError {
    FormatError::new("this target has no document")
}

/// Finds a file, or what belongs to it, in its project's listing.
fn located(listing: &Listing<'_>, project: &str, file: &str, role: Role) -> Option<Located> {
    let suffix = match role {
        Role::Package => "",
        Role::Resolution => [METADATA, PROVENANCE].into_iter().find(|s| file.ends_with(s))?,
    };
    let listed = file.strip_suffix(suffix)?;
    let entry = listing.files.iter().find(|f| f.version.is_ok() && f.name == listed)?;
    let (place, digest, size) = match suffix {
        METADATA => {
            let digest = entry.metadata.as_ref().and_then(listing::strongest);
            (entry.link.as_ref()?.beside(METADATA), digest, None)
        }
        PROVENANCE => (entry.provenance.as_ref()?.link.clone(), None, None),
        _ => (entry.link.clone()?, entry.digest(), entry.size),
    };
    Some(Located {
        release: Coordinates::new(project, entry.version.as_deref().ok()?),
        listed_as: (role == Role::Resolution).then(|| listed.into()),
        place: Place::Link(place),
        digest,
        checksums: Vec::new(),
        size,
        variant: None,
    })
}

//! The Cargo ecosystem: sparse index, downloads and web API.
//!
//! # Names
//! Crate names are unique whatever their case, so the canonical name is the lower-case one:
//! `crates/Inflector/0.11.4/download` and `in/fl/inflector` concern the crate `inflector`, and one
//! decision holds for every spelling. Hyphen and underscore stay apart, as they do in the paths of
//! an index. Only the registry sees the spelling of the index line, because some registries
//! distinguish it in downloads.
//!
//! # Marks
//! `yanked` in an index line is a Boolean, without room for a reason: resolvers avoid the
//! version, lock files still reach the download, and the refusal there carries the sentence.
//!
//! Formats: <https://doc.rust-lang.org/cargo/reference/registry-index.html> and
//! <https://doc.rust-lang.org/cargo/reference/registry-web-api.html>.

mod api;
mod config;
mod index;
mod paths;

use std::io;

use weir_core::{
    Code, Coordinates, Denial, Descriptor, Ecosystem, Edits, FormatError, Head, Job, Located, Need,
    OriginSpec, Owner, Place, Release, Reply, Request, Scheme, Setup, Target, Unroutable,
};
use weir_format::json;

/// The plugin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cargo;

/// The views of this plugin.
pub mod views {
    /// An index file: one line of JSON for each release. Of a package.
    pub const INDEX: &str = "index";
    /// What the web API says of a crate. Of a package; the argument is the query.
    pub const CRATE: &str = "crate";
    /// A page of a crate's versions in the web API. Of a package; the argument is the query.
    pub const VERSIONS: &str = "versions";
    /// One version in the web API. Of a package; the argument is the version.
    pub const VERSION: &str = "version";
    /// A page of search results. Of the index `search`; the argument is the query.
    pub const SEARCH: &str = "search";
    /// Our `config.json`. Local.
    pub const CONFIG: &str = "config";
    /// A crate's owners. Relayed.
    pub const OWNERS: &str = "owners";
    /// A version's dependencies. Relayed.
    pub const DEPENDENCIES: &str = "dependencies";
}

const SOURCE: &str =
    "[source.crates-io]\nreplace-with = \"weir\"\n\n[source.weir]\nregistry = \"sparse+{base}/\"\n";

static DESCRIPTOR: Descriptor = Descriptor {
    id: "cargo",
    aliases: &[],
    purl_type: "cargo",
    mount: "cargo",
    folder: "cargo",
    origins: &[OriginSpec {
        id: "primary",
        title: "the Cargo registry's sparse index",
        beside: None,
        through: None,
    }],
    scheme: Scheme::Semver,
    marks: true,
    signed: false,
    records_files: false,
    listing: views::INDEX,
    refuse_empty: true,
    accepts: &["text/plain"],
    lost_prefix: None,
    checksum_headers: &[],
    changing: None,
    merge: None,
    content: None,
    setup: Setup {
        variables: &[],
        files: &[("~/.cargo/config.toml", SOURCE)],
        moves: &[("CARGO_HOME", "~/.cargo")],
        folder: Some(("CARGO_HOME", "~/.cargo", "config.toml", SOURCE)),
        note: "Source replacement cannot be set by environment variables; a project may hold the \
               same lines in .cargo/config.toml. Lock files keep the registry's own name and \
               checksums. `cargo search` and `cargo info` take `--index sparse+{base}/`. A token \
               that the registry wants belongs to the gateway's upstream; cargo needs none.",
    },
};

impl Ecosystem for Cargo {
    fn describe(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn route(&self, request: &Request<'_>) -> Result<Target, Unroutable> {
        paths::route(request)
    }

    fn path(&self, target: &Target) -> String {
        paths::path(target)
    }

    fn need(&self, job: &Job<'_>) -> Vec<Need> {
        let needs = match job.target {
            Target::Manifest { scope, view } if view.name == views::INDEX => {
                scope.package().map(index::fetch).into_iter().collect()
            }
            Target::Manifest { .. } | Target::Relay { .. } => {
                let config = config::fetch();
                match job.docs.doc(&config) {
                    None => vec![config],
                    // A configuration that cannot be read fails in `read` and `write`.
                    Some(_) => config::api_fetch(job).into_iter().collect(),
                }
            }
            Target::Artifact { owner: Owner::Release(release), .. } => {
                vec![config::fetch(), index::fetch(&release.name)]
            }
            _ => Vec::new(),
        };
        job.missing(needs.into_iter().map(Need::Fetch))
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        match job.target {
            Target::Manifest { scope, view } if view.name == views::INDEX => {
                let Some(name) = scope.package() else { return Ok(()) };
                index::read(job.doc(&index::fetch(name))?.bytes(), name.as_str(), each);
                Ok(())
            }
            Target::Artifact { owner: Owner::Release(release), .. } => {
                let name = &release.name;
                index::read(job.doc(&index::fetch(name))?.bytes(), name.as_str(), each);
                Ok(())
            }
            Target::Manifest { scope, view } => {
                let doc = job.doc(&config::api_fetch(job)?)?;
                api::read(doc.bytes(), scope, view, each)
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
        match job.target {
            Target::Local(_) => config::write(job, out).map_err(|_| unwritten())?,
            Target::Manifest { scope, view } if view.name == views::INDEX => {
                let name = scope.package().ok_or_else(unwritten)?;
                let body = job.doc(&index::fetch(name))?.bytes();
                index::write(body, edits, out).map_err(|_| unwritten())?;
                return Ok(Head::new("text/plain"));
            }
            Target::Manifest { scope, view } => {
                let doc = job.doc(&config::api_fetch(job)?)?;
                let edited = api::write(doc.bytes(), scope, view, edits)?;
                edited.write(out).map_err(|_| unwritten())?;
            }
            Target::Relay { .. } => {
                let body = job.doc(&config::api_fetch(job)?)?.bytes();
                json::Value::parse(body)?;
                out.write_all(body).map_err(|_| unwritten())?;
            }
            Target::Artifact { .. } | Target::Sidecar { .. } => return Err(unwritten()),
        }
        Ok(Head::new("application/json"))
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        let Target::Artifact { owner: Owner::Release(release), .. } = job.target else {
            return Ok(None);
        };
        let body = job.doc(&index::fetch(&release.name))?.bytes();
        let Some(entry) = index::find(body, release) else { return Ok(None) };
        let link = config::download(job.doc(&config::fetch())?, &entry)?;
        Ok(Some(Located {
            release: Coordinates::clone(release),
            listed_as: None,
            place: Place::Link(link),
            digest: Some(entry.digest),
            checksums: Vec::new(),
            size: None,
            variant: None,
        }))
    }

    /// Cargo prints any body of an index file or a download, and `errors[].detail` of the web API.
    fn deny(&self, target: Option<&Target>, denial: &Denial) -> Reply {
        let web_api = match target {
            Some(Target::Manifest { view, .. }) => view.name != views::INDEX,
            Some(target) => matches!(target, Target::Relay { .. }),
            // What is not offered are end points of the web API.
            None => denial.code == Code::NotOffered,
        };
        if web_api {
            let detail = json::quote(&denial.sentence);
            let body = format!("{{\"errors\":[{{\"detail\":{detail}}}]}}");
            return Reply { media: "application/json", headers: Vec::new(), body };
        }
        Reply::with_page(denial)
    }
}

fn unwritten() -> FormatError {
    FormatError::new("the document could not be written")
}

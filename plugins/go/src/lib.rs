//! The Go ecosystem: the module proxy protocol and the checksum database behind it.
//!
//! # Names and versions
//! A module's name is its path as Go code spells it, `github.com/BurntSushi/toml` or
//! `example.org/tool/v2`; addresses escape upper case (`!burnt!sushi`). A version has its `v`.
//!
//! # What is refused
//! A withheld version is not in the list and is not the latest, and neither what the proxy says of
//! it (`.info`) nor its files (`.zip`) are served. Its `go.mod` is: Go reads it also for versions that lose
//! minimal version selection.
//!
//! # Dates
//! The time in a `.info` is the commit's, so its author's: it can only make a version younger, never
//! older than its first sight. See `versions::to_date` for which versions are asked about.
//!
//! # Checksums
//! Zip and `go.mod` are verified by the record of the release in the checksum database, where it
//! has one. The database's own signature is for clients to verify, who get all of it relayed.
//!
//! Formats: <https://go.dev/ref/mod#goproxy-protocol> and <https://go.dev/design/25530-sumdb>.

mod info;
mod name;
mod paths;
mod read;
mod sums;
mod versions;
mod write;

use std::io;

use weir_core::{
    Algorithm, Coordinates, Denial, Descriptor, Ecosystem, Edits, FactSet, Fetch, FormatError,
    Head, Job, Located, Name, Need, OriginSpec, Owner, Place, Release, Reply, Request, Role,
    Scheme, Scope, Setup, Target, Unroutable, View,
};

/// The plugin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Go;

/// The views of this plugin.
pub mod views {
    /// A module's versions, one a line. Of a package.
    pub const LIST: &str = "list";
    /// The latest version and its time. Of a package.
    pub const LATEST: &str = "latest";
    /// A version and its time. Of a package; the argument is a version, or a query for one (a
    /// branch, a tag, a commit).
    pub const INFO: &str = "info";
    /// The checksum database's record of a release, which lists nothing. Of a package; the argument
    /// is version and database, `v1.0.0@sum.example`.
    pub const LOOKUP: &str = "lookup";
    /// Whether this proxy relays a checksum database. Relayed.
    pub const SUPPORTED: &str = "supported";
    /// The latest signed tree of a checksum database. Relayed.
    pub const TREE: &str = "tree";
    /// A tile of a checksum database's tree. Relayed.
    pub const TILE: &str = "tile";
}

mod origins {
    pub(crate) const SUMDB: &str = "sumdb";
}

static DESCRIPTOR: Descriptor = Descriptor {
    id: "go",
    aliases: &["golang"],
    purl_type: "golang",
    mount: "go",
    folder: "go",
    origins: &[
        OriginSpec { id: "primary", title: "the Go module proxy", beside: None, through: None },
        OriginSpec {
            id: origins::SUMDB,
            title: "the Go checksum database",
            beside: None,
            through: Some("sumdb/{name}"),
        },
    ],
    scheme: Scheme::Go,
    marks: false,
    signed: false,
    records_files: false,
    listing: views::LIST,
    refuse_empty: true,
    accepts: &["*/*"],
    lost_prefix: None,
    checksum_headers: &[],
    changing: None,
    merge: None,
    content: None,
    setup: Setup {
        variables: &[("GOPROXY", "{base}")],
        files: &[("~/.config/go/env", "GOPROXY={base}\n")],
        moves: &[],
        folder: None,
        note: "Name no second proxy after it: with `,direct` a refusal is none, since go fetches from \
               the repository what a proxy answers with 404 or 410, and with `|direct` whatever it \
               answers. GOSUMDB stays as it is: the checksum database is asked through the gateway. \
               Modules that GOPRIVATE or GONOPROXY names go past it.",
    },
};

impl Ecosystem for Go {
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
        let fetches = match job.target {
            Target::Manifest { scope: Scope::Package(name), view } => {
                manifest_needs(job, name, view)
            }
            Target::Artifact { owner: Owner::Release(release), role, .. } => {
                artifact_needs(job, release, *role)
            }
            Target::Relay { path, view } => relayed(path, view).into_iter().collect(),
            _ => Vec::new(),
        };
        job.missing(fetches.into_iter().map(Need::Fetch))
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        match job.target {
            Target::Manifest { scope: Scope::Package(name), view } => match view.name {
                views::LIST => read::list(job, name, each),
                views::LATEST => read::latest(job, name, each),
                views::INFO => read::info(job, name, &view.arg, each),
                _ => Ok(()),
            },
            Target::Artifact { owner: Owner::Release(release), role, .. } => {
                read::artifact(job, release, *role, each)
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
            Target::Manifest { scope: Scope::Package(name), view } => {
                write::manifest(job, name, view, edits, out)
            }
            Target::Relay { path, view } => {
                let fetch = relayed(path, view).ok_or_else(write::failed)?;
                write::relay(job.doc(&fetch)?, view, out)
            }
            _ => Err(write::failed()),
        }
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        let Target::Artifact { owner: Owner::Release(release), file, role } = job.target else {
            return Ok(None);
        };
        let algorithm = match role {
            Role::Package => Algorithm::GoZip,
            Role::Resolution => Algorithm::GoMod,
        };
        let digest = match job.docs.doc(&sums::fetch(release)) {
            Some(record) => Some(sums::promised(record.text()?, release, algorithm)?),
            None => None,
        };
        Ok(Some(Located {
            release: Coordinates::clone(release),
            listed_as: None,
            place: Place::primary(paths::file_path(release, file)),
            digest,
            variant: None,
            checksums: Vec::new(),
            size: None,
        }))
    }

    /// Go prints a body of plain text, up to eight lines.
    fn deny(&self, _: Option<&Target>, denial: &Denial) -> Reply {
        Reply::with_page(denial)
    }
}

fn manifest_needs(job: &Job<'_>, name: &Name, view: &View) -> Vec<Fetch> {
    let dated = job.cx.wants.contains(FactSet::DATES);
    let mut fetches = match view.name {
        views::LIST => vec![versions::fetch(name)],
        views::LATEST => vec![versions::fetch(name), info::latest(name)],
        views::INFO => {
            let list = dated.then(|| versions::fetch(name).optional());
            return [info::fetch(name, &view.arg)].into_iter().chain(list).collect();
        }
        _ => {
            return paths::split_lookup(&view.arg)
                .map(|(v, db)| record(name, v, db))
                .into_iter()
                .collect();
        }
    };
    fetches.extend(read::infos_needed(job, name, view, dated));
    fetches
}

/// Evidence of a file. A `go.mod` is refused for its name alone, so nothing more has to be known.
fn artifact_needs(job: &Job<'_>, release: &Coordinates, role: Role) -> Vec<Fetch> {
    let mut fetches = vec![sums::fetch(release)];
    if role == Role::Package {
        fetches.push(info::fetch(&release.name, release.version.as_str()));
        if job.cx.wants.contains(FactSet::DATES) {
            fetches.push(versions::fetch(&release.name).optional());
        }
    }
    fetches
}

/// A record at the database that a client named.
fn record(name: &Name, version: &str, database: &str) -> Fetch {
    named(database, &paths::lookup(name, version)).immutable()
}

/// What is relayed of the database that a client named. A database that is at hand is supported.
fn relayed(path: &str, view: &View) -> Option<Fetch> {
    let (database, rest) = paths::split_relay(path)?;
    Some(match view.name {
        views::SUPPORTED => named(database, "latest"),
        views::TREE => named(database, rest),
        _ => named(database, rest).immutable(),
    })
}

fn named(database: &str, path: &str) -> Fetch {
    Fetch::from(Place::Named { origin: origins::SUMDB, name: database.into(), path: path.into() })
}

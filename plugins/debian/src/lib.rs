//! The Debian ecosystem: archives of `deb` packages as apt, debootstrap and their kin read them.
//!
//! # The chain
//! A signature covers `Release` (in `InRelease`, or beside it in `Release.gpg`), `Release` names
//! every index by digest, and indexes name every file by digest and size. Nothing below a root is
//! believed for its address: a child is fetched as its root names it, and a file is checked against
//! its index entry. The name of a file says nothing (epochs are missing in it, and third parties
//! name files as they like); only an index tells the release that it belongs to.
//!
//! # Modes
//! Signed indexes are passed on as they are, and policy is applied to the files; or the indexes of
//! the selected suites are edited and signed with the gateway's key ([`weir_core::Cx::resign`]).
//!
//! Format: <https://wiki.debian.org/DebianRepository/Format>.

mod chain;
mod files;
mod index;
mod paths;
mod release;
mod resign;

use std::io;

use weir_core::{
    Descriptor, Doc, Ecosystem, Edits, Fetch, FormatError, Found, Head, Job, Located, Need,
    OriginSpec, Release, Request, Scheme, Setup, Target, Timestamp, Unroutable,
};

use crate::chain::Step;

/// The plugin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Debian;

/// The views of this plugin. All are of the index at the target's path.
pub mod views {
    /// A root that is signed in the clear.
    pub const IN_RELEASE: &str = "in-release";
    /// A root without signature.
    pub const RELEASE: &str = "release";
    /// The detached signature over a root.
    pub const SIGNATURE: &str = "signature";
    /// What a root names, at its own path.
    pub const INDEX: &str = "index";
    /// What a root names, by digest.
    pub const BY_HASH: &str = "by-hash";
}

const SOURCES: &str = "\
Types: deb
URIs: {base}
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
";

static DESCRIPTOR: Descriptor = Descriptor {
    id: "debian",
    aliases: &["deb", "apt"],
    purl_type: "deb",
    mount: "debian",
    folder: "deb",
    origins: &[OriginSpec {
        id: "primary",
        title: "the Debian archive",
        beside: None,
        through: None,
    }],
    scheme: Scheme::Debian,
    marks: false,
    signed: true,
    records_files: false,
    listing: "",
    refuse_empty: false,
    accepts: &["*/*"],
    lost_prefix: None,
    checksum_headers: &[],
    changing: None,
    merge: None,
    content: None,
    setup: Setup {
        variables: &[],
        files: &[("/etc/apt/sources.list.d/weir.sources", SOURCES)],
        moves: &[],
        folder: None,
        note: "Suites and components are those of your own sources, which this file replaces. What \
               an archive's address has behind the mount's upstream address follows {base}: with \
               an upstream that is a whole host, the URIs are {base}/debian and \
               {base}/debian-security. A mount with index = \"filter_resign\" is signed by the \
               gateway: Signed-By is then its key, {origin}/keys/weir.asc saved as \
               /etc/apt/keyrings/weir.asc.",
    },
};

impl Ecosystem for Debian {
    fn describe(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn route(&self, request: &Request<'_>) -> Result<Target, Unroutable> {
        paths::route(request)
    }

    fn path(&self, target: &Target) -> String {
        paths::encode(&paths::plain(target))
    }

    fn need(&self, job: &Job<'_>) -> Vec<Need> {
        if let (Some(view), Some(selection)) = (view(job.target), &job.cx.resign) {
            // What cannot be read fails in `write`.
            return resign::need(job, selection, view).unwrap_or_default();
        }
        match view(job.target) {
            Some(views::IN_RELEASE) => in_release(job),
            Some(views::RELEASE | views::SIGNATURE) => match pair(job) {
                Ok(Step::Need(needs)) => needs,
                Ok(Step::Absent(why)) => nowhere(job, why),
                _ => Vec::new(),
            },
            Some(_) => match chain::child(job, job.target) {
                Ok(Step::Need(needs)) => needs,
                Ok(Step::Absent(why)) => nowhere(job, why),
                Ok(Step::Found(child)) => job.missing([Need::Fetch(child.fetch)]),
                Err(_) => Vec::new(),
            },
            None => files::need(job),
        }
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        match (view(job.target), &job.cx.resign) {
            (Some(views::INDEX), Some(selection)) => resign::read(job, selection, each)?,
            (Some(views::INDEX | views::BY_HASH), None) => {
                let child = found(chain::child(job, job.target)?)?;
                if let Some(index) = child.index(job)? {
                    index.read(each);
                }
            }
            (Some(_), _) => {}
            (None, _) => files::read(job, each),
        }
        Ok(())
    }

    fn write(
        &self,
        job: &Job<'_>,
        edits: &Edits,
        out: &mut dyn io::Write,
    ) -> Result<Head, FormatError> {
        if let Some(selection) = &job.cx.resign {
            return resign::write(job, selection, edits, out);
        }
        let (bytes, head) = match view(job.target) {
            Some(views::IN_RELEASE) => {
                let fetch = root_fetch(job.target);
                let bytes = job.doc(&fetch)?.bytes();
                release::Release::parse(&release::text(bytes))?;
                (bytes, Head::new("text/plain; charset=utf-8").dated())
            }
            Some(views::RELEASE) => {
                (found(pair(job)?)?.release, Head::new("text/plain; charset=utf-8").dated())
            }
            Some(views::SIGNATURE) => {
                (found(pair(job)?)?.signature, Head::new("application/pgp-signature").dated())
            }
            _ => {
                let child = found(chain::child(job, job.target)?)?;
                let head = Head::new("application/octet-stream");
                let by_hash = view(job.target) == Some(views::BY_HASH);
                let head = if by_hash { head } else { head.dated() };
                let packed = chain::split(&child.path).1.contains('.');
                let head = if packed { head.packed() } else { head };
                (job.doc(&child.fetch)?.bytes(), head)
            }
        };
        out.write_all(bytes).map_err(|error| FormatError::new(error.to_string()))?;
        Ok(head)
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        Ok(files::locate(job))
    }

    fn issued(&self, root: &Doc) -> Option<Timestamp> {
        let text = release::text(root.bytes());
        Timestamp::parse_rfc2822(release::Release::parse(&text).ok()?.field("Date")?)
    }
}

/// The view of an index; `None` for a package file.
fn view(target: &Target) -> Option<&'static str> {
    target.view().map(|view| view.name)
}

fn nowhere(job: &Job<'_>, why: &'static str) -> Vec<Need> {
    job.missing([Need::Nowhere(why.into())])
}

fn found<T>(step: Step<T>) -> Result<T, FormatError> {
    match step {
        Step::Found(found) => Ok(found),
        Step::Absent(why) => Err(FormatError::new(why)),
        Step::Need(_) => Err(FormatError::new("a needed document is missing")),
    }
}

/// The fetch of a target that is a root.
fn root_fetch(target: &Target) -> Fetch {
    let path = paths::plain(target);
    let (folder, file) = chain::split(&path);
    chain::root_fetch(folder, file, 0)
}

fn in_release(job: &Job<'_>) -> Vec<Need> {
    let need = Need::Fetch(root_fetch(job.target));
    match job.docs.found(&need) {
        None => vec![need],
        Some(Found::Doc(_)) => Vec::new(),
        // apt asks for Release then.
        Some(_) => nowhere(job, "the archive has no InRelease"),
    }
}

/// `Release` and `Release.gpg` of one time.
struct Pair<'a> {
    release: &'a [u8],
    signature: &'a [u8],
}

/// Both belong to one root. `Release` is fetched behind its signature and must say what the root
/// says, which was fetched before it: so nothing was published in between.
fn pair<'a>(job: &Job<'a>) -> Result<Step<Pair<'a>>, FormatError> {
    let path = paths::plain(job.target);
    let (folder, _) = chain::split(&path);
    let root = match chain::root(job, folder, 0) {
        Step::Need(needs) => return Ok(Step::Need(needs)),
        Step::Absent(why) => return Ok(Step::Absent(why)),
        Step::Found(root) => root,
    };
    let beside = |file: &str| {
        let path = paths::encode(&chain::join(folder, file));
        Need::Fetch(Fetch::get(path).optional().of(root.doc.digest().clone()))
    };
    let mut docs = Vec::new();
    for file in ["Release.gpg", "Release"] {
        match job.docs.found(&beside(file)) {
            None => return Ok(Step::Need(vec![beside(file)])),
            Some(Found::Doc(doc)) => docs.push(Some(doc)),
            Some(_) => docs.push(None),
        }
    }
    match docs[..] {
        [_, None] => Ok(Step::Absent("the archive has no Release")),
        [None, _] if view(job.target) == Some(views::SIGNATURE) => {
            Ok(Step::Absent("the archive has no Release.gpg"))
        }
        [signature, Some(release)] if release::same(&root.text, release.bytes()) => {
            let signature = signature.map(Doc::bytes).unwrap_or_default();
            Ok(Step::Found(Pair { release: release.bytes(), signature }))
        }
        _ => Err(FormatError::new("Release and its signature are of different times")),
    }
}

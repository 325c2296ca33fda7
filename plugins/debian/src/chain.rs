//! The chain of digests: root → index → file.
//!
//! A child is always found through a root. The root of a path is not spelled in it (suites and
//! components may hold slashes), so the folders below `dists` are tried from the top.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use weir_core::{
    Algorithm, Coding, Digest, Doc, Fetch, FormatError, Found, Job, Need, Place, Signed, Target,
};
use weir_format::stanza;

use crate::index::{Index, Kind};
use crate::release::{self, Entry, Release};
use crate::{paths, views};

/// Suites of at most so many segments.
const DEPTH: usize = 3;
/// So many versions of a root before the current one are looked at for an address by hash.
const PAST: u8 = 2;
/// Package files and indexes that recovery looks at.
const MAX_CHILDREN: usize = 16;

/// What the gathered documents say.
pub(crate) enum Step<T> {
    /// More is needed.
    Need(Vec<Need>),
    /// There is no such thing.
    Absent(&'static str),
    /// It is there.
    Found(T),
}

/// A root document.
pub(crate) struct Root<'a> {
    /// Its folder, without slash at the end.
    pub(crate) folder: String,
    pub(crate) doc: &'a Doc,
    pub(crate) text: Cow<'a, [u8]>,
}

/// A file of the chain: what to fetch for it.
pub(crate) struct Child {
    pub(crate) fetch: Fetch,
    /// Its path below the mount.
    pub(crate) path: String,
    /// Set for an index that can be read.
    pub(crate) kind: Option<Kind>,
}

impl Child {
    /// The index in the gathered document.
    pub(crate) fn index<'a>(&'a self, job: &Job<'a>) -> Result<Option<Index<'a>>, FormatError> {
        let Some(kind) = self.kind else { return Ok(None) };
        let (folder, _) = split(&self.path);
        Ok(Some(Index { kind, folder, bytes: job.doc(&self.fetch)?.bytes() }))
    }
}

/// Folder and file name.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

pub(crate) fn join(folder: &str, path: &str) -> String {
    if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") }
}

/// The fetch of a root document, so many versions before the current one.
pub(crate) fn root_fetch(folder: &str, file: &str, past: u8) -> Fetch {
    let signed = match file {
        "InRelease" => Signed::Within,
        _ => Signed::Beside(Place::primary(paths::encode(&join(folder, "Release.gpg")))),
    };
    let fetch = Fetch::get(paths::encode(&join(folder, file)));
    fetch.root().optional().past(past).signed(signed)
}

/// The root of a folder: `InRelease`, else `Release`.
pub(crate) fn root<'a>(job: &Job<'a>, folder: &str, past: u8) -> Step<Root<'a>> {
    for file in ["InRelease", "Release"] {
        let need = Need::Fetch(root_fetch(folder, file, past));
        match job.docs.found(&need) {
            None => return Step::Need(vec![need]),
            Some(Found::Doc(doc)) => {
                let text = release::text(doc.bytes());
                return Step::Found(Root { folder: folder.to_owned(), doc, text });
            }
            Some(_) => {}
        }
    }
    Step::Absent("the archive has neither InRelease nor Release")
}

/// The needs that tell more about the roots of these folders. The first one's `InRelease` is asked
/// for alone, since it is nearly always the one; the others all at once.
pub(crate) fn ask_roots(job: &Job<'_>, folders: &[String]) -> Vec<Need> {
    let likely = folders.first().map(|folder| Need::Fetch(root_fetch(folder, "InRelease", 0)));
    let first = job.missing(likely);
    if !first.is_empty() {
        return first;
    }
    let both = |folder: &String| {
        ["InRelease", "Release"].map(|file| Need::Fetch(root_fetch(folder, file, 0)))
    };
    job.missing(folders.iter().flat_map(both))
}

/// Folders that may hold the root of a path, the most likely first.
pub(crate) fn root_folders(path: &str) -> Vec<String> {
    let segments: Vec<_> = path.split('/').collect();
    let Some(dists) = segments[..segments.len() - 1].iter().position(|s| *s == "dists") else {
        let folder = split(path).0;
        let folder = folder.find("by-hash").map_or(folder, |at| folder[..at].trim_end_matches('/'));
        return vec![folder.to_owned()];
    };
    let most = (segments.len() - dists - 2).min(DEPTH);
    (1..=most).map(|depth| segments[..=dists + depth].join("/")).collect()
}

/// The child at the path of a target.
pub(crate) fn child(job: &Job<'_>, target: &Target) -> Result<Step<Child>, FormatError> {
    let path = paths::plain(target);
    let by_hash = target.view().is_some_and(|view| view.name == views::BY_HASH);
    let folders = root_folders(&path);
    for folder in &folders {
        let root = match root(job, folder, 0) {
            Step::Need(_) => return Ok(Step::Need(ask_roots(job, &folders))),
            Step::Absent(_) => continue,
            Step::Found(root) => root,
        };
        let below = path[folder.len()..].trim_start_matches('/');
        let found =
            if by_hash { child_by_hash(job, &root, below)? } else { named(job, &root, below)? };
        let sure = Release::parse(&root.text)?.has_component_of(below);
        match found {
            Step::Absent(why) if sure => return Ok(Step::Absent(why)),
            Step::Absent(_) => {}
            found => return Ok(found),
        }
    }
    Ok(Step::Absent("no Release file of this archive names it"))
}

/// A path below a root, by the root itself or by the list of patches beside it.
fn named(job: &Job<'_>, root: &Root<'_>, below: &str) -> Result<Step<Child>, FormatError> {
    let release = Release::parse(&root.text)?;
    if let Some(entry) = release.find(below) {
        return Ok(Step::Found(fetched(&root.folder, &entry, release.by_hash(), true)));
    }
    let is = |entry: &Entry<'_>, folder: &str| join(folder, entry.path) == below;
    Ok(with_patches(job, root, &release, split(below).0, is))
}

fn child_by_hash(job: &Job<'_>, root: &Root<'_>, below: &str) -> Result<Step<Child>, FormatError> {
    let absent = Ok(Step::Absent("no known Release file names this digest"));
    let Some((folder, digest)) = hashed(below) else { return absent };
    let mut needs = Vec::new();
    for past in 0..=PAST {
        let older;
        let root = match past {
            0 => root,
            _ => match self::root(job, &root.folder, past) {
                Step::Need(need) => {
                    needs.extend(need);
                    continue;
                }
                Step::Absent(_) => continue,
                Step::Found(found) => {
                    older = found;
                    &older
                }
            },
        };
        let release = Release::parse(&root.text)?;
        let named = release.with_digest(folder, &digest);
        if let Some(entry) = named.and_then(|path| release.find(path)) {
            return Ok(Step::Found(fetched(&root.folder, &entry, release.by_hash(), true)));
        }
        let patch = |entry: &Entry<'_>, _: &str| entry.digest == digest;
        match with_patches(job, root, &release, folder, patch) {
            Step::Absent(_) => {}
            found => return Ok(found),
        }
    }
    if needs.is_empty() { absent } else { Ok(Step::Need(needs)) }
}

/// `folder/by-hash/SHA256/hex`.
fn hashed(below: &str) -> Option<(&str, Digest)> {
    let (rest, hex) = below.rsplit_once('/')?;
    let (rest, algorithm) = rest.rsplit_once('/')?;
    let folder = if rest == "by-hash" { "" } else { rest.strip_suffix("/by-hash")? };
    let algorithm = match algorithm {
        "MD5Sum" => Algorithm::Md5,
        other => Algorithm::from_name(other)?,
    };
    Some((folder, Digest::from_hex(algorithm, hex).ok()?))
}

/// Patches of an index (`Packages.diff/`) are named by an `Index` of their own.
fn with_patches(
    job: &Job<'_>,
    root: &Root<'_>,
    release: &Release<'_>,
    folder: &str,
    is: impl Fn(&Entry<'_>, &str) -> bool,
) -> Step<Child> {
    let absent = Step::Absent("the Release file of this archive does not name it");
    if folder.strip_suffix(".diff").is_none() {
        return absent;
    }
    let Some(entry) = release.find(&join(folder, "Index")) else { return absent };
    let list = fetched(&root.folder, &entry, release.by_hash(), true);
    let Some(doc) = job.docs.doc(&list.fetch) else {
        return Step::Need(vec![Need::Fetch(list.fetch)]);
    };
    let value = stanza::stanzas(doc.bytes()).next().and_then(|s| s.text("SHA256-Download"));
    let lines = value.unwrap_or_default().lines();
    let mut entries = lines.filter_map(|line| release::entry(line, Algorithm::Sha256));
    let Some(entry) = entries.find(|entry| is(entry, folder)) else { return absent };
    let path = join(folder, entry.path);
    let entry = Entry { path: &path, ..entry };
    Step::Found(fetched(&root.folder, &entry, release.by_hash(), true))
}

/// What to fetch for an entry of a root: kept as it is, or decoded.
pub(crate) fn fetched(folder: &str, entry: &Entry<'_>, by_hash: bool, verbatim: bool) -> Child {
    let path = join(folder, entry.path);
    let (parent, file) = split(&path);
    let also = by_hash.then(|| {
        let list = match entry.digest.algorithm() {
            Algorithm::Md5 => "MD5Sum".to_owned(),
            other => other.name().to_uppercase(),
        };
        let hashed = format!("by-hash/{list}/{}", entry.digest.hex());
        Place::primary(paths::encode(&join(parent, &hashed)))
    });
    let mut fetch = Fetch::get(paths::encode(&path))
        .expecting(Some(entry.digest.clone()))
        .immutable()
        .also(also);
    let (stem, coding) = coding(file);
    let kind = coding.and_then(|coding| Some((coding, Kind::of(stem)?)));
    if let Some((coding, _)) = kind {
        fetch = fetch.listing().coded(coding);
    }
    if verbatim {
        fetch = fetch.verbatim();
    }
    Child { fetch, path, kind: kind.map(|(_, kind)| kind) }
}

/// The name of a file without its compression, and the compression when it can be read.
pub(crate) fn coding(file: &str) -> (&str, Option<Coding>) {
    match file.rsplit_once('.') {
        Some((stem, "gz")) => (stem, Some(Coding::Gzip)),
        Some((stem, "xz")) => (stem, Some(Coding::Xz)),
        Some((stem, "zst")) => (stem, Some(Coding::Zstd)),
        Some((stem, "bz2" | "lzma" | "lz4")) => (stem, None),
        _ => (file, Some(Coding::Identity)),
    }
}

/// The indexes of a root that may list a file: those of its architecture, each once.
pub(crate) fn listing(root: &Root<'_>, file: &str) -> Result<Vec<Child>, FormatError> {
    let release = Release::parse(&root.text)?;
    let archive = paths::archive(&root.folder);
    let Some(below) = file.strip_prefix(archive) else { return Ok(Vec::new()) };
    let component = below.strip_prefix("pool/").and_then(|rest| rest.split('/').next());
    let architecture = architecture(file);
    let fits = |path: &str| {
        let (folder, _) = split(path);
        let last = split(folder).1;
        let lists = match architecture {
            Some(own) => {
                last.strip_prefix("binary-").is_some_and(|a| own == "all" || a == own || a == "all")
            }
            None => last == "source",
        };
        let inside = component.is_none_or(|component| path.starts_with(component));
        folder.is_empty() || lists && inside
    };
    let mut best: Vec<(String, Entry<'_>)> = Vec::new();
    for entry in release.entries() {
        let (folder, name) = split(entry.path);
        let (stem, coding) = coding(name);
        let (Some(_), Some(coding)) = (Kind::of(stem), coding) else { continue };
        if coding == Coding::Identity || !fits(entry.path) {
            continue;
        }
        let index = join(folder, stem);
        match best.iter_mut().find(|(known, _)| *known == index) {
            Some((_, known)) if entry.size < known.size => *known = entry,
            Some(_) => {}
            None => best.push((index, entry)),
        }
    }
    let by_hash = release.by_hash();
    let children = best.iter().map(|(_, entry)| fetched(&root.folder, entry, by_hash, false));
    Ok(children.take(MAX_CHILDREN).collect())
}

/// `amd64` of `name_1.0_amd64.deb`; `None` for files of source packages.
fn architecture(file: &str) -> Option<&str> {
    let stem = file
        .strip_suffix(".deb")
        .or_else(|| file.strip_suffix(".udeb").or_else(|| file.strip_suffix(".ddeb")))?;
    Some(stem.rsplit_once('_').map_or("all", |(_, architecture)| architecture))
}

/// The path of a fetch, decoded.
pub(crate) fn path_of(fetch: &Fetch) -> String {
    match &fetch.place {
        Place::Origin { path, .. } => percent_decode_str(path).decode_utf8_lossy().into_owned(),
        _ => String::new(),
    }
}

//! Indexes that are edited, and roots that name them as this gateway serves them.
//!
//! A root names only what is served: the selected components and architectures, each index plain
//! and compressed once, by SHA-256 alone (apt asks for addresses by the strongest digest that is
//! listed). What holds no versions (translations, contents, icons) keeps upstream's digests; lists
//! of patches are left out, because they would bring back what was removed. `Date` and the names of
//! the suite stay as they are: apt ignores a root that is older than the one it has, and asks when
//! a name changes.

use std::fmt::Write as _;
use std::io;

use weir_core::{
    Algorithm, Coding, Digest, Edits, FormatError, Found, Head, Job, Need, Selection, Target,
};

use crate::chain::{self, Child, Root, Step};
use crate::index::{Index, Kind};
use crate::release::{Entry, Release};
use crate::{paths, views};

/// The compression of edited indexes, which every client reads. `docs/debian.md` has the reasons.
const PACKED: (&str, Coding) = (".gz", Coding::Gzip);
/// Fields of a root that are written anew or say what no longer holds.
const REPLACED: [&str; 8] = [
    "MD5Sum",
    "SHA1",
    "SHA256",
    "SHA512",
    "Architectures",
    "Components",
    "Acquire-By-Hash",
    "Signed-By",
];

/// What of one root is edited.
pub(crate) struct Plan<'a> {
    selection: &'a Selection,
    root: &'a Root<'a>,
    release: Release<'a>,
}

/// What a root names under a path, and how it is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    /// Edited.
    Edited,
    /// As upstream has it.
    AsIs,
    /// Not at all.
    Not,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(selection: &'a Selection, root: &'a Root<'a>) -> Result<Self, FormatError> {
        Ok(Self { selection, root, release: Release::parse(&root.text)? })
    }

    /// Whether a folder's root is one of the selected suites.
    pub(crate) fn selects_suite(selection: &Selection, folder: &str) -> bool {
        let archive = paths::archive(folder);
        let below = &folder[archive.len()..];
        let suite =
            below.strip_prefix("dists/").unwrap_or(if below.is_empty() { "./" } else { below });
        selection.suites.is_empty() || selection.suites.iter().any(|own| own == suite)
    }

    fn is_flat(&self) -> bool {
        self.release.field("Components").is_none()
    }

    /// How what stands at a path below the root is served.
    pub(crate) fn serves(&self, path: &str) -> Served {
        let (folder, file) = chain::split(path);
        let (stem, _) = chain::coding(file);
        let last = chain::split(folder).1;
        let is_patch = folder.strip_suffix(".diff").is_some();
        if is_patch || file == "Release" || file.strip_suffix(".gpg").is_some() {
            return Served::Not;
        }
        let component = self.component(path);
        if component.is_none() && !self.is_flat() && folder.contains('/') {
            return Served::Not;
        }
        if component.is_some_and(|own| !listed(&self.selection.components, own)) {
            return Served::Not;
        }
        if Kind::of(stem).is_some() {
            let architecture = last.strip_prefix("binary-").unwrap_or(last);
            let fits = self.is_flat() || self.selects(architecture);
            return if fits { Served::Edited } else { Served::Not };
        }
        let named = ["Contents-udeb-", "Contents-", "Components-"]
            .iter()
            .find_map(|prefix| stem.strip_prefix(prefix));
        let architecture = named.map(|rest| rest.split('.').next().unwrap_or(rest));
        // Installer images are no packages, and nothing here vouches for them.
        let odd = last.starts_with("binary-") || folder.contains("installer-");
        match architecture {
            _ if odd => Served::Not,
            Some(architecture) if !self.selects(architecture) => Served::Not,
            _ => Served::AsIs,
        }
    }

    fn selects(&self, architecture: &str) -> bool {
        architecture == "all" || listed(&self.selection.architectures, architecture)
    }

    /// The component that a path lies in.
    fn component(&self, path: &str) -> Option<&'a str> {
        let components = self.release.field("Components").unwrap_or_default();
        // The longest: `updates/main` beside `updates`.
        let inside =
            |name: &&str| path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
        components.split_whitespace().filter(inside).max_by_key(|name| name.len())
    }

    /// Edited indexes, by their paths below the root without compression, each once.
    fn edited(&self) -> Vec<String> {
        let mut stems: Vec<String> = Vec::new();
        for entry in self.release.entries() {
            if self.serves(entry.path) != Served::Edited {
                continue;
            }
            let (folder, file) = chain::split(entry.path);
            let (stem, Some(_)) = chain::coding(file) else { continue };
            let stem = chain::join(folder, stem);
            if !stems.contains(&stem) {
                stems.push(stem);
            }
        }
        stems
    }

    /// The smallest form in which upstream has an index.
    fn best(&self, stem: &str) -> Option<Entry<'a>> {
        let (folder, name) = chain::split(stem);
        let is = |entry: &Entry<'_>| {
            let (parent, file) = chain::split(entry.path);
            let (found, coding) = chain::coding(file);
            // Archives name the plain form without having it.
            parent == folder && found == name && coding.is_some_and(|c| c != Coding::Identity)
        };
        let mut forms: Vec<_> = self.release.entries().into_iter().filter(is).collect();
        forms.sort_by_key(|entry| entry.size);
        forms.into_iter().next().or_else(|| self.release.find(stem))
    }

    fn target(&self, below: &str) -> Target {
        Target::index(chain::join(&self.root.folder, below), views::INDEX)
    }

    fn packed(&self, stem: &str) -> Target {
        self.target(&format!("{stem}{}", PACKED.0))
    }

    /// The needs of a root.
    pub(crate) fn needs(&self, job: &Job<'_>) -> Vec<Need> {
        let packed = self.edited();
        job.missing(packed.iter().map(|stem| Need::Rendered(self.packed(stem))))
    }

    /// The root's text.
    pub(crate) fn text(&self, job: &Job<'_>) -> Result<String, FormatError> {
        let mut out = String::new();
        for field in self.release.stanza().fields() {
            let name = String::from_utf8_lossy(field.name);
            let value = String::from_utf8_lossy(field.value);
            let line = !REPLACED.iter().any(|replaced| name.eq_ignore_ascii_case(replaced));
            if line {
                let _ = write!(out, "{name}:{value}");
            }
        }
        for (field, chosen) in [
            ("Architectures", &self.selection.architectures),
            ("Components", &self.selection.components),
        ] {
            let all = self.release.field(field).unwrap_or_default().split_whitespace();
            let kept: Vec<_> = all
                .filter(|one| listed(chosen, one) || field == "Architectures" && *one == "all")
                .collect();
            if self.release.field(field).is_some() {
                let _ = writeln!(out, "{field}: {}", kept.join(" "));
            }
        }
        let _ = writeln!(out, "Acquire-By-Hash: yes\nSHA256:");
        self.list(job, &mut out)?;
        Ok(out)
    }

    fn list(&self, job: &Job<'_>, out: &mut String) -> Result<(), FormatError> {
        for stem in self.edited() {
            let need = Need::Rendered(self.packed(&stem));
            let Some(Found::Rendered { digests, size, plain }) = job.docs.found(&need) else {
                return Err(FormatError::new("an index has not been rendered"));
            };
            let sha256 = digests.iter().find(|digest| digest.algorithm() == Algorithm::Sha256);
            let sha256 = sha256.map(Digest::hex).unwrap_or_default();
            if let Some((plain, length)) = plain {
                let _ = writeln!(out, " {} {length} {stem}", plain.hex());
            }
            let _ = writeln!(out, " {sha256} {size} {stem}{}", PACKED.0);
        }
        for entry in self.release.entries() {
            let sha256 = entry.digest.algorithm() == Algorithm::Sha256;
            if sha256 && self.serves(entry.path) == Served::AsIs {
                let _ = writeln!(out, " {} {} {}", entry.digest.hex(), entry.size, entry.path);
            }
        }
        Ok(())
    }

    /// What to fetch for an index at its own path.
    pub(crate) fn child(&self, below: &str) -> Step<Edited> {
        match self.serves(below) {
            Served::Not => Step::Absent("the gateway's Release does not name it"),
            Served::AsIs => match self.release.find(below) {
                Some(entry) => {
                    let child =
                        chain::fetched(&self.root.folder, &entry, self.release.by_hash(), true);
                    Step::Found(Edited { child, packed: Coding::Identity, served: None })
                }
                None => Step::Absent("the Release file of this archive does not name it"),
            },
            Served::Edited => self.edited_child(below),
        }
    }

    fn edited_child(&self, below: &str) -> Step<Edited> {
        let (stem, packed) = match below.strip_suffix(PACKED.0) {
            Some(stem) => (stem, PACKED.1),
            None => (below, Coding::Identity),
        };
        let plain = Kind::of(chain::split(stem).1).is_some();
        let Some(entry) = self.best(stem).filter(|_| plain) else {
            return Step::Absent("the gateway serves edited indexes plain and as gzip files");
        };
        let child = chain::fetched(&self.root.folder, &entry, self.release.by_hash(), false);
        let served = self.selection.hold_back.then(|| self.packed(stem));
        Step::Found(Edited { child, packed, served })
    }
}

/// An index as this gateway serves it.
pub(crate) struct Edited {
    pub(crate) child: Child,
    /// The compression that the pipeline puts on.
    pub(crate) packed: Coding,
    /// What was served before, for entries that are held back.
    pub(crate) served: Option<Target>,
}

fn listed(chosen: &[String], one: &str) -> bool {
    chosen.is_empty() || chosen.iter().any(|own| own == one)
}

/// The root of a target that is one, or of the index at a path, when its suite is selected.
pub(crate) fn edited_child(
    job: &Job<'_>,
    selection: &Selection,
    path: &str,
) -> Result<Step<Edited>, FormatError> {
    let folders = chain::root_folders(path);
    for folder in &folders {
        let root = match chain::root(job, folder, 0) {
            Step::Need(_) => return Ok(Step::Need(chain::ask_roots(job, &folders))),
            Step::Absent(_) => continue,
            Step::Found(root) => root,
        };
        if !Plan::selects_suite(selection, folder) {
            return Ok(Step::Absent(UNSELECTED));
        }
        let plan = Plan::new(selection, &root)?;
        let below = path[folder.len()..].trim_start_matches('/');
        match plan.child(below) {
            Step::Absent(_) if !plan.release.has_component_of(below) && !plan.is_flat() => {}
            found => return Ok(found),
        }
    }
    Ok(Step::Absent("no Release file of this archive names it"))
}

/// Why another suite is not served.
pub(crate) const UNSELECTED: &str =
    "the suite is none of those that this mount signs (registries.<name>.suites)";

/// What an address by hash leads to.
pub(crate) enum Hashed<'a> {
    /// Bytes that this gateway served.
    Ours(&'a weir_core::Doc),
    /// What it passes on.
    Upstream(Box<Child>),
}

/// An address by hash: what was served here under this hash, else what is passed on.
pub(crate) fn by_hash<'a>(
    job: &Job<'a>,
    selection: &Selection,
    path: &str,
) -> Result<Step<Hashed<'a>>, FormatError> {
    let Some((folder, hex)) = path.rsplit_once("/by-hash/SHA256/") else {
        return Ok(Step::Absent("the gateway's Release lists SHA-256 alone"));
    };
    let Ok(digest) = Digest::from_hex(Algorithm::Sha256, hex) else {
        return Ok(Step::Absent("the address holds no SHA-256"));
    };
    let folders = chain::root_folders(path);
    for root_folder in &folders {
        let root = match chain::root(job, root_folder, 0) {
            Step::Need(_) => return Ok(Step::Need(chain::ask_roots(job, &folders))),
            Step::Absent(_) => continue,
            Step::Found(root) => root,
        };
        if !Plan::selects_suite(selection, root_folder) {
            return Ok(Step::Absent(UNSELECTED));
        }
        let plan = Plan::new(selection, &root)?;
        let below = folder[root_folder.len()..].trim_start_matches('/');
        let named = plan.release.with_digest(below, &digest);
        let entry = named.filter(|path| plan.serves(path) == Served::AsIs);
        if let Some(entry) = entry.and_then(|path| plan.release.find(path)) {
            let child = chain::fetched(root_folder, &entry, plan.release.by_hash(), true);
            return Ok(Step::Found(Hashed::Upstream(Box::new(child))));
        }
        // What the current root names is kept once the root has been rendered.
        let release = Target::index(chain::join(root_folder, "Release"), views::RELEASE);
        let needs = job.missing([Need::Rendered(release)]);
        if !needs.is_empty() {
            return Ok(Step::Need(needs));
        }
        let past = Need::Past(digest);
        return Ok(match job.docs.found(&past) {
            None => Step::Need(vec![past]),
            Some(Found::Doc(doc)) => Step::Found(Hashed::Ours(doc)),
            Some(_) => Step::Absent("no Release of this gateway named this digest"),
        });
    }
    Ok(Step::Absent("no Release of this gateway named this digest"))
}

/// What a target of a mount that signs needs.
pub(crate) fn need(
    job: &Job<'_>,
    selection: &Selection,
    view: &str,
) -> Result<Vec<Need>, FormatError> {
    let path = paths::plain(job.target);
    Ok(match view {
        views::IN_RELEASE | views::SIGNATURE => job.missing([signature(&path, view)]),
        views::RELEASE => match selected_root(job, selection, &path) {
            Step::Need(needs) => needs,
            Step::Absent(why) => job.missing([Need::Nowhere(why.into())]),
            Step::Found(root) => Plan::new(selection, &root)?.needs(job),
        },
        views::BY_HASH => match by_hash(job, selection, &path)? {
            Step::Need(needs) => needs,
            Step::Absent(why) => job.missing([Need::Nowhere(why.into())]),
            Step::Found(Hashed::Ours(_)) => Vec::new(),
            Step::Found(Hashed::Upstream(child)) => job.missing([Need::Fetch(child.fetch)]),
        },
        _ => match edited_child(job, selection, &path)? {
            Step::Need(needs) => needs,
            Step::Absent(why) => job.missing([Need::Nowhere(why.into())]),
            Step::Found(Edited { child, served, .. }) => {
                let needs = [Need::Fetch(child.fetch)].into_iter();
                job.missing(needs.chain(served.map(Need::Served)))
            }
        },
    })
}

fn selected_root<'a>(job: &Job<'a>, selection: &Selection, path: &str) -> Step<Root<'a>> {
    let (folder, _) = chain::split(path);
    if !Plan::selects_suite(selection, folder) {
        return Step::Absent(UNSELECTED);
    }
    chain::root(job, folder, 0)
}

/// The signature over the root beside a path.
fn signature(path: &str, view: &str) -> Need {
    let (folder, _) = chain::split(path);
    let release = Target::index(chain::join(folder, "Release"), views::RELEASE);
    let scheme = if view == views::IN_RELEASE { "openpgp-clear" } else { "openpgp-detached" };
    Need::Signature { of: Box::new(release), scheme }
}

/// Reports the entries of an index that is edited.
pub(crate) fn read(
    job: &Job<'_>,
    selection: &Selection,
    each: &mut dyn FnMut(weir_core::Release<'_>),
) -> Result<(), FormatError> {
    let path = paths::plain(job.target);
    if let Step::Found(edited) = edited_child(job, selection, &path)?
        && let Some(index) = edited.child.index(job)?
    {
        index.read(each);
    }
    Ok(())
}

/// Writes a target of a mount that signs.
pub(crate) fn write(
    job: &Job<'_>,
    selection: &Selection,
    edits: &Edits,
    out: &mut dyn io::Write,
) -> Result<Head, FormatError> {
    let path = paths::plain(job.target);
    let view = job.target.view().map_or("", |view| view.name);
    let failed = |error: io::Error| FormatError::new(error.to_string());
    let text = Head::new("text/plain; charset=utf-8").dated();
    match view {
        views::IN_RELEASE | views::SIGNATURE => {
            let Some(Found::Signature(bytes)) = job.docs.found(&signature(&path, view)) else {
                return Err(FormatError::new("there is no signature"));
            };
            out.write_all(bytes).map_err(failed)?;
            Ok(text)
        }
        views::RELEASE => {
            let root = crate::found(selected_root(job, selection, &path))?;
            let release = Plan::new(selection, &root)?.text(job)?;
            out.write_all(release.as_bytes()).map_err(failed)?;
            Ok(text)
        }
        views::BY_HASH => {
            let bytes = match crate::found(by_hash(job, selection, &path)?)? {
                Hashed::Ours(doc) => doc.bytes(),
                Hashed::Upstream(child) => job.doc(&child.fetch)?.bytes(),
            };
            out.write_all(bytes).map_err(failed)?;
            Ok(Head::new("application/octet-stream").packed())
        }
        _ => write_index(job, &crate::found(edited_child(job, selection, &path)?)?, edits, out),
    }
}

fn write_index(
    job: &Job<'_>,
    edited: &Edited,
    edits: &Edits,
    out: &mut dyn io::Write,
) -> Result<Head, FormatError> {
    let head = Head::new("application/octet-stream").dated();
    let Some(index) = edited.child.index(job)? else {
        let bytes = job.doc(&edited.child.fetch)?.bytes();
        out.write_all(bytes).map_err(|error| FormatError::new(error.to_string()))?;
        return Ok(head.packed());
    };
    let served = edited.served.clone().map(Need::Served);
    let served = served.and_then(|need| match job.docs.found(&need) {
        Some(Found::Doc(doc)) => Some(Index { bytes: doc.bytes(), ..index }),
        _ => None,
    });
    index.write(edits, served.as_ref(), out)?;
    Ok(head.compressed(edited.packed))
}

//! Paths below the mount, both ways.
//!
//! An archive is either `…/dists/<suite>/…` beside a pool, or *flat*: one folder with its own
//! index. A path may begin with the folder of one of several archives below the upstream address.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use weir_core::{Owner, Request, Role, Scope, Target, Unroutable};

use crate::views;

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Ends of package files and of the files of source packages.
const FILES: [&str; 4] = [".deb", ".udeb", ".ddeb", ".dsc"];
/// Compressions of indexes, after the name's last dot.
const CODINGS: [&str; 6] = ["gz", "xz", "bz2", "zst", "lzma", "lz4"];

pub(crate) fn route(request: &Request<'_>) -> Result<Target, Unroutable> {
    if !request.method.reads() {
        return Err(Unroutable::NotOffered(
            "this gateway only reads: upload packages to the archive itself",
        ));
    }
    let path = &below_archive(request)[..];
    // What holds a slash in a segment is no path that apt writes.
    if !request.query.is_empty() || path.iter().any(|segment| segment.contains('/')) {
        return Err(Unroutable::Unknown);
    }
    let Some((file, folders)) = path.split_last() else { return Err(Unroutable::Unknown) };
    let joined = path.join("/");
    let below_dists = folders.iter().position(|folder| *folder == "dists");
    match below_dists {
        // `dists/<suite>/<file>` is the least.
        Some(at) if folders.len() > at + 1 => Ok(index(joined, file, folders)),
        Some(_) => Err(Unroutable::Unknown),
        None if is_flat_index(file, folders) => Ok(index(joined, file, folders)),
        None => Ok(package(file, folders)),
    }
}

/// Below a mount of several archives, one of them is meant where the path names none.
fn below_archive<'r>(request: &'r Request<'_>) -> Vec<&'r str> {
    let path = request.path();
    let main = matches!(path.first(), Some(&("dists" | "pool")));
    let folder = request.namespace.split('/').filter(|segment| main && !segment.is_empty());
    folder.chain(path.iter().copied()).collect()
}

fn index(path: String, file: &str, folders: &[&str]) -> Target {
    let parent = folders.last().copied().unwrap_or_default();
    let inner = parent.starts_with("binary-") || parent == "source";
    let by_hash = folders.len() >= 2 && folders[folders.len() - 2] == "by-hash";
    let view = match file {
        _ if by_hash => views::BY_HASH,
        "InRelease" => views::IN_RELEASE,
        "Release" if !inner => views::RELEASE,
        "Release.gpg" => views::SIGNATURE,
        _ if is_package(file) && parent != "dep11" => return package(file, folders),
        _ => views::INDEX,
    };
    Target::index(path, view)
}

/// In a flat archive everything lies in one folder: only the names of indexes tell them from files.
fn is_flat_index(file: &str, folders: &[&str]) -> bool {
    let by_hash = folders.len() >= 2 && folders[folders.len() - 2] == "by-hash";
    let stem = match file.rsplit_once('.') {
        Some((stem, end)) if CODINGS.contains(&end) => stem,
        _ => file,
    };
    by_hash
        || matches!(stem, "InRelease" | "Release" | "Packages" | "Sources" | "Contents")
        || file == "Release.gpg"
        || stem.starts_with("Translation-")
        || stem.starts_with("Contents-")
}

fn is_package(file: &str) -> bool {
    let tar = file.rsplit_once('.').is_some_and(|(stem, _)| stem.strip_suffix(".tar").is_some());
    FILES.iter().any(|end| file.ends_with(end)) || tar || file.ends_with(".diff.gz")
}

/// Any other file: which release it is, only an index tells.
fn package(file: &str, folders: &[&str]) -> Target {
    let scope = Scope::Index(folders.join("/").into());
    Target::Artifact { owner: Owner::Listed(scope), file: file.into(), role: Role::Package }
}

/// The decoded path of a target.
pub(crate) fn plain(target: &Target) -> String {
    match target {
        Target::Manifest { scope: Scope::Index(path), .. } => path.to_string(),
        Target::Artifact { owner: Owner::Listed(Scope::Index(folder)), file, .. } => {
            if folder.is_empty() { file.to_string() } else { format!("{folder}/{file}") }
        }
        _ => String::new(),
    }
}

/// A decoded path as it stands in an address.
pub(crate) fn encode(path: &str) -> String {
    let segment = |segment| utf8_percent_encode(segment, SEGMENT).to_string();
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// What tells a file from another of its name in another folder: nothing in the usual pool
/// (`pool/<component>/<initial>/<source>/`), the folder anywhere else.
pub(crate) fn variant(folder: &str) -> Option<Box<str>> {
    let segments: Vec<_> = folder.split('/').collect();
    let usual = matches!(segments[..], ["pool", _, _, _]);
    (!usual && !folder.is_empty()).then(|| folder.into())
}

/// The folder of an archive above `dists`, with its slash; empty for the mount itself.
pub(crate) fn archive(path: &str) -> &str {
    let at = if path.starts_with("dists/") { Some(0) } else { path.find("/dists/").map(|i| i + 1) };
    at.map_or("", |at| &path[..at])
}

/// Where a file is that a flat archive's index in `folder` names: relative to the folder, or to
/// one above it when the name repeats the folders in between.
pub(crate) fn flat_file(folder: &str, name: &str) -> String {
    let above: Vec<_> = folder.split('/').filter(|s| !s.is_empty()).collect();
    let named: Vec<_> = name.split('/').collect();
    let repeats =
        |count: &usize| *count < named.len() && above[above.len() - count..] == named[..*count];
    let shared = (1..=above.len()).rev().find(repeats).unwrap_or(0);
    let mut all = above[..above.len() - shared].to_vec();
    all.extend(named);
    all.join("/")
}

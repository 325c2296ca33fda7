//! Which version a file belongs to, by its name and the project that lists it.
//!
//! Wheels follow the binary distribution format (PEP 427), source distributions PEP 625 and what
//! came before it; the project's name being known, older names with dashes in them are read
//! without guessing. Eggs, installers and packages of systems, which no client of today installs,
//! are attributed as well, so that they are judged like the rest of their release.

use weir_core::Scheme;

use crate::name;

/// Longer file names than any package has; leaves room for `.provenance` in one path segment.
const MAX_FILE: usize = 240;
/// Longer versions than any release has.
const MAX_VERSION: usize = 120;

const ARCHIVES: [&str; 12] = [
    ".tar.gz",
    ".zip",
    ".tar.bz2",
    ".tgz",
    ".tar.xz",
    ".tar.Z",
    ".tbz",
    ".txz",
    ".tar.lzma",
    ".tlz",
    ".tar.zst",
    ".tar",
];
/// What follows the version in the name of a binary archive (`bdist_dumb`).
const PLATFORMS: [&str; 8] =
    ["linux", "macosx", "win32", "win-", "cygwin", "darwin", "freebsd", "solaris"];

const FOREIGN: &str = "the file's name is not one of this project's";
const NO_VERSION: &str = "the file's name holds no version";
const NO_PACKAGE: &str = "the file's name is none of a package";

/// Whether a text can stand in our addresses and on our disks as the name of a file.
pub(crate) fn is_safe(file: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+' | b'!');
    file.len() <= MAX_FILE
        && file.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && file.bytes().all(plain)
}

/// The normal form of the version that a file of this project (normal name) belongs to, or why
/// there is none.
pub(crate) fn version(project: &str, file: &str) -> Result<String, &'static str> {
    if !is_safe(file) {
        return Err("the file's name has odd characters or is too long");
    }
    if let Some(stem) = file.strip_suffix(".whl") {
        return wheel(project, stem);
    }
    if let Some(stem) = ARCHIVES.iter().find_map(|ending| file.strip_suffix(ending)) {
        return archive(after_name(project, stem)?);
    }
    if let Some(stem) = file.strip_suffix(".deb") {
        return debian(project, stem);
    }
    let (stem, ending) = file.rsplit_once('.').ok_or(NO_PACKAGE)?;
    match ending {
        "egg" | "exe" | "msi" | "dmg" => {
            let rest = after_name(project, stem)?;
            longest(untagged(rest).0).ok_or(NO_VERSION)
        }
        "rpm" => rpm(after_name(project, stem)?).ok_or(NO_VERSION),
        _ => Err(NO_PACKAGE),
    }
}

/// `name-version(-build)?-python-abi-platform`
fn wheel(project: &str, stem: &str) -> Result<String, &'static str> {
    let rest = after_name(project, stem)?;
    // A dash in the name would shift the parts for clients, which take the first for the name.
    if stem[..stem.len() - rest.len() - 1].contains('-') {
        return Err(FOREIGN);
    }
    let parts: Vec<&str> = rest.split('-').collect();
    let tagged = match parts.as_slice() {
        [_, build, _, _, _] => build.starts_with(digit),
        [_, _, _, _] => true,
        _ => false,
    };
    if !tagged || parts.iter().any(|part| part.is_empty()) {
        return Err("the wheel's name has not the parts of one");
    }
    normal(parts[0]).ok_or(NO_VERSION)
}

/// A source distribution, or a binary archive with a platform behind the version.
fn archive(rest: &str) -> Result<String, &'static str> {
    if let Some(version) = normal(rest) {
        return Ok(version);
    }
    let (head, platform) = untagged(rest);
    if platform { longest(head).ok_or(NO_VERSION) } else { Err(NO_VERSION) }
}

/// `version-release.arch`
fn rpm(rest: &str) -> Option<String> {
    let (rest, _arch) = rest.rsplit_once('.')?;
    let (version, _release) = rest.rsplit_once('-')?;
    normal(version)
}

/// `python-name_version-revision_arch`
fn debian(project: &str, stem: &str) -> Result<String, &'static str> {
    let stem = ["python-", "python3-"].iter().find_map(|p| stem.strip_prefix(p)).unwrap_or(stem);
    let (_, rest) = name::split(project, stem).ok_or(FOREIGN)?;
    let mut parts = rest.strip_prefix('_').ok_or(FOREIGN)?.split('_');
    let version = parts.next().unwrap_or_default();
    let upstream = version.rsplit_once('-').map_or(version, |(upstream, _)| upstream);
    normal(upstream).ok_or(NO_VERSION)
}

/// What follows the name and its dash.
fn after_name<'a>(project: &str, stem: &'a str) -> Result<&'a str, &'static str> {
    let (_, rest) = name::split(project, stem).ok_or(FOREIGN)?;
    rest.strip_prefix('-').ok_or(FOREIGN)
}

/// What stands before the first tag of a platform or of a Python (`.win32`, `-py2.7`), and whether
/// there is one. A local version would take the tag for a part of its own.
fn untagged(rest: &str) -> (&str, bool) {
    let tags = |behind: &str| {
        let python = behind.strip_prefix("py").is_some_and(|v| v.starts_with(digit));
        python || PLATFORMS.iter().any(|word| behind.starts_with(word))
    };
    let tag = rest.match_indices(['-', '.']).map(|(at, _)| at).find(|at| tags(&rest[at + 1..]));
    (&rest[..tag.unwrap_or(rest.len())], tag.is_some())
}

fn digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// The longest head of a text that is a version and ends at a separator.
fn longest(rest: &str) -> Option<String> {
    let ends = rest.match_indices(['-', '.']).map(|(at, _)| at).rev();
    std::iter::once(rest.len()).chain(ends).find_map(|end| normal(&rest[..end]))
}

/// The normal form of a version as file names spell it, where `_` may stand for `-`.
pub(crate) fn normal(version: &str) -> Option<String> {
    if version.len() > MAX_VERSION {
        return None;
    }
    let read = |text: &str| weir_version::normalize(Scheme::Pep440, text);
    read(version).or_else(|| version.contains('_').then(|| read(&version.replace('_', "-")))?)
}

/// What equal versions have in common: the normal form without trailing zeros of the release
/// (`1.0` and `1.0.0` are one version).
pub(crate) fn key(normal: &str) -> String {
    let start = normal.find('!').map_or(0, |at| at + 1);
    let release = normal[start..].bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    // The dot before `dev` and `post` is no part of the release.
    let (head, tail) = normal.split_at(start + release);
    let (head, tail) = match head.strip_suffix('.') {
        Some(head) => (head, &normal[head.len()..]),
        None => (head, tail),
    };
    let mut head = head;
    while let Some(shorter) = head.strip_suffix(".0") {
        head = shorter;
    }
    format!("{head}{tail}")
}

#[cfg(test)]
mod tests;

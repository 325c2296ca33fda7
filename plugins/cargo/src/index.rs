//! Index files: one JSON object a line, of any length, each judged by itself.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;

use weir_core::{
    Algorithm, Coordinates, Digest, Edit, Edits, Fetch, Name, Release, Scheme, Timestamp,
};
use weir_format::Splice;
use weir_format::json::{Kind, Object};

use crate::paths;

/// A readable line.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    /// The name as the registry spells it.
    pub(crate) name: Cow<'a, str>,
    /// The version.
    pub(crate) version: Cow<'a, str>,
    /// SHA-256 of the file.
    pub(crate) digest: Digest,
    yanked: bool,
    published: Option<Timestamp>,
}

/// The fetch of a crate's index file.
pub(crate) fn fetch(name: &Name) -> Fetch {
    Fetch::get(paths::index_file(name)).accept("text/plain").listing()
}

/// The lines that are entries, each with its line ending. A line of white space is none, as
/// for cargo.
fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split_inclusive(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty())
}

/// The entries of an index file, in its order, or why one cannot be judged.
fn entries<'a>(
    body: &'a [u8],
    name: &'a str,
) -> impl Iterator<Item = Result<Entry<'a>, &'static str>> {
    let mut seen = HashSet::new();
    lines(body).map(move |line| {
        let entry = parse(line, name)?;
        // Readers differ in which of two lines they believe, so there must be one.
        if seen.insert(entry.version.clone()) {
            Ok(entry)
        } else {
            Err("the index lists this version twice")
        }
    })
}

fn parse<'a>(line: &'a [u8], name: &str) -> Result<Entry<'a>, &'static str> {
    let object = Object::parse(line)
        .map_err(|_| "the index line is not a JSON object with unique, plainly spelled keys")?;
    let spelled = object.text("name").ok_or("the index line has no name")?;
    if !spelled.eq_ignore_ascii_case(name) {
        return Err("the index line is of another crate");
    }
    let version = object
        .text("vers")
        .filter(|text| weir_version::is_valid(Scheme::Semver, text))
        .ok_or("the index line has no semantic version")?;
    let digest = object
        .text("cksum")
        .and_then(|text| Digest::from_hex(Algorithm::Sha256, &text).ok())
        .ok_or("the index line has no SHA-256 checksum")?;
    let yanked = match object.get("yanked") {
        None => false,
        Some(value) if value.is_null() => false,
        Some(value) => value.bool().ok_or("\"yanked\" is not true or false")?,
    };
    let published = object.text("pubtime").and_then(|text| Timestamp::parse_rfc3339(&text));
    Ok(Entry { name: spelled, version, digest, yanked, published })
}

/// Lists the releases of an index file.
pub(crate) fn read(body: &[u8], name: &str, each: &mut dyn FnMut(Release<'_>)) {
    for entry in entries(body, name) {
        let release = match &entry {
            Ok(entry) => Release {
                name: Cow::Borrowed(name),
                version: Cow::Borrowed(&entry.version),
                file: Some(Cow::Owned(paths::file_name(name, &entry.version))),
                available: entry.published,
                digest: Some(entry.digest.clone()),
                yanked: entry.yanked.then_some(Cow::Borrowed("")),
                ..Release::default()
            },
            Err(why) => {
                Release { name: Cow::Borrowed(name), unreadable: Some(why), ..Release::default() }
            }
        };
        each(release);
    }
}

/// The readable line of a release.
pub(crate) fn find<'a>(body: &'a [u8], release: &'a Coordinates) -> Option<Entry<'a>> {
    entries(body, release.name.as_str())
        .flatten()
        .find(|entry| entry.version == release.version.as_str())
}

/// Writes an index file without the lines that are dropped, and with those that are marked
/// yanked.
pub(crate) fn write(body: &[u8], edits: &Edits, out: &mut dyn io::Write) -> io::Result<()> {
    if edits.is_empty() {
        return out.write_all(body);
    }
    for (ordinal, line) in lines(body).enumerate() {
        match edits.get(ordinal) {
            Edit::Keep => out.write_all(line)?,
            Edit::Drop => {}
            Edit::Mark(_) => yank(line, out)?,
        }
    }
    Ok(())
}

/// Writes a line with `yanked` true. A line that cannot be read cannot be marked, so it goes.
fn yank(line: &[u8], out: &mut dyn io::Write) -> io::Result<()> {
    let Ok(object) = Object::parse(line) else { return Ok(()) };
    let mut splice = Splice::new(line);
    match object.get("yanked") {
        Some(value) if value.kind() == Kind::Bool && value.bool() == Some(true) => {}
        Some(value) => splice.put(value.span(), "true"),
        None => object.insert(&mut splice, &[("yanked", "true")], object.members().len()),
    }
    splice.write(out)
}

//! `Packages` and `Sources`: stanzas that name files with digests and sizes.

use std::borrow::Cow;
use std::io;
use std::ops::Range;

use weir_core::{Algorithm, Digest, Edits, FormatError, Release, Scheme};
use weir_format::stanza::{self, Stanza};

use crate::paths;

/// The two kinds of index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One binary package a stanza.
    Packages,
    /// One source package of several files a stanza.
    Sources,
}

impl Kind {
    /// The kind of an index by its file name without compression.
    pub(crate) fn of(stem: &str) -> Option<Self> {
        match stem {
            "Packages" => Some(Self::Packages),
            "Sources" => Some(Self::Sources),
            _ => None,
        }
    }
}

/// An index at its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Index<'a> {
    pub(crate) kind: Kind,
    /// Its folder.
    pub(crate) folder: &'a str,
    /// Its decoded bytes.
    pub(crate) bytes: &'a [u8],
}

impl<'a> Index<'a> {
    /// Reports each file of each stanza, with the ordinal of the stanza.
    fn each(&self, report: &mut dyn FnMut(usize, Release<'a>)) {
        for (ordinal, stanza) in stanza::stanzas(self.bytes).enumerate() {
            match self.kind {
                Kind::Packages => report(ordinal, self.package(&stanza)),
                Kind::Sources => self.source(&stanza, &mut |release| report(ordinal, release)),
            }
        }
    }

    pub(crate) fn read(&self, each: &mut dyn FnMut(Release<'_>)) {
        self.each(&mut |_, release| each(release));
    }

    /// Writes the stanzas of which every file is kept, and the held ones of the document as it was
    /// last served.
    pub(crate) fn write(
        &self,
        edits: &Edits,
        served: Option<&Index<'_>>,
        out: &mut dyn io::Write,
    ) -> Result<(), FormatError> {
        let kept = self.stanzas_of(|entry| edits.keeps(entry), true);
        copy(self.bytes, kept, out)?;
        match served.filter(|_| !edits.held().is_empty()) {
            Some(served) => {
                let held = |entry: usize| edits.held().binary_search(&entry).is_ok();
                copy(served.bytes, served.stanzas_of(held, false), out)
            }
            None => Ok(()),
        }
    }

    /// Which stanzas have all of their entries (or any of them) chosen.
    fn stanzas_of<'s>(
        &'s self,
        chosen: impl Fn(usize) -> bool + 's,
        all: bool,
    ) -> Box<dyn Fn(usize) -> bool + 's> {
        if self.kind == Kind::Packages {
            // Each stanza is one entry.
            return Box::new(chosen);
        }
        let mut stanzas: Vec<bool> = Vec::new();
        let mut entry = 0;
        self.each(&mut |ordinal, _| {
            stanzas.resize(stanzas.len().max(ordinal + 1), all);
            stanzas[ordinal] = if all {
                stanzas[ordinal] && chosen(entry)
            } else {
                stanzas[ordinal] || chosen(entry)
            };
            entry += 1;
        });
        Box::new(move |ordinal| stanzas.get(ordinal).copied().unwrap_or(false))
    }

    /// Where a file is that the index names.
    fn locate(&self, name: &'a str) -> Cow<'a, str> {
        let name = name.strip_prefix("./").unwrap_or(name);
        let archive = paths::archive(self.folder_with_slash());
        match (archive.is_empty(), self.is_flat()) {
            (_, true) if self.folder.is_empty() => Cow::Borrowed(name),
            (_, true) => Cow::Owned(paths::flat_file(self.folder, name)),
            (true, false) => Cow::Borrowed(name),
            (false, false) => Cow::Owned(format!("{archive}{name}")),
        }
    }

    fn folder_with_slash(&self) -> &'a str {
        self.folder
    }

    fn is_flat(&self) -> bool {
        !self.folder.split('/').any(|segment| segment == "dists")
    }

    fn package(&self, stanza: &Stanza<'a>) -> Release<'a> {
        let mut found = Found::default();
        let (mut file, mut size) = (Once::default(), Once::default());
        let mut digests: [Option<&[u8]>; 4] = [None; 4];
        for field in stanza.fields() {
            match field.name.len() {
                4 if is(field.name, "Size") => size.set(field.value),
                8 if is(field.name, "Filename") => file.set(field.value),
                7 if is(field.name, "Package") => found.name.set(field.value),
                7 if is(field.name, "Version") => found.version.set(field.value),
                _ => {
                    if let Some(list) = digest_field(field.name) {
                        digests[list] = Some(field.value);
                    }
                }
            }
        }
        let mut release = found.release();
        release.size = size.text().and_then(|size| size.parse().ok());
        let digest = digests.iter().zip(ALGORITHMS).rev().find_map(|(value, algorithm)| {
            Digest::from_hex(algorithm, stanza::text((*value)?)?).ok()
        });
        match (file.text().filter(|file| is_clean(file)), digest) {
            (Some(file), Some(digest)) => {
                release.file = Some(self.locate(file));
                release.digest = Some(digest);
            }
            _ => release.unreadable = Some("its index entry names no file with a digest"),
        }
        release
    }

    fn source(&self, stanza: &Stanza<'a>, each: &mut dyn FnMut(Release<'a>)) {
        let mut found = Found::default();
        let mut folder = Once::default();
        let mut lists: [Option<&[u8]>; 4] = [None; 4];
        for field in stanza.fields() {
            match field.name {
                name if is(name, "Package") => found.name.set(field.value),
                name if is(name, "Version") => found.version.set(field.value),
                name if is(name, "Directory") => folder.set(field.value),
                name if is(name, "Files") => lists[0] = Some(field.value),
                name if is(name, "Checksums-Sha1") => lists[1] = Some(field.value),
                name if is(name, "Checksums-Sha256") => lists[2] = Some(field.value),
                name if is(name, "Checksums-Sha512") => lists[3] = Some(field.value),
                _ => {}
            }
        }
        let release = found.release();
        let best = [2, 3, 1, 0].into_iter().find(|list: &usize| lists[*list].is_some());
        let entries = best.and_then(|list| {
            let lines = stanza::text(lists[list]?)?.lines();
            Some(lines.map(move |line| crate::release::entry(line, ALGORITHMS[list])))
        });
        let folder = folder.text().unwrap_or_default();
        let mut any = false;
        for entry in entries.into_iter().flatten() {
            any = true;
            let mut release = release.clone();
            match entry.filter(|entry| !entry.path.contains('/') && is_clean(folder)) {
                Some(entry) => {
                    let name = if matches!(folder, "" | ".") {
                        entry.path.to_owned()
                    } else {
                        format!("{}/{}", folder.trim_end_matches('/'), entry.path)
                    };
                    release.file = Some(self.locate_owned(&name).into());
                    release.digest = Some(entry.digest);
                    release.size = Some(entry.size);
                }
                None => release.unreadable = Some("its index entry names a file without a digest"),
            }
            each(release);
        }
        if !any {
            each(Release { unreadable: Some("its index entry names no files"), ..release });
        }
    }

    fn locate_owned(&self, name: &str) -> String {
        Index { kind: self.kind, folder: self.folder, bytes: b"" }.locate(name).into_owned()
    }
}

/// The algorithms of digest fields, weakest first but for SHA-256, which every index has.
const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];

fn digest_field(name: &[u8]) -> Option<usize> {
    ["MD5sum", "SHA1", "SHA256", "SHA512"].iter().position(|field| is(name, field))
}

fn is(name: &[u8], field: &str) -> bool {
    name.eq_ignore_ascii_case(field.as_bytes())
}

/// A field that may stand once.
#[derive(Clone, Copy, Default)]
struct Once<'a> {
    value: Option<&'a [u8]>,
    twice: bool,
}

impl<'a> Once<'a> {
    fn set(&mut self, value: &'a [u8]) {
        self.twice |= self.value.is_some();
        self.value = Some(value);
    }

    /// The value of a field that stands once.
    fn text(&self) -> Option<&'a str> {
        self.value.filter(|_| !self.twice).and_then(stanza::text)
    }
}

#[derive(Clone, Copy, Default)]
struct Found<'a> {
    name: Once<'a>,
    version: Once<'a>,
}

impl<'a> Found<'a> {
    fn release(self) -> Release<'a> {
        let name = self.name.text().filter(|name| is_name(name));
        let version = self.version.text();
        let valid = version.is_some_and(|v| weir_version::is_valid(Scheme::Debian, v));
        let unreadable = match (name, valid) {
            (Some(_), true) => None,
            (None, _) => Some("its index entry has no name"),
            (_, false) => Some("its version is none of Debian's"),
        };
        Release {
            name: name.unwrap_or_default().into(),
            version: version.filter(|_| valid).unwrap_or_default().into(),
            unreadable,
            ..Release::default()
        }
    }
}

/// Debian Policy 5.6.1, and upper case, which third parties use.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "+-._".contains(c))
}

/// A relative path that stays where it is.
fn is_clean(path: &str) -> bool {
    let path = path.strip_prefix("./").unwrap_or(path);
    !path.starts_with('/')
        && !path.chars().any(|c| c.is_control() || c == '\\')
        && (path.is_empty() || path.split('/').all(|part| part != ".."))
}

/// Copies the stanzas that are kept, runs of them at once.
fn copy(
    bytes: &[u8],
    keep: impl Fn(usize) -> bool,
    out: &mut dyn io::Write,
) -> Result<(), FormatError> {
    let failed = |error: io::Error| FormatError::new(error.to_string());
    let mut run: Range<usize> = 0..0;
    for (ordinal, stanza) in stanza::stanzas(bytes).enumerate() {
        if !keep(ordinal) {
            continue;
        }
        if run.end != stanza.span.start || run.is_empty() {
            out.write_all(&bytes[run]).map_err(failed)?;
            run = stanza.span.clone();
        }
        run.end = stanza.span.end;
        // The last stanza of a document may lack the empty line behind it.
        if !bytes[stanza.span].ends_with(b"\n\n") {
            out.write_all(&bytes[run]).map_err(failed)?;
            let missing: &[u8] = if bytes.ends_with(b"\n") { b"\n" } else { b"\n\n" };
            out.write_all(missing).map_err(failed)?;
            run = 0..0;
        }
    }
    out.write_all(&bytes[run]).map_err(failed)
}

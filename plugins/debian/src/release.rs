//! `Release` files: the root of an archive's chain of digests, plain or signed in the clear.
//!
//! Format: <https://wiki.debian.org/DebianRepository/Format>, "Release" files; the cleartext
//! framework is RFC 9580 section 7.

use std::borrow::Cow;

use weir_core::{Algorithm, Digest, FormatError};
use weir_format::stanza::{self, Stanza};

const BEGIN: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
/// The lists of digests, strongest last.
const LISTS: [(&str, Algorithm); 4] = [
    ("MD5Sum", Algorithm::Md5),
    ("SHA1", Algorithm::Sha1),
    ("SHA256", Algorithm::Sha256),
    ("SHA512", Algorithm::Sha512),
];

/// A file that a root names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// Path below the root's folder.
    pub(crate) path: &'a str,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

/// A root, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Release<'a> {
    stanza: Stanza<'a>,
}

/// The signed text of a document in the cleartext framework; the document itself when it is none.
pub(crate) fn text(document: &[u8]) -> Cow<'_, [u8]> {
    if !document.starts_with(BEGIN) {
        return Cow::Borrowed(document);
    }
    let mut signed = Vec::with_capacity(document.len());
    let mut lines = document.split_inclusive(|b| *b == b'\n');
    // Armor headers end with an empty line.
    for line in lines.by_ref() {
        if line.trim_ascii().is_empty() {
            break;
        }
    }
    for line in lines {
        if line.starts_with(SIGNATURE) {
            break;
        }
        signed.extend_from_slice(line.strip_prefix(b"- ").unwrap_or(line));
    }
    Cow::Owned(signed)
}

/// Whether two texts differ in nothing but white space at their ends.
pub(crate) fn same(left: &[u8], right: &[u8]) -> bool {
    left.trim_ascii() == right.trim_ascii()
}

impl<'a> Release<'a> {
    /// Reads the signed text.
    pub(crate) fn parse(text: &'a [u8]) -> Result<Self, FormatError> {
        let stanza = stanza::stanzas(text)
            .next()
            .filter(|stanza| LISTS.iter().any(|(list, _)| stanza.get(list).is_some()))
            .ok_or_else(|| FormatError::new("the Release file lists no digests"))?;
        Ok(Self { stanza })
    }

    /// A field of one line.
    pub(crate) fn field(&self, name: &str) -> Option<&'a str> {
        self.stanza.text(name)
    }

    /// The stanza.
    pub(crate) fn stanza(&self) -> &Stanza<'a> {
        &self.stanza
    }

    /// Whether files are also found below `by-hash`.
    pub(crate) fn by_hash(&self) -> bool {
        self.field("Acquire-By-Hash").is_some_and(|value| value.eq_ignore_ascii_case("yes"))
    }

    /// Whether a path below the root's folder lies in one of its components.
    pub(crate) fn has_component_of(&self, path: &str) -> bool {
        let components = self.field("Components").unwrap_or_default();
        components
            .split_whitespace()
            .any(|component| path.strip_prefix(component).is_some_and(|rest| rest.starts_with('/')))
    }

    /// The entry of a path: its SHA-256 where there is one, else the strongest digest.
    pub(crate) fn find(&self, path: &str) -> Option<Entry<'a>> {
        let preferred = [2, 3, 1, 0].map(|index: usize| LISTS[index]);
        preferred.into_iter().find_map(|(list, algorithm)| {
            self.list(list, algorithm).find(|entry| entry.path == path)
        })
    }

    /// The path of the file in this folder that has this digest.
    pub(crate) fn with_digest(&self, folder: &str, digest: &Digest) -> Option<&'a str> {
        let (list, algorithm) = LISTS.into_iter().find(|(_, a)| *a == digest.algorithm())?;
        let inside = |path: &str| {
            let (parent, _) = path.rsplit_once('/').unwrap_or(("", path));
            parent == folder
        };
        let mut entries = self.list(list, algorithm);
        entries.find(|entry| entry.digest == *digest && inside(entry.path)).map(|e| e.path)
    }

    /// The entries of the best list.
    pub(crate) fn entries(&self) -> Vec<Entry<'a>> {
        let preferred = [2, 3, 1, 0].map(|index: usize| LISTS[index]);
        let list = preferred.into_iter().find(|(list, _)| self.stanza.get(list).is_some());
        list.map(|(list, algorithm)| self.list(list, algorithm).collect()).unwrap_or_default()
    }

    fn list(&self, list: &str, algorithm: Algorithm) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let value = self.stanza.text(list).unwrap_or_default();
        value.lines().filter_map(move |line| entry(line, algorithm))
    }
}

/// `digest size path`.
pub(crate) fn entry(line: &str, algorithm: Algorithm) -> Option<Entry<'_>> {
    let mut words = line.split_ascii_whitespace();
    let digest = Digest::from_hex(algorithm, words.next()?).ok()?;
    let size = words.next()?.parse().ok()?;
    let path = words.next().filter(|path| !path.starts_with('/') && !path.contains(".."))?;
    Some(Entry { path, digest, size })
}

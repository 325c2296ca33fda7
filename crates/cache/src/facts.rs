//! What a whole index says of its files, as one immutable table that is searched in place.
//!
//! A distribution's index names tens of thousands of files and changes several times a day: rows
//! of a database are the wrong place for them. A table is built once for a document, kept beside
//! it, and read as it lies.
//!
//! Layout: the line `weir-facts 1`, the number of records, the offset of each record (both as
//! 32-bit little-endian numbers), then the records, sorted by file:
//! `file NUL name NUL version NUL digest NUL size LF`.

use std::cmp::Ordering;
use std::str::FromStr as _;

use bytes::Bytes;
use weir_core::{Coordinates, Digest, Listed, Release};

const MAGIC: &[u8] = b"weir-facts 1\n";
const NUMBER: usize = 4;

/// What an index says of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact<'a> {
    /// The file, as the plugin's `read` reports it.
    pub file: &'a str,
    /// Canonical package name.
    pub name: &'a str,
    /// Canonical version.
    pub version: &'a str,
    digest: &'a str,
    size: &'a str,
}

impl Fact<'_> {
    /// The digest that the index promises.
    pub fn digest(&self) -> Option<Digest> {
        Digest::from_str(self.digest).ok()
    }

    /// As an answer to a question of a plugin.
    pub fn listed(&self) -> Listed {
        Listed {
            release: Coordinates::new(self.name, self.version),
            file: self.file.into(),
            digest: self.digest(),
            size: self.size.parse().ok(),
            published: None,
        }
    }

    fn key(&self) -> (&str, &str, &str) {
        (self.file, self.name, self.version)
    }
}

/// Collects the releases of an index.
#[derive(Debug, Default)]
pub struct FactsBuilder {
    records: Vec<u8>,
    spans: Vec<(u32, u32)>,
}

impl FactsBuilder {
    /// Adds an entry that names a file and can be read.
    pub fn add(&mut self, release: &Release<'_>) {
        let Some(file) = release.file.as_deref().filter(|_| release.unreadable.is_none()) else {
            return;
        };
        let digest = release.digest.as_ref().map(ToString::to_string).unwrap_or_default();
        let size = release.size.map(|size| size.to_string()).unwrap_or_default();
        let fields = [file, &*release.name, &*release.version, &*digest, &*size];
        if fields.iter().any(|field| field.contains(['\0', '\n'])) {
            return;
        }
        let start = self.records.len();
        self.records.extend_from_slice(fields.join("\0").as_bytes());
        self.records.push(b'\n');
        // Tables beyond 4 GiB do not exist: documents are capped far below.
        if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(self.records.len())) {
            self.spans.push((start, end));
        }
    }

    /// The table.
    pub fn build(self) -> Vec<u8> {
        let Self { records, mut spans } = self;
        let text = |span: &(u32, u32)| &records[span.0 as usize..span.1 as usize];
        // NUL sorts before everything, so this is the order of files, names and versions.
        spans.sort_unstable_by(|a, b| text(a).cmp(text(b)));
        spans.dedup_by(|a, b| text(a) == text(b));
        let head = MAGIC.len() + NUMBER * (spans.len() + 1);
        let mut table = Vec::with_capacity(head + records.len());
        table.extend_from_slice(MAGIC);
        table.extend_from_slice(&(spans.len() as u32).to_le_bytes());
        let mut offset = 0;
        for (start, end) in &spans {
            table.extend_from_slice(&u32::to_le_bytes(offset));
            offset += end - start;
        }
        for span in &spans {
            table.extend_from_slice(text(span));
        }
        table
    }
}

/// A table.
#[derive(Clone, Debug)]
pub struct Facts {
    bytes: Bytes,
    count: usize,
}

impl Facts {
    /// Opens a table; `None` when the bytes are none.
    pub fn open(bytes: Bytes) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let count = u32::from_le_bytes(rest.get(..NUMBER)?.try_into().ok()?) as usize;
        (rest.len() >= NUMBER * (count + 1)).then_some(Self { bytes, count })
    }

    /// The number of records.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All records, by file.
    pub fn iter(&self) -> impl Iterator<Item = Fact<'_>> {
        (0..self.count).filter_map(|index| self.get(index))
    }

    /// The records of a file.
    pub fn of_file<'a>(&'a self, file: &'a str) -> impl Iterator<Item = Fact<'a>> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle) {
                Some(fact) if fact.file < file => low = middle + 1,
                _ => high = middle,
            }
        }
        (low..self.count).map_while(|index| self.get(index)).take_while(move |f| f.file == file)
    }

    /// The records of a digest. Every record is looked at.
    pub fn of_digest(&self, digest: &Digest) -> impl Iterator<Item = Fact<'_>> {
        let text = digest.to_string();
        self.iter().filter(move |fact| fact.digest == text)
    }

    fn get(&self, index: usize) -> Option<Fact<'_>> {
        let at = MAGIC.len() + NUMBER * (index + 1);
        let offset = u32::from_le_bytes(self.bytes.get(at..at + NUMBER)?.try_into().ok()?);
        let records = self.bytes.get(MAGIC.len() + NUMBER * (self.count + 1)..)?;
        let rest = records.get(offset as usize..)?;
        let line = &rest[..memchr::memchr(b'\n', rest)?];
        let mut fields = std::str::from_utf8(line).ok()?.split('\0');
        Some(Fact {
            file: fields.next()?,
            name: fields.next()?,
            version: fields.next()?,
            digest: fields.next()?,
            size: fields.next()?,
        })
    }
}

/// What changed from one version of an index to the next.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes<'a> {
    /// Files of releases that were not there.
    pub appeared: Vec<Fact<'a>>,
    /// Files that were there with another digest.
    pub replaced: Vec<Fact<'a>>,
}

/// Compares two tables in one pass.
pub fn changes<'a>(old: &'a Facts, new: &'a Facts) -> Changes<'a> {
    let mut changes = Changes::default();
    let mut before = old.iter().peekable();
    for fact in new.iter() {
        let key = fact.key();
        while before.next_if(|old| old.key().cmp(&key) == Ordering::Less).is_some() {}
        match before.peek().filter(|old| old.key() == key) {
            None => changes.appeared.push(fact),
            Some(old) if old.digest != fact.digest => changes.replaced.push(fact),
            Some(_) => {}
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use weir_core::Algorithm;

    use super::*;

    fn release(file: &'static str, name: &'static str, version: &'static str) -> Release<'static> {
        Release {
            name: name.into(),
            version: version.into(),
            file: Some(file.into()),
            digest: Some(Digest::of(Algorithm::Sha256, version.as_bytes())),
            size: Some(version.len() as u64),
            ..Release::default()
        }
    }

    fn table(releases: &[Release<'_>]) -> Facts {
        let mut builder = FactsBuilder::default();
        for release in releases {
            builder.add(release);
        }
        Facts::open(builder.build().into()).unwrap()
    }

    #[test]
    fn a_file_is_found_among_its_neighbours() {
        let all = [
            release("pool/b_2.deb", "b", "2"),
            release("pool/a_1.deb", "a", "1"),
            release("pool/b_2.deb.x", "b", "2"),
            release("pool/b", "b", "0"),
        ];
        let table = table(&all);
        assert_eq!(table.len(), 4);
        for release in &all {
            let file = release.file.as_deref().unwrap();
            let found: Vec<_> = table.of_file(file).collect();
            assert_eq!(found.len(), 1, "{file}");
            assert_eq!(found[0].listed().digest, release.digest);
            assert_eq!(found[0].listed().size, Some(1));
        }
        assert_eq!(table.of_file("pool/c").count(), 0);
        assert_eq!(table.of_digest(all[1].digest.as_ref().unwrap()).count(), 1);
    }

    #[test]
    fn unreadable_entries_and_repetitions_are_left_out() {
        let odd = Release { unreadable: Some("odd"), ..release("pool/x.deb", "x", "1") };
        let table = table(&[odd, release("f", "a", "1"), release("f", "a", "1")]);
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn changes_are_what_appeared_and_what_was_replaced() {
        let old = table(&[release("a", "a", "1"), release("b", "b", "1"), release("c", "c", "1")]);
        let rebuilt = Release {
            digest: Some(Digest::of(Algorithm::Sha256, b"other")),
            ..release("b", "b", "1")
        };
        let new = table(&[release("a", "a", "1"), rebuilt, release("d", "d", "1")]);
        let changes = changes(&old, &new);
        assert_eq!(changes.appeared.iter().map(|f| f.file).collect::<Vec<_>>(), ["d"]);
        assert_eq!(changes.replaced.iter().map(|f| f.file).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn what_is_no_table_is_not_opened() {
        for bytes in [&b""[..], b"weir-facts 1\n", b"weir-facts 1\n\xff\0\0\0", b"other"] {
            assert!(Facts::open(Bytes::copy_from_slice(bytes)).is_none());
        }
    }
}

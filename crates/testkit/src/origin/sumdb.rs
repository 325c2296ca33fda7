//! A checksum database: a signed Merkle tree over lines of `go.sum`.
//!
//! Formats: golang.org/x/mod/sumdb/tlog (tree, tiles), golang.org/x/mod/sumdb/note (signatures),
//! golang.org/x/mod/sumdb/dirhash (`Hash1`); the tree is that of RFC 6962, section 2.1.

use std::fmt::Write as _;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use weir_core::{Algorithm, Digest};

use super::go::escape;

type Hash = Vec<u8>;

/// The height of tiles that clients ask for.
const HEIGHT: u32 = 8;
/// The algorithm of a key (note: Ed25519).
const ED25519: u8 = 1;

/// What the database says of one release.
pub(super) struct Record {
    module: String,
    version: String,
    lines: String,
}

impl Record {
    /// The record of a release with these files, of which the first is `go.mod`.
    pub(super) fn new(module: &str, version: &str, files: &[(&str, String)]) -> Self {
        let folder = format!("{module}@{version}/");
        let zip = hash1(&folder, files);
        let manifest = hash1("", &files[..1]);
        let lines = format!("{module} {version} {zip}\n{module} {version}/go.mod {manifest}\n");
        Self { module: module.to_owned(), version: version.to_owned(), lines }
    }
}

/// `h1:` of files below a folder.
fn hash1(folder: &str, files: &[(&str, String)]) -> String {
    let mut lines: Vec<(String, String)> = files
        .iter()
        .map(|(name, text)| {
            let hex = Digest::of(Algorithm::Sha256, text.as_bytes()).hex();
            (format!("{folder}{name}"), hex)
        })
        .collect();
    lines.sort();
    let mut summary = String::new();
    for (name, hex) in lines {
        let _ = writeln!(summary, "{hex}  {name}");
    }
    format!("h1:{}", BASE64.encode(sha256(&[summary.as_bytes()])))
}

/// A database with all of its records.
pub(super) struct Database {
    name: String,
    records: Vec<Record>,
    leaves: Vec<Hash>,
    pair: Ed25519KeyPair,
}

impl Database {
    pub(super) fn new(name: &str, records: Vec<Record>) -> Self {
        let leaves =
            records.iter().map(|record| sha256(&[&[0], record.lines.as_bytes()])).collect();
        // The same key every time, since a test may hold it in an environment variable.
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32])
            .unwrap_or_else(|error| panic!("32 bytes are a seed: {error}"));
        Self { name: name.to_owned(), records, leaves, pair }
    }

    /// The key as clients name it.
    pub(super) fn key(&self) -> String {
        format!("{}+{}+{}", self.name, hex(&self.key_hash()), BASE64.encode(self.public()))
    }

    fn public(&self) -> Vec<u8> {
        [&[ED25519], self.pair.public_key().as_ref()].concat()
    }

    fn key_hash(&self) -> Vec<u8> {
        sha256(&[self.name.as_bytes(), b"\n", &self.public()])[..4].to_vec()
    }

    /// The signed tree.
    pub(super) fn tree(&self) -> String {
        let root = BASE64.encode(root(&self.leaves));
        let text = format!("go.sum database tree\n{}\n{root}\n", self.leaves.len());
        let signature = self.pair.sign(text.as_bytes());
        let signed = BASE64.encode([&self.key_hash(), signature.as_ref()].concat());
        format!("{text}\n\u{2014} {} {signed}\n", self.name)
    }

    /// The path and the answer of each lookup.
    pub(super) fn lookups(&self) -> Vec<(String, String)> {
        let tree = self.tree();
        let answer = |(number, record): (usize, &Record)| {
            let path = format!("{}@{}", escape(&record.module), escape(&record.version));
            (path, format!("{number}\n{}\n{tree}", record.lines))
        };
        self.records.iter().enumerate().map(answer).collect()
    }

    /// The path and the content of each tile: the whole ones, and the last of each level.
    pub(super) fn tiles(&self) -> Vec<(String, Vec<u8>)> {
        let mut tiles = Vec::new();
        let mut hashes = self.leaves.clone();
        let mut level = 0;
        while !hashes.is_empty() {
            for (number, tile) in hashes.chunks(1 << HEIGHT).enumerate() {
                // Parts of a tile are what clients with an older tree ask for.
                for width in 1..=tile.len() {
                    let part =
                        if width == 1 << HEIGHT { String::new() } else { format!(".p/{width}") };
                    let path = format!("{HEIGHT}/{level}/{}{part}", coordinates(number));
                    tiles.push((path, tile[..width].concat()));
                }
            }
            let whole = hashes.chunks_exact(1 << HEIGHT);
            hashes = whole.map(root).collect();
            level += 1;
        }
        tiles
    }
}

/// A number in elements of three digits, of which all but the last begin with `x`.
fn coordinates(mut number: usize) -> String {
    let mut path = format!("{:03}", number % 1000);
    while number >= 1000 {
        number /= 1000;
        path = format!("x{:03}/{path}", number % 1000);
    }
    path
}

/// The hash of a tree over leaves (RFC 6962, section 2.1).
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => leaf.clone(),
        leaves => {
            let left = leaves.len().next_power_of_two() / 2;
            sha256(&[&[1], &root(&leaves[..left]), &root(&leaves[left..])])
        }
    }
}

fn sha256(parts: &[&[u8]]) -> Hash {
    Digest::of(Algorithm::Sha256, &parts.concat()).bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

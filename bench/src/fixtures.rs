//! What the registries behind the gateway hold: bytes and documents of the sizes that are measured.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use weir_core::{Algorithm, Digest};

/// Bytes that no coding makes smaller, the same ones every time.
pub(crate) fn noise(length: usize, seed: u64) -> Bytes {
    // Xorshift (Marsaglia 2003, 13-7-17); the state must not be zero.
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

/// A version of an npm package, and the file that its listing promises.
pub(crate) struct Version {
    pub(crate) number: String,
    pub(crate) published: String,
    pub(crate) integrity: String,
}

impl Version {
    /// An old one with this file.
    pub(crate) fn with_file(number: &str, file: &[u8]) -> Self {
        let integrity = Digest::of(Algorithm::Sha512, file).sri();
        Self { number: number.to_owned(), published: day(-400), integrity }
    }
}

/// A packument with all fields, as the npm registry has them (npm/registry,
/// `docs/responses/package-metadata.md`).
pub(crate) fn packument(base: &str, name: &str, versions: &[Version]) -> Value {
    let mut entries = Map::new();
    let mut time = Map::new();
    time.insert("created".to_owned(), json!(day(-2000)));
    for (ordinal, version) in versions.iter().enumerate() {
        entries.insert(version.number.clone(), entry(base, name, version, ordinal));
        time.insert(version.number.clone(), json!(version.published));
    }
    json!({
        "_id": name, "name": name, "description": "what a benchmark asks for",
        "dist-tags": { "latest": versions.last().map(|last| &last.number) },
        "versions": entries, "time": time, "license": "MIT",
        "maintainers": [{ "name": "fixture", "email": "fixture@registry.example" }],
        "readme": "# A fixture\n\nWith a text that nobody reads.\n",
    })
}

/// A packument of about this many bytes. Every tenth version is younger than ten days.
pub(crate) fn packument_of(base: &str, name: &str, length: usize) -> Bytes {
    let some = |count: usize| -> Vec<Version> { (0..count).map(|n| version(name, n)).collect() };
    let probe = packument(base, name, &some(50)).to_string().len() / 50;
    packument(base, name, &some(length / probe)).to_string().into()
}

fn version(name: &str, ordinal: usize) -> Version {
    let number = format!("{}.{}.{}", ordinal / 400, ordinal / 20 % 20, ordinal % 20);
    let age = if ordinal % 10 == 9 { 2 } else { 3000 - (ordinal as i64) % 2900 };
    let integrity = Digest::of(Algorithm::Sha512, format!("{name} {number}").as_bytes()).sri();
    Version { number, published: day(-age), integrity }
}

fn entry(base: &str, name: &str, version: &Version, ordinal: usize) -> Value {
    let dependency = |n: usize| (format!("dependency-{}", (ordinal + n) % 97), json!("^1.2.3"));
    let development = |n: usize| (format!("development-{}", (ordinal + n) % 89), json!("~4.5.6"));
    let number = &version.number;
    json!({
        "name": name, "version": number, "description": "what a benchmark asks for",
        "main": "dist/index.js", "module": "dist/index.mjs", "types": "dist/index.d.ts", "license": "MIT",
        "repository": { "type": "git", "url": format!("git+https://code.example/{name}.git") },
        "scripts": { "build": "tsc -p .", "test": "node --test", "lint": "eslint ." },
        "engines": { "node": ">=18" },
        "dependencies": (0..14).map(dependency).collect::<Map<_, _>>(),
        "devDependencies": (0..20).map(development).collect::<Map<_, _>>(),
        "gitHead": "0123456789abcdef0123456789abcdef01234567",
        "_id": format!("{name}@{number}"), "_nodeVersion": "22.1.0", "_npmVersion": "10.8.0",
        "dist": {
            "tarball": format!("{base}/{name}/-/{name}-{number}.tgz"),
            "integrity": version.integrity, "shasum": "0123456789abcdef0123456789abcdef01234567",
            "fileCount": 42, "unpackedSize": 1_234_567,
            "signatures": [{ "keyid": "SHA256:fixture", "sig": "bm90IGEgc2lnbmF0dXJl" }],
        },
        "_npmUser": { "name": "fixture", "email": "fixture@registry.example" },
        "maintainers": [{ "name": "fixture", "email": "fixture@registry.example" }],
        "_hasShrinkwrap": false,
    })
}

/// So many days from now, in RFC 3339.
pub(crate) fn day(from_now: i64) -> String {
    let day = (OffsetDateTime::now_utc() + Duration::days(from_now)).truncate_to_second();
    day.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packument_has_about_the_length_that_was_asked_for() {
        let length = packument_of("http://registry.example", "demo", 300_000).len();
        assert!((270_000..330_000).contains(&length), "{length}");
        assert_eq!(noise(13, 1).len(), 13);
        assert_ne!(noise(13, 1), noise(13, 2));
    }
}

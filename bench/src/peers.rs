//! Other caches and registries of the same ecosystems, before the same registries: Verdaccio and NORA
//! for npm, devpi for PyPI, apt-cacher-ng for Debian.
//!
//! Each has its own defaults, no log of requests, and answers from its cache.

mod start;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use weir_testkit::origin::{
    DebianArchive, DebianStyle, Package, PackageRelease, PypiStyle, pypi_index, toy_sign,
};

use crate::client::{self, Ask};
use crate::contest::{self, Contest, Other, Pacing};
use crate::duel::Alike;
use crate::report::Row;
use crate::world::{Origins, World};
use start::Peer;

const OLD: &str = "2025-01-01T00:00:00Z";
const SMALL: usize = 300_000;
/// Enough for listings of about 130 KB.
const RELEASES: usize = 300;
/// Servers that are slower than that are no reason to fail.
const AIM: f64 = 1.0;
const SIMPLE: &str = "application/vnd.pypi.simple.v1+json";

/// Puts on PyPI and the Debian archive what these rows ask for.
pub(crate) fn fill(origins: &Origins) {
    let mut package = Package::new("bench")
        .release_with("1.0.0", OLD, |release| PackageRelease { ballast: SMALL, ..release });
    for n in 1..RELEASES {
        package = package.release(&format!("1.{n}.0"), OLD);
    }
    let packages = [package];
    pypi_index(&origins.pypi, &origins.pypi, &packages, &PypiStyle::default());
    DebianArchive::new(&packages, &DebianStyle::default(), &toy_sign).publish(&origins.debian);
}

/// The rows whose work holds this text.
pub(crate) fn rows(world: &World, (pacing, only): (Pacing, &str)) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (start, contests) in [
        (start::verdaccio as fn(&World) -> Result<Peer>, npm as Works),
        (start::devpi, pypi),
        (start::apt_cacher_ng, debian),
        (start::nora, npm),
    ] {
        let peer = start(world)?;
        let contests = contests(world, &peer)?;
        rows.extend(contest::rows(contests, world, (pacing, only))?);
    }
    Ok(rows)
}

/// What a peer is asked for.
type Works = for<'a> fn(&World, &'a Peer) -> Result<Vec<Contest<'a>>>;

fn npm<'a>(world: &World, peer: &'a Peer) -> Result<Vec<Contest<'a>>> {
    let file = "/blob/-/blob-1.0.0.tgz";
    let ours = |path: &str| Ask::get(format!("/npm{path}"));
    let theirs = |path: &str| Ask::get(format!("{}{path}", peer.base));
    // Without a cooldown they show what is withheld here: a package of which nothing is.
    let listing = (ours("/blob"), theirs("/blob"));
    let works = [
        ("npm: 300 KB tarball", (ours(file), theirs(file)), Alike::Bytes),
        ("npm: packument of two versions", listing, Alike::Content(npm_versions)),
    ];
    warmed(world, peer, works)
}

fn pypi<'a>(world: &World, peer: &'a Peer) -> Result<Vec<Contest<'a>>> {
    let ours = Ask::get("/pypi/simple/bench/").with("Accept", SIMPLE);
    let theirs = Ask::get(format!("{}/+simple/bench/", peer.base)).with("Accept", SIMPLE);
    let files = (wheel(world.address, &ours)?, wheel(peer.address, &theirs)?);
    let works = [
        ("PyPI: 300 KB wheel", files, Alike::Bytes),
        ("PyPI: listing of 300 files", (ours, theirs), Alike::Content(pypi_files)),
    ];
    warmed(world, peer, works)
}

fn debian<'a>(world: &World, peer: &'a Peer) -> Result<Vec<Contest<'a>>> {
    let package = "/pool/main/b/bench/bench_1.0.0_all.deb";
    let index = "/dists/stable/main/binary-amd64/Packages.gz";
    let asks =
        |path: &str| (Ask::get(format!("/debian{path}")), Ask::get(format!("{}{path}", peer.base)));
    // What is in the pool is known from the index.
    for path in ["/dists/stable/InRelease", index] {
        client::send(world.address, &asks(path).0, b"")?;
    }
    // Of its indexes apt-cacher-ng asks upstream each time, and half of its answers are errors then.
    warmed(world, peer, [("Debian: 300 KB package", asks(package), Alike::Bytes)])
}

/// The contests, with everything in both caches.
fn warmed<'a, const N: usize>(
    world: &World,
    peer: &'a Peer,
    works: [(&'static str, (Ask, Ask), Alike); N],
) -> Result<Vec<Contest<'a>>> {
    let other = Other { name: peer.name, process: &peer.process, address: peer.address };
    let contest = |(work, asks, alike): (&'static str, (Ask, Ask), Alike)| {
        client::warm(world.address, &asks.0)?;
        client::warm(peer.address, &asks.1)?;
        Ok(Contest { alike, ..Contest::new(work, other, asks, AIM) })
    };
    works.into_iter().map(contest).collect()
}

/// Versions of a packument, with what is promised for their files.
fn npm_versions(body: &[u8]) -> Result<String> {
    let packument: Value = serde_json::from_slice(body)?;
    let versions = packument["versions"].as_object().context("a packument without versions")?;
    let of = |(version, entry): (&String, &Value)| {
        Some((version.clone(), entry["dist"]["integrity"].as_str()?.to_owned()))
    };
    let all: Option<BTreeMap<String, String>> = versions.iter().map(of).collect();
    Ok(format!("{:?}", all.context("a version without integrity")?))
}

/// Files of a listing (PEP 691), with their digests.
fn pypi_files(body: &[u8]) -> Result<String> {
    let page: Value = serde_json::from_slice(body)?;
    let files = page["files"].as_array().context("a page without files")?;
    let of = |file: &Value| {
        let sha256 = file["hashes"]["sha256"].as_str()?;
        Some((file["filename"].as_str()?.to_owned(), sha256.to_owned()))
    };
    let all: Option<BTreeMap<String, String>> = files.iter().map(of).collect();
    Ok(format!("{:?}", all.context("a file without name or digest")?))
}

/// The address of the first version's wheel in a listing.
fn wheel(host: std::net::SocketAddr, listing: &Ask) -> Result<Ask> {
    let page = client::send(host, listing, b"")?.json().context("a listing")?;
    let files = page["files"].as_array().context("a page without files")?;
    let is = |file: &&Value| file["filename"].as_str().is_some_and(|name| name.contains("-1.0.0-"));
    let found = files.iter().find(is).and_then(|file| file["url"].as_str());
    let url = url::Url::parse(&format!("http://{host}{}", listing.path))?
        .join(found.context("no file of version 1.0.0")?)?;
    if url.port() != Some(host.port()) {
        bail!("{url} is not below {host}");
    }
    Ok(Ask::get(url.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_are_alike_when_they_promise_the_same_files() {
        let packument = |base: &str| {
            let dist = serde_json::json!({ "integrity": "sha512-AA==", "tarball": base });
            serde_json::json!({ "versions": { "1.0.0": { "dist": dist } } }).to_string()
        };
        let [one, other] = ["http://a.example", "http://b.example"].map(packument);
        let read = |text: &str| npm_versions(text.as_bytes()).unwrap();
        assert_eq!(read(&one), read(&other));
        assert_ne!(read(&one), read(&one.replace("AA", "BB")));
        assert!(npm_versions(b"{}").is_err());
        let page = br#"{"files":[{"filename":"a.whl","hashes":{"sha256":"00"}}]}"#;
        assert_eq!(pypi_files(page).unwrap(), r#"{"a.whl": "00"}"#);
        assert!(pypi_files(br#"{"files":[{"filename":"a.whl"}]}"#).is_err());
    }
}

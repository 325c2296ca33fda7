//! The built registries, by checks that share no code with what built them.

use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::Value;
use weir_core::{Algorithm, Digest};

use super::super::{
    CargoStyle, NpmStyle, Origin, Package, PackageRelease, PypiForm, PypiStyle, cargo_index,
    npm_registry, pypi_index,
};
use super::{ask, get};

const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

fn demo() -> Vec<Package> {
    let yanked = |r| PackageRelease { yanked: Some("broken".into()), ..r };
    let needs = |r| PackageRelease { dependencies: vec![("other".into(), "^1".into())], ..r };
    vec![Package::new("demo").release_with("1.0.0", "2025-01-01T00:00:00Z", needs).release_with(
        "1.1.0",
        "2025-06-01T00:00:00Z",
        yanked,
    )]
}

/// (path, content) of all files of a gzip-compressed tar file.
fn unpack(bytes: &[u8]) -> Vec<(String, String)> {
    let mut archive = tar::Archive::new(GzDecoder::new(bytes));
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (path, text)
    });
    entries.collect()
}

fn path_of(url: &Value, origin: &Origin) -> String {
    url.as_str().unwrap().strip_prefix(&format!("{}/", origin.url())).unwrap().to_owned()
}

#[tokio::test]
async fn an_npm_tarball_is_what_its_packument_promises() {
    let origin = Origin::below("/repository/npm-proxy").await;
    let mut packages = demo();
    packages.push(Package::new("@scope/pkg").release("2.0.0", "2025-01-01T00:00:00Z"));
    npm_registry(&origin, &packages, &NpmStyle::default());
    for (name, version) in [("demo", "1.0.0"), ("@scope%2fpkg", "2.0.0")] {
        let packument = get(&origin, name).await.json();
        let entry = &packument["versions"][version];
        let tarball = get(&origin, &path_of(&entry["dist"]["tarball"], &origin)).await.body;
        let integrity = Digest::of(Algorithm::Sha512, &tarball).sri();
        assert_eq!(entry["dist"]["integrity"], integrity.as_str());
        let files = unpack(&tarball);
        let manifest: Value = serde_json::from_str(&files[0].1).unwrap();
        assert_eq!(files[0].0, "package/package.json");
        assert_eq!((&manifest["name"], &manifest["version"]), (&entry["name"], &entry["version"]));
        assert!(packument["time"][version].is_string());
    }
}

#[tokio::test]
async fn npm_views_follow_accept_and_style() {
    let origin = Origin::start().await;
    npm_registry(&origin, &demo(), &NpmStyle::default());
    let short = ask(&origin, "GET", "demo", &[("Accept", ABBREVIATED)]).await;
    assert_eq!(short.header("content-type"), Some(ABBREVIATED));
    assert!(short.json()["time"].is_null() && short.json()["readme"].is_null());
    assert_eq!(short.json()["dist-tags"]["latest"], "1.1.0");
    assert!(short.header("etag").is_some());
    assert_eq!(get(&origin, "-/v1/search?text=dem").await.json()["total"], 1);
    assert_eq!(get(&origin, "-/v1/search?text=zzz").await.json()["total"], 0);
    let mirror = NpmStyle {
        abbreviated: false,
        dates: false,
        validators: false,
        tarball_base: Some("https://registry.example".into()),
    };
    npm_registry(&origin, &demo(), &mirror);
    let full = ask(&origin, "GET", "demo", &[("Accept", ABBREVIATED)]).await;
    assert_eq!(
        (full.header("content-type"), full.header("etag")),
        (Some("application/json"), None)
    );
    let tarball = full.json()["versions"]["1.0.0"]["dist"]["tarball"].clone();
    assert_eq!(tarball, "https://registry.example/demo/-/demo-1.0.0.tgz");
}

#[tokio::test]
async fn a_wheel_is_what_its_page_promises() {
    let (index, files) = (Origin::start().await, Origin::start().await);
    pypi_index(&index, &files, &demo(), &PypiStyle::default());
    let accept = [("Accept", "application/vnd.pypi.simple.v1+json")];
    let page = ask(&index, "GET", "simple/demo/", &accept).await.json();
    let file = &page["files"][1];
    assert_eq!(file["yanked"], "broken");
    let path = path_of(&file["url"], &files);
    let wheel = get(&files, &path).await.body;
    let sha256 = Digest::of(Algorithm::Sha256, &wheel).hex();
    assert_eq!(file["hashes"]["sha256"], sha256.as_str());
    let metadata = get(&files, &format!("{path}.metadata")).await.body;
    let sha256 = Digest::of(Algorithm::Sha256, &metadata).hex();
    assert_eq!(file["core-metadata"]["sha256"], sha256.as_str());
    assert!(String::from_utf8(metadata).unwrap().contains("\nName: demo\nVersion: 1.1.0\n"));
    let legacy = get(&index, "pypi/demo/json").await.json();
    assert_eq!(legacy["releases"]["1.1.0"][0]["digests"], file["hashes"]);
    let html = String::from_utf8(get(&index, "simple/demo/").await.body).unwrap();
    assert!(html.contains(&format!("{}#sha256=", file["url"].as_str().unwrap())));
    assert!(html.contains("data-yanked=\"broken\""));
}

#[tokio::test]
async fn a_mirror_may_label_html_as_json_and_link_relatively() {
    let origin = Origin::below("/repository/pypi-proxy").await;
    let style = PypiStyle {
        form: PypiForm::HtmlLabelledJson,
        dates: false,
        metadata: false,
        relative: true,
    };
    let built = pypi_index(&origin, &origin, &demo(), &style);
    let page = get(&origin, "simple/demo/").await;
    assert_eq!(page.header("content-type"), Some("application/vnd.pypi.simple.v1+json"));
    let html = String::from_utf8(page.body).unwrap();
    assert!(html.contains(&format!("href=\"../../{}#sha256=", built[0].path)));
    assert!(!html.contains("data-upload-time"));
}

#[test]
fn a_stored_zip_holds_its_files() {
    let bytes = super::super::zip(&[("a/b.txt", b"hello"), ("c", b"")]);
    let end = bytes.len() - 22;
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!(&bytes[end..end + 4], b"PK\x05\x06");
    let directory = number(end + 16);
    assert_eq!(directory + number(end + 12), end, "the directory ends where the end record starts");
    assert_eq!(&bytes[directory..directory + 4], b"PK\x01\x02");
    assert_eq!(number(directory + 16), 0x3610_a686, "the CRC-32 of \"hello\"");
    assert_eq!(&bytes[directory + 46..directory + 53], b"a/b.txt");
    let second = directory + 46 + 7;
    let local = number(second + 42);
    assert_eq!(&bytes[local..local + 4], b"PK\x03\x04");
    assert_eq!(&bytes[30..37], b"a/b.txt");
    assert_eq!(&bytes[37..42], b"hello");
}

#[tokio::test]
async fn a_crate_is_what_its_index_promises_wherever_dl_leads() {
    for dl in [
        "{origin}/api/v1/crates",
        "{origin}/files/{prefix}/{crate}-{version}.crate",
        "{origin}/{lowerprefix}/{crate}/{version}/{sha256-checksum}",
    ] {
        let origin = Origin::start().await;
        let style = CargoStyle { dl: dl.into(), ..CargoStyle::default() };
        let built = cargo_index(&origin, &demo(), &style);
        let config = get(&origin, "config.json").await.json();
        assert_eq!(config["dl"], dl.replace("{origin}", &origin.url()));
        assert_eq!(get(&origin, "api/v1/crates?q=dem").await.json()["meta"]["total"], 1);
        let index = String::from_utf8(get(&origin, "de/mo/demo").await.body).unwrap();
        let lines: Vec<Value> = index.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.iter().map(|l| l["yanked"].clone()).collect::<Vec<_>>(), [false, true]);
        let file = get(&origin, &built[0].path).await.body;
        assert_eq!(lines[0]["cksum"], Digest::of(Algorithm::Sha256, &file).hex().as_str());
        let files = unpack(&file);
        assert_eq!(files[0].0, "demo-1.0.0/Cargo.toml");
        assert!(files[0].1.contains("other = \"^1\""));
    }
}

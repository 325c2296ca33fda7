//! npm under the laws that all plugins obey.

use serde_json::Value;
use weir_core::FactSet;
use weir_npm::Npm;
use weir_testkit::{Case, Random, Suite, fuzz_bytes};

use crate::{ABBREVIATED, Bench, FULL, INSTALL_V1, ODD, SCOPED, SEARCH, SINGLE};

/// Names and versions as JavaScript reads a packument.
fn packument(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    let name = document["name"].as_str()?;
    let versions = document["versions"].as_object()?;
    Some(versions.keys().map(|version| (name.to_owned(), version.clone())).collect())
}

fn single(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    Some(vec![(document["name"].as_str()?.to_owned(), document["version"].as_str()?.to_owned())])
}

fn search(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    let pair = |object: &Value| {
        let package = &object["package"];
        Some((package["name"].as_str()?.to_owned(), package["version"].as_str()?.to_owned()))
    };
    document["objects"].as_array()?.iter().map(pair).collect()
}

/// Slashes need no escape.
fn plain_slashes(bytes: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(bytes).replace("\\/", "/").into_bytes()
}

/// The odd entries that a turned bit cannot heal.
fn odd_for_good() -> String {
    let healed = ["1.0.3\": {", "1.0.4\": {", "1.0.5\": {"];
    let lines = ODD.lines().filter(|line| !healed.iter().any(|entry| line.contains(entry)));
    lines.collect::<Vec<_>>().join("\n")
}

fn listings() -> Vec<Case> {
    vec![
        Case::get("demo")
            .named("full")
            .document("primary:demo", FULL)
            .same_format("primary:demo")
            .normalized_by(plain_slashes)
            .parsed_by(packument)
            .lists(&[
                ("demo", "0.9.0"),
                ("demo", "1.1.0"),
                ("demo", "1.2.0"),
                ("demo", "2.0.0-beta.1"),
                ("demo", "2.0.0-beta.2"),
            ]),
        Case::get("demo")
            .named("abbreviated from full")
            .accepting(INSTALL_V1)
            .document("primary:demo", FULL)
            .reads_back("primary:demo")
            .parsed_by(packument),
        Case::get("demo")
            .named("abbreviated")
            .accepting(INSTALL_V1)
            .wants(FactSet::NONE)
            .document("primary:demo", ABBREVIATED)
            .same_format("primary:demo")
            .parsed_by(packument),
        Case::get("@acme%2fdemo")
            .document("primary:@acme%2fdemo", SCOPED)
            .same_format("primary:@acme%2fdemo")
            .parsed_by(packument),
        Case::get("odd")
            .document("primary:odd", odd_for_good())
            .same_format("primary:odd")
            .parsed_by(packument),
        Case::get("-/v1/search?text=demo")
            .document("primary:-/v1/search?text=demo", SEARCH)
            .same_format("primary:-/v1/search?text=demo")
            .parsed_by(search),
        Case::get("-/package/demo/dist-tags").document("primary:demo", FULL),
    ]
}

fn versions() -> Vec<Case> {
    vec![
        Case::get("demo/1.2.0")
            .document("primary:demo/1.2.0", SINGLE.trim_end())
            .document("primary:demo", FULL)
            .same_format("primary:demo/1.2.0")
            .parsed_by(single)
            .refused_when_empty(),
        Case::get("demo/latest")
            .document("primary:demo/latest", SINGLE)
            .document("primary:demo", FULL)
            .refused_when_empty(),
        Case::get("-/npm/v1/attestations/demo@1.2.0")
            .wants(FactSet::NONE)
            .document("primary:demo/1.2.0", SINGLE)
            .document("primary:-/npm/v1/attestations/demo@1.2.0", r#"{"attestations":[]}"#)
            .refused_when_empty(),
    ]
}

fn files() -> Vec<Case> {
    vec![
        Case::get("demo/-/demo-1.2.0.tgz").document("primary:demo", FULL).locates("demo", "1.2.0"),
        Case::get("demo/-/demo-1.2.0.tgz")
            .named("by the document of the version")
            .wants(FactSet::NONE)
            .document("primary:demo/1.2.0", SINGLE)
            .locates("demo", "1.2.0"),
        Case::get("demo/-/Demo_odd-1.1.0-final.tgz")
            .document("primary:demo", FULL)
            .locates("demo", "1.1.0"),
        Case::get("demo/-/demo-1.1.0.tgz").document("primary:demo", FULL).absent(),
        Case::get("@acme%2fdemo/-/demo-1.1.0.tgz")
            .document("primary:@acme%2fdemo", SCOPED)
            .locates("@acme/demo", "1.1.0"),
    ]
}

#[test]
fn npm_obeys_the_laws() {
    Suite::new(&Npm)
        .cases(&listings())
        .cases(&versions())
        .cases(&files())
        .case(Case::get("-/ping"))
        .case(Case::get("-/npm/v1/keys").document("primary:-/npm/v1/keys", r#"{"keys":[]}"#))
        .case(Case::post("-/npm/v1/security/advisories/bulk", r#"{"demo":["1.2.0"]}"#))
        .relays(&[
            "-/npm/v1/keys",
            "-/npm/v1/security/audits",
            "-/npm/v1/security/audits/quick",
            "-/npm/v1/security/advisories/bulk",
        ])
        .check();
}

#[test]
fn damaged_bytes_never_bring_a_version_back() {
    for (raw, accept, corpus) in [
        ("demo", "", FULL),
        ("demo", INSTALL_V1, ABBREVIATED),
        ("odd", "", ODD),
        ("@acme%2fdemo", "", SCOPED),
        ("demo/1.2.0", "", SINGLE),
        ("demo/-/demo-1.2.0.tgz", "", FULL),
        ("-/v1/search?text=demo", "", SEARCH),
    ] {
        let target = Bench::target(raw, accept);
        assert!(fuzz_bytes(&Npm, &target, corpus.as_bytes()) > 0, "{raw}");
        let mut random = Random::new(corpus.len() as u64);
        for _ in 0..400 {
            let mut bytes = corpus.as_bytes().to_vec();
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len());
                match random.below(3) {
                    0 => bytes[at] = random.below(256) as u8,
                    1 => drop(bytes.drain(at..(at + random.below(40)).min(bytes.len()))),
                    _ => bytes.extend_from_within(at..(at + random.below(400)).min(bytes.len())),
                }
                if bytes.is_empty() {
                    break;
                }
            }
            fuzz_bytes(&Npm, &target, &bytes);
        }
    }
}

//! From a file's address to its release, without a listing where none is needed.

use weir_core::{FactSet, Place};

use crate::{Bench, FULL, ODD, SCOPED, SINGLE};

fn located(bench: &Bench, raw: &str) -> Option<(String, String, String)> {
    let located = bench.locate(raw).unwrap()?;
    let Place::Link(link) = &located.place else { panic!("{located:?}") };
    let digest = located.digest.map(|digest| digest.algorithm().name().to_owned());
    Some((located.release.to_string(), link.as_str().to_owned(), digest.unwrap_or_default()))
}

fn asked(bench: &Bench, raw: &str) -> Vec<String> {
    bench.gather(&Bench::target(raw, "")).0
}

#[test]
fn the_small_document_proves_a_usual_file() {
    let bench = Bench::new(&[("demo/1.2.0", SINGLE), ("demo", FULL)]);
    let raw = "demo/-/demo-1.2.0.tgz";
    assert_eq!(asked(&bench, raw), ["demo/1.2.0 as application/json"]);
    let (release, link, digest) = located(&bench, raw).unwrap();
    assert_eq!((release.as_str(), digest.as_str()), ("demo 1.2.0", "sha512"));
    assert_eq!(link, "https://registry.example/demo/-/demo-1.2.0.tgz");
    let releases = bench.read(raw).unwrap();
    assert_eq!(releases.len(), 1);
    assert_eq!(releases[0].licence.as_deref(), Some("Apache-2.0"));
}

#[test]
fn dates_need_the_full_packument() {
    let bench = Bench::new(&[("demo/1.2.0", SINGLE), ("demo", FULL)]).wanting(FactSet::DATES);
    let raw = "demo/-/demo-1.2.0.tgz";
    assert_eq!(asked(&bench, raw), ["demo as application/json (listing)"]);
    assert_eq!(located(&bench, raw).unwrap().0, "demo 1.2.0");
    let releases = bench.read(raw).unwrap();
    let release = releases.iter().find(|release| release.version == "1.2.0").unwrap();
    assert_eq!(release.available.unwrap().to_string(), "2026-11-01T00:00:00Z");
}

#[test]
fn an_odd_file_is_found_through_the_packument() {
    let bench = Bench::new(&[("demo", FULL)]);
    let (release, link, _) = located(&bench, "demo/-/Demo_odd-1.1.0-final.tgz").unwrap();
    assert_eq!(release, "demo 1.1.0");
    assert_eq!(link, "https://files.example/a/b/Demo_odd-1.1.0-final.tgz?sig=1");
    assert_eq!(located(&bench, "demo/-/demo-1.1.0.tgz"), None);
    assert_eq!(located(&bench, "demo/-/demo-7.0.0.tgz"), None);
}

#[test]
fn a_version_whose_file_has_another_name_sends_for_the_packument() {
    let single = SINGLE.replace("demo-1.2.0.tgz", "demo-1.2.0-fixed.tgz");
    let bench = Bench::new(&[("demo/1.2.0", &single), ("demo", FULL)]);
    let raw = "demo/-/demo-1.2.0.tgz";
    assert_eq!(asked(&bench, raw).len(), 2);
    assert_eq!(located(&bench, raw).unwrap().0, "demo 1.2.0");
}

#[test]
fn a_file_without_a_name_gets_the_usual_one() {
    let bench = Bench::new(&[("@acme%2fdemo", SCOPED)]);
    let (release, link, _) = located(&bench, "@acme%2fdemo/-/demo-1.1.0.tgz").unwrap();
    assert_eq!(release, "@acme/demo 1.1.0");
    assert!(link.ends_with("/da39a3ee5e6b4b0d3255bfef95601890afd80709"));
}

#[test]
fn a_file_that_two_versions_claim_is_that_of_its_name() {
    let bench = Bench::new(&[("odd", ODD)]);
    assert_eq!(located(&bench, "odd/-/odd-1.0.0.tgz").unwrap().0, "odd 1.0.0");
}

#[test]
fn evidence_of_another_package_is_refused() {
    let bench = Bench::new(&[("odd", FULL), ("odd/1.2.0", SINGLE)]);
    assert!(bench.locate("odd/-/odd-1.2.0.tgz").is_err());
}

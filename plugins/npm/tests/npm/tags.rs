//! Where tags point when versions are withheld.

use crate::{Bench, FULL};

fn tags(withheld: &[&str]) -> String {
    Bench::new(&[("demo", FULL)]).without("-/package/demo/dist-tags", "", withheld)
}

#[test]
fn tags_of_versions_that_stay_are_left_alone() {
    assert_eq!(tags(&[]), r#"{"latest": "1.2.0", "next": "2.0.0-beta.2", "old": "0.9.0"}"#);
    assert_eq!(tags(&["1.1.0"]), tags(&[]));
}

#[test]
fn latest_goes_back_to_the_highest_release_that_stays() {
    assert!(tags(&["1.2.0"]).starts_with(r#"{"latest": "1.1.0","#));
}

#[test]
fn a_deprecated_latest_is_better_than_none() {
    assert!(tags(&["1.2.0", "1.1.0"]).starts_with(r#"{"latest": "0.9.0","#));
}

#[test]
fn latest_is_a_prerelease_only_when_nothing_else_stays() {
    let withheld = ["0.9.0", "1.1.0", "1.2.0"];
    assert_eq!(tags(&withheld), r#"{"latest": "2.0.0-beta.2", "next": "2.0.0-beta.2"}"#);
}

#[test]
fn other_tags_go_back_within_their_channel_or_go() {
    assert!(tags(&["2.0.0-beta.2"]).contains(r#""next": "2.0.0-beta.1""#));
    let gone = tags(&["2.0.0-beta.1", "2.0.0-beta.2", "0.9.0"]);
    assert_eq!(gone, r#"{"latest": "1.2.0"}"#);
}

#[test]
fn a_tag_asked_for_by_name_follows() {
    let bench = Bench::new(&[("demo", FULL), ("demo/latest", crate::SINGLE)]);
    let version = |withheld: &[&str]| -> String {
        let document = bench.without("demo/latest", "", withheld);
        let parsed: serde_json::Value = serde_json::from_str(&document).unwrap();
        parsed["version"].as_str().unwrap().to_owned()
    };
    assert_eq!(version(&[]), "1.2.0");
    assert_eq!(version(&["1.2.0"]), "1.1.0");
    let all = ["0.9.0", "1.1.0", "1.2.0", "2.0.0-beta.1", "2.0.0-beta.2"];
    assert!(bench.write("demo/latest", "", &all, None).is_err());
}

#[test]
fn a_range_goes_back_from_what_upstream_resolved() {
    let bench = Bench::new(&[("demo", FULL), ("demo/%5E1.0.0", crate::SINGLE)]);
    assert!(bench.without("demo/%5E1.0.0", "", &[]).contains(r#""version": "1.2.0""#));
    assert!(bench.without("demo/%5E1.0.0", "", &["1.2.0"]).contains(r#""version": "1.1.0""#));
}

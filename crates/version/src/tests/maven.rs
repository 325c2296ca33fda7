//! Maven's ordering by the examples of its specification, and Maven's own ranges.

use std::cmp::Ordering;

use weir_core::Scheme;

use super::assert_ascending;
use crate::{Range, compare, is_prerelease, newest};

fn assert_same(versions: &[&str]) {
    for a in versions {
        for b in versions {
            assert_eq!(compare(Scheme::Maven, a, b), Ordering::Equal, "{a} = {b}");
        }
    }
}

/// POM reference, "Version Order Specification": the examples of its end.
#[test]
fn maven_orders_as_its_specification_does() {
    assert_ascending(Scheme::Maven, &["1", "1.1"]);
    assert_ascending(Scheme::Maven, &["1-snapshot", "1", "1-sp"]);
    assert_ascending(Scheme::Maven, &["1-foo2", "1-foo10"]);
    assert_ascending(Scheme::Maven, &["1-foo", "1-1", "1.1"]);
    assert_same(&["1.foo", "1-foo"]);
    assert_same(&["1.ga", "1-ga", "1-0", "1.0", "1"]);
    assert_ascending(Scheme::Maven, &["1-ga", "1-sp"]);
    assert_ascending(Scheme::Maven, &["1-ga.1", "1-sp.1"]);
    // The page has the last two as equal; the code of 3.8 and 3.9 has not.
    assert_ascending(Scheme::Maven, &["1-sp-1", "1-ga-1", "1-1"]);
    assert_same(&["1-a1", "1-alpha-1"]);
}

/// The same page: qualifiers in their order, aliases, and what is trimmed.
#[test]
fn maven_knows_qualifiers_and_aliases() {
    assert_ascending(
        Scheme::Maven,
        &["1-alpha", "1-beta", "1-milestone", "1-rc", "1-snapshot", "1", "1-sp", "1-abc", "1-1"],
    );
    assert_same(&["1.0.0", "1", "1.ga", "1.final"]);
    assert_same(&["1-rc", "1-cr", "1-RC"]);
    assert_same(&["1.0.0-foo.0.0", "1-foo"]);
    assert_same(&["1.0.0-0.0.0", "1"]);
    assert_same(&["1-m2", "1-milestone-2"]);
}

#[test]
fn maven_orders_what_registries_hold() {
    assert_ascending(Scheme::Maven, &["2.9.9", "2.9.9.1", "2.9.10", "2.10.0.pr1"]);
    assert_ascending(Scheme::Maven, &["4.1.0.Beta1", "4.1.0.CR1", "4.1.0.Final", "4.1.1.Final"]);
    assert_ascending(Scheme::Maven, &["5.3.0-M1", "5.3.0-RC1", "5.3.0-SNAPSHOT", "5.3.0"]);
    assert_ascending(Scheme::Maven, &["1.0-20250101.120000-1", "1.0-20250102.120000-2"]);
    assert_ascending(Scheme::Maven, &["31.0-android", "31.1-android", "32.0-jre"]);
    assert_ascending(Scheme::Maven, &["9", "99999999999999999999", "100000000000000000000"]);
}

#[test]
fn maven_prereleases_are_known_by_their_qualifier() {
    for text in ["1-alpha", "1.0-a1", "1.0.M3", "1.0-rc-2", "1.0.CR1", "1.0-SNAPSHOT"] {
        assert!(is_prerelease(Scheme::Maven, text), "{text}");
    }
    for text in ["1", "1.0.Final", "1.0-sp1", "31.1-jre", "2.9.9.1"] {
        assert!(!is_prerelease(Scheme::Maven, text), "{text}");
    }
    let newest = newest(Scheme::Maven, ["1.0", "2.0-SNAPSHOT", "1.10", "2.0-rc1"]);
    assert_eq!(newest, Some("1.10"));
}

/// POM reference, "Dependency Version Requirement Specification".
#[test]
fn maven_ranges_are_sets_in_brackets() {
    let cases: [(&str, &[&str], &[&str]); 7] = [
        ("[1.0]", &["1.0", "1.0.0"], &["1.0.1", "0.9"]),
        ("(,1.0]", &["0.1", "1.0"], &["1.0.1"]),
        ("[1.2,1.3]", &["1.2", "1.2.9", "1.3"], &["1.1", "1.3.1"]),
        ("[1.0,2.0)", &["1.0", "1.9"], &["2.0", "0.9"]),
        ("[1.5,)", &["1.5", "99"], &["1.4"]),
        ("(,1.0],[1.2,)", &["1.0", "1.2", "2"], &["1.1"]),
        ("(,1.1),(1.1,)", &["1.0", "1.2"], &["1.1"]),
    ];
    for (text, inside, outside) in cases {
        let range = Range::parse(Scheme::Maven, text).unwrap();
        assert!(inside.iter().all(|version| range.contains(version)), "{text}");
        assert!(!outside.iter().any(|version| range.contains(version)), "{text}");
    }
    for text in ["[1.0", "(1.0)", "[1.0,2.0", "[1,2],", "[[1,2]", "[]", "[1,2][3,4]"] {
        assert!(Range::parse(Scheme::Maven, text).is_err(), "{text}");
    }
    let mixed = Range::parse(Scheme::Maven, "[1,2) || =5").unwrap();
    assert!(mixed.contains("1.5") && mixed.contains("5") && !mixed.contains("4"));
}

//! Patterns of package URLs.

use proptest::prelude::*;

use super::ECOSYSTEMS;
use crate::pattern::{Pattern, fold};

fn read(text: &str) -> Pattern {
    Pattern::parse(text, &ECOSYSTEMS).unwrap_or_else(|error| panic!("{text}: {}", error.what))
}

fn matches(pattern: &str, purl_type: &str, name: &str) -> bool {
    let pattern = read(pattern);
    pattern.concerns(purl_type) && pattern.matches_name(&fold(purl_type, name))
}

#[test]
fn a_star_stays_within_a_segment_and_two_stars_cross_segments() {
    for (pattern, purl_type, name, expected) in [
        ("pkg:npm/vite", "npm", "vite", true),
        ("pkg:npm/vite", "npm", "vitest", false),
        ("pkg:npm/vite", "pypi", "vite", false),
        ("pkg:npm/vite*", "npm", "vitest", true),
        ("pkg:npm/@scope/*", "npm", "@scope/a", true),
        ("pkg:npm/%40scope/*", "npm", "@scope/a", true),
        ("pkg:npm/@scope/*", "npm", "@scoped/a", false),
        ("pkg:npm/@*/core", "npm", "@scope/core", true),
        ("pkg:npm/@scope*", "npm", "@scope/a", false),
        ("pkg:npm/@scope**", "npm", "@scope/a", true),
        ("pkg:golang/example.org/*", "golang", "example.org/a", true),
        ("pkg:golang/example.org/*", "golang", "example.org/a/b", false),
        ("pkg:golang/example.org/**", "golang", "example.org/a/b", true),
        ("pkg:*/left-pad", "npm", "left-pad", true),
        ("pkg:*/left-pad", "cargo", "left-pad", true),
    ] {
        assert_eq!(matches(pattern, purl_type, name), expected, "{pattern} and {name}");
    }
}

#[test]
fn a_star_alone_is_every_package_of_the_type() {
    for name in ["vite", "@scope/a"] {
        assert!(matches("pkg:npm/*", "npm", name), "{name}");
        assert!(matches("pkg:npm/**", "npm", name), "{name}");
        assert!(matches("pkg:*/*", "npm", name), "{name}");
        assert!(!matches("pkg:npm/*", "pypi", name), "{name}");
    }
    assert!(matches("pkg:golang/*", "golang", "example.org/a/v2"));
}

#[test]
fn names_are_compared_as_their_ecosystem_compares_them() {
    assert!(matches("pkg:pypi/Flask_Login", "pypi", "flask-login"));
    assert!(matches("pkg:pypi/zope.*", "pypi", "zope-interface"));
    assert!(matches("pkg:cargo/serde_json", "cargo", "serde-json"));
    assert!(matches("pkg:cargo/serde-json", "cargo", "serde_json"));
    assert!(matches("pkg:golang/example.org/Some/Thing", "golang", "example.org/some/thing"));
    assert!(matches("pkg:cargo/Inflector", "cargo", "inflector"));
}

#[test]
fn a_version_follows_an_at_that_begins_no_segment() {
    assert_eq!(read("pkg:npm/@scope/a@1.0.0").version(), Some("1.0.0"));
    assert_eq!(read("pkg:npm/%40scope/a@1.0.0%2B5").version(), Some("1.0.0+5"));
    assert_eq!(read("pkg:npm/@scope/a").version(), None);
    assert_eq!(read("pkg:npm/@scope").version(), None);
}

#[test]
fn what_is_no_pattern_is_refused_with_what_was_expected() {
    for (text, expected) in [
        ("vite", "a package URL such as"),
        ("pkg:npm", "a package URL such as"),
        ("pkg:npm/", "a package URL such as"),
        ("pkg:npm/vite@", "a package URL such as"),
        ("pkg:npm/vite@1.*", "one version after @"),
        ("pkg:npm/vite?os=linux", "without qualifiers"),
        ("pkg:pip/flask", "one of npm, pypi, cargo, golang, oci, or *"),
        ("pkg:go/example.org/a", "its purl type, pkg:golang/"),
        ("pkg:npm/%ff", "UTF-8"),
    ] {
        let error = Pattern::parse(text, &ECOSYSTEMS).unwrap_err();
        assert!(error.expected.contains(expected), "{text}: {}", error.expected);
    }
}

#[test]
fn exact_patterns_are_narrower_than_globs_and_long_prefixes_than_short_ones() {
    let ordered = [
        "pkg:npm/@scope/a@1.0.0",
        "pkg:npm/@scope/a",
        "pkg:*/@scope/a",
        "pkg:npm/@scope/a*",
        "pkg:npm/@scope/*",
        "pkg:npm/@scope**",
        "pkg:npm/*",
        "pkg:*/*",
    ];
    for pair in ordered.windows(2) {
        assert!(read(pair[0]).narrowness() > read(pair[1]).narrowness(), "{pair:?}");
    }
}

/// The definition of a glob, without regard to time.
fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => {
            let rest = &rest[rest.iter().take_while(|byte| **byte == b'*').count()..];
            (0..=text.len()).any(|at| by_definition(rest, &text[at..]))
        }
        [b'*', rest @ ..] => {
            let reach = text.iter().take_while(|byte| **byte != b'/').count();
            (0..=reach).any(|at| by_definition(rest, &text[at..]))
        }
        [byte, rest @ ..] => text.first() == Some(byte) && by_definition(rest, &text[1..]),
    }
}

proptest! {
    #[test]
    fn globs_match_by_their_definition(pattern in "[ab/*]{1,8}", name in "[ab/]{0,8}") {
        prop_assume!(pattern != "*");
        let read = read(&format!("pkg:npm/{pattern}"));
        prop_assert_eq!(
            read.matches_name(&name),
            by_definition(pattern.as_bytes(), name.as_bytes())
        );
    }

    #[test]
    fn reading_a_pattern_never_panics(text in "\\PC{0,40}") {
        let _ = Pattern::parse(&text, &ECOSYSTEMS);
        let _ = Pattern::parse(&format!("pkg:npm/{text}"), &ECOSYSTEMS);
    }
}

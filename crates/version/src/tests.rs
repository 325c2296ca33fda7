//! Orderings as the specifications publish them, the laws of a total order, and ranges.

use std::cmp::Ordering;

use proptest::prelude::*;
use weir_core::Scheme;

use crate::{Range, RangeError, compare, is_prerelease, is_valid, newest, normalize};

mod maven;

const SCHEMES: [Scheme; 7] = [
    Scheme::Semver,
    Scheme::Npm,
    Scheme::Pep440,
    Scheme::Go,
    Scheme::Maven,
    Scheme::Debian,
    Scheme::Generic,
];

fn assert_ascending(scheme: Scheme, versions: &[&str]) {
    for (i, low) in versions.iter().enumerate() {
        assert_eq!(compare(scheme, low, low), Ordering::Equal, "{low}");
        for high in &versions[i + 1..] {
            assert_eq!(compare(scheme, low, high), Ordering::Less, "{low} < {high}");
            assert_eq!(compare(scheme, high, low), Ordering::Greater, "{high} > {low}");
        }
    }
}

/// Semantic Versioning 2.0.0, item 11.
const SEMVER: [&str; 12] = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "2.0.0",
    "2.1.0",
    "2.1.1",
    "10.0.0",
];

#[test]
fn semver_orders_as_its_specification_does() {
    assert_ascending(Scheme::Semver, &SEMVER);
    assert_ascending(Scheme::Npm, &SEMVER);
    assert_ascending(Scheme::Semver, &["1.0.0-2", "1.0.0-10", "1.0.0-1a", "1.0.0", "1.0.0+a"]);
    assert_eq!(compare(Scheme::Npm, "1.0.0+a", "1.0.0+b"), Ordering::Equal);
}

#[test]
fn go_orders_pseudo_versions_by_their_time_and_takes_no_notice_of_build_metadata() {
    assert_ascending(
        Scheme::Go,
        &[
            "1.0.0",
            "v0.0.0-20190101000000-aaaaaaaaaaaa",
            "v0.0.0-20200101000000-000000000000",
            "v0.9.0",
            "v1.0.0-rc.1",
            "v1.0.0",
            // After v1.0.0, before v1.0.1.
            "v1.0.1-0.20200101000000-000000000000",
            "v1.0.1",
            "v2.0.0+incompatible",
            "v2.0.1",
            "v10.0.0",
        ],
    );
    let (bare, marked) = ("v2.0.0", "v2.0.0+incompatible");
    assert_eq!(compare(Scheme::Go, bare, marked), Ordering::Equal);
    assert_eq!(normalize(Scheme::Go, marked).as_deref(), Some(marked));
    assert!(!is_valid(Scheme::Go, "v1.2") && !is_valid(Scheme::Go, "master"));
}

#[test]
fn a_range_of_go_versions_has_the_v_or_not() {
    for range in [">=v1.2.0, <v2", ">=1.2.0, <2", "^v1.2", "^1.2"] {
        assert_holds(Scheme::Go, range, &["v1.2.0", "v1.9.9"], &["v2.0.0", "v1.1.0", "1.2.0"]);
    }
    assert_holds(Scheme::Go, "=2.0.0", &["v2.0.0+incompatible"], &["v2.0.1"]);
    assert_holds(Scheme::Go, "v1.2", &["v1.2.0", "v1.2.9"], &["v1.3.0-rc.1"]);
    assert_holds(Scheme::Go, "1.*", &["v1.9.0"], &["v2.0.0"]);
}

#[test]
fn debian_orders_as_dpkg_does() {
    // deb-version(7): a tilde sorts before everything, even the end; letters before all else.
    assert_ascending(
        Scheme::Debian,
        &[
            "1.0~~",
            "1.0~~a",
            "1.0~",
            "1.0~rc1-1",
            "1.0",
            "1.0-1",
            "1.0-1+b1",
            "1.0-1.1",
            "1.0a",
            "1.0+dfsg-1",
            "1.2-0.1",
            "1.10-1",
            "1:0.1-1",
            "2:0",
        ],
    );
    assert_eq!(compare(Scheme::Debian, "0:1.0", "1.0-0"), Ordering::Equal);
    assert_eq!(compare(Scheme::Debian, "1.01", "1.1"), Ordering::Equal);
    for wrong in ["", "a:1", "1.0-", "-1", "1 0", "1.0_1", "1:"] {
        assert!(!is_valid(Scheme::Debian, wrong), "{wrong:?}");
    }
    assert!(is_prerelease(Scheme::Debian, "1.0~rc1-1") && !is_prerelease(Scheme::Debian, "1-1~b"));
    let range = Range::parse(Scheme::Debian, ">=1.18.0-6+deb11u3, <1:0").unwrap();
    assert!(range.contains("1.18.0-7") && !range.contains("1.18.0-6+deb11u2"));
    assert!(!range.contains("1:0.5"));
}

#[test]
fn pep_440_orders_as_its_text_does() {
    // PEP 440, "Summary of permitted suffixes and relative ordering", and its epoch example.
    assert_ascending(
        Scheme::Pep440,
        &[
            "1.dev0",
            "1.0.dev456",
            "1.0a1",
            "1.0a2.dev456",
            "1.0a12.dev456",
            "1.0a12",
            "1.0b1.dev456",
            "1.0b2",
            "1.0b2.post345.dev456",
            "1.0b2.post345",
            "1.0rc1.dev456",
            "1.0rc1",
            "1.0",
            "1.0+abc.5",
            "1.0+abc.7",
            "1.0+5",
            "1.0.post456.dev34",
            "1.0.post456",
            "1.0.15",
            "1.1.dev1",
            "2014.04",
            "1!1.0",
        ],
    );
    assert_eq!(compare(Scheme::Pep440, "1.0", "1.0.0"), Ordering::Equal);
}

#[test]
fn the_generic_order_reads_numbers_by_value() {
    assert_ascending(Scheme::Generic, &["1", "1.0", "1.9", "1.9a", "1.10", "1.10.1", "2"]);
    assert_eq!(compare(Scheme::Generic, "1.010", "1.10"), Ordering::Equal);
    let huge = "9".repeat(400);
    assert_eq!(compare(Scheme::Generic, &huge, "1"), Ordering::Greater);
}

#[test]
fn what_is_no_version_sorts_below_what_is_one() {
    assert_ascending(Scheme::Semver, &["", "1.0", "latest", "0.0.0-0"]);
    assert_ascending(Scheme::Pep440, &["", "2004d", "0.dev0"]);
    assert_ascending(Scheme::Npm, &["", "1.0", "99999999999999999999.0.0", "0.0.0-0"]);
}

#[test]
fn npm_reads_loose_spellings_whole_or_not_at_all() {
    for (text, normal) in [
        ("v1.2.3", Some("1.2.3")),
        ("=1.2.3", Some("1.2.3")),
        (" 1.2.3 ", Some("1.2.3")),
        ("1.2.3beta", Some("1.2.3-beta")),
        ("1.2.3-rc.1+build.5", Some("1.2.3-rc.1+build.5")),
        ("1.2.3-4-5", Some("1.2.3-4-5")),
        ("1.2", None),
        ("1.2.3.4", None),
        ("1.2.3 <script>", None),
        ("1.2.3-a..b", None),
        ("1.2.3+a+b", None),
        ("1.2.3-é", None),
        ("vvv1.2.3", None),
    ] {
        assert_eq!(normalize(Scheme::Npm, text).as_deref(), normal, "{text}");
        assert_eq!(is_valid(Scheme::Npm, text), normal.is_some(), "{text}");
    }
    assert!(!is_valid(Scheme::Npm, &format!("1.0.0-{}", "a".repeat(300))));
    assert_ascending(
        Scheme::Npm,
        &["1.0.1700000000000000-rc.1", "1.0.1700000000000000", "1.0.9007199254740991"],
    );
    assert!(!is_valid(Scheme::Npm, "1.0.9007199254740992"));
}

#[test]
fn pep_440_normalises_as_its_appendix_says() {
    for (text, normal) in [
        ("v1.0", "1.0"),
        ("1.0.0-ALPHA_1", "1.0.0a1"),
        ("1.0c1", "1.0rc1"),
        ("1.0-1", "1.0.post1"),
        ("1.0.rev2", "1.0.post2"),
        ("01.02", "1.2"),
        ("1.0+Ubuntu_1", "1.0+ubuntu.1"),
        ("0!1.0", "1.0"),
    ] {
        assert_eq!(normalize(Scheme::Pep440, text).as_deref(), Some(normal), "{text}");
    }
    assert_eq!(normalize(Scheme::Pep440, "2004d"), None);
}

#[test]
fn prereleases_are_those_of_the_scheme() {
    for (scheme, text, pre) in [
        (Scheme::Semver, "1.0.0-rc.1", true),
        (Scheme::Semver, "1.0.0+rc", false),
        (Scheme::Npm, "1.0.0beta", true),
        (Scheme::Pep440, "1.0.dev1", true),
        (Scheme::Pep440, "1.0rc1", true),
        (Scheme::Pep440, "1.0.post1", false),
        (Scheme::Generic, "1.0-rc1", false),
        (Scheme::Semver, "rc", false),
    ] {
        assert_eq!(is_prerelease(scheme, text), pre, "{text}");
    }
}

#[test]
fn the_newest_is_a_release_where_there_is_one() {
    let newest = |versions: &[&'static str]| newest(Scheme::Semver, versions.iter().copied());
    assert_eq!(newest(&["1.0.0", "2.0.0-rc.1", "1.10.0", "x", "1.9.0"]), Some("1.10.0"));
    assert_eq!(newest(&["2.0.0-rc.1", "2.0.0-rc.2"]), Some("2.0.0-rc.2"));
    assert_eq!(newest(&["x"]), None);
}

fn assert_holds(scheme: Scheme, range: &str, inside: &[&str], outside: &[&str]) {
    let parsed = Range::parse(scheme, range).unwrap_or_else(|e| panic!("{range}: {e}"));
    for version in inside {
        assert!(parsed.contains(version), "{range} holds {version}");
    }
    for version in outside {
        assert!(!parsed.contains(version), "{range} does not hold {version}");
    }
}

#[test]
fn comparators_follow_the_ordering_in_every_scheme() {
    for scheme in SCHEMES.into_iter().filter(|scheme| *scheme != Scheme::Go) {
        // Versions of Go begin with a letter.
        assert_holds(scheme, "*", &["1.0.0", "no version", ""], &[]);
        assert_holds(scheme, "1.2.3", &["1.2.3"], &["1.2.4"]);
        assert_holds(scheme, "=1.2.3 || ==1.2.5", &["1.2.3", "1.2.5"], &["1.2.4"]);
        assert_holds(scheme, ">=1.0.0, <2.0.0, !=1.5.0", &["1.0.0", "1.9.9"], &["1.5.0", "2.0.0"]);
        assert_holds(scheme, "> 1.0.0 <= 2.0.0", &["1.0.1", "2.0.0"], &["1.0.0", "2.0.1"]);
    }
}

#[test]
fn a_rule_against_old_versions_holds_their_prereleases() {
    assert_holds(Scheme::Semver, "<2.0.0", &["2.0.0-rc.1", "1.0.0+x"], &["2.0.0"]);
    assert_holds(Scheme::Npm, "<2", &["2.0.0-rc.1"], &["2.0.0"]);
    assert_holds(Scheme::Pep440, "<2.0", &["2.0rc1", "0.1"], &["2.0"]);
    assert_holds(Scheme::Pep440, ">1.0", &["1.0.post1"], &["1.0+cu118", "1.0"]);
}

#[test]
fn a_label_counts_only_where_the_range_has_one() {
    assert_holds(Scheme::Pep440, "=1.0", &["1.0+cu118", "1.0.0"], &["1.0.1"]);
    assert_holds(Scheme::Pep440, "=1.0+cu118", &["1.0+cu118"], &["1.0", "1.0+cpu"]);
    assert_holds(Scheme::Semver, "<=1.0.0", &["1.0.0+x"], &["1.0.1"]);
    assert_holds(Scheme::Semver, "=1.0.0+x", &["1.0.0+x"], &["1.0.0", "1.0.0+y"]);
}

#[test]
fn a_partial_version_stands_for_all_of_its_versions() {
    for scheme in [Scheme::Semver, Scheme::Npm] {
        assert_holds(scheme, "1.2", &["1.2.0", "1.2.9"], &["1.3.0", "1.3.0-rc.1", "1.1.9"]);
        assert_holds(scheme, "!=1.2", &["1.1.9", "1.3.0", "junk"], &["1.2.0", "1.2.9"]);
        assert_holds(scheme, ">1.2", &["1.3.0", "2.0.0"], &["1.2.9"]);
        assert_holds(scheme, "<=1", &["1.9.9"], &["2.0.0-rc.1", "2.0.0"]);
        assert_holds(scheme, ">=2", &["2.0.0"], &["1.9.9", "2.0.0-rc.1"]);
    }
}

#[test]
fn native_ranges_mean_what_their_clients_mean() {
    assert_holds(Scheme::Npm, "^1.2", &["1.2.0", "1.9.0"], &["2.0.0", "1.3.0-rc.1", "1.1.0"]);
    assert_holds(Scheme::Npm, "~1.2.3", &["1.2.9"], &["1.3.0"]);
    assert_holds(Scheme::Npm, "^1.2.3-rc.1", &["1.2.3-rc.2"], &["1.2.4-rc.1"]);
    assert_holds(Scheme::Npm, "1.x || 3.0.*", &["1.9.0", "3.0.4"], &["2.0.0", "3.1.0"]);
    assert_holds(Scheme::Npm, "1.2 - 2.0", &["1.2.0", "2.0.9"], &["2.1.0", "1.1.0"]);
    assert_holds(Scheme::Semver, "^0.2", &["0.2.9"], &["0.3.0", "0.2.9-rc.1"]);
    assert_holds(Scheme::Semver, "1.*", &["1.4.0"], &["2.0.0"]);
    assert_holds(Scheme::Pep440, "~=1.4.5", &["1.4.9", "1.4.5"], &["1.5.0", "1.4.4"]);
    assert_holds(Scheme::Pep440, "==1.2.*", &["1.2", "1.2.9", "1.2rc1"], &["1", "1.3", "1!1.2"]);
    assert_holds(Scheme::Pep440, "!=1.2.*", &["1", "1.3", "2004d"], &["1.2.9"]);
    assert_holds(Scheme::Pep440, "===2004d || ===1.0", &["2004D", "1.0"], &["1.0.0"]);
}

#[test]
fn what_is_no_version_is_in_no_ordered_range() {
    for scheme in [Scheme::Semver, Scheme::Npm, Scheme::Pep440] {
        assert_holds(scheme, "<2.0.0", &[], &["junk", ""]);
        assert_holds(scheme, "!=2.0.0", &["junk"], &[]);
    }
}

#[test]
fn a_wrong_range_quotes_what_is_wrong() {
    let error = |scheme, text| Range::parse(scheme, text).unwrap_err();
    assert_eq!(error(Scheme::Npm, " "), RangeError::Empty);
    assert_eq!(error(Scheme::Npm, "1.0.0 ||"), RangeError::Empty);
    assert_eq!(error(Scheme::Semver, "=>1.0.0"), RangeError::Operator("=>".into()));
    assert_eq!(error(Scheme::Pep440, "^1.0"), RangeError::Operator("^".into()));
    assert_eq!(error(Scheme::Generic, "~1.0"), RangeError::Operator("~".into()));
    assert_eq!(error(Scheme::Semver, "1.0.0 <"), RangeError::Dangling("<".into()));
    assert_eq!(error(Scheme::Npm, ">=latest"), RangeError::Version("latest".into()));
    assert_eq!(error(Scheme::Npm, "^1.2garbage"), RangeError::Version("1.2garbage".into()));
    assert_eq!(error(Scheme::Pep440, "==1.0rc1.*"), RangeError::Version("1.0rc1.*".into()));
    assert!(Range::parse(Scheme::Npm, &format!("^1.2.{}", "9".repeat(300))).is_err());
}

/// Texts that are versions, nearly versions, and garbage.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[0-9]{1,2}(\\.[0-9]{1,2}){2}(-(alpha|beta|rc|[0-9])(\\.[0-9]{1,2})?)?(\\+[a-c])?",
        3 => "([01]!)?[0-2](\\.[0-2]){0,3}((a|b|rc)[0-2])?(\\.post[0-2])?(\\.dev[0-2])?(\\+[a-b0-2])?",
        2 => "v?[0-9.a-c+x*-]{0,12}",
        1 => "[0-9]{14,20}\\.0\\.0",
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn compare_is_a_total_order(a in text(), b in text(), c in text()) {
        for scheme in SCHEMES {
            let (ab, ba) = (compare(scheme, &a, &b), compare(scheme, &b, &a));
            prop_assert_eq!(ab, ba.reverse());
            prop_assert_eq!(compare(scheme, &a, &a), Ordering::Equal);
            if scheme == Scheme::Maven {
                // Rules for words that are no versions make circles:
                // * < 0a0 < - < *. What people write is checked below.
                continue;
            }
            let (bc, ac) = (compare(scheme, &b, &c), compare(scheme, &a, &c));
            if ab.is_le() && bc.is_le() {
                prop_assert!(ac.is_le(), "{:?}: {} <= {} <= {}", scheme, a, b, c);
                if ab.is_lt() || bc.is_lt() {
                    prop_assert!(ac.is_lt(), "{:?}: {} < {} < {}", scheme, a, b, c);
                }
            }
        }
    }

    #[test]
    fn maven_orders_what_people_write_totally(
        a in "[0-9]{1,2}([.][0-9]{1,2}){0,2}(-(alpha|beta|rc|SNAPSHOT)(-[0-9])?)?",
        b in "[0-9]{1,2}([.][0-9]{1,2}){0,2}(-(alpha|beta|rc|SNAPSHOT)(-[0-9])?)?",
        c in "[0-9]{1,2}([.][0-9]{1,2}){0,2}(-(alpha|beta|rc|SNAPSHOT)(-[0-9])?)?",
    ) {
        let compare = |x: &str, y: &str| compare(Scheme::Maven, x, y);
        if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
            prop_assert!(compare(&a, &c).is_le(), "{} <= {} <= {}", a, b, c);
        }
    }

    #[test]
    fn normalising_twice_changes_nothing_and_keeps_the_place(a in text(), b in text()) {
        for scheme in SCHEMES {
            if let Some(normal) = normalize(scheme, &a) {
                prop_assert_eq!(normalize(scheme, &normal), Some(normal.clone()));
                prop_assert_eq!(compare(scheme, &normal, &b), compare(scheme, &a, &b));
            }
        }
    }

    #[test]
    fn ranges_agree_with_the_ordering(a in text(), b in text()) {
        for scheme in [Scheme::Semver, Scheme::Npm, Scheme::Pep440, Scheme::Maven] {
            // Maven takes operators and brackets for parts of a version.
            let odd = |c: char| c == '+' || scheme == Scheme::Maven && !c.is_ascii_alphanumeric();
            let plain = |text: &str| is_valid(scheme, text) && !text.contains(odd);
            if !plain(&a) || !plain(&b) {
                continue;
            }
            let order = compare(scheme, &a, &b);
            let holds = |operator: &str| {
                Range::parse(scheme, &format!("{operator}{b}")).unwrap().contains(&a)
            };
            prop_assert_eq!(holds("<"), order.is_lt());
            prop_assert_eq!(holds("<="), order.is_le());
            prop_assert_eq!(holds(">"), order.is_gt());
            prop_assert_eq!(holds(">="), order.is_ge());
            prop_assert_eq!(holds("="), order.is_eq());
            prop_assert_eq!(holds("!="), order.is_ne());
        }
    }

    #[test]
    fn no_text_makes_a_range_panic(range in "[0-9.xX*^~=<>!|, a-c+-]{0,24}", other in any::<String>(), version in text()) {
        for scheme in SCHEMES {
            for text in [&range, &other] {
                if let Ok(range) = Range::parse(scheme, text) {
                    range.contains(&version);
                }
            }
        }
    }
}

//! Packuments: what is read of them, and what is left in them.

use std::fmt::Write as _;

use serde_json::Value;
use weir_core::FactSet;

use crate::{ABBREVIATED, Bench, FULL, INSTALL_V1, ODD, SCOPED, SEARCH, SINGLE};

fn demo() -> Bench {
    Bench::new(&[("demo", FULL)])
}

fn parsed(document: &str) -> Value {
    serde_json::from_str(document).unwrap()
}

fn lines(bench: &Bench, raw: &str) -> String {
    bench.read(raw).unwrap().into_iter().fold(String::new(), |mut text, r| {
        let shown = |text: Option<&str>| text.unwrap_or("-").to_owned();
        let _ = writeln!(
            text,
            "{} {} | {} | {} | {} | {} | {} | scripts {:?} provenance {} | {} | {}",
            r.name,
            r.version,
            shown(r.file.as_deref()),
            r.available.map_or("-".into(), |date| date.as_millis().to_string()),
            shown(r.digest.as_ref().map(|digest| digest.algorithm().name())),
            shown(r.deprecated.as_deref()),
            shown(r.licence.as_deref()),
            r.install_scripts,
            r.provenance,
            shown(r.publisher.as_deref()),
            shown(r.unreadable),
        );
        text
    })
}

#[test]
fn facts_of_a_full_packument() {
    insta::assert_snapshot!(lines(&demo(), "demo"), @"
    demo 0.9.0 | demo-0.9.0.tgz | 1704067200123 | sha1 | use 1.x | MIT OR ISC | scripts Some(false) provenance false | - | -
    demo 1.1.0 | Demo_odd-1.1.0-final.tgz | 1738555506000 | sha512 | - | MIT | scripts Some(true) provenance false | - | -
    demo 1.2.0 | demo-1.2.0.tgz | 1793491200123 | sha512 | - | Apache-2.0 | scripts Some(false) provenance true | alice | -
    demo 2.0.0-beta.1 | demo-2.0.0-beta.1.tgz | 1794268800000 | sha1 | - | - | scripts Some(true) provenance false | - | -
    demo 2.0.0-beta.2 | demo-2.0.0-beta.2.tgz | 1795168800654 | sha1 | - | - | scripts Some(false) provenance false | - | -
    ");
}

#[test]
fn facts_of_an_abbreviated_packument() {
    insta::assert_snapshot!(lines(&Bench::new(&[("demo", ABBREVIATED)]), "demo"), @"
    demo 1.1.0 | demo-1.1.0.tgz | - | sha1 | - | - | scripts Some(true) provenance false | - | -
    demo 1.2.0 | demo-1.2.0.tgz | - | sha512 | - | - | scripts Some(false) provenance false | - | -
    ");
}

#[test]
fn entries_that_cannot_be_read_are_withheld_one_by_one() {
    let bench = Bench::new(&[("odd", ODD)]);
    insta::assert_snapshot!(lines(&bench, "odd"), @"
    odd 1.0.0 | odd-1.0.0.tgz | - | - | - | - | scripts Some(false) provenance false | - | -
    odd 1.0.1 | odd-1.0.1.tgz | - | - | - | - | scripts Some(false) provenance false | - | its inner version contradicts its key
    odd 1.0.2 | odd-1.0.2.tgz | - | - | - | - | scripts Some(false) provenance false | - | its inner name is another package's
    odd 1.0.3 | - | - | - | - | - | scripts Some(false) provenance false | - | its file is another version's
    odd 1.0.4 | - | - | - | - | - | scripts Some(false) provenance false | - | a field of it stands there twice or is not what it should be
    odd 1.0.5 | - | - | - | - | - | scripts Some(false) provenance false | - | a field of it stands there twice or is not what it should be
    odd one | odd-one.tgz | - | - | - | - | scripts Some(false) provenance false | - | its version is none
    odd 1.0.6 | - | - | - | - | - | scripts Some(false) provenance false | - | a field of it stands there twice or is not what it should be
    odd 1.0.7 | odd-1.0.7.tgz | - | - | - | - | scripts Some(false) provenance false | - | -
    ");
    let left = parsed(&bench.without("odd", "", &[]));
    let left: Vec<_> = left["versions"].as_object().unwrap().keys().collect();
    assert_eq!(left, ["1.0.0", "1.0.7"]);
}

#[test]
fn a_withheld_version_is_nowhere_in_the_full_packument() {
    insta::assert_snapshot!(demo().without("demo", "", &["1.1.0", "2.0.0-beta.2"]), @r##"
    {
      "_id": "demo", "_rev": "7-0123456789abcdef", "name": "demo",
      "description": "An invented package – with \"quotes\" and a caf\u00e9",
      "dist-tags": {"latest": "1.2.0", "next": "2.0.0-beta.1", "old": "0.9.0"},
      "versions": {
        "0.9.0": {
          "name": "demo", "version": "0.9.0", "licenses": [{"type": "MIT"}, "ISC"], "deprecated": "use 1.x",
          "dist": {"shasum": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "tarball": "http://gate.test/npm/demo/-/demo-0.9.0.tgz"}
        },
        "1.2.0": {
          "name": "demo", "version": "1.2.0", "license": "Apache-2.0", "_npmUser": {"name": "alice", "email": "alice@mail.test"},
          "gitHead": "0123", "bin": {"demo": "cli.js"}, "engines": {"node": ">=18"}, "readmeFilename": "README.md",
          "dist": {"integrity": "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
            "tarball": "http://gate.test/npm/demo/-/demo-1.2.0.tgz", "fileCount": 3, "unpackedSize": 4096,
            "signatures": [{"keyid": "SHA256:x", "sig": "MEUC"}],
            "attestations": {"url": "http://gate.test/npm/-/npm/v1/attestations/demo@1.2.0", "provenance": {"predicateType": "https://slsa.test/v1"}}}
        },
        "2.0.0-beta.1": {
          "name": "demo", "version": "2.0.0-beta.1", "hasInstallScript": true,
          "dist": {"shasum": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "tarball": "http://gate.test/npm/demo/-/demo-2.0.0-beta.1.tgz"}
        }
      },
      "time": {
        "created": "2024-01-01T00:00:00.000Z", "modified": "2026-11-20T10:00:00.654321+00:00",
        "0.9.0": "2024-01-01T00:00:00.123456+00:00", "1.0.0": "2024-05-01T00:00:00.000Z",
        "1.2.0": "2026-11-01T00:00:00.123Z", "2.0.0-beta.1": "2026-11-10T00:00:00Z"
      },
      "maintainers": [{"name": "alice", "email": "alice@mail.test"}],
      "readme": "# demo\n\nnpm install demo"
    }
    "##);
}

#[test]
fn the_abbreviated_packument_is_made_from_the_full_one() {
    insta::assert_snapshot!(demo().without("demo", INSTALL_V1, &["0.9.0", "1.2.0"]), @r#"
    {"modified":"2026-11-20T10:00:00.654321+00:00",
      "name": "demo",
      "dist-tags": {"latest": "1.1.0", "next": "2.0.0-beta.2"},
      "versions": {
        "1.1.0": {"hasInstallScript":true,
          "name": "demo", "version": "1.1.0", "dependencies": {"left": "^1.0.0"},
          "dist": {"integrity": "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==", "shasum": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "tarball": "http://gate.test/npm/demo/-/Demo_odd-1.1.0-final.tgz"}
        },
        "2.0.0-beta.1": {
          "name": "demo", "version": "2.0.0-beta.1", "hasInstallScript": true,
          "dist": {"shasum": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "tarball": "http://gate.test/npm/demo/-/demo-2.0.0-beta.1.tgz"}
        },
        "2.0.0-beta.2": {
          "name": "demo", "version": "2.0.0-beta.2",
          "dist": {"shasum": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "tarball": "http://gate.test/npm/demo/-/demo-2.0.0-beta.2.tgz"}
        }
      },
      "time": {
        "created": "2024-01-01T00:00:00.000Z", "modified": "2026-11-20T10:00:00.654321+00:00", "1.0.0": "2024-05-01T00:00:00.000Z", "1.1.0": "2025-02-03T04:05:06.000Z", "2.0.0-beta.1": "2026-11-10T00:00:00Z", "2.0.0-beta.2": "2026-11-20T10:00:00.654321+00:00"
      }
    }
    "#);
}

#[test]
fn an_abbreviated_packument_keeps_its_bytes() {
    let bench = Bench::new(&[("demo", ABBREVIATED)]);
    let ours = bench.without("demo", INSTALL_V1, &[]);
    assert_eq!(ours.replace("http://gate.test/npm", "https://registry.example"), ABBREVIATED);
}

#[test]
fn the_reason_is_where_npm_looks_for_it() {
    let notice = "demo 1.2.0 withheld by \"cooldown\"";
    for accept in ["", INSTALL_V1] {
        let document = demo().write("demo", accept, &["1.2.0"], Some(notice)).unwrap();
        let document = parsed(&document);
        let restrictions = &document["policyRestrictions"];
        assert_eq!(restrictions["message"], notice);
        assert_eq!(restrictions["versions"]["1.2.0"]["version"], "1.2.0");
        assert_eq!(restrictions["versions"].as_object().unwrap().len(), 1);
        assert!(document["versions"].get("1.2.0").is_none());
        assert!(document["time"].get("1.2.0").is_none());
    }
}

#[test]
fn npm_is_told_when_latest_is_withheld() {
    let headers = |withheld: &str| {
        demo().answer("demo", "", &[withheld], Some("demo \u{2026} withheld")).unwrap().0.headers
    };
    let no_store = ("cache-control", "no-store".to_owned());
    assert_eq!(headers("1.2.0"), [("npm-notice", "demo ? withheld".to_owned()), no_store]);
    assert_eq!(headers("1.1.0"), []);
}

#[test]
fn a_document_is_written_even_when_nothing_is_left() {
    let all = ["0.9.0", "1.1.0", "1.2.0", "2.0.0-beta.1", "2.0.0-beta.2"];
    for accept in ["", INSTALL_V1] {
        let document = parsed(&demo().write("demo", accept, &all, Some("no")).unwrap());
        assert_eq!(document["versions"], parsed("{}"));
        assert_eq!(document["dist-tags"], parsed("{}"));
        assert_eq!(document["policyRestrictions"]["versions"].as_object().unwrap().len(), 5);
    }
}

#[test]
fn staged_versions_pass_by_nobody() {
    let staged = FULL.replacen('{', r#"{"stagedVersions":{"versions":{"3.0.0":{}}},"#, 1);
    let document = Bench::new(&[("demo", &staged)]).without("demo", "", &[]);
    assert_eq!(parsed(&document), parsed(&demo().without("demo", "", &[])));
}

#[test]
fn one_version_is_a_document_of_its_own() {
    let bench = Bench::new(&[("demo/1.2.0", SINGLE), ("demo", FULL)]);
    let ours = bench.without("demo/1.2.0", "", &[]);
    assert_eq!(ours.replace("http://gate.test/npm", "https://registry.example"), SINGLE.trim_end());
    assert_eq!(lines(&bench, "demo/1.2.0").lines().count(), 1);
    let dated = bench.wanting(FactSet::DATES).read("demo/1.2.0").unwrap();
    assert_eq!(dated[0].available.unwrap().date(), "2026-11-01");
}

#[test]
fn attestations_belong_to_a_version_that_is_judged() {
    let answer = r#"{"attestations": []}"#;
    let path = "-/npm/v1/attestations/demo@1.2.0";
    let bench = Bench::new(&[("demo/1.2.0", SINGLE), (path, answer)]);
    assert_eq!(bench.read(path).unwrap()[0].version, "1.2.0");
    assert_eq!(bench.without(path, "", &[]), answer);
}

#[test]
fn links_of_scoped_packages_carry_the_scope() {
    let document = parsed(&Bench::new(&[("@acme%2fdemo", SCOPED)]).without("@acme/demo", "", &[]));
    let tarball = |version: &str| document["versions"][version]["dist"]["tarball"].clone();
    assert_eq!(tarball("1.0.0"), "http://gate.test/npm/@acme/demo/-/demo-1.0.0.tgz");
    assert_eq!(tarball("1.1.0"), "http://gate.test/npm/@acme/demo/-/demo-1.1.0.tgz");
}

#[test]
fn search_leaves_out_what_is_withheld() {
    let bench = Bench::new(&[("-/v1/search?text=demo", SEARCH)]);
    insta::assert_snapshot!(lines(&bench, "-/v1/search?text=demo"), @"
    demo 1.2.0 | - | 1793491200123 | - | - | Apache-2.0 | scripts None provenance false | alice | -
    @acme/demo 1.1.0 | - | - | - | - | - | scripts None provenance false | - | -
    third  | - | - | - | - | - | scripts None provenance false | - | the result names no version of a package
    ");
    let document = parsed(&bench.without("-/v1/search?text=demo", "", &["1.2.0"]));
    let objects = document["objects"].as_array().unwrap();
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0]["package"]["name"], "@acme/demo");
}

#[test]
fn two_readers_must_not_see_two_packuments() {
    for (from, to) in [
        (r#""versions": {"#, r#""versions": {}, "versions": {"#),
        (r#""versions": {"#, r#""versions": {}, "v\u0065rsions": {"#),
        (r#""1.2.0": {"#, r#""1.1.0": {"#),
        (r#""1.2.0": {"#, r#""1.2.\u0030": {"#),
        (r#""name": "demo","#, r#""name": "other","#),
        (r#""latest": "1.2.0""#, r#""latest": "1.2.0", "latest": "0.9.0""#),
        (r#""created":"#, r#""1.2.0":"#),
        (r#""dist-tags""#, r#""time": {}, "dist-tags""#),
    ] {
        assert!(FULL.contains(from), "{from}");
        let document = FULL.replacen(from, to, 1);
        let bench = Bench::new(&[("demo", &document)]);
        let error = bench.read("demo").unwrap_err();
        assert_eq!(bench.write("demo", "", &[], None).unwrap_err(), error, "{to}");
    }
}

#[test]
fn what_is_not_a_packument_is_refused() {
    for document in ["", "<html>", "[]", "null", "{\"versions\": []}", "{\"name\":\"demo\"} x"] {
        assert!(Bench::new(&[("demo", document)]).read("demo").is_err(), "{document}");
    }
    let unpublished = r#"{"name":"demo","time":{"unpublished":{"name":"alice"}}}"#;
    let bench = Bench::new(&[("demo", unpublished)]);
    assert!(bench.read("demo").unwrap().is_empty());
    assert_eq!(bench.without("demo", "", &[]), unpublished);
}

#[test]
fn the_small_packument_is_asked_for_where_it_is_enough() {
    let asked = |wants| {
        let bench = demo().wanting(wants);
        bench.gather(&Bench::target("demo", INSTALL_V1)).0
    };
    assert_eq!(asked(FactSet::NONE), [format!("demo as {INSTALL_V1} (listing)")]);
    for wants in [FactSet::DATES, FactSet::LICENCES] {
        assert_eq!(asked(wants), ["demo as application/json (listing)"]);
    }
}

#[test]
fn a_hundred_thousand_versions_are_no_trouble() {
    let mut versions = String::new();
    let mut time = String::new();
    for patch in 0..100_000 {
        let comma = if patch == 0 { "" } else { "," };
        let _ = write!(
            versions,
            r#"{comma}"1.0.{patch}":{{"name":"demo","version":"1.0.{patch}","dist":{{"tarball":"https://registry.example/demo/-/demo-1.0.{patch}.tgz"}}}}"#
        );
        let _ = write!(time, r#"{comma}"1.0.{patch}":"2024-01-01T00:00:00.000Z""#);
    }
    let document = format!(
        r#"{{"name":"demo","dist-tags":{{"latest":"1.0.99999"}},"versions":{{{versions}}},"time":{{{time}}}}}"#
    );
    let bench = Bench::new(&[("demo", &document)]);
    let left = parsed(&bench.without("demo", INSTALL_V1, &["1.0.99999", "1.0.5"]));
    assert_eq!(left["versions"].as_object().unwrap().len(), 99_998);
    assert_eq!(left["dist-tags"]["latest"], "1.0.99998");
}

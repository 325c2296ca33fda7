//! Paths, names, refusals.

use insta::assert_snapshot;
use weir_cargo::Cargo;
use weir_core::{Code, Denial, Ecosystem as _, Method, Place, Request, Target, Unroutable, View};
use weir_testkit::{Answers, keep_all};

use crate::fixtures::{CONFIG, answers, index, line, target, with_driver};

fn route(method: Method, raw: &str) -> Result<Target, Unroutable> {
    let mut request = Request::get(raw)?;
    request.method = method;
    Cargo.route(&request)
}

#[test]
fn every_spelling_of_a_name_is_one_crate() {
    for (raw, canonical) in [
        ("1/a", "1/a"),
        ("2/ab", "2/ab"),
        ("3/A/aBc", "3/a/abc"),
        ("in/fl/inflector", "in/fl/inflector"),
        ("In/fl/Inflector", "in/fl/inflector"),
        ("a-/_b/a-_b", "a-/_b/a-_b"),
        ("crates/Inflector/0.11.4/download", "crates/inflector/0.11.4/download"),
        ("api/v1/crates/Inflector/0.11.4/download", "crates/inflector/0.11.4/download"),
        ("crates/a/1.0.0-rc.1+b.7/download", "crates/a/1.0.0-rc.1+b.7/download"),
        ("crates/a/1.0.0%2Bb/download", "crates/a/1.0.0+b/download"),
        ("config.json", "config.json"),
        ("api/v1/crates?per_page=5&x=1&q=a%20b%26c", "api/v1/crates?q=a%20b%26c&per_page=5"),
        ("api/v1/crates", "api/v1/crates"),
        ("api/v1/crates/A?include=versions", "api/v1/crates/a?include=versions"),
        ("api/v1/crates/A/versions?page=2", "api/v1/crates/a/versions?page=2"),
        ("api/v1/crates/A/1.0.0", "api/v1/crates/a/1.0.0"),
        ("api/v1/crates/A/1.0.0/dependencies", "api/v1/crates/a/1.0.0/dependencies"),
        ("api/v1/crates/A/owners", "api/v1/crates/a/owners"),
    ] {
        let found = target(raw);
        assert_eq!(Cargo.path(&found), canonical, "{raw}");
        assert_eq!(target(canonical), found, "{canonical}");
    }
}

#[test]
fn what_is_no_end_point_is_not_found() {
    for raw in [
        "",
        "1",
        "1/ab",
        "2/a",
        "3/b/abc",
        "3/abc",
        "de/mo/other",
        "de%2Fmo/demo",
        "mo/de/demo",
        "de/mo/demo/x",
        "de/mo/d%C3%A9mo",
        "de/mo/de.o",
        "-a/bc/-abc",
        "config.json/x",
        "crates/demo/latest/download",
        "crates/demo/1.0/download",
        "crates/demo/1.0.0",
        "crates/de.mo/1.0.0/download",
        "api",
        "api/v1",
        "api/v2/crates",
        "api/v1/crates/demo/reverse_dependencies",
        "api/v1/crates/demo/1.0.0/readme",
        "index/de/mo/demo",
    ] {
        assert_eq!(route(Method::Get, raw), Err(Unroutable::Unknown), "{raw}");
    }
    let long = format!("api/v1/crates?q={}", "a".repeat(300));
    assert!(matches!(route(Method::Get, &long), Err(Unroutable::Malformed(_))));
}

#[test]
fn writing_end_points_say_that_they_are_not_offered() {
    for (method, raw) in [
        (Method::Put, "api/v1/crates/new"),
        (Method::Delete, "api/v1/crates/demo/1.0.0/yank"),
        (Method::Put, "api/v1/crates/demo/1.0.0/unyank"),
        (Method::Put, "api/v1/crates/demo/owners"),
        (Method::Delete, "api/v1/crates/demo/owners"),
        (Method::Get, "me"),
    ] {
        assert!(matches!(route(method, raw), Err(Unroutable::NotOffered(_))), "{raw}");
    }
    assert_eq!(route(Method::Post, "config.json"), Err(Unroutable::Unknown));
}

fn place(config: &str, raw: &str) -> String {
    let mut answers = Answers::new();
    let body = line("InFlector", "0.11.4+b", 7) + "\n";
    for (key, body) in [("primary:config.json", config), ("primary:in/fl/inflector", &body)] {
        answers.insert(key, weir_core::Doc::new(body.to_owned().into_bytes(), ""));
    }
    let located = with_driver(&answers, &keep_all, |driver| driver.locate(&target(raw)));
    match located.unwrap().unwrap().place {
        Place::Link(link) => link.as_str().to_owned(),
        place => panic!("not a link: {place:?}"),
    }
}

#[test]
fn the_download_is_where_the_registry_says_and_as_it_spells_it() {
    let raw = "crates/inflector/0.11.4+b/download";
    let at = |dl: &str| place(&format!("{{\"dl\":\"{dl}\"}}"), raw);
    assert_eq!(
        at("https://files.example:443/a/v1/crates"),
        "https://files.example:443/a/v1/crates/InFlector/0.11.4+b/download"
    );
    assert_eq!(at(r"https:\/\/files.example"), "https://files.example/InFlector/0.11.4+b/download");
    assert_eq!(at("/dl"), "/dl/InFlector/0.11.4+b/download");
    assert_eq!(
        at("https://files.example/{prefix}/{lowerprefix}/{crate}-{version}.crate"),
        "https://files.example/In/Fl/in/fl/InFlector-0.11.4+b.crate"
    );
    assert_eq!(
        at("https://files.example/{sha256-checksum}"),
        format!("https://files.example/{}", "07".repeat(32))
    );
}

#[test]
fn an_artifact_is_promised_the_digest_of_its_line() {
    let located = |raw: &str| {
        with_driver(&answers(), &keep_all, |driver| driver.locate(&target(raw))).unwrap()
    };
    let found = located("crates/Demo/1.1.0/download").unwrap();
    assert_eq!(found.release.to_string(), "demo 1.1.0");
    assert_eq!(found.digest.unwrap().hex(), "02".repeat(32));
    assert_eq!(located("crates/Demo/1.2.0/download"), None);
    assert_eq!(located("crates/Demo/2.0.0-rc.1/download"), None);
}

#[test]
fn a_configuration_without_downloads_is_unreadable() {
    for config in ["{}", "[]", "{\"dl\":\"\"}", "{\"dl\":5}", "{\"dl\":\"a\",\"dl\":\"b\"}", "x"] {
        let answers = answers().with_output("primary:config.json", config.as_bytes());
        let found = with_driver(&answers, &keep_all, |driver| {
            driver.locate(&target("crates/demo/1.0.0/download"))
        });
        assert!(matches!(found, Err(weir_testkit::Fault::Format(_))), "{config}");
    }
}

#[test]
fn our_configuration_leads_to_this_mount_and_nowhere_else() {
    assert_snapshot!(
        crate::fixtures::served(&answers(), "config.json", &keep_all),
        @r#"{"dl":"http://gate.test/cargo/crates/{crate}/{version}/download","api":"http://gate.test/cargo"}"#
    );
}

#[test]
fn the_web_api_is_asked_where_the_configuration_says() {
    let asked = |config: &str| {
        let answers = answers().with_output("primary:config.json", config.as_bytes());
        let found =
            with_driver(&answers, &keep_all, |driver| driver.gather(&target("api/v1/crates/x")));
        found.unwrap_err().to_string()
    };
    assert_snapshot!(asked(CONFIG), @"no document: https://registry.example/api/v1/crates/x");
    assert_snapshot!(asked(r#"{"dl":"/","api":"https://registry.example/a"}"#),
        @"no document: https://registry.example/a/api/v1/crates/x");
    assert_snapshot!(asked(r#"{"dl":"/"}"#), @"no document: primary:api/v1/crates/x");
    assert_snapshot!(asked(r#"{"dl":"/","api":null}"#), @"no document: primary:api/v1/crates/x");
}

fn refusal(target: Option<&Target>, code: Code) -> String {
    let mut denial = Denial::new(code, "demo 1.1.0 withheld by \"cooldown\" until 2026-11-24");
    denial.explain = Some("http://gate.test/why/pkg:cargo/demo@1.1.0".into());
    let reply = Cargo.deny(target, &denial);
    format!("{}\n{}", reply.media, reply.body)
}

#[test]
fn a_refusal_has_the_form_that_cargo_prints() {
    let download = target("crates/demo/1.1.0/download");
    assert_snapshot!(refusal(Some(&download), Code::BlockedByPolicies), @r#"
    text/plain; charset=utf-8
    demo 1.1.0 withheld by "cooldown" until 2026-11-24
    see http://gate.test/why/pkg:cargo/demo@1.1.0
    "#);
    let listing = target("de/mo/demo");
    assert!(refusal(Some(&listing), Code::BlockedByPolicies).starts_with("text/plain"));
    let json = r#"
    application/json
    {"errors":[{"detail":"demo 1.1.0 withheld by \"cooldown\" until 2026-11-24"}]}
    "#;
    let json = json.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n");
    for raw in ["api/v1/crates?q=x", "api/v1/crates/demo", "api/v1/crates/demo/owners"] {
        assert_eq!(refusal(Some(&target(raw)), Code::BlockedByPolicies), json);
    }
    assert_eq!(refusal(None, Code::NotOffered), json);
    assert!(refusal(None, Code::NotFound).starts_with("text/plain"));
}

#[test]
fn an_index_is_asked_for_by_its_canonical_path() {
    assert!(index().contains("\"Demo\""));
    assert_eq!(target("DE/mo/DEMO"), Target::manifest("demo", View::plain("index")));
}

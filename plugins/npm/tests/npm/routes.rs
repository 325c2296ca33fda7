//! Paths, and what they ask for.

use std::fmt::Write as _;

use weir_core::{Ecosystem, Method, Owner, Request, Target, Unroutable};
use weir_npm::Npm;

use crate::INSTALL_V1;

fn shown(raw: &str, accept: &str) -> String {
    let routed = Request::get(raw).and_then(|request| Npm.route(&request.accepting(accept)));
    match routed {
        Ok(Target::Manifest { scope, view }) => format!("{} {scope} {}", view.name, view.arg),
        Ok(Target::Artifact { owner: Owner::Release(release), file, .. }) => {
            format!("{file} of {release}")
        }
        Ok(Target::Artifact { owner, file, .. }) => {
            format!("{file} of some {}", owner.package().unwrap())
        }
        Ok(Target::Relay { path, view }) => format!("relay {} to {path}", view.name),
        Ok(target) => format!("{target:?}"),
        Err(error) => format!("{error}"),
    }
}

fn table(raws: &[&str]) -> String {
    raws.iter().fold(String::new(), |mut table, raw| {
        let _ = writeln!(table, "{raw} => {}", shown(raw, "").trim_end());
        table
    })
}

#[test]
fn paths_of_packages() {
    insta::assert_snapshot!(table(&[
        "demo",
        "demo/",
        "@acme/demo",
        "@acme%2fdemo",
        "@acme%2Fdemo",
        "%40acme%2fdemo",
        "JSONStream",
        "demo/1.2.0",
        "demo/latest",
        "demo/v1.2.0",
        "demo/%5E1.0.0",
        "@acme%2fdemo/latest",
        "@acme/demo/1.0.0-rc.1",
        "-",
        "npm/latest",
    ]), @"
    demo => full demo
    demo/ => full demo
    @acme/demo => full @acme/demo
    @acme%2fdemo => full @acme/demo
    @acme%2Fdemo => full @acme/demo
    %40acme%2fdemo => full @acme/demo
    JSONStream => full JSONStream
    demo/1.2.0 => version demo 1.2.0
    demo/latest => tag demo latest
    demo/v1.2.0 => tag demo v1.2.0
    demo/%5E1.0.0 => tag demo ^1.0.0
    @acme%2fdemo/latest => tag @acme/demo latest
    @acme/demo/1.0.0-rc.1 => version @acme/demo 1.0.0-rc.1
    - => full -
    npm/latest => tag npm latest
    ");
}

#[test]
fn paths_of_files() {
    insta::assert_snapshot!(table(&[
        "demo/-/demo-1.2.0.tgz",
        "demo/-/demo-1.2.0-beta.1.tgz",
        "@acme/demo/-/demo-1.0.0.tgz",
        "@acme%2fdemo/-/demo-1.0.0.tgz",
        "@acme%2Fdemo/-/demo-1.0.0.tgz",
        "@acme/demo/-/@acme/demo-1.0.0.tgz",
        "@acme/demo/-/%40acme%2fdemo-1.0.0.tgz",
        "demo/-/Demo_odd-1.1.0-final.tgz",
        "demo/-/demo-v1.2.0.tgz",
        "demo/-/demo-1.2.tgz",
        "demo/-/demo-1.2.0+build.tgz",
        "-/-/--0.0.1.tgz",
    ]), @"
    demo/-/demo-1.2.0.tgz => demo-1.2.0.tgz of demo 1.2.0
    demo/-/demo-1.2.0-beta.1.tgz => demo-1.2.0-beta.1.tgz of demo 1.2.0-beta.1
    @acme/demo/-/demo-1.0.0.tgz => demo-1.0.0.tgz of @acme/demo 1.0.0
    @acme%2fdemo/-/demo-1.0.0.tgz => demo-1.0.0.tgz of @acme/demo 1.0.0
    @acme%2Fdemo/-/demo-1.0.0.tgz => demo-1.0.0.tgz of @acme/demo 1.0.0
    @acme/demo/-/@acme/demo-1.0.0.tgz => demo-1.0.0.tgz of @acme/demo 1.0.0
    @acme/demo/-/%40acme%2fdemo-1.0.0.tgz => demo-1.0.0.tgz of @acme/demo 1.0.0
    demo/-/Demo_odd-1.1.0-final.tgz => Demo_odd-1.1.0-final.tgz of some demo
    demo/-/demo-v1.2.0.tgz => demo-v1.2.0.tgz of some demo
    demo/-/demo-1.2.tgz => demo-1.2.tgz of some demo
    demo/-/demo-1.2.0+build.tgz => demo-1.2.0+build.tgz of demo 1.2.0+build
    -/-/--0.0.1.tgz => --0.0.1.tgz of - 0.0.1
    ");
}

#[test]
fn paths_of_the_registry_itself() {
    insta::assert_snapshot!(table(&[
        "-/ping",
        "-/v1/search?text=a%20b&size=20&from=0&popularity=0.98&evil=1",
        "-/v1/search?size=1&text=a+b",
        "-/package/demo/dist-tags",
        "-/package/@acme%2fdemo/dist-tags",
        "-/npm/v1/keys",
        "-/npm/v1/attestations/demo@1.2.0",
        "-/npm/v1/attestations/@acme%2fdemo@1.0.0",
        "-/whoami",
        "-/npm/v1/user",
        "-/user/org.couchdb.user:alice",
    ]), @r#"
    -/ping => Local(View { name: "ping", arg: "" })
    -/v1/search?text=a%20b&size=20&from=0&popularity=0.98&evil=1 => search index:-/v1/search text=a%20b&size=20&from=0&popularity=0.98
    -/v1/search?size=1&text=a+b => search index:-/v1/search text=a%20b&size=1
    -/package/demo/dist-tags => dist-tags demo
    -/package/@acme%2fdemo/dist-tags => dist-tags @acme/demo
    -/npm/v1/keys => relay keys to -/npm/v1/keys
    -/npm/v1/attestations/demo@1.2.0 => attestations demo 1.2.0
    -/npm/v1/attestations/@acme%2fdemo@1.0.0 => attestations @acme/demo 1.0.0
    -/whoami => publishing, log-in and account requests are not offered here: send them to the registry itself (npm --registry=<address> …)
    -/npm/v1/user => publishing, log-in and account requests are not offered here: send them to the registry itself (npm --registry=<address> …)
    -/user/org.couchdb.user:alice => publishing, log-in and account requests are not offered here: send them to the registry itself (npm --registry=<address> …)
    "#);
}

#[test]
fn what_is_not_known_is_not_passed_on() {
    for raw in [
        "",
        "_all_docs",
        "demo/-",
        "demo/-/a/b.tgz",
        "demo/1.2.0/x",
        "demo/-rev/1-2",
        "@acme",
        "@acme/demo/-/other/demo-1.0.0.tgz",
        "@acme/demo/a/b",
        "@/demo",
        "de%20mo",
        ".hidden",
        "-/all",
        "-/package/demo/dist-tags/latest",
        "-/npm/v1/attestations/demo",
        "-/npm/v1/attestations/demo@latest",
        "-/npm/v1/security/advisories/bulk",
        "-/../demo",
    ] {
        let routed = Request::get(raw).and_then(|request| Npm.route(&request));
        assert!(
            matches!(routed, Err(Unroutable::Unknown | Unroutable::Malformed(_))),
            "{raw}: {routed:?}"
        );
    }
    assert_eq!(shown(&"a".repeat(215), ""), "no such path");
}

#[test]
fn the_packument_is_abbreviated_for_those_who_prefer_it() {
    for (accept, view) in [
        ("", "full"),
        ("*/*", "full"),
        ("application/json", "full"),
        (INSTALL_V1, "abbreviated"),
        ("application/vnd.npm.install-v1+json", "abbreviated"),
        ("application/vnd.npm.install-v1+json; q=0.1, application/json", "full"),
        ("application/vnd.npm.install-v1+json; q=0, */*", "full"),
    ] {
        assert_eq!(shown("demo", accept).trim_end(), format!("{view} demo"), "{accept}");
    }
}

#[test]
fn an_audit_needs_its_list_of_packages() {
    let route = |raw: &str, body: &'static [u8]| {
        let mut request = Request::get(raw).unwrap();
        request.method = Method::Post;
        request.body = body;
        Npm.route(&request)
    };
    for raw in [
        "-/npm/v1/security/advisories/bulk",
        "-/npm/v1/security/audits/quick",
        "-/npm/v1/security/audits",
    ] {
        let target = route(raw, b"{\"demo\":[\"1.2.0\"]}").unwrap();
        assert_eq!(Npm.path(&target), raw);
        assert!(matches!(target, Target::Relay { .. }));
        assert!(
            matches!(route(raw, b" \n"), Err(Unroutable::Malformed(why)) if why.contains("audit"))
        );
    }
    assert_eq!(route("demo", b"{}"), Err(Unroutable::Unknown));
}

#[test]
fn publishing_and_accounts_are_refused_with_a_sentence() {
    for (method, raw) in [
        (Method::Put, "demo"),
        (Method::Put, "@acme%2fdemo"),
        (Method::Put, "-/user/org.couchdb.user:alice"),
        (Method::Put, "-/package/demo/dist-tags/latest"),
        (Method::Delete, "demo/-/demo-1.0.0.tgz/-rev/1"),
        (Method::Post, "-/v1/login"),
        (Method::Post, "-/npm/v1/tokens"),
        (Method::Get, "-/whoami"),
    ] {
        let mut request = Request::get(raw).unwrap();
        request.method = method;
        let routed = Npm.route(&request);
        assert!(
            matches!(routed, Err(Unroutable::NotOffered(why)) if why.contains("registry itself")),
            "{raw}: {routed:?}"
        );
    }
}

#[test]
fn a_lost_prefix_is_recognised_by_the_file() {
    let lost = Npm.describe().lost_prefix.unwrap();
    for (raw, expected) in [
        ("demo/-/demo-1.2.0.tgz", true),
        ("@acme/demo/-/demo-1.0.0.tgz", true),
        ("@acme%2fdemo/-/demo-1.0.0.tgz", true),
        ("demo/-/odd.TGZ", true),
        ("demo/-/notes.txt", false),
        ("demo", false),
        ("npm/demo/-/demo-1.2.0.tgz", false),
        ("health", false),
        ("-/ping", false),
    ] {
        assert_eq!(lost(&Request::get(raw).unwrap()), expected, "{raw}");
    }
    // Of `/npm/-/npm-11.0.0.tgz` the mount has already taken its own name.
    assert_eq!(shown("-/npm-11.0.0.tgz", ""), "moved to npm/-/npm-11.0.0.tgz");
}

#[test]
fn clients_are_pointed_at_the_mount() {
    let setup = &Npm.describe().setup;
    let texts = setup.variables.iter().map(|(_, text)| text);
    assert!(texts.chain(setup.files.iter().map(|(_, text)| text)).all(|text| text.contains('{')));
}

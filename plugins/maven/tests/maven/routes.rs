//! What paths mean.

use weir_core::{
    Algorithm, Ecosystem, Method, Owner, Request, Role, Scope, SidecarKind, Target, Unroutable,
};
use weir_maven::{Maven, views};

use crate::fixtures::route;

#[track_caller]
fn file(raw: &str) -> (String, String, Role) {
    let target = route(raw);
    assert_eq!(Maven.path(&target), raw);
    match target {
        Target::Artifact { owner: Owner::Release(release), role, .. } => {
            (release.name.to_string(), release.version.to_string(), role)
        }
        other => panic!("{other:?}"),
    }
}

fn row(name: &str, version: &str, role: Role) -> (String, String, Role) {
    (name.to_owned(), version.to_owned(), role)
}

#[test]
fn files_name_their_release() {
    let demo = |role| row("org.acme:demo", "1.0", role);
    let base = "org/acme/demo/1.0/demo-1.0";
    for tail in [".jar", "-sources.jar", "-linux-x86_64.tar.gz", ".war", ".klib", "-tests.exe"] {
        assert_eq!(file(&format!("{base}{tail}")), demo(Role::Package), "{tail}");
    }
    for tail in [".pom", ".module"] {
        assert_eq!(file(&format!("{base}{tail}")), demo(Role::Resolution), "{tail}");
    }
    assert_eq!(file(&format!("{base}-x.pom")), demo(Role::Package));
    assert_eq!(file("junit/junit/4.13/junit-4.13.jar"), row("junit:junit", "4.13", Role::Package));
}

#[test]
fn builds_of_a_snapshot_are_files_of_one_release() {
    let demo = row("org.acme:demo", "1.0-SNAPSHOT", Role::Package);
    let folder = "org/acme/demo/1.0-SNAPSHOT";
    for name in ["1.0-SNAPSHOT.jar", "1.0-20250610.120000-3.jar", "1.0-20250610.120000-3-x.jar"] {
        assert_eq!(file(&format!("{folder}/demo-{name}")), demo, "{name}");
    }
    let changing = Maven.describe().changing.unwrap();
    assert!(changing(&route(&format!("{folder}/demo-1.0-SNAPSHOT.jar"))));
    assert!(!changing(&route(&format!("{folder}/demo-1.0-20250610.120000-3.jar"))));
    assert!(!changing(&route("org/acme/demo/1.0/demo-1.0.jar")));
}

#[test]
fn markers_of_gradle_plugins_are_packages() {
    let raw = "org/acme/tool/org.acme.tool.gradle.plugin/1.0/org.acme.tool.gradle.plugin-1.0.pom";
    assert_eq!(
        file(raw),
        row("org.acme.tool:org.acme.tool.gradle.plugin", "1.0", Role::Resolution)
    );
}

#[test]
fn listings_are_of_an_artifact_a_group_or_a_snapshot() {
    let listing = |raw: &str| match route(raw) {
        Target::Manifest { scope, view } => (scope.to_string(), view.name, view.arg.to_string()),
        other => panic!("{other:?}"),
    };
    let of = |name: &str, view, arg: &str| (name.to_owned(), view, arg.to_owned());
    assert_eq!(
        listing("org/acme/demo/maven-metadata.xml"),
        of("org.acme:demo", views::METADATA, "")
    );
    assert_eq!(
        listing("org/acme/demo/1-SNAPSHOT/maven-metadata.xml"),
        of("org.acme:demo", views::SNAPSHOT, "1-SNAPSHOT")
    );
    let top = route("junit/maven-metadata.xml");
    assert!(matches!(top, Target::Manifest { scope: Scope::Index(_), .. }), "{top:?}");
}

#[test]
fn checksums_and_signatures_go_with_their_parent() {
    let raw = "org/acme/demo/1.0/demo-1.0.jar";
    let parent = || Box::new(route(raw));
    for (suffix, algorithm) in [
        ("md5", Algorithm::Md5),
        ("sha1", Algorithm::Sha1),
        ("sha256", Algorithm::Sha256),
        ("sha512", Algorithm::Sha512),
    ] {
        let kind = SidecarKind::Checksum(algorithm);
        let path = format!("{raw}.{suffix}");
        assert_eq!(route(&path), Target::Sidecar { of: parent(), kind });
        assert_eq!(Maven.path(&route(&path)), path);
    }
    let signature = Target::Sidecar { of: parent(), kind: SidecarKind::Signature };
    assert_eq!(route(&format!("{raw}.asc")), signature);
    let kind = SidecarKind::Checksum(Algorithm::Sha1);
    let of_signature = Target::Sidecar { of: Box::new(signature), kind };
    assert_eq!(route(&format!("{raw}.asc.sha1")), of_signature);
}

#[test]
fn nothing_else_is_there() {
    for raw in [
        "",
        "org/acme/",
        "org/acme/demo/1.0/",
        "org/acme/demo/1.0/other-1.0.jar",
        "org/acme/demo/1.0/demo-1.1.jar",
        "org/acme/demo/1.0/demo-1.0",
        "org/acme/demo/1.0/demo-1.0-.jar",
        "org/acme/demo/1.0/maven-metadata.xml.jar",
        "org/acme/demo/1.0-SNAPSHOT/demo-2.0-20250610.120000-3.jar",
        "org.acme/demo/1.0/demo-1.0.jar",
        "org/acme/demo/1.0/demo-1.0.jar.sha1.asc",
        "org/acme/demo/1.0/demo-1.0.jar.sha1.md5",
        "maven-metadata.xml",
        "archetype-catalog.xml",
        ".index/nexus-maven-repository-index.gz",
    ] {
        let request = Request::get(raw).unwrap();
        assert_eq!(Maven.route(&request), Err(Unroutable::Unknown), "{raw}");
    }
    let mut deploy = Request::get("org/acme/demo/1.0/demo-1.0.jar").unwrap();
    deploy.method = Method::Put;
    assert!(matches!(Maven.route(&deploy), Err(Unroutable::NotOffered(_))));
}

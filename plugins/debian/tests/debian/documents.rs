//! What indexes say, odd ones too.

use weir_core::{Cx, Doc, Docs, Ecosystem as _, Fetch, Found, Job, Need, Release, Request};
use weir_debian::Debian;

use crate::fixtures::{PACKAGES, SOURCES, in_release, release};

/// Gathers `path` with the given documents and reads it.
fn read(path: &str, documents: &[(&str, &str)]) -> Vec<Release<'static>> {
    let target = Debian.route(&Request::get(path).unwrap()).unwrap();
    let (cx, mut docs) = (Cx::default(), Docs::new());
    loop {
        let needs = Debian.need(&Job { target: &target, docs: &docs, cx: &cx });
        if needs.is_empty() {
            break;
        }
        for need in needs {
            let found = match &need {
                Need::Fetch(fetch) => answer(fetch, documents),
                other => panic!("unexpected: {other:?}"),
            };
            docs.insert(need, found);
        }
    }
    let mut releases = Vec::new();
    let job = Job { target: &target, docs: &docs, cx: &cx };
    Debian.read(&job, &mut |release| releases.push(release.into_owned())).unwrap();
    releases
}

fn answer(fetch: &Fetch, documents: &[(&str, &str)]) -> Found {
    let weir_core::Place::Origin { path, .. } = &fetch.place else { panic!("a link") };
    match documents.iter().find(|(known, _)| *known == &**path && fetch.past == 0) {
        Some((_, text)) => Found::Doc(Doc::new(text.as_bytes().to_vec(), "")),
        None => Found::Absent,
    }
}

fn shown(releases: &[Release<'_>]) -> Vec<String> {
    let one = |r: &Release<'_>| {
        let file = r.file.as_deref().unwrap_or("-");
        let size = r.size.unwrap_or(0);
        let problem = r.unreadable.map(|why| format!(" ({why})")).unwrap_or_default();
        format!("{} {} {file} {size}{problem}", r.name, r.version)
    };
    releases.iter().map(one).collect()
}

#[test]
fn an_index_below_the_folder_of_an_archive_names_files_below_it_too() {
    let releases = read(
        "debian/dists/demo/main/binary-amd64/Packages.xz",
        &[
            ("debian/dists/demo/InRelease", &in_release()),
            ("debian/dists/demo/main/binary-amd64/Packages.xz", PACKAGES),
        ],
    );
    insta::assert_debug_snapshot!(shown(&releases), @r#"
    [
        "demo 1:1.0-1 debian/pool/main/d/demo/demo_1.0-1_amd64.deb 11",
        "demo 1:1.1~rc1-1 debian/pool/main/d/demo/demo_1.1~rc1-1_amd64.deb 12",
        "other 2.0+b1 debian/pool/main/o/other/other_2.0+b1_all.deb 13",
    ]
    "#);
}

#[test]
fn every_file_of_a_source_package_is_listed() {
    let releases = read(
        "dists/demo/main/source/Sources.gz",
        &[("dists/demo/Release", &release()), ("dists/demo/main/source/Sources.gz", SOURCES)],
    );
    insta::assert_debug_snapshot!(shown(&releases), @r#"
    [
        "demo 1:1.0-1 pool/main/d/demo/demo_1.0-1.dsc 5",
        "demo 1:1.0-1 pool/main/d/demo/demo_1.0.orig.tar.xz 6",
        "other 2.0 pool/main/o/other/other_2.0.tar.gz 7",
    ]
    "#);
}

#[test]
fn a_flat_archive_names_files_beside_its_index() {
    let packages = "Package: a\nVersion: 1\nFilename: ./a_1_all.deb\nSize: 1\nSHA256: \
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\nPackage: b\nVersion: 1\n\
        Filename: flat/b_1_all.deb\nSize: 1\nSHA256: \
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";
    let digest = crate::fixtures::sha256(packages);
    let root = format!("SHA256:\n {digest} {} Packages\n", packages.len());
    let releases = read(
        "tools/flat/Packages",
        &[("tools/flat/Release", &root), ("tools/flat/Packages", packages)],
    );
    insta::assert_debug_snapshot!(shown(&releases), @r#"
    [
        "a 1 tools/flat/a_1_all.deb 1",
        "b 1 tools/flat/b_1_all.deb 1",
    ]
    "#);
}

#[test]
fn entries_that_could_be_read_in_two_ways_are_withheld() {
    let digest = "a".repeat(64);
    let good = format!("Size: 1\nFilename: pool/x.deb\nSHA256: {digest}\n");
    let packages = [
        format!("Package: a\nPackage: b\nVersion: 1\n{good}"),
        format!("Package: a\nVersion: 1\nversion: 2\n{good}"),
        format!("Package: a\nVersion: 1 2\n{good}"),
        format!("Package: ../a\nVersion: 1\n{good}"),
        format!("Package: a\nVersion: 1\nFilename: ../x.deb\nSHA256: {digest}\n"),
        "Package: a\nVersion: 1\nFilename: pool/x.deb\n".to_owned(),
    ]
    .join("\n");
    let root = format!("Components: main\nSHA256:\n {digest} 9 main/binary-all/Packages.gz\n");
    let releases = read(
        "dists/demo/main/binary-all/Packages.gz",
        &[("dists/demo/Release", &root), ("dists/demo/main/binary-all/Packages.gz", &packages)],
    );
    assert_eq!(releases.len(), 6);
    assert!(releases.iter().all(|release| release.unreadable.is_some()), "{releases:#?}");
}

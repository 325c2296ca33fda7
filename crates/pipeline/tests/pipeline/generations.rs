//! Signed chains of indexes are served as generations: roots, indexes and files of one time.

use std::sync::Arc;

use weir_core::{Algorithm, Digest, Selection, Timestamp};
use weir_pipeline::Signer;
use weir_policy::{Effect, PolicySettings, RuleSettings};
use weir_testkit::origin::{Answer, DebianArchive, DebianStyle, Forms, Origin, Package, toy_sign};

use weir_upstream::capped::{self, Cap};

use crate::harness::{Answered, DAY, Gateway, MINUTE, Setup, setup};

pub(crate) const ROOT: &str = "/debian/dists/stable/InRelease";
pub(crate) const PACKAGES: &str = "/debian/dists/stable/main/binary-amd64/Packages.gz";
pub(crate) const UPSTREAM_ROOT: &str = "dists/stable/InRelease";

/// Signs as the fixture does, with the date in it.
#[derive(Debug)]
struct Toy;

impl Signer for Toy {
    fn sign(&self, scheme: &str, document: &[u8], at: Timestamp) -> Result<Vec<u8>, String> {
        let (clear, detached) = toy_sign(document);
        match scheme {
            "openpgp-clear" => Ok(clear),
            "openpgp-detached" => Ok([detached, at.to_string().into_bytes()].concat()),
            other => Err(format!("no scheme {other}")),
        }
    }
}

fn package(versions: &[&str]) -> Package {
    versions.iter().fold(Package::new("demo"), |package, version| package.release(version, ""))
}

pub(crate) fn archive(versions: &[&str], style: &DebianStyle) -> DebianArchive {
    let packages = [package(versions), Package::new("other").release("2.0", "")];
    DebianArchive::new(&packages, style, &toy_sign)
}

pub(crate) fn dated(hour: u8) -> DebianStyle {
    let date = format!("Sat, 06 Jun 2026 {hour:02}:00:00 UTC");
    DebianStyle { date, ..DebianStyle::default() }
}

fn by_canonical_name(hour: u8) -> DebianStyle {
    DebianStyle { by_hash: false, ..dated(hour) }
}

fn passing(origin: &Origin) -> Setup {
    setup().debian(origin, None)
}

pub(crate) fn resigning_in(setup: Setup, origin: &Origin, hold_back: bool) -> Setup {
    let selection = Selection {
        suites: vec!["stable".to_owned()],
        architectures: vec!["amd64".to_owned()],
        hold_back,
        ..Selection::default()
    };
    setup.debian(origin, Some(selection)).signed_by(Arc::new(Toy))
}

pub(crate) fn resigning(origin: &Origin, hold_back: bool) -> Setup {
    resigning_in(setup(), origin, hold_back)
}

pub(crate) fn file(version: &str) -> String {
    format!("/debian/pool/main/d/demo/demo_{version}_all.deb")
}

/// What apt does: the root, then the index by the root's own digest.
pub(crate) async fn update(gateway: &Gateway, by_hash: bool) -> String {
    let root = gateway.get(ROOT).await;
    assert!(root.is(200), "{root:?}");
    index_of(gateway, root.text(), by_hash).await
}

async fn index_of(gateway: &Gateway, root: &str, by_hash: bool) -> String {
    let digest = listed(root, "main/binary-amd64/Packages.gz");
    let folder = PACKAGES.rsplit_once('/').unwrap().0;
    let path = if by_hash { format!("{folder}/by-hash/SHA256/{digest}") } else { PACKAGES.into() };
    let index = gateway.get(&path).await;
    assert!(index.is(200), "{path}: {index:?}");
    let found = Digest::of(Algorithm::Sha256, &index.body).hex();
    assert_eq!(found, digest, "the index is of another time than the root");
    assert_eq!(index.header("content-encoding"), None);
    decoded(&index)
}

/// An index as text.
pub(crate) fn decoded(index: &Answered) -> String {
    let mut plain = String::new();
    let mut decoder = flate2::read::GzDecoder::new(&index.body[..]);
    std::io::Read::read_to_string(&mut decoder, &mut plain).unwrap();
    plain
}

/// The SHA-256 of a path in a root.
fn listed(root: &str, path: &str) -> String {
    let (_, list) = root.split_once("SHA256:").unwrap();
    let line = list.lines().find(|line| line.ends_with(&format!(" {path}"))).unwrap();
    line.split_whitespace().next().unwrap().to_owned()
}

pub(crate) fn versions(index: &str) -> Vec<&str> {
    let of_demo = |stanza: &&str| stanza.starts_with("Package: demo\n");
    index
        .split("\n\n")
        .filter(of_demo)
        .filter_map(|stanza| stanza.lines().find_map(|line| line.strip_prefix("Version: ")))
        .collect()
}

pub(crate) fn deny(version: &str) -> PolicySettings {
    let rule = RuleSettings {
        purls: vec!["pkg:deb/demo".into()],
        versions: Some(format!("={version}")),
        ..RuleSettings::new("no-demo", Effect::Deny)
    };
    PolicySettings { rules: vec![rule], ..PolicySettings::default() }
}

#[tokio::test]
async fn signed_indexes_are_passed_on_and_files_come_by_their_entries() {
    let origin = Origin::start().await;
    let archive = archive(&["1.0", "1:1.1"], &dated(10));
    archive.publish(&origin);
    let gateway = passing(&origin).open().await;
    assert_eq!(versions(&update(&gateway, true).await), ["1.0", "1:1.1"]);
    let root = gateway.get(ROOT).await;
    assert_eq!(root.body, archive.roots.iter().find(|(p, _)| p == UPSTREAM_ROOT).unwrap().1);
    let answered = gateway.get(&file("1.1")).await;
    assert!(answered.is(200), "{answered:?}");
    assert_eq!(gateway.stored(), ["deb/demo/1%3A1.1/demo_1.1_all.deb"]);
    assert!(gateway.get(&file("9.9")).await.is(404));
    assert_eq!(
        origin.count("pool/main/d/demo/demo_9.9_all.deb"),
        0,
        "only listed files are asked for"
    );
}

#[tokio::test]
async fn release_and_its_signature_are_of_one_time() {
    let origin = Origin::start().await;
    archive(&["1.0"], &dated(10)).publish(&origin);
    let gateway = passing(&origin).open().await;
    let folder = "/debian/dists/stable";
    let release = gateway.get(&format!("{folder}/Release")).await;
    let signature = gateway.get(&format!("{folder}/Release.gpg")).await;
    assert!(release.is(200) && signature.is(200), "{release:?} {signature:?}");
    assert_eq!(signature.body, toy_sign(&release.body).1);

    let old = DebianStyle { in_release: false, ..dated(11) };
    let origin = Origin::start().await;
    archive(&["1.0"], &old).publish(&origin);
    let gateway = passing(&origin).open().await;
    assert!(gateway.get(ROOT).await.is(404), "apt asks for Release then");
    let release = gateway.get(&format!("{folder}/Release")).await;
    let signature = gateway.get(&format!("{folder}/Release.gpg")).await;
    assert_eq!(signature.body, toy_sign(&release.body).1);
    assert_eq!(versions(&index_of(&gateway, release.text(), true).await), ["1.0"]);
}

#[tokio::test]
async fn an_archive_published_between_root_and_index_shows_no_half_of_two() {
    for style in [dated, by_canonical_name] {
        let origin = Origin::start().await;
        archive(&["1.0"], &style(10)).publish(&origin);
        let gateway = passing(&origin).open().await;
        update(&gateway, false).await;
        let root = gateway.get(ROOT).await;
        archive(&["1.0", "1.1"], &style(11)).publish(&origin);
        assert_eq!(versions(&index_of(&gateway, root.text(), false).await), ["1.0"]);
        gateway.clock().advance(DAY);
        assert_eq!(versions(&update(&gateway, false).await), ["1.0", "1.1"]);
    }
}

#[tokio::test]
async fn half_an_update_is_not_served() {
    for forms in [Forms::PlainAndGzip, Forms::Xz] {
        for signs in [false, true] {
            let style = |hour| DebianStyle { forms, ..by_canonical_name(hour) };
            let origin = Origin::start().await;
            archive(&["1.0"], &style(10)).publish(&origin);
            let setup = if signs { resigning(&origin, false) } else { passing(&origin) };
            let mut gateway = setup.open().await;
            assert_eq!(candidates(&gateway, forms, signs).await, ["1.0"]);
            let next = archive(&["1.0", "1.1"], &style(11));
            next.publish_roots(&origin);
            gateway.clock().advance(DAY);
            for _ in 0..2 {
                let during = candidates(&gateway, forms, signs).await;
                assert_eq!(during, ["1.0"], "the root without its index: {forms:?} {signs}");
                // Nothing of this is remembered by the process alone.
                drop(gateway);
                gateway = setup.open().await;
            }
            next.publish(&origin);
            gateway.clock().advance(MINUTE * 20);
            assert_eq!(candidates(&gateway, forms, signs).await, ["1.0", "1.1"]);
        }
    }
}

/// The versions that a client sees after an update: xz files are passed on as they are.
async fn candidates(gateway: &Gateway, forms: Forms, signs: bool) -> Vec<String> {
    if forms == Forms::PlainAndGzip || signs {
        return versions(&update(gateway, false).await).into_iter().map(str::to_owned).collect();
    }
    let root = gateway.get(ROOT).await;
    let index = gateway.get(&PACKAGES.replace(".gz", ".xz")).await;
    let found = Digest::of(Algorithm::Sha256, &index.body).hex();
    assert_eq!(found, listed(root.text(), "main/binary-amd64/Packages.xz"));
    let cap = Cap { bytes: 1 << 20, ratio: 1000 };
    let plain = capped::decode(capped::Coding::Xz, &index.body, cap).unwrap();
    versions(&String::from_utf8(plain).unwrap()).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_first_half_is_an_error_and_the_root_is_looked_at_again() {
    let origin = Origin::start().await;
    let next = archive(&["1.0", "1.1"], &by_canonical_name(11));
    archive(&["1.0"], &by_canonical_name(10)).publish(&origin);
    next.publish_roots(&origin);
    let gateway = passing(&origin).open().await;
    assert!(gateway.get(ROOT).await.is(200));
    let broken = gateway.get(PACKAGES).await;
    assert!(broken.fails(502, "integrity_mismatch"), "{broken:?}");
    assert_eq!(origin.count(UPSTREAM_ROOT), 2);
    next.publish_indexes(&origin);
    assert_eq!(versions(&update(&gateway, false).await), ["1.0", "1.1"]);
}

#[tokio::test]
async fn an_address_by_hash_answers_for_three_generations() {
    let origin = Origin::start().await;
    let gateway = passing(&origin).open().await;
    let mut roots = Vec::new();
    let mut all = vec!["1.0"];
    for (hour, version) in [(10, "1.1"), (11, "1.2"), (12, "1.3"), (13, "1.4")] {
        all.push(version);
        archive(&all, &dated(hour)).publish(&origin);
        gateway.clock().advance(DAY);
        update(&gateway, true).await;
        roots.push(gateway.get(ROOT).await.text().to_owned());
    }
    for (root, count) in roots[1..].iter().zip(3..) {
        assert_eq!(versions(&index_of(&gateway, root, true).await).len(), count);
    }
    let oldest = listed(&roots[0], "main/binary-amd64/Packages.gz");
    let path = format!("/debian/dists/stable/main/binary-amd64/by-hash/SHA256/{oldest}");
    assert!(gateway.get(&path).await.is(404));
}

#[tokio::test]
async fn indexes_and_files_outlive_upstream_and_a_restart() {
    let origin = Origin::start().await;
    archive(&["1.0"], &dated(10)).publish(&origin);
    let setup = passing(&origin);
    let gateway = setup.open().await;
    update(&gateway, true).await;
    assert!(gateway.get(&file("1.0")).await.is(200));
    drop(gateway);
    origin.stop();
    setup.clock.advance(DAY * 400);
    let gateway = setup.clone().offline().open().await;
    assert_eq!(versions(&update(&gateway, true).await), ["1.0"]);
    assert!(gateway.get(&file("1.0")).await.is(200));
    let other = gateway.get("/debian/pool/main/o/other/other_2.0_all.deb").await;
    assert!(other.fails(504, "not_cached"), "{other:?}");
}

#[tokio::test]
async fn a_file_of_which_nothing_is_recorded_is_looked_for_in_the_kept_roots() {
    let origin = Origin::start().await;
    archive(&["1.0"], &dated(10)).publish(&origin);
    let gateway = passing(&origin).open().await;
    assert!(gateway.get(ROOT).await.is(200), "the client has its indexes from before");
    let answered = gateway.get(&file("1.0")).await;
    assert!(answered.is(200), "{answered:?}");
}

#[tokio::test]
async fn a_file_is_found_again_though_the_store_was_removed_and_verified() {
    let origin = Origin::start().await;
    archive(&["1.0"], &dated(10)).publish(&origin);
    let setup = passing(&origin);
    let gateway = setup.open().await;
    update(&gateway, true).await;
    drop(gateway);
    std::fs::remove_dir_all(setup.objects()).unwrap();
    let gateway = setup.open().await;
    assert!(gateway.upkeep.verify(false, |_| {}).await.unwrap().faults.len() > 2);
    drop(gateway);
    let gateway = setup.open().await;
    let answered = gateway.get(&file("1.0")).await;
    assert!(answered.is(200), "the client has its indexes: {answered:?}");
}

#[tokio::test]
async fn other_bytes_than_the_index_promises_are_not_stored() {
    let origin = Origin::start().await;
    archive(&["1.0"], &dated(10)).publish(&origin);
    origin.change("pool/main/d/demo/demo_1.0_all.deb", Answer::corrupted);
    let gateway = passing(&origin).open().await;
    update(&gateway, true).await;
    let answered = gateway.get(&file("1.0")).await;
    assert!(answered.broken.is_some() || answered.status == 502, "{answered:?}");
    assert!(gateway.stored().is_empty());
}

#[tokio::test]
async fn a_file_that_was_published_again_is_fetched_again() {
    let origin = Origin::start().await;
    archive(&["1.0"], &dated(10)).publish(&origin);
    let gateway = passing(&origin).open().await;
    update(&gateway, true).await;
    let first = gateway.get(&file("1.0")).await;
    let rebuilt =
        package(&[]).release_with("1.0", "", |release| weir_testkit::origin::PackageRelease {
            dependencies: vec![("other".into(), String::new())],
            ..release
        });
    DebianArchive::new(&[rebuilt], &dated(11), &toy_sign).publish(&origin);
    gateway.clock().advance(DAY);
    update(&gateway, true).await;
    let second = gateway.get(&file("1.0")).await;
    assert!(second.is(200) && first.body != second.body, "{second:?}");
}

#[tokio::test]
async fn only_what_appears_later_is_new() {
    let origin = Origin::start().await;
    archive(&["1.0"], &dated(10)).publish(&origin);
    let gateway = passing(&origin).cooldown(7).open().await;
    update(&gateway, true).await;
    assert!(gateway.get(&file("1.0")).await.is(200), "what was there at first contact is old");
    archive(&["1.0", "1.1"], &dated(11)).publish(&origin);
    gateway.clock().advance(DAY);
    assert_eq!(versions(&update(&gateway, true).await), ["1.0", "1.1"], "passed on as signed");
    let refused = gateway.get(&file("1.1")).await;
    assert!(refused.fails(403, "blocked_by_policies"), "{refused:?}");
    assert!(refused.reason.as_deref().unwrap().contains("withheld by cooldown"), "{refused:?}");
    gateway.clock().advance(DAY * 8);
    update(&gateway, true).await;
    assert!(gateway.get(&file("1.1")).await.is(200));
}

#[tokio::test]
async fn a_resigned_archive_shows_no_withheld_version() {
    let origin = Origin::start().await;
    archive(&["1.0", "1.1"], &dated(10)).publish(&origin);
    let gateway = resigning(&origin, false).policy(deny("1.1")).open().await;
    let root = gateway.get(ROOT).await;
    assert!(root.text().contains("Date: Sat, 06 Jun 2026 10:00:00 UTC\n"), "{root:?}");
    assert!(root.text().contains("Origin: Fixture\n") && !root.text().contains("MD5Sum"));
    for by_hash in [true, false] {
        assert_eq!(versions(&update(&gateway, by_hash).await), ["1.0"]);
    }
    let refused = gateway.get(&file("1.1")).await;
    assert!(refused.fails(403, "blocked_by_policies"), "{refused:?}");
    let release = gateway.get("/debian/dists/stable/Release").await;
    let signature = gateway.get("/debian/dists/stable/Release.gpg").await;
    assert!(signature.body.starts_with(&toy_sign(&release.body).1), "{signature:?}");
    assert_eq!(root.body, toy_sign(&release.body).0);
    let plain = gateway.get("/debian/dists/stable/main/binary-amd64/Packages").await;
    let found = Digest::of(Algorithm::Sha256, &plain.body).hex();
    assert_eq!(found, listed(release.text(), "main/binary-amd64/Packages"));
    assert!(gateway.get("/debian/dists/other/InRelease").await.is(404), "not a selected suite");
}

#[tokio::test]
async fn components_and_architectures_that_are_not_selected_are_not_served() {
    let origin = Origin::start().await;
    archive(&["1.0"], &dated(10)).publish(&origin);
    let only = |components: &[&str], architectures: &[&str]| Selection {
        suites: vec!["stable".to_owned()],
        components: components.iter().map(ToString::to_string).collect(),
        architectures: architectures.iter().map(ToString::to_string).collect(),
        ..Selection::default()
    };
    for (selection, served) in [
        (only(&[], &[]), true),
        (only(&["main"], &["amd64"]), true),
        (only(&["contrib"], &["amd64"]), false),
        (only(&["main"], &["arm64"]), false),
    ] {
        let setup = setup().debian(&origin, Some(selection)).signed_by(Arc::new(Toy));
        let gateway = setup.open().await;
        let root = gateway.get(ROOT).await;
        assert_eq!(root.text().contains("main/binary-amd64/Packages"), served, "{root:?}");
        assert!(gateway.get(PACKAGES).await.is(if served { 200 } else { 404 }));
    }
}

#[tokio::test]
async fn a_changed_policy_under_the_same_date_is_a_new_generation() {
    let origin = Origin::start().await;
    archive(&["1.0", "1.1"], &dated(10)).publish(&origin);
    let gateway = resigning(&origin, false).open().await;
    let before = gateway.get(ROOT).await;
    assert_eq!(versions(&update(&gateway, true).await), ["1.0", "1.1"]);
    gateway.set_policy(&deny("1.1"));
    let after = gateway.get(ROOT).await;
    let date = |root: &str| root.lines().find(|line| line.starts_with("Date:")).unwrap().to_owned();
    assert_eq!(date(before.text()), date(after.text()));
    assert_ne!(before.header("last-modified"), after.header("last-modified"));
    assert_eq!(versions(&update(&gateway, true).await), ["1.0"]);
    assert_eq!(versions(&index_of(&gateway, before.text(), true).await), ["1.0", "1.1"]);
    let since = before.header("last-modified").unwrap();
    let asked = gateway.ask("GET", ROOT, &[("if-modified-since", since)]).await;
    assert!(asked.is(200), "a client with the old root gets the new one: {asked:?}");
    let since = after.header("last-modified").unwrap();
    let asked =
        gateway.ask("GET", ROOT, &[("if-modified-since", since), ("range", "bytes=10-")]).await;
    assert!(asked.is(304), "{asked:?}");
}

#[tokio::test]
async fn a_restart_within_a_second_does_not_hide_a_change() {
    let origin = Origin::start().await;
    archive(&["1.0", "1.1"], &dated(10)).publish(&origin);
    let setup = resigning(&origin, false);
    let before = setup.open().await.get(ROOT).await;
    let since = before.header("last-modified").unwrap();
    let same = setup.open().await.get(ROOT).await;
    assert_eq!((same.header("last-modified"), &same.body), (Some(since), &before.body));
    let gateway = setup.policy(deny("1.1")).open().await;
    let asked = gateway.ask("GET", ROOT, &[("if-modified-since", since)]).await;
    assert!(asked.is(200) && asked.body != before.body, "{asked:?}");
}

#[tokio::test]
async fn the_last_allowed_version_is_held_back_while_it_can_be_had() {
    for (hold_back, expected) in [(true, vec!["1.0"]), (false, vec![])] {
        let origin = Origin::start().await;
        archive(&["0.9", "1.0"], &dated(10)).publish(&origin);
        let gateway = resigning(&origin, hold_back).policy(deny("1.1")).open().await;
        assert_eq!(versions(&update(&gateway, true).await), ["0.9", "1.0"]);
        for (hour, versions_there) in [(11, vec!["1.1"]), (12, vec!["1.1"])] {
            archive(&versions_there, &dated(hour)).publish(&origin);
            gateway.clock().advance(DAY);
            assert_eq!(versions(&update(&gateway, true).await), expected, "{hold_back}");
        }
        let answered = gateway.get(&file("1.0")).await;
        assert!(!hold_back || answered.is(200), "{answered:?}");
        archive(&["1.2"], &dated(13)).publish(&origin);
        gateway.clock().advance(DAY);
        assert_eq!(versions(&update(&gateway, true).await), ["1.2"]);
    }
}

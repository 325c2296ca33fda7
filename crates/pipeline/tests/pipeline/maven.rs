//! What Maven repositories need of the pipeline: digests that stand beside files, signatures of files,
//! listings joined over a group, files that change at their path, dates of what no listing names.

use std::time::Duration;

use weir_core::{Algorithm, Digest};
use weir_maven::Maven;
use weir_testkit::origin::{Answer, BuiltFile, MavenStyle, Origin, Package, maven_repository};

use crate::harness::{DAY, Gateway, MINUTE, Setup, setup};

const LISTING: &str = "org/acme/demo/maven-metadata.xml";
const JAR: &str = "org/acme/demo/1.0/demo-1.0.jar";
const NEW: &str = "org/acme/demo/2.0/demo-2.0.jar";
const OLD: &str = "2024-01-01T00:00:00Z";
/// Two days before the tests' clock begins.
const RECENT: &str = "2026-05-30T00:00:00Z";

fn demo() -> Package {
    Package::new("org.acme:demo").release("1.0", OLD).release("2.0", RECENT)
}

async fn repository(style: &MavenStyle) -> (Origin, Vec<BuiltFile>) {
    let origin = Origin::start().await;
    let files = maven_repository(&origin, &[demo()], style);
    (origin, files)
}

fn of(algorithm: Algorithm, bytes: &[u8]) -> String {
    Digest::of(algorithm, bytes).hex()
}

/// Each side-car and header of a path agrees with the bytes of the path.
async fn agrees(gateway: &Gateway, path: &str) {
    let answer = gateway.get(path).await;
    assert!(answer.is(200), "{answer:?}");
    for algorithm in [Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512] {
        let expected = of(algorithm, &answer.body);
        let beside = gateway.get(&format!("{path}.{}", algorithm.name())).await;
        assert_eq!(beside.text(), expected, "{path} {algorithm:?}");
        let header = gateway.get(path).await;
        let header = header.header(&format!("x-checksum-{}", algorithm.name()));
        assert_eq!(header, Some(&*expected), "{path} {algorithm:?}");
    }
}

#[tokio::test]
async fn every_checksum_is_that_of_the_bytes_served() {
    let (origin, _) = repository(&MavenStyle::default()).await;
    let gateway = setup().probe("maven", Maven, &origin).cooldown(10).open().await;
    for path in [LISTING, JAR, "org/acme/demo/1.0/demo-1.0.pom"] {
        agrees(&gateway, &format!("/maven/{path}")).await;
    }
    let listing = gateway.get(&format!("/maven/{LISTING}")).await;
    assert!(listing.text().contains("<release>1.0</release>"), "{}", listing.text());
    assert!(!listing.text().contains("2.0"), "{}", listing.text());
}

#[tokio::test]
async fn a_miss_tells_the_digests_that_upstream_published() {
    let (origin, files) = repository(&MavenStyle::default()).await;
    let gateway = setup().probe("maven", Maven, &origin).open().await;
    let answer = gateway.get(&format!("/maven/{JAR}")).await;
    let sha1 = of(Algorithm::Sha1, &files[0].bytes);
    assert_eq!(answer.header("x-checksum-sha1"), Some(&*sha1));
    assert_eq!(answer.header("etag"), Some(&*format!("\"{sha1}\"")));
    assert_eq!(origin.count(&format!("{JAR}.md5")), 0, "the stronger one is enough");
}

#[tokio::test]
async fn bytes_that_differ_from_any_published_digest_are_not_stored() {
    for algorithm in [Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512] {
        let style = MavenStyle { checksums: vec![algorithm], ..MavenStyle::default() };
        let (origin, _) = repository(&style).await;
        origin.change(JAR, Answer::corrupted);
        let gateway = setup().probe("maven", Maven, &origin).open().await;
        let answer = gateway.get(&format!("/maven/{JAR}")).await;
        assert!(answer.broken.is_some() || answer.status == 502, "{algorithm:?}: {answer:?}");
        assert!(gateway.stored().is_empty(), "{algorithm:?}");
    }
}

#[tokio::test]
async fn without_a_published_digest_the_first_bytes_count() {
    let style = MavenStyle { checksums: Vec::new(), ..MavenStyle::default() };
    let (origin, files) = repository(&style).await;
    let gateway = setup().probe("maven", Maven, &origin).open().await;
    assert!(gateway.get(&format!("/maven/{JAR}")).await.is(200));
    origin.put(JAR, Answer::ok("other bytes"));
    let again = gateway.get(&format!("/maven/{JAR}")).await;
    assert_eq!(again.body, files[0].bytes);
    assert_eq!(origin.count(JAR), 1);
}

#[tokio::test]
async fn a_withheld_file_is_refused_with_its_signature_and_checksums_and_its_pom_is_not() {
    let (origin, _) = repository(&MavenStyle::default()).await;
    origin.put(&format!("{NEW}.asc"), Answer::ok("signature"));
    origin.put(&format!("{JAR}.asc"), Answer::ok("signature"));
    let gateway = setup().probe("maven", Maven, &origin).cooldown(10).open().await;
    for suffix in ["", ".sha1", ".asc", ".asc.sha1"] {
        let answer = gateway.get(&format!("/maven/{NEW}{suffix}")).await;
        assert!(answer.fails(403, "blocked_by_policies"), "{suffix}: {answer:?}");
        let problem = answer.json();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("withheld by cooldown (10 days)"), "{detail}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    assert_eq!(origin.count(NEW) + origin.count(&format!("{NEW}.asc")), 0);
    assert!(gateway.get("/maven/org/acme/demo/2.0/demo-2.0.pom").await.is(200));
    let signature = gateway.get(&format!("/maven/{JAR}.asc")).await;
    assert_eq!(signature.text(), "signature");
    let sum = gateway.get(&format!("/maven/{JAR}.asc.sha1")).await;
    assert_eq!(sum.text(), of(Algorithm::Sha1, b"signature"));
    gateway.clock().advance(DAY * 9);
    assert!(gateway.get(&format!("/maven/{NEW}")).await.is(200));
}

#[tokio::test]
async fn an_edited_listing_has_no_signature() {
    let (origin, _) = repository(&MavenStyle::default()).await;
    origin.put(&format!("{LISTING}.asc"), Answer::ok("signature"));
    let open = setup().probe("maven", Maven, &origin).open().await;
    assert_eq!(open.get(&format!("/maven/{LISTING}.asc")).await.text(), "signature");
    let strict = setup().probe("maven", Maven, &origin).cooldown(10).open().await;
    let answer = strict.get(&format!("/maven/{LISTING}.asc")).await;
    assert!(answer.fails(404, "not_found"), "{answer:?}");
}

#[tokio::test]
async fn without_dates_upstream_first_sight_decides() {
    let style = MavenStyle { dates: false, ..MavenStyle::default() };
    let (origin, _) = repository(&style).await;
    let gateway = setup().probe("maven", Maven, &origin).cooldown(10).open().await;
    assert!(gateway.get(&format!("/maven/{NEW}")).await.is(200), "there at first contact");
    maven_repository(&origin, &[demo().release("3.0", RECENT)], &style);
    gateway.clock().advance(DAY);
    let newest = "/maven/org/acme/demo/3.0/demo-3.0.jar";
    assert!(gateway.get(newest).await.fails(403, "blocked_by_policies"));
    let listing = gateway.get(&format!("/maven/{LISTING}")).await;
    assert!(!listing.text().contains("3.0"), "{}", listing.text());
    gateway.clock().advance(DAY * 10);
    assert!(gateway.get(newest).await.is(200));
}

#[tokio::test]
async fn what_no_listing_names_is_dated_by_itself_or_by_its_first_request() {
    let style = MavenStyle { dates: false, ..MavenStyle::default() };
    let (origin, _) = repository(&style).await;
    let hidden = "org/acme/hidden/1.0/hidden-1.0.jar";
    origin.put(hidden, Answer::ok("jar").last_modified("01 Jan 2024 00:00:00 GMT"));
    let undated = "org/acme/undated/1.0/undated-1.0.jar";
    origin.put(undated, Answer::ok("jar"));
    let gateway = setup().probe("maven", Maven, &origin).cooldown(10).open().await;
    assert!(gateway.get(&format!("/maven/{hidden}")).await.is(200));
    let undated = format!("/maven/{undated}");
    assert!(gateway.get(&undated).await.fails(403, "blocked_by_policies"));
    let absent = gateway.get("/maven/org/acme/absent/1.0/absent-1.0.jar").await;
    assert!(absent.fails(404, "not_found"), "{absent:?}");
    gateway.clock().advance(DAY * 11);
    assert!(gateway.get(&undated).await.is(200));
}

#[tokio::test]
async fn a_snapshot_is_compared_with_upstream_and_its_builds_are_not() {
    let origin = Origin::start().await;
    let folder = "org/acme/demo/1.0-SNAPSHOT";
    let (moving, build) = (
        format!("{folder}/demo-1.0-SNAPSHOT.jar"),
        format!("{folder}/demo-1.0-20260101.000000-1.jar"),
    );
    let put = |bytes: &'static str| {
        for path in [&moving, &build] {
            origin.put(path, Answer::ok(bytes));
            origin.put(&format!("{path}.sha1"), Answer::ok(of(Algorithm::Sha1, bytes.as_bytes())));
        }
    };
    put("one");
    let gateway = setup().probe("maven", Maven, &origin).open().await;
    let get = async |path: &str| gateway.get(&format!("/maven/{path}")).await.text().to_owned();
    assert_eq!((get(&moving).await, get(&build).await), ("one".to_owned(), "one".to_owned()));
    gateway.clock().advance(MINUTE * 6);
    assert_eq!(get(&moving).await, "one");
    assert_eq!(origin.count(&moving), 1, "its digest has not changed");
    put("two");
    assert_eq!(get(&moving).await, "one", "within its time to live");
    gateway.clock().advance(MINUTE * 6);
    assert_eq!((get(&moving).await, get(&build).await), ("two".to_owned(), "one".to_owned()));
    origin.stop();
    gateway.clock().advance(MINUTE * 6);
    assert_eq!(get(&moving).await, "two", "upstream is away");
}

/// `inner` before `outer` at `/all`.
async fn group(inner: &[Package], outer: &[Package]) -> (Origin, Origin, Gateway) {
    let (first, second) = (Origin::start().await, Origin::start().await);
    maven_repository(&first, inner, &MavenStyle::default());
    maven_repository(&second, outer, &MavenStyle::default());
    let gateway = setup()
        .probe("inner", Maven, &first)
        .probe("outer", Maven, &second)
        .group("all", &[("inner", &[]), ("outer", &[])])
        .cooldown(10)
        .open()
        .await;
    (first, second, gateway)
}

#[tokio::test]
async fn a_group_joins_listings_and_takes_files_from_the_member_that_has_them() {
    let inner = Package::new("org.acme:demo").release("1.0-acme", OLD);
    let only = Package::new("org.acme:only").release("1.0", OLD);
    let (first, second, gateway) = group(&[inner], &[demo(), only]).await;
    let listing = gateway.get(&format!("/all/{LISTING}")).await;
    let text = listing.text();
    for version in ["<version>1.0-acme</version>", "<version>1.0</version>"] {
        assert!(text.contains(version), "{text}");
    }
    assert!(!text.contains("2.0"), "withheld by the second: {text}");
    agrees(&gateway, &format!("/all/{LISTING}")).await;
    agrees(&gateway, &format!("/all/{JAR}")).await;
    agrees(&gateway, "/all/org/acme/demo/1.0-acme/demo-1.0-acme.jar").await;
    assert!(gateway.get("/all/org/acme/only/maven-metadata.xml").await.is(200));
    assert!(gateway.get(&format!("/all/{NEW}")).await.fails(403, "blocked_by_policies"));
    let nowhere = gateway.get("/all/org/acme/none/maven-metadata.xml").await;
    assert!(nowhere.fails(404, "not_found"), "{nowhere:?}");
    assert_eq!(
        gateway.stored(),
        ["inner/org.acme:demo/1.0-acme/demo-1.0-acme.jar", "outer/org.acme:demo/1.0/demo-1.0.jar"]
            .map(|path| path.replace(':', "%3A"))
    );
    first.put(LISTING, Answer::status(500, ""));
    second.put(LISTING, Answer::status(500, ""));
    gateway.clock().advance(DAY * 60);
    assert!(
        !gateway.get(&format!("/all/{LISTING}")).await.is(200),
        "a fault of one is that of all"
    );
}

#[tokio::test]
async fn a_repository_that_was_left_alone_is_found_to_be_well_by_the_request_for_a_file() {
    let (origin, files) = repository(&MavenStyle::default()).await;
    let pause = Duration::from_millis(50);
    let breaks = |setup: &mut Setup| {
        (setup.upstream.breaker_failures, setup.upstream.breaker_open) = (1, pause);
    };
    let gateway = setup().probe("maven", Maven, &origin).with(breaks).open().await;
    // What the file is judged by is kept.
    assert!(gateway.get("/maven/org/acme/demo/1.0/demo-1.0.pom").await.is(200));
    let path = format!("/maven/{JAR}");
    origin.bend(|_, _| Answer::status(500, "not now\n"));
    assert!(gateway.get(&path).await.is(502));
    origin.bend(|_, answer| answer);
    // Its digests are asked for beside the file: one of the requests is let through to find out.
    for _ in 0..5 {
        tokio::time::sleep(pause * 2).await;
        let answer = gateway.get(&path).await;
        if answer.is(200) {
            assert_eq!(answer.body, files[0].bytes);
            return;
        }
    }
    panic!("it is never asked again:\n{:?}", gateway.get(&path).await);
}

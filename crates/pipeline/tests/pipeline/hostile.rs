//! Bad input, from clients and from registries: a clear error with a code, never the unfiltered
//! bytes.

use std::fmt::Write as _;

use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};
use weir_testkit::origin::{
    Answer, CargoStyle, NpmStyle, Origin, Package, cargo_index, npm_registry,
};

use crate::harness::{LODASH, MINUTE, lodash, read, setup, versions};

#[tokio::test]
async fn unknown_and_malformed_paths() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let (python, crates) = (Origin::start().await, Origin::start().await);
    let gateway = setup().npm(&origin).pypi(&python).cargo(&crates).open().await;
    let long = "x".repeat(5000);
    for path in [
        "/npm/../../etc/passwd",
        "/npm/..%2f..%2fetc%2fpasswd",
        "/npm/%2e%2e/%2e%2e/etc/passwd",
        "/npm/lodash%2f%2f4.17.21",
        "/npm/lodash%252f..%252f..",
        "/npm/lodash%00",
        "/npm/lodash%0d%0aset-cookie:%20a=b",
        "/npm/@acme%2fui%2f..%2f..",
        "/npm//lodash",
        "/npm/lodash/-/../../../secret.tgz",
        "/npm/%ff%fe",
        "/npm/a%5cb",
        "/npm/-/all",
        "/npm/.git/config",
        "/pypi/simple/..%2f/",
        "/pypi/files/numpy/..%2fsecret.whl",
        "/pypi/nothing/here",
        "/cargo/..%2f/x",
        "/cargo/se/rd/other",
        "/cargo/crates/serde/1.0.193%2f../download",
        &format!("/npm/{long}"),
        &format!("/pypi/simple/{long}/"),
    ] {
        let answered = gateway.get(path).await;
        assert!(matches!(answered.status, 400 | 404), "{path}: {answered:?}");
        let code = answered.header("x-weir-reason").unwrap();
        assert!(matches!(code, "not_found" | "bad_request"), "{path}: {code}");
        assert!(!answered.headers.contains_key("set-cookie"));
    }
    for seen in [origin, python, crates].iter().flat_map(Origin::requests) {
        assert!(!seen.resource().contains(".."), "{seen:?}");
    }
    assert!(gateway.stored().is_empty());
}

#[tokio::test]
async fn methods_that_write_are_not_offered() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    for method in ["PUT", "DELETE"] {
        let answered = gateway.ask(method, "/npm/lodash", &[]).await;
        assert!(answered.fails(405, "not_offered"), "{method}: {answered:?}");
    }
    assert_eq!(origin.requests().len(), 0);
}

#[tokio::test]
async fn request_bodies_are_capped_before_and_after_decoding() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let small = setup().npm(&origin).with(|s| s.settings.max_request_body = 10_000);
    let gateway = small.open().await;
    let zeros = vec![b' '; 1_000_000];
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut bomb, &zeros).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 10_000);
    for (body, coding) in [(zeros, "identity"), (bomb, "gzip"), (b"x".to_vec(), "br")] {
        let request = http::Request::post("/npm/-/npm/v1/security/advisories/bulk")
            .header("content-encoding", coding)
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let answered = read(gateway.handle(request).await).await;
        assert!(answered.fails(400, "bad_request"), "{coding}: {answered:?}");
    }
    assert_eq!(origin.requests().len(), 0);
}

/// Serves a packument and expects a clear error.
async fn is_unreadable(what: &str, answer: Answer) {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    origin.put("lodash", answer);
    let gateway = setup().npm(&origin).cooldown(7).open().await;
    for path in ["/npm/lodash", LODASH] {
        let answered = gateway.get(path).await;
        assert!(answered.fails(502, "unreadable_document"), "{what}, {path}: {answered:?}");
        assert!(!answered.text().contains("EVIL"), "{what}");
    }
    assert!(gateway.stored().is_empty());
}

#[tokio::test]
async fn listings_that_are_not_what_they_are_labelled_as() {
    is_unreadable("HTML", Answer::ok("<html>EVIL</html>").media("application/json")).await;
    is_unreadable("nothing", Answer::ok("").media("application/json")).await;
    is_unreadable("half", Answer::ok("{\"name\":\"lodash\",\"versions\":{\"EVIL").media("x/y"))
        .await;
    is_unreadable("not UTF-8", Answer::ok(vec![b'{', 0xff, 0xfe])).await;
    is_unreadable("an array", Answer::ok("[\"EVIL\"]")).await;
    let wrong = Answer::ok("EVIL").header("content-encoding", "gzip");
    is_unreadable("not gzip", wrong).await;
    is_unreadable("unknown coding", Answer::ok("EVIL").header("content-encoding", "x-evil")).await;
}

#[tokio::test]
async fn listings_that_say_two_things() {
    let dist = json!({ "tarball": "http://127.0.0.1/EVIL.tgz", "integrity": "sha512-EVIL" });
    let entry = json!({ "name": "lodash", "version": "4.17.21", "dist": dist });
    let other = json!({ "name": "EVIL", "versions": { "4.17.21": entry }, "time": {} });
    is_unreadable("another package", Answer::json(&other)).await;
    let twice = format!(
        "{{\"name\":\"lodash\",\"versions\":{{\"4.17.21\":{entry}}},\"versions\":{{}},\"time\":{{}}}}"
    );
    is_unreadable("a key twice", Answer::ok(twice)).await;
    let escaped = format!(
        "{{\"name\":\"lodash\",\"versions\":{{}},\"v\\u0065rsions\":{{\"4.17.21\":{entry}}}}}"
    );
    is_unreadable("an escaped key", Answer::ok(escaped)).await;
}

#[tokio::test]
async fn an_entry_that_contradicts_its_key_is_withheld_alone() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    let mut listing: Value = gateway.json("/npm/lodash", "application/json").await;
    listing["versions"]["4.17.21"]["version"] = json!("6.6.6");
    origin.put("lodash", Answer::json(&listing));
    gateway.clock().advance(MINUTE * 60);
    let listing = gateway.json("/npm/lodash", "application/json").await;
    assert_eq!(versions(&listing), ["4.17.20", "4.18.0"]);
    assert!(!listing.to_string().contains("6.6.6"), "{listing}");
}

#[tokio::test]
async fn bombs_are_not_unpacked() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    origin.put("lodash", Answer::ok(vec![b' '; 40 << 20]).gzipped());
    let capped = setup().npm(&origin).with(|s| s.upstream.max_document = 32 << 20);
    let gateway = capped.open().await;
    let answered = gateway.get("/npm/lodash").await;
    assert!(answered.fails(502, "unreadable_document"), "{answered:?}");
    origin.put("lodash", Answer::ok(vec![b' '; 1 << 20]).endless());
    let answered = gateway.get("/npm/lodash").await;
    assert!(answered.fails(502, "unreadable_document"), "{answered:?}");
}

/// An index of this many bytes or a little more, of releases that carry a lot of text.
fn large_index(bytes: usize) -> Vec<u8> {
    let padding = "x".repeat(2000);
    let mut text = String::with_capacity(bytes + 4000);
    let cksum = "0".repeat(64);
    for n in 0.. {
        if text.len() >= bytes {
            break;
        }
        let _ = writeln!(
            text,
            "{{\"name\":\"serde\",\"vers\":\"1.0.{n}\",\"deps\":[],\"cksum\":\"{cksum}\",\
             \"features\":{{\"a\":[\"{padding}\"]}},\"yanked\":false}}"
        );
    }
    text.into_bytes()
}

#[tokio::test]
async fn a_listing_of_100_megabytes_is_served() {
    let origin = Origin::start().await;
    let serde = Package::new("serde").release("1.0.0", "2024-01-01T00:00:00Z");
    cargo_index(&origin, &[serde], &CargoStyle::default());
    let index = Bytes::from(large_index(100 << 20));
    origin.put("se/rd/serde", Answer::ok(index.clone()));
    let gateway = setup().cargo(&origin).cooldown(7).open().await;
    let answered = gateway.get("/cargo/se/rd/serde").await;
    assert!(answered.is(200), "{}", answered.status);
    assert!(answered.body == index, "keeping everything changes nothing");
    let small = gateway.setup.clone().with(|s| s.upstream.max_document = 99 << 20);
    let small = small.with(|s| s.dir = std::sync::Arc::new(tempfile::tempdir().unwrap()));
    let refused = small.open().await.get("/cargo/se/rd/serde").await;
    assert!(refused.fails(502, "unreadable_document"), "{refused:?}");
}

#[tokio::test]
async fn a_sentence_with_a_hostile_name_stays_in_its_line() {
    let origin = Origin::start().await;
    let gateway = setup().npm(&origin).open().await;
    let answered = gateway.get("/npm/a%1b%5b31mred").await;
    assert!(matches!(answered.status, 400 | 404));
    assert!(answered.reason.unwrap_or_default().bytes().all(|b| (b' '..0x7f).contains(&b)));
    assert!(!answered.body.contains(&0x1b));
}

#[tokio::test]
async fn links_to_other_schemes_and_private_places_are_not_followed() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    let listing: Value = gateway.json("/npm/lodash", "application/json").await;
    for link in [
        "file:///etc/passwd",
        "ftp://files.example/lodash.tgz",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/lodash.tgz",
        "javascript:alert(1)",
    ] {
        let mut listing = listing.clone();
        listing["versions"]["4.17.21"]["dist"]["tarball"] = json!(link);
        origin.put("lodash", Answer::json(&listing));
        origin.put("lodash/4.17.21", Answer::json(&listing["versions"]["4.17.21"]));
        let fresh = gateway.setup.clone();
        let fresh = fresh.with(|s| s.dir = std::sync::Arc::new(tempfile::tempdir().unwrap()));
        let answered = fresh.open().await.get(LODASH).await;
        assert!(matches!(answered.status, 404 | 502), "{link}: {answered:?}");
        assert!(answered.header("x-weir-reason").is_some());
    }
}

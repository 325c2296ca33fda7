//! `HEAD`, conditional requests and ranges, before and after a file is here.

use std::time::Duration;

use http_body_util::BodyExt as _;
use weir_testkit::origin::{Answer, BuiltFile, NpmStyle, Origin, npm_registry};

use crate::harness::{Gateway, LODASH, LODASH_UPSTREAM, lodash, setup};

async fn gateway() -> (Origin, Gateway, BuiltFile) {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    (origin, gateway, files[1].clone())
}

fn fetched(origin: &Origin) -> usize {
    let get = |r: &&weir_testkit::origin::Seen| r.method == "GET" && r.path == LODASH_UPSTREAM;
    origin.requests().iter().filter(get).count()
}

#[tokio::test]
async fn head_says_what_get_would_and_fetches_no_file() {
    let (origin, gateway, file) = gateway().await;
    let cold = gateway.ask("HEAD", LODASH, &[]).await;
    assert!(cold.is(200), "{cold:?}");
    assert_eq!(cold.header("content-length"), Some(file.bytes.len().to_string().as_str()));
    assert!(cold.body.is_empty());
    assert_eq!(fetched(&origin), 0);
    assert!(gateway.stored().is_empty());

    let got = gateway.get(LODASH).await;
    let warm = gateway.ask("HEAD", LODASH, &[]).await;
    assert!(warm.body.is_empty());
    for name in ["content-length", "etag", "content-type", "accept-ranges"] {
        assert!(got.header(name).is_some(), "{name}");
        assert_eq!(got.header(name), cold.header(name), "{name}");
        assert_eq!(got.header(name), warm.header(name), "{name}");
    }
}

#[tokio::test]
async fn an_entity_tag_that_matches_is_answered_304_even_before_the_file_is_here() {
    let (origin, gateway, _) = gateway().await;
    let etag = gateway.ask("HEAD", LODASH, &[]).await.header("etag").unwrap().to_owned();
    let weak = format!("W/{etag}, \"other\"");
    for tags in [&etag, &weak] {
        let cold = gateway.ask("GET", LODASH, &[("if-none-match", tags)]).await;
        assert!(cold.is(304), "{cold:?}");
        assert!(cold.body.is_empty() && cold.header("etag") == Some(&etag));
    }
    assert_eq!(fetched(&origin), 0);
    let other = gateway.ask("GET", LODASH, &[("if-none-match", "\"other\"")]).await;
    assert!(other.is(200) && !other.body.is_empty());
    assert_eq!(other.header("etag"), Some(etag.as_str()));
    let warm = gateway.ask("GET", LODASH, &[("if-none-match", &etag)]).await;
    assert!(warm.is(304) && warm.body.is_empty());
    assert_eq!(warm.header("etag"), Some(etag.as_str()));
}

#[tokio::test]
async fn a_date_that_is_not_older_is_answered_304() {
    let (_origin, gateway, _) = gateway().await;
    gateway.get(LODASH).await;
    let modified = gateway.get(LODASH).await.header("last-modified").unwrap().to_owned();
    assert!(gateway.ask("GET", LODASH, &[("if-modified-since", &modified)]).await.is(304));
    for (since, status) in [
        ("Fri, 01 Jan 2100 00:00:00 GMT", 304),
        ("Sat, 01 Jan 2000 00:00:00 GMT", 200),
        ("yesterday", 200),
    ] {
        let answered = gateway.ask("GET", LODASH, &[("if-modified-since", since)]).await;
        assert!(answered.is(status), "{since}: {answered:?}");
    }
    let both = [("if-modified-since", modified.as_str()), ("if-none-match", "\"other\"")];
    assert!(gateway.ask("GET", LODASH, &both).await.is(200), "the entity tag decides");
}

#[tokio::test]
async fn ranges_of_a_stored_file() {
    let (_origin, gateway, file) = gateway().await;
    let whole = gateway.get(LODASH).await;
    let length = file.bytes.len();
    for _ in 0..2 {
        for (range, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=10-19", 10..20),
            ("bytes=10-", 10..length),
            ("bytes=-7", length - 7..length),
            ("bytes=5-999999", 5..length),
        ] {
            let part = gateway.ask("GET", LODASH, &[("range", range)]).await;
            assert!(part.is(206), "{range}: {part:?}");
            assert_eq!(part.body, file.bytes.slice(expected.clone()), "{range}");
            let said = format!("bytes {}-{}/{length}", expected.start, expected.end - 1);
            assert_eq!(part.header("content-range"), Some(said.as_str()));
            assert_eq!(part.header("content-length"), Some(expected.len().to_string().as_str()));
        }
    }
    let beyond = gateway.ask("GET", LODASH, &[("range", "bytes=999999-")]).await;
    assert!(beyond.is(416), "{beyond:?}");
    assert_eq!(beyond.header("content-range"), Some(format!("bytes */{length}").as_str()));
    assert_eq!(beyond.header("content-length"), None);
    let several = gateway.ask("GET", LODASH, &[("range", "bytes=0-1,4-5")]).await;
    assert!(several.is(200));
    assert_eq!(several.body, whole.body);
}

#[tokio::test]
async fn a_range_counts_only_for_the_file_that_the_client_has() {
    let (_origin, gateway, file) = gateway().await;
    gateway.get(LODASH).await;
    let whole = gateway.get(LODASH).await;
    let modified = whole.header("last-modified").unwrap();
    let etag = whole.header("etag").unwrap();
    for (validator, status) in
        [(etag, 206), ("\"other\"", 200), (modified, 206), ("Sat, 01 Jan 2000 00:00:00 GMT", 200)]
    {
        let headers = [("range", "bytes=3-"), ("if-range", validator)];
        let answered = gateway.ask("GET", LODASH, &headers).await;
        assert!(answered.is(status), "{validator}: {answered:?}");
        let from = if status == 206 { 3 } else { 0 };
        assert_eq!(answered.body, file.bytes.slice(from..));
    }
}

#[tokio::test]
async fn an_open_range_follows_a_transfer() {
    let (origin, gateway, file) = gateway().await;
    origin.change(LODASH_UPSTREAM, |answer| answer.stalling_after(100));
    let response = gateway.send("GET", LODASH, &[("range", "bytes=20-")]).await;
    assert_eq!(response.status(), 206);
    let length = file.bytes.len();
    assert_eq!(response.headers()["content-range"], format!("bytes 20-{}/{length}", length - 1));
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, file.bytes.slice(20..20 + first.len()));
}

#[tokio::test]
async fn a_closed_range_waits_for_the_whole_file() {
    let (origin, gateway, file) = gateway().await;
    let pause = Duration::from_millis(20);
    origin.change(LODASH_UPSTREAM, |answer| answer.trickling(60, pause));
    let part = gateway.ask("GET", LODASH, &[("range", "bytes=0-9")]).await;
    assert!(part.is(206), "{part:?}");
    assert_eq!(part.body, file.bytes.slice(..10));
    assert_eq!(gateway.stored().len(), 1);
}

#[tokio::test]
async fn a_closed_range_that_would_wait_too_long_is_the_whole_file() {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    origin.change(LODASH_UPSTREAM, |answer| answer.trickling(200, Duration::from_millis(50)));
    let hasty = setup().npm(&origin).with(|s| s.settings.range_wait = Duration::from_millis(10));
    let gateway = hasty.open().await;
    let answered = gateway.ask("GET", LODASH, &[("range", "bytes=0-9")]).await;
    assert!(answered.is(200), "{answered:?}");
    assert_eq!(answered.body, files[1].bytes);
}

#[tokio::test]
async fn a_range_of_a_file_that_turns_out_wrong_is_an_error() {
    let (origin, gateway, file) = gateway().await;
    origin.put(LODASH_UPSTREAM, Answer::ok(file.bytes.clone()).corrupted());
    let answered = gateway.ask("GET", LODASH, &[("range", "bytes=0-9")]).await;
    assert!(answered.fails(502, "integrity_mismatch"), "{answered:?}");
}

#[tokio::test]
async fn a_range_beyond_a_file_under_way_is_refused() {
    let (origin, gateway, _) = gateway().await;
    origin.change(LODASH_UPSTREAM, |answer| answer.stalling_after(100));
    let beyond = gateway.ask("GET", LODASH, &[("range", "bytes=999999-")]).await;
    assert!(beyond.is(416), "{beyond:?}");
    assert_eq!(beyond.header("content-length"), None);
}

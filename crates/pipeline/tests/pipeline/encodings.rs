//! Listings in the coding that the client asks for.

use std::io::Read as _;

use http_body_util::BodyExt as _;
use weir_testkit::origin::{NpmStyle, Origin, Package, npm_registry};

use crate::harness::{NPM_ABBREVIATED, lodash, setup};

fn decoded(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match coding {
        "gzip" => flate2::bufread::GzDecoder::new(bytes).read_to_end(&mut out).map(drop).unwrap(),
        "zstd" => out = zstd::bulk::decompress(bytes, 1 << 20).unwrap(),
        "br" => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut out).map(drop).unwrap(),
        _ => panic!("{coding}"),
    }
    out
}

#[tokio::test]
async fn each_coding_has_the_right_bytes_and_an_entity_tag_of_its_own() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    let plain = gateway.get("/npm/lodash").await;
    assert_eq!(plain.header("content-encoding"), None);
    let mut tags = vec![plain.header("etag").unwrap().to_owned()];

    for coding in ["gzip", "zstd", "br"] {
        for _again in 0..2 {
            let answered = gateway.ask("GET", "/npm/lodash", &[("accept-encoding", coding)]).await;
            assert!(answered.is(200), "{answered:?}");
            assert_eq!(answered.header("content-encoding"), Some(coding));
            assert_eq!(answered.header("vary"), Some("Accept, Accept-Encoding"));
            assert!(answered.body.len() < plain.body.len());
            assert_eq!(decoded(coding, &answered.body), plain.body);
            let length = answered.body.len().to_string();
            assert_eq!(answered.header("content-length"), Some(length.as_str()));
            let tag = answered.header("etag").unwrap().to_owned();
            let headers = [("accept-encoding", coding), ("if-none-match", tag.as_str())];
            let unchanged = gateway.ask("GET", "/npm/lodash", &headers).await;
            assert!(unchanged.is(304) && unchanged.body.is_empty(), "{unchanged:?}");
            let head = gateway.ask("HEAD", "/npm/lodash", &headers[..1]).await;
            assert!(head.is(200) && head.body.is_empty());
            assert_eq!(head.headers, answered.headers);
            tags.push(tag);
        }
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4);
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn views_do_not_mix() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    for _ in 0..2 {
        let full = gateway.json("/npm/lodash", "application/json").await;
        assert!(full["time"].is_object() && full["readme"].is_string());
        let short = gateway.json("/npm/lodash", NPM_ABBREVIATED).await;
        assert!(short["readme"].is_null() && short["modified"].is_string());
    }
}

#[tokio::test]
async fn a_small_listing_is_sent_as_it_is() {
    let origin = Origin::start().await;
    let tiny = Package::new("tiny").release("1.0.0", "2024-01-01T00:00:00Z");
    npm_registry(&origin, &[tiny], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    let headers = [("accept-encoding", "gzip, br"), ("accept", NPM_ABBREVIATED)];
    let answered = gateway.ask("GET", "/npm/tiny", &headers).await;
    assert!(answered.is(200) && answered.header("content-encoding").is_none(), "{answered:?}");
    assert_eq!(answered.json()["name"], "tiny");
}

#[tokio::test]
async fn links_lead_back_to_the_address_that_was_asked() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    let of = |host: &'static str| {
        let request = http::Request::get("/npm/lodash").header("host", host);
        gateway.handle(request.body(http_body_util::Full::default()).unwrap())
    };
    for _ in 0..2 {
        for host in ["a.example", "b.example:1234"] {
            let answered = crate::harness::read(of(host).await).await.json();
            let link = answered["versions"]["4.17.21"]["dist"]["tarball"].as_str().unwrap();
            assert_eq!(link, format!("http://{host}/npm/lodash/-/lodash-4.17.21.tgz"));
        }
        // What is no host name never reaches a document.
        let hostile = crate::harness::read(of("evil.example/\"x").await).await;
        assert!(hostile.text().contains("http://127.0.0.1:8080/npm/lodash/-/"));
        assert!(!hostile.text().contains("evil.example"));
    }
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn invented_host_names_keep_no_real_one_out_of_the_memory() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    let of = |host: String| {
        let request = http::Request::get("/npm/lodash").header("host", host);
        gateway.handle(request.body(http_body_util::Full::default()).unwrap())
    };
    for n in 0..100 {
        let answered = crate::harness::read(of(format!("h{n}.example")).await).await;
        assert!(answered.text().contains(&format!("http://h{n}.example/npm/")));
    }
    assert_eq!(origin.requests().len(), 1);
    let bytes = async || {
        let mut body = of("real.example".to_owned()).await.into_body();
        body.frame().await.unwrap().unwrap().into_data().unwrap()
    };
    let (one, two) = (bytes().await, bytes().await);
    assert_eq!(one.as_ptr(), two.as_ptr(), "the same bytes in memory");
}

//! Bodies: decoding, caps and ends.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::TryStreamExt as _;
use http::StatusCode;
use tokio::io::AsyncWriteExt as _;

use super::server::{Server, head, reply, script, serve, text};
use super::{client, get, origin, quick};
use crate::{Ask, Settings, UpstreamError, Whither};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
    encoder.write_all(bytes).unwrap();
    encoder.into_inner()
}

async fn labelled(coding: &'static str, body: Vec<u8>) -> Server {
    serve(move |_, _| reply(200, &[("content-encoding", coding)], body.clone())).await
}

#[tokio::test]
async fn documents_are_decoded_and_no_longer_labelled() {
    let long = b"a listing ".repeat(100_000);
    for (coding, body) in [
        ("gzip", gzip(&long)),
        ("br", brotli(&long)),
        ("zstd", zstd::stream::encode_all(&long[..], 3).unwrap()),
        ("identity", long.clone()),
    ] {
        let server = labelled(coding, body).await;
        let document = get(quick(), &server.url(), "x").await.unwrap();
        assert_eq!(document.body, long, "{coding}");
        assert!(!document.headers.contains_key("content-encoding"));
        assert!(!document.headers.contains_key("content-length"));
        assert_eq!(server.seen()[0].header("accept-encoding"), Some("gzip, br, zstd"));
    }
}

#[tokio::test]
async fn long_documents_are_decoded_too() {
    // Hardly compressible, so that what arrives is long as well.
    let noise: Vec<u8> = (0..1_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 ^ (n >> 3) as u8)
        .collect();
    let packed = gzip(&noise);
    assert!(packed.len() > 64 << 10, "{}", packed.len());
    let server = labelled("gzip", packed).await;
    assert_eq!(get(quick(), &server.url(), "x").await.unwrap().body, noise);
}

#[tokio::test]
async fn a_bomb_is_refused() {
    let server = labelled("gzip", gzip(&vec![0; 4 << 20])).await;
    let small = Settings { max_document: 1 << 20, ..quick() };
    let error = get(small, &server.url(), "x").await.unwrap_err();
    assert!(matches!(error, UpstreamError::TooLarge { limit: 1_048_576, .. }), "{error}");
    let steep = Settings { max_ratio: 50, ..quick() };
    let error = get(steep, &server.url(), "x").await.unwrap_err();
    assert!(matches!(error, UpstreamError::Encoding { .. }), "{error}");
}

#[tokio::test]
async fn a_document_beyond_its_cap_is_refused_declared_or_not() {
    let settings = || Settings { max_document: 1000, ..quick() };
    let server = serve(|_, _| reply(200, &[], vec![b'x'; 1001])).await;
    let error = get(settings(), &server.url(), "x").await.unwrap_err();
    assert!(error.to_string().ends_with("expected a document of at most 1000 bytes"), "{error}");

    let endless = script(|_, mut stream| async move {
        head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
        while stream.write_all(&[b'x'; 512]).await.is_ok() {}
    })
    .await;
    let error = get(settings(), &endless.url(), "x").await.unwrap_err();
    assert!(matches!(error, UpstreamError::TooLarge { limit: 1000, .. }), "{error}");
}

#[tokio::test]
async fn wrong_labels_are_errors() {
    for (coding, body) in [
        ("gzip", b"plain text".to_vec()),
        ("gzip, br", gzip(b"x")),
        ("compress", b"x".to_vec()),
        ("zstd", gzip(b"x")),
    ] {
        let server = labelled(coding, body).await;
        let error = get(quick(), &server.url(), "x").await.unwrap_err();
        assert!(matches!(error, UpstreamError::Encoding { .. }), "{coding}: {error}");
    }
}

#[tokio::test]
async fn a_refusal_is_an_answer_whatever_its_page_looks_like() {
    for status in [401, 403, 404, 410, 451] {
        let labels = [("content-encoding", "gzip")];
        let server = serve(move |_, _| reply(status, &labels, "not gzip")).await;
        let document = get(quick(), &server.url(), "x").await.unwrap();
        assert_eq!((document.status.as_u16(), document.body.len()), (status, 0));
    }
}

#[tokio::test]
async fn artifacts_come_as_they_are() {
    let server = serve(|_, _| text("the very bytes")).await;
    let client = client(quick());
    let origin = origin(&server.url());
    let streaming = client.stream(&origin, Ask::get(Whither::Path("a.tgz"))).await.unwrap();
    assert_eq!(streaming.length, Some(14));
    assert_eq!(streaming.url.as_str(), format!("{}/a.tgz", server.url()));
    let pieces: Vec<Bytes> = streaming.body.try_collect().await.unwrap();
    assert_eq!(pieces.concat(), b"the very bytes");
    assert_eq!(server.seen()[0].header("accept-encoding"), Some("identity"));

    let labelled = labelled("gzip", gzip(b"x")).await;
    let asked = client.stream(&super::origin(&labelled.url()), Ask::get(Whither::Path("a"))).await;
    insta::assert_snapshot!(
        asked.unwrap_err().to_string().replace(&labelled.port().to_string(), "PORT"),
        @"npm (127.0.0.1:PORT): expected an artifact without Content-Encoding"
    );
}

async fn cut(response: &'static str) -> Server {
    script(move |_, mut stream| async move {
        head(&mut stream).await;
        stream.write_all(response.as_bytes()).await.unwrap();
    })
    .await
}

#[tokio::test]
async fn a_body_that_is_cut_short_is_an_error() {
    for response in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let server = cut(response).await;
        let error = get(quick(), &server.url(), "x").await.unwrap_err();
        assert!(matches!(error, UpstreamError::Transport { .. }), "{error}");

        let origin = origin(&server.url());
        let ask = Ask::get(Whither::Path("x"));
        let mut body = client(quick()).stream(&origin, ask).await.unwrap().body;
        assert_eq!(body.try_next().await.unwrap().unwrap(), "hello");
        assert!(matches!(body.try_next().await, Err(UpstreamError::Transport { .. })));
        assert!(body.try_next().await.unwrap().is_none(), "nothing follows an error");
    }
}

#[tokio::test]
async fn what_is_not_http_is_an_error() {
    let server = cut("SSH-2.0-server\r\n\r\n").await;
    let error = get(quick(), &server.url(), "x").await.unwrap_err();
    assert!(matches!(error, UpstreamError::Transport { .. }), "{error}");
}

#[tokio::test]
async fn endless_headers_are_refused() {
    let server = script(|_, mut stream| async move {
        head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"x-more: and more\r\n").await.is_ok() {}
    })
    .await;
    let error = get(quick(), &server.url(), "x").await.unwrap_err();
    assert!(matches!(error, UpstreamError::TooLarge { what: "response head", .. }), "{error:?}");
}

#[tokio::test]
async fn the_path_arrives_as_it_was_given() {
    let server = serve(|_, _| text("ok")).await;
    let base = format!("{}/repository/npm/", server.url());
    for path in ["@a%2fb", "@a%2Fb/-/b-1.0.0.tgz?x=%20y", "simple/x/", "c++/~/'(a)'"] {
        let document = get(quick(), &base, path).await.unwrap();
        assert_eq!(document.status, StatusCode::OK);
        assert_eq!(server.seen().last().unwrap().target, format!("/repository/npm/{path}"));
    }
}

#[tokio::test]
async fn conditions_and_preferences_are_sent() {
    let server = serve(|_, _| reply(304, &[("etag", "\"1\"")], "")).await;
    let ask = Ask {
        if_none_match: Some("\"1\""),
        if_modified_since: Some("Fri, 21 Nov 2025 04:40:00 GMT"),
        identity: true,
        ..Ask::get(Whither::Path("x")).accept("application/json")
    };
    let document = client(quick()).document(&origin(&server.url()), ask).await.unwrap();
    assert_eq!(document.status, StatusCode::NOT_MODIFIED);
    let seen = server.seen().remove(0);
    assert_eq!(seen.header("if-none-match"), Some("\"1\""));
    assert_eq!(seen.header("if-modified-since"), Some("Fri, 21 Nov 2025 04:40:00 GMT"));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert_eq!(seen.header("accept-encoding"), Some("identity"));
    assert_eq!(seen.header("user-agent"), Some(Settings::default().user_agent.as_str()));
}

#[tokio::test]
async fn a_validator_that_no_header_can_hold_is_left_out() {
    let server = serve(|_, _| text("ok")).await;
    let ask = Ask { if_none_match: Some("\"\u{1}\""), ..Ask::get(Whither::Path("x")) };
    let document = client(quick()).document(&origin(&server.url()), ask).await.unwrap();
    assert_eq!(
        (document.body.as_ref(), server.seen()[0].header("if-none-match")),
        (&b"ok"[..], None)
    );
}

#[tokio::test]
async fn head_has_a_length_and_no_body() {
    let server = serve(|_, _| reply(200, &[("content-encoding", "gzip")], gzip(b"body"))).await;
    let (client, origin) = (client(quick()), origin(&server.url()));
    let document = client.document(&origin, Ask::head(Whither::Path("x"))).await.unwrap();
    assert!(document.body.is_empty());

    let server = serve(|_, _| text("four")).await;
    let origin = super::origin(&server.url());
    let streaming = client.stream(&origin, Ask::head(Whither::Path("x"))).await.unwrap();
    assert_eq!(streaming.length, Some(4));
    assert_eq!(streaming.body.try_collect::<Vec<_>>().await.unwrap(), Vec::<Bytes>::new());
    assert_eq!(server.seen()[0].method, "HEAD");
}

#[tokio::test]
async fn post_sends_its_body_and_headers() {
    let server = serve(|_, _| text("{}")).await;
    let mut ask = Ask::post(Whither::Path("audit"), Bytes::from_static(b"{\"a\":1}"));
    ask.headers.insert("content-type", "application/json".parse().unwrap());
    client(quick()).document(&origin(&server.url()), ask).await.unwrap();
    let seen = server.seen().remove(0);
    assert_eq!((seen.method.as_str(), &seen.body[..]), ("POST", &b"{\"a\":1}"[..]));
    assert_eq!(seen.header("content-type"), Some("application/json"));
}

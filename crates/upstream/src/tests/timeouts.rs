//! Each timeout by itself.

use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use tokio::io::AsyncWriteExt as _;

use super::server::{Server, head, script};
use super::{client, get, origin, quick};
use crate::{Ask, Phase, Settings, UpstreamError, Whither};

const SHORT: Duration = Duration::from_millis(100);

async fn silent() -> Server {
    script(|_, stream| async move {
        let _kept = stream;
        std::future::pending::<()>().await;
    })
    .await
}

#[track_caller]
fn assert_phase(error: &UpstreamError, expected: Phase) {
    assert!(
        matches!(error, UpstreamError::Timeout { phase, after, .. }
            if *phase == expected && *after == SHORT),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_tls_handshake_that_never_ends_is_a_connect_timeout() {
    let server = silent().await;
    let settings = Settings { connect_timeout: SHORT, ..quick() };
    let base = format!("https://127.0.0.1:{}", server.port());
    assert_phase(&get(settings, &base, "x").await.unwrap_err(), Phase::Connect);
}

#[tokio::test]
async fn headers_that_never_come_are_a_header_timeout() {
    let server = silent().await;
    let settings = Settings { header_timeout: SHORT, retries: 5, ..quick() };
    assert_phase(&get(settings, &server.url(), "x").await.unwrap_err(), Phase::Headers);
    assert_eq!(server.connections(), 1, "the client has waited long enough");
}

#[tokio::test]
async fn a_body_that_falls_silent_is_a_read_timeout() {
    let server = script(|_, mut stream| async move {
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let settings = || Settings { read_timeout: SHORT, ..quick() };
    assert_phase(&get(settings(), &server.url(), "x").await.unwrap_err(), Phase::Read);

    let origin = origin(&server.url());
    let client = client(settings());
    let mut body = client.stream(&origin, Ask::get(Whither::Path("x"))).await.unwrap().body;
    assert_eq!(body.try_next().await.unwrap().unwrap(), "hello");
    // The limit runs while somebody waits for bytes, not while nobody asks.
    tokio::time::sleep(SHORT * 2).await;
    let waiting = tokio::time::Instant::now();
    assert_phase(&body.try_next().await.unwrap_err(), Phase::Read);
    assert!(waiting.elapsed() >= SHORT);
}

#[tokio::test]
async fn a_document_that_drips_is_a_document_timeout() {
    let server = script(|_, mut stream| async move {
        head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let settings = Settings { document_timeout: SHORT, ..quick() };
    assert_phase(&get(settings, &server.url(), "x").await.unwrap_err(), Phase::Document);
}

#[tokio::test]
async fn a_request_that_nobody_takes_is_a_write_timeout() {
    let server = silent().await;
    let settings = Settings { write_timeout: SHORT, ..quick() };
    let ask = Ask::post(Whither::Path("x"), Bytes::from(vec![0; 64 << 20]));
    let error = client(settings).document(&origin(&server.url()), ask).await.unwrap_err();
    assert_phase(&error, Phase::Write);
}

#[tokio::test]
async fn messages_say_what_was_waited_for() {
    let server = silent().await;
    let settings = Settings { header_timeout: SHORT, ..quick() };
    let error = get(settings, &server.url(), "x").await.unwrap_err().to_string();
    insta::assert_snapshot!(
        error.replace(&server.port().to_string(), "PORT"),
        @"npm (127.0.0.1:PORT): waited 100 ms for response headers"
    );
}

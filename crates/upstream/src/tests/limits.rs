//! Slots, rates and the circuit breaker.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use tokio::io::AsyncWriteExt as _;

use super::server::{Server, head, reply, script, serve, text};
use super::{client, get, origin, quick};
use crate::{Ask, Phase, Settings, UpstreamError, Whither};

const X: Whither<'static> = Whither::Path("x");

/// Answers with the first half of a body, and with the second one a little later.
async fn halves() -> Server {
    script(|_, mut stream| async move {
        loop {
            if head(&mut stream).await.is_empty() {
                return;
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha").await;
            tokio::time::sleep(Duration::from_millis(150)).await;
            let _ = stream.write_all(b"lf").await;
        }
    })
    .await
}

#[tokio::test]
async fn a_body_holds_its_slot_until_it_ends() {
    let server = halves().await;
    let settings = Settings {
        max_connections_per_host: 1,
        pool_timeout: Duration::from_millis(50),
        ..quick()
    };
    let (client, origin) = (client(settings), origin(&server.url()));
    let mut first = client.stream(&origin, Ask::get(X)).await.unwrap().body;
    let error = client.document(&origin, Ask::get(X)).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Timeout { phase: Phase::Pool, .. }), "{error}");
    // At its end the body lets go, although it is not dropped yet.
    while first.try_next().await.unwrap().is_some() {}
    let second = client.stream(&origin, Ask::get(X)).await.unwrap();
    drop(second);
    assert!(client.document(&origin, Ask::get(X)).await.is_ok(), "a dropped body lets go too");
    drop(first);
}

#[tokio::test]
async fn an_origin_may_have_its_own_number_of_slots() {
    let server = halves().await;
    let settings = Settings { pool_timeout: Duration::from_millis(50), ..quick() };
    let client = client(settings);
    let mut origin = origin(&server.url());
    origin.max_connections = Some(1);
    let _held = client.stream(&origin, Ask::get(X)).await.unwrap();
    assert!(client.document(&origin, Ask::get(X)).await.is_err());
    let other = origin.clone().named("other");
    assert!(client.document(&other, Ask::get(X)).await.is_ok(), "mounts do not share slots");
}

#[tokio::test]
async fn requests_keep_to_the_rate() {
    let server = serve(|_, _| text("ok")).await;
    let (client, mut origin) = (client(quick()), origin(&server.url()));
    origin.requests_per_second = Some(10);
    let started = Instant::now();
    let all = join_all((0..13).map(|_| client.document(&origin, Ask::get(X)))).await;
    assert!(all.iter().all(Result::is_ok));
    // Ten at once, then one each tenth of a second.
    assert!(started.elapsed() >= Duration::from_millis(250), "{:?}", started.elapsed());
}

#[tokio::test]
async fn the_breaker_opens_rests_and_tries_again() {
    let server = serve(|n, _| if n < 2 { reply(500, &[], "") } else { text("ok") }).await;
    let settings =
        Settings { breaker_failures: 2, breaker_open: Duration::from_secs(1), ..quick() };
    let (client, origin) = (client(settings), origin(&server.url()));
    for _ in 0..2 {
        let error = client.document(&origin, Ask::get(X)).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Status { .. }), "{error}");
    }
    let error = client.document(&origin, Ask::get(X)).await.unwrap_err();
    assert!(matches!(error, UpstreamError::BreakerOpen { .. }), "{error}");
    assert_eq!(server.seen().len(), 2, "nothing is sent while it is open");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(client.document(&origin, Ask::get(X)).await.is_ok());
    assert!(client.document(&origin, Ask::get(X)).await.is_ok());
}

#[tokio::test]
async fn retries_stop_when_the_breaker_opens() {
    let server = serve(|_, _| reply(500, &[], "")).await;
    let settings = Settings { breaker_failures: 2, retries: 9, ..quick() };
    let error = get(settings, &server.url(), "x").await.unwrap_err();
    assert!(matches!(error, UpstreamError::BreakerOpen { .. }), "{error}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn refusals_do_not_open_the_breaker() {
    let server = serve(|n, _| reply([404, 403, 429][n % 3], &[], "")).await;
    let settings = Settings { breaker_failures: 1, ..quick() };
    let (client, origin) = (client(settings), origin(&server.url()));
    for _ in 0..6 {
        let _ = client.document(&origin, Ask::get(X)).await;
    }
    assert_eq!(server.seen().len(), 6);
}

#[tokio::test]
async fn bodies_that_break_open_the_breaker() {
    let server = script(|_, mut stream| async move {
        head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
    })
    .await;
    let settings = Settings { breaker_failures: 2, ..quick() };
    let (client, origin) = (client(settings), origin(&server.url()));
    for _ in 0..2 {
        let body = client.stream(&origin, Ask::get(X)).await.unwrap().body;
        assert!(body.try_collect::<Vec<_>>().await.is_err());
    }
    let error = client.stream(&origin, Ask::get(X)).await.unwrap_err();
    assert!(matches!(error, UpstreamError::BreakerOpen { .. }), "{error}");
}

#[tokio::test]
async fn offline_opens_no_socket() {
    let server = serve(|_, _| text("ok")).await;
    let (client, origin) = (client(Settings { offline: true, ..quick() }), origin(&server.url()));
    let document = client.document(&origin, Ask::get(X)).await.unwrap_err();
    assert!(matches!(document, UpstreamError::Offline { .. }), "{document}");
    let stream = client.stream(&origin, Ask::get(X)).await.unwrap_err();
    assert!(stream.to_string().ends_with("not asked, the gateway works offline"), "{stream}");
    assert_eq!(server.connections(), 0);
}

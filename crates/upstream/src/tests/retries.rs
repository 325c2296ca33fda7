//! What is asked for again, and how often.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::io::AsyncWriteExt as _;

use super::server::{head, reply, script, serve, text};
use super::{client, get, origin, quick};
use crate::{Ask, Settings, UpstreamError, Whither};

fn patient() -> Settings {
    Settings { retries: 3, ..quick() }
}

#[tokio::test]
async fn an_unwell_registry_is_asked_again() {
    for status in [500, 502, 503, 504, 429, 408] {
        let server =
            serve(move |n, _| if n < 2 { reply(status, &[], "") } else { text("ok") }).await;
        let document = get(patient(), &server.url(), "x").await.unwrap();
        assert_eq!(document.body, "ok");
        assert_eq!(server.seen().len(), 3);
    }
}

#[tokio::test]
async fn retries_end_and_the_status_is_told() {
    let server = serve(|_, _| reply(503, &[], "")).await;
    let error = get(patient(), &server.url(), "x").await.unwrap_err();
    assert!(
        matches!(error, UpstreamError::Status { status: StatusCode::SERVICE_UNAVAILABLE, .. }),
        "{error}"
    );
    assert!(error.is_transient());
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_registry_that_wants_to_be_left_alone_is() {
    let server = serve(|_, _| reply(429, &[("retry-after", "120")], "")).await;
    let error = get(patient(), &server.url(), "x").await.unwrap_err();
    let expected = Some(Duration::from_mins(2));
    assert!(
        matches!(error, UpstreamError::Status { retry_after, .. } if retry_after == expected),
        "{error:?}"
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn answers_are_not_asked_for_again() {
    for status in [200, 304, 400, 401, 403, 404, 410] {
        let server = serve(move |_, _| reply(status, &[], "")).await;
        let document = get(patient(), &server.url(), "x").await.unwrap();
        assert_eq!((document.status.as_u16(), server.seen().len()), (status, 1));
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_headers_is_opened_again() {
    let server = script(|n, mut stream| async move {
        head(&mut stream).await;
        if n == 1 {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        }
    })
    .await;
    let origin = origin(&server.url());
    let ask = Ask::get(Whither::Path("x"));
    let streaming = client(patient()).stream(&origin, ask).await.unwrap();
    assert_eq!(streaming.status, StatusCode::OK);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_document_whose_body_breaks_is_fetched_again() {
    let server = script(|n, mut stream| async move {
        head(&mut stream).await;
        let body: &[u8] = if n == 0 { b"hel" } else { b"hello" };
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n").await.unwrap();
        stream.write_all(body).await.unwrap();
    })
    .await;
    assert_eq!(get(patient(), &server.url(), "x").await.unwrap().body, "hello");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_post_is_sent_once() {
    let server = serve(|_, _| reply(503, &[], "")).await;
    let ask = Ask::post(Whither::Path("audit"), Bytes::from_static(b"{}"));
    let error = client(patient()).document(&origin(&server.url()), ask).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Status { .. }), "{error}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_a_connect_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = get(quick(), &format!("http://{address}"), "x").await.unwrap_err();
    assert!(matches!(error, UpstreamError::Connect { .. }), "{error:?}");
}

#[tokio::test]
async fn a_name_without_address_is_a_connect_error() {
    let hosts = [("registry.example".to_owned(), Vec::new())].into();
    let error = get(Settings { hosts, ..quick() }, "http://registry.example", "x").await;
    let error = error.unwrap_err().to_string();
    assert_eq!(error, "npm (registry.example): cannot connect: the name has no address");
}

//! `weir serve` as its clients see it: the protocol of a connection, and mounts that it lacks.

use http::{Request, Response, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::home::{Home, Serving, registry};

/// The answers to these paths over one connection that speaks HTTP/2 from its first byte on.
fn over_http2(serving: &Serving, paths: &[&str]) -> Result<Vec<Response<Bytes>>, hyper::Error> {
    tokio::runtime::Runtime::new().unwrap().block_on(ask(serving, paths))
}

async fn ask(serving: &Serving, paths: &[&str]) -> Result<Vec<Response<Bytes>>, hyper::Error> {
    let stream = TcpStream::connect(&serving.listen).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut answers = Vec::new();
    for path in paths {
        let uri = format!("http://{}{path}", serving.listen);
        let request = Request::get(uri).body(Empty::<Bytes>::new()).unwrap();
        let (head, body) = sender.send_request(request).await?.into_parts();
        answers.push(Response::from_parts(head, body.collect().await?.to_bytes()));
    }
    Ok(answers)
}

#[test]
fn http_2_carries_a_listing_a_file_and_a_refusal_where_it_is_switched_on() {
    let home = Home::new();
    let origin = registry();
    let serving = home.serve_with(&origin.url(), "http2 = true");
    let paths =
        ["/npm/lodash", "/npm/lodash/-/lodash-4.17.21.tgz", "/npm/left-pad/-/left-pad-1.0.0.tgz"];
    let answers = over_http2(&serving, &paths).unwrap();
    let [listing, file, refused] = &answers[..] else { panic!("{answers:?}") };
    assert!(answers.iter().all(|answer| answer.version() == Version::HTTP_2), "{answers:?}");

    assert_eq!(listing.status(), 200);
    let document: serde_json::Value = serde_json::from_slice(listing.body()).unwrap();
    let tarball = document["versions"]["4.17.21"]["dist"]["tarball"].as_str().unwrap();
    assert_eq!(tarball, format!("http://{}/npm/lodash/-/lodash-4.17.21.tgz", serving.listen));

    assert_eq!(file.status(), 200);
    let upstream = origin.requests().into_iter().find(|seen| seen.path.contains("/-/")).unwrap();
    assert_eq!(upstream.path, "lodash/-/lodash-4.17.21.tgz");
    assert!(file.body().starts_with(&[0x1f, 0x8b]), "not a gzip file");
    assert_eq!(file.headers()["content-length"], file.body().len().to_string());

    // There is no reason phrase: body and headers carry what it would say.
    assert_eq!(refused.status(), 403);
    assert!(refused.extensions().get::<hyper::ext::ReasonPhrase>().is_none());
    assert_eq!(refused.headers()["x-weir-reason"], "blocked_by_policies");
    let page = format!("http://{}/why/pkg:npm/left-pad@1.0.0", serving.listen);
    assert_eq!(refused.headers()["x-weir-explain"], page);
    let sentence = "left-pad 1.0.0 withheld by rule no-left-pad: removed by its author";
    let notice = refused.headers()["npm-notice"].to_str().unwrap();
    assert!(notice.starts_with(sentence), "{notice}");
    let said: serde_json::Value = serde_json::from_slice(refused.body()).unwrap();
    assert_eq!(said["error"], sentence);
}

#[test]
fn clients_of_http_1_are_served_beside_those_of_http_2() {
    let home = Home::new();
    let origin = registry();
    let serving = home.serve_with(&origin.url(), "http2 = true");
    let answer = serving.get("/npm/left-pad/-/left-pad-1.0.0.tgz").unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 left-pad 1.0.0 withheld"), "{answer}");
}

#[test]
fn only_http_1_is_spoken_unless_told_otherwise() {
    let home = Home::new();
    let serving = home.serve(&registry().url());
    let error = over_http2(&serving, &["/health/live"]).unwrap_err();
    assert!(!error.is_user(), "{error}");
    let asks_for_more = "/health/live HTTP/1.1\r\nHost: w\r\nConnection: Upgrade, HTTP2-Settings, close\r\n\
                         Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nX:";
    let answer = serving.get(asks_for_more).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[test]
fn a_mount_that_is_not_built_in_refuses_as_the_settings_say() {
    let home = Home::new();
    let upstream = registry().url();
    let plain = home.serve(&upstream).get("/hex/packages/phoenix").unwrap();
    let sentence = "this version of weir does not serve hex yet";
    assert!(plain.starts_with(&format!("HTTP/1.1 403 {sentence}\r\n")), "{plain}");
    assert!(plain.contains("x-weir-reason: blocked_registry_not_configured"), "{plain}");
    assert!(plain.ends_with(&format!("\r\n\r\n{sentence}\n")), "{plain}");

    let settings = "[policy]\nblock_status = 451\nblock_message = \"{sentence}. Ask #packages\"\n\
                    block_url = \"https://intranet.example/why\"";
    let serving = home.serve_with(&upstream, settings);
    let set = serving.get("/hex/packages/phoenix").unwrap();
    assert!(set.starts_with(&format!("HTTP/1.1 451 {sentence}. Ask #packages\r\n")), "{set}");
    assert!(set.contains("x-weir-explain: https://intranet.example/why"), "{set}");
}

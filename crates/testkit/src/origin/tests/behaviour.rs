//! Programmed behaviours, seen on the wire.

use std::time::{Duration, Instant};

use super::super::{Answer, Origin};
use super::{ask, get};

#[tokio::test]
async fn a_body_arrives_whole_and_the_request_is_logged() {
    let origin = Origin::below("/artifactory/api/npm/npm-remote").await;
    origin.put("@a/b", Answer::ok("hello").media("text/plain"));
    let wire = ask(&origin, "GET", "@a%2fb?x=1", &[("Accept", "text/x")]).await;
    assert_eq!((wire.status(), &wire.body[..]), (200, &b"hello"[..]));
    assert_eq!((wire.header("content-type"), wire.header("etag")), (Some("text/plain"), None));
    let seen = &origin.requests()[0];
    assert_eq!((&*seen.method, &*seen.path), ("GET", "@a%2fb?x=1"));
    assert_eq!((seen.header("accept"), seen.query()), (Some("text/x"), "x=1"));
    assert_eq!((origin.count("@a/b"), get(&origin, "other").await.status()), (1, 404));
}

#[tokio::test]
async fn validators_lead_to_304() {
    let origin = Origin::start().await;
    let date = "Fri, 21 Nov 2025 04:40:00 GMT";
    origin.put("x", Answer::ok("hello").etag("\"1\"").last_modified(date));
    let wire = ask(&origin, "GET", "x", &[("If-None-Match", "\"0\", \"1\"")]).await;
    assert_eq!((wire.status(), wire.body.len()), (304, 0));
    assert_eq!(ask(&origin, "GET", "x", &[("If-Modified-Since", date)]).await.status(), 304);
    assert_eq!(ask(&origin, "GET", "x", &[("If-None-Match", "\"2\"")]).await.status(), 200);
}

#[tokio::test]
async fn a_body_is_cut_or_stalls_where_it_should() {
    let origin = Origin::start().await;
    origin.put("cut", Answer::ok("0123456789").cut_after(4));
    origin.put("stall", Answer::ok("0123456789").stalling_after(3));
    for (path, expected) in [("cut", &b"0123"[..]), ("stall", b"012")] {
        let wire = get(&origin, path).await;
        assert_eq!(wire.header("content-length"), Some("10"));
        assert_eq!(wire.body, expected, "{path}");
    }
}

#[tokio::test]
async fn a_body_trickles() {
    let origin = Origin::start().await;
    let pause = Duration::from_millis(40);
    origin.put("x", Answer::ok("0123456789").trickling(4, pause));
    let start = Instant::now();
    assert_eq!(get(&origin, "x").await.body, b"0123456789");
    assert!(start.elapsed() >= 2 * pause);
}

#[tokio::test]
async fn a_wrong_length_is_declared() {
    let origin = Origin::start().await;
    origin.put("long", Answer::ok("0123456789").claiming_length(20));
    origin.put("short", Answer::ok("0123456789").claiming_length(5));
    let long = get(&origin, "long").await;
    assert_eq!((long.header("content-length"), long.body.len()), (Some("20"), 10));
    let short = get(&origin, "short").await;
    assert_eq!((short.header("content-length"), &short.body[..]), (Some("5"), &b"01234"[..]));
}

#[tokio::test]
async fn an_endless_body_goes_on() {
    let origin = Origin::start().await;
    origin.put("x", Answer::ok(vec![b'x'; 4096]).endless());
    let wire = get(&origin, "x").await;
    assert_eq!(wire.header("transfer-encoding"), Some("chunked"));
    assert!(wire.body.len() > 500_000);
}

#[tokio::test]
async fn failures_come_first() {
    let origin = Origin::start().await;
    origin.put("x", Answer::ok("fine").failing(2, 503, Some(1)));
    let first = get(&origin, "x").await;
    assert_eq!((first.status(), first.header("retry-after")), (503, Some("1")));
    assert_eq!(get(&origin, "x").await.status(), 503);
    assert_eq!(get(&origin, "x").await.status(), 200);
}

#[tokio::test]
async fn ranges_are_honoured_or_ignored() {
    let origin = Origin::start().await;
    origin.put("with", Answer::ok("0123456789").etag("\"1\"").ranged());
    origin.put("without", Answer::ok("0123456789"));
    let part = |path, range| {
        let origin = &origin;
        async move { ask(origin, "GET", path, &[("Range", range)]).await }
    };
    let wire = part("with", "bytes=2-4").await;
    assert_eq!((wire.status(), &wire.body[..]), (206, &b"234"[..]));
    assert_eq!(wire.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(part("with", "bytes=7-").await.body, b"789");
    assert_eq!(part("with", "bytes=-2").await.body, b"89");
    assert_eq!(part("with", "bytes=10-").await.status(), 416);
    assert_eq!(part("without", "bytes=2-4").await.status(), 200);
    let headers = [("Range", "bytes=2-4"), ("If-Range", "\"other\"")];
    assert_eq!(ask(&origin, "GET", "with", &headers).await.status(), 200);
}

#[tokio::test]
async fn credentials_are_wanted() {
    let origin = Origin::start().await;
    origin.put("basic", Answer::ok("a").basic("user", "secret"));
    origin.put("bearer", Answer::ok("b").bearer("token"));
    let wire = get(&origin, "basic").await;
    assert_eq!(wire.header("www-authenticate"), Some("Basic realm=\"fixture\""));
    let with = |path, value| {
        let origin = &origin;
        async move { ask(origin, "GET", path, &[("Authorization", value)]).await.status() }
    };
    assert_eq!(with("basic", "Basic dXNlcjpzZWNyZXQ=").await, 200);
    assert_eq!(with("bearer", "Basic dXNlcjpzZWNyZXQ=").await, 401);
    assert_eq!(with("bearer", "Bearer token").await, 200);
    origin.require_bearer("all");
    assert_eq!(with("basic", "Basic dXNlcjpzZWNyZXQ=").await, 401);
}

#[tokio::test]
async fn redirects_delays_and_changes() {
    let origin = Origin::start().await;
    origin.put("r", Answer::redirect("/r").delayed(Duration::from_millis(60)));
    let start = Instant::now();
    assert_eq!(get(&origin, "r").await.header("location"), Some("/r"));
    assert!(start.elapsed() >= Duration::from_millis(60));
    origin.put("x", Answer::ok("hello"));
    origin.change("x", Answer::corrupted);
    assert_eq!(get(&origin, "x").await.body, b"helln");
    origin.change("x", Answer::gzipped);
    assert_eq!(get(&origin, "x").await.header("content-encoding"), Some("gzip"));
    origin.remove("x");
    assert_eq!(get(&origin, "x").await.status(), 404);
}

#[tokio::test]
async fn a_stopped_origin_refuses() {
    let origin = Origin::start().await;
    origin.stop();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(tokio::net::TcpStream::connect(origin.address()).await.is_err());
}

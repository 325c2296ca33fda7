//! Over a real connection: what clients see when a transfer breaks or is refused.

use std::net::SocketAddr;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use weir_testkit::origin::{Answer, NpmStyle, Origin, npm_registry};

use crate::harness::{Gateway, LODASH, LODASH_UPSTREAM, lodash, setup};

/// Serves the npm mount on a loopback port.
async fn serve(gateway: &Gateway) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = gateway.pipeline.mounted(gateway.fronts["npm"].clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            let mut server = hyper::server::conn::http1::Builder::new();
            server.timer(TokioTimer::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

/// Everything that the server sends until it closes the connection.
async fn talk(address: SocketAddr, path: &str) -> Vec<u8> {
    ask(address, "GET", path, "").await
}

async fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A broken transfer may end in a reset.
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

fn split(answer: &[u8]) -> (String, &[u8]) {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    (String::from_utf8(answer[..end].to_vec()).unwrap(), &answer[end + 4..])
}

#[tokio::test]
async fn a_refusal_stands_in_the_status_line() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).cooldown(7).open().await;
    let address = serve(&gateway).await;
    let answer = talk(address, "/npm/lodash/-/lodash-4.18.0.tgz").await;
    let (head, _) = split(&answer);
    let line = "HTTP/1.1 403 lodash 4.18.0 withheld by cooldown (7 days) until 2026-06-06";
    assert_eq!(head.lines().next(), Some(line));
}

#[tokio::test]
async fn a_whole_file_ends_as_it_should() {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    let address = serve(&gateway).await;
    for _hit in [false, true] {
        let answer = talk(address, LODASH).await;
        let (head, body) = split(&answer);
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(head.contains(&format!("content-length: {}", files[1].bytes.len())), "{head}");
        assert_eq!(body, &files[1].bytes[..]);
    }
}

#[tokio::test]
async fn a_wrong_file_never_ends_as_a_whole_one() {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let whole = Answer::ok(files[1].bytes.clone());
    let gateway = setup().npm(&origin).open().await;
    let address = serve(&gateway).await;
    for (what, answer) in [
        ("other bytes", whole.clone().corrupted()),
        ("other bytes, chunked", whole.clone().corrupted().chunked()),
        ("cut", whole.clone().cut_after(100)),
        ("cut, chunked", whole.clone().chunked().cut_after(100)),
    ] {
        origin.put(LODASH_UPSTREAM, answer);
        let answer = talk(address, LODASH).await;
        if answer.is_empty() {
            continue;
        }
        let (head, body) = split(&answer);
        if !head.starts_with("HTTP/1.1 200") {
            continue;
        }
        if head.contains("content-length") {
            assert!(body.len() < files[1].bytes.len(), "{what}: {head}");
        } else {
            assert!(!body.ends_with(b"0\r\n\r\n"), "{what}: {head}");
        }
    }
    origin.put(LODASH_UPSTREAM, whole);
    let answer = talk(address, LODASH).await;
    assert_eq!(split(&answer).1, &files[1].bytes[..]);
}

#[tokio::test]
async fn answers_without_a_body_say_its_length() {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    let address = serve(&gateway).await;
    for _hit in [false, true] {
        let answer = ask(address, "HEAD", LODASH, "").await;
        let (head, body) = split(&answer);
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(head.contains(&format!("content-length: {}", files[1].bytes.len())), "{head}");
        assert!(body.is_empty());
        let listing = ask(address, "HEAD", "/npm/lodash", "").await;
        let (head, body) = split(&listing);
        assert!(head.starts_with("HTTP/1.1 200 OK") && body.is_empty(), "{head}");
        assert!(!head.contains("content-length: 0"), "{head}");
        let etag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
        let headers = format!("If-None-Match: {etag}\r\n");
        let unchanged = ask(address, "GET", "/npm/lodash", &headers).await;
        let (head, body) = split(&unchanged);
        assert!(head.starts_with("HTTP/1.1 304") && body.is_empty(), "{head}");
        talk(address, LODASH).await;
    }
    let beyond = ask(address, "GET", LODASH, "Range: bytes=999999-\r\n").await;
    let (head, body) = split(&beyond);
    assert!(head.starts_with("HTTP/1.1 416") && body.is_empty(), "{head}");
}

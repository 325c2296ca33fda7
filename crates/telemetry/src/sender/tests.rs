//! What a collector that speaks gRPC receives, and what its answers mean.

use std::convert::Infallible;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::*;

type Seen = Arc<Mutex<Vec<(http::request::Parts, Bytes)>>>;

/// A collector whose answers end with this status.
async fn collector(status: &'static str) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let all = Arc::clone(&seen);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service_fn(move |request: Request<Incoming>| {
            let seen = Arc::clone(&all);
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                seen.lock().unwrap().push((head, body));
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", HeaderValue::from_static(status));
                let body = Full::new(Bytes::from_static(b"\0\0\0\0\x02ok"));
                let body = body.with_trailers(async { Some(Ok::<_, Infallible>(trailers)) });
                Ok::<_, Infallible>(Response::new(body))
            }
        });
        let _ = http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await;
    });
    (address, seen)
}

async fn sent(address: &str) -> Response<Bytes> {
    let request = Request::post(format!("{address}/a.Service/Export"));
    let request =
        request.header(header::CONTENT_TYPE, "application/x-protobuf").header("x-key", "k");
    let request = request.body(Bytes::from_static(b"abc")).unwrap();
    Sender::new(OtlpProtocol::Grpc).unwrap().send_bytes(request).await.unwrap()
}

#[tokio::test]
async fn a_message_travels_behind_its_length_and_so_does_the_answer() {
    let (address, seen) = collector("0").await;
    let answer = sent(&address).await;
    assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, b"ok".as_slice()));
    let (head, body) = seen.lock().unwrap().pop().unwrap();
    assert_eq!((head.version, head.uri.path()), (http::Version::HTTP_2, "/a.Service/Export"));
    let header = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(header("content-type"), Some("application/grpc"));
    assert_eq!((header("te"), header("x-key")), (Some("trailers"), Some("k")));
    assert_eq!(&body[..], b"\0\0\0\0\x03abc");
}

#[tokio::test]
async fn a_failure_is_told_as_http_tells_it() {
    for (code, status) in [("14", 503), ("4", 503), ("16", 401), ("7", 403), ("3", 400), ("x", 400)]
    {
        let (address, _) = collector(code).await;
        assert_eq!(sent(&address).await.status(), status, "{code}");
    }
}

#[test]
fn an_answer_without_a_message_has_its_outcome_in_the_head() {
    let answer = |status: u16, code: Option<&str>| {
        let mut answer = Response::builder().status(status);
        if let Some(code) = code {
            answer = answer.header("grpc-status", code);
        }
        unframed(answer.body(Bytes::new()).unwrap(), None).status().as_u16()
    };
    assert_eq!(answer(200, Some("12")), 400);
    assert_eq!(answer(200, Some("0")), 200);
    assert_eq!(answer(200, None), 502);
    assert_eq!(answer(503, None), 503);
}

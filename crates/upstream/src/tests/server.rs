//! Small servers: one that speaks HTTP and remembers, one that follows a script byte by byte.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(super) type Reply = Response<Full<Bytes>>;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) version: Version,
    pub(super) body: Bytes,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

#[derive(Clone)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn bind(host: &str) -> (Self, TcpListener) {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        (Self { address, seen: Arc::default(), connections: Arc::default() }, listener)
    }

    /// `http://127.0.0.1:port`
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    async fn answer(
        self,
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        handler: Arc<impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static>,
    ) {
        let service = service_fn(move |request: Request<Incoming>| {
            let (server, handler) = (self.clone(), handler.clone());
            async move {
                let (head, body) = request.into_parts();
                let seen = Seen {
                    method: head.method.to_string(),
                    target: head.uri.to_string(),
                    headers: head.headers,
                    version: head.version,
                    body: body.collect().await.unwrap_or_default().to_bytes(),
                };
                let index = {
                    let mut all = server.seen.lock().unwrap();
                    all.push(seen.clone());
                    all.len() - 1
                };
                Ok::<_, std::convert::Infallible>(handler(index, &seen))
            }
        });
        // A client that goes away is part of some tests.
        let _ = auto::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(io), service)
            .await;
    }
}

/// Serves HTTP; the handler gets the number of the request, from 0.
pub(super) async fn serve(
    handler: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static,
) -> Server {
    serve_at("127.0.0.1", None, handler).await
}

pub(super) async fn serve_at(
    host: &str,
    tls: Option<TlsAcceptor>,
    handler: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static,
) -> Server {
    let (server, listener) = Server::bind(host).await;
    let (handler, this) = (Arc::new(handler), server.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            this.connections.fetch_add(1, Ordering::SeqCst);
            let (this, handler, tls) = (this.clone(), handler.clone(), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => this.answer(stream, handler).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            this.answer(stream, handler).await;
                        }
                    }
                }
            });
        }
    });
    server
}

/// Runs a script for each connection; it gets the number of the connection, from 0.
pub(super) async fn script<F>(run: impl Fn(usize, TcpStream) -> F + Send + 'static) -> Server
where
    F: Future<Output = ()> + Send + 'static,
{
    let (server, listener) = Server::bind("127.0.0.1").await;
    let connections = server.connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let index = connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(run(index, stream));
        }
    });
    server
}

/// Reads a request head.
pub(super) async fn head(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => text.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(text).unwrap()
}

pub(super) fn text(body: &'static str) -> Reply {
    Response::new(Full::from(body))
}

pub(super) fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Full::new(body.into())).unwrap()
}

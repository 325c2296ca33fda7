//! Clients with manners, good and bad.

use std::io::Read as _;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long an answer may take in all.
const PATIENCE: Duration = Duration::from_secs(75);

/// What is asked.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: String,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// How the answer is read.
    pub manner: Manner,
}

/// How a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// To the end.
    Whole,
    /// It goes away after so many bytes.
    Vanishes(usize),
    /// It waits so long before each part.
    Slow(Duration),
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Whole,
    /// The connection broke, or the time was up.
    Broken,
    /// The client went away.
    Left,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Got {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as far as it came, without its content coding when it is whole.
    pub body: Vec<u8>,
    /// How it ended.
    pub end: End,
}

impl Got {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Ask {
    /// GET, read to the end.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), headers: Vec::new(), manner: Manner::Whole }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Read so.
    #[must_use]
    pub fn manner(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }
}

/// Asks over a connection of its own; `None` when there is no answer at all.
pub async fn ask(port: u16, ask: &Ask) -> Option<Got> {
    let (response, driver) = tokio::time::timeout(PATIENCE, begin(port, ask)).await.ok()??;
    let (parts, body) = response.into_parts();
    let mut got = Got {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: Vec::new(),
        end: End::Broken,
    };
    let reading = read(body, ask.manner, &mut got.body);
    got.end = tokio::time::timeout(PATIENCE, reading).await.unwrap_or(End::Broken);
    driver.abort();
    if got.end == End::Whole && got.header("content-encoding") == Some("gzip") {
        let mut plain = Vec::new();
        match flate2::read::MultiGzDecoder::new(&got.body[..]).read_to_end(&mut plain) {
            Ok(_) => got.body = plain,
            Err(_) => got.body = b"a broken gzip stream".to_vec(),
        }
    }
    Some(got)
}

async fn begin(port: u16, ask: &Ask) -> Option<(Response<Incoming>, tokio::task::JoinHandle<()>)> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connected.ok()?;
    let driver = tokio::spawn(async move { drop(connection.await) });
    let mut request = Request::builder().method(ask.method).uri(&ask.path);
    request = request.header("host", "weir.example:8080");
    for (name, value) in &ask.headers {
        request = request.header(*name, value);
    }
    let request = request.body(Empty::<Bytes>::new()).ok()?;
    let response = sender.send_request(request).await.ok()?;
    Some((response, driver))
}

async fn read(mut body: Incoming, manner: Manner, into: &mut Vec<u8>) -> End {
    loop {
        match manner {
            Manner::Vanishes(after) if into.len() >= after => return End::Left,
            Manner::Slow(pause) => tokio::time::sleep(pause).await,
            _ => {}
        }
        match body.frame().await {
            None => return End::Whole,
            Some(Err(_)) => return End::Broken,
            Some(Ok(frame)) => {
                if let Some(bytes) = frame.data_ref() {
                    into.extend_from_slice(bytes);
                }
            }
        }
    }
}

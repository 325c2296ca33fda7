//! From a request to its line in the access log.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::{Buf, Bytes};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use hyper::body::{Body, Frame};
use weir_core::{Clock as _, SystemClock, Timestamp};
use weir_pipeline::{PublicAddress, Told};
use weir_telemetry::{AccessLog, AccessRecord};

use crate::router::TokenName;

/// The longest target and agent that are written, in bytes.
const LONGEST: usize = 2048;

/// The access log, and whom its lines name as the client.
#[derive(Debug)]
pub(crate) struct Lines {
    log: AccessLog,
    public: PublicAddress,
}

impl Lines {
    /// Writes into this log.
    pub(crate) fn new(log: AccessLog, public: PublicAddress) -> Self {
        Self { log, public }
    }
}

/// A request on its way; becomes a line when it is dropped, which is when the last byte of its
/// answer has been handed over or the client has gone.
#[derive(Debug)]
pub(crate) struct Accessed {
    log: AccessLog,
    begun: Instant,
    record: AccessRecord,
    /// What the body will have, where its head says so.
    expected: Option<u64>,
    ended: bool,
}

impl Accessed {
    /// A request arrived.
    pub(crate) fn begin<B>(lines: &Lines, request: &Request<B>, peer: SocketAddr) -> Self {
        let client = lines.public.client(request.headers(), peer.ip());
        let target = request.uri().path_and_query().map_or("", |target| target.as_str());
        let record = AccessRecord {
            time: instant(SystemClock.now()),
            client: client.to_string(),
            method: request.method().to_string(),
            target: shortened(target),
            agent: agent(request.headers()),
            ..AccessRecord::default()
        };
        let log = lines.log.clone();
        Self { log, begun: Instant::now(), record, expected: None, ended: false }
    }

    /// The head of its answer is known.
    pub(crate) fn answered<B: Body>(&mut self, response: &Response<B>) {
        self.record.status = response.status().as_u16();
        // The body of an answer to HEAD is looked at by nobody.
        let bodiless = self.record.method == Method::HEAD.as_str();
        let length = || response.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
        let known = || length().or_else(|| response.body().size_hint().exact());
        let is_unchanged = response.status() == StatusCode::NOT_MODIFIED;
        self.expected = if bodiless || is_unchanged { Some(0) } else { known() };
        let token = response.extensions().get::<TokenName>();
        self.record.token = token.map(|name| name.0.to_string());
        let Some(told) = response.extensions().get::<Told>() else { return };
        self.record.ecosystem = Some(told.ecosystem);
        self.record.mount = Some(told.mount.to_string());
        self.record.purl = told.subject.as_ref().map(ToString::to_string);
        self.record.outcome = Some(told.outcome);
        self.record.code = told.code.map(weir_core::Code::as_str);
    }

    /// A part of its body was handed over.
    pub(crate) fn passed(&mut self, frame: &Frame<Bytes>) {
        self.record.bytes += frame.data_ref().map_or(0, |data| data.remaining() as u64);
    }

    /// All of its body was handed over.
    pub(crate) fn ended(&mut self) {
        self.ended = true;
    }

    /// Whether less was handed over than there was.
    fn is_cut(&self) -> bool {
        !self.ended && self.expected.is_none_or(|expected| self.record.bytes < expected)
    }
}

impl Drop for Accessed {
    fn drop(&mut self) {
        let micros = self.begun.elapsed().as_micros();
        self.record.cut = self.is_cut();
        self.record.micros = u64::try_from(micros).unwrap_or(u64::MAX);
        self.log.record(std::mem::take(&mut self.record));
    }
}

/// To the millisecond: machines put lines of several files in order by it.
fn instant(at: Timestamp) -> String {
    let (seconds, millis) = (at.to_string(), at.as_millis().rem_euclid(1000));
    format!("{}.{millis:03}Z", seconds.trim_end_matches('Z'))
}

fn agent(headers: &HeaderMap) -> Option<String> {
    Some(shortened(&String::from_utf8_lossy(headers.get(header::USER_AGENT)?.as_bytes())))
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

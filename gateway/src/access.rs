//! From an answered request to its line in the access log.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::{Buf, Bytes};
use http::{HeaderMap, Request, Response, header};
use hyper::body::Frame;
use weir_core::{Clock as _, SystemClock};
use weir_pipeline::Told;
use weir_telemetry::{AccessLog, AccessRecord};

use crate::router::TokenName;

/// The longest target and agent that are written, in bytes.
const LONGEST: usize = 2048;

/// A request on its way; becomes a line when it is dropped, which is when the last byte of its
/// answer has been handed over or the client has gone.
#[derive(Debug)]
pub(crate) struct Accessed {
    log: AccessLog,
    begun: Instant,
    record: AccessRecord,
}

impl Accessed {
    /// A request arrived.
    pub(crate) fn begin<B>(log: &AccessLog, request: &Request<B>, peer: SocketAddr) -> Self {
        let target = request.uri().path_and_query().map_or("", |target| target.as_str());
        let record = AccessRecord {
            time: SystemClock.now().to_string(),
            client: peer.ip().to_canonical().to_string(),
            method: request.method().to_string(),
            target: shortened(target),
            agent: agent(request.headers()),
            ..AccessRecord::default()
        };
        Self { log: log.clone(), begun: Instant::now(), record }
    }

    /// The head of its answer is known.
    pub(crate) fn answered<B>(&mut self, response: &Response<B>) {
        self.record.status = response.status().as_u16();
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
}

impl Drop for Accessed {
    fn drop(&mut self) {
        let micros = self.begun.elapsed().as_micros();
        self.record.micros = u64::try_from(micros).unwrap_or(u64::MAX);
        self.log.record(std::mem::take(&mut self.record));
    }
}

fn agent(headers: &HeaderMap) -> Option<String> {
    Some(shortened(&String::from_utf8_lossy(headers.get(header::USER_AGENT)?.as_bytes())))
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

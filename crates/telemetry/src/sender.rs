//! Sends a signal to a collector. The SDK exports on threads of its own, where no tokio reactor is:
//! each request is handed to the runtime and waited for.
//!
//! Over gRPC the same bytes travel as one length-prefixed message of HTTP/2 ("gRPC over HTTP2",
//! Length-Prefixed-Message), and the outcome stands behind them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError};
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Handle;

use crate::otlp::{OtlpError, OtlpProtocol, TIMEOUT};

/// The largest answer of a collector that is read, in bytes.
const LONGEST: usize = 1 << 20;
/// A collector that does not take what is sent is reported no more often than this.
const COMPLAIN_EVERY: Duration = Duration::from_mins(1);
/// Whether a message is compressed (these are not), and its length.
const PREFIX: usize = 5;

type Https = HttpsConnector<HttpConnector>;

/// Sends requests on the runtime.
pub(crate) struct Sender {
    runtime: Handle,
    protocol: OtlpProtocol,
    client: Arc<Client<Https, Full<Bytes>>>,
    complained: Mutex<Option<Instant>>,
}

impl Sender {
    /// Must be called within a tokio runtime.
    pub(crate) fn new(protocol: OtlpProtocol) -> Result<Self, OtlpError> {
        let fail = |error: &dyn fmt::Display| OtlpError(error.to_string());
        let mut roots = RootCertStore::empty();
        // What cannot be read is left out, as elsewhere; a collector may speak plain HTTP anyway.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| fail(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let mut builder = Client::builder(TokioExecutor::new());
        let client = match protocol {
            OtlpProtocol::Http => builder.build(connector.enable_http1().build()),
            OtlpProtocol::Grpc => builder.http2_only(true).build(connector.enable_http2().build()),
        };
        let runtime = Handle::try_current().map_err(|error| fail(&error))?;
        let complained = Mutex::default();
        Ok(Self { runtime, protocol, client: Arc::new(client), complained })
    }

    /// The SDK is silent about what it could not send.
    fn complain(&self, path: &str, reason: &dyn fmt::Display) {
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
            *complained = Some(Instant::now());
            tracing::warn!(path, %reason, "the collector did not take what was sent");
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let path = request.uri().path().to_owned();
        let (client, protocol) = (Arc::clone(&self.client), self.protocol);
        let exchange = async move {
            let request = match protocol {
                OtlpProtocol::Http => request,
                OtlpProtocol::Grpc => framed(request),
            };
            let (head, body) = client.request(request.map(Full::new)).await?.into_parts();
            let collected = Limited::new(body, LONGEST).collect().await?;
            let trailers = collected.trailers().cloned();
            let response = Response::from_parts(head, collected.to_bytes());
            Ok::<_, HttpError>(match protocol {
                OtlpProtocol::Http => response,
                OtlpProtocol::Grpc => unframed(response, trailers.as_ref()),
            })
        };
        // A timer begins where it is made, and this is a thread of the SDK's.
        let timed = async move { tokio::time::timeout(TIMEOUT, exchange).await };
        let answer = match self.runtime.spawn(timed).await? {
            Ok(answer) => answer,
            Err(late) => Err(late.into()),
        };
        match &answer {
            Ok(response) if response.status().is_success() => {}
            Ok(response) => self.complain(&path, &response.status()),
            Err(error) => self.complain(&path, &root_cause(&**error)),
        }
        answer
    }
}

fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// A request of OTLP/HTTP as a call of gRPC.
fn framed(request: Request<Bytes>) -> Request<Bytes> {
    let (mut head, message) = request.into_parts();
    let mut body = BytesMut::with_capacity(PREFIX + message.len());
    body.put_u8(0);
    body.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    body.extend_from_slice(&message);
    let grpc = HeaderValue::from_static("application/grpc");
    head.headers.insert(header::CONTENT_TYPE, grpc);
    head.headers.insert(header::TE, HeaderValue::from_static("trailers"));
    Request::from_parts(head, body.freeze())
}

/// The answer to a call of gRPC as OTLP/HTTP would have it. The outcome stands in the trailers; an
/// answer without a message has it in its head.
fn unframed(response: Response<Bytes>, trailers: Option<&HeaderMap>) -> Response<Bytes> {
    let (mut head, body) = response.into_parts();
    let status = trailers
        .and_then(|trailers| trailers.get("grpc-status"))
        .or_else(|| head.headers.get("grpc-status"));
    if head.status.is_success() {
        head.status = status.map_or(StatusCode::BAD_GATEWAY, status_of);
    }
    Response::from_parts(head, body.slice(PREFIX.min(body.len())..))
}

/// What OTLP/HTTP would have answered: whether trying again makes sense is all that is asked of it
/// (OTLP Specification, "Failures" of OTLP/gRPC and "Retryable Response Codes" of OTLP/HTTP).
fn status_of(code: &HeaderValue) -> StatusCode {
    match code.as_bytes() {
        b"0" => StatusCode::OK,
        // Cancelled, deadline exceeded, aborted, out of range, unavailable, data loss.
        b"1" | b"4" | b"10" | b"11" | b"14" | b"15" => StatusCode::SERVICE_UNAVAILABLE,
        b"7" => StatusCode::FORBIDDEN,
        b"16" => StatusCode::UNAUTHORIZED,
        _ => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests;

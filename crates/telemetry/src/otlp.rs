//! Traces and metrics for a collector, by OTLP over HTTP with protobuf bodies (OpenTelemetry
//! Protocol Specification 1.x, "OTLP/HTTP"): `<endpoint>/v1/traces` and `<endpoint>/v1/metrics`.
//!
//! The SDK exports on threads of its own, where no tokio reactor is: each request is handed to the
//! runtime and waited for.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry::KeyValue;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{
    MetricExporter, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::PeriodicReader;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::resource::EnvResourceDetector;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::runtime::Handle;
use tracing::field::Empty;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// The target of the spans that become traces. They stand in no log.
pub const TRACE: &str = "weir_trace";

/// How long a collector has to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer of a collector that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// Where traces and metrics are sent.
#[derive(Clone, Debug)]
pub struct OtlpSettings {
    /// The collector's address, without the paths of the signals: `http://127.0.0.1:4318`.
    pub endpoint: String,
    /// Headers of each request, such as a key.
    pub headers: HashMap<String, String>,
    /// The name of this gateway among what is observed.
    pub service_name: String,
    /// How often metrics are sent.
    pub interval: Duration,
    /// One request in this many is traced; 0 traces none.
    pub sample: u64,
}

/// The exporters could not be set up.
#[derive(Debug, Error)]
#[error("otlp.endpoint: {0}")]
pub struct OtlpError(String);

/// Collects spans and sends them. Clones share what they collect.
#[derive(Clone, Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts to send. Must be called within a tokio runtime; `None` when nothing is to be traced.
    pub fn start(settings: &OtlpSettings) -> Result<Option<Self>, OtlpError> {
        if settings.sample == 0 {
            return Ok(None);
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender::new()?)
            .with_headers(settings.headers.clone())
            .with_endpoint(endpoint(settings, "v1/traces"))
            .with_timeout(TIMEOUT)
            .build()
            .map_err(|error| OtlpError(error.to_string()))?;
        #[expect(clippy::cast_precision_loss, reason = "a ratio")]
        let ratio = 1.0 / settings.sample as f64;
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio)));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(sampler)
            .with_resource(resource(settings))
            .build();
        Ok(Some(Self(provider)))
    }

    /// Sends what is still collected, and ends.
    pub fn stop(&self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }

    /// Turns the spans of [`TRACE`] into traces.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        // Asked for each span anew: see the log's own.
        let only = dynamic_filter_fn(|metadata, _| metadata.target() == TRACE);
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("weir"))
            .with_location(false)
            .with_threads(false)
            .with_filter(only)
    }
}

/// The span of a client's request, below the client's own where it names one (`traceparent`, W3C
/// Trace Context). It costs next to nothing when no traces are collected.
pub fn request_span<B>(request: &Request<B>) -> Span {
    let span = tracing::info_span!(
        target: TRACE,
        "request",
        otel.kind = "server",
        http.request.method = %request.method(),
        url.path = request.uri().path(),
        http.response.status_code = Empty,
        weir.mount = Empty,
        weir.package = Empty,
        weir.outcome = Empty,
        weir.code = Empty,
    );
    if !span.is_disabled() {
        let parent = TraceContextPropagator::new().extract(&HeaderExtractor(request.headers()));
        // It fails only where no traces are collected.
        let _ = span.set_parent(parent);
    }
    span
}

/// Sends metrics from time to time.
pub(crate) fn reader(settings: &OtlpSettings) -> Result<PeriodicReader<MetricExporter>, OtlpError> {
    let exporter = MetricExporter::builder()
        .with_http()
        .with_http_client(Sender::new()?)
        .with_headers(settings.headers.clone())
        .with_endpoint(endpoint(settings, "v1/metrics"))
        .with_timeout(TIMEOUT)
        .build()
        .map_err(|error| OtlpError(error.to_string()))?;
    Ok(PeriodicReader::builder(exporter).with_interval(settings.interval).build())
}

/// What sends: its name and version, and what `OTEL_RESOURCE_ATTRIBUTES` says besides.
pub(crate) fn resource(settings: &OtlpSettings) -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    Resource::builder_empty()
        .with_detector(Box::new(EnvResourceDetector::new()))
        .with_attribute(version)
        .with_service_name(settings.service_name.clone())
        .build()
}

fn endpoint(settings: &OtlpSettings, path: &str) -> String {
    format!("{}/{path}", settings.endpoint.trim_end_matches('/'))
}

type Https = HttpsConnector<HttpConnector>;

/// Sends requests on the runtime.
struct Sender {
    runtime: Handle,
    client: Arc<Client<Https, Full<Bytes>>>,
}

impl Sender {
    fn new() -> Result<Self, OtlpError> {
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
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new()).build(connector.build());
        let runtime = Handle::try_current().map_err(|error| fail(&error))?;
        Ok(Self { runtime, client: Arc::new(client) })
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
        let client = Arc::clone(&self.client);
        let exchange = async move {
            let response = client.request(request.map(Full::new)).await?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, LONGEST).collect().await?.to_bytes();
            Ok(Response::from_parts(parts, body))
        };
        // A timer begins where it is made, and this is a thread of the SDK's.
        let timed = async move { tokio::time::timeout(TIMEOUT, exchange).await };
        self.runtime.spawn(timed).await??
    }
}

//! Traces and metrics for a collector, by OTLP with protobuf bodies (OpenTelemetry Protocol
//! Specification 1.x): over HTTP to `<endpoint>/v1/traces` and `<endpoint>/v1/metrics`, or over gRPC.

use std::collections::HashMap;
use std::time::Duration;

use http::{HeaderMap, Request};
use opentelemetry::KeyValue;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_otlp::{
    MetricExporter, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::PeriodicReader;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::resource::EnvResourceDetector;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use thiserror::Error;
use tracing::field::Empty;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::sender::Sender;

/// The target of the spans that become traces. They stand in no log.
pub const TRACE: &str = "weir_trace";

/// How long a collector has to answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// How requests reach a collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// OTLP/HTTP, on port 4318 of most collectors.
    #[default]
    Http,
    /// OTLP/gRPC, on port 4317.
    Grpc,
}

/// Where traces and metrics are sent.
#[derive(Clone, Debug)]
pub struct OtlpSettings {
    /// The collector's address, without the paths of the signals: `http://127.0.0.1:4318`.
    pub endpoint: String,
    /// How requests reach it.
    pub protocol: OtlpProtocol,
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
pub struct OtlpError(pub(crate) String);

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
            .with_http_client(Sender::new(settings.protocol)?)
            .with_headers(settings.headers.clone())
            .with_endpoint(endpoint(settings, "trace"))
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
            .with_target(false)
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
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
        otel.status_code = Empty,
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

/// Tells whom a request goes to which trace it belongs to: the header `traceparent`. What others
/// have noted in `tracestate` stays here.
pub fn propagate(span: &Span, headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(&span.context(), &mut HeaderInjector(headers));
    headers.remove("tracestate");
}

/// Sends metrics from time to time.
pub(crate) fn reader(settings: &OtlpSettings) -> Result<PeriodicReader<MetricExporter>, OtlpError> {
    let exporter = MetricExporter::builder()
        .with_http()
        .with_http_client(Sender::new(settings.protocol)?)
        .with_headers(settings.headers.clone())
        .with_endpoint(endpoint(settings, "metrics"))
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

/// Where a signal is sent: a path of OTLP/HTTP, or a method of the service that OTLP/gRPC has for it.
fn endpoint(settings: &OtlpSettings, signal: &str) -> String {
    let base = settings.endpoint.trim_end_matches('/');
    match (settings.protocol, signal) {
        (OtlpProtocol::Http, "trace") => format!("{base}/v1/traces"),
        (OtlpProtocol::Http, _) => format!("{base}/v1/{signal}"),
        (OtlpProtocol::Grpc, _) => {
            let service = if signal == "trace" { "TraceService" } else { "MetricsService" };
            format!("{base}/opentelemetry.proto.collector.{signal}.v1.{service}/Export")
        }
    }
}

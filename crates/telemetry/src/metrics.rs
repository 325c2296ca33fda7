//! What is counted, and its page in Prometheus' text format.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, MeterProvider as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{MeterProviderBuilder, SdkMeterProvider};
use prometheus::{Registry, TEXT_FORMAT, TextEncoder};
use thiserror::Error;

use crate::AccessLog;
use crate::otlp::{self, OtlpSettings};
use crate::tally::{Decision, Ecosystem, Labels, Tally};

/// The media type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = TEXT_FORMAT;

/// The name under which everything here is counted.
const METER: &str = "weir";
const LOST_LINES: &str = "proxy_access_log_lost_total";
/// Upper bounds in seconds: from a mirror in the same rack to a large file over a slow line.
const FETCH_SECONDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
/// Upper bounds in seconds: from a file in the page cache to a slow object store.
const STORAGE_SECONDS: [f64; 13] =
    [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// The counters of one process. Clones count into the same.
///
/// Ecosystem ids, operations and error types are constants of the program, and mounts and rules
/// stand in the configuration: no client can make the page grow, and counting a hit allocates nothing.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    // Instruments count for as long as their provider lives.
    provider: SdkMeterProvider,
    hits: Tally<Ecosystem>,
    misses: Tally<Ecosystem>,
    upstream_errors: Counter<u64>,
    storage_errors: Counter<u64>,
    decisions: Tally<Decision>,
    failures: Counter<u64>,
    fetch_seconds: Histogram<f64>,
    storage_seconds: Histogram<f64>,
    cache_bytes: Gauge<u64>,
    artifacts: Gauge<u64>,
    quota_remaining: Gauge<u64>,
    quota_limit: Gauge<u64>,
    active: Arc<AtomicI64>,
}

/// The exporter could not be set up.
#[derive(Debug, Error)]
#[error("metrics cannot be exported: {0}")]
pub struct MetricsError(String);

impl Metrics {
    /// Counters at zero.
    pub fn new() -> Result<Self, MetricsError> {
        // An empty resource: the default one reads the environment.
        Self::build(|builder| builder.with_resource(Resource::builder_empty().build()))
    }

    /// The same, which are also sent to a collector. Must be called within a tokio runtime.
    pub fn sent(settings: &OtlpSettings) -> Result<Self, MetricsError> {
        let reader = otlp::reader(settings).map_err(|error| MetricsError(error.to_string()))?;
        Self::build(|builder| builder.with_resource(otlp::resource(settings)).with_reader(reader))
    }

    fn build(
        more: impl FnOnce(MeterProviderBuilder) -> MeterProviderBuilder,
    ) -> Result<Self, MetricsError> {
        let registry = Registry::new();
        // The names below are the names on the page: nothing is appended to them.
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_units()
            .without_counter_suffixes()
            .without_target_info()
            .scope_info_enabled(false)
            .build()
            .map_err(|error| MetricsError(error.to_string()))?;
        let provider = more(SdkMeterProvider::builder()).with_reader(exporter).build();
        let metrics =
            Self(Arc::new(Inner::new(&provider.meter(METER), registry, provider.clone())));
        metrics.cache_size(0, 0);
        Ok(metrics)
    }

    /// An ecosystem is served: its counts are on the page from the beginning, so that the first
    /// hit is seen as a rise.
    pub fn serve(&self, ecosystem: &'static str) {
        self.0.hits.begin(ecosystem);
        self.0.misses.begin(ecosystem);
    }

    /// An operation on the storage exists: its errors are on the page from the beginning.
    pub fn store(&self, operation: &'static str) {
        self.0.storage_errors.add(0, &[KeyValue::new("operation", operation)]);
    }

    /// Tells how many lines of the access log were lost.
    pub fn watch(&self, log: &AccessLog) {
        let log = log.watched();
        let meter = self.0.provider.meter(METER);
        let counter = meter.u64_observable_counter(LOST_LINES);
        let counter = counter.with_description("Lines of the access log that were not written");
        counter.with_callback(move |reader| reader.observe(log.lost(), &[])).build();
    }

    /// A request was answered from the cache.
    pub fn hit(&self, ecosystem: &'static str) {
        self.0.hits.count(ecosystem);
    }

    /// A request had to be answered from upstream.
    pub fn miss(&self, ecosystem: &'static str) {
        self.0.misses.count(ecosystem);
    }

    /// A fetch from upstream took this long, until its last byte or its failure. Both are
    /// counted: a registry that only times out is a slow one.
    pub fn fetched(&self, ecosystem: &'static str, took: Duration) {
        let labels = [KeyValue::new("ecosystem", ecosystem)];
        self.0.fetch_seconds.record(took.as_secs_f64(), &labels);
    }

    /// What upstream sent failed, or could not be used; `error_type` is a word such as `timeout`.
    pub fn upstream_error(&self, ecosystem: &'static str, error_type: &'static str) {
        let labels =
            [KeyValue::new("ecosystem", ecosystem), KeyValue::new("error_type", error_type)];
        self.0.upstream_errors.add(1, &labels);
    }

    /// Upstream said how many requests it still grants to a mount, and maybe out of how many.
    pub fn quota(&self, ecosystem: &'static str, mount: &str, remaining: u64, limit: Option<u64>) {
        let labels =
            [KeyValue::new("ecosystem", ecosystem), KeyValue::new("mount", mount.to_owned())];
        self.0.quota_remaining.record(remaining, &labels);
        if let Some(limit) = limit {
            self.0.quota_limit.record(limit, &labels);
        }
    }

    /// An operation on the storage (`get`, `put`, …) took this long.
    pub fn stored(&self, operation: &'static str, took: Duration) {
        let labels = [KeyValue::new("operation", operation)];
        self.0.storage_seconds.record(took.as_secs_f64(), &labels);
    }

    /// An operation on the storage failed.
    pub fn storage_error(&self, operation: &'static str) {
        self.0.storage_errors.add(1, &[KeyValue::new("operation", operation)]);
    }

    /// Policy decided. `code` is `admitted`, `warned` or the word of a refusal; `rule` is the rule
    /// that decided; its label is empty when none did.
    pub fn decided(&self, ecosystem: &'static str, code: &'static str, rule: Option<&str>) {
        self.0.decisions.count((ecosystem, code, rule.unwrap_or_default()));
    }

    /// A request was answered with neither what it asked for nor a refusal of the policy; `code`
    /// is the word of the failure, such as `not_found`.
    pub fn failed(&self, ecosystem: &'static str, code: &'static str) {
        let labels = [KeyValue::new("ecosystem", ecosystem), KeyValue::new("code", code)];
        self.0.failures.add(1, &labels);
    }

    /// How much the cache holds now.
    pub fn cache_size(&self, bytes: u64, artifacts: u64) {
        self.0.cache_bytes.record(bytes, &[]);
        self.0.artifacts.record(artifacts, &[]);
    }

    /// A request has begun; it ends when the guard is dropped, so hold it until the last byte of
    /// the answer.
    #[must_use = "a request ends when the guard is dropped"]
    pub fn active(&self) -> Active {
        self.0.active.fetch_add(1, Ordering::Relaxed);
        Active(Arc::clone(&self.0.active))
    }

    /// Sends the last numbers to the collector, where there is one.
    pub fn stop(&self) {
        if let Err(error) = self.0.provider.shutdown() {
            tracing::warn!(%error, "the last metrics were not sent");
        }
    }

    /// The page, of type [`CONTENT_TYPE`].
    pub fn render(&self) -> Result<String, MetricsError> {
        TextEncoder::new()
            .encode_to_string(&self.0.registry.gather())
            .map_err(|error| MetricsError(error.to_string()))
    }
}

impl Inner {
    fn new(meter: &Meter, registry: Registry, provider: SdkMeterProvider) -> Self {
        let counter = |name: &'static str, help: &'static str| {
            meter.u64_counter(name).with_description(help).build()
        };
        let gauge = |name: &'static str, help: &'static str| {
            meter.u64_gauge(name).with_description(help).build()
        };
        let seconds = |name: &'static str, help: &'static str, bounds: &[f64]| {
            let histogram = meter.f64_histogram(name).with_description(help);
            histogram.with_boundaries(bounds.to_vec()).build()
        };
        Self {
            registry,
            provider,
            hits: tally(meter, "proxy_cache_hits_total", "Requests answered from the cache"),
            misses: tally(meter, "proxy_cache_misses_total", "Requests answered from upstream"),
            upstream_errors: counter("proxy_upstream_errors_total", "Fetches that failed"),
            storage_errors: counter(
                "proxy_storage_errors_total",
                "Operations on the storage that failed",
            ),
            decisions: tally(meter, "proxy_decisions_total", "Decisions of the policy"),
            failures: counter(
                "proxy_failed_requests_total",
                "Requests that were answered with an error",
            ),
            fetch_seconds: seconds(
                "proxy_upstream_fetch_duration_seconds",
                "How long fetches from upstream took",
                &FETCH_SECONDS,
            ),
            storage_seconds: seconds(
                "proxy_storage_operation_duration_seconds",
                "How long operations on the storage took",
                &STORAGE_SECONDS,
            ),
            cache_bytes: gauge("proxy_cache_size_bytes", "Bytes in the cache"),
            artifacts: gauge("proxy_cached_artifacts_total", "Artifacts in the cache"),
            quota_remaining: gauge(
                "proxy_upstream_ratelimit_remaining",
                "Requests that upstream still grants",
            ),
            quota_limit: gauge(
                "proxy_upstream_ratelimit_limit",
                "Requests that upstream grants in a window",
            ),
            active: active(meter),
        }
    }
}

/// Counts that are collected when somebody reads them: what counts each request does no more than add.
fn tally<L: Labels>(meter: &Meter, name: &'static str, help: &'static str) -> Tally<L> {
    let tally = Tally::default();
    let read = tally.clone();
    let counter = meter.u64_observable_counter(name).with_description(help);
    counter.with_callback(move |reader| read.observe(reader)).build();
    tally
}

fn active(meter: &Meter) -> Arc<AtomicI64> {
    let active = Arc::new(AtomicI64::new(0));
    let now = Arc::clone(&active);
    meter
        .i64_observable_up_down_counter("proxy_active_requests")
        .with_description("Requests that are being answered")
        .with_callback(move |reader| reader.observe(now.load(Ordering::Relaxed), &[]))
        .build();
    active
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct Active(Arc<AtomicI64>);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;

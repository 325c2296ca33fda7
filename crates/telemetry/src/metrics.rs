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

use crate::otlp::{self, OtlpSettings};
use crate::tally::{Decision, Ecosystem, Labels, Tally};

/// The media type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = TEXT_FORMAT;

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
            Self(Arc::new(Inner::new(&provider.meter("weir"), registry, provider.clone())));
        metrics.cache_size(0, 0);
        Ok(metrics)
    }

    /// A request was answered from the cache.
    pub fn hit(&self, ecosystem: &'static str) {
        self.0.hits.count(ecosystem);
    }

    /// A request had to be answered from upstream.
    pub fn miss(&self, ecosystem: &'static str) {
        self.0.misses.count(ecosystem);
    }

    /// A fetch from upstream took this long, until its last byte or its failure.
    pub fn fetched(&self, ecosystem: &'static str, took: Duration) {
        let labels = [KeyValue::new("ecosystem", ecosystem)];
        self.0.fetch_seconds.record(took.as_secs_f64(), &labels);
    }

    /// A fetch from upstream failed; `error_type` is a word such as `timeout`.
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
mod tests {
    use super::*;

    /// One of everything.
    fn busy() -> Metrics {
        let metrics = Metrics::new().unwrap();
        metrics.hit("npm");
        metrics.hit("npm");
        metrics.miss("cargo");
        metrics.fetched("cargo", Duration::from_millis(120));
        metrics.upstream_error("cargo", "timeout");
        metrics.stored("put", Duration::from_micros(700));
        metrics.storage_error("get");
        metrics.decided("npm", "blocked_by_policies", Some("cooldown"));
        metrics.decided("npm", "admitted", None);
        metrics.cache_size(4096, 3);
        metrics.quota("container", "hub", 20, Some(100));
        metrics
    }

    #[test]
    fn the_names_and_kinds_on_the_page_are_exactly_these() {
        let page = busy().render().unwrap();
        let mut kinds: Vec<&str> =
            page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        kinds.sort_unstable();
        insta::assert_snapshot!(kinds.join("\n"), @"
        proxy_active_requests gauge
        proxy_cache_hits_total counter
        proxy_cache_misses_total counter
        proxy_cache_size_bytes gauge
        proxy_cached_artifacts_total gauge
        proxy_decisions_total counter
        proxy_storage_errors_total counter
        proxy_storage_operation_duration_seconds histogram
        proxy_upstream_errors_total counter
        proxy_upstream_fetch_duration_seconds histogram
        proxy_upstream_ratelimit_limit gauge
        proxy_upstream_ratelimit_remaining gauge
        ");
    }

    #[test]
    fn series_have_their_own_labels_and_no_others() {
        let page = busy().render().unwrap();
        let mut series: Vec<&str> = page
            .lines()
            .filter(|line| !line.starts_with('#') && !line.contains("_bucket{"))
            .collect();
        series.sort_unstable();
        insta::assert_snapshot!(series.join("\n"), @r#"
        proxy_active_requests 0
        proxy_cache_hits_total{ecosystem="npm"} 2
        proxy_cache_misses_total{ecosystem="cargo"} 1
        proxy_cache_size_bytes 4096
        proxy_cached_artifacts_total 3
        proxy_decisions_total{code="admitted",ecosystem="npm",rule=""} 1
        proxy_decisions_total{code="blocked_by_policies",ecosystem="npm",rule="cooldown"} 1
        proxy_storage_errors_total{operation="get"} 1
        proxy_storage_operation_duration_seconds_count{operation="put"} 1
        proxy_storage_operation_duration_seconds_sum{operation="put"} 0.0007
        proxy_upstream_errors_total{ecosystem="cargo",error_type="timeout"} 1
        proxy_upstream_fetch_duration_seconds_count{ecosystem="cargo"} 1
        proxy_upstream_fetch_duration_seconds_sum{ecosystem="cargo"} 0.12
        proxy_upstream_ratelimit_limit{ecosystem="container",mount="hub"} 100
        proxy_upstream_ratelimit_remaining{ecosystem="container",mount="hub"} 20
        "#);
    }

    #[test]
    fn every_name_begins_with_proxy_and_has_a_help_line() {
        let page = busy().render().unwrap();
        let helped = page.lines().filter(|line| line.starts_with("# HELP proxy_")).count();
        assert_eq!(helped, page.lines().filter(|line| line.starts_with("# TYPE ")).count());
        assert!(page.lines().all(|line| line.starts_with("# ") || line.starts_with("proxy_")));
    }

    #[test]
    fn durations_fall_into_buckets_of_seconds() {
        let page = busy().render().unwrap();
        let name = "proxy_upstream_fetch_duration_seconds_bucket";
        let bucket = |le: &str| format!("{name}{{ecosystem=\"cargo\",le=\"{le}\"}}");
        assert!(page.contains(&format!("{} 0\n", bucket("0.1"))), "{page}");
        assert!(page.contains(&format!("{} 1\n", bucket("0.25"))), "{page}");
    }

    #[test]
    fn a_request_is_active_while_its_guard_lives() {
        let metrics = Metrics::new().unwrap();
        let active = |expected: u32| {
            let page = metrics.render().unwrap();
            assert!(page.contains(&format!("\nproxy_active_requests {expected}\n")), "{page}");
        };
        active(0);
        let (first, second) = (metrics.active(), metrics.clone().active());
        active(2);
        drop(first);
        active(1);
        drop(second);
        active(0);
    }

    #[test]
    fn two_handles_do_not_share_state_unless_one_is_the_others_clone() {
        let (one, other) = (busy(), Metrics::new().unwrap());
        assert!(!other.render().unwrap().contains("ecosystem=\"npm\""));
        other.clone().hit("npm");
        let hits = "proxy_cache_hits_total{ecosystem=\"npm\"}";
        assert!(other.render().unwrap().contains(&format!("{hits} 1\n")));
        assert!(one.render().unwrap().contains(&format!("{hits} 2\n")));
    }

    #[test]
    fn clones_count_together_from_many_threads() {
        let metrics = Metrics::new().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| metrics.hit("npm")));
            }
        });
        let page = metrics.render().unwrap();
        assert!(page.contains("proxy_cache_hits_total{ecosystem=\"npm\"} 4000\n"), "{page}");
    }
}

//! Traces and metrics as a collector receives them.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use weir_testkit::origin::{Answer, Origin};

use crate::home::{Home, Serving, TARBALL, registry};

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const KEY: &str = "k3y-of-the-collector";

/// A collector, and a gateway that sends to it.
fn observed(home: &Home, upstream: &Origin, more: &str) -> (Origin, Serving) {
    let collector = registry();
    for path in ["v1/traces", "v1/metrics"] {
        collector.put(path, Answer::ok(""));
    }
    let lines = format!(
        "[otlp]\nendpoint = \"{}\"\ninterval = \"1s\"\n{more}\
         headers = {{ x-key = {{ file = \"key\" }} }}\n",
        collector.url()
    );
    home.write("project/key", KEY);
    let serving = home.serve_with(&upstream.url(), &lines);
    (collector, serving)
}

/// What the collector has received at a path.
fn received<M: Message + Default>(collector: &Origin, path: &str) -> Vec<M> {
    let of_path = |seen: &weir_testkit::origin::Seen| seen.resource() == path;
    let seen = collector.requests().into_iter().filter(of_path);
    seen.map(|seen| {
        assert_eq!(seen.header("x-key"), Some(KEY));
        M::decode(&*seen.body).unwrap()
    })
    .collect()
}

fn spans(collector: &Origin) -> Vec<Span> {
    let exports = received::<ExportTraceServiceRequest>(collector, "v1/traces");
    let resources = exports.into_iter().flat_map(|export| export.resource_spans);
    let scopes = resources.flat_map(|resource| {
        let about = resource.resource.unwrap().attributes;
        assert_eq!(text(&about, "service.name"), "weir");
        resource.scope_spans
    });
    scopes.flat_map(|scope| scope.spans).collect()
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|found| found.value.clone()).and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{key}: {other:?} in {attributes:?}"),
    }
}

#[test]
fn a_request_is_a_trace_with_the_fetch_that_it_caused_below_the_clients_own() {
    let (home, upstream) = (Home::new(), registry());
    let (collector, serving) = observed(&home, &upstream, "");
    let parent = format!("traceparent: 00-{TRACE:032x}-00f067aa0ba902b7-01\r\n");
    let path = "/npm/lodash/-/lodash-4.17.21.tgz?secret=1";
    assert!(serving.ask("HEAD", path, &parent).unwrap().starts_with("HTTP/1.1 200"));
    serving.get("/npm/left-pad/-/left-pad-1.0.0.tgz").unwrap();
    serving.stop();

    let spans = spans(&collector);
    let of = |path: &str, name: &str| {
        let its = |span: &&Span| span.name == name && text(&span.attributes, "url.path") == path;
        spans.iter().find(its).unwrap_or_else(|| panic!("{name} {path}: {spans:#?}"))
    };
    let request = of(TARBALL, "request");
    assert_eq!(u128::from_be_bytes(request.trace_id.clone().try_into().unwrap()), TRACE);
    assert_eq!(text(&request.attributes, "http.response.status_code"), "200");
    assert_eq!(text(&request.attributes, "weir.package"), "pkg:npm/lodash@4.17.21");
    let fetch = of("/lodash/4.17.21", "upstream");
    assert_eq!(text(&fetch.attributes, "http.request.method"), "GET");
    assert_eq!(fetch.trace_id, request.trace_id);
    assert_eq!(fetch.parent_span_id, request.span_id);
    assert!(upstream.requests().iter().all(|seen| seen.header("traceparent").is_none()));
    let refused = of("/npm/left-pad/-/left-pad-1.0.0.tgz", "request");
    assert_ne!(refused.trace_id, request.trace_id);
    assert_eq!(text(&refused.attributes, "weir.code"), "blocked_by_policies");
    assert!(!format!("{spans:?}").contains("secret"), "a query may hold a secret");
}

#[test]
fn metrics_are_sent_beside_the_page_that_is_scraped() {
    let (home, upstream) = (Home::new(), registry());
    let (collector, serving) = observed(&home, &upstream, "sample = 0\n");
    serving.download(TARBALL);
    let names = || -> Vec<String> {
        let exports = received::<ExportMetricsServiceRequest>(&collector, "v1/metrics");
        let resources = exports.into_iter().flat_map(|export| export.resource_metrics);
        let scopes = resources.flat_map(|resource| resource.scope_metrics);
        scopes.flat_map(|scope| scope.metrics).map(|metric| metric.name).collect()
    };
    let begun = Instant::now();
    while !names().iter().any(|name| name == "proxy_cache_misses_total") {
        assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", names());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(names().iter().all(|name| name.starts_with("proxy_")), "{:?}", names());
    assert!(
        serving.get("/metrics").unwrap().contains("proxy_cache_misses_total{ecosystem=\"npm\"}")
    );
    assert_eq!(spans(&collector).len(), 0);
}

#[test]
fn a_collector_that_is_away_costs_nothing_but_its_data() {
    let (home, upstream) = (Home::new(), registry());
    let (collector, serving) = observed(&home, &upstream, "");
    collector.stop();
    serving.download(TARBALL);
    serving.stop();
}

#[test]
fn a_registry_is_told_of_the_trace_where_that_is_wanted() {
    let (home, upstream) = (Home::new(), registry());
    let (collector, serving) = observed(&home, &upstream, "propagate = true\n");
    let trace = format!("traceparent: 00-{TRACE:032x}-00f067aa0ba902b7-01\r\ntracestate: a=b\r\n");
    serving.ask("GET", "/npm/lodash", &trace).unwrap();
    serving.stop();
    let asked = upstream.requests();
    let fetch = spans(&collector).into_iter().find(|span| span.name == "upstream").unwrap();
    let id = u64::from_be_bytes(fetch.span_id.try_into().unwrap());
    let expected = format!("00-{TRACE:032x}-{id:016x}-01");
    assert_eq!(asked[0].header("traceparent"), Some(&*expected));
    assert_eq!(asked[0].header("tracestate"), None);
}

#[test]
fn an_error_is_one_in_the_trace_too() {
    let (home, upstream) = (Home::new(), registry());
    upstream.put("lodash", Answer::status(500, ""));
    let (collector, serving) = observed(&home, &upstream, "");
    serving.get("/npm/lodash").unwrap();
    serving.stop();
    for span in spans(&collector) {
        assert_eq!(span.status.unwrap().code, 2, "{}", span.name);
        if span.name == "upstream" {
            assert_eq!(text(&span.attributes, "error.type"), "status");
        }
    }
}

//! The page, name by name.

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
    metrics.failed("npm", "not_found");
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
    proxy_failed_requests_total counter
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
    let mut series: Vec<&str> =
        page.lines().filter(|line| !line.starts_with('#') && !line.contains("_bucket{")).collect();
    series.sort_unstable();
    insta::assert_snapshot!(series.join("\n"), @r#"
    proxy_active_requests 0
    proxy_cache_hits_total{ecosystem="npm"} 2
    proxy_cache_misses_total{ecosystem="cargo"} 1
    proxy_cache_size_bytes 4096
    proxy_cached_artifacts_total 3
    proxy_decisions_total{code="admitted",ecosystem="npm",rule=""} 1
    proxy_decisions_total{code="blocked_by_policies",ecosystem="npm",rule="cooldown"} 1
    proxy_failed_requests_total{code="not_found",ecosystem="npm"} 1
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

#[test]
fn what_is_served_is_on_the_page_before_its_first_request() {
    let metrics = Metrics::new().unwrap();
    metrics.hit("npm");
    for ecosystem in ["npm", "go"] {
        metrics.serve(ecosystem);
    }
    let page = metrics.render().unwrap();
    for series in ["hits_total{ecosystem=\"go\"} 0", "misses_total{ecosystem=\"go\"} 0"] {
        assert!(page.contains(&format!("proxy_cache_{series}\n")), "{page}");
    }
    assert!(page.contains("proxy_cache_hits_total{ecosystem=\"npm\"} 1\n"), "{page}");
}

/// Prometheus' text format 0.0.4: backslash, quote and line feed are escaped in a label's value.
#[test]
fn the_name_of_a_rule_cannot_break_out_of_its_label() {
    let metrics = Metrics::new().unwrap();
    metrics.decided("npm", "warned", Some("a\"} 7\\\nproxy_up 1"));
    let page = metrics.render().unwrap();
    let line = "proxy_decisions_total{code=\"warned\",ecosystem=\"npm\",\
                rule=\"a\\\"} 7\\\\\\nproxy_up 1\"} 1\n";
    assert!(page.contains(line), "{page}");
}

#[test]
fn lost_lines_of_the_access_log_are_on_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let settings = crate::AccessSettings { path, max_size: 0, keep: 0 };
    let log = AccessLog::open(settings).unwrap();
    let metrics = Metrics::new().unwrap();
    metrics.watch(&log);
    drop(log);
    assert!(metrics.render().unwrap().contains("\nproxy_access_log_lost_total 0\n"));
}

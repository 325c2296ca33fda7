//! The page of metrics after requests that are known, and after things that went wrong.

use std::time::Duration;

use weir_testkit::origin::{Answer, Origin};

use crate::home::{Home, Serving, TARBALL, registry, until};

const UPSTREAM: &str = "lodash/-/lodash-4.17.21.tgz";

/// The value of a series; zero where it is not on the page.
fn value(serving: &Serving, series: &str) -> f64 {
    let page = serving.get("/metrics").unwrap();
    let found = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.map_or(0.0, |value| value.parse().unwrap())
}

fn is(serving: &Serving, expected: &[(&str, f64)]) {
    for (series, count) in expected {
        assert!((value(serving, series) - count).abs() < 0.5, "{series}");
    }
}

#[test]
fn known_requests_are_counted_exactly() {
    let (home, origin) = (Home::new(), registry());
    let serving = home.serve(&origin.url());
    for path in ["/npm/lodash", TARBALL, TARBALL, TARBALL] {
        serving.download(path);
    }
    serving.get("/npm/left-pad/-/left-pad-1.0.0.tgz").unwrap();
    serving.get("/npm/left-pad").unwrap();
    serving.get("/npm/nothing").unwrap();
    is(
        &serving,
        &[
            ("proxy_cache_hits_total{ecosystem=\"npm\"}", 2.0),
            ("proxy_cache_misses_total{ecosystem=\"npm\"}", 2.0),
            ("proxy_decisions_total{code=\"admitted\",ecosystem=\"npm\",rule=\"\"}", 3.0),
            (
                "proxy_decisions_total{code=\"blocked_by_policies\",ecosystem=\"npm\",\
                 rule=\"no-left-pad\"}",
                2.0,
            ),
            ("proxy_failed_requests_total{code=\"not_found\",ecosystem=\"npm\"}", 1.0),
            ("proxy_active_requests", 1.0),
        ],
    );
    let page = serving.get("/metrics").unwrap();
    for ecosystem in ["cargo", "container", "debian", "go", "maven", "pypi"] {
        let series = format!("proxy_cache_hits_total{{ecosystem=\"{ecosystem}\"}} 0\n");
        assert!(page.contains(&series), "{page}");
    }
}

#[test]
fn a_transfer_is_timed_to_its_last_byte() {
    let (home, origin) = (Home::new(), registry());
    let slowly = |answer: Answer| answer.trickling(20, Duration::from_millis(50));
    origin.change(UPSTREAM, slowly);
    let serving = home.serve(&origin.url());
    serving.download("/npm/lodash");
    let seconds = "proxy_upstream_fetch_duration_seconds_sum{ecosystem=\"npm\"}";
    let before = value(&serving, seconds);
    let length = serving.download(TARBALL);
    let pauses = (length / 20).saturating_sub(1);
    assert!(pauses > 5, "{length} bytes");
    until("the transfer is not counted", || value(&serving, seconds) > before);
    let took = value(&serving, seconds) - before;
    assert!(took > 0.045 * pauses as f64, "{took}");
}

/// What a registry does to a file, and the word for it.
#[test]
fn what_a_registry_does_wrong_is_counted_by_its_kind() {
    for (word, wrong) in [
        ("digest", Answer::corrupted as fn(Answer) -> Answer),
        ("transport", |answer| answer.cut_after(20)),
        ("status", |answer| answer.failing(100, 500, None)),
    ] {
        let (home, origin) = (Home::new(), registry());
        origin.change(UPSTREAM, wrong);
        let serving = home.serve(&origin.url());
        serving.attempt(TARBALL);
        let series =
            format!("proxy_upstream_errors_total{{ecosystem=\"npm\",error_type=\"{word}\"}}");
        until(word, || value(&serving, &series) > 0.5);
    }
}

fn damaged(what: &str, break_it: impl Fn(&Home)) {
    let (home, origin): (Home, Origin) = (Home::new(), registry());
    let serving = home.serve(&origin.url());
    serving.download("/npm/lodash");
    break_it(&home);
    serving.attempt(TARBALL);
    let series = format!("proxy_storage_errors_total{{operation=\"{what}\"}}");
    until(what, || value(&serving, &series) > 0.5);
}

/// Files stand where folders have to be: also root cannot write there.
#[test]
fn a_store_that_takes_nothing_is_counted() {
    let data = ".local/share/weir";
    damaged("commit", |home| home.write(&format!("{data}/cache/npm"), ""));
    damaged("spool", |home| {
        std::fs::remove_dir_all(home.path(&format!("{data}/.weir-spool"))).unwrap();
    });
}

#[test]
fn a_stored_file_that_has_changed_is_counted_and_sizes_are_there_from_the_start() {
    let home = Home::new();
    let (origin, length) = home.holding_a_tarball();
    let serving = home.serve(&origin.url());
    until("nothing is stored", || value(&serving, "proxy_cached_artifacts_total") > 0.5);
    assert!(value(&serving, "proxy_cache_size_bytes") >= length as f64);
    home.write(
        ".local/share/weir/cache/npm/lodash/4.17.21/lodash-4.17.21.tgz",
        &"x".repeat(length),
    );
    assert_eq!(serving.download(TARBALL), length);
    is(&serving, &[("proxy_storage_errors_total{operation=\"read\"}", 1.0)]);
}

#[test]
fn hits_outlive_the_process_that_counted_them() {
    let (home, origin) = (Home::new(), registry());
    let serving = home.serve(&origin.url());
    for _ in 0..6 {
        serving.download(TARBALL);
    }
    serving.stop();
    assert_eq!(home.weir(&["stats", "--json"]).json()["total_hits"], 5);
}

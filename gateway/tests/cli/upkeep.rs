//! `weir gc`, `weir verify`, and what a gateway tells of itself on `/metrics`.

use std::fs;
use std::path::PathBuf;

use crate::home::{Home, TARBALL, registry};

/// Below the data folder that a home without settings has.
fn object(home: &Home, below: &str) -> PathBuf {
    home.path(&format!(".local/share/weir/cache/{below}"))
}

#[test]
fn verify_finds_changed_bytes_and_the_next_request_fetches_them_again() {
    let home = Home::new();
    let (origin, length) = home.holding_a_tarball();
    let stored = object(&home, "npm/lodash/4.17.21/lodash-4.17.21.tgz");
    assert_eq!(fs::read(&stored).unwrap().len(), length);
    let said = home.weir(&["verify"]);
    assert_eq!(said.out.lines().count(), 1, "{said:?}");
    assert!(said.ok().ends_with(", 0 wrong\n"));

    fs::write(&stored, vec![b'x'; length]).unwrap();
    let said = home.weir(&["verify", "--keep"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(stored.exists());
    let said = home.weir(&["verify"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let first = said.out.lines().next().unwrap();
    assert!(first.contains("lodash-4.17.21.tgz has the digest sha256:"), "{first}");
    assert!(first.ends_with("; the next request fetches it again"), "{first}");
    assert!(!stored.exists());

    let serving = home.serve(&origin.url());
    assert_eq!(serving.download(TARBALL), length);
    assert_ne!(fs::read(&stored).unwrap(), vec![b'x'; length]);
}

#[test]
fn gc_deletes_what_no_record_names_and_evicts_what_is_over_the_limit() {
    let home = Home::new();
    home.holding_a_tarball();
    let (stored, orphan) = (
        object(&home, "npm/lodash/4.17.21/lodash-4.17.21.tgz"),
        object(&home, "npm/gone/1.0.0/gone-1.0.0.tgz"),
    );
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    fs::write(&orphan, "left over").unwrap();
    assert!(home.weir(&["gc"]).ok().contains("1 younger than the grace time kept"));
    let counted = home.weir(&["gc", "--grace", "0", "--dry-run"]).ok();
    assert!(counted.contains("1 without a record would be deleted (9 B)"), "{counted}");
    assert!(orphan.exists());
    let deleted = home.weir(&["gc", "--grace", "0"]).ok();
    assert!(deleted.contains("1 without a record deleted (9 B)"), "{deleted}");
    assert!(!orphan.exists() && stored.exists());

    let with_limit = format!("{}[storage]\nmax_size = 10\n", home.read("project/weir.toml"));
    home.write("project/weir.toml", &with_limit);
    let evicted = home.weir(&["gc", "--grace", "0"]).ok();
    assert!(evicted.starts_with("evicted 1 files and 1 documents ("), "{evicted}");
    assert!(!stored.exists());
}

#[test]
fn on_a_terminal_progress_is_shown() {
    let home = Home::new();
    home.holding_a_tarball();
    for (command, shown) in [("verify", "1 of 2 hashed ("), ("gc", "2 objects, 0 orphans")] {
        let Some(text) = home.on_a_terminal(command) else {
            println!("SKIPPED: there is no script(1)");
            return;
        };
        assert!(text.contains(shown), "{text}");
    }
}

#[test]
fn upkeep_without_a_database_touches_nothing() {
    let home = Home::new();
    for command in ["gc", "verify"] {
        let said = home.weir(&[command]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(
            said.err.contains("there is no database at ~/.local/share/weir/weir.db"),
            "{said:?}"
        );
    }
}

#[test]
fn the_page_of_metrics_tells_of_hits_decisions_and_the_store() {
    let (home, origin) = (Home::new(), registry());
    let serving = home.serve(&origin.url());
    serving.download(TARBALL);
    serving.download(TARBALL);
    assert!(serving.get("/npm/left-pad/-/left-pad-1.0.0.tgz").unwrap().contains("403"));
    let page = serving.get("/metrics").unwrap();
    for line in [
        "proxy_cache_hits_total{ecosystem=\"npm\"} 1",
        "proxy_cache_misses_total{ecosystem=\"npm\"} 1",
        "proxy_decisions_total{code=\"admitted\",ecosystem=\"npm\",rule=\"\"} 2",
        "proxy_decisions_total{code=\"blocked_by_policies\",ecosystem=\"npm\",rule=\"no-left-pad\"} 1",
        "proxy_active_requests 1",
    ] {
        assert!(page.contains(&format!("\n{line}\n")), "{line} is not on {page}");
    }
    for operation in ["open", "commit"] {
        let line =
            format!("proxy_storage_operation_duration_seconds_count{{operation=\"{operation}\"}}");
        assert!(page.contains(&line), "{line} is not on {page}");
    }
}

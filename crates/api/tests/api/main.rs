//! The end points over a real pipeline: a fixture registry, a temporary data folder.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod harness;
mod keys;

use harness::{BEGIN, gateway};
use serde_json::{Value, json};
use weir_catalog::Refusal;
use weir_core::Timestamp;

#[tokio::test]
async fn a_healthy_gateway_says_ok_and_details_on_request() {
    let gateway = gateway().await;
    for path in ["/health", "/health/live", "/health/ready"] {
        let answered = gateway.get(path).await;
        assert_eq!((answered.status, answered.text.as_str()), (200, "ok"), "{path}");
    }
    let details = json!({
        "status": "ok", "catalogue": { "status": "ok" }, "storage": { "status": "ok" },
    });
    assert_eq!(gateway.get("/health?verbose").await.json(), details);
    assert_eq!(gateway.accepting("/health", "application/json").await.json(), details);
}

#[tokio::test]
async fn without_its_database_file_the_gateway_is_unhealthy_and_says_why() {
    let gateway = gateway().await;
    std::fs::remove_file(gateway.database()).unwrap();
    let answered = gateway.get("/health").await;
    assert_eq!(answered.status, 503);
    assert!(answered.text.starts_with("unhealthy\ncatalogue: the database file "), "{answered:?}");
    let details = gateway.get("/health/ready?verbose").await;
    assert_eq!(details.status, 503);
    assert_eq!(details.json()["status"], "unhealthy");
    assert_eq!(details.json()["storage"], json!({ "status": "ok" }));
    assert_eq!(gateway.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn a_store_that_takes_no_objects_is_unhealthy() {
    let gateway = gateway().await;
    std::fs::remove_dir_all(gateway.objects()).unwrap();
    std::fs::write(gateway.objects(), b"a file where the folder was").unwrap();
    let answered = gateway.get("/health").await;
    assert_eq!(answered.status, 503);
    assert!(answered.text.starts_with("unhealthy\nstorage: "), "{answered:?}");
}

#[tokio::test]
async fn stats_have_the_shape_that_scripts_read() {
    let gateway = gateway().await;
    gateway.store_an_artifact().await;
    let stats = gateway.get("/stats").await.json();
    let expected = json!({
        "cached_artifacts": 1,
        "total_size_bytes": 523_456_789,
        "total_size": "499.2 MB",
        "storage_url": format!("file://{}", gateway.objects().display()),
        "database_path": gateway.database().display().to_string(),
    });
    assert_eq!(stats, expected);
}

#[tokio::test]
async fn where_things_are_kept_is_for_those_with_rights() {
    let gateway = gateway().await;
    for rights in [None, Some(weir_api::Rights { storage: false })] {
        let stats = gateway.ask_with(rights, "GET", "/stats", "*/*").await.json();
        let expected = json!({ "cached_artifacts": 0, "total_size_bytes": 0, "total_size": "0 B" });
        assert_eq!(stats, expected);
    }
}

#[tokio::test]
async fn administration_collects_and_verifies() {
    let gateway = gateway().await;
    gateway.store_an_artifact().await;
    let collected = gateway.ask("POST", "/api/admin/gc?dry_run=true", "*/*").await;
    let nothing = json!({ "seen": 0, "orphans": 0, "bytes": 0, "young": 0, "dry_run": true });
    assert_eq!((collected.status, collected.json()), (200, nothing));
    // The row's file was never written.
    let kept = gateway.ask("POST", "/api/admin/verify?keep=true", "*/*").await.json();
    assert_eq!((&kept["checked"], &kept["faults"][0]["fault"]), (&json!(1), &json!("is missing")));
    assert_eq!(kept["faults"][0]["removed"], json!(false));
    let verified = gateway.ask("POST", "/api/admin/verify", "*/*").await.json();
    assert_eq!(verified["faults"][0]["removed"], json!(true));
    let again = gateway.ask("POST", "/api/admin/verify", "*/*").await.json();
    assert_eq!(again, json!({ "checked": 0, "bytes": 0, "faults": [] }));
    assert_eq!(gateway.get("/api/admin/verify").await.status, 405);
}

#[tokio::test]
async fn metrics_are_a_prometheus_page() {
    let gateway = gateway().await;
    gateway.metrics.hit("npm");
    let page = gateway.get("/metrics").await;
    assert_eq!(page.header("content-type"), weir_telemetry::CONTENT_TYPE);
    assert!(page.text.lines().any(|line| line.starts_with("# TYPE ")), "{}", page.text);
    assert!(page.text.contains("ecosystem=\"npm\""), "{}", page.text);
}

#[tokio::test]
async fn an_explanation_holds_verdict_facts_and_rule() {
    let gateway = gateway().await;
    let withheld = gateway.get("/api/explain?purl=pkg:npm/lodash@4.18.0").await;
    assert_eq!((withheld.status, withheld.header("x-weir-verdict")), (200, "withheld"));
    let expected = json!({
      "purl": "pkg:npm/lodash@4.18.0",
      "passes": false,
      "explanations": [
        {
          "verdict": "withheld",
          "purl": "pkg:npm/lodash@4.18.0",
          "mount": "npm",
          "sentence": "lodash 4.18.0 withheld by cooldown (7 days) until 2026-06-06",
          "code": "blocked_by_policies",
          "rule": "cooldown",
          "reason": null,
          "owner": null,
          "since": "2026-05-30T00:00:00Z",
          "until": "2026-06-06T00:00:00Z",
          "facts": {
            "published": "2026-05-30T00:00:00Z",
            "source": "registry",
            "available": "2026-05-30T00:00:00Z",
            "authored": null,
            "first_seen": null,
            "yanked": null,
            "deprecated": null,
            "licence": "MIT"
          }
        }
      ]
    });
    assert_eq!(withheld.json(), expected);
    let passes = gateway.get("/api/explain?purl=pkg%3Anpm%2Flodash%404.17.21").await;
    assert_eq!((passes.status, passes.header("x-weir-verdict")), (200, "passes"));
    assert_eq!(passes.json()["explanations"][0]["verdict"], "admitted");
}

#[tokio::test]
async fn without_a_version_what_is_withheld_and_the_newest_that_passes_are_explained() {
    let gateway = gateway().await;
    let answer = gateway.get("/api/explain?purl=pkg:npm/lodash").await.json();
    let explained = answer["explanations"].as_array().unwrap();
    let purls: Vec<_> = explained.iter().map(|one| one["purl"].as_str().unwrap()).collect();
    assert_eq!(purls, ["pkg:npm/lodash@4.18.0", "pkg:npm/lodash@4.17.21"]);
    assert_eq!(answer["passes"], true);
}

#[tokio::test]
async fn what_cannot_be_explained_is_an_error_with_a_code() {
    let gateway = gateway().await;
    gateway.break_upstream("broken");
    for (purl, status, code, part) in [
        ("lodash", 400, "bad_request", "pkg:npm/lodash@4.17.21"),
        ("", 400, "bad_request", "pkg:npm/lodash@4.17.21"),
        ("pkg:npm/..%252f..%252fetc", 400, "bad_request", "not a package name of npm"),
        ("pkg:npm/%2500", 400, "bad_request", "not a package name of npm"),
        ("pkg:npm/missing", 404, "not_found", "pkg:npm/missing is not listed"),
        ("pkg:npm/lodash@9.9.9", 404, "not_found", "pkg:npm/lodash@9.9.9 is not listed"),
        ("pkg:hex/jason", 404, "not_found", "\"hex\""),
        ("pkg:npm/broken", 502, "upstream_unavailable", "upstream"),
    ] {
        let answered = gateway.get(&format!("/api/explain?purl={purl}")).await;
        assert_eq!(answered.status, status, "{purl}: {answered:?}");
        assert_eq!(answered.header("x-weir-reason"), code, "{purl}");
        let body = answered.json();
        assert_eq!(body["code"], code, "{purl}");
        assert!(body["error"].as_str().unwrap().contains(part), "{purl}: {body}");
        let page = gateway.get(&format!("/why/?purl={purl}")).await;
        assert_eq!(page.status, status, "the page for {purl}");
    }
}

#[tokio::test]
async fn page_api_and_terminal_give_the_same_facts() {
    let gateway = gateway().await;
    let json = gateway.get("/api/explain?purl=pkg:npm/%2540scope/tool@1.0.0").await.json();
    let text = gateway.accepting("/api/explain?purl=pkg:npm/@scope/tool@1.0.0", "text/plain").await;
    let explained = &json["explanations"][0];
    assert!(text.text.starts_with(explained["sentence"].as_str().unwrap()), "{text:?}");
    for path in [
        "pkg:npm/%40scope/tool@1.0.0",
        "pkg:npm/@scope/tool@1.0.0",
        "pkg:npm/%40scope%2Ftool@1.0.0",
        "pkg%3Anpm%2F%40scope%2Ftool%401.0.0",
    ] {
        let page = gateway.get(&format!("/why/{path}")).await;
        assert_eq!((page.status, page.header("x-weir-verdict")), (200, "withheld"), "{path}");
        let shown = harness::plain(&page.text);
        for line in text.text.lines() {
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(shown.contains(&line), "{path}: {line:?} is not in {shown}");
        }
        assert!(shown.contains(explained["reason"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn a_page_repeats_nothing_hostile() {
    let gateway = gateway().await;
    let hostile = "%3Cscript%3Ealert(1)%3C/script%3E%22onload=%27x%27";
    for path in [
        format!("/why/pkg:npm/lodash@{hostile}"),
        format!("/why/{hostile}"),
        format!("/why/?purl={hostile}"),
        format!("/why/pkg:npm/{hostile}@1"),
    ] {
        let page = gateway.get(&path).await;
        assert!(page.status == 400 || page.status == 404, "{path}: {}", page.status);
        assert!(!page.text.contains("<script"), "{path}: {}", page.text);
        assert!(!page.text.contains("\"onload"), "{path}: {}", page.text);
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    }
    let reason = gateway.get("/why/pkg:npm/marked@1.0.0").await;
    assert_eq!(reason.status, 200);
    assert!(!reason.text.contains("<b>"), "a registry's message is escaped: {}", reason.text);
    assert!(harness::plain(&reason.text).contains("use <b>bold</b> instead"));
}

#[tokio::test]
async fn the_last_refusals_are_listed_newest_first() {
    let gateway = gateway().await;
    assert_eq!(gateway.get("/api/refusals").await.json(), json!({ "refusals": [] }));
    let refusals = ["4.17.20", "4.18.0"].map(refusal);
    gateway.catalog.record_refusals(&refusals).await.unwrap();
    let listed = gateway.get("/api/refusals?limit=1").await.json();
    let expected = json!({ "refusals": [{
        "at": BEGIN,
        "mount": "npm",
        "purl": "pkg:npm/lodash@4.18.0",
        "code": "blocked_by_policies",
        "rule": "cooldown",
        "sentence": "lodash 4.18.0 withheld",
        "count": 1,
    }] });
    assert_eq!(listed, expected);
    assert_eq!(gateway.get("/api/refusals?limit=many").await.status, 400);
}

fn refusal(version: &str) -> Refusal {
    Refusal {
        at: Timestamp::parse_rfc3339(BEGIN).unwrap(),
        mount: "npm".to_owned(),
        purl: Some(format!("pkg:npm/lodash@{version}")),
        code: "blocked_by_policies".to_owned(),
        rule: Some("cooldown".to_owned()),
        sentence: format!("lodash {version} withheld"),
        count: 1,
    }
}

#[tokio::test]
async fn the_start_page_says_what_is_served_where() {
    let gateway = gateway().await;
    gateway.catalog.record_refusals(&[refusal("4.18.0")]).await.unwrap();
    let page = gateway.get("/").await;
    assert_eq!(page.status, 200);
    let shown = harness::plain(&page.text);
    assert!(shown.contains("http://weir.example:8080/npm/"), "{shown}");
    assert!(shown.contains("weir setup npm --base-url http://weir.example:8080"), "{shown}");
    assert!(page.text.contains("href=\"/why/pkg:npm/lodash@4.18.0\""), "{}", page.text);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_errors_with_a_code() {
    let gateway = gateway().await;
    let text = gateway.get("/nowhere/at/all").await;
    assert_eq!((text.status, text.header("x-weir-reason")), (404, "not_found"));
    assert!(text.text.starts_with("/nowhere/at/all is neither"), "{text:?}");
    let json = gateway.accepting("/nowhere", "application/json").await;
    assert_eq!((json.status, &json.json()["code"]), (404, &Value::from("not_found")));
    let put = gateway.ask("PUT", "/stats", "*/*").await;
    assert_eq!((put.status, put.header("x-weir-reason")), (405, "not_offered"));
    assert_eq!(gateway.ask("HEAD", "/stats", "*/*").await.status, 200);
}

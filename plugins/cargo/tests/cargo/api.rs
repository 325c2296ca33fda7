//! The web API's documents.

use insta::assert_snapshot;
use weir_core::{Edit, Release};
use weir_testkit::{Fault, keep_all};

use crate::fixtures::{SEARCH, VERSIONS, answers, krate, listed, served, target, with_driver};

fn withhold(version: &'static str) -> impl Fn(&Release<'_>) -> Edit {
    move |release| if release.version == version { Edit::Drop } else { Edit::Keep }
}

fn names(raw: &str) -> String {
    let all = listed(&answers(), raw);
    let one = |r: &Release<'_>| format!("{} {}", r.name, r.unreadable.unwrap_or(&r.version));
    all.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn rows_come_before_what_only_summaries_name() {
    assert_snapshot!(names("api/v1/crates/demo"), @"demo 2.0.0-rc.1, demo 1.1.0, demo 1.0.0");
    assert_snapshot!(names("api/v1/crates/demo/versions"),
        @"demo 2.0.0-rc.1, demo 1.1.0, demo 1.0.0");
    assert_snapshot!(names("api/v1/crates?q=demo"),
        @"demo 2.0.0-rc.1, demo 1.0.9, demo 1.1.0, demo 1.0.5, demo-derive 0.3.0");
}

#[test]
fn a_row_tells_all_facts() {
    let releases = listed(&answers(), "api/v1/crates/demo");
    let first = &releases[0];
    assert_eq!(first.available.unwrap().to_string(), "2026-07-20T10:00:00Z");
    assert_eq!(first.digest.as_ref().unwrap().hex(), "03".repeat(32));
    assert_eq!(first.size, Some(2048));
    assert_eq!(first.licence.as_deref(), Some("MIT OR Apache-2.0"));
    assert_eq!(first.publisher.as_deref(), Some("alice"));
    assert_eq!(releases[1].yanked.as_deref(), Some("broken"));
}

#[test]
fn a_withheld_newest_version_is_named_nowhere() {
    let out = served(&answers(), "api/v1/crates/demo", &withhold("2.0.0-rc.1"));
    let out: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_snapshot!(out["crate"].to_string(), @r#"{"default_version":"1.0.0","id":"demo","max_stable_version":"1.0.0","max_version":"1.0.0","name":"Demo","newest_version":"1.0.0","versions":[20,10]}"#);
    assert_eq!(out["versions"].as_array().unwrap().len(), 2);
    assert!(!out.to_string().contains("2.0.0-rc.1"));
}

#[test]
fn a_withheld_stable_version_is_not_replaced_by_a_prerelease() {
    let out = served(&answers(), "api/v1/crates/demo", &withhold("1.0.0"));
    let out: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(out["crate"]["max_stable_version"], serde_json::Value::Null);
    assert_eq!(out["crate"]["default_version"], "2.0.0-rc.1");
}

#[test]
fn a_version_that_no_row_describes_is_not_named() {
    let body = krate().replace("\"max_version\":\"2.0.0-rc.1\"", "\"max_version\":\"9.0.0\"");
    let answers =
        answers().with_output("https://registry.example/api/v1/crates/demo", body.as_bytes());
    assert_eq!(listed(&answers, "api/v1/crates/demo").len(), 3);
    let out = served(&answers, "api/v1/crates/demo", &keep_all);
    assert!(out.contains("\"max_version\":\"1.0.0\"") && !out.contains("9.0.0"));
}

#[test]
fn a_summary_lists_ids_and_nothing_else() {
    let body = krate().replace("[30,20,10]", "[30,\"1.0.0\",{\"num\":\"9.0.0\"},10]");
    let answers =
        answers().with_output("https://registry.example/api/v1/crates/demo", body.as_bytes());
    let out = served(&answers, "api/v1/crates/demo", &withhold("1.0.0"));
    assert!(out.contains("\"versions\":[30],"), "{out}");
}

#[test]
fn a_path_to_another_release_is_put_right() {
    let body =
        VERSIONS.replace("crates/demo/2.0.0-rc.1/download", "crates/demo/2.0.0-RC.1/download");
    let key = "https://registry.example/api/v1/crates/demo/versions";
    let answers = answers().with_output(key, body.as_bytes());
    let out = served(&answers, "api/v1/crates/demo/versions", &keep_all);
    assert!(out.contains("/api/v1/crates/demo/2.0.0-rc.1/download") && !out.contains("RC"));
}

#[test]
fn without_rows_a_summary_speaks_for_itself() {
    let body = r#"{"crate":{"name":"demo","max_version":"2.0.0","default_version":"1.0.0"},"versions":null}"#;
    let key = "https://registry.example/api/v1/crates/demo";
    let answers = answers().with_output(key, body.as_bytes());
    assert_eq!(listed(&answers, "api/v1/crates/demo").len(), 2);
    assert_snapshot!(served(&answers, "api/v1/crates/demo", &withhold("2.0.0")),
        @r#"{"crate":{"name":"demo","max_version":"1.0.0","default_version":"1.0.0"},"versions":null}"#);
}

#[test]
fn a_search_names_the_newest_that_stays_or_leaves_the_crate_out() {
    let judge = |release: &Release<'_>| match &*release.version {
        "2.0.0-rc.1" => Edit::Mark("too new".into()),
        "0.3.0" => Edit::Drop,
        _ => Edit::Keep,
    };
    assert_snapshot!(served(&answers(), "api/v1/crates?q=demo", &judge), @r#"
    {"crates":[
      {"id":"demo","name":"Demo","max_version":"1.1.0","newest_version":"1.0.9","max_stable_version":"1.1.0","default_version":"1.0.5","description":"a demo","links":{"versions":"/api/v1/crates/demo/versions"},"versions":null}
    ],"meta":{"total":2}}
    "#);
}

#[test]
fn a_mark_carries_the_sentence() {
    let mark = |release: &Release<'_>| match &*release.version {
        "1.0.0" => Edit::Mark("withheld \"by\" cooldown".into()),
        _ => Edit::Keep,
    };
    let out = served(&answers(), "api/v1/crates/demo/versions", &mark);
    let out: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(out["versions"][2]["yanked"], true);
    assert_eq!(out["versions"][2]["yank_message"], "withheld \"by\" cooldown");
    assert_eq!(out["versions"][0]["yank_message"], serde_json::Value::Null);
}

#[test]
fn paths_stay_below_this_mount() {
    let out = served(&answers(), "api/v1/crates/demo/versions", &keep_all);
    assert!(!out.contains("registry.example"));
    assert!(out.contains("\"dl_path\":\"/api/v1/crates/demo/1.1.0/download\""));
    assert!(out.contains("\"mirror\":null"));
    assert!(out.contains("\"readme_path\":\"/api/v1/crates/Demo/2.0.0-rc.1/readme\""));
}

#[test]
fn a_single_version_is_judged_as_in_the_listing() {
    let key = "https://registry.example/api/v1/crates/demo/1.0.0";
    let one = |num: &str| {
        let mut answers = answers();
        let body = format!(r#"{{"version":{{"crate":"demo","num":"{num}","yanked":false}}}}"#);
        answers.insert(key, weir_core::Doc::new(body.into_bytes(), ""));
        answers
    };
    let raw = "api/v1/crates/demo/1.0.0";
    assert_eq!(listed(&one("1.0.0"), raw)[0].version, "1.0.0");
    assert_eq!(served(&one("1.0.0"), raw, &withhold("1.0.0")), r#"{"version":null}"#);
    let other = &listed(&one("1.0.1"), raw)[0];
    assert_eq!(other.unreadable, Some("the document is of another version"));
}

fn refused(key: &str, raw: &str, body: &str) -> String {
    let answers = answers().with_output(key, body.as_bytes());
    match with_driver(&answers, &keep_all, |driver| driver.read(&target(raw))) {
        Err(Fault::Format(error)) => error.to_string(),
        other => panic!("read as {other:?}"),
    }
}

#[test]
fn a_frame_that_cannot_be_read_is_refused_whole() {
    let key = "https://registry.example/api/v1/crates/demo";
    let raw = "api/v1/crates/demo";
    assert_snapshot!(refused(key, raw, "<html>"), @"expected value (at byte 0)");
    assert_snapshot!(refused(key, raw, r#"{"versions":[]}"#), @"the document has no crate (at byte 0)");
    assert_snapshot!(refused(key, raw, &krate().replace("\"name\":\"Demo\"", "\"name\":\"other\"")),
        @"the document is of another crate (at byte 9)");
    assert_snapshot!(refused(key, raw, r#"{"crate":{"name":"demo"},"versions":[],"versions":[]}"#),
        @r#"the key "versions" stands there twice (at byte 39)"#);
    let versions = format!("{key}/versions");
    assert_snapshot!(refused(&versions, "api/v1/crates/demo/versions", "{}"),
        @"the document has no versions (at byte 0)");
}

#[test]
fn an_entry_that_cannot_be_judged_is_left_out() {
    let key = "https://registry.example/api/v1/crates?q=demo";
    for bad in [
        r#"{"name":"x","name":"y","max_version":"1.0.0"}"#,
        r#"{"name":"../x","max_version":"1.0.0"}"#,
        r#"{"name":"x","max_version":"latest"}"#,
        "[7777]",
    ] {
        let body = SEARCH.replacen("[\n", &format!("[{bad},\n"), 1);
        let answers = answers().with_output(key, body.as_bytes());
        assert!(listed(&answers, "api/v1/crates?q=demo")[0].unreadable.is_some(), "{bad}");
        let out = served(&answers, "api/v1/crates?q=demo", &keep_all);
        assert!(!out.contains(bad), "{bad}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&out).unwrap()["crates"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
    }
}

#[test]
fn a_relay_passes_json_only() {
    let raw = "api/v1/crates/demo/owners";
    assert_eq!(served(&answers(), raw, &keep_all), r#"{"users":[{"login":"alice"}]}"#);
    let key = "https://registry.example/api/v1/crates/demo/owners";
    let answers = answers().with_output(key, b"<html>");
    let out = with_driver(&answers, &keep_all, |driver| driver.write(&target(raw)));
    assert!(matches!(out, Err(Fault::Format(_))));
}

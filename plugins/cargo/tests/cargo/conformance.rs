//! The laws of the seam.

use weir_cargo::Cargo;
use weir_testkit::{Case, Suite};

use crate::fixtures::{CONFIG, SEARCH, VERSIONS, index, krate};

const API: &str = "https://registry.example/api/v1/crates";

type Pairs = Option<Vec<(String, String)>>;

fn pair(name: &serde_json::Value, version: &serde_json::Value) -> Option<(String, String)> {
    Some((name.as_str()?.to_ascii_lowercase(), version.as_str()?.to_owned()))
}

/// Reads an index file as cargo does: what is not readable is skipped.
#[expect(clippy::unnecessary_wraps, reason = "the suite's parsers may fail")]
fn parse_index(body: &[u8]) -> Pairs {
    let lines = body.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let values = lines.filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok());
    Some(values.filter_map(|value| pair(&value["name"], &value["vers"])).collect())
}

fn parse_rows(body: &[u8]) -> Pairs {
    let root: serde_json::Value = serde_json::from_slice(body).ok()?;
    let mut pairs = Vec::new();
    for row in root["versions"].as_array().into_iter().flatten() {
        pairs.extend(pair(&serde_json::Value::from("demo"), &row["num"]));
    }
    pairs.extend(parse_summary(&root["crate"]));
    Some(pairs)
}

fn parse_summary(summary: &serde_json::Value) -> Vec<(String, String)> {
    let fields = ["max_version", "newest_version", "max_stable_version", "default_version"];
    fields.iter().filter_map(|field| pair(&summary["name"], &summary[*field])).collect()
}

fn parse_search(body: &[u8]) -> Pairs {
    let root: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(root["crates"].as_array()?.iter().flat_map(parse_summary).collect())
}

fn with_config(raw: &str) -> Case {
    Case::get(raw).document("primary:config.json", CONFIG)
}

#[test]
fn all_laws_hold() {
    let index_case = Case::get("de/mo/demo")
        .document("primary:de/mo/demo", index())
        .same_format("primary:de/mo/demo")
        .lists(&[("demo", "1.0.0"), ("demo", "1.1.0"), ("demo", "2.0.0-rc.1+b7")])
        .parsed_by(parse_index)
        .silent_marks();
    let page_key = format!("{API}/demo/versions");
    let versions = with_config("api/v1/crates/demo/versions")
        .document(&page_key, VERSIONS)
        .same_format(&page_key)
        .normalized_by(without_paths)
        .parsed_by(parse_rows);
    let crate_key = format!("{API}/demo");
    let one = with_config("api/v1/crates/demo")
        .document(&crate_key, krate())
        .same_format(&crate_key)
        .normalized_by(without_paths)
        .parsed_by(parse_rows);
    let search_key = format!("{API}?q=demo");
    let search = with_config("api/v1/crates?q=demo")
        .document(&search_key, SEARCH)
        .same_format(&search_key)
        .no_marks()
        .parsed_by(parse_search);
    let single_key = format!("{API}/demo/1.0.0");
    let version = with_config("api/v1/crates/demo/1.0.0")
        .document(&single_key, r#"{"version":{"crate":"demo","num":"1.0.0","yanked":false}}"#)
        .same_format(&single_key)
        .lists(&[("demo", "1.0.0")]);
    let download = with_config("crates/Demo/1.1.0/download")
        .document("primary:de/mo/demo", index())
        .locates("demo", "1.1.0");
    let absent =
        with_config("crates/demo/9.0.0/download").document("primary:de/mo/demo", index()).absent();
    let owners = with_config("api/v1/crates/demo/owners")
        .document(&format!("{API}/demo/owners"), r#"{"users":[]}"#);
    Suite::new(&Cargo)
        .cases(&[index_case, versions, one, search, version, download, absent, owners])
        .case(Case::get("config.json"))
        .relays(&["api/v1/crates/demo/owners", "api/v1/crates/demo/1.0.0/dependencies"])
        .check();
}

/// Empties the paths that are rewritten relative to this mount.
fn without_paths(body: &[u8]) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(body).into_owned();
    for field in ["\"dl_path\":", "\"mirror\":"] {
        let mut from = 0;
        while let Some(at) = text[from..].find(field).map(|at| from + at + field.len()) {
            let end = text[at..].find([',', '}']).map_or(text.len(), |end| at + end);
            text.replace_range(at..end, "null");
            from = at;
        }
    }
    text.into_bytes()
}

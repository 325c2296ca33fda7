//! The laws that every plugin passes.

use std::collections::BTreeSet;

use serde_json::Value;
use weir_pypi::Pypi;
use weir_testkit::{Case, Suite};

use crate::documents::{JSON, LEGACY, LEGACY_VERSION, PROJECT_HTML, PROJECT_JSON};

const SIMPLE: &str = "primary:demo-pkg/";
/// What the legacy documents link to.
const LISTED: &str = "<a href=demo_pkg-1.0-py3-none-any.whl>1</a><a href=demo-pkg-1.0.tar.gz>1</a>\
    <a href=demo_pkg-2.0.tar.gz>2</a><a href=demo_pkg-2.0-py3-none-any.whl>2</a>";
const RELEASES: [(&str, &str); 4] =
    [("demo-pkg", "1.0"), ("demo-pkg", "1.0"), ("demo-pkg", "2.0"), ("demo-pkg", "2.1rc1+cpu")];

/// The version in the name of one of the documents' files, found by hand.
fn version(file: &str) -> Option<(String, String)> {
    let known = ["1.0", "2.0", "2.1rc1+cpu"];
    let rest =
        file.get(8..).filter(|_| file.to_lowercase().replace('_', "-").starts_with("demo-pkg"))?;
    let rest = rest.strip_prefix('-')?;
    let version = known
        .into_iter()
        .find(|v| rest.starts_with(&format!("{v}-py3")) || rest == format!("{v}.tar.gz"))?;
    Some(("demo-pkg".to_owned(), version.to_owned()))
}

fn parse_json(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    let files = document["files"].as_array()?.iter();
    let found: Option<Vec<_>> = files.map(|file| version(file["filename"].as_str()?)).collect();
    let found = found?;
    // PEP 700: what has files is listed, and what lost all of them is not.
    let versions: BTreeSet<_> =
        document["versions"].as_array()?.iter().filter_map(Value::as_str).collect();
    let plain = |version: &'static str| found.iter().any(|(_, found)| *found == version);
    let listed = |version| versions.contains(version);
    let one = plain("1.0") == (listed("1.0") || listed("1.0.0"));
    let agree = ["2.0", "2.1rc1+cpu"].into_iter().all(|v| plain(v) == listed(v));
    (one && agree).then_some(found)
}

fn parse_html(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(bytes).ok()?.to_lowercase();
    let anchors = text.match_indices("<a").filter_map(|(at, _)| {
        let rest = text.get(at + 2..)?;
        rest.starts_with(|c: char| c.is_ascii_whitespace()).then(|| attributes(rest))
    });
    let hrefs = anchors.filter_map(|all| all.into_iter().find(|(name, _)| name == "href"));
    let files = hrefs.map(|(_, href)| {
        let path = href.split(['#', '?']).next()?.to_owned();
        version(&path.rsplit('/').next()?.replace("%2b", "+"))
    });
    files.collect()
}

/// The attributes of a tag, character by character.
fn attributes(tag: &str) -> Vec<(String, String)> {
    let mut found = vec![(String::new(), String::new())];
    let (mut in_value, mut quote) = (false, None);
    for c in tag.chars() {
        let Some((name, value)) = found.last_mut() else { break };
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => value.push(c),
            ('>', None) => break,
            ('"' | '\'', None) if in_value && value.is_empty() => quote = Some(c),
            (' ' | '\t' | '\n' | '\x0c' | '\r' | '/', None) if !in_value || c != '/' => {
                in_value = false;
                found.push((String::new(), String::new()));
            }
            ('=', None) if !in_value && !name.is_empty() => in_value = true,
            (c, None) if in_value => value.push(c),
            (c, None) => name.push(c),
        }
    }
    found
}

fn parse_legacy(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    let mut found = Vec::new();
    for files in document["releases"].as_object().into_iter().flat_map(|r| r.values()) {
        for file in files.as_array()? {
            found.push(version(file["filename"].as_str()?)?);
        }
    }
    for file in document["urls"].as_array()? {
        found.push(version(file["filename"].as_str()?)?);
    }
    Some(found)
}

/// Versions without files, which no second reader sees, aside.
fn legacy() -> String {
    LEGACY.replace("\"0.9\": [],", "")
}

fn cases() -> Vec<Case> {
    let project = |name: &str, accept: &str, document: &str| {
        Case::get("simple/demo-pkg/").named(name).accepting(accept).document(SIMPLE, document)
    };
    let file = |path: &str| Case::get(&format!("files/demo-pkg/{path}"));
    vec![
        project("JSON from JSON", JSON, PROJECT_JSON)
            .same_format(SIMPLE)
            .parsed_by(parse_json)
            .lists(&RELEASES),
        project("HTML from JSON", "text/html", PROJECT_JSON)
            .reads_back(SIMPLE)
            .parsed_by(parse_html)
            .lists(&RELEASES),
        project("HTML from HTML", "text/html", PROJECT_HTML)
            .same_format(SIMPLE)
            .parsed_by(parse_html)
            .lists(&RELEASES),
        project("JSON from HTML", JSON, PROJECT_HTML)
            .reads_back(SIMPLE)
            .parsed_by(parse_json)
            .lists(&RELEASES),
        Case::get("simple/")
            .accepting(JSON)
            .document("primary:", r#"{"meta":{"api-version":"1.0"},"projects":[{"name":"A.b"}]}"#)
            .same_format("primary:"),
        Case::get("simple/")
            .accepting("text/html")
            .document("primary:", "<html><a href=\"a-b/\">A.b</a></html>")
            .same_format("primary:"),
        Case::get("pypi/demo-pkg/json")
            .document("api:demo-pkg/json", legacy())
            .document(SIMPLE, LISTED)
            .same_format("api:demo-pkg/json")
            .parsed_by(parse_legacy)
            .lists(&[("demo-pkg", "1.0"), ("demo-pkg", "1.0"), ("demo-pkg", "2.0")]),
        Case::get("pypi/demo-pkg/2.0/json")
            .document("api:demo-pkg/2.0/json", LEGACY_VERSION)
            .document(SIMPLE, LISTED)
            .same_format("api:demo-pkg/2.0/json")
            .parsed_by(parse_legacy),
        file("demo_pkg-1.0-py3-none-any.whl")
            .document(SIMPLE, PROJECT_JSON)
            .locates("demo-pkg", "1.0"),
        file("demo_pkg-1.0-py3-none-any.whl.metadata")
            .document(SIMPLE, PROJECT_HTML)
            .locates("demo-pkg", "1.0"),
        file("demo_pkg-1.0-py3-none-any.whl.provenance")
            .document(SIMPLE, PROJECT_JSON)
            .locates("demo-pkg", "1.0"),
        file("demo_pkg-2.1rc1%2Bcpu.tar.gz")
            .document(SIMPLE, PROJECT_HTML)
            .locates("demo-pkg", "2.1rc1+cpu"),
        file("demo-pkg-1.0.tar.gz.provenance").document(SIMPLE, PROJECT_JSON).absent(),
        file("demo_pkg-3.0.tar.gz").document(SIMPLE, PROJECT_JSON).absent(),
    ]
}

#[test]
fn the_laws_hold() {
    Suite::new(&Pypi).cases(&cases()).package_endings(&[".egg", ".msi"]).check();
}

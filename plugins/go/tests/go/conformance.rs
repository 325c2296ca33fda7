//! The laws of the seam.

use weir_go::Go;
use weir_testkit::{Case, Suite};

use crate::fixtures::{DATABASE, LIST, MODULE, answers, info, info_key, of, record};

type Pairs = Option<Vec<(String, String)>>;

/// Reads a list as go does: the first word of each line that is a version.
#[expect(clippy::unnecessary_wraps, reason = "the suite's parsers may fail")]
fn parse_list(body: &[u8]) -> Pairs {
    let text = String::from_utf8_lossy(body);
    let words = text.lines().filter_map(|line| line.split_whitespace().next());
    let versions = words.filter(|word| word.starts_with('v') && word.matches('.').count() >= 2);
    Some(versions.map(|version| (MODULE.to_owned(), version.to_owned())).collect())
}

fn parse_info(body: &[u8]) -> Pairs {
    let root: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(vec![(MODULE.to_owned(), root["Version"].as_str()?.to_owned())])
}

/// A case with all answers of the fixtures.
fn case(raw: &str) -> Case {
    let answers = answers();
    answers.keys().fold(Case::get(raw), |case, key| {
        case.document(key, answers.get(key).unwrap().bytes().to_vec())
    })
}

#[test]
fn all_laws_hold() {
    let list_key = format!("primary:{}", of("@v/list"));
    let versions: Vec<(&str, &str)> = LIST.lines().map(|version| (MODULE, version)).collect();
    let list = case(&of("@v/list"))
        .same_format(&list_key)
        .lists(&versions)
        .parsed_by(parse_list)
        .lines_may_be_cut();
    let bare = Case::get(&of("@v/list"))
        .named("a list without dates")
        .document(&list_key, "v1.0.0\nv1.1.0 2026-01-01T00:00:00Z\n\n")
        .lists(&[(MODULE, "v1.0.0"), (MODULE, "v1.1.0")])
        .parsed_by(parse_list)
        .lines_may_be_cut();
    let info_of = |version: &str| {
        case(&of(&format!("@v/{version}.info")))
            .same_format(&info_key(version))
            .parsed_by(parse_info)
            .refused_when_empty()
    };
    let branch = info_of("main").lists(&[(MODULE, "v1.9.2-0.20260108000000-0123456789ab")]);
    let lookup_path =
        format!("sumdb/{DATABASE}/lookup/{}", of("").trim_end_matches('/')) + "@v1.9.1";
    let lookup = case(&lookup_path).lists(&[]);
    let zip = case(&of("@v/v1.9.1.zip")).locates(MODULE, "v1.9.1");
    let unsummed = case(&of("@v/v1.2.0.zip")).locates(MODULE, "v1.2.0");
    let manifest = case(&of("@v/v1.9.1.mod")).locates(MODULE, "v1.9.1");
    let relays =
        ["supported", "latest", "tile/8/0/000.p/50"].map(|path| format!("sumdb/{DATABASE}/{path}"));
    let relays: Vec<&str> = relays.iter().map(String::as_str).collect();
    Suite::new(&Go)
        .case(case(&of("@latest")).refused_when_empty().lines_may_be_cut())
        .cases(&[list, bare, info_of("v1.9.1"), branch, lookup, zip, unsummed, manifest])
        .cases(&relays.iter().map(|raw| case(raw)).collect::<Vec<_>>())
        .relays(&relays)
        .check();
}

#[test]
fn documents_of_the_case_are_those_that_go_reads() {
    assert_eq!(parse_info(info("v1.0.0", 1).as_bytes()).unwrap().len(), 1);
    assert!(record(MODULE, "v1.0.0").contains("/go.mod h1:"));
}

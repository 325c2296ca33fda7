//! Index files: what is read, what is written, what is hostile.

use insta::assert_snapshot;
use proptest::prelude::*;
use weir_core::{Edit, Release};
use weir_testkit::{fuzz_bytes, keep_all};

use crate::fixtures::{answers, cksum, index, line, listed, served, target, with_index};

const PATH: &str = "de/mo/demo";

fn drop_version(version: &'static str) -> impl Fn(&Release<'_>) -> Edit {
    move |release| if release.version == version { Edit::Drop } else { Edit::Keep }
}

fn mark_version(version: &'static str) -> impl Fn(&Release<'_>) -> Edit {
    move |release| {
        if release.version == version { Edit::Mark("too new".into()) } else { Edit::Keep }
    }
}

/// (version, why not) of each entry of this index.
fn judged(body: &[u8]) -> Vec<String> {
    listed(&with_index(body), PATH)
        .iter()
        .map(|release| release.unreadable.unwrap_or(&release.version).to_owned())
        .collect()
}

#[test]
fn a_line_tells_all_facts() {
    let releases = listed(&answers(), PATH);
    assert_eq!(releases.len(), 3);
    let second = &releases[1];
    assert_eq!((&*second.name, &*second.version), ("demo", "1.1.0"));
    assert_eq!(second.file.as_deref(), Some("demo-1.1.0.crate"));
    assert_eq!(second.available.unwrap().to_string(), "2026-07-18T23:05:13Z");
    assert_eq!(second.digest.as_ref().unwrap().hex(), cksum(2));
    assert_eq!(second.yanked.as_deref(), Some(""));
    assert_eq!(releases[0].yanked, None);
}

#[test]
fn a_line_without_a_date_has_none() {
    let undated = line("demo", "1.0.0", 1).replace(",\"pubtime\":\"2026-07-18T23:05:13Z\"", "");
    assert_eq!(listed(&with_index(undated.as_bytes()), PATH)[0].available, None);
}

#[test]
fn keeping_all_changes_no_byte() {
    let odd = format!("\r\n{}\r\n\n  \n{}", line("demo", "1.0.0", 1), line("demo", "1.1.0", 2));
    assert_eq!(served(&with_index(odd.as_bytes()), PATH, &keep_all), odd);
    assert_eq!(served(&with_index(b""), PATH, &keep_all), "");
}

#[test]
fn a_dropped_version_takes_its_line_along() {
    let expected: Vec<String> =
        index().lines().filter(|l| !l.contains("1.1.0")).map(|l| format!("{l}\n")).collect();
    assert_eq!(served(&answers(), PATH, &drop_version("1.1.0")), expected.concat());
}

#[test]
fn a_marked_version_is_yanked_and_nothing_else_changes() {
    let expected = index().replacen("\"yanked\":false", "\"yanked\":true", 1);
    assert_eq!(served(&answers(), PATH, &mark_version("1.0.0")), expected);
    assert_eq!(served(&answers(), PATH, &mark_version("1.1.0")), index());
    let cksum = cksum(1);
    for (before, after) in [
        (r#""yanked" : null"#, r#""yanked" : true"#),
        (r#""other":{"yanked":false}"#, r#""other":{"yanked":false}"#),
    ] {
        let line = |start, end| {
            format!(r#"{{{start}"name":"demo","vers":"1.0.0","cksum":"{cksum}",{end}}}"#)
        };
        let start = if after.contains("true") { "" } else { r#""yanked":true,"# };
        let marked = served(&with_index(line("", before).as_bytes()), PATH, &|_| {
            Edit::Mark("too new".into())
        });
        assert_eq!(marked, line(start, after));
    }
}

#[test]
fn an_entry_that_cannot_be_judged_is_withheld_and_the_others_stay() {
    let good = line("demo", "1.0.0", 1);
    let with = |from: &str, to: &str| line("demo", "2.0.0", 2).replace(from, to);
    let hostile = [
        "not json".to_owned(),
        "[]".to_owned(),
        good.clone() + &with("", ""),
        with("\"name\":\"demo\"", "\"name\":\"other\""),
        with("\"name\":\"demo\",", ""),
        with("\"vers\"", "\"ver\\u0073\""),
        with("\"yanked\":false", "\"yanked\":true,\"yanked\":false"),
        with("\"vers\":\"2.0.0\"", "\"vers\":\"2.0.0\",\"vers\":\"1.9.0\""),
        with("2.0.0", "2.0"),
        with("2.0.0", "../../2.0.0"),
        with(&cksum(2), "00"),
        with(&cksum(2), &"zz".repeat(32)),
        with("\"yanked\":false", "\"yanked\":\"no\""),
        "\u{feff}".to_owned() + &with("", ""),
        "{\"a\":".repeat(100_000),
    ];
    for bad in &hostile {
        let body = format!("{good}\n{bad}\n{}\n", line("demo", "3.0.0", 3));
        let verdicts = judged(body.as_bytes());
        assert_eq!(verdicts.len(), 3, "{bad}");
        assert_eq!((&*verdicts[0], &*verdicts[2]), ("1.0.0", "3.0.0"));
        assert_ne!(verdicts[1], "2.0.0", "{bad}");
        let out = served(&with_index(body.as_bytes()), PATH, &keep_all);
        assert_eq!(out, format!("{good}\n{}\n", line("demo", "3.0.0", 3)), "{bad}");
    }
}

#[test]
fn a_line_that_is_not_utf_8_is_withheld_alone() {
    let mut body = line("demo", "1.0.0", 1).into_bytes();
    body.extend_from_slice(b"\n{\"name\":\"demo\",\"\xff\":1}\n");
    assert_snapshot!(judged(&body).join("\n"), @r"
    1.0.0
    the index line is not a JSON object with unique, plainly spelled keys
    ");
}

#[test]
fn of_two_lines_of_one_version_the_second_is_withheld() {
    let twice = format!("{}\n{}\n", line("demo", "1.0.0", 1), line("demo", "1.0.0", 2));
    assert_eq!(judged(twice.as_bytes()), ["1.0.0", "the index lists this version twice"]);
    assert_eq!(
        served(&with_index(twice.as_bytes()), PATH, &keep_all),
        line("demo", "1.0.0", 1) + "\n"
    );
}

#[test]
fn a_line_may_be_a_megabyte_long() {
    let features: Vec<String> = (0..60_000).map(|i| format!("\"feature-{i}\":[]")).collect();
    let features = format!("\"features\":{{{}}}", features.join(","));
    let long = line("demo", "1.1.0", 2).replace("\"features\":{}", &features);
    assert!(long.len() > 1_000_000);
    let body = format!("{}\n{long}\n", line("demo", "1.0.0", 1));
    assert_eq!(judged(body.as_bytes()), ["1.0.0", "1.1.0"]);
    let out = served(&with_index(body.as_bytes()), PATH, &mark_version("1.1.0"));
    assert_eq!(out.len(), body.len() - 1);
    assert!(out.ends_with(
        "\"yanked\":true,\"rust_version\":\"1.56\",\"pubtime\":\"2026-07-18T23:05:13Z\"}\n"
    ));
}

fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (0u8..4, 0u8..4, any::<bool>()).prop_map(|(major, minor, lower)| {
            line(if lower { "demo" } else { "Demo" }, &format!("{major}.{minor}.0"), minor)
        }),
        1 => Just(String::new()),
        1 => "[ -~]{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A second reading of the output, by serde, agrees with what was kept.
    #[test]
    fn what_a_client_reads_is_what_was_kept(
        lines in prop::collection::vec(any_line(), 0..12),
        crlf: bool,
        ended: bool,
        bits: u16,
    ) {
        let mut body = lines.join(if crlf { "\r\n" } else { "\n" });
        if ended {
            body.push('\n');
        }
        let decide = |release: &Release<'_>| {
            let number: u32 = release.version.bytes().map(u32::from).sum();
            match (bits >> (number % 16)) & 3 {
                0 => Edit::Drop,
                1 => Edit::Mark("no".into()),
                _ => Edit::Keep,
            }
        };
        let answers = with_index(body.as_bytes());
        let expected: Vec<(String, bool)> = listed(&answers, PATH)
            .iter()
            .filter(|r| r.unreadable.is_none() && decide(r) != Edit::Drop)
            .map(|r| (r.version.to_string(), r.yanked.is_some() || decide(r) != Edit::Keep))
            .collect();
        let out = served(&answers, PATH, &decide);
        let seen: Vec<(String, bool)> = out
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| {
                let value: serde_json::Value = serde_json::from_str(line).unwrap();
                (value["vers"].as_str().unwrap().to_owned(), value["yanked"].as_bool().unwrap())
            })
            .collect();
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn damage_is_survived(
        lines in prop::collection::vec(any_line(), 0..6),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let mut body = lines.join("\n").into_bytes();
        for (at, byte) in edits {
            if !body.is_empty() {
                let at = at.index(body.len());
                body[at] = byte;
            }
        }
        for path in [PATH, "crates/demo/1.0.0/download"] {
            fuzz_bytes(&weir_cargo::Cargo, &target(path), &body);
        }
    }

    #[test]
    fn arbitrary_bytes_hold_no_release(body: Vec<u8>) {
        prop_assert_eq!(fuzz_bytes(&weir_cargo::Cargo, &target(PATH), &body), 0);
    }
}

//! Whoever writes something wrong learns where and what to write instead.

use weir_config::Format;

use crate::{read, refusal, toml};

#[test]
fn an_unknown_key_is_named_with_its_line_and_a_suggestion() {
    insta::assert_snapshot!(refusal("offline = true\nlisten_on = \"x\"\nlisetn = \":1\""), @"weir.toml:3: lisetn: unknown key; did you mean listen?");
    insta::assert_snapshot!(refusal("[cooldown]\n\ndefalt = \"3d\""), @"weir.toml:3: cooldown.defalt: unknown key; did you mean default?");
    insta::assert_snapshot!(refusal("[upstream.npm.limits]\nretry = 3"), @"weir.toml:2: upstream.npm.limits.retry: unknown key; known here: breaker_failures, breaker_pause, connect_timeout, connections, idle_timeout, pool_timeout, rate, read_timeout, redirects, retries, retry_pause, retry_pause_max, write_timeout");
    insta::assert_snapshot!(refusal("block_status = 403"), @"weir.toml:1: block_status: unknown key here; did you mean policy.block_status?");
    insta::assert_snapshot!(refusal("[upstream]\nnmp = \"https://registry.example\""), @r#"weir.toml:2: upstream.nmp: found "nmp", expected an ecosystem such as npm, pypi or cargo (did you mean npm?); for example: nmp = "https://registry.example/npm""#);
}

#[test]
fn a_wrong_value_is_answered_with_the_form_and_an_example() {
    insta::assert_snapshot!(refusal("[cooldown]\ndefault = \"soon\""), @r#"weir.toml:2: cooldown.default: found "soon", expected a duration such as 3d, 12h, 500ms or 0; for example: default = "3d""#);
    insta::assert_snapshot!(refusal("[cooldown]\ndefault = 3"), @r#"weir.toml:2: cooldown.default: found "3", expected a duration such as 3d, 12h, 500ms or 0 (of what unit? 3d are 3 days); for example: default = "3d""#);
    insta::assert_snapshot!(refusal("[limits]\ndocument = \"many\""), @r#"weir.toml:2: limits.document: found "many", expected a size such as 10 GiB, 64 MB or 4096; for example: document = "64 MiB""#);
    insta::assert_snapshot!(refusal("offline = \"yes\""), @r#"weir.toml:1: offline: found "yes", expected true or false; for example: offline = true"#);
    insta::assert_snapshot!(refusal("storage = 3"), @"weir.toml:1: storage: found a integer, expected a table of max_age, max_size, path, scrub, url");
    insta::assert_snapshot!(refusal("[[policy.rules]]\nname = \"a\"\neffect = \"dney\""), @r#"weir.toml:3: policy.rules.0.effect: found "dney", expected deny, warn or allow (did you mean deny?); for example: effect = "deny""#);
    insta::assert_snapshot!(refusal("[limits]\n\nheader_count = -1"), @r#"weir.toml:3: limits.header_count: found "-1", expected a whole number such as 64; for example: header_count = 64"#);
    insta::assert_snapshot!(refusal("listen = \n"), @"weir.toml:1: string values must be quoted, expected literal string");
}

#[test]
fn yaml_and_json_keep_their_lines() {
    let yaml = "offline: true\ncooldown:\n  default: soon\n";
    insta::assert_snapshot!(read(yaml, Format::Yaml, &[]).unwrap_err(), @r#"weir.yaml:3: cooldown.default: found "soon", expected a duration such as 3d, 12h, 500ms or 0; for example: default = "3d""#);
    let yaml = "offline: true\ncooldown:\n  defalt: 3d\n";
    insta::assert_snapshot!(read(yaml, Format::Yaml, &[]).unwrap_err(), @"weir.yaml:3: cooldown.defalt: unknown key; did you mean default?");
    let json = "{\n \"cooldown\": {\n  \"default\": \"soon\"}}";
    insta::assert_snapshot!(read(json, Format::Json, &[]).unwrap_err(), @r#"weir.json:3: cooldown.default: found "soon", expected a duration such as 3d, 12h, 500ms or 0; for example: default = "3d""#);
    let json = "{\n \"cooldown\": {\n  \"defalt\": \"3d\"}}";
    insta::assert_snapshot!(read(json, Format::Json, &[]).unwrap_err(), @"weir.json:3: cooldown.defalt: unknown key; did you mean default?");
    let yaml = "offline: true\nregistries:\n  internal:\n    path: /x\n";
    insta::assert_snapshot!(read(yaml, Format::Yaml, &[]).unwrap_err(), @r#"weir.yaml:4: registries.internal: needs an ecosystem, such as ecosystem = "npm""#);
}

#[test]
fn a_variable_is_named_as_the_place_of_its_fault() {
    let read = |name, value| read("", Format::Toml, &[(name, value)]).unwrap_err();
    insta::assert_snapshot!(read("WEIR_LISTN", ":1"), @"variable WEIR_LISTN: listn: unknown key; did you mean listen?");
    insta::assert_snapshot!(read("WEIR_COOLDOWN__DEFAULT", "soon"), @r#"variable WEIR_COOLDOWN__DEFAULT: cooldown.default: found "soon", expected a duration such as 3d, 12h, 500ms or 0; for example: default = "3d""#);
    insta::assert_snapshot!(read("PROXY_DATABASE_DRIVER", "postgres"), @"variable PROXY_DATABASE_DRIVER: database.driver: postgres needs database.url, such as postgres://weir@db.example/weir");
    insta::assert_snapshot!(read("WEIR_UPSTREAM__NMP", "https://registry.example"), @r#"variable WEIR_UPSTREAM__NMP: upstream.nmp: found "nmp", expected an ecosystem such as npm, pypi or cargo (did you mean npm?); for example: nmp = "https://registry.example/npm""#);
}

#[test]
fn everything_that_does_not_fit_is_said_at_once() {
    insta::assert_snapshot!(refusal(r#"
[registries.internal]
upstream = "https://registry.example"

[[policy.rules]]
name = "cooldown"
effect = "deny"
purl = "pkg:golangg/x"

[cooldown.packages]
"lodash" = "3d"
"#), @r#"
weir.toml:2: registries.internal: needs an ecosystem, such as ecosystem = "npm"
weir.toml:11: cooldown.packages.lodash: found "lodash", expected a package URL or a glob such as pkg:npm/@acme/*
weir.toml:8: policy.rules.0.purl: no package URL has the type "golangg"; did you mean pkg:golang/…?
weir.toml:5: policy.rules.0: the name "cooldown" is taken; choose another
"#);
}

#[test]
fn a_secret_is_in_no_message() {
    for text in [
        "[upstream.npm]\naddress = \"ftp://ada:hunter2@registry.example\"",
        "[upstream.npm.credentials]\ntoken = [\"hunter2\"]",
        "[upstream]\nnpm = \"https://ada:hunter2@registry.example/?x\"",
        "[storage]\nurl = \"s3://ada:hunter2@bucket\"",
        "[database]\nurl = \"mysql://ada:hunter2@db.example\"",
        "[upstream.npm.credentials]\ntoken = \"hunter2",
        "[upstream.npm]\naddress = \"https://registry.example\"\ncredentials = \"hunter2\"",
    ] {
        let message = refusal(text);
        assert!(!message.contains("hunter2"), "{message}");
    }
    for text in [
        "upstream:\n  npm:\n    credentials:\n      token: \"hunter2",
        "upstream:\n  npm:\n    credentials:\n      token: [hunter2, 1]",
        "upstream:\n  npm:\n    credentials: hunter2",
        "upstream:\n  npm: https://ada:hunter2@registry.example:x/",
        "upstream:\n  npm:\n    credentials:\n      token: &a hunter2: *b",
    ] {
        let message = read(text, Format::Yaml, &[]).unwrap_err().to_string();
        assert!(message.starts_with("weir.yaml:") && !message.contains("hunter2"), "{message}");
    }
}

#[test]
fn a_status_that_hides_the_reason_is_warned_about() {
    let loaded = toml("[policy]\nblock_status = 404").unwrap();
    insta::assert_snapshot!(loaded.warnings[0], @"policy.block_status: 404 makes clients go on to another source or hide the reason; use 403");
    assert_eq!(toml("[policy]\nblock_status = 403").unwrap().warnings, []);
}

//! Whoever writes something wrong learns where and what to write instead.

use weir_config::Format;

use crate::{read, refusal, toml};

#[test]
fn an_unknown_key_is_named_with_its_line_and_a_suggestion() {
    insta::assert_snapshot!(refusal("offline = true\nlisten_on = \"x\"\nlisetn = \":1\""), @"");
    insta::assert_snapshot!(refusal("[cooldown]\n\ndefalt = \"3d\""), @"");
    insta::assert_snapshot!(refusal("[upstream.npm.limits]\nretry = 3"), @"");
    insta::assert_snapshot!(refusal("max_size = \"3 GB\""), @"");
    insta::assert_snapshot!(refusal("[upstream]\nnmp = \"https://registry.example\""), @"");
}

#[test]
fn a_wrong_value_is_answered_with_the_form_and_an_example() {
    insta::assert_snapshot!(refusal("[cooldown]\ndefault = \"soon\""), @"");
    insta::assert_snapshot!(refusal("[cooldown]\ndefault = 3"), @"");
    insta::assert_snapshot!(refusal("[storage]\nmax_size = \"many\""), @"");
    insta::assert_snapshot!(refusal("offline = \"yes\""), @"");
    insta::assert_snapshot!(refusal("storage = 3"), @"");
    insta::assert_snapshot!(refusal("[[policy.rules]]\nname = \"a\"\neffect = \"dney\""), @"");
    insta::assert_snapshot!(refusal("[limits]\n\nheader_count = -1"), @"");
    insta::assert_snapshot!(refusal("listen = \n"), @"");
}

#[test]
fn yaml_and_json_keep_their_lines() {
    let yaml = "offline: true\ncooldown:\n  default: soon\n";
    insta::assert_snapshot!(read(yaml, Format::Yaml, &[]).unwrap_err(), @"");
    let yaml = "offline: true\ncooldown:\n  defalt: 3d\n";
    insta::assert_snapshot!(read(yaml, Format::Yaml, &[]).unwrap_err(), @"");
    let json = "{\n \"cooldown\": {\n  \"default\": \"soon\"}}";
    insta::assert_snapshot!(read(json, Format::Json, &[]).unwrap_err(), @"");
    let json = "{\n \"cooldown\": {\n  \"defalt\": \"3d\"}}";
    insta::assert_snapshot!(read(json, Format::Json, &[]).unwrap_err(), @"");
    let yaml = "offline: true\nregistries:\n  internal:\n    path: /x\n";
    insta::assert_snapshot!(read(yaml, Format::Yaml, &[]).unwrap_err(), @"");
}

#[test]
fn a_variable_is_named_as_the_place_of_its_fault() {
    let read = |name, value| read("", Format::Toml, &[(name, value)]).unwrap_err();
    insta::assert_snapshot!(read("WEIR_LISTN", ":1"), @"");
    insta::assert_snapshot!(read("WEIR_COOLDOWN__DEFAULT", "soon"), @"");
    insta::assert_snapshot!(read("PROXY_DATABASE_DRIVER", "postgres"), @"");
    insta::assert_snapshot!(read("WEIR_UPSTREAM__NMP", "https://registry.example"), @"");
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
"#), @"");
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
}

#[test]
fn a_status_that_hides_the_reason_is_warned_about() {
    let loaded = toml("[policy]\nblock_status = 404").unwrap();
    insta::assert_snapshot!(loaded.warnings[0], @"");
    assert_eq!(toml("[policy]\nblock_status = 403").unwrap().warnings, []);
}

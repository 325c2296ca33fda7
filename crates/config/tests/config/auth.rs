//! Tokens of clients.

use weir_config::{Format, TokenRole, check};

use crate::{read, refusal, toml};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn a_token_opens_all_mounts_and_administers_nothing_unless_it_says_so() {
    let text = format!("[auth.tokens.ci]\ntoken = \"{TOKEN}\"");
    let auth = toml(&text).unwrap().config.auth;
    assert!(!auth.required && !auth.metrics);
    let ci = &auth.tokens["ci"];
    assert_eq!((ci.token.reveal(), ci.role), (TOKEN, TokenRole::Client));
    assert_eq!((&*ci.mounts, ci.until), (&[][..], None));
}

#[test]
fn a_token_comes_from_the_environment_and_is_never_shown() {
    let text =
        "[auth]\nrequired = true\n[auth.tokens.ops]\ntoken = { env = \"OPS\" }\nrole = \"admin\"";
    let config = read(text, Format::Toml, &[("OPS", TOKEN)]).unwrap().config;
    assert_eq!(config.auth.tokens["ops"].role, TokenRole::Admin);
    let shown = format!("{config:?}{}", serde_json::to_string(&config).unwrap());
    assert!(!shown.contains(TOKEN), "{shown}");
}

#[test]
fn what_is_short_unknown_or_twice_is_refused() {
    insta::assert_snapshot!(refusal("[auth]\nrequired = true"), @r#"weir.toml:1: auth: needs a token that opens the gateway, such as [auth.tokens.ci] token = { file = "/run/secrets/weir-ci" }"#);
    insta::assert_snapshot!(refusal("[auth.tokens.ci]\ntoken = \"hunter2\""), @"weir.toml:2: auth.tokens.ci.token: must have at least 20 printable characters without spaces, such as `openssl rand -hex 32` makes");
    insta::assert_snapshot!(refusal("[auth.tokens.ci]\nrole = \"admin\""), @r#"weir.toml:1: auth.tokens.ci: needs a token, such as token = { file = "/run/secrets/weir-ci" }"#);
    let text = format!(
        "[auth.tokens.a]\ntoken = \"{TOKEN}\"\nmounts = [\"npm\", \"nmp\"]\n\
         [auth.tokens.b]\ntoken = \"{TOKEN}\""
    );
    insta::assert_snapshot!(refusal(&text), @r#"
    weir.toml:3: auth.tokens.a.mounts: there is no registry or group "nmp"
    weir.toml:4: auth.tokens.b: has the same token as auth.tokens.a
    "#);
}

#[test]
fn tokens_over_plain_http_are_warned_about() {
    let text = format!("listen = \":8080\"\n[auth.tokens.ci]\ntoken = \"{TOKEN}\"");
    let warnings = check(&toml(&text).unwrap().config);
    assert!(warnings.iter().any(|warning| warning.key == "auth.tokens"), "{warnings:?}");
}

//! Registries and groups: names and paths that cannot be confused.

use crate::{refusal, toml};

#[test]
fn further_mounts_live_at_their_name_or_below_their_ecosystem() {
    let config = toml(
        r#"
[registries.internal]
ecosystem = "npm"
upstream = "https://registry.example/internal"
[registries.images]
ecosystem = "docker"
[registries.debian]
index = "filter"
[groups.all]
path = "/everything/npm/"
members = [{ registry = "internal", patterns = ["@acme/*"] }, "npm"]
"#,
    )
    .unwrap()
    .config;
    assert_eq!(config.registries["internal"].path, "/internal");
    assert_eq!(config.registries["internal"].folder(), "internal");
    assert_eq!(config.registries["images"].path, "/v2/images");
    assert_eq!(config.registries["debian"].path, "/debian");
    assert_eq!(config.registries["debian"].folder(), "deb");
    let group = &config.groups["all"];
    assert_eq!((group.path.as_str(), group.ecosystem.id()), ("/everything/npm", "npm"));
    assert_eq!(group.members[0].patterns, ["@acme/*"]);
    assert_eq!(group.members[1].registry, "npm");
}

#[test]
fn an_alias_is_the_default_mount() {
    let config = toml("[upstream]\ngolang = \"https://proxy.example\"").unwrap().config;
    assert!(config.registries["go"].is_default());
    let text = "[upstream]\nnpm = \"https://a.example\"\n[registries.npm]\nupstream = \"https://b.example\"";
    insta::assert_snapshot!(refusal(text), @"");
}

#[test]
fn paths_that_collide_are_refused() {
    let npm =
        |path: &str| refusal(&format!("[registries.x]\necosystem = \"npm\"\npath = {path:?}"));
    insta::assert_snapshot!(npm("/pypi"), @"");
    insta::assert_snapshot!(npm("/npm/x"), @"");
    insta::assert_snapshot!(npm("/health/x"), @"");
    insta::assert_snapshot!(npm("/a/../b"), @"");
    insta::assert_snapshot!(npm("relative"), @"");
    insta::assert_snapshot!(refusal("[registries.api]\necosystem = \"npm\""), @"");
    let text =
        "[registries.a]\necosystem = \"npm\"\n[registries.b]\necosystem = \"npm\"\npath = \"/a\"";
    insta::assert_snapshot!(refusal(text), @"");
    insta::assert_snapshot!(refusal("[registries.\"a/b\"]\necosystem = \"npm\""), @"");
    assert!(toml("[registries.x]\necosystem = \"conda\"\npath = \"/conda/x\"").is_ok());
}

#[test]
fn a_group_has_members_of_one_ecosystem_that_exist() {
    insta::assert_snapshot!(refusal("[groups.g]\nmembers = [\"npm\", \"pypi\"]"), @"");
    insta::assert_snapshot!(refusal("[groups.g]\nmembers = [\"npm\", \"npm\"]"), @"");
    insta::assert_snapshot!(refusal("[groups.g]\nmembers = [\"intern\"]"), @"");
    insta::assert_snapshot!(refusal("[groups.npm]\nmembers = [\"npm\"]"), @"");
}

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
work_mode = "strict"
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
    insta::assert_snapshot!(refusal(text), @"weir.toml:2: upstream.npm: is said twice: here and in registries.npm.upstream");
}

#[test]
fn paths_that_collide_are_refused() {
    let npm =
        |path: &str| refusal(&format!("[registries.x]\necosystem = \"npm\"\npath = {path:?}"));
    insta::assert_snapshot!(npm("/pypi"), @"weir.toml:3: registries.x.path: the path /pypi collides with /pypi of pypi; choose another path");
    insta::assert_snapshot!(npm("/npm/x"), @"weir.toml:3: registries.x.path: the path /npm/x collides with /npm of npm; choose another path");
    insta::assert_snapshot!(npm("/health/x"), @"weir.toml:3: registries.x.path: /health/x is the gateway's own path");
    insta::assert_snapshot!(npm("/a/../b"), @r#"weir.toml:3: registries.x.path: found "/a/../b", expected a path such as /internal-npm"#);
    insta::assert_snapshot!(npm("relative"), @r#"weir.toml:3: registries.x.path: found "relative", expected a path such as /internal-npm"#);
    insta::assert_snapshot!(refusal("[registries.api]\necosystem = \"npm\""), @"weir.toml:1: registries.api.path: /api is the gateway's own path");
    let text =
        "[registries.a]\necosystem = \"npm\"\n[registries.b]\necosystem = \"npm\"\npath = \"/a\"";
    insta::assert_snapshot!(refusal(text), @"weir.toml:5: registries.b.path: the path /a collides with /a of a; choose another path");
    insta::assert_snapshot!(refusal("[registries.\"a/b\"]\necosystem = \"npm\""), @r#"weir.toml:1: registries."a/b": a name has at most 64 lower-case letters, digits, and - _ . inside"#);
    assert!(toml("[registries.x]\necosystem = \"conda\"\npath = \"/conda/x\"").is_ok());
}

#[test]
fn a_group_has_members_of_one_ecosystem_that_exist() {
    insta::assert_snapshot!(refusal("[groups.g]\nmembers = [\"npm\", \"pypi\"]"), @"weir.toml:2: groups.g.members.1: pypi is of pypi, the group is of npm");
    insta::assert_snapshot!(refusal("[groups.g]\nmembers = [\"npm\", \"npm\"]"), @"weir.toml:2: groups.g.members.1: npm is a member twice");
    insta::assert_snapshot!(refusal("[groups.g]\nmembers = [\"intern\"]"), @r#"
weir.toml:2: groups.g.members.0: there is no registry "intern"
weir.toml:1: groups.g: needs members, such as members = ["internal", "npm"]
"#);
    insta::assert_snapshot!(refusal("[groups.npm]\nmembers = [\"npm\"]"), @"weir.toml:1: groups.npm: is the name of a registry; choose another");
}

//! `weir config`.

use crate::home::Home;

#[test]
fn check_says_that_a_configuration_is_valid_and_warns() {
    let home = Home::new();
    home.write("project/weir.toml", "[policy]\nblock_status = 404\n");
    let said = home.weir(&["config", "check"]);
    assert!(said.err.starts_with("warning: policy.block_status: 404 makes clients"), "{said:?}");
    assert_eq!(said.ok(), "~/project/weir.toml: valid\n");
}

#[test]
fn check_names_file_line_and_suggestion() {
    let home = Home::new();
    home.write("project/weir.toml", "offline = true\nlisetn = \":1\"\n");
    let said = home.weir(&["config", "check"]);
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert_eq!(said.err, "weir.toml:2: lisetn: unknown key; did you mean listen?\n");
}

#[test]
fn check_compiles_the_rules_and_says_where_one_is_wrong() {
    let home = Home::new();
    let rule = "name = \"a\"\neffect = \"deny\"\npurl = \"pkg:npm/x\"\n";
    home.write(
        "project/mine.toml",
        &format!(
            "[[policy.rules]]\n{rule}\n[[policy.rules]]\n{}versions = \"<<1\"\n",
            rule.replace("\"a\"", "\"b\"")
        ),
    );
    let said = home.weir(&["config", "check", "-config", "mine.toml"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.starts_with("mine.toml:10: policy.rules[1].versions: "), "{said:?}");
}

#[test]
fn rules_may_name_every_ecosystem_whatever_this_build_has() {
    let home = Home::new();
    home.write(
        "project/weir.toml",
        "[cooldown.ecosystems]\nswift = \"3d\"\npypi = \"3d\"\n[cooldown.packages]\n\
         \"pkg:golang/example.org/x\" = \"1d\"\n[[policy.rules]]\nname = \"a\"\neffect = \"deny\"\n\
         purl = \"pkg:deb/nginx\"\n",
    );
    home.weir(&["config", "check"]).ok();
}

#[test]
fn show_prints_every_key_and_no_secret() {
    let home = Home::new();
    home.write(
        "project/weir.toml",
        "[upstream.npm]\naddress = \"https://ada:hunter2@registry.example/npm\"\n[cooldown]\n\
         default = \"3d\"\n",
    );
    let said = home.weir(&["config", "show", "--listen", ":9000"]);
    let shown = said.ok();
    let table: toml::Table = shown.parse().unwrap();
    assert_eq!(table["listen"].as_str(), Some("0.0.0.0:9000"));
    assert_eq!(table["cooldown"]["default"].as_str(), Some("3d"));
    assert!(shown.contains("***") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn schema_is_a_json_schema_of_the_keys() {
    let schema = Home::new().weir(&["config", "schema"]).json();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(schema["properties"]["cooldown"]["properties"]["default"].is_object());
}

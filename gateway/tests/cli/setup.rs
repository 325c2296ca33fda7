//! `weir setup`.

use crate::home::Home;

#[test]
fn without_write_the_lines_are_printed_and_nothing_is_touched() {
    let home = Home::new();
    let out = home.weir(&["setup", "npm", "--base-url", "https://w.example/"]).ok();
    assert!(out.starts_with("# npm through https://w.example/npm\n"), "{out}");
    assert!(out.contains("\n# in ~/.npmrc\nregistry=https://w.example/npm/\n"), "{out}");
    assert!(out.contains("\nexport NPM_CONFIG_REGISTRY=\"https://w.example/npm/\"\n"), "{out}");
    assert!(!out.contains('{'), "{out}");
    assert!(!home.path(".npmrc").exists());
}

#[test]
fn the_address_is_the_configured_one_or_the_listener() {
    let home = Home::new();
    let out = home.weir(&["setup", "cargo"]).ok();
    assert!(out.contains("sparse+http://127.0.0.1:8080/cargo/"), "{out}");
    home.write("project/weir.toml", "listen = \":9000\"\n");
    let out = home.weir(&["setup", "cargo", "--path", "/internal"]).ok();
    assert!(out.contains("sparse+http://127.0.0.1:9000/internal/"), "{out}");
}

#[test]
fn write_changes_one_line_and_keeps_the_rest_and_a_copy() {
    let home = Home::new();
    let old =
        "//registry.example/:_authToken=secret\nregistry=https://registry.example/\nfund=false\n";
    home.write(".npmrc", old);
    let out = home.weir(&["setup", "npm", "--write"]).ok();
    assert!(
        out.contains(
            "~/.npmrc:\n  - registry=https://registry.example/\n  + registry=http://127.0.0.1:8080/npm/\n"
        ),
        "{out}"
    );
    let new = old.replace("https://registry.example/\nf", "http://127.0.0.1:8080/npm/\nf");
    assert_eq!(home.read(".npmrc"), new);
    assert_eq!(home.read(".npmrc.bak"), old);
    let again = home.weir(&["setup", "npm", "--write"]).ok();
    assert!(again.contains("~/.npmrc: already set\n"), "{again}");
    assert_eq!(home.read(".npmrc"), new);
    assert!(!home.path(".npmrc.bak.2").exists());
    home.weir(&["setup", "npm", "--write", "--base-url", "http://w.example"]).ok();
    assert_eq!(home.read(".npmrc.bak"), old, "the first copy stays");
    assert_eq!(home.read(".npmrc.bak.2"), new);
}

#[test]
fn a_dry_run_shows_changes_and_makes_none() {
    let home = Home::new();
    let out = home.weir(&["setup", "pypi", "--write", "--dry-run"]).ok();
    assert!(out.contains("+ index-url = http://127.0.0.1:8080/pypi/simple/\n"), "{out}");
    assert!(!home.path(".config/pip/pip.conf").exists());
}

#[test]
fn files_are_where_the_user_moved_them() {
    let home = Home::new();
    let moved = home.path("elsewhere");
    let mut command = home.command(&["setup", "cargo", "--write"]);
    assert!(command.env("CARGO_HOME", &moved).output().unwrap().status.success());
    assert!(home.read("elsewhere/config.toml").contains("[source.weir]"));
    let mut command = home.command(&["setup", "maven", "--write"]);
    assert!(command.env("GRADLE_USER_HOME", &moved).output().unwrap().status.success());
    assert!(home.read("elsewhere/init.d/weir.gradle").contains("/maven/"));
    assert!(home.path(".m2/settings.xml").exists() && !home.path(".gradle").exists());
    let mut command = home.command(&["setup", "pypi", "--write"]);
    assert!(command.env("XDG_CONFIG_HOME", &moved).output().unwrap().status.success());
    assert!(home.read("elsewhere/pip/pip.conf").starts_with("[global]\nindex-url = "));
}

#[test]
fn a_file_that_cannot_be_merged_is_left_alone_and_the_lines_are_said() {
    let home = Home::new();
    let own = "[[index]]\nurl = \"https://registry.example/simple\"\n";
    home.write(".config/uv/uv.toml", own);
    let said = home.weir(&["setup", "pypi", "--write"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("uv.toml: left alone, as it already says"), "{said:?}");
    assert!(said.err.contains("url = \"http://127.0.0.1:8080/pypi/simple/\""), "{said:?}");
    assert_eq!(home.read(".config/uv/uv.toml"), own);
    assert!(home.read(".config/pip/pip.conf").contains("index-url"), "the others are set");
}

#[test]
fn an_unknown_ecosystem_is_refused_with_those_that_are_served() {
    let said = Home::new().weir(&["setup", "nmp"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("no ecosystem \"nmp\"") && said.err.contains("npm"), "{said:?}");
    let said = Home::new().weir(&["setup", "vagrant"]);
    assert!(said.err.contains("does not serve vagrant"), "{said:?}");
}

//! `weir run`: clients that are told nothing of the gateway work through it, and it leaves none of
//! its addresses behind.

use super::harness::{Client, NEW, Output, Run, World, client};

fn run(client: &Client, world: &World, arguments: &[&str]) -> Output {
    Run::below_weir(client, world)
        .env("npm_config_update_notifier", "false")
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .args(arguments)
        .wait()
}

#[test]
fn npm_needs_no_settings() {
    let Some(npm) = client("npm-11") else { return };
    let mut world = World::new();
    world.write(
        "package.json",
        r#"{"name": "project", "version": "1.0.0", "dependencies": {"demo": "^1.0.0"}}"#,
    );
    run(&npm, &world, &["install"]).succeeded();
    let lock = world.read("package-lock.json").unwrap();
    let tarball = format!("{}/{}", world.npm.url(), world.newest(".tgz").path);
    assert!(lock.contains(&tarball), "{lock}");

    // The lock file names the registry, not the gateway; npm asks the gateway all the same.
    world.strict();
    world.clear(&["node_modules"]);
    let refused = run(&npm, &world, &["ci"]).failed();
    assert!(refused.text.contains("demo 1.2.0 withheld by cooldown (10 days)"), "{}", refused.text);

    world.clear(&["node_modules", "package-lock.json"]);
    let older = run(&npm, &world, &["install"]).succeeded();
    let (_, summary) = older.text.rsplit_once("weir: ").unwrap();
    assert!(summary.contains("demo 1.2.0 withheld by cooldown (10 days)"), "{}", older.text);
    assert!(world.read("package-lock.json").unwrap().contains("demo-1.1.0.tgz"));
}

#[test]
fn pip_and_uv_need_no_settings_and_the_summary_says_what_they_do_not() {
    for name in ["pip-26", "uv"] {
        let Some(client) = client(name) else { continue };
        let mut world = World::new();
        let install: &[&str] = match name {
            "uv" => &["pip", "install", "--target", "site", "demo"],
            _ => &["install", "--target", "site", "demo"],
        };
        run(&client, &world, install).succeeded();
        assert!(world.installed_in("site").contains(&("demo".to_owned(), NEW.to_owned())));
        world.strict();
        world.clear(&["site"]);
        let older = run(&client, &world, install).succeeded();
        assert!(world.installed_in("site").contains(&("demo".to_owned(), "1.1.0".to_owned())));
        assert!(older.text.contains("demo 1.2.0 withheld by cooldown (10 days)"), "{}", older.text);
    }
}

#[test]
fn cargo_needs_no_settings() {
    let Some(cargo) = client("cargo") else { return };
    let mut world = World::new();
    world.write(
        "Cargo.toml",
        "[package]\nname = \"project\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\
         [dependencies]\ndemo = \"1\"\n",
    );
    world.write("src/lib.rs", "pub use demo::VERSION;\n");
    run(&cargo, &world, &["build"]).succeeded();
    let lock = world.read("Cargo.lock").unwrap();
    assert!(lock.contains("\"1.2.0\"") && !lock.contains("127.0.0.1"), "{lock}");

    world.strict();
    world.clear(&["target"]);
    let refused = run(&cargo, &world, &["build", "--locked"]).failed();
    assert!(refused.text.contains("demo 1.2.0 withheld by cooldown (10 days)"), "{}", refused.text);
    world.clear(&["target", "Cargo.lock"]);
    let older = run(&cargo, &world, &["build"]).succeeded();
    assert!(older.text.contains("demo 1.2.0 withheld by cooldown (10 days)"), "{}", older.text);
}

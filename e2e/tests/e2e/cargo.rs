//! Cargo: build, build from a lock file, refusals, and its smaller commands.

use weir_testkit::origin::Answer;

use super::harness::{Client, NEW, Output, Run, World, client};

const ECOSYSTEM: &str = "cargo";

pub(crate) struct Driver(Client);

impl Driver {
    pub(crate) fn find(name: &str) -> Option<Self> {
        client(name).map(Self)
    }

    pub(crate) fn run(&self, world: &World, arguments: &[&str]) -> Output {
        let home = world.home();
        Run::client(&self.0, world)
            .path_env("CARGO_HOME", &home.join("cargo"))
            .path_env("CARGO_TARGET_DIR", &world.project().join("target"))
            .env("CARGO_NET_RETRY", "0")
            .args(arguments)
            .wait()
    }

    fn install(&self, world: &World) -> Output {
        self.run(world, &["build"])
    }

    fn frozen(&self, world: &World) -> Output {
        self.run(world, &["build", "--locked"])
    }
}

/// A project that needs one crate; nothing is built, cached or locked.
fn begin(world: &World, package: &str, requirement: &str) {
    clear(world);
    world.clear(&["Cargo.lock"]);
    redirect(world);
    let manifest = format!(
        "[package]\nname = \"project\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\
         [dependencies]\n{package} = \"{requirement}\"\n"
    );
    world.write("Cargo.toml", &manifest);
    world.write("src/lib.rs", &format!("pub const VERSION: &str = {package}::VERSION;\n"));
}

/// Tells Cargo to take the gateway for its default registry.
pub(crate) fn redirect(world: &World) {
    let settings = format!(
        "[source.crates-io]\nreplace-with = \"weir\"\n\
         [source.weir]\nregistry = \"sparse+{url}/cargo/\"\n\
         [registries.weir]\nindex = \"sparse+{url}/cargo/\"\n",
        url = world.url()
    );
    world.write(".cargo/config.toml", &settings);
}

/// Empties Cargo's caches and what was built; the lock file stays.
fn clear(world: &World) {
    world.clear(&["target"]);
}

#[track_caller]
fn has_locked(world: &World, version: &str) {
    let lock = world.read("Cargo.lock").unwrap();
    let entry = format!("name = \"demo\"\nversion = \"{version}\"\n");
    assert!(lock.contains(&entry), "{lock}");
    assert!(!lock.contains("127.0.0.1"), "the gateway's address is in the lock file: {lock}");
}

/// Cold, from a lock file, from the cache without upstream, and with `--offline`.
fn installs(name: &str) {
    let Some(cargo) = Driver::find(name) else { return };
    let mut world = World::new();
    let file = world.newest("download").path.clone();
    begin(&world, "demo", "1");
    cargo.install(&world).succeeded();
    has_locked(&world, NEW);
    assert_eq!(world.crates.count(&file), 1);

    clear(&world);
    world.forget();
    cargo.frozen(&world).succeeded();
    assert_eq!(world.crates.count(&file), 2);

    world.stop_upstreams();
    begin(&world, "demo", "1");
    cargo.install(&world).succeeded();
    has_locked(&world, NEW);

    world.offline();
    clear(&world);
    cargo.frozen(&world).succeeded();
    begin(&world, "demo", "1");
    cargo.install(&world).succeeded();
    has_locked(&world, NEW);
    assert_eq!(world.crates.count(&file), 2);
}

/// What the terminal shows: the resolver takes an older version; a lock file names the withheld
/// one; the manifest pins it; and a package is withheld as a whole.
fn refusals(name: &str) -> Option<String> {
    let cargo = Driver::find(name)?;
    let mut world = World::new();
    begin(&world, "demo", "1");
    cargo.install(&world).succeeded();
    world.strict();

    clear(&world);
    let locked = cargo.frozen(&world).failed();

    begin(&world, "demo", "1");
    let older = cargo.install(&world).succeeded();
    has_locked(&world, "1.1.0");

    begin(&world, "demo", &format!("={NEW}"));
    let pinned = cargo.install(&world).failed();

    begin(&world, "banned", "1");
    let banned = cargo.install(&world).failed();
    let runs = [("older", older), ("locked", locked), ("pinned", pinned), ("whole", banned)];
    Some(super::harness::shown(name, &runs, &["withheld", "403", "yank"]))
}

/// A crate that is not what its index promises reaches no build and no cache.
fn corrupted(name: &str) {
    let Some(cargo) = Driver::find(name) else { return };
    let world = World::new();
    let file = world.newest("download").path.clone();
    world.crates.change(&file, Answer::corrupted);
    begin(&world, "demo", "1");
    cargo.install(&world).failed();
    assert!(!world.stores("demo-1.2.0.crate"));

    world.crates.change(&file, Answer::corrupted);
    begin(&world, "demo", "1");
    cargo.install(&world).succeeded();
    assert!(world.stores("demo-1.2.0.crate"));
}

super::harness::for_each_client! {
    cargo "cargo" r#"
    older:
    (nothing)
    locked:
    failed to get successful HTTP response from `http://127.0.0.1:PORT/cargo/crates/demo/1.2.0/download` (127.0.0.1), got 403
    demo 1.2.0 withheld by cooldown (10 days) until DATE
    pinned:
    version 1.2.0 is yanked
    whole:
    failed to get successful HTTP response from `http://127.0.0.1:PORT/cargo/ba/nn/banned` (127.0.0.1), got 403
    banned 1.0.0 withheld by rule no-banned: its author's account was stolen
    "#;
}

#[test]
fn cargo_fetches_searches_and_shows() {
    let Some(cargo) = Driver::find("cargo") else { return };
    let world = World::new();
    begin(&world, "demo", "1");
    cargo.run(&world, &["fetch"]).succeeded();
    let found = cargo.run(&world, &["search", "--registry", "weir", "demo"]).succeeded();
    assert!(found.text.contains("demo = \"1.2.0\""), "{}", found.text);
    let shown = cargo.run(&world, &["info", "--registry", "weir", "demo"]).succeeded();
    assert!(shown.text.contains("version: 1.2.0"), "{}", shown.text);
}

#[test]
fn what_is_withheld_is_neither_found_nor_shown() {
    let Some(cargo) = Driver::find("cargo") else { return };
    let mut world = World::new();
    begin(&world, "demo", "1");
    let search = |world: &World, text: &str| {
        cargo.run(world, &["search", "--registry", "weir", text]).succeeded().text
    };
    assert!(search(&world, "banned").contains("banned = \"1.0.0\""));
    world.strict();
    clear(&world);
    assert!(!search(&world, "banned").contains("banned = "));
    assert!(!search(&world, "demo").contains("1.2.0"));
    let shown = cargo.run(&world, &["info", "--registry", "weir", "demo"]).succeeded();
    assert!(shown.text.contains("version: 1.1.0"), "{}", shown.text);
    let banned = cargo.run(&world, &["info", "--registry", "weir", "banned"]).failed();
    assert!(banned.text.contains("withheld by rule no-banned"), "{}", banned.text);
}

/// What changes a registry is refused with a sentence that Cargo prints, and never sent on.
#[test]
fn owners_are_shown_and_every_change_is_refused_with_the_reason() {
    let Some(cargo) = Driver::find("cargo") else { return };
    let world = World::new();
    begin(&world, "demo", "1");
    let flags = ["--registry", "weir", "--token", "a-token"];
    let owners = serde_json::json!({ "users": [{ "id": 1, "login": "ada", "name": "Ada" }] });
    world.crates.put("api/v1/crates/demo/owners", Answer::json(&owners));
    let listed = [&["owner", "--list", "demo"], &flags[..]].concat();
    assert!(cargo.run(&world, &listed).succeeded().text.contains("ada (Ada)"));
    world.crates.forget_requests();
    let commands: [(&str, &[&str]); 4] = [
        ("add", &["owner", "--add", "ada", "demo"]),
        ("yank", &["yank", "--version", "1.0.0", "demo"]),
        ("unyank", &["yank", "--undo", "--version", "1.0.0", "demo"]),
        ("publish", &["publish", "--allow-dirty", "--no-verify"]),
    ];
    let said: Vec<_> = commands
        .iter()
        .map(|(title, command)| {
            (*title, cargo.run(&world, &[command, &flags[..]].concat()).failed())
        })
        .collect();
    let said = super::harness::shown("cargo", &said, &["405"]);
    insta::assert_snapshot!(said, @r"
    add:
    the remote server responded with an error (status 405 Method Not Allowed): this gateway only reads: publish, yank and change owners at the registry itself
    yank:
    the remote server responded with an error (status 405 Method Not Allowed): this gateway only reads: publish, yank and change owners at the registry itself
    unyank:
    the remote server responded with an error (status 405 Method Not Allowed): this gateway only reads: publish, yank and change owners at the registry itself
    publish:
    the remote server responded with an error (status 405 Method Not Allowed): this gateway only reads: publish, yank and change owners at the registry itself
    ");
    let changes = world.crates.requests().into_iter().filter(|seen| seen.method != "GET");
    assert_eq!(changes.count(), 0);
}

//! Go: builds with the checksum database on, refusals, and its smaller commands.

use weir_testkit::origin::{Answer, go_database_key};

use super::harness::{Client, NEW, Output, Run, World, client};

const ECOSYSTEM: &str = "go";
/// The fixture with three versions.
const DEMO: &str = "go.example/demo";
/// The name of the fixtures' checksum database.
pub(crate) const DATABASE: &str = "sum.example";

pub(crate) struct Driver(Client);

impl Driver {
    pub(crate) fn find(name: &str) -> Option<Self> {
        client(name).map(Self)
    }

    /// Runs go with the checksum database of the fixtures.
    fn run(&self, world: &World, arguments: &[&str]) -> Output {
        let run = self.through(world).env("GOSUMDB", &go_database_key(DATABASE));
        run.args(arguments).wait()
    }

    /// Runs go with its own checksum database.
    pub(crate) fn run_live(&self, world: &World, arguments: &[&str]) -> Output {
        self.through(world).args(arguments).wait()
    }

    fn through(&self, world: &World) -> Run {
        let proxy = format!("{}/go", world.url());
        settings(Run::client(&self.0, world), world).env("GOPROXY", &proxy)
    }

    /// The same below `weir run`, where go is told nothing of a proxy.
    fn below_weir(&self, world: &World, arguments: &[&str]) -> Output {
        settings(Run::below_weir(&self.0, world), world)
            .env("GOSUMDB", &go_database_key(DATABASE))
            .args(arguments)
            .wait()
    }

    fn install(&self, world: &World) -> Output {
        self.run(world, &["get", &format!("{DEMO}@latest")]);
        self.run(world, &["build", "./..."])
    }

    fn frozen(&self, world: &World) -> Output {
        self.run(world, &["build", "./..."])
    }
}

/// Folders that tests can remove, and nothing of this machine's own settings.
fn settings(run: Run, world: &World) -> Run {
    run.path_env("GOPATH", &world.home().join("go"))
        .path_env("GOCACHE", &world.folder().join("go-build"))
        .env("GOFLAGS", "-modcacherw -buildvcs=false")
        .env("GOENV", "off")
        .env("GOTELEMETRY", "off")
        .env("GOTOOLCHAIN", "local")
        .env("CGO_ENABLED", "0")
}

/// A project that uses one module; nothing is fetched or summed.
fn begin(world: &World, module: &str, require: Option<&str>) {
    clear(world);
    world.clear(&["go.sum"]);
    let require =
        require.map(|version| format!("\nrequire {module} {version}\n")).unwrap_or_default();
    world.write("go.mod", &format!("module project.example/project\n\ngo 1.21\n{require}"));
    let name = module.rsplit('/').next().unwrap();
    let code =
        format!("package main\n\nimport {module:?}\n\nfunc main() {{ println({name}.Version) }}\n");
    world.write("main.go", &code);
}

/// Empties go's caches; `go.mod` and `go.sum` stay.
pub(crate) fn clear(world: &World) {
    world.clear(&[]);
}

#[track_caller]
fn requires(world: &World, version: &str) {
    let manifest = world.read("go.mod").unwrap();
    assert!(manifest.contains(&format!("{DEMO} {version}")), "{manifest}");
    let sums = world.read("go.sum").unwrap();
    assert!(sums.contains(&format!("{DEMO} {version} h1:")), "{sums}");
}

/// Cold, from `go.sum`, from the cache without upstream, and with `--offline`.
fn installs(name: &str) {
    let Some(go) = Driver::find(name) else { return };
    let mut world = World::new();
    let new = format!("v{NEW}");
    let file = world.newest(".zip").path.clone();
    begin(&world, DEMO, None);
    go.install(&world).succeeded();
    requires(&world, &new);
    assert_eq!(world.go.count(&file), 1);
    // What go verifies has passed through the gateway.
    let lookup = format!("sumdb/{DATABASE}/lookup/{DEMO}@{new}");
    assert_eq!(world.go.count(&lookup), 1);

    clear(&world);
    world.forget();
    go.frozen(&world).succeeded();
    assert_eq!(world.go.count(&file), 2);

    // A build from `go.sum` asks for no list, so this gateway has not seen one.
    begin(&world, DEMO, None);
    go.install(&world).succeeded();
    world.stop_upstreams();
    begin(&world, DEMO, None);
    go.install(&world).succeeded();
    requires(&world, &new);

    world.offline();
    clear(&world);
    go.frozen(&world).succeeded();
    begin(&world, DEMO, None);
    go.install(&world).succeeded();
    requires(&world, &new);
    assert_eq!(world.go.count(&file), 2);
}

/// What the terminal shows: `@latest` is an older version; `go.mod` and `go.sum` name the withheld
/// one; it is asked for by name; and a module is withheld as a whole.
fn refusals(name: &str) -> Option<String> {
    let go = Driver::find(name)?;
    let mut world = World::new();
    begin(&world, DEMO, None);
    go.install(&world).succeeded();
    world.strict();

    clear(&world);
    let locked = go.frozen(&world).failed();

    begin(&world, DEMO, None);
    let older = go.install(&world).succeeded();
    requires(&world, "v1.1.0");

    let pinned = go.run(&world, &["get", &format!("{DEMO}@v{NEW}")]).failed();

    begin(&world, "go.example/banned", None);
    let banned = go.run(&world, &["get", "go.example/banned"]).failed();
    let runs = [("older", older), ("locked", locked), ("pinned", pinned), ("whole", banned)];
    Some(super::harness::shown(name, &runs, &["withheld", "403"]))
}

/// A zip that is not what the checksum database promises reaches no build and no cache, and
/// neither does a `go.mod`.
fn corrupted(name: &str) {
    let Some(go) = Driver::find(name) else { return };
    let world = World::new();
    let [zip, manifest] = [".zip", ".mod"].map(|ending| world.newest(ending).path.clone());
    for file in [&zip, &manifest] {
        world.go.change(file, Answer::corrupted);
        begin(&world, DEMO, Some(&format!("v{NEW}")));
        let refused = go.run(&world, &["mod", "tidy"]).failed();
        assert!(refused.text.contains("502"), "{}", refused.text);
        let stored = file.rsplit('/').next().unwrap();
        assert!(!world.stores(stored), "{stored}");
        world.go.change(file, Answer::corrupted);
    }
    begin(&world, DEMO, None);
    go.install(&world).succeeded();
    assert!(world.stores(&format!("v{NEW}.zip")));
}

super::harness::for_each_client! {
    go "go" r#"
    older:
    (nothing)
    locked:
    main.go:3:8: go.example/demo@v1.2.0: reading http://127.0.0.1:PORT/go/go.example/demo/@v/v1.2.0.zip: 403 go.example/demo v1.2.0 withheld by cooldown (10 days) until DATE
    go.example/demo v1.2.0 withheld by cooldown (10 days) until DATE
    pinned:
    go: go.example/demo@v1.2.0: reading http://127.0.0.1:PORT/go/go.example/demo/@v/v1.2.0.info: 403 go.example/demo v1.2.0 withheld by cooldown (10 days) until DATE
    go.example/demo v1.2.0 withheld by cooldown (10 days) until DATE
    whole:
    go: module go.example/banned: reading http://127.0.0.1:PORT/go/go.example/banned/@v/list: 403 go.example/banned v1.0.0 withheld by rule no-banned-module: its author's account was stolen
    go.example/banned v1.0.0 withheld by rule no-banned-module: its author's account was stolen
    "#;
}

#[test]
fn go_needs_no_settings_below_weir_run() {
    let Some(go) = Driver::find("go") else { return };
    let mut world = World::new();
    begin(&world, DEMO, None);
    go.below_weir(&world, &["get", DEMO]).succeeded();
    go.below_weir(&world, &["build", "./..."]).succeeded();
    requires(&world, &format!("v{NEW}"));

    world.strict();
    clear(&world);
    let refused = go.below_weir(&world, &["build", "./..."]).failed();
    assert!(refused.text.contains("withheld by cooldown (10 days)"), "{}", refused.text);
    begin(&world, DEMO, None);
    go.below_weir(&world, &["get", DEMO]).succeeded();
    requires(&world, "v1.1.0");
}

#[test]
fn go_lists_downloads_and_verifies() {
    let Some(go) = Driver::find("go") else { return };
    let world = World::new();
    begin(&world, DEMO, None);
    let listed = go.run(&world, &["list", "-m", "-versions", DEMO]).succeeded();
    assert!(listed.text.contains(&format!("{DEMO} v1.0.0 v1.1.0 v{NEW}")), "{}", listed.text);
    go.install(&world).succeeded();
    go.run(&world, &["mod", "download", "-x"]).succeeded();
    go.run(&world, &["mod", "verify"]).succeeded();
    let capital = go.run(&world, &["list", "-m", "go.example/acme/Tool@latest"]).succeeded();
    assert!(capital.text.contains("go.example/acme/Tool v1.0.0"), "{}", capital.text);
    let absent = go.run(&world, &["list", "-m", "go.example/nothing@latest"]).failed();
    assert!(absent.text.contains("404"), "{}", absent.text);
}

//! Go: builds with the checksum database on, refusals, and its smaller commands.

use serde_json::json;
use weir_testkit::origin::{Answer, Origin, go_database_key, zip};

use super::harness::{Client, NEW, Output, Run, Settings, World, client};

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
        self.run_with(world, &[], arguments)
    }

    /// The same with further variables.
    fn run_with(&self, world: &World, set: &[(&str, &str)], arguments: &[&str]) -> Output {
        let run = self.through(world).env("GOSUMDB", &go_database_key(DATABASE));
        let run = set.iter().fold(run, |run, (name, value)| run.env(name, value));
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

/// Puts a module on a proxy that no checksum database knows.
fn publish(origin: &Origin, path: &str, version: &str, manifest: &str) {
    let stem = format!("{path}/@v/{version}");
    let info = json!({ "Version": version, "Time": "2025-01-01T00:00:00Z" });
    origin.put(&format!("{stem}.info"), Answer::json(&info));
    let manifest = format!("module {path}\n\ngo 1.21\n{manifest}");
    let name = path.rsplit('/').next().unwrap();
    let code = format!("package {name}\n\nconst Version = {version:?}\n");
    let entry = |file: &str| format!("{path}@{version}/{file}");
    let (first, second) = (entry("go.mod"), entry("code.go"));
    let archive = zip(&[(&*first, manifest.as_bytes()), (&*second, code.as_bytes())]);
    origin.put(&format!("{stem}.mod"), Answer::ok(manifest));
    origin.put(&format!("{stem}.zip"), Answer::ok(archive));
}

#[test]
fn retracted_versions_are_left_out_and_modules_without_sums_are_the_users_choice() {
    let Some(go) = Driver::find("go") else { return };
    let world = World::new();
    let path = "go.example/retracted";
    publish(&world.go, path, "v1.0.0", "");
    publish(&world.go, path, "v1.1.0", "\nretract v1.1.0 // it loses data\n");
    world.go.put(&format!("{path}/@v/list"), Answer::ok("v1.0.0\nv1.1.0\n"));
    begin(&world, path, None);
    let unknown = go.run(&world, &["get", &format!("{path}@latest")]).failed();
    assert!(unknown.text.contains("404"), "{}", unknown.text);

    let trusting = [("GONOSUMDB", path)];
    let run = |arguments: &[&str]| go.run_with(&world, &trusting, arguments).succeeded();
    run(&["get", &format!("{path}@latest")]);
    run(&["build", "./..."]);
    let manifest = world.read("go.mod").unwrap();
    assert!(manifest.contains(&format!("{path} v1.0.0")), "{manifest}");
    let all = run(&["list", "-m", "-retracted", "-versions", path]);
    assert!(all.text.contains("v1.0.0 v1.1.0"), "{}", all.text);
    let retracted = run(&["get", &format!("{path}@v1.1.0")]);
    assert!(retracted.text.contains("it loses data"), "{}", retracted.text);
}

#[test]
fn a_module_without_versions_is_taken_by_its_commits() {
    let Some(go) = Driver::find("go") else { return };
    let mut world = World::new();
    let (path, version) = ("go.example/raw", "v0.0.0-20250101000000-abcdef123456");
    let trusting = [("GONOSUMDB", path)];
    publish(&world.go, path, version, "");
    world.go.put(&format!("{path}/@v/list"), Answer::ok(""));
    begin(&world, path, None);
    // The proxy does not say which commit is the latest.
    go.run_with(&world, &trusting, &["get", &format!("{path}@latest")]).failed();
    let info = json!({ "Version": version, "Time": "2025-01-01T00:00:00Z" });
    for place in ["@latest", "@v/abcdef123456.info", "@v/main.info"] {
        world.go.put(&format!("{path}/{place}"), Answer::json(&info));
    }
    world.forget();
    for query in ["latest", "abcdef123456", "main", version] {
        begin(&world, path, None);
        go.run_with(&world, &trusting, &["get", &format!("{path}@{query}")]).succeeded();
        go.run_with(&world, &trusting, &["build", "./..."]).succeeded();
        let manifest = world.read("go.mod").unwrap();
        assert!(manifest.contains(&format!("{path} {version}")), "{query}: {manifest}");
    }
}

#[test]
fn a_build_that_may_change_go_mod_takes_what_passes() {
    let Some(go) = Driver::find("go") else { return };
    let mut world = World::new();
    let flags = [("GOFLAGS", "-mod=mod -modcacherw -buildvcs=false")];
    for version in [format!("v{NEW}"), "v1.1.0".to_owned()] {
        begin(&world, DEMO, None);
        go.run_with(&world, &flags, &["build", "./..."]).succeeded();
        requires(&world, &version);
        world.strict();
    }
}

#[test]
fn a_refusal_is_none_of_the_answers_that_lead_go_elsewhere() {
    let Some(go) = Driver::find("go") else { return };
    let mut world = World::new();
    begin(&world, DEMO, None);
    go.install(&world).succeeded();
    world.strict();
    clear(&world);
    // After 404 and 410 go would ask the repository itself, which is not there.
    let proxies = format!("{}/go,direct", world.url());
    let direct = [("GOPROXY", proxies.as_str())];
    let pinned = format!("{DEMO}@v{NEW}");
    for arguments in [
        &["build", "./..."][..],
        &["get", &pinned],
        &["list", "-m", &pinned],
        &["list", "-m", "-versions", "go.example/banned"],
        &["get", "go.example/banned@latest"],
        &["get", "go.example/banned@v1.0.0"],
    ] {
        let refused = go.run_with(&world, &direct, arguments).failed();
        let text = &refused.text;
        assert!(text.contains("403") && text.contains("withheld by "), "{arguments:?}: {text}");
    }
}

#[test]
fn modules_of_the_company_are_never_asked_of_the_public() {
    let Some(go) = Driver::find("go") else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let own = runtime.block_on(Origin::start());
    let path = "corp.example/team/lib";
    publish(&own, path, "v1.0.0", "");
    own.put(&format!("{path}/@v/list"), Answer::ok("v1.0.0\n"));
    // Go asks whether each folder above a package is a module, the host too.
    let config = format!(
        "[registries.own]\necosystem = \"go\"\nupstream = {:?}\n[groups.all]\n\
         members = [{{ registry = \"own\", patterns = [\"corp.example\", \"corp.example/**\"] }}, \"go\"]\n",
        own.url()
    );
    let world = World::with(Settings { config, ..Settings::default() });
    let proxy = format!("{}/all", world.url());
    let set = [("GOPROXY", proxy.as_str()), ("GONOSUMDB", "corp.example")];
    begin(&world, path, None);
    go.run_with(&world, &set, &["get", &format!("{path}@latest")]).succeeded();
    go.run_with(&world, &set, &["build", "./..."]).succeeded();
    go.run_with(&world, &set, &["get", "corp.example/team/nothing@latest"]).failed();
    // What is the public's is found there, by way of the same address.
    go.run_with(&world, &set, &["list", "-m", &format!("{DEMO}@latest")]).succeeded();
    let asked = world.go.requests();
    let internal = asked.iter().find(|request| request.resource().contains("corp.example"));
    assert!(internal.is_none() && !asked.is_empty(), "{internal:?}");
}

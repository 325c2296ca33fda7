//! Below `weir run`, lock files that name the registry lead to the gateway, and afterwards they
//! are what they were.

use std::time::SystemTime;

use super::harness::{Client, NEW, Output, Run, World};
use super::javascript;
use super::python;

const WITHHELD: &str = "demo 1.2.0 withheld by cooldown (10 days)";

/// A lock file as it was before a run.
struct Locked<'a> {
    world: &'a World,
    name: &'a str,
    text: String,
    modified: SystemTime,
}

impl<'a> Locked<'a> {
    #[track_caller]
    fn new(world: &'a World, name: &'a str) -> Self {
        let text = world.read(name).unwrap();
        Self { world, name, modified: modified(world, name), text }
    }

    #[track_caller]
    fn is_untouched(&self) {
        assert_eq!(self.world.read(self.name).unwrap(), self.text);
        assert_eq!(modified(self.world, self.name), self.modified);
        let left = std::fs::read_dir(self.world.folder().join("run/lent"));
        let left: Vec<_> = left.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
        assert!(left.iter().all(|path| path.ends_with("gate")), "{left:?}");
    }
}

fn modified(world: &World, name: &str) -> SystemTime {
    std::fs::metadata(world.project().join(name)).unwrap().modified().unwrap()
}

/// A run of `sh` below `weir run`.
fn shell(world: &World, script: &str) -> Output {
    let shell = Client { name: "sh".to_owned(), program: vec!["sh".to_owned(), "-c".to_owned()] };
    Run::below_weir(&shell, world).args(&[script]).wait()
}

/// The origin of the runs' gateway: the next run has the port of the last one.
fn gateway(world: &World) -> String {
    let port = std::fs::read_to_string(world.folder().join("run/run.port")).unwrap();
    format!("127.0.0.1:{}", port.trim())
}

/// The packages were fetched through the gateway, or came from its cache.
#[track_caller]
fn passed(output: &Output, how: &str) {
    let (_, summary) = output.text.rsplit_once("weir: ").unwrap();
    let line = summary.lines().find(|line| line.trim_start().starts_with(how));
    assert!(line.is_some_and(|line| line.contains("2 packages")), "{}", output.text);
    assert!(!summary.contains("past weir"), "{}", output.text);
}

/// Installs from a lock file that was made against the registry: cold, from the gateway's cache,
/// and with its version withheld.
fn javascript(name: &str) {
    let Some(driver) = javascript::Driver::find(name) else { return };
    let mut world = World::new();
    driver.begin(&world, "demo", "^1.0.0");
    let registry = format!("{}/", world.npm.url());
    driver.install_from(&world, &registry).succeeded();
    let lock = driver.lock;
    assert!(world.read(lock).unwrap().contains(NEW));
    let tarball = world.newest(".tgz").path.clone();
    let before = world.npm.count(&tarball);

    javascript::clear(&world);
    let locked = Locked::new(&world, lock);
    passed(&driver.frozen_below_weir(&world).succeeded(), "fetched");
    javascript::has_installed(&world, NEW);
    locked.is_untouched();
    let gateway = gateway(&world);
    let integrity = world.read("node_modules/.yarn-integrity").unwrap_or_default();
    assert!(!integrity.contains(&gateway), "{integrity}");

    javascript::clear(&world);
    passed(&driver.frozen_below_weir(&world).succeeded(), "from cache");
    javascript::has_installed(&world, NEW);
    assert_eq!(world.npm.count(&tarball), before + 1);
    locked.is_untouched();

    let (text, modified) = (locked.text, locked.modified);
    world.strict();
    javascript::clear(&world);
    let refused = driver.frozen_below_weir(&world).failed();
    assert!(refused.text.contains(WITHHELD), "{}", refused.text);
    Locked { world: &world, name: lock, text, modified }.is_untouched();
}

#[test]
fn npm_6_ci() {
    javascript("npm-6");
}

#[test]
fn npm_10_ci() {
    javascript("npm-10");
}

#[test]
fn npm_11_ci() {
    javascript("npm-11");
}

#[test]
fn pnpm_9_frozen() {
    javascript("pnpm-9");
}

#[test]
fn pnpm_10_frozen() {
    javascript("pnpm-10");
}

#[test]
fn yarn_1_frozen() {
    javascript("yarn-1");
}

#[test]
fn yarn_4_immutable() {
    javascript("yarn-4");
}

#[test]
fn bun_frozen() {
    javascript("bun");
}

/// Lock files then name that host, each in its client's way: the registry's listings say that the
/// files there are its own.
#[test]
fn tarballs_on_another_host() {
    for name in ["npm-11", "pnpm-10", "yarn-1", "yarn-4", "bun"] {
        let Some(driver) = javascript::Driver::find(name) else { continue };
        let mut world = World::new();
        world.move_tarballs();
        driver.begin(&world, "demo", "^1.0.0");
        driver.install_from(&world, &format!("{}/", world.npm.url())).succeeded();
        let text = world.read(driver.lock).unwrap();
        let host = world.files.url().replace("http://", "");
        let names = text.contains(&host) || text.contains(&host.replace(':', "%3A"));
        assert!(names, "{name}: {text}");

        javascript::clear(&world);
        let locked = Locked::new(&world, driver.lock);
        passed(&driver.frozen_below_weir(&world).succeeded(), "fetched");
        javascript::has_installed(&world, NEW);
        locked.is_untouched();

        let (text, modified) = (locked.text, locked.modified);
        world.strict();
        javascript::clear(&world);
        let refused = driver.frozen_below_weir(&world).failed();
        assert!(refused.text.contains(WITHHELD), "{}", refused.text);
        Locked { world: &world, name: driver.lock, text, modified }.is_untouched();
    }
}

/// yarn 1 writes its own name of the npm registry into lock files.
#[test]
fn what_yarn_1_calls_the_registry_is_the_registry() {
    let Some(driver) = javascript::Driver::find("yarn-1") else { return };
    let world = World::new();
    driver.begin(&world, "demo", "^1.0.0");
    driver.install_from(&world, &format!("{}/", world.npm.url())).succeeded();
    let own = "https://yarn.registry.example";
    let text = world.read("yarn.lock").unwrap().replace(&world.npm.url(), own);
    assert!(text.contains(own), "{text}");
    world.write("yarn.lock", &text);
    world.write("bin/yarn", &format!("#!/bin/sh\necho {own}/\n"));
    let script = world.project().join("bin/yarn");
    let runs = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(script, runs).unwrap();

    javascript::clear(&world);
    let locked = Locked::new(&world, "yarn.lock");
    passed(&driver.frozen_below_weir(&world).succeeded(), "fetched");
    javascript::has_installed(&world, NEW);
    locked.is_untouched();
}

/// What uv and pip install from, and how it is made against the registry.
fn python(name: &str, lock: &str, make: &[&str], installs: &[&[&str]]) {
    let (Some(driver), Some(uv)) = (python::Driver::find(name), python::Driver::find("uv")) else {
        return;
    };
    let mut world = World::new();
    uv.begin(&world, "demo", ">=1.0");
    let index = format!("{}/simple", world.index.url());
    uv.run_from(&world, &index, make).succeeded();
    let text = world.read(lock).unwrap();
    assert!(text.contains(&world.files.url()), "{text}");
    let wheel = world.newest(".whl").path.clone();

    for (index, install) in installs.iter().enumerate() {
        let locked = Locked::new(&world, lock);
        python::clear(&world);
        let output = driver.below_weir(&world, install).succeeded();
        passed(&output, if index == 0 { "fetched" } else { "from cache" });
        python::has_installed(&world, NEW);
        assert_eq!(world.files.count(&wheel), 1);
        locked.is_untouched();
    }
    world.strict();
    for install in installs {
        let locked = Locked::new(&world, lock);
        python::clear(&world);
        let refused = driver.below_weir(&world, install).failed();
        assert!(refused.text.contains(WITHHELD), "{}", refused.text);
        locked.is_untouched();
    }
}

#[test]
fn uv_sync() {
    let installs: [&[&str]; 3] = [&["sync", "--locked"], &["sync", "--frozen"], &["sync"]];
    python("uv", "uv.lock", &["lock"], &installs);
}

#[test]
fn uv_pip_sync_from_a_lock_file_that_names_the_index() {
    let make = ["export", "--format", "pylock.toml", "--output-file", "pylock.toml"];
    python("uv", "pylock.toml", &make, &[&["pip", "sync", "--target", "site", "pylock.toml"]]);
}

#[test]
fn uv_and_pip_install_from_a_lock_file_that_names_files_alone() {
    let make = ["pip", "compile", "pyproject.toml", "--output-file", "pylock.toml"];
    let install = ["pip", "install", "--target", "site", "-r", "pylock.toml"];
    python("uv", "pylock.toml", &make, &[&install]);
    let install = ["install", "--no-cache-dir", "--target", "site", "-r", "pylock.toml"];
    python("pip-26", "pylock.toml", &make, &[&install]);
}

#[test]
fn uv_locks_anew_and_the_lock_file_names_the_registry() {
    let Some(uv) = python::Driver::find("uv") else { return };
    let mut world = World::new();
    uv.begin(&world, "demo", ">=1.0");
    let index = format!("{}/simple", world.index.url());
    uv.run_from(&world, &index, &["lock"]).succeeded();
    let lock = world.read("uv.lock").unwrap();

    let locked = Locked::new(&world, "uv.lock");
    uv.below_weir(&world, &["lock", "--upgrade"]).succeeded();
    locked.is_untouched();
    world.strict();
    let older = uv.below_weir(&world, &["lock", "--upgrade"]).succeeded();
    assert!(older.text.contains(WITHHELD), "{}", older.text);
    let changed = world.read("uv.lock").unwrap();
    assert!(changed.contains("\"1.1.0\"") && !changed.contains(&gateway(&world)), "{changed}");
    let source =
        |text: &str| text.lines().find(|line| line.contains("registry = ")).unwrap().to_owned();
    assert_eq!(source(&changed), source(&lock));
    // Nor does what it adds to the project.
    uv.below_weir(&world, &["add", "acme-tool"]).succeeded();
    let added = world.read("pyproject.toml").unwrap();
    assert!(added.contains("acme-tool") && !added.contains("tool.uv"), "{added}");
    uv.below_weir(&world, &["remove", "acme-tool"]).succeeded();
    assert!(!world.read("pyproject.toml").unwrap().contains("tool.uv"));
    // uv itself finds nothing to do, neither here nor there.
    uv.run_from(&world, &index, &["lock", "--check"]).succeeded();
    uv.below_weir(&world, &["lock", "--check"]).succeeded();
}

/// With a source of the project's own that is the registry, and with what Poetry knows by itself.
#[test]
fn poetry_install() {
    let Some(poetry) = python::Driver::find("poetry") else { return };
    for has_source in [true, false] {
        let mut world = World::new();
        let index = format!("{}/simple", world.index.url());
        poetry.begin_from(&world, "demo", ">=1.0", has_source.then_some(&index));
        if has_source {
            poetry.run_from(&world, &index, &["lock"]).succeeded();
        } else {
            // Its own source is no fixture: without `weir run` it would be asked.
            poetry.below_weir(&world, &["lock"]).succeeded();
        }
        let lock = world.read("poetry.lock").unwrap();
        assert_eq!(lock.contains(&index), has_source, "{lock}");
        for how in ["fetched", "from cache"] {
            let locked = Locked::new(&world, "poetry.lock");
            python::clear(&world);
            passed(&poetry.below_weir(&world, &["install"]).succeeded(), how);
            python::has_installed(&world, NEW);
            locked.is_untouched();
        }

        world.strict();
        let locked = Locked::new(&world, "poetry.lock");
        python::clear(&world);
        let refused = poetry.below_weir(&world, &["install"]).failed();
        assert!(refused.text.contains(WITHHELD), "{}", refused.text);
        locked.is_untouched();
        poetry.below_weir(&world, &["update", "--lock"]).succeeded();
        let changed = world.read("poetry.lock").unwrap();
        assert!(changed.contains("\"1.1.0\"") && !changed.contains(&gateway(&world)), "{changed}");
        assert_eq!(changed.contains(&index), has_source, "{changed}");
    }
}

/// A project with a lock file that names the registry.
fn with_lock() -> (World, String) {
    let world = World::new();
    let tarball = format!("{}/{}", world.npm.url(), world.newest(".tgz").path);
    let text = format!("demo@^1.0.0:\n  version \"1.2.0\"\n  resolved \"{tarball}#00\"\n");
    world.write("package.json", "{}");
    world.write("yarn.lock", &text);
    (world, text)
}

#[test]
fn a_run_that_is_killed_is_healed_by_the_next_one_anywhere() {
    let (world, text) = with_lock();
    let locked = Locked::new(&world, "yarn.lock");
    shell(&world, "kill -KILL $PPID").failed();
    let lent = world.read("yarn.lock").unwrap();
    assert!(lent.contains(&gateway(&world)), "{lent}");
    let other = shell(&world, "cd / && cat");
    assert!(other.text.contains("as it was before a run that was killed"), "{}", other.text);
    assert_eq!(world.read("yarn.lock").unwrap(), text);
    locked.is_untouched();

    // A client had written into it: what it wrote stays, with the registry's addresses.
    shell(&world, "echo '# more' >> yarn.lock; kill -KILL $PPID").failed();
    assert!(world.read("yarn.lock").unwrap().contains(&gateway(&world)));
    shell(&world, "true").succeeded();
    assert_eq!(world.read("yarn.lock").unwrap(), format!("{text}# more\n"));
}

#[test]
fn a_run_that_a_signal_ends_gives_back() {
    let (world, _) = with_lock();
    let locked = Locked::new(&world, "yarn.lock");
    let ended = shell(&world, "cat yarn.lock; kill -TERM $PPID; sleep 60").failed();
    assert!(ended.text.contains(&gateway(&world)), "{}", ended.text);
    locked.is_untouched();
}

#[test]
fn a_run_within_a_run_lends_its_own_addresses() {
    let (world, text) = with_lock();
    let locked = Locked::new(&world, "yarn.lock");
    let weir = super::harness::binary().display().to_string();
    let config = world.config_file().display().to_string();
    let data = world.folder().join("run").display().to_string();
    let inner = format!("{weir} run --config {config} --data-dir {data} -- cat yarn.lock");
    let output = shell(&world, &format!("cat yarn.lock; {inner}; cat yarn.lock")).succeeded();
    let resolved: Vec<&str> =
        output.text.lines().filter(|line| line.contains("resolved")).collect();
    assert!(resolved[0].contains(&gateway(&world)), "{resolved:?}");
    assert!(resolved[1].contains("/npm/demo/-/") && resolved[1] != resolved[0], "{resolved:?}");
    assert!(text.contains(resolved[2]), "{resolved:?}");
    locked.is_untouched();
}

#[test]
fn a_lock_file_that_may_not_be_written_is_lent_all_the_same() {
    let (world, _) = with_lock();
    let path = world.project().join("yarn.lock");
    let mut rights = std::fs::metadata(&path).unwrap().permissions();
    rights.set_readonly(true);
    std::fs::set_permissions(&path, rights.clone()).unwrap();
    let locked = Locked::new(&world, "yarn.lock");
    let output = shell(&world, "cat yarn.lock").succeeded();
    assert!(output.text.contains(&gateway(&world)), "{}", output.text);
    locked.is_untouched();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions(), rights);
}

//! Clients of PyPI: install, install from a lock file, refusals.

use std::fmt::Write as _;

use weir_core::{Algorithm, Digest};
use weir_testkit::origin::Answer;

use super::harness::{Client, NEW, Output, Run, World, client};

const ECOSYSTEM: &str = "pypi";

/// How a client is driven.
pub(crate) struct Driver {
    client: Client,
    python: Client,
}

impl Driver {
    pub(crate) fn find(name: &str) -> Option<Self> {
        Some(Self { client: client(name)?, python: client("python")? })
    }

    fn is_pip(&self) -> bool {
        self.client.name.starts_with("pip")
    }

    /// Runs the client in the project, with the gateway as its index.
    pub(crate) fn run(&self, world: &World, arguments: &[&str]) -> Output {
        self.run_from(world, &format!("{}/pypi/simple/", world.url()), arguments)
    }

    /// Runs the client in the project, with this index.
    pub(crate) fn run_from(&self, world: &World, index: &str, arguments: &[&str]) -> Output {
        let run = self.quiet(Run::client(&self.client, world), arguments);
        match self.client.name.as_str() {
            "uv" => run.env("UV_DEFAULT_INDEX", index),
            "poetry" => run,
            _ => run.env("PIP_INDEX_URL", index),
        }
        .wait()
    }

    /// Runs the client in the project, below `weir run`.
    pub(crate) fn below_weir(&self, world: &World, arguments: &[&str]) -> Output {
        self.quiet(Run::below_weir(&self.client, world), arguments).wait()
    }

    /// What has nothing to do with where packages come from.
    fn quiet(&self, run: Run, arguments: &[&str]) -> Run {
        let arguments_of_pip = match self.client.name.as_str() {
            "uv" => arguments.strip_prefix(&["pip"]),
            "poetry" => None,
            _ => Some(arguments),
        };
        // The Python of a test is the machine's own: what is installed or removed there stays so.
        let changes = |word: &&str| ["install", "sync", "uninstall"].contains(word);
        if arguments_of_pip.is_some_and(|list| list.first().is_some_and(changes)) {
            assert!(arguments.contains(&"--target"), "{arguments:?} changes the machine's Python");
        }
        let run = run.args(arguments);
        match self.client.name.as_str() {
            "uv" => run
                .env("UV_PYTHON", &self.python.program[0])
                .env("UV_PYTHON_DOWNLOADS", "never")
                .env("UV_NO_PROGRESS", "1"),
            "poetry" => run
                .env("POETRY_VIRTUALENVS_IN_PROJECT", "true")
                .env("POETRY_NO_INTERACTION", "1")
                .env("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring"),
            _ => run
                .env("PIP_CONFIG_FILE", "/dev/null")
                .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
                .env("PIP_NO_INPUT", "1"),
        }
    }

    /// A project that needs one package; nothing is installed, cached or locked. What Poetry's
    /// project names is the gateway.
    pub(crate) fn begin(&self, world: &World, package: &str, requirement: &str) {
        let index = format!("{}/pypi/simple/", world.url());
        self.begin_from(world, package, requirement, Some(&index));
    }

    /// The same with an index for Poetry's project, or none.
    pub(crate) fn begin_from(
        &self,
        world: &World,
        package: &str,
        requirement: &str,
        index: Option<&str>,
    ) {
        clear(world);
        world.clear(&["uv.lock", "poetry.lock"]);
        world.write("requirements.txt", &format!("{package}{requirement}\n"));
        let mut manifest = format!(
            "[project]\nname = \"project\"\nversion = \"1.0.0\"\nrequires-python = \">=3.8\"\n\
             dependencies = [\"{package}{requirement}\"]\n"
        );
        if self.client.name == "poetry" {
            manifest.push_str("[tool.poetry]\npackage-mode = false\n");
        }
        if let Some(index) = index.filter(|_| self.client.name == "poetry") {
            let _ = write!(
                manifest,
                "[[tool.poetry.source]]\n\
                 name = \"weir\"\nurl = \"{index}\"\npriority = \"primary\"\n"
            );
        }
        world.write("pyproject.toml", &manifest);
    }

    /// Resolves, locks where the client does, and installs.
    fn install(&self, world: &World) -> Output {
        match self.client.name.as_str() {
            "uv" => self.run(world, &["sync"]),
            "poetry" => self.run(world, &["install"]),
            _ => self.run(world, &["install", "--target", "site", "-r", "requirements.txt"]),
        }
    }

    /// Installs what the lock file names, and nothing else. For pip that is a file of hashes.
    fn frozen(&self, world: &World) -> Output {
        match self.client.name.as_str() {
            "uv" => self.run(world, &["sync", "--frozen"]),
            "poetry" => self.run(world, &["sync"]),
            _ => {
                world.write("locked.txt", &hashed(world));
                let arguments = ["install", "--target", "site", "--require-hashes", "-r"];
                self.run(world, &[&arguments[..], &["locked.txt"]].concat())
            }
        }
    }
}

/// Empties the client's caches and what it installed; the lock file stays.
pub(crate) fn clear(world: &World) {
    world.clear(&[".venv", "site"]);
}

/// The requirements of a project that was locked to the new version, with their hashes.
fn hashed(world: &World) -> String {
    let wheels = [world.newest(".whl"), world.file("acme-tool", ".whl")];
    let line = |file: &weir_testkit::origin::BuiltFile| {
        let digest = Digest::of(Algorithm::Sha256, &file.bytes).hex();
        format!("{}=={} --hash=sha256:{digest}\n", file.name, file.version)
    };
    wheels.map(line).concat()
}

/// The version of a package that stands in the project.
fn installed(world: &World, module: &str) -> Option<String> {
    let text = ["site/", ".venv/lib/python3.11/site-packages/"]
        .iter()
        .find_map(|folder| world.read(&format!("{folder}{module}/__init__.py")))?;
    Some(text.split('"').nth(1)?.to_owned())
}

#[track_caller]
pub(crate) fn has_installed(world: &World, version: &str) {
    assert_eq!(installed(world, "demo").as_deref(), Some(version));
    assert_eq!(installed(world, "acme_tool").as_deref(), Some("1.0.0"));
}

/// Cold, from a lock file alone, from the cache without upstream, and with `--offline`.
fn installs(name: &str) {
    let Some(driver) = Driver::find(name) else { return };
    let mut world = World::new();
    let wheel = world.newest(".whl").path.clone();
    driver.begin(&world, "demo", ">=1.0");
    driver.install(&world).succeeded();
    has_installed(&world, NEW);
    assert_eq!(world.files.count(&wheel), 1);

    clear(&world);
    world.forget();
    driver.frozen(&world).succeeded();
    has_installed(&world, NEW);
    assert_eq!(world.files.count(&wheel), 2);
    driver.begin(&world, "demo", ">=1.0");
    driver.install(&world).succeeded();

    world.stop_upstreams();
    driver.begin(&world, "demo", ">=1.0");
    driver.install(&world).succeeded();
    has_installed(&world, NEW);

    world.offline();
    clear(&world);
    driver.frozen(&world).succeeded();
    driver.begin(&world, "demo", ">=1.0");
    driver.install(&world).succeeded();
    has_installed(&world, NEW);
    assert_eq!(world.files.count(&wheel), 2);
}

/// What the terminal shows: the resolver takes an older version; a lock file names the withheld
/// one; the project pins it; and a package is withheld as a whole.
fn refusals(name: &str) -> Option<String> {
    let driver = Driver::find(name)?;
    let mut world = World::new();
    driver.begin(&world, "demo", ">=1.0");
    driver.install(&world).succeeded();
    world.strict();

    clear(&world);
    let locked = driver.frozen(&world).failed();
    assert_eq!(installed(&world, "demo"), None);

    driver.begin(&world, "demo", ">=1.0");
    let older = driver.install(&world).succeeded();
    has_installed(&world, "1.1.0");

    driver.begin(&world, "demo", &format!("=={NEW}"));
    let pinned = driver.install(&world).failed();

    driver.begin(&world, "banned", ">=1.0");
    let banned = driver.install(&world).failed();

    let runs = [("older", older), ("locked", locked), ("pinned", pinned), ("whole", banned)];
    Some(super::harness::shown(name, &runs, &["withheld", "403", "yank"]))
}

/// A wheel that is not what its index promises reaches no project and no cache.
fn corrupted(name: &str) {
    let Some(driver) = Driver::find(name) else { return };
    let world = World::new();
    let wheel = world.newest(".whl").path.clone();
    world.files.change(&wheel, Answer::corrupted);
    driver.begin(&world, "demo", ">=1.0");
    driver.install(&world).failed();
    assert_eq!(installed(&world, "demo"), None);
    assert!(!world.stores("demo-1.2.0-py3-none-any.whl"));

    world.files.change(&wheel, Answer::corrupted);
    driver.begin(&world, "demo", ">=1.0");
    driver.install(&world).succeeded();
    has_installed(&world, NEW);
    assert!(world.stores("demo-1.2.0-py3-none-any.whl"));
}

super::harness::for_each_client! {
    pip_23 "pip-23" r#"
    older:
    (nothing)
    locked:
    ERROR: HTTP error 403 while getting http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl (from http://127.0.0.1:PORT/pypi/simple/demo/) (requires-python:>=3.8)
    ERROR: Could not install requirement demo==1.2.0 from http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl (from -r locked.txt (line 1)) because of HTTP error 403 Client Error: demo 1.2.0 withheld by cooldown (10 days) until DATE for url: http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl for URL http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl (from http://127.0.0.1:PORT/pypi/simple/demo/) (requires-python:>=3.8)
    pinned:
    WARNING: The candidate selected for download or install is a yanked version: 'demo' candidate (version 1.2.0 at http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl (from http://127.0.0.1:PORT/pypi/simple/demo/) (requires-python:>=3.8))
    Reason for being yanked: demo 1.2.0 withheld by cooldown (10 days) until DATE
    ERROR: HTTP error 403 while getting http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl (from http://127.0.0.1:PORT/pypi/simple/demo/) (requires-python:>=3.8)
    ERROR: 403 Client Error: demo 1.2.0 withheld by cooldown (10 days) until DATE for url: http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl
    whole:
    (nothing)
    "#;
    pip_26 "pip-26" r#"
    older:
    (nothing)
    locked:
    ERROR: HTTP error 403 while getting http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl (from http://127.0.0.1:PORT/pypi/simple/demo/) (requires-python:>=3.8)
    ERROR: Could not install requirement demo==1.2.0 from http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl (from -r locked.txt (line 1)) because of HTTP error 403 Client Error: demo 1.2.0 withheld by cooldown (10 days) until DATE for url: http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl for URL http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl (from http://127.0.0.1:PORT/pypi/simple/demo/) (requires-python:>=3.8)
    pinned:
    WARNING: The candidate selected for download or install is a yanked version: 'demo' candidate (version 1.2.0 at http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl (from http://127.0.0.1:PORT/pypi/simple/demo/) (requires-python:>=3.8))
    Reason for being yanked: demo 1.2.0 withheld by cooldown (10 days) until DATE
    ERROR: HTTP error 403 while getting http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl (from http://127.0.0.1:PORT/pypi/simple/demo/) (requires-python:>=3.8)
    ERROR: 403 Client Error: demo 1.2.0 withheld by cooldown (10 days) until DATE for url: http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl
    whole:
    ERROR: Ignored the following yanked versions: 1.0.0
    "#;
    uv "uv" r#"
    older:
    (nothing)
    locked:
    cause: HTTP status client error (403 demo 1.2.0 withheld by cooldown (10 days) until DATE) for url (http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl)
    pinned:
    warning: `demo==1.2.0` is yanked (reason: "demo 1.2.0 withheld by cooldown (10 days) until DATE")
    cause: HTTP status client error (403 demo 1.2.0 withheld by cooldown (10 days) until DATE) for url (http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl)
    whole:
    cause: Because banned==1.0.0 was yanked (reason: banned 1.0.0 withheld by rule no-banned: its author's account was stolen) and your project depends on banned==1.0.0, we can conclude that your project's requirements are unsatisfiable.
    "#;
    poetry "poetry" r#"
    older:
    (nothing)
    locked:
    403 Client Error: demo 1.2.0 withheld by cooldown (10 days) until DATE for url: http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl
    Warning: The file chosen for install of demo 1.2.0 (demo-1.2.0-py3-none-any.whl) is yanked. Reason for being yanked: demo 1.2.0 withheld by cooldown (10 days) until DATE
    pinned:
    Warning: The locked version 1.2.0 for demo is a yanked version. Reason for being yanked: demo 1.2.0 withheld by cooldown (10 days) until DATE
    403 Client Error: demo 1.2.0 withheld by cooldown (10 days) until DATE for url: http://127.0.0.1:PORT/pypi/files/demo/demo-1.2.0-py3-none-any.whl
    Warning: The file chosen for install of demo 1.2.0 (demo-1.2.0-py3-none-any.whl) is yanked. Reason for being yanked: demo 1.2.0 withheld by cooldown (10 days) until DATE
    whole:
    (nothing)
    "#;
}

#[test]
fn pip_downloads_hashes_and_lists_versions() {
    for name in ["pip-23", "pip-26"] {
        let Some(driver) = Driver::find(name) else { continue };
        assert!(driver.is_pip());
        let mut world = World::new();
        driver.begin(&world, "Demo", "");
        world.write("locked.txt", &hashed(&world));
        let download =
            ["download", "--no-deps", "--require-hashes", "--dest", "site", "-r", "locked.txt"];
        driver.run(&world, &download).succeeded();
        assert!(world.project().join("site/demo-1.2.0-py3-none-any.whl").exists());
        let versions = driver.run(&world, &["index", "versions", "Demo"]).succeeded();
        assert!(versions.text.contains("1.2.0, 1.1.0, 1.0.0"), "{}", versions.text);

        world.strict();
        clear(&world);
        let versions = driver.run(&world, &["index", "versions", "demo"]).succeeded();
        assert!(versions.text.contains("1.1.0, 1.0.0"), "{}", versions.text);
    }
}

#[test]
fn uv_compiles_requirements_to_what_may_be_installed() {
    let Some(driver) = Driver::find("uv") else { return };
    let mut world = World::new();
    driver.begin(&world, "demo", "");
    let arguments = ["pip", "compile", "--quiet", "--generate-hashes", "requirements.txt"];
    let open = driver.run(&world, &arguments).succeeded();
    assert!(open.text.contains("demo==1.2.0"), "{}", open.text);
    world.strict();
    clear(&world);
    let strict = driver.run(&world, &arguments).succeeded();
    assert!(strict.text.contains("demo==1.1.0"), "{}", strict.text);
}

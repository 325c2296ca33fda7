//! Clients of the npm registry: install, install from a lock file, refusals.

use super::harness::{Client, NEW, Output, Run, World, client};

const ECOSYSTEM: &str = "npm";

/// How a client is driven.
pub(crate) struct Driver {
    client: Client,
    /// Installs what `package.json` names.
    install: &'static [&'static str],
    /// Installs what the lock file names, and nothing else.
    frozen: &'static [&'static str],
    pub(crate) lock: &'static str,
}

impl Driver {
    pub(crate) fn find(name: &str) -> Option<Self> {
        let client = client(name)?;
        let (install, frozen, lock): (&[&str], &[&str], _) = match name.split('-').next() {
            Some("npm") => (&["install"], &["ci"], "package-lock.json"),
            Some("pnpm") => (&["install"], &["install", "--frozen-lockfile"], "pnpm-lock.yaml"),
            Some("bun") => (&["install"], &["install", "--frozen-lockfile"], "bun.lock"),
            _ if name == "yarn-1" => (&["install"], &["install", "--frozen-lockfile"], "yarn.lock"),
            _ => (&["install"], &["install", "--immutable"], "yarn.lock"),
        };
        Some(Self { client, install, frozen, lock })
    }

    /// Runs the client in the project, with the gateway as its registry.
    pub(crate) fn run(&self, world: &World, arguments: &[&str]) -> Output {
        self.run_from(world, &format!("{}/npm/", world.url()), arguments)
    }

    /// Runs the client in the project, with this registry.
    fn run_from(&self, world: &World, registry: &str, arguments: &[&str]) -> Output {
        let run = self.quiet(Run::client(&self.client, world).args(arguments), world);
        match self.client.name.as_str() {
            "yarn-4" => run
                .env("YARN_NPM_REGISTRY_SERVER", registry.trim_end_matches('/'))
                .env("YARN_UNSAFE_HTTP_WHITELIST", "127.0.0.1"),
            "yarn-1" => {
                world.write(".yarnrc", &format!("registry \"{registry}\"\n"));
                run
            }
            "bun" => run.env("BUN_CONFIG_REGISTRY", registry),
            _ => run.env("NPM_CONFIG_REGISTRY", registry),
        }
        .wait()
    }

    /// What has nothing to do with where packages come from.
    fn quiet(&self, run: Run, world: &World) -> Run {
        let home = world.home();
        let run = run.path_env("NPM_CONFIG_USERCONFIG", &home.join("npmrc"));
        match self.client.name.as_str() {
            "yarn-4" => run
                .env("YARN_NODE_LINKER", "node-modules")
                .env("YARN_ENABLE_TELEMETRY", "0")
                .env("YARN_NPM_MINIMAL_AGE_GATE", "0"),
            "yarn-1" => run.path_env("YARN_CACHE_FOLDER", &home.join("yarn")),
            "bun" => run,
            _ => run
                .env("NPM_CONFIG_FUND", "false")
                .env("NPM_CONFIG_FETCH_RETRY_MINTIMEOUT", "50")
                .env("NPM_CONFIG_FETCH_RETRY_MAXTIMEOUT", "100")
                .env("NPM_CONFIG_UPDATE_NOTIFIER", "false"),
        }
    }

    /// Resolves and installs, with this registry.
    pub(crate) fn install_from(&self, world: &World, registry: &str) -> Output {
        let output = self.run_from(world, registry, self.install);
        // It would be stronger than what `weir run` says.
        world.clear(&[".yarnrc"]);
        output
    }

    /// Installs what the lock file names, below `weir run`; programs of the project come first.
    pub(crate) fn frozen_below_weir(&self, world: &World) -> Output {
        let run = Run::below_weir(&self.client, world).args(self.frozen);
        self.quiet(run.path_first(&world.project().join("bin")), world).wait()
    }

    /// Runs a line of JavaScript with the Node.js that the clients run on.
    pub(crate) fn node(&self, world: &World, script: &str) -> Output {
        let node = Client { program: self.client.program[..1].to_vec(), ..self.client.clone() };
        Run::client(&node, world).args(&["-e", script]).wait()
    }

    pub(crate) fn install(&self, world: &World) -> Output {
        self.run(world, self.install)
    }

    pub(crate) fn frozen(&self, world: &World) -> Output {
        self.run(world, self.frozen)
    }

    /// A project that needs `package` in the range `range`; nothing is installed, cached or locked.
    pub(crate) fn begin(&self, world: &World, package: &str, range: &str) {
        clear(world);
        world.clear(&[self.lock]);
        let dependencies = format!("{{\"{package}\": \"{range}\"}}");
        let manifest = format!(
            "{{\"name\": \"project\", \"version\": \"1.0.0\", \"license\": \"MIT\", \
             \"private\": true, \"dependencies\": {dependencies}}}\n"
        );
        world.write("package.json", &manifest);
        if self.client.name == "yarn-4" {
            // Otherwise Yarn looks for a project in the folders above.
            world.write("yarn.lock", "");
        }
    }
}

/// Empties the client's caches and what it installed; the lock file stays.
pub(crate) fn clear(world: &World) {
    world.clear(&["node_modules", ".pnp.cjs", ".yarn"]);
}

/// The version of a package that stands in the project.
fn installed(world: &World, package: &str) -> Option<String> {
    // pnpm keeps what a dependency needs beside it.
    let direct = format!("node_modules/{package}/package.json");
    let pnpm = format!("node_modules/.pnpm/{}@1.0.0/{direct}", package.replace('/', "+"));
    let manifest = world.read(&direct).or_else(|| world.read(&pnpm))?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    manifest["version"].as_str().map(str::to_owned)
}

#[track_caller]
pub(crate) fn has_installed(world: &World, version: &str) {
    assert_eq!(installed(world, "demo").as_deref(), Some(version));
    assert_eq!(installed(world, "@acme/tool").as_deref(), Some("1.0.0"));
}

/// Cold, from a lock file alone, from the cache without upstream, and with `--offline`.
fn installs(name: &str) {
    let Some(driver) = Driver::find(name) else { return };
    let mut world = World::new();
    driver.begin(&world, "demo", "^1.0.0");
    driver.install(&world).succeeded();
    has_installed(&world, NEW);
    let tarball = world.newest(".tgz").path.clone();
    assert_eq!(world.npm.count(&tarball), 1);

    clear(&world);
    world.forget();
    driver.frozen(&world).succeeded();
    has_installed(&world, NEW);
    assert_eq!(world.npm.count(&tarball), 2);
    driver.begin(&world, "demo", "^1.0.0");
    driver.install(&world).succeeded();

    world.stop_upstreams();
    driver.begin(&world, "demo", "^1.0.0");
    driver.install(&world).succeeded();
    has_installed(&world, NEW);

    world.offline();
    clear(&world);
    driver.frozen(&world).succeeded();
    driver.begin(&world, "demo", "^1.0.0");
    driver.install(&world).succeeded();
    has_installed(&world, NEW);
    assert_eq!(world.npm.count(&tarball), 2);
}

/// What the terminal shows: the resolver takes an older version; a lock file names the withheld
/// one; the manifest pins it; and a package is withheld as a whole.
fn refusals(name: &str) -> Option<String> {
    let driver = Driver::find(name)?;
    let mut world = World::new();
    driver.begin(&world, "demo", "^1.0.0");
    driver.install(&world).succeeded();
    world.strict();

    clear(&world);
    let locked = driver.frozen(&world).failed();
    assert_eq!(installed(&world, "demo"), None);

    driver.begin(&world, "demo", "^1.0.0");
    let older = driver.install(&world).succeeded();
    has_installed(&world, "1.1.0");

    driver.begin(&world, "demo", NEW);
    let pinned = driver.install(&world).failed();

    driver.begin(&world, "banned", "^1.0.0");
    let banned = driver.install(&world).failed();
    let runs = [("older", older), ("locked", locked), ("pinned", pinned), ("whole", banned)];
    Some(super::harness::shown(
        name,
        &runs,
        &["withheld", "403", "atching version", "No candidates", "find any version"],
    ))
}

/// A tarball that is not what its packument promises reaches no project and no cache.
fn corrupted(name: &str) {
    let Some(driver) = Driver::find(name) else { return };
    let world = World::new();
    let tarball = world.newest(".tgz").path.clone();
    world.npm.change(&tarball, weir_testkit::origin::Answer::corrupted);
    driver.begin(&world, "demo", "^1.0.0");
    driver.install(&world).failed();
    assert_eq!(installed(&world, "demo"), None);
    assert!(!world.stores("demo-1.2.0.tgz"));

    world.npm.change(&tarball, weir_testkit::origin::Answer::corrupted);
    driver.begin(&world, "demo", "^1.0.0");
    driver.install(&world).succeeded();
    has_installed(&world, NEW);
    assert!(world.stores("demo-1.2.0.tgz"));
}

super::harness::for_each_client! {
    npm_11 "npm-11" r#"
    older:
    npm notice demo 1.2.0 withheld by cooldown (10 days) until DATE
    locked:
    npm notice demo 1.2.0 withheld by cooldown (10 days) until DATE
    npm error code E403
    npm error 403 403 demo 1.2.0 withheld by cooldown (10 days) until DATE - GET http://127.0.0.1:PORT/npm/demo/-/demo-1.2.0.tgz - demo 1.2.0 withheld by cooldown (10 days) until DATE
    npm error 403 In most cases, you or one of your dependencies are requesting a package version that is forbidden by your security policy, or on a server you do not have access to.
    pinned:
    npm notice demo 1.2.0 withheld by cooldown (10 days) until DATE
    npm error code E403
    npm error 403 Could not download demo@1.2.0 due to policy violations:
    npm error 403 demo 1.2.0 withheld by cooldown (10 days) until DATE
    npm error 403 In most cases, you or one of your dependencies are requesting a package version that is forbidden by your security policy, or on a server you do not have access to.
    whole:
    npm notice banned 1.0.0 withheld by rule no-banned: its author's account was stolen
    npm error code E403
    npm error 403 403 banned 1.0.0 withheld by rule no-banned: its author's account was stolen - GET http://127.0.0.1:PORT/npm/banned - banned 1.0.0 withheld by rule no-banned: its author's account was stolen
    npm error 403 In most cases, you or one of your dependencies are requesting a package version that is forbidden by your security policy, or on a server you do not have access to.
    "#;
    npm_10 "npm-10" r#"
    older:
    npm notice demo 1.2.0 withheld by cooldown (10 days) until DATE
    locked:
    npm notice demo 1.2.0 withheld by cooldown (10 days) until DATE
    npm error code E403
    npm error 403 403 demo 1.2.0 withheld by cooldown (10 days) until DATE - GET http://127.0.0.1:PORT/npm/demo/-/demo-1.2.0.tgz - demo 1.2.0 withheld by cooldown (10 days) until DATE
    npm error 403 In most cases, you or one of your dependencies are requesting
    npm error 403 a package version that is forbidden by your security policy, or
    npm error 403 on a server you do not have access to.
    pinned:
    npm notice demo 1.2.0 withheld by cooldown (10 days) until DATE
    npm error code E403
    npm error 403 Could not download demo@1.2.0 due to policy violations:
    npm error 403 demo 1.2.0 withheld by cooldown (10 days) until DATE
    npm error 403 In most cases, you or one of your dependencies are requesting
    npm error 403 a package version that is forbidden by your security policy, or
    npm error 403 on a server you do not have access to.
    whole:
    npm notice banned 1.0.0 withheld by rule no-banned: its author's account was stolen
    npm error code E403
    npm error 403 403 banned 1.0.0 withheld by rule no-banned: its author's account was stolen - GET http://127.0.0.1:PORT/npm/banned - banned 1.0.0 withheld by rule no-banned: its author's account was stolen
    npm error 403 In most cases, you or one of your dependencies are requesting
    npm error 403 a package version that is forbidden by your security policy, or
    npm error 403 on a server you do not have access to.
    "#;
    npm_6 "npm-6" r#"
    older:
    npm notice demo 1.2.0 withheld by cooldown (10 days) until DATE
    locked:
    npm notice demo 1.2.0 withheld by cooldown (10 days) until DATE
    npm ERR! code E403
    npm ERR! 403 403 demo 1.2.0 withheld by cooldown (10 days) until DATE - GET http://127.0.0.1:PORT/npm/demo/-/demo-1.2.0.tgz
    npm ERR! 403 In most cases, you or one of your dependencies are requesting
    npm ERR! 403 a package version that is forbidden by your security policy.
    pinned:
    npm notice demo 1.2.0 withheld by cooldown (10 days) until DATE
    npm ERR! code E403
    npm ERR! 403 Could not download demo@1.2.0 due to policy violations.
    npm ERR! 403 demo 1.2.0 withheld by cooldown (10 days) until DATE
    npm ERR! 403
    npm ERR! 403 In most cases, you or one of your dependencies are requesting
    npm ERR! 403 a package version that is forbidden by your security policy.
    npm ERR! 403 It was specified as a dependency of 'project'
    whole:
    npm notice banned 1.0.0 withheld by rule no-banned: its author's account was stolen
    npm ERR! code E403
    npm ERR! 403 403 banned 1.0.0 withheld by rule no-banned: its author's account was stolen - GET http://127.0.0.1:PORT/npm/banned - banned 1.0.0 withheld by rule no-banned: its author's account was stolen
    npm ERR! 403 In most cases, you or one of your dependencies are requesting
    npm ERR! 403 a package version that is forbidden by your security policy.
    npm ERR! 403
    npm ERR! 403 It was specified as a dependency of 'project'
    "#;
    pnpm_10 "pnpm-10" r#"
    older:
    (nothing)
    locked:
    ERR_PNPM_FETCH_403  GET http://127.0.0.1:PORT/npm/demo/-/demo-1.2.0.tgz: demo 1.2.0 withheld by cooldown (10 days) until DATE - 403
    pinned:
    ERR_PNPM_NO_MATCHING_VERSION  No matching version found for demo@1.2.0 while fetching it from http://127.0.0.1:PORT/npm/
    whole:
    ERR_PNPM_FETCH_403  GET http://127.0.0.1:PORT/npm/banned: banned 1.0.0 withheld by rule no-banned: its author's account was stolen - 403
    "#;
    pnpm_9 "pnpm-9" r#"
    older:
    (nothing)
    locked:
    ERR_PNPM_FETCH_403  GET http://127.0.0.1:PORT/npm/demo/-/demo-1.2.0.tgz: demo 1.2.0 withheld by cooldown (10 days) until DATE - 403
    pinned:
    ERR_PNPM_NO_MATCHING_VERSION  No matching version found for demo@1.2.0
    whole:
    ERR_PNPM_FETCH_403  GET http://127.0.0.1:PORT/npm/banned: banned 1.0.0 withheld by rule no-banned: its author's account was stolen - 403
    "#;
    yarn_1 "yarn-1" r#"
    older:
    (nothing)
    locked:
    error Error: http://127.0.0.1:PORT/npm/demo/-/demo-1.2.0.tgz: Request failed "403 Forbidden"
    pinned:
    error Couldn't find any versions for "demo" that matches "1.2.0"
    whole:
    error Error: http://127.0.0.1:PORT/npm/banned: banned 1.0.0 withheld by rule no-banned: its author's account was stolen
    "#;
    yarn_4 "yarn-4" r#"
    older:
    (nothing)
    locked:
    ➤ YN0035: │   Response Code: 403 (demo 1.2.0 withheld by cooldown (10 days) until DATE)
    pinned:
    ➤ YN0082: │ demo@npm:1.2.0: No candidates found
    whole:
    ➤ YN0035: │   Response Code: 403 (banned 1.0.0 withheld by rule no-banned: its author's account was stolen)
    "#;
    bun "bun" r#"
    older:
    (nothing)
    locked:
    error: GET http://127.0.0.1:PORT/npm/demo/-/demo-1.2.0.tgz - 403
    pinned:
    (nothing)
    whole:
    error: GET http://127.0.0.1:PORT/npm/banned - 403
    "#;
}

//! A gateway before four fixture registries, and the folders of one client.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use tokio::runtime::Runtime;
use weir_testkit::origin::{
    Answer, BuiltFile, CargoStyle, GoStyle, NpmStyle, Origin, Package, PackageRelease, PypiStyle,
    cargo_index, go_proxy, npm_registry, pypi_index,
};

use super::run::empty;
use super::{Gateway, Start};

/// The version of `demo` that is two days old; the others are old.
pub(crate) const NEW: &str = "1.2.0";

/// A rule for each ecosystem that withholds the whole package `banned`, and a cooldown that
/// withholds `demo` 1.2.0.
const STRICT: &str = r#"
[cooldown]
default = "10d"

[[policy.rules]]
name = "no-banned"
effect = "deny"
purl = "pkg:*/banned"
reason = "its author's account was stolen"

[[policy.rules]]
name = "no-banned-module"
effect = "deny"
purl = "pkg:golang/go.example/banned"
reason = "its author's account was stolen"
"#;

/// The rules before live registries. One for versions, since the Maven registry of a machine may
/// tell no dates: then all that was seen at first counts as old.
const LIVE_STRICT: &str = r#"
[cooldown]
default = "30d"

[[policy.rules]]
name = "math-as-it-was"
effect = "deny"
purl = "pkg:maven/org.apache.commons/commons-math3"
versions = ">3.5"
reason = "for a test"
"#;

/// The gateway, what is before it, and what a client sees.
pub(crate) struct World {
    runtime: Runtime,
    folder: TempDir,
    pub(crate) npm: Origin,
    pub(crate) index: Origin,
    pub(crate) files: Origin,
    pub(crate) crates: Origin,
    pub(crate) go: Origin,
    pub(crate) built: Vec<BuiltFile>,
    gateway: Option<Gateway>,
    live: bool,
    strict: bool,
    offline: bool,
    settings: Settings,
}

/// What a gateway is told besides addresses and rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Lines at the end of its configuration.
    pub(crate) config: String,
    /// Variables of its environment.
    pub(crate) env: Vec<(String, String)>,
}

impl World {
    /// Registries with `demo` and what it needs, and a gateway that lets everything pass.
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    /// The same with further settings.
    pub(crate) fn with(settings: Settings) -> Self {
        Self::before(false, settings)
    }

    /// The tarballs of the npm registry stand on another host from now on, as some mirrors have it.
    pub(crate) fn move_tarballs(&self) {
        let tarball_base = Some(self.files.url());
        let style = NpmStyle { tarball_base, ..NpmStyle::default() };
        for file in npm_registry(&self.npm, &packages("@acme/tool", "^1.0.0"), &style) {
            self.npm.put(&file.path, Answer::status(404, ""));
            self.files.put(&file.path, Answer::ok(file.bytes));
        }
    }

    /// A gateway before the registries that this machine's clients use.
    pub(crate) fn live() -> Self {
        Self::before(true, Settings::default())
    }

    fn before(live: bool, settings: Settings) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (npm, index, files, crates, go) = runtime.block_on(async {
            let npm = Origin::below("/repository/npm-proxy").await;
            let index = Origin::below("/repository/pypi-proxy").await;
            let go = Origin::below("/repository/go-proxy").await;
            (npm, index, Origin::start().await, Origin::start().await, go)
        });
        let mut built = npm_registry(&npm, &packages("@acme/tool", "^1.0.0"), &NpmStyle::default());
        let python = packages("acme-tool", ">=1.0.0");
        built.extend(pypi_index(&index, &files, &python, &PypiStyle::default()));
        built.extend(cargo_index(
            &crates,
            &packages("acme-tool", "^1.0.0"),
            &CargoStyle::default(),
        ));
        built.extend(go_proxy(&go, &modules(), &GoStyle { latest: false, ..GoStyle::default() }));
        let folder = tempfile::Builder::new().prefix("weir-e2e-").tempdir().unwrap();
        let mut world = Self {
            runtime,
            folder,
            npm,
            index,
            files,
            crates,
            go,
            built,
            gateway: None,
            live,
            strict: false,
            offline: false,
            settings,
        };
        world.start(0);
        world
    }

    /// Withholds what [`STRICT`] withholds, from now on, at the same address with the same cache.
    pub(crate) fn strict(&mut self) {
        self.strict = true;
        self.restart();
    }

    /// Opens no connection from now on, at the same address with the same cache.
    pub(crate) fn offline(&mut self) {
        self.offline = true;
        self.restart();
    }

    /// May open connections again.
    pub(crate) fn online(&mut self) {
        self.offline = false;
        self.restart();
    }

    /// Begins with an empty cache at the same address.
    pub(crate) fn forget(&mut self) {
        let port = self.stop();
        empty(&self.data());
        self.start(port);
    }

    /// Begins anew at the same address with the same data.
    pub(crate) fn restart(&mut self) {
        let port = self.stop();
        self.start(port);
    }

    fn stop(&mut self) -> u16 {
        let mut gateway = self.gateway.take().unwrap();
        gateway.stop();
        gateway.port
    }

    fn start(&mut self, port: u16) {
        let (strict, offline) = (self.strict, self.offline);
        let config = self.config(strict) + &self.settings.config;
        let env = self.settings.env.clone();
        let discovers = self.live;
        let start = Start { config, port, offline, env, discovers, ..Start::default() };
        let folder = self.folder.path().join("gateway");
        std::fs::create_dir_all(&folder).unwrap();
        self.gateway = Some(Gateway::start(&folder, &start));
    }

    fn config(&self, strict: bool) -> String {
        if self.live {
            return if strict { LIVE_STRICT } else { "" }.to_owned();
        }
        let addresses = format!(
            "[upstream]\nnpm = {:?}\npypi = {:?}\ncargo = {:?}\ngo = {{ address = {:?}, origins = {{ sumdb = {:?} }} }}\n",
            self.npm.url(),
            self.index.url() + "/simple",
            self.crates.url(),
            self.go.url(),
            "https://sum.example"
        );
        addresses + if strict { STRICT } else { "" }
    }

    /// The registries go away.
    pub(crate) fn stop_upstreams(&self) {
        for origin in [&self.npm, &self.index, &self.files, &self.crates, &self.go] {
            origin.stop();
        }
        // The listening sockets close when their tasks are dropped.
        self.runtime.block_on(tokio::task::yield_now());
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    /// The gateway's address without trailing slash.
    pub(crate) fn url(&self) -> String {
        self.gateway().url()
    }

    /// How long one run of a client may take.
    pub(crate) fn limit(&self) -> std::time::Duration {
        std::time::Duration::from_mins(if self.live { 15 } else { 2 })
    }

    /// The folder of everything.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration of the gateway, as it is now.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.folder.path().join("gateway/weir.toml")
    }

    /// The client's home, with its caches and settings.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The client's project.
    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// The gateway's data.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("gateway/data")
    }

    /// Empties the client's home, and what it installed in its project.
    pub(crate) fn clear(&self, installed: &[&str]) {
        empty(&self.home());
        for name in installed {
            let path = self.project().join(name);
            if path.is_dir() {
                std::fs::remove_dir_all(path).unwrap();
            } else if path.exists() {
                std::fs::remove_file(path).unwrap();
            }
        }
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.project().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Reads a file of the project.
    pub(crate) fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.project().join(name)).ok()
    }

    /// The fixture file of `demo` in the new version, for one ecosystem's file name ending.
    pub(crate) fn newest(&self, ending: &str) -> &BuiltFile {
        let of_demo = |file: &&BuiltFile| {
            // A module's name is a path, and its version begins with a letter.
            let (name, version) =
                (file.name.rsplit('/').next(), file.version.trim_start_matches('v'));
            name == Some("demo") && version == NEW && file.path.ends_with(ending)
        };
        self.built.iter().find(of_demo).unwrap()
    }

    /// The fixture file of a package with one release.
    pub(crate) fn file(&self, package: &str, ending: &str) -> &BuiltFile {
        let its = |file: &&BuiltFile| file.name == package && file.path.ends_with(ending);
        self.built.iter().find(its).unwrap()
    }

    /// Names and versions of the Python distributions in a folder of the project.
    pub(crate) fn installed_in(&self, folder: &str) -> Vec<(String, String)> {
        let entries = std::fs::read_dir(self.project().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        let distribution = |name: String| {
            let (name, version) = name.strip_suffix(".dist-info")?.split_once('-')?;
            Some((name.to_owned(), version.to_owned()))
        };
        names.filter_map(distribution).collect()
    }

    /// What `weir ARGUMENTS` prints beside the running gateway.
    pub(crate) fn weir(&self, arguments: &[&str]) -> super::Output {
        let folder = self.folder.path().join("gateway");
        let mut command: Command = weir_testkit::process::command(&folder, false);
        let output = command.args(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        super::Output { ok: output.status.success(), text }
    }

    /// Whether a file of this name is in the gateway's store.
    pub(crate) fn stores(&self, name: &str) -> bool {
        holds(&self.data(), name)
    }
}

/// Whether a file of this name is somewhere in a folder.
pub(crate) fn holds(folder: &Path, name: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        entry.file_name().to_string_lossy() == name || (path.is_dir() && holds(&path, name))
    })
}

/// `demo` in three versions, which needs a package with an old version, and `banned`.
fn packages(needed: &str, requirement: &str) -> Vec<Package> {
    let needs = |release: PackageRelease| PackageRelease {
        dependencies: vec![(needed.to_owned(), requirement.to_owned())],
        ..release
    };
    let recent = recent();
    let old = "2025-01-01T00:00:00Z";
    vec![
        Package::new("demo")
            .release_with("1.0.0", old, needs)
            .release_with("1.1.0", "2025-06-01T00:00:00Z", needs)
            .release_with(NEW, &recent, needs),
        Package::new(needed).release("1.0.0", old),
        Package::new("banned").release("1.0.0", old),
    ]
}

/// The same as Go modules.
fn modules() -> Vec<Package> {
    let path = |name: &str| format!("go.example/{name}");
    let module = |package: Package| {
        let releases = package.releases.into_iter().map(|release| PackageRelease {
            version: format!("v{}", release.version),
            dependencies: release.dependencies.into_iter().map(|(n, v)| (path(&n), v)).collect(),
            ..release
        });
        Package { name: path(&package.name), releases: releases.collect() }
    };
    packages("acme/Tool", "v1.0.0").into_iter().map(module).collect()
}

/// When the new version of `demo` was published.
pub(crate) fn recent() -> String {
    // Whole seconds: Cargo passes over a line with a finer `pubtime`.
    let recent = (OffsetDateTime::now_utc() - Duration::days(2)).truncate_to_second();
    recent.format(&Rfc3339).unwrap()
}

//! apt and debootstrap: indexes as they were signed, and indexes signed by the gateway.

mod archives;
mod forms;
mod layouts;
mod through;
mod verified;

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use weir_core::Timestamp;
use weir_signing::{Kind, SigningKey};
use weir_testkit::origin::{Answer, DebianArchive, DebianStyle, Origin, Package, PackageRelease};

use super::harness::{Gateway, Output, Proof, Start, client, proved};

const STRICT: &str = r#"
[[policy.rules]]
name = "no-new"
effect = "deny"
purl = "pkg:deb/demo"
versions = "=1.2.0"
reason = "it steals keys"
"#;

/// The archive's own key is written there.
const RESIGN: &str = r#"
[registries.debian]
index = "filter_resign"
keyring = ["archive.asc"]
suites = ["stable"]
architectures = ["amd64"]
hold_back = true
"#;

/// Each update asks the archive.
const ALWAYS_ASK: &str = "[freshness]\nttl = \"0s\"\nstale_while_revalidate = \"0s\"\n";

/// An archive, the gateway before it, and a root of apt's own.
struct World {
    runtime: Runtime,
    folder: TempDir,
    origin: Origin,
    style: DebianStyle,
    key: SigningKey,
    gateway: Option<Gateway>,
    config: String,
    offline: bool,
    /// Whether it is before this machine's own archive.
    live: bool,
}

fn demo(versions: &[&str]) -> Vec<Package> {
    let needs = |release: PackageRelease| PackageRelease {
        dependencies: vec![("demo-data".to_owned(), String::new())],
        ..release
    };
    let package = |package: Package, version: &&str| package.release_with(version, "", needs);
    let demo = versions.iter().fold(Package::new("demo"), package);
    vec![demo, Package::new("demo-data").release("1:0.1", "")]
}

impl World {
    fn new(config: &str) -> Self {
        Self::styled(config, DebianStyle::default())
    }

    /// An archive of this style.
    fn styled(config: &str, style: DebianStyle) -> Self {
        Self::before(config, style, false)
    }

    /// A gateway before the archive that this machine's apt uses.
    fn live(config: &str) -> Self {
        Self::before(config, DebianStyle::default(), true)
    }

    fn before(config: &str, style: DebianStyle, live: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let origin = runtime.block_on(Origin::below("/archive/debian"));
        let made = Timestamp::from_secs(1_700_000_000);
        let key = SigningKey::generate(Kind::default(), "Archive <archive@example.org>", made);
        let mut world = Self {
            runtime,
            folder: tempfile::tempdir().unwrap(),
            key: key.unwrap(),
            config: if live {
                config.to_owned()
            } else {
                format!("[upstream]\ndebian = {:?}\n{ALWAYS_ASK}{config}", origin.url())
            },
            origin,
            style,
            gateway: None,
            offline: false,
            live,
        };
        world.publish(&["1.0.0", "1.1.0", "1.2.0"], 10);
        std::fs::write(world.path("gateway/archive.asc"), world.archive_key()).unwrap();
        let own = world.path("gateway/data/keys/signing.asc");
        let gateway_key = SigningKey::generate(Kind::default(), "Gateway <weir@example.org>", made);
        gateway_key.unwrap().save(&own).unwrap();
        world.start();
        world
    }

    fn publish(&self, versions: &[&str], hour: u8) {
        let date = format!("Sat, 06 Jun 2026 {hour:02}:00:00 UTC");
        let style = DebianStyle { date, ..self.style.clone() };
        let at = Timestamp::from_secs(1_780_000_000);
        let sign = |release: &[u8]| {
            (self.key.clearsign(release, at).unwrap(), self.key.detached(release, at).unwrap())
        };
        DebianArchive::new(&demo(versions), &style, &sign).publish(&self.origin);
    }

    fn path(&self, below: &str) -> PathBuf {
        let path = self.folder.path().join(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn start(&mut self) {
        let port = self.gateway.take().map_or(0, |mut gateway| {
            gateway.stop();
            gateway.port
        });
        let start = Start {
            config: self.config.clone(),
            port,
            offline: self.offline,
            discovers: self.live,
            ..Start::default()
        };
        self.gateway = Some(Gateway::start(&self.path("gateway/x").with_file_name(""), &start));
    }

    /// The same gateway with more configuration.
    fn with(&mut self, more: &str) {
        self.config.push_str(more);
        self.start();
    }

    fn url(&self) -> String {
        format!("{}/debian", self.gateway.as_ref().unwrap().url())
    }

    /// An empty root whose only source is the gateway, and whose only key is this one.
    fn root(&self, key: &[u8]) -> Root {
        let root = self.path("root/x").with_file_name("");
        let _ = std::fs::remove_dir_all(&root);
        for folder in [
            "etc/apt/preferences.d",
            "etc/apt/apt.conf.d",
            "etc/apt/sources.list.d",
            "var/lib/apt/lists/partial",
            "var/cache/apt/archives/partial",
            "var/lib/dpkg/info",
            "var/lib/dpkg/updates",
            "var/lib/dpkg/triggers",
            "var/log/apt",
            "usr/share",
        ] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let shown = root.display();
        std::fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
        std::fs::write(root.join("key.asc"), key).unwrap();
        let source = format!("deb [signed-by={shown}/key.asc] {} stable main\n", self.url());
        std::fs::write(root.join("etc/apt/sources.list"), source).unwrap();
        let settings = format!(
            "Dir \"{shown}\";\nDir::State::status \"{shown}/var/lib/dpkg/status\";\n\
             Dir::Etc::trusted \"{shown}/none\";\nDir::Etc::trustedparts \"{shown}/none.d\";\n\
             APT::Architecture \"amd64\";\nAPT::Architectures {{ \"amd64\"; }};\n\
             Acquire::http::Proxy \"DIRECT\";\nAcquire::Languages \"none\";\n\
             Acquire::Retries \"0\";\nAPT::Sandbox::User \"root\";\n"
        );
        std::fs::write(root.join("apt.conf"), settings).unwrap();
        Root { path: root }
    }

    fn own_key(&self) -> Vec<u8> {
        let key = SigningKey::load(&self.path("gateway/data/keys/signing.asc")).unwrap();
        key.public_armored().unwrap()
    }

    fn archive_key(&self) -> Vec<u8> {
        self.key.public_armored().unwrap()
    }

    /// The key that clients of this mount trust.
    fn trusted(&self) -> Vec<u8> {
        let signs = self.config.contains("filter_resign");
        if signs { self.own_key() } else { self.archive_key() }
    }
}

/// A root of apt's own.
struct Root {
    path: PathBuf,
}

impl Root {
    /// Writes other sources than the suite `stable` of the mount.
    fn sources(&self, text: &str) {
        std::fs::write(self.path.join("etc/apt/sources.list"), text).unwrap();
    }

    /// Adds settings.
    fn settings(&self, text: &str) {
        let file = self.path.join("apt.conf");
        let before = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, before + text).unwrap();
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        command.env("APT_CONFIG", self.path.join("apt.conf")).args(arguments);
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        Output { ok: output.status.success(), text: String::from_utf8_lossy(&text).into_owned() }
    }

    fn apt(&self, arguments: &[&str]) -> Output {
        self.run("apt-get", &[&["-q", "-y"], arguments].concat())
    }

    /// Fetches a package with what it needs, and has dpkg install them into the root.
    fn install(&self, package: &str) -> Output {
        let fetched = self.apt(&["install", "--download-only", package]);
        if !fetched.ok {
            return fetched;
        }
        let archives = self.path.join("var/cache/apt/archives");
        let entries = std::fs::read_dir(archives).unwrap().map(|entry| entry.unwrap().path());
        let files = entries.filter(|path| path.extension().is_some_and(|end| end == "deb"));
        let files: Vec<String> = files.map(|path| path.to_string_lossy().into_owned()).collect();
        let root = format!("--root={}", self.path.display());
        // A test's root need not outlive the machine.
        let forced = ["--force-not-root", "--force-bad-path", "--force-unsafe-io"];
        let mut arguments = vec![root.as_str()];
        arguments.extend(forced.iter().chain([&"-i"]));
        arguments.extend(files.iter().map(String::as_str));
        self.run("dpkg", &arguments)
    }

    /// What apt knows of the versions of a package.
    fn policy(&self, package: &str) -> String {
        self.run("apt-cache", &["policy", package]).succeeded().text
    }

    fn installed(&self, package: &str) -> Option<String> {
        let file = self.path.join("usr/share").join(package);
        std::fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
    }
}

fn stores(world: &World, file: &str) -> bool {
    fn holds(folder: &Path, name: &str) -> bool {
        std::fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
            entry.file_name().to_string_lossy() == name
                || entry.path().is_dir() && holds(&entry.path(), name)
        })
    }
    holds(&world.folder.path().join("gateway/data"), file)
}

#[test]
fn apt_installs_cold_and_from_the_cache() {
    if client("apt").is_none() || client("dpkg").is_none() {
        return;
    }
    let mut world = World::new("");
    let root = world.root(&world.archive_key());
    root.apt(&["update"]).succeeded();
    root.install("demo").succeeded();
    assert_eq!(root.installed("demo").as_deref(), Some("1.2.0"));
    assert_eq!(root.installed("demo-data").as_deref(), Some("1:0.1"));
    assert!(stores(&world, "demo_1.2.0_all.deb"));

    world.origin.stop();
    world.runtime.block_on(tokio::task::yield_now());
    world.offline = true;
    world.start();
    let root = world.root(&world.archive_key());
    root.apt(&["update"]).succeeded();
    root.install("demo").succeeded();
    assert_eq!(root.installed("demo").as_deref(), Some("1.2.0"));
    proved("debian", "apt", &[Proof::Offline]);
}

#[test]
fn apt_prints_why_a_download_is_refused() {
    if client("apt").is_none() {
        return;
    }
    let world = World::new(STRICT);
    let root = world.root(&world.archive_key());
    root.apt(&["update"]).succeeded();
    let refused = root.install("demo").failed();
    // apt adds the gateway's port.
    let lines = refused.lines(&["withheld"]);
    let lines: Vec<_> = lines.lines().filter_map(|line| line.split(" [IP").next()).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    403  demo 1.2.0 withheld by rule no-new: it steals keys
    E: Failed to fetch http://127.0.0.1:PORT/debian/pool/main/d/demo/demo_1.2.0_all.deb  403  demo 1.2.0 withheld by rule no-new: it steals keys
    ");
    root.install("demo=1.1.0").succeeded();
    assert_eq!(root.installed("demo").as_deref(), Some("1.1.0"));
    // That withheld versions are listed is said at start, with the line that changes it.
    let log = world.gateway.as_ref().unwrap().log();
    let line = "to remove them set registries.debian.index = \"filter_resign\"";
    assert!(log.contains("withheld versions are listed") && log.contains(line), "{log}");
    proved("debian", "apt", &[Proof::DownloadGated]);
}

#[test]
fn an_unmodified_apt_that_trusts_the_gateway_alone_installs_an_older_version() {
    if client("apt").is_none() || client("dpkg").is_none() {
        return;
    }
    let mut world = World::new(RESIGN);
    let root = world.root(&world.own_key());
    root.apt(&["update"]).succeeded();
    let policy = root.policy("demo");
    assert!(policy.contains("Candidate: 1.2.0"), "{policy}");

    // The archive stays as it is: the same date, other indexes.
    world.with(STRICT);
    root.apt(&["update"]).succeeded();
    let policy = root.policy("demo");
    assert!(policy.contains("Candidate: 1.1.0"), "{policy}");
    assert!(!policy.contains("1.2.0"), "{policy}");
    root.install("demo").succeeded();
    assert_eq!(root.installed("demo").as_deref(), Some("1.1.0"));

    // The archive drops all but the withheld version: the last allowed one is held back.
    world.publish(&["1.2.0"], 11);
    let fresh = world.root(&world.own_key());
    fresh.apt(&["update"]).succeeded();
    let held = fresh.policy("demo");
    assert!(held.contains("Candidate: 1.1.0"), "{held}");
    assert!(!held.contains("1.0.0") && !held.contains("1.2.0"), "{held}");
    fresh.install("demo").succeeded();
    assert_eq!(fresh.installed("demo").as_deref(), Some("1.1.0"));
    proved("debian", "apt", &[Proof::ListingFiltered]);
}

#[test]
fn apt_is_not_offered_what_is_too_young() {
    if client("apt").is_none() {
        return;
    }
    let world = World::new(&format!("[cooldown]\ndefault = \"10d\"\n{RESIGN}"));
    let root = world.root(&world.own_key());
    root.apt(&["update"]).succeeded();
    let first = root.policy("demo");
    assert!(first.contains("Candidate: 1.2.0"), "what was there is old: {first}");

    world.publish(&["1.2.0", "1.3.0"], 11);
    root.apt(&["update"]).succeeded();
    let later = root.policy("demo");
    assert!(later.contains("Candidate: 1.2.0"), "{later}");
    assert!(!later.contains("1.3.0"), "{later}");
    let file = format!("{}/pool/main/d/demo/demo_1.3.0_all.deb", world.url());
    let helper = "/usr/lib/apt/apt-helper";
    let target = root.path.join("new.deb");
    let refused = root.run(helper, &["download-file", &file, &target.to_string_lossy()]).failed();
    assert!(refused.text.contains("withheld by cooldown (10 days)"), "{}", refused.text);
    proved("debian", "apt", &[Proof::Cooldown]);
}

#[test]
fn apt_does_not_get_other_bytes_than_the_index_promises() {
    if client("apt").is_none() {
        return;
    }
    let world = World::new("");
    let file = "pool/main/d/demo/demo_1.2.0_all.deb";
    world.origin.change(file, Answer::corrupted);
    let root = world.root(&world.archive_key());
    root.apt(&["update"]).succeeded();
    root.install("demo").failed();
    assert!(!stores(&world, "demo_1.2.0_all.deb"));
    world.origin.change(file, Answer::corrupted);
    root.install("demo").succeeded();
    proved("debian", "apt", &[Proof::DigestVerified]);
}

#[test]
fn apt_resumes_a_download() {
    if client("apt").is_none() {
        return;
    }
    let world = World::new("");
    let root = world.root(&world.archive_key());
    root.apt(&["update"]).succeeded();
    root.install("demo").succeeded();
    let archives = root.path.join("var/cache/apt/archives");
    let name = "demo_1.2.0_all.deb";
    let whole = std::fs::read(archives.join(name)).unwrap();
    // What apt keeps of a broken download has the date of the whole.
    let date = std::fs::metadata(archives.join(name)).unwrap().modified().unwrap();
    std::fs::remove_file(archives.join(name)).unwrap();
    let partial = archives.join("partial").join(name);
    std::fs::write(&partial, &whole[..whole.len() / 2]).unwrap();
    std::fs::File::options().write(true).open(&partial).unwrap().set_modified(date).unwrap();
    let resume = ["install", "--download-only", "--reinstall", "-o", "Debug::Acquire::http=true"];
    let resumed = root.apt(&[&resume[..], &["demo"]].concat()).succeeded();
    assert_eq!(std::fs::read(archives.join(name)).unwrap(), whole);
    assert!(resumed.text.contains("If-Range: "), "{}", resumed.text);
    assert!(resumed.text.contains("206 Partial Content"), "{}", resumed.text);
}

/// A minimal system, and what makes it more than a hundred packages richer.
const RICHER: &str = "apt-get update && apt-get install -y --no-install-recommends build-essential \
                      python3-dev git nginx-light sqlite3 imagemagick";

/// This distribution's name for itself.
fn codename() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap();
    let name = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.unwrap().to_owned()
}

/// Makes a minimal system and installs into it, trusting this key alone.
fn bootstrap(world: &World, keyring: &[u8]) -> Output {
    let system = world.path("system");
    let _ = std::fs::remove_dir_all(&system);
    let key = world.path("keyring.gpg");
    std::fs::write(&key, keyring).unwrap();
    let (suite, url) = (codename(), world.url());
    let root = Root { path: world.path("none/x").with_file_name("") };
    let (shown, keyring) = (system.to_string_lossy(), format!("--keyring={}", key.display()));
    let made = root.run("debootstrap", &["--variant=minbase", &keyring, &suite, &shown, &url]);
    if !made.ok {
        return made;
    }
    println!("debootstrap: {} packages", made.text.matches("I: Retrieving ").count());
    std::fs::copy(&key, system.join("etc/apt/weir.gpg")).unwrap();
    let source = format!("deb [signed-by=/etc/apt/weir.gpg] {url} {suite} main\n");
    std::fs::write(system.join("etc/apt/sources.list"), source).unwrap();
    let direct = "Acquire::http::Proxy \"DIRECT\";\n";
    std::fs::write(system.join("etc/apt/apt.conf.d/99direct"), direct).unwrap();
    let command = format!("export DEBIAN_FRONTEND=noninteractive; {RICHER}");
    let installed = root.run("chroot", &[&*shown, "sh", "-c", &command]);
    println!("apt-get: {} packages", installed.text.matches("\nSetting up ").count());
    installed
}

/// Cold, from the cache, and from the cache alone.
fn bootstraps(title: &str, world: &mut World, keyring: &[u8]) {
    for (phase, offline) in [("cold", false), ("warm", false), ("warm and offline", true)] {
        if offline {
            world.offline = true;
            world.start();
        }
        let started = std::time::Instant::now();
        let installed = bootstrap(world, keyring).succeeded();
        println!("{title}, {phase}: {:.1} s", started.elapsed().as_secs_f64());
        let count = installed.text.matches("\nSetting up ").count();
        assert!(count >= 100, "only {count} packages:\n{}", installed.text);
    }
}

#[test]
#[ignore = "asks the archive of this machine"]
fn live_debootstrap_and_apt_with_the_archives_signature() {
    if client("debootstrap").is_none() {
        return;
    }
    let keyring = std::fs::read("/usr/share/keyrings/debian-archive-keyring.gpg").unwrap();
    bootstraps("passed through", &mut World::live(""), &keyring);
}

#[test]
#[ignore = "asks the archive of this machine"]
fn live_debootstrap_and_apt_with_the_gateways_signature() {
    if client("debootstrap").is_none() {
        return;
    }
    // The keys are those that apt has for the archive on this machine.
    let config = RESIGN.replace("stable", &codename());
    let config = config.replace("keyring = [\"archive.asc\"]\n", "");
    let mut world = World::live(&config);
    let keyring = SigningKey::load(&world.path("gateway/data/keys/signing.asc")).unwrap();
    bootstraps("signed by the gateway", &mut world, &keyring.public_binary().unwrap());
}

/// apt sends none over plain HTTP unless the file names the scheme.
#[test]
fn apt_sends_a_token_from_its_file_of_log_ins() {
    if client("apt").is_none() {
        return;
    }
    let world = World::new(&super::tokens::required());
    let root = world.root(&world.archive_key());
    let refused = root.apt(&["update"]).failed();
    assert!(refused.text.contains("this gateway wants a token"), "{}", refused.text);
    assert_eq!(world.origin.requests().len(), 0);
    let machine = world.gateway.as_ref().unwrap().url();
    let log_in = format!("machine {machine}\nlogin ci\npassword {}\n", super::tokens::TOKEN);
    std::fs::write(root.path.join("etc/apt/auth.conf"), log_in).unwrap();
    root.apt(&["update"]).succeeded();
    assert!(root.policy("demo").contains("1.2.0"));
}

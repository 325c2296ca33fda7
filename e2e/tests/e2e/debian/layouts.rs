//! Archives of other shapes, as apt reads them: flat ones, several components and architectures, and
//! several archives behind one mount.

use weir_signing::SigningKey;
use weir_testkit::origin::{DebianArchive, DebianStyle};

use super::archives::{Shelf, plain_packages};
use super::{ALWAYS_ASK, RESIGN, STRICT, World, demo};
use crate::harness::{Proof, client, proved};

/// A third party's archive: everything in one folder, an own key, below `/archive/tools`.
fn flat(world: &World, key: &SigningKey) {
    let mut shelf = Shelf::new("tools", "");
    let style = DebianStyle { folder: "/archive/tools/".to_owned(), ..DebianStyle::default() };
    let built = DebianArchive::new(&demo(&["1.1.0", "1.2.0"]), &style, &|_| Default::default());
    let mut packages = plain_packages(&built);
    for file in &built.files {
        let name = file.path.rsplit('/').next().unwrap();
        let below = file.path.strip_prefix("/archive/tools/").unwrap();
        packages = packages.replace(&format!("Filename: {below}"), &format!("Filename: ./{name}"));
        shelf.file(name, &file.bytes);
    }
    shelf.index("Packages", &packages);
    shelf.publish(&world.origin, "Sat, 06 Jun 2026 10:00:00 UTC", None, key);
}

/// A mount of its own for the flat archive, and one source that names it.
fn tools(mode: &str) -> (World, SigningKey) {
    let key = super::verified::other_key();
    let mut world = World::new("");
    flat(&world, &key);
    std::fs::write(world.path("gateway/tools.asc"), key.public_armored().unwrap()).unwrap();
    let upstream = format!("{}/tools", world.origin.url().trim_end_matches("/debian"));
    world.with(&format!(
        "[registries.tools]\necosystem = \"debian\"\nupstream = {upstream:?}\n{mode}"
    ));
    (world, key)
}

#[test]
fn a_flat_archive_of_a_third_party_with_its_own_key() {
    if client("apt").is_none() {
        return;
    }
    let (mut world, key) = tools("");
    let root = world.root(&key.public_armored().unwrap());
    let url = world.url().replace("/debian", "/tools");
    let source = format!("deb [signed-by={}/key.asc] {url} ./\n", root.path.display());
    root.sources(&source);
    root.apt(&["update"]).succeeded();
    root.install("demo").succeeded();
    assert_eq!(root.installed("demo").as_deref(), Some("1.2.0"));

    world.with(STRICT);
    let root = world.root(&key.public_armored().unwrap());
    root.sources(&source);
    root.apt(&["update"]).succeeded();
    let refused = root.install("demo").failed();
    assert!(refused.text.contains("withheld by rule no-new"), "{}", refused.text);
    proved("debian", "apt", &[Proof::DownloadGated]);
}

#[test]
fn a_flat_archive_that_the_gateway_signs() {
    if client("apt").is_none() {
        return;
    }
    let mode = "index = \"filter_resign\"\nsuites = [\"./\"]\narchitectures = [\"amd64\"]\n\
                keyring = [\"tools.asc\"]\n";
    let (world, _) = tools(&format!("{mode}{STRICT}"));
    let root = world.root(&world.own_key());
    let url = world.url().replace("/debian", "/tools");
    root.sources(&format!("deb [signed-by={}/key.asc] {url} ./\n", root.path.display()));
    root.apt(&["update"]).succeeded();
    root.install("demo").succeeded();
    assert_eq!(root.installed("demo").as_deref(), Some("1.1.0"));
}

/// Several components, an architecture of each kind, names and folders as Ubuntu and its ports have.
fn ubuntu(world: &World, folder: &str, architectures: &[&str]) {
    let style = DebianStyle { folder: format!("/archive/{folder}/"), ..DebianStyle::default() };
    let built = DebianArchive::new(&demo(&["1.0.0", "1.1.0"]), &style, &|_| Default::default());
    let mut shelf = Shelf::new(folder, "dists/noble");
    for file in &built.files {
        shelf.file(file.path.strip_prefix(&style.folder).unwrap(), &file.bytes);
    }
    let packages = plain_packages(&built);
    for architecture in architectures {
        shelf.index(&format!("main/binary-{architecture}/Packages"), &packages);
        for component in ["restricted", "universe", "multiverse"] {
            shelf.index(&format!("{component}/binary-{architecture}/Packages"), "");
        }
    }
    let components = "main restricted universe multiverse";
    let date = "Thu, 25 Apr 2024 15:10:33 UTC";
    shelf.publish(&world.origin, date, Some((architectures, components)), &world.key);
}

#[test]
fn ubuntus_layout_and_that_of_its_ports() {
    if client("apt").is_none() {
        return;
    }
    for (folder, architecture) in [("ubuntu", "amd64"), ("ubuntu-ports", "arm64")] {
        for signs in [false, true] {
            let mut world = World::new("");
            ubuntu(&world, folder, &[architecture, "i386"]);
            let upstream = world.origin.url().replace("/debian", &format!("/{folder}"));
            let mode = format!(
                "index = \"filter_resign\"\nsuites = [\"noble\"]\n\
                 components = [\"main\", \"restricted\", \"universe\"]\n\
                 architectures = [\"{architecture}\"]\nkeyring = [\"archive.asc\"]\n"
            );
            let mode = if signs { mode } else { String::new() };
            world.with(&format!(
                "[registries.ubuntu]\necosystem = \"debian\"\nupstream = {upstream:?}\n{mode}"
            ));
            let key = if signs { world.own_key() } else { world.archive_key() };
            let root = world.root(&key);
            let url = world.url().replace("/debian", "/ubuntu");
            root.sources(&format!(
                "deb [signed-by={}/key.asc arch={architecture}] {url} noble main restricted \
                 universe multiverse\n",
                root.path.display()
            ));
            root.settings(&format!(
                "APT::Architecture \"{architecture}\";\nAPT::Architectures {{ \"{architecture}\"; }};\n"
            ));
            let updated = root.apt(&["update"]).succeeded();
            // Only what was selected is signed: apt says that the archive does not have the rest.
            assert_eq!(updated.text.contains("component 'multiverse'"), signs, "{}", updated.text);
            assert!(!updated.text.contains("component 'universe'"), "{}", updated.text);
            root.install("demo").succeeded();
            assert_eq!(root.installed("demo").as_deref(), Some("1.1.0"), "{folder} {signs}");
        }
    }
}

/// The main archive and that of security updates, behind one mount.
#[test]
fn two_archives_below_one_mount() {
    if client("apt").is_none() {
        return;
    }
    for signs in [false, true] {
        let mut world = World::new("");
        let date = "Sat, 06 Jun 2026 10:00:00 UTC".to_owned();
        let sign = |release: &[u8]| {
            let at = weir_core::Timestamp::from_secs(1_780_000_000);
            (world.key.clearsign(release, at).unwrap(), world.key.detached(release, at).unwrap())
        };
        let suite = "stable-security".to_owned();
        let style = DebianStyle {
            folder: "/archive/debian-security/".to_owned(),
            suite: suite.clone(),
            date,
            ..DebianStyle::default()
        };
        let security = DebianArchive::new(&demo(&["1.2.0", "1.2.1"]), &style, &sign);
        security.publish(&world.origin);
        let host = world.origin.url().trim_end_matches("/debian").to_owned();
        let mode =
            RESIGN.replace("suites = [\"stable\"]", "suites = [\"stable\", \"stable-security\"]");
        let mode = if signs { mode } else { String::new() };
        world.config = format!("[upstream]\ndebian = {host:?}\n{ALWAYS_ASK}{mode}");
        world.start();
        let key = if signs { world.own_key() } else { world.archive_key() };
        let root = world.root(&key);
        let (url, shown) = (world.url(), root.path.display().to_string());
        root.sources(&format!(
            "deb [signed-by={shown}/key.asc] {url}/debian stable main\n\
             deb [signed-by={shown}/key.asc] {url}/debian-security {suite} main\n"
        ));
        root.apt(&["update"]).succeeded();
        root.install("demo").succeeded();
        assert_eq!(root.installed("demo").as_deref(), Some("1.2.1"), "{signs}");
        root.apt(&["install", "--download-only", "--allow-downgrades", "demo=1.1.0"]).succeeded();
        world.with(&STRICT.replace("=1.2.0", "=1.2.1"));
        let root = world.root(&key);
        root.sources(&format!(
            "deb [signed-by={shown}/key.asc] {url}/debian stable main\n\
             deb [signed-by={shown}/key.asc] {url}/debian-security {suite} main\n"
        ));
        root.apt(&["update"]).succeeded();
        let installed = root.install("demo");
        assert_eq!(installed.ok, signs, "{}", installed.text);
        assert_eq!(root.installed("demo").as_deref(), signs.then_some("1.2.0"));
    }
}

//! The forms in which archives are published, as apt reads them: a root beside its signature and none
//! with it, indexes as xz files alone, and sources.

use weir_testkit::origin::{DebianStyle, Forms};

use super::{RESIGN, Root, STRICT, World};
use crate::harness::{Output, client};

/// A mount that passes such an archive on, and one that signs what it serves.
fn modes(style: &DebianStyle) -> [(World, bool); 2] {
    let selected = RESIGN.replace("[\"amd64\"]", "[\"amd64\", \"source\"]");
    [("", false), (&*selected, true)]
        .map(|(config, signs)| (World::styled(config, style.clone()), signs))
}

/// Updates and installs: what is newest, an older version when that is withheld, what is published
/// later, and all again from the cache alone.
fn installs(world: &mut World, signs: bool) {
    let key = world.trusted();
    let root = world.root(&key);
    root.apt(&["update"]).succeeded();
    assert!(root.policy("demo").contains("Candidate: 1.2.0"), "{signs}");
    root.install("demo").succeeded();
    assert_eq!(root.installed("demo").as_deref(), Some("1.2.0"), "{signs}");

    world.with(STRICT);
    let root = world.root(&key);
    older(&root, signs);
    world.publish(&["1.1.0", "1.2.0", "1.3.0"], 11);
    root.apt(&["update"]).succeeded();
    let policy = root.policy("demo");
    assert!(policy.contains("Candidate: 1.3.0"), "{signs} {policy}");
    assert_eq!(policy.contains("1.2.0"), !signs, "{policy}");
    root.install("demo").succeeded();

    world.origin.stop();
    world.runtime.block_on(tokio::task::yield_now());
    world.offline = true;
    world.start();
    let root = world.root(&key);
    root.apt(&["update"]).succeeded();
    root.install("demo=1.1.0").succeeded();
    assert_eq!(root.installed("demo").as_deref(), Some("1.1.0"), "{signs}");
}

/// The newest version is withheld: where indexes are signed anew it is not there, else it is
/// refused and the older one has to be named.
fn older(root: &Root, signs: bool) {
    root.apt(&["update"]).succeeded();
    if signs {
        let policy = root.policy("demo");
        assert!(policy.contains("Candidate: 1.1.0") && !policy.contains("1.2.0"), "{policy}");
        root.install("demo").succeeded();
    } else {
        let refused = root.install("demo").failed();
        assert!(refused.text.contains("withheld by rule no-new"), "{}", refused.text);
        root.install("demo=1.1.0").succeeded();
    }
    assert_eq!(root.installed("demo").as_deref(), Some("1.1.0"), "{signs}");
}

/// The names of the lists that apt keeps.
fn lists(root: &Root) -> Vec<String> {
    let lists = std::fs::read_dir(root.path.join("var/lib/apt/lists")).unwrap().flatten();
    lists.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn an_archive_with_its_signature_beside_the_root_alone() {
    if client("apt").is_none() || client("dpkg").is_none() {
        return;
    }
    let style = DebianStyle { in_release: false, ..DebianStyle::default() };
    for (mut world, signs) in modes(&style) {
        let root = world.root(&world.trusted());
        root.apt(&["update"]).succeeded();
        // What the gateway signs is signed in the clear too.
        for (end, there) in [("_InRelease", signs), ("_Release", !signs), ("_Release.gpg", !signs)]
        {
            let names = lists(&root);
            assert_eq!(names.iter().any(|name| name.ends_with(end)), there, "{names:?}");
        }
        assert!(world.origin.count("dists/stable/Release.gpg") > 0, "{signs}");
        installs(&mut world, signs);
    }
}

#[test]
fn an_archive_whose_indexes_are_xz_files_alone() {
    if client("apt").is_none() || client("dpkg").is_none() {
        return;
    }
    // By their names; sources below come by their hashes.
    let style = DebianStyle { forms: Forms::Xz, by_hash: false, ..DebianStyle::default() };
    for (mut world, signs) in modes(&style) {
        installs(&mut world, signs);
        assert!(world.origin.count("dists/stable/main/binary-amd64/Packages.xz") > 0, "{signs}");
    }
}

/// Fetches a source package: what apt said, and the files that it has then.
fn fetch_source(world: &World) -> (Output, Vec<String>) {
    let root = world.root(&world.trusted());
    let line = std::fs::read_to_string(root.path.join("etc/apt/sources.list")).unwrap();
    root.sources(&line.replace("deb [", "deb-src ["));
    root.apt(&["update"]).succeeded();
    let folder = root.path.join("sources");
    std::fs::create_dir(&folder).unwrap();
    let command = format!("cd {} && apt-get -q source --download-only demo", folder.display());
    let output = root.run("sh", &["-c", &command]);
    let fetched = std::fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<String> =
        fetched.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.starts_with("demo_"));
    names.sort();
    (output, names)
}

#[test]
fn sources_are_fetched_and_withheld_as_packages_are() {
    if client("apt").is_none() {
        return;
    }
    for forms in [Forms::PlainAndGzip, Forms::Xz] {
        let style = DebianStyle { forms, sources: true, ..DebianStyle::default() };
        for (mut world, signs) in modes(&style) {
            let (output, names) = fetch_source(&world);
            output.succeeded();
            assert_eq!(names, ["demo_1.2.0.dsc", "demo_1.2.0.tar.gz"]);
            world.with(STRICT);
            let (output, names) = fetch_source(&world);
            if signs {
                output.succeeded();
                assert_eq!(names, ["demo_1.1.0.dsc", "demo_1.1.0.tar.gz"]);
            } else {
                let refused = output.failed();
                assert!(refused.text.contains("withheld by rule no-new"), "{}", refused.text);
            }
        }
    }
}

//! What archives hold beside packages, as apt reads it: contents, translations, patches of indexes,
//! addresses by hash; and archives that are being published.

use std::fmt::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use weir_core::{Algorithm, Digest, Timestamp};
use weir_signing::SigningKey;
use weir_testkit::origin::{Answer, DebianArchive, DebianStyle, Origin};

use super::{RESIGN, World, demo};
use crate::harness::client;

/// An archive that a test puts together by hand.
pub(super) struct Shelf {
    base: String,
    root: &'static str,
    files: Vec<(String, Vec<u8>)>,
    indexes: Vec<(String, Vec<u8>)>,
}

impl Shelf {
    /// An archive in this folder of the fixture's host, with its root in that folder of the archive.
    pub(super) fn new(folder: &str, root: &'static str) -> Self {
        // The fixture's own folder.
        let base = if folder == "debian" { String::new() } else { format!("/archive/{folder}/") };
        Self { base, root, files: Vec::new(), indexes: Vec::new() }
    }

    pub(super) fn file(&mut self, path: &str, bytes: &[u8]) {
        self.files.push((path.to_owned(), bytes.to_vec()));
    }

    /// An index that the root names, plain and as a gzip file.
    pub(super) fn index(&mut self, path: &str, text: &str) {
        self.raw(path, text.as_bytes());
        self.raw(&format!("{path}.gz"), &gz(text.as_bytes()));
    }

    fn raw(&mut self, path: &str, bytes: &[u8]) {
        self.indexes.push((path.to_owned(), bytes.to_vec()));
    }

    /// Publishes everything; with architectures and components unless it is flat.
    pub(super) fn publish(
        &self,
        origin: &Origin,
        date: &str,
        parts: Option<(&[&str], &str)>,
        key: &SigningKey,
    ) {
        let suite = self.root.rsplit('/').next().unwrap_or_default();
        let mut release =
            format!("Origin: Fixture\nLabel: Fixture\nSuite: {suite}\nDate: {date}\n");
        if let Some((architectures, components)) = parts {
            let architectures = architectures.join(" ");
            let _ = write!(
                release,
                "Codename: {suite}\nArchitectures: {architectures}\nComponents: {components}\n"
            );
        }
        release.push_str("SHA256:\n");
        for (path, bytes) in &self.indexes {
            let _ = writeln!(release, " {} {} {path}", sha256(bytes), bytes.len());
        }
        let at = Timestamp::from_secs(1_780_000_000);
        let roots = [
            ("InRelease", key.clearsign(release.as_bytes(), at).unwrap()),
            ("Release.gpg", key.detached(release.as_bytes(), at).unwrap()),
            ("Release", release.into_bytes()),
        ];
        let root = |path: &str| match self.root {
            "" => format!("{}{path}", self.base),
            root => format!("{}{root}/{path}", self.base),
        };
        for (path, bytes) in &self.files {
            origin.put(&format!("{}{path}", self.base), Answer::ok(bytes.clone()).ranged());
        }
        for (path, bytes) in &self.indexes {
            origin.put(&root(path), Answer::ok(bytes.clone()));
        }
        for (path, bytes) in roots {
            origin.put(&root(path), Answer::ok(bytes));
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, bytes).hex()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

/// The plain `Packages` of an archive.
pub(super) fn plain_packages(archive: &DebianArchive) -> String {
    let mut indexes = archive.indexes.iter();
    let (_, plain) = indexes.find(|(path, _)| path.ends_with("/Packages")).unwrap();
    String::from_utf8(plain.clone()).unwrap()
}

/// The fixture's suite with these versions of the package, and what else a distribution has.
fn distribution(world: &World, versions: &[&str], more: impl FnOnce(&mut Shelf, &str)) {
    let built =
        DebianArchive::new(&demo(versions), &DebianStyle::default(), &|_| Default::default());
    let mut shelf = Shelf::new("debian", "dists/stable");
    for file in &built.files {
        shelf.file(&file.path, &file.bytes);
    }
    let packages = plain_packages(&built);
    shelf.index("main/binary-amd64/Packages", &packages);
    more(&mut shelf, &packages);
    let hour = 10 + versions.len();
    let date = format!("Sat, 06 Jun 2026 {hour}:00:00 UTC");
    shelf.publish(&world.origin, &date, Some((&["amd64"], "main")), &world.key);
}

/// Both kinds of mount before such an archive, with the key that clients trust.
fn both(versions: &[&str], more: impl Fn(&mut Shelf, &str)) -> Vec<(World, Vec<u8>, bool)> {
    let made = |signs: bool| {
        let mut world = World::new("");
        distribution(&world, versions, &more);
        world.with(if signs { RESIGN } else { "" });
        let key = world.trusted();
        (world, key, signs)
    };
    vec![made(false), made(true)]
}

#[test]
fn contents_and_translations_are_as_upstream_has_them() {
    if client("apt").is_none() {
        return;
    }
    let description = "a fixture";
    let md5 = Digest::of(Algorithm::Md5, format!("{description}\n").as_bytes()).hex();
    let translation = format!(
        "Package: demo\nDescription-md5: {md5}\nDescription-en: a fixture\n that is explained\n\n"
    );
    let all = both(&["1.2.0"], |shelf, _| {
        shelf.index("main/i18n/Translation-en", &translation);
        shelf.index("main/Contents-amd64", "usr/share/demo  main/demo\n");
    });
    for (world, key, signs) in all {
        let root = world.root(&key);
        root.settings(
            "Acquire::Languages { \"en\"; };\nAcquire::IndexTargets::deb::Contents-deb {\n\
             MetaKey \"$(COMPONENT)/Contents-$(ARCHITECTURE)\"; ShortDescription \"Contents\";\n\
             Description \"$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Contents\"; };\n",
        );
        // The setting above said that there are none.
        let file = root.path.join("apt.conf");
        let settings = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, settings.replace("Acquire::Languages \"none\";\n", "")).unwrap();
        let updated = root.apt(&["update"]).succeeded();
        let lists = std::fs::read_dir(root.path.join("var/lib/apt/lists")).unwrap().flatten();
        let names: Vec<String> =
            lists.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        for end in ["_Contents-amd64", "_i18n_Translation-en"] {
            assert!(
                names.iter().any(|name| name.contains(end)),
                "{signs} {names:?}\n{}",
                updated.text
            );
        }
        let shown = root.run("apt-cache", &["show", "demo"]).succeeded();
        assert!(shown.text.contains("that is explained"), "{signs} {}", shown.text);
    }
}

/// A list of patches from one state of an index to the next (ed's commands, as apt applies them).
fn patched(shelf: &mut Shelf, old: &str, new: &str) {
    let added = new.strip_prefix(old).expect("what is new stands at the end");
    let patch = format!("{}a\n{added}.\n", old.lines().count());
    let (name, packed) = ("T-2026-06-06-1000.00-F-1", gz(patch.as_bytes()));
    let line = |bytes: &[u8], name: &str| format!(" {} {} {name}\n", sha256(bytes), bytes.len());
    let list = format!(
        "SHA256-Current: {} {}\nSHA256-History:\n{}SHA256-Patches:\n{}SHA256-Download:\n{}",
        sha256(new.as_bytes()),
        new.len(),
        line(old.as_bytes(), name),
        line(patch.as_bytes(), name),
        line(&packed, &format!("{name}.gz")),
    );
    shelf.raw("main/binary-amd64/Packages.diff/Index", list.as_bytes());
    shelf.file(&format!("dists/stable/main/binary-amd64/Packages.diff/{name}.gz"), &packed);
}

#[test]
fn patches_of_indexes_are_relayed_and_not_offered_where_indexes_are_edited() {
    if client("apt").is_none() {
        return;
    }
    for (world, key, signs) in both(&["1.1.0"], |_, _| {}) {
        let root = world.root(&key);
        root.settings("Acquire::PDiffs \"true\";\nAcquire::GzipIndexes \"false\";\n");
        root.apt(&["update"]).succeeded();
        let older = root.path.join("var/lib/apt/lists");
        let older = std::fs::read_dir(older).unwrap().flatten().map(|entry| entry.path());
        let older: Vec<_> =
            older.filter(|path| path.to_string_lossy().ends_with("_Packages")).collect();
        let before = std::fs::read_to_string(&older[0]).unwrap();
        distribution(&world, &["1.1.0", "1.2.0"], |shelf, now| {
            // New stanzas stand at the end.
            let stanzas: Vec<&str> = now.split_inclusive("\n\n").collect();
            let fresh = stanzas.iter().filter(|stanza| !before.contains(**stanza)).copied();
            let after = before.clone() + &fresh.collect::<String>();
            shelf.indexes.clear();
            shelf.index("main/binary-amd64/Packages", &after);
            patched(shelf, &before, &after);
        });
        world.origin.forget_requests();
        let updated = root.apt(&["update", "-o", "Debug::pkgAcquire::Diffs=true"]).succeeded();
        let policy = root.policy("demo");
        assert!(policy.contains("Candidate: 1.2.0"), "{signs} {}", updated.text);
        let seen = |end: &str| world.origin.requests().iter().any(|s| s.resource().ends_with(end));
        assert_eq!(seen("Packages.diff/Index"), !signs, "{}", updated.text);
        assert_eq!(seen("F-1.gz"), !signs, "{}", updated.text);
    }
}

#[test]
fn apt_reads_indexes_by_their_names_where_the_archive_has_none_by_hash() {
    if client("apt").is_none() {
        return;
    }
    // Archives by hand have no `Acquire-By-Hash`; the fixture's own has.
    for (world, key, signs) in both(&["1.2.0"], |_, _| {}) {
        let root = world.root(&key);
        let updated = root.apt(&["update", "-o", "Debug::Acquire::http=true"]).succeeded();
        assert_eq!(updated.text.contains("/by-hash/SHA256/"), signs, "{}", updated.text);
        world.publish(&["1.2.0", "1.3.0"], 14);
        let updated = root.apt(&["update", "-o", "Debug::Acquire::http=true"]).succeeded();
        assert!(updated.text.contains("/by-hash/SHA256/"), "{}", updated.text);
    }
}

#[test]
fn apt_never_sees_half_of_what_is_being_published() {
    if client("apt").is_none() {
        return;
    }
    for (world, key, signs) in both(&["1.1.0"], |_, _| {}) {
        let root = world.root(&key);
        root.apt(&["update"]).succeeded();
        // The mirror has the new root, and the old index.
        let index = "dists/stable/main/binary-amd64/Packages.gz";
        let (old, mut kept) = (std::cell::RefCell::new(None), None);
        world.origin.change(index, |answer| {
            *old.borrow_mut() = Some(answer.body().clone());
            answer
        });
        distribution(&world, &["1.1.0", "1.2.0"], |_, _| {});
        world.origin.change(index, |answer| {
            kept = Some(answer);
            Answer::ok(old.borrow().clone().unwrap())
        });
        let candidate = || {
            root.apt(&["update"]).succeeded();
            root.policy("demo")
        };
        let during = candidate();
        assert!(during.contains("Candidate: 1.1.0"), "{signs} {during}");
        world.origin.put(index, kept.unwrap());
        let after = candidate();
        assert!(after.contains("Candidate: 1.2.0"), "{signs} {after}");
    }
}

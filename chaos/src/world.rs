//! Seven registries with what is asked of them, and the configuration of a gateway before them.

use std::fmt::Write as _;
use std::path::Path;

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use weir_testkit::origin::{
    BuiltFile, CargoStyle, DebianArchive, DebianStyle, GoStyle, Image, Images, MavenStyle,
    NpmStyle, Origin, Package, PackageRelease, PypiStyle, cargo_index, go_proxy, maven_repository,
    npm_registry, pypi_index, toy_sign,
};

use crate::things::{MARK, Thing};

const OLD: &str = "2025-01-01T00:00:00Z";
/// Bytes of a package's file, beside what it needs.
const BALLAST: [usize; 4] = [0, 900, 70_000, 1_500_000];

/// Withholds what is younger than ten days, and everything that is named `banned`.
const POLICY: &str = r#"
[cooldown]
default = "10d"

[policy]
listing = "remove"

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

[[policy.rules]]
name = "no-banned-jar"
effect = "deny"
purl = "pkg:maven/org.acme/banned"
reason = "its author's account was stolen"

[[policy.rules]]
name = "no-banned-deb"
effect = "deny"
purl = "pkg:deb/banned"
reason = "its author's account was stolen"

[[policy.rules]]
name = "no-banned-image"
effect = "deny"
purl = "pkg:oci/demo/banned"
reason = "its author's account was stolen"
"#;

/// Short lives and short patience, so that a run of minutes sees what a week does.
const HASTE: &str = r#"
base_url = "http://weir.example:8080"

[freshness]
ttl = "1s"
negative_ttl = "1s"
stale_while_revalidate = "1s"
stale_if_error = "1h"

[limits]
header_timeout = "3s"
shutdown_timeout = "2s"
document = "4 MiB"

[limits.upstream]
connect_timeout = "2s"
read_timeout = "1500ms"
pool_timeout = "3s"
retries = 1
retry_pause = "20ms"
retry_pause_max = "200ms"
breaker_failures = 5
breaker_pause = "1s"
"#;

/// The registries. A gateway before them may be asked for its things.
#[derive(Debug)]
pub struct World {
    pub(crate) npm: Origin,
    pub(crate) pypi: Origin,
    pub(crate) crates: Origin,
    pub(crate) go: Origin,
    pub(crate) maven: Origin,
    pub(crate) debian: Origin,
    pub(crate) images: Origin,
    pub(crate) things: Vec<Thing>,
}

impl World {
    /// Starts the registries.
    ///
    /// # Panics
    /// When no loopback port is free.
    pub async fn start() -> Self {
        let mut world = Self {
            npm: Origin::start().await,
            pypi: Origin::start().await,
            crates: Origin::start().await,
            go: Origin::start().await,
            maven: Origin::start().await,
            debian: Origin::start().await,
            images: Origin::start().await,
            things: Vec::new(),
        };
        world.publish();
        world
    }

    /// All registries.
    pub(crate) fn origins(&self) -> [&Origin; 7] {
        let Self { npm, pypi, crates, go, maven, debian, images, .. } = self;
        [npm, pypi, crates, go, maven, debian, images]
    }

    /// The addresses and rules of a gateway.
    pub fn config(&self) -> String {
        let mut config = HASTE.to_owned();
        let _ = writeln!(config, "[upstream]");
        for (key, address) in [
            ("npm", self.npm.url()),
            ("pypi", self.pypi.url() + "/simple"),
            ("cargo", self.crates.url()),
            ("maven", self.maven.url()),
            ("debian", self.debian.url()),
            ("container", self.images.url()),
        ] {
            let _ = writeln!(config, "{key} = {address:?}");
        }
        let (go, database) = (self.go.url(), "https://sum.example");
        let _ = writeln!(
            config,
            "go = {{ address = {go:?}, origins = {{ sumdb = {database:?} }} }}\n{POLICY}"
        );
        config
    }

    /// Puts the listings of the package `moving` on the registries as they are later, or as they
    /// were before: then a release is missing.
    pub(crate) fn turn(&self, later: bool) {
        let packages = [moving(later)];
        npm_registry(&self.npm, &packages, &NpmStyle::default());
        pypi_index(&self.pypi, &self.pypi, &packages, &PypiStyle::default());
        cargo_index(&self.crates, &packages, &CargoStyle::default());
    }

    fn publish(&mut self) {
        let packages: Vec<Package> = [standing(), vec![banned("banned"), moving(true)]].concat();
        let npm = npm_registry(&self.npm, &packages, &NpmStyle::default());
        let pypi = pypi_index(&self.pypi, &self.pypi, &packages, &PypiStyle::default());
        let crates = cargo_index(&self.crates, &packages, &CargoStyle::default());
        self.list(&npm, |file| format!("/npm/{}", file.path));
        self.list(&pypi, |file| {
            let name = file.path.rsplit('/').next().unwrap_or_default();
            format!("/pypi/files/{}/{name}", file.name)
        });
        self.list(&crates, |file| format!("/cargo/crates/{}/{}/download", file.name, file.version));
        for package in &packages {
            let name = &package.name;
            let of_banned = name == "banned";
            let listings = [
                (format!("/npm/{name}"), None),
                (format!("/npm/{name}"), Some("application/vnd.npm.install-v1+json")),
                (format!("/pypi/simple/{name}/"), Some("application/vnd.pypi.simple.v1+json")),
                (format!("/pypi/simple/{name}/"), Some("text/html")),
                (format!("/cargo/{}/{}/{name}", &name[..2], &name[2..4]), None),
            ];
            for (path, accept) in listings {
                self.things.push(Thing::listing(path, accept).withheld(of_banned));
            }
        }
        self.publish_modules();
        self.publish_jars();
        self.publish_archive();
        self.publish_images();
    }

    /// Adds files with the paths that a gateway has for them.
    fn list(&mut self, files: &[BuiltFile], path: impl Fn(&BuiltFile) -> String) {
        let things = files.iter().map(|file| {
            let withheld = file.name.ends_with("banned") || file.version.contains(MARK);
            let passing = file.name == "moving" && file.version == LATER;
            Thing::file(path(file), file.bytes.clone()).withheld(withheld).passing(passing)
        });
        self.things.extend(things);
    }

    fn publish_modules(&mut self) {
        let module = |package: Package| {
            let releases = package.releases.into_iter().map(|release| PackageRelease {
                version: format!("v{}", release.version),
                ..release
            });
            Package { name: format!("go.example/{}", package.name), releases: releases.collect() }
        };
        let packages = [standing(), vec![banned("banned")]].concat();
        let modules: Vec<Package> = packages.into_iter().map(module).collect();
        let files = go_proxy(&self.go, &modules, &GoStyle::default());
        let zips: Vec<BuiltFile> = files.into_iter().filter(is_zip).collect();
        self.list(&zips, |file| format!("/go/{}", file.path));
        for module in &modules {
            let listing = Thing::listing(format!("/go/{}/@v/list", module.name), None);
            self.things.push(listing.withheld(module.name.ends_with("banned")));
        }
    }

    fn publish_jars(&mut self) {
        let jar =
            |package: Package| Package { name: format!("org.acme:{}", package.name), ..package };
        let packages: Vec<Package> =
            [standing(), vec![banned("banned")]].concat().into_iter().map(jar).collect();
        let files = maven_repository(&self.maven, &packages, &MavenStyle::default());
        self.list(&files, |file| format!("/maven/{}", file.path));
        for package in standing() {
            let path = format!("/maven/org/acme/{}/maven-metadata.xml", package.name);
            self.things.push(Thing::listing(path, None));
        }
    }

    fn publish_archive(&mut self) {
        let old = |package: Package| {
            let releases = package.releases.into_iter();
            let releases = releases.filter(|release| !release.version.contains(MARK)).collect();
            Package { releases, ..package }
        };
        let packages: Vec<Package> =
            [standing(), vec![banned("banned")]].concat().into_iter().map(old).collect();
        let archive = DebianArchive::new(&packages, &DebianStyle::default(), &toy_sign);
        archive.publish(&self.debian);
        let indexes = self.things.len() + archive.roots.len();
        for (path, _) in archive.roots.iter().chain(&archive.indexes) {
            self.things.push(Thing::listing(format!("/debian/{path}"), None).signed());
        }
        let files = self.things.len();
        self.list(&archive.files, |file| format!("/debian/{}", file.path));
        for thing in &mut self.things[files..] {
            thing.indexed = true;
        }
        // Each index lists all files, whatever it is compressed with. One that is asked for by its hash
        // alone, after the memory was lost, says neither which index it is nor who vouches for it.
        let named: Vec<usize> = (files..self.things.len()).collect();
        for index in &mut self.things[indexes..files] {
            if !index.path.contains("/by-hash/") {
                index.names.clone_from(&named);
            }
        }
    }

    fn publish_images(&mut self) {
        let registry = Images::new(&self.images);
        let layer = |seed: u64, length: usize| {
            let mut random = weir_testkit::Random::new(seed);
            let mut text = String::new();
            while text.len() < length {
                let _ = write!(text, "{:016x}", random.number());
            }
            text
        };
        for (number, (name, tag)) in
            [("demo/hello", "1.0"), ("demo/hello", "1.1"), ("demo/banned", "1.0")]
                .iter()
                .enumerate()
        {
            let withheld = name.ends_with("banned");
            let layers = [layer(number as u64, 3_000), layer(100 + number as u64, 2_000_000)];
            let image = Image::new("amd64", OLD, &[&layers[0], &layers[1]]);
            registry.image(name, &image);
            registry.tag(name, tag, &image.manifest);
            let blobs = self.things.len() + 2;
            let names: Vec<usize> = (blobs..=blobs + image.layers.len()).collect();
            for reference in [*tag, image.digest()] {
                let path = format!("/v2/{name}/manifests/{reference}");
                let accept = Some("application/vnd.oci.image.manifest.v1+json");
                let file = Thing::file(path, image.manifest.bytes.clone());
                let thing = Thing { accept, names: names.clone(), ..file };
                self.things.push(thing.withheld(withheld));
            }
            for piece in image.layers.iter().chain([&image.config]) {
                let path = format!("/v2/{name}/blobs/{}", piece.digest);
                let blob = Thing::file(path, piece.bytes.clone()).indexed();
                self.things.push(blob.withheld(withheld));
            }
        }
        self.things.push(Thing::listing("/v2/demo/hello/tags/list", None));
    }
}

fn is_zip(file: &BuiltFile) -> bool {
    Path::new(&file.path).extension().is_some_and(|extension| extension == "zip")
}

/// The release that a package named `moving` has at some times only.
const LATER: &str = "1.2.0";

/// Packages that never change, each with a release that is two days old.
fn standing() -> Vec<Package> {
    let package = |name: &str, ballast: usize| {
        let heavy = |release| PackageRelease { ballast, ..release };
        Package::new(name)
            .release_with("1.0.0", OLD, heavy)
            .release_with("1.1.0", OLD, heavy)
            .release_with(&format!("{MARK}6"), &recent(), heavy)
    };
    ["demo", "tool", "brick", "heavy"].iter().zip(BALLAST).map(|(n, b)| package(n, b)).collect()
}

fn banned(name: &str) -> Package {
    Package::new(name).release(&format!("{MARK}0"), OLD)
}

fn moving(later: bool) -> Package {
    let package = Package::new("moving").release("1.0.0", OLD);
    if !later {
        return package;
    }
    package.release(LATER, OLD).release(&format!("{MARK}7"), &recent())
}

/// Two days ago, in RFC 3339.
///
/// # Panics
/// Before the year 0.
pub fn recent() -> String {
    // Whole seconds: Cargo passes over a line with a finer `pubtime`. Midnight: the same text however
    // often it is asked for in a run.
    let recent = (OffsetDateTime::now_utc() - Duration::days(2)).truncate_to_day();
    recent.format(&Rfc3339).unwrap_or_else(|error| panic!("a date has a form: {error}"))
}

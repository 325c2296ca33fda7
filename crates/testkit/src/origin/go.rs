//! A small Go module proxy, and the checksum database behind it.

use std::fmt::Write as _;

use serde_json::json;

use super::sumdb::{Database, Record};
use super::{Answer, BuiltFile, Origin, Package, PackageRelease, zip};

/// How a proxy differs from the public one.
#[derive(Clone, Debug)]
pub struct GoStyle {
    /// Whether it says which version is the latest; 404 otherwise.
    pub latest: bool,
    /// The name of the checksum database that it relays, if it does.
    pub database: Option<String>,
}

impl Default for GoStyle {
    fn default() -> Self {
        Self { latest: true, database: Some("sum.example".to_owned()) }
    }
}

/// Puts a module proxy on an origin, with modules that go builds. A dependency is a module path and
/// a version. The zip of a release comes before its `go.mod` in what is returned.
pub fn go_proxy(origin: &Origin, modules: &[Package], style: &GoStyle) -> Vec<BuiltFile> {
    let mut files = Vec::new();
    for module in modules {
        let path = escape(&module.name);
        let mut list = String::new();
        for release in &module.releases {
            let version = &release.version;
            let _ = writeln!(list, "{version}");
            let stem = format!("{path}/@v/{}", escape(version));
            origin.put(&format!("{stem}.info"), info(release));
            let own = built(module, release, &stem);
            for file in &own {
                origin.put(&file.path, Answer::ok(file.bytes.clone()).ranged());
            }
            files.extend(own);
        }
        origin.put(&format!("{path}/@v/list"), Answer::ok(list).media("text/plain"));
        let newest = module.releases.last().filter(|_| style.latest);
        if let Some(newest) = newest {
            origin.put(&format!("{path}/@latest"), info(newest));
        }
    }
    if let Some(name) = &style.database {
        go_database(origin, &format!("sumdb/{name}/"), name, modules);
    }
    files
}

/// Puts a checksum database with all releases of these modules below a path of an origin. Clients
/// trust it by [`go_database_key`].
pub fn go_database(origin: &Origin, below: &str, name: &str, modules: &[Package]) {
    let releases = modules.iter().flat_map(|module| {
        module.releases.iter().map(move |release| {
            Record::new(&module.name, &release.version, &content(module, release))
        })
    });
    let database = Database::new(name, releases.collect());
    if below.starts_with("sumdb/") {
        origin.put(&format!("{below}supported"), Answer::ok(""));
    }
    origin.put(&format!("{below}latest"), Answer::ok(database.tree()));
    for (path, answer) in database.lookups() {
        origin.put(&format!("{below}lookup/{path}"), Answer::ok(answer));
    }
    for (path, tile) in database.tiles() {
        origin.put(&format!("{below}tile/{path}"), Answer::ok(tile));
    }
}

/// The key of a fixture's checksum database, as `GOSUMDB` takes it.
pub fn go_database_key(name: &str) -> String {
    Database::new(name, Vec::new()).key()
}

fn info(release: &PackageRelease) -> Answer {
    Answer::json(&json!({ "Version": release.version, "Time": release.date }))
}

/// Upper case as addresses have it (golang.org/x/mod/module, `EscapePath`).
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if character.is_ascii_uppercase() {
            escaped.push('!');
        }
        escaped.push(character.to_ascii_lowercase());
    }
    escaped
}

/// The files of a release with their contents: `go.mod` first.
fn content(module: &Package, release: &PackageRelease) -> Vec<(&'static str, String)> {
    let mut manifest = format!("module {}\n\ngo 1.21\n", module.name);
    let last = |path: &str| {
        let elements = path.rsplit('/').find(|part| !is_major(part)).unwrap_or_default();
        elements.to_lowercase().replace(['-', '.'], "")
    };
    let mut code = format!("package {}\n\n", last(&module.name));
    for (path, version) in &release.dependencies {
        let _ = writeln!(manifest, "\nrequire {path} {version}");
        let _ = writeln!(code, "import _ {path:?}\n");
    }
    let _ = writeln!(code, "const Version = {:?}", release.version);
    vec![("go.mod", manifest), ("code.go", code), ("LICENSE", format!("{}\n", release.licence))]
}

/// Whether a path element only says the major version.
fn is_major(element: &str) -> bool {
    element.strip_prefix('v').is_some_and(|rest| rest.parse::<u32>().is_ok())
}

fn built(module: &Package, release: &PackageRelease, stem: &str) -> Vec<BuiltFile> {
    let content = content(module, release);
    let folder = format!("{}@{}", module.name, release.version);
    let names: Vec<String> = content.iter().map(|(name, _)| format!("{folder}/{name}")).collect();
    let files =
        names.iter().zip(&content).map(|(name, (_, text))| (name.as_str(), text.as_bytes()));
    let archive = zip(&files.collect::<Vec<_>>());
    let file = |kind: &str, bytes: Vec<u8>| BuiltFile {
        name: module.name.clone(),
        version: release.version.clone(),
        path: format!("{stem}.{kind}"),
        bytes: bytes.into(),
    };
    let manifest = content[0].1.clone().into_bytes();
    vec![file("zip", archive), file("mod", manifest)]
}

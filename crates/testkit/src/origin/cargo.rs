//! A small Cargo registry with a sparse index.

use std::fmt::Write as _;

use serde_json::{Value, json};
use weir_core::{Algorithm, Digest};

use super::{Answer, BuiltFile, Origin, Package, PackageRelease, Seen, tgz};

/// How an index differs from the public one.
#[derive(Clone, Debug)]
pub struct CargoStyle {
    /// The `dl` of `config.json` with markers or without; `{origin}` stands for the origin's
    /// address. The files are put where it leads.
    pub dl: String,
    /// Whether lines have `pubtime`.
    pub dates: bool,
}

impl Default for CargoStyle {
    fn default() -> Self {
        Self { dl: "{origin}/api/v1/crates".to_owned(), dates: true }
    }
}

/// Puts a sparse index and its `.crate` files, which cargo builds, on an origin.
///
/// # Panics
/// When `dl` does not lead to the origin.
pub fn cargo_index(origin: &Origin, packages: &[Package], style: &CargoStyle) -> Vec<BuiltFile> {
    let dl = style.dl.replace("{origin}", &origin.url());
    origin.put("config.json", Answer::json(&json!({ "dl": dl, "api": origin.url() })));
    let found: Vec<Value> = packages.iter().map(search_entry).collect();
    origin.put_with("api/v1/crates", move |request| search(&found, request));
    let mut files = Vec::new();
    for package in packages {
        let mut lines = String::new();
        for release in &package.releases {
            let file = file(origin, &dl, package, release);
            let archive = Answer::ok(file.bytes.clone()).media("application/gzip").ranged();
            origin.put(&file.path, archive);
            lines.push_str(&line(package, release, &file, style.dates).to_string());
            lines.push('\n');
            files.push(file);
        }
        let tag = Digest::of(Algorithm::Md5, lines.as_bytes()).hex();
        let answer = Answer::ok(lines).media("text/plain").etag(&format!("\"{tag}\""));
        origin.put(&prefix_path(&package.name.to_lowercase()), answer);
    }
    files
}

fn search_entry(package: &Package) -> Value {
    json!({
        "name": package.name,
        "max_version": package.releases.last().map(|last| &last.version),
        "description": format!("a fixture named {}", package.name),
    })
}

/// The web API's search (The Cargo Book, "Registry Web API").
fn search(entries: &[Value], request: &Seen) -> Answer {
    let text = request.query().split('&').find_map(|pair| pair.strip_prefix("q="));
    let matches = |entry: &&Value| {
        let name = entry["name"].as_str().unwrap_or_default();
        text.is_none_or(|text| name.contains(text))
    };
    let crates: Vec<&Value> = entries.iter().filter(matches).collect();
    Answer::json(&json!({ "crates": crates, "meta": { "total": crates.len() } }))
}

/// Where a crate stands in an index (The Cargo Book, "Index Files").
fn prefix_path(name: &str) -> String {
    match name.len() {
        1 | 2 => format!("{}/{name}", name.len()),
        3 => format!("3/{}/{name}", &name[..1]),
        _ => format!("{}/{name}", prefix(name)),
    }
}

/// The marker `{prefix}` of a name of four letters or more.
fn prefix(name: &str) -> String {
    format!("{}/{}", &name[..2], &name[2..4])
}

fn file(origin: &Origin, dl: &str, package: &Package, release: &PackageRelease) -> BuiltFile {
    let (name, version) = (&package.name, &release.version);
    let stem = format!("{name}-{version}");
    let manifest = manifest(package, release);
    let code = format!("/// The version.\npub const VERSION: &str = {version:?};\n");
    let paths = ["Cargo.toml", "src/lib.rs", "ballast"].map(|file| format!("{stem}/{file}"));
    let ballast = release.ballast(name);
    let contents = [manifest.as_bytes(), code.as_bytes(), &ballast];
    let content: Vec<(&str, &[u8])> =
        paths.iter().map(String::as_str).zip(contents).filter(|(_, c)| !c.is_empty()).collect();
    let bytes = tgz(&content);
    let checksum = Digest::of(Algorithm::Sha256, &bytes).hex();
    let url = download(dl, name, version, &checksum);
    let path = url.strip_prefix(&format!("{}/", origin.url()));
    let path = path.unwrap_or_else(|| panic!("{url} is not below {}", origin.url())).to_owned();
    BuiltFile { name: name.clone(), version: version.clone(), path, bytes: bytes.into() }
}

/// The address of a file (The Cargo Book, "Index Configuration").
fn download(dl: &str, name: &str, version: &str, checksum: &str) -> String {
    let lower = name.to_lowercase();
    let markers = [
        ("{crate}", name.to_owned()),
        ("{version}", version.to_owned()),
        ("{prefix}", if name.len() > 3 { prefix(name) } else { String::new() }),
        ("{lowerprefix}", if name.len() > 3 { prefix(&lower) } else { String::new() }),
        ("{sha256-checksum}", checksum.to_owned()),
    ];
    if markers.iter().any(|(marker, _)| dl.contains(marker)) {
        return markers
            .iter()
            .fold(dl.to_owned(), |url, (marker, value)| url.replace(marker, value));
    }
    format!("{dl}/{name}/{version}/download")
}

fn manifest(package: &Package, release: &PackageRelease) -> String {
    let mut text = format!(
        "[package]\nname = {:?}\nversion = {:?}\nedition = \"2021\"\nlicense = {:?}\n\n\
         [dependencies]\n",
        package.name, release.version, release.licence
    );
    for (name, requirement) in &release.dependencies {
        let _ = writeln!(text, "{name} = {requirement:?}");
    }
    text
}

fn line(package: &Package, release: &PackageRelease, file: &BuiltFile, dates: bool) -> Value {
    let dependency = |(name, requirement): &(String, String)| {
        json!({
            "name": name, "req": requirement, "features": [], "optional": false,
            "default_features": true, "target": null, "kind": "normal",
        })
    };
    let mut line = json!({
        "name": package.name,
        "vers": release.version,
        "deps": release.dependencies.iter().map(dependency).collect::<Vec<_>>(),
        "cksum": Digest::of(Algorithm::Sha256, &file.bytes).hex(),
        "features": {},
        "yanked": release.yanked.is_some(),
    });
    if dates {
        line["pubtime"] = json!(release.date);
    }
    line
}

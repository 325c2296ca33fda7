//! A small npm registry.

use serde_json::{Map, Value, json};
use weir_core::{Algorithm, Digest};

use super::{Answer, BuiltFile, Origin, Package, PackageRelease, Seen, tgz};

const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// How a registry differs from the public one.
#[derive(Clone, Debug)]
pub struct NpmStyle {
    /// Whether the abbreviated packument is served when it is asked for; company mirrors often
    /// serve the full one whatever is asked.
    pub abbreviated: bool,
    /// Whether the full packument has `time`.
    pub dates: bool,
    /// Whether packuments have an `ETag`.
    pub validators: bool,
    /// The address in `dist.tarball` instead of the origin's own, as some mirrors leave it.
    pub tarball_base: Option<String>,
}

impl Default for NpmStyle {
    fn default() -> Self {
        Self { abbreviated: true, dates: true, validators: true, tarball_base: None }
    }
}

/// Puts an npm registry on an origin: packuments, single versions, dist-tags, tarballs that npm
/// installs, search, an audit that finds nothing, and ping.
pub fn npm_registry(origin: &Origin, packages: &[Package], style: &NpmStyle) -> Vec<BuiltFile> {
    let mut files = Vec::new();
    let mut found = Vec::new();
    for package in packages {
        let built: Vec<BuiltFile> =
            package.releases.iter().map(|release| file(package, release)).collect();
        for one in &built {
            let tarball = Answer::ok(one.bytes.clone()).media("application/octet-stream").ranged();
            origin.put(&one.path, tarball);
        }
        let base = style.tarball_base.clone().unwrap_or_else(|| origin.url());
        let full = packument(package, &built, &base, style.dates);
        found.push(search_entry(package));
        put_package(origin, package, &full, style);
        files.extend(built);
    }
    origin.put_with("-/v1/search", move |request| search(&found, request));
    origin.put("-/npm/v1/security/advisories/bulk", Answer::json(&json!({})));
    origin.put("-/ping", Answer::json(&json!({})));
    files
}

fn put_package(origin: &Origin, package: &Package, full: &Value, style: &NpmStyle) {
    let name = &package.name;
    origin.put(&format!("-/package/{name}/dist-tags"), Answer::json(&full["dist-tags"]));
    for (version, manifest) in full["versions"].as_object().into_iter().flatten() {
        origin.put(&format!("{name}/{version}"), Answer::json(manifest));
    }
    let latest = full["dist-tags"]["latest"].as_str().unwrap_or_default();
    origin.put(&format!("{name}/latest"), Answer::json(&full["versions"][latest]));
    let answers =
        [answer(&abbreviate(full), ABBREVIATED, style), answer(full, "application/json", style)];
    let may_abbreviate = style.abbreviated;
    origin.put_with(name, move |request| {
        let wanted = request.header("accept").is_some_and(|accept| accept.contains(ABBREVIATED));
        answers[usize::from(!(wanted && may_abbreviate))].clone()
    });
}

fn answer(document: &Value, media: &str, style: &NpmStyle) -> Answer {
    let answer = Answer::json(document).media(media);
    if !style.validators {
        return answer;
    }
    let digest = Digest::of(Algorithm::Md5, answer.body()).hex();
    answer.header("vary", "accept").etag(&format!("\"{digest}\""))
}

/// The tarball of a release.
fn file(package: &Package, release: &PackageRelease) -> BuiltFile {
    let name = &package.name;
    let manifest = manifest(package, release).to_string();
    let index = format!("module.exports = {:?};\n", format!("{name} {}", release.version));
    let ballast = release.ballast(name);
    let mut content: Vec<(&str, &[u8])> =
        vec![("package/package.json", manifest.as_bytes()), ("package/index.js", index.as_bytes())];
    if release.ballast > 0 {
        content.push(("package/ballast", &ballast));
    }
    let bytes = tgz(&content);
    let stem = name.rsplit('/').next().unwrap_or(name);
    let path = format!("{name}/-/{stem}-{}.tgz", release.version);
    BuiltFile { name: name.clone(), version: release.version.clone(), path, bytes: bytes.into() }
}

/// The `package.json` of a release.
fn manifest(package: &Package, release: &PackageRelease) -> Value {
    let dependencies: Map<String, Value> =
        release.dependencies.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    let mut manifest = json!({
        "name": package.name,
        "version": release.version,
        "description": format!("a fixture named {}", package.name),
        "main": "index.js",
        "license": release.licence,
        "dependencies": dependencies,
    });
    if let Some(script) = &release.install_script {
        manifest["scripts"] = json!({ "postinstall": script });
    }
    manifest
}

fn packument(package: &Package, files: &[BuiltFile], base: &str, dates: bool) -> Value {
    let mut versions = Map::new();
    let mut time = Map::new();
    for (release, file) in package.releases.iter().zip(files) {
        let mut entry = manifest(package, release);
        entry["_id"] = json!(format!("{}@{}", package.name, release.version));
        entry["dist"] = json!({
            "tarball": format!("{base}/{}", file.path),
            "integrity": Digest::of(Algorithm::Sha512, &file.bytes).sri(),
            "shasum": Digest::of(Algorithm::Sha1, &file.bytes).hex(),
            "fileCount": 2,
        });
        if let Some(message) = &release.deprecated {
            entry["deprecated"] = json!(message);
        }
        if release.install_script.is_some() {
            entry["hasInstallScript"] = json!(true);
        }
        versions.insert(release.version.clone(), entry);
        time.insert(release.version.clone(), json!(release.date));
    }
    let day = |release: Option<&PackageRelease>| json!(release.map(|release| &release.date));
    let (first, last) = (package.releases.first(), package.releases.last());
    time.insert("created".into(), day(first));
    time.insert("modified".into(), day(last));
    let mut packument = json!({
        "_id": package.name,
        "name": package.name,
        "dist-tags": last.map(|last| json!({ "latest": last.version })).unwrap_or(json!({})),
        "versions": versions,
        "readme": format!("# {}\n\nInstall it from {base}/{}.", package.name, package.name),
    });
    if dates {
        packument["time"] = time.into();
    }
    packument
}

/// The abbreviated form (npm/registry, `docs/responses/package-metadata.md`).
fn abbreviate(full: &Value) -> Value {
    const KEPT: &[&str] =
        &["name", "version", "dependencies", "dist", "deprecated", "hasInstallScript"];
    let mut versions = Map::new();
    for (version, entry) in full["versions"].as_object().into_iter().flatten() {
        let kept = entry.as_object().into_iter().flatten();
        let kept = kept.filter(|(key, _)| KEPT.contains(&key.as_str()));
        versions.insert(version.clone(), kept.map(|(k, v)| (k.clone(), v.clone())).collect());
    }
    json!({
        "name": full["name"],
        "modified": full["time"]["modified"],
        "dist-tags": full["dist-tags"],
        "versions": versions,
    })
}

fn search_entry(package: &Package) -> Value {
    let last = package.releases.last();
    json!({
        "package": {
            "name": package.name,
            "version": last.map(|last| &last.version),
            "description": format!("a fixture named {}", package.name),
            "date": last.map(|last| &last.date),
            "links": {},
            "publisher": { "username": "fixture", "email": "fixture@registry.example" },
            "maintainers": [],
        },
        "score": { "final": 1.0, "detail": { "quality": 1.0, "popularity": 1.0, "maintenance": 1.0 } },
        "searchScore": 1.0,
    })
}

fn search(entries: &[Value], request: &Seen) -> Answer {
    let text = request.query().split('&').find_map(|pair| pair.strip_prefix("text="));
    let matches = |entry: &&Value| {
        let name = entry["package"]["name"].as_str().unwrap_or_default();
        text.is_none_or(|text| name.contains(text))
    };
    let objects: Vec<&Value> = entries.iter().filter(matches).collect();
    Answer::json(&json!({ "total": objects.len(), "objects": objects, "time": "now" }))
}

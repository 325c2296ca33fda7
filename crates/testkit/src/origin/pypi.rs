//! A small Python package index.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use weir_core::{Algorithm, Digest};

use super::{Answer, BuiltFile, Origin, Package, PackageRelease, zip};

const JSON: &str = "application/vnd.pypi.simple.v1+json";
const HTML: &str = "application/vnd.pypi.simple.v1+html";

/// In which form an index answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PypiForm {
    /// PEP 691: JSON where `Accept` names it, HTML otherwise.
    Negotiated,
    /// JSON whatever is asked.
    Json,
    /// HTML whatever is asked (PEP 503).
    Html,
    /// HTML under the label of JSON, as some mirrors do.
    HtmlLabelledJson,
}

/// How an index differs from the public one.
#[derive(Clone, Debug)]
pub struct PypiStyle {
    /// The form.
    pub form: PypiForm,
    /// Whether JSON has `upload-time` and HTML `data-upload-time`.
    pub dates: bool,
    /// Whether `.metadata` files are announced and served (PEP 658).
    pub metadata: bool,
    /// Whether links are relative to the page, as Nexus has them; the files must then stand on
    /// the origin of the index.
    pub relative: bool,
}

impl Default for PypiStyle {
    fn default() -> Self {
        Self { form: PypiForm::Negotiated, dates: true, metadata: true, relative: false }
    }
}

/// Puts an index on one origin (`simple/…`, `pypi/…/json`) and its wheels, which pip installs, on another
/// (`packages/…`), which may be the same.
pub fn pypi_index(
    index: &Origin,
    files: &Origin,
    packages: &[Package],
    style: &PypiStyle,
) -> Vec<BuiltFile> {
    let mut all = Vec::new();
    for package in packages {
        let base = if style.relative { "../..".to_owned() } else { files.url() };
        let built: Vec<Wheel<'_>> =
            package.releases.iter().map(|release| Wheel::new(package, release, &base)).collect();
        for wheel in &built {
            let bytes = wheel.file.bytes.clone();
            files.put(&wheel.file.path, Answer::ok(bytes).media("application/zip").ranged());
            if style.metadata {
                let metadata = Answer::ok(wheel.metadata.clone());
                files.put(&format!("{}.metadata", wheel.file.path), metadata);
            }
        }
        let name = normalized(&package.name);
        let (json, html) = (page_json(&name, &built, style), page_html(&name, &built, style));
        put_page(index, &format!("simple/{name}/"), &json, html, style.form);
        let legacy = Answer::json(&legacy(&name, &built));
        index.put(&format!("pypi/{name}/json"), legacy);
        all.extend(built.into_iter().map(|wheel| wheel.file));
    }
    let names: Vec<String> = packages.iter().map(|package| normalized(&package.name)).collect();
    let listed: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
    let json = json!({ "meta": { "api-version": "1.1" }, "projects": listed });
    let mut anchors = String::new();
    for name in &names {
        let _ = writeln!(anchors, "<a href=\"/simple/{name}/\">{name}</a>");
    }
    put_page(index, "simple/", &json, frame("Simple index", &anchors), style.form);
    all
}

/// The name in PEP 503's normal form.
fn normalized(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_lowercase()
}

fn put_page(index: &Origin, path: &str, json: &Value, html: String, form: PypiForm) {
    let json = Answer::json(json).media(JSON);
    let html = Answer::ok(html).media("text/html; charset=utf-8");
    match form {
        PypiForm::Json => index.put(path, json),
        PypiForm::Html => index.put(path, html),
        PypiForm::HtmlLabelledJson => index.put(path, html.media(JSON)),
        PypiForm::Negotiated => index.put_with(path, move |request| {
            let accept = request.header("accept").unwrap_or_default();
            let answer = match accept.contains(JSON) {
                true => json.clone(),
                false if accept.contains(HTML) => html.clone().media(HTML),
                false => html.clone(),
            };
            answer.header("vary", "accept")
        }),
    }
}

/// A wheel and what the index says of it.
struct Wheel<'a> {
    release: &'a PackageRelease,
    file: BuiltFile,
    name: String,
    link: String,
    metadata: String,
}

impl<'a> Wheel<'a> {
    fn new(package: &Package, release: &'a PackageRelease, base: &str) -> Self {
        let module = normalized(&package.name).replace('-', "_");
        let version = &release.version;
        let name = format!("{module}-{version}-py3-none-any.whl");
        let metadata = metadata(package, release);
        let bytes = wheel(&module, version, &metadata, &release.ballast(&package.name));
        let path = format!("packages/{module}/{version}/{name}");
        let link = format!("{base}/{path}");
        let (package, version) = (package.name.clone(), version.clone());
        let file = BuiltFile { name: package, version, path, bytes: bytes.into() };
        Self { release, file, name, link, metadata }
    }

    fn sha256(&self) -> String {
        Digest::of(Algorithm::Sha256, &self.file.bytes).hex()
    }

    fn metadata_sha256(&self) -> String {
        Digest::of(Algorithm::Sha256, self.metadata.as_bytes()).hex()
    }
}

/// Core metadata 2.1.
fn metadata(package: &Package, release: &PackageRelease) -> String {
    let mut text = format!(
        "Metadata-Version: 2.1\nName: {}\nVersion: {}\nLicense: {}\nRequires-Python: >=3.8\n",
        package.name, release.version, release.licence
    );
    for (name, requirement) in &release.dependencies {
        let _ = writeln!(text, "Requires-Dist: {name}{requirement}");
    }
    text
}

/// A wheel of one module (packaging.python.org, "Binary distribution format" 1.0).
fn wheel(module: &str, version: &str, metadata: &str, ballast: &[u8]) -> Vec<u8> {
    let info = format!("{module}-{version}.dist-info");
    let code = format!("__version__ = {version:?}\n");
    let tags = "Wheel-Version: 1.0\nGenerator: fixture\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let mut files = vec![
        (format!("{module}/__init__.py"), code.into_bytes()),
        (format!("{info}/METADATA"), metadata.into()),
        (format!("{info}/WHEEL"), tags.into()),
    ];
    if !ballast.is_empty() {
        files.push((format!("{module}/ballast"), ballast.to_vec()));
    }
    let mut record = String::new();
    for (path, content) in &files {
        let digest = Digest::of(Algorithm::Sha256, content);
        let hash = URL_SAFE_NO_PAD.encode(digest.bytes());
        let _ = writeln!(record, "{path},sha256={hash},{}", content.len());
    }
    let _ = writeln!(record, "{info}/RECORD,,");
    files.push((format!("{info}/RECORD"), record.into_bytes()));
    let files = files.iter().map(|(path, content)| (path.as_str(), content.as_slice()));
    zip(&files.collect::<Vec<_>>())
}

fn page_json(name: &str, wheels: &[Wheel<'_>], style: &PypiStyle) -> Value {
    let file = |wheel: &Wheel<'_>| {
        let mut file = json!({
            "filename": wheel.name,
            "url": wheel.link,
            "hashes": { "sha256": wheel.sha256() },
            "requires-python": ">=3.8",
            "size": wheel.file.bytes.len(),
            "yanked": wheel.release.yanked.as_ref().map_or(json!(false), |reason| json!(reason)),
        });
        if style.dates {
            file["upload-time"] = json!(wheel.release.date);
        }
        if style.metadata {
            file["core-metadata"] = json!({ "sha256": wheel.metadata_sha256() });
        }
        file
    };
    json!({
        "meta": { "api-version": "1.1" },
        "name": name,
        "versions": wheels.iter().map(|wheel| &wheel.release.version).collect::<Vec<_>>(),
        "files": wheels.iter().map(file).collect::<Vec<_>>(),
    })
}

/// The project's document of the index's older JSON API (`/pypi/<project>/json`).
fn legacy(name: &str, wheels: &[Wheel<'_>]) -> Value {
    let file = |wheel: &Wheel<'_>| {
        json!({
            "filename": wheel.name,
            "url": wheel.link,
            "packagetype": "bdist_wheel",
            "digests": { "sha256": wheel.sha256() },
            "size": wheel.file.bytes.len(),
            "upload_time_iso_8601": wheel.release.date,
            "yanked": wheel.release.yanked.is_some(),
            "yanked_reason": wheel.release.yanked,
        })
    };
    let releases: Map<String, Value> =
        wheels.iter().map(|w| (w.release.version.clone(), json!([file(w)]))).collect();
    let last = wheels.last();
    json!({
        "info": {
            "name": name,
            "version": last.map(|last| &last.release.version),
            "license": last.map(|last| &last.release.licence),
        },
        "releases": releases,
        "urls": last.map(|last| vec![file(last)]).unwrap_or_default(),
    })
}

fn page_html(name: &str, wheels: &[Wheel<'_>], style: &PypiStyle) -> String {
    let mut anchors = String::new();
    for wheel in wheels {
        let _ = write!(anchors, "<a href=\"{}#sha256={}\"", wheel.link, wheel.sha256());
        anchors.push_str(" data-requires-python=\"&gt;=3.8\"");
        if let Some(reason) = &wheel.release.yanked {
            let _ = write!(anchors, " data-yanked=\"{reason}\"");
        }
        if style.dates {
            let _ = write!(anchors, " data-upload-time=\"{}\"", wheel.release.date);
        }
        if style.metadata {
            let _ = write!(anchors, " data-core-metadata=\"sha256={}\"", wheel.metadata_sha256());
        }
        let _ = writeln!(anchors, ">{}</a><br/>", wheel.name);
    }
    frame(&format!("Links for {name}"), &anchors)
}

fn frame(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html><head><meta name=\"pypi:repository-version\" content=\"1.1\">\
         <title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n{body}</body></html>\n"
    )
}

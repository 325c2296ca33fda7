//! One version: a member of `versions` in a packument, or a document of its own.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use weir_core::{
    Algorithm, Digest, Doc, FormatError, Link, LinkSyntax, Release, Scheme, Segments, Timestamp,
};
use weir_format::Splice;
use weir_format::json::{Kind, Member, Object, Value, quote};

use crate::route;

/// The scripts that npm runs when it installs a package
/// (its documentation, "scripts", "npm install").
const INSTALL_SCRIPTS: [&str; 3] = ["preinstall", "install", "postinstall"];

/// One version of a package.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    /// The key in the packument; of a single document, its inner version.
    pub(crate) version: Cow<'a, str>,
    /// The whole manifest.
    pub(crate) value: Value<'a>,
    /// The file's name in our addresses; `None` where there is no file, or where it belongs to
    /// another version.
    pub(crate) file: Option<Box<str>>,
    /// The digest of the file.
    pub(crate) digest: Option<Digest>,
    /// Whether its author asks people not to use it any more, and the message.
    pub(crate) deprecated: Option<Cow<'a, str>>,
    /// Whether something runs on installation.
    pub(crate) install_scripts: bool,
    /// Why it cannot be judged.
    pub(crate) problem: Option<&'static str>,
    licence: Option<Cow<'a, str>>,
    publisher: Option<Cow<'a, str>>,
    provenance: bool,
    tarball: Option<Value<'a>>,
    attestations_url: Option<Value<'a>>,
}

impl<'a> Entry<'a> {
    /// A member of `versions`. What is wrong with it concerns it alone.
    pub(crate) fn listed(
        member: &Member<'a>,
        manifest: Result<&Object<'a>, FormatError>,
        name: &str,
    ) -> Self {
        let mut entry = Self::empty(member.key.clone(), member.value);
        if !weir_version::is_valid(Scheme::Npm, &entry.version) {
            entry.problem = Some("its version is none");
        }
        if manifest.and_then(|manifest| entry.fill(manifest, name)).is_err() {
            entry.problem = Some("a field of it stands there twice or is not what it should be");
        }
        entry
    }

    /// The document of a single version.
    pub(crate) fn single(source: &'a [u8], name: &str) -> Result<Self, FormatError> {
        let value = Value::parse(source)?;
        let manifest = value.loose_object()?;
        let version = manifest.sole("version")?.and_then(|version| version.text());
        let version = version.ok_or_else(|| FormatError::new("the document has no version"))?;
        let mut entry = Self::empty(version, value);
        entry.fill(&manifest, name)?;
        match entry.problem {
            Some(problem) => Err(FormatError::new(problem)),
            None => Ok(entry),
        }
    }

    fn empty(version: Cow<'a, str>, value: Value<'a>) -> Self {
        Self {
            version,
            value,
            file: None,
            digest: None,
            deprecated: None,
            install_scripts: false,
            problem: None,
            licence: None,
            publisher: None,
            provenance: false,
            tarball: None,
            attestations_url: None,
        }
    }

    fn fill(&mut self, manifest: &Object<'a>, name: &str) -> Result<(), FormatError> {
        self.check_identity(manifest, name)?;
        if let Some(dist) = manifest.sole("dist")?.filter(|dist| dist.kind() == Kind::Object) {
            self.fill_dist(&dist.loose_object()?, name)?;
        }
        self.deprecated = manifest.sole("deprecated")?.and_then(deprecation);
        self.licence = licence(manifest)?;
        self.publisher = publisher(manifest)?;
        self.install_scripts = has_install_scripts(manifest)?;
        Ok(())
    }

    /// Installers trust the inner name and version as much as the key.
    fn check_identity(&mut self, manifest: &Object<'a>, name: &str) -> Result<(), FormatError> {
        let inner = |key| Ok(manifest.sole(key)?.and_then(|value: Value<'a>| value.text()));
        if inner("name")?.is_some_and(|inner| inner != name) {
            self.problem = Some("its inner name is another package's");
        }
        let normal = |text: &str| weir_version::normalize(Scheme::Npm, text);
        match inner("version")? {
            None => self.problem = Some("it has no inner version"),
            Some(inner) if inner == self.version => {}
            Some(inner) if normal(&inner).is_some() && normal(&inner) == normal(&self.version) => {}
            Some(_) => self.problem = Some("its inner version contradicts its key"),
        }
        Ok(())
    }

    fn fill_dist(&mut self, dist: &Object<'a>, name: &str) -> Result<(), FormatError> {
        let text = |key| Ok(dist.sole(key)?.and_then(|value: Value<'a>| value.text()));
        let integrity = text("integrity")?.and_then(|sri| Digest::from_sri(&sri).ok());
        let shasum = text("shasum")?.and_then(|hex| Digest::from_hex(Algorithm::Sha1, &hex).ok());
        self.digest = integrity.or(shasum);
        self.tarball = dist.sole("tarball")?.filter(|value| value.kind() == Kind::String);
        if let Some(address) = self.tarball.and_then(|tarball| tarball.text()) {
            self.file = file_name(&address).or_else(|| usual_file(name, &self.version));
            if self.file.is_none() {
                self.problem = Some("its file has no usable name");
            }
        }
        let attestations = dist.sole("attestations")?.filter(|value| !value.is_null());
        self.provenance = attestations.is_some();
        if let Some(object) = attestations.filter(|value| value.kind() == Kind::Object) {
            self.attestations_url = object.loose_object()?.sole("url")?;
        }
        Ok(())
    }

    /// Whether the file has the name that registries give by rule.
    pub(crate) fn has_usual_file(&self, name: &str) -> bool {
        self.file.is_some() && self.file == usual_file(name, &self.version)
    }

    /// Leaves the file to another version, which has the better claim to its name.
    pub(crate) fn yield_file(&mut self) {
        self.file = None;
        self.problem = Some("its file is another version's");
    }

    /// The facts of this version.
    pub(crate) fn release<'r>(&'r self, name: &'r str, date: Option<Timestamp>) -> Release<'r> {
        Release {
            name: Cow::Borrowed(name),
            version: Cow::Borrowed(&self.version),
            file: self.file.as_deref().map(Cow::Borrowed),
            available: date,
            digest: self.digest.clone(),
            deprecated: self.deprecated.as_deref().map(Cow::Borrowed),
            licence: self.licence.as_deref().map(Cow::Borrowed),
            install_scripts: Some(self.install_scripts),
            provenance: self.provenance,
            publisher: self.publisher.as_deref().map(Cow::Borrowed),
            unreadable: self.problem,
            ..Release::default()
        }
    }

    /// Where upstream has the file. `doc` is the document that the entry was read from.
    pub(crate) fn link(&self, doc: &Doc) -> Result<Link, FormatError> {
        let tarball =
            self.tarball.ok_or_else(|| FormatError::new("a version has no dist.tarball"))?;
        doc.link(tarball.inner_span(), LinkSyntax::Json)
    }

    /// Points the links that clients follow at our mount.
    pub(crate) fn relink(
        &self,
        splice: &mut Splice<'a>,
        name: &str,
        link: impl Fn(&str) -> String,
    ) {
        if let (Some(tarball), Some(file)) = (self.tarball, &self.file) {
            splice.put(tarball.span(), quote(&link(&route::file_path(name, file))));
        }
        if let Some(url) = self.attestations_url {
            let path = route::attestations_path(name, &self.version);
            splice.put(url.span(), quote(&link(&path)));
        }
    }
}

/// The last part of an address, when it can be a file's name in ours.
fn file_name(address: &str) -> Option<Box<str>> {
    let last = address.split(['?', '#']).next()?.rsplit('/').next()?;
    let decoded = percent_decode_str(last).decode_utf8().ok()?;
    let packed = [".tgz", ".tar.gz"].iter().any(|end| decoded.to_ascii_lowercase().ends_with(end));
    (packed && is_segment(&decoded)).then(|| decoded.into())
}

/// `<name without scope>-<version>.tgz`
fn usual_file(name: &str, version: &str) -> Option<Box<str>> {
    let base = name.rsplit('/').next().unwrap_or(name);
    let file = format!("{base}-{version}.tgz");
    is_segment(&file).then(|| file.into())
}

/// Whether a request can name this file.
fn is_segment(file: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.+".contains(&b);
    (file.len() < 256 && file.bytes().all(plain))
        || (!file.contains('/') && Segments::parse(&route::segment(file)).is_ok())
}

/// A message, or the Boolean of old registries. An empty message takes a deprecation back.
fn deprecation(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value.kind() {
        Kind::String => value.text().filter(|text| !text.is_empty()),
        Kind::Bool => value.bool().filter(|set| *set).map(|_| Cow::Borrowed("")),
        _ => None,
    }
}

/// `"MIT"`, `{"type": "MIT"}`, and the list `licenses` of old packages.
fn licence<'a>(manifest: &Object<'a>) -> Result<Option<Cow<'a, str>>, FormatError> {
    let Some(value) = manifest.sole("license")?.or(manifest.sole("licenses")?) else {
        return Ok(None);
    };
    if value.kind() != Kind::Array {
        return licence_name(value);
    }
    let mut names = Vec::new();
    for element in value.array()?.elements() {
        names.extend(licence_name(*element)?);
    }
    Ok((!names.is_empty()).then(|| Cow::Owned(names.join(" OR "))))
}

fn licence_name(value: Value<'_>) -> Result<Option<Cow<'_, str>>, FormatError> {
    match value.kind() {
        Kind::Object => Ok(value.loose_object()?.sole("type")?.and_then(|name| name.text())),
        _ => Ok(value.text()),
    }
}

fn publisher<'a>(manifest: &Object<'a>) -> Result<Option<Cow<'a, str>>, FormatError> {
    match manifest.sole("_npmUser")?.filter(|user| user.kind() == Kind::Object) {
        Some(user) => Ok(user.loose_object()?.sole("name")?.and_then(|name| name.text())),
        None => Ok(None),
    }
}

fn has_install_scripts(manifest: &Object<'_>) -> Result<bool, FormatError> {
    let set = |key| Ok(manifest.sole(key)?.and_then(|value: Value<'_>| value.bool()) == Some(true));
    if set("hasInstallScript")? || set("gypfile")? {
        return Ok(true);
    }
    match manifest.sole("scripts")?.filter(|scripts| scripts.kind() == Kind::Object) {
        // However a name is spelled, and however often.
        Some(scripts) => {
            let scripts = scripts.loose_object()?;
            Ok(scripts.members().iter().any(|script| INSTALL_SCRIPTS.contains(&&*script.key)))
        }
        None => Ok(false),
    }
}

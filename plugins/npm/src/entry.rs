//! One version: a member of `versions` in a packument, or a document of its own.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use weir_core::{
    Algorithm, Digest, Doc, FormatError, Link, LinkSyntax, Release, Scheme, Segments, Timestamp,
};
use weir_format::Splice;
use weir_format::json::{Field, Kind, Member, Picked, Value, quote};

use crate::route;

/// What of a manifest is read.
pub(crate) const FIELDS: &[Field] = &[
    Field("name", &[]),
    Field("version", &[]),
    Field(
        "dist",
        &[
            Field("tarball", &[]),
            Field("integrity", &[]),
            Field("shasum", &[]),
            Field("attestations", &[Field("url", &[])]),
        ],
    ),
    Field("deprecated", &[]),
    Field("license", &[]),
    Field("licenses", &[]),
    Field("_npmUser", &[Field("name", &[])]),
    Field("hasInstallScript", &[]),
    Field("gypfile", &[]),
    Field("scripts", &[Field("preinstall", &[]), Field("install", &[]), Field("postinstall", &[])]),
];

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
        manifest: Result<&Picked<'a>, FormatError>,
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
        let manifest = value.pick(FIELDS)?;
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

    fn fill(&mut self, manifest: &Picked<'a>, name: &str) -> Result<(), FormatError> {
        self.check_identity(text(manifest, "name")?, text(manifest, "version")?, name);
        if let Some(dist) = manifest.within("dist")? {
            self.fill_dist(dist, name)?;
        }
        self.deprecated = manifest.sole("deprecated")?.and_then(deprecation);
        self.licence = licence(manifest)?;
        let user = manifest.within("_npmUser")?;
        self.publisher = user.map_or(Ok(None), |user| text(user, "name"))?;
        self.install_scripts = has_install_scripts(manifest)?;
        Ok(())
    }

    /// Installers trust the inner name and version as much as the key.
    fn check_identity(
        &mut self,
        inner_name: Option<Cow<'a, str>>,
        inner_version: Option<Cow<'a, str>>,
        name: &str,
    ) {
        if inner_name.is_some_and(|inner| inner != name) {
            self.problem = Some("its inner name is another package's");
        }
        let normal = |text: &str| weir_version::normalize(Scheme::Npm, text);
        match inner_version {
            None => self.problem = Some("it has no inner version"),
            Some(inner) if inner == self.version => {}
            Some(inner) if normal(&inner).is_some() && normal(&inner) == normal(&self.version) => {}
            Some(_) => self.problem = Some("its inner version contradicts its key"),
        }
    }

    fn fill_dist(&mut self, dist: &Picked<'a>, name: &str) -> Result<(), FormatError> {
        let (integrity, shasum) = (text(dist, "integrity")?, text(dist, "shasum")?);
        let sha1 = || Digest::from_hex(Algorithm::Sha1, &shasum?).ok();
        self.digest = integrity.and_then(|sri| Digest::from_sri(&sri).ok()).or_else(sha1);
        self.tarball = dist.sole("tarball")?.filter(|value| value.kind() == Kind::String);
        if let Some(address) = self.tarball.and_then(|tarball| tarball.text()) {
            self.file = file_name(&address).or_else(|| usual_file(name, &self.version));
            if self.file.is_none() {
                self.problem = Some("its file has no usable name");
            }
        }
        self.provenance = dist.sole("attestations")?.is_some_and(|value| !value.is_null());
        if let Some(attestations) = dist.within("attestations")? {
            self.attestations_url = attestations.sole("url")?;
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
    let packed = [".tgz", ".tar.gz"].iter().any(|end| {
        let start = decoded.len().checked_sub(end.len());
        start.is_some_and(|at| decoded.as_bytes()[at..].eq_ignore_ascii_case(end.as_bytes()))
    });
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

fn text<'a>(object: &Picked<'a>, key: &str) -> Result<Option<Cow<'a, str>>, FormatError> {
    Ok(object.sole(key)?.and_then(|value| value.text()))
}

/// `"MIT"`, `{"type": "MIT"}`, and the list `licenses` of old packages.
fn licence<'a>(manifest: &Picked<'a>) -> Result<Option<Cow<'a, str>>, FormatError> {
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

fn has_install_scripts(manifest: &Picked<'_>) -> Result<bool, FormatError> {
    let set = |key| Ok(manifest.sole(key)?.and_then(|value: Value<'_>| value.bool()) == Some(true));
    if set("hasInstallScript")? || set("gypfile")? {
        return Ok(true);
    }
    // However a name is spelled, and however often.
    let scripts = manifest.within("scripts")?;
    Ok(scripts.is_some_and(|scripts| INSTALL_SCRIPTS.iter().any(|script| scripts.has(script))))
}

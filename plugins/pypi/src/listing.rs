//! A project's listing, whichever form it came in.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

use weir_core::{Algorithm, Digest, Doc, Edit, Edits, FormatError, Job, Link, Release, Timestamp};

use yoke::{Yoke, Yokeable};

use crate::filename;
use crate::{simple_html, simple_json};

/// Digests by the names that the listing uses, as it spells them.
pub(crate) type Hashes<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// One file of a listing.
#[derive(Debug)]
pub(crate) struct File<'a> {
    /// The file's name.
    pub(crate) name: Cow<'a, str>,
    /// Where it is; `None` when the listing holds no usable address.
    pub(crate) link: Option<Link>,
    /// Its digests.
    pub(crate) hashes: Hashes<'a>,
    /// `Requires-Python`.
    pub(crate) requires_python: Option<Cow<'a, str>>,
    /// In bytes.
    pub(crate) size: Option<u64>,
    /// When it was uploaded, RFC 3339.
    pub(crate) uploaded: Option<Cow<'a, str>>,
    /// The reason, maybe empty, when it is yanked.
    pub(crate) yanked: Option<Cow<'a, str>>,
    /// The digests of the metadata beside it, maybe none, when it is announced.
    pub(crate) metadata: Option<Hashes<'a>>,
    /// Where its provenance is.
    pub(crate) provenance: Option<Linked>,
    /// Whether there is a signature beside it, when the listing says.
    pub(crate) signed: Option<bool>,
    /// The normal form of the version that it belongs to, or why it is withheld.
    pub(crate) version: Result<String, &'static str>,
}

/// A link and where it stands.
#[derive(Debug)]
pub(crate) struct Linked {
    pub(crate) link: Link,
    pub(crate) span: std::ops::Range<usize>,
}

/// What the listing says of the project as a whole, for the other form.
#[derive(Debug, Default)]
pub(crate) struct Status<'a> {
    /// PEP 792 status.
    pub(crate) word: Option<Cow<'a, str>>,
    /// And its reason.
    pub(crate) reason: Option<Cow<'a, str>>,
    /// The version of the repository API, `1.3`.
    pub(crate) api: Option<Cow<'a, str>>,
}

/// A listing with its document.
pub(crate) type Reading = Yoke<Listing<'static>, Arc<Doc>>;

/// A project's listing.
#[derive(Debug, Yokeable)]
pub(crate) struct Listing<'a> {
    /// The files, in the order of the document.
    pub(crate) files: Vec<File<'a>>,
    /// What it says of the project.
    pub(crate) status: Status<'a>,
    form: Form<'a>,
}

#[derive(Debug)]
enum Form<'a> {
    Json(simple_json::Document<'a>),
    Html(simple_html::Document<'a>),
}

/// Whether a document is JSON; what it is labelled as says nothing.
pub(crate) fn is_json(doc: &Doc) -> Result<bool, FormatError> {
    let bytes = doc.bytes();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    match bytes.first() {
        Some(b'{') => Ok(true),
        Some(b'<') => Ok(false),
        _ => Err(FormatError::new("the listing is neither JSON nor HTML")),
    }
}

impl<'a> Listing<'a> {
    /// The listing of a project (normal name), read once for all that is done with its document.
    pub(crate) fn of(doc: &Doc, project: &str) -> Result<Arc<Reading>, FormatError> {
        doc.memo(project, |doc| Yoke::try_attach_to_cart(doc, |doc| Listing::read(doc, project)))
    }

    fn read(doc: &'a Doc, project: &str) -> Result<Self, FormatError> {
        let (mut files, status, form) = if is_json(doc)? {
            let (document, files, status) = simple_json::read(doc, project)?;
            (files, status, Form::Json(document))
        } else {
            let (document, files, status) = simple_html::read(doc)?;
            (files, status, Form::Html(document))
        };
        attribute(&mut files, project);
        let lists_none = files.iter().all(|file| file.version.is_err());
        if let (Form::Html(page), true) = (&form, lists_none) {
            page.must_be_a_list(&status)?;
        }
        Ok(Self { files, status, form })
    }
}

/// A listing on its way out.
pub(crate) struct Page<'p> {
    pub(crate) listing: &'p Listing<'p>,
    pub(crate) job: Job<'p>,
    pub(crate) project: &'p str,
    pub(crate) edits: &'p Edits,
}

impl<'p> Page<'p> {
    /// Writes the listing in one of the two forms: the source edited where it has this form.
    pub(crate) fn write(&self, json: bool, out: &mut dyn io::Write) -> Result<(), FormatError> {
        let written = match (&self.listing.form, json) {
            (Form::Json(document), true) => document.edit(self, out),
            (Form::Html(document), false) => document.edit(self, out),
            (_, true) => simple_json::generate(self, out),
            (_, false) => simple_html::generate(self, out),
        };
        written.map_err(|error| FormatError::new(format!("not written: {error}")))
    }

    /// Whether a file stays. What cannot be judged never does.
    pub(crate) fn keeps(&self, ordinal: usize) -> bool {
        self.edits.keeps(ordinal) && self.listing.files[ordinal].version.is_ok()
    }

    /// The sentence that marks a file.
    pub(crate) fn mark(&self, ordinal: usize) -> Option<&'p str> {
        match self.edits.get(ordinal) {
            Edit::Mark(sentence) => Some(sentence),
            _ => None,
        }
    }

    /// The files that stay, with their ordinals.
    pub(crate) fn kept(&self) -> impl Iterator<Item = (usize, &'p File<'p>)> {
        let all = self.listing.files.iter().enumerate();
        all.filter(|(ordinal, _)| self.keeps(*ordinal))
    }

    /// Why a file is to be avoided, by the mark or by upstream.
    pub(crate) fn yanked(&self, ordinal: usize) -> Option<&'p str> {
        self.mark(ordinal).or(self.listing.files[ordinal].yanked.as_deref())
    }

    /// Our address of a file.
    pub(crate) fn link(&self, file: &File<'_>) -> String {
        self.job.link(&crate::route::file(self.project, &file.name))
    }

    /// The versions of which files stay, in the order of the document.
    pub(crate) fn versions(&self) -> Vec<&'p str> {
        let mut seen = HashSet::new();
        let versions = self.kept().filter_map(|(_, file)| file.version.as_deref().ok());
        versions.filter(|version| seen.insert(filename::key(version))).collect()
    }

    /// The keys of the versions that lost all their files.
    pub(crate) fn lost(&self) -> HashSet<String> {
        let mut stays: HashMap<&str, bool> = HashMap::new();
        for (ordinal, file) in self.listing.files.iter().enumerate() {
            if let Ok(version) = &file.version {
                *stays.entry(version).or_default() |= self.keeps(ordinal);
            }
        }
        let keys = |stay: bool| {
            let chosen = stays.iter().filter(move |(_, stays)| **stays == stay);
            chosen.map(|(version, _)| filename::key(version))
        };
        let kept: HashSet<String> = keys(true).collect();
        keys(false).filter(|key| !kept.contains(key)).collect()
    }
}

impl File<'_> {
    /// A file that cannot be judged.
    pub(crate) fn odd(reason: &'static str) -> Self {
        Self { version: Err(reason), ..Self::default() }
    }

    /// The digest to hold the bytes against.
    pub(crate) fn digest(&self) -> Option<Digest> {
        strongest(&self.hashes)
    }

    /// What the listing says of the file.
    pub(crate) fn release<'r>(&'r self, project: &'r str) -> Release<'r> {
        Release {
            name: project.into(),
            version: self.version.as_deref().unwrap_or_default().into(),
            file: (!self.name.is_empty()).then(|| (*self.name).into()),
            available: self.uploaded.as_deref().and_then(Timestamp::parse_rfc3339),
            digest: self.digest(),
            size: self.size,
            yanked: self.yanked.as_deref().map(Cow::from),
            provenance: self.provenance.is_some(),
            unreadable: self.version.as_ref().err().copied(),
            ..Release::default()
        }
    }
}

impl Default for File<'_> {
    fn default() -> Self {
        Self {
            name: Cow::default(),
            link: None,
            hashes: Vec::new(),
            requires_python: None,
            size: None,
            uploaded: None,
            yanked: None,
            metadata: None,
            provenance: None,
            signed: None,
            version: Ok(String::new()),
        }
    }
}

/// The strongest digest of a list. PyPI names further algorithms (`blake2b_256`); those that are
/// not known here are passed over.
pub(crate) fn strongest(hashes: &Hashes<'_>) -> Option<Digest> {
    hashes.iter().filter_map(|(name, hex)| parse(name, hex)?.ok()).max_by_key(Digest::algorithm)
}

fn parse(name: &str, hex: &str) -> Option<Result<Digest, weir_core::DigestError>> {
    Algorithm::from_name(name).map(|algorithm| Digest::from_hex(algorithm, hex))
}

/// Finds the version of each file, and those that cannot be judged.
fn attribute(files: &mut [File<'_>], project: &str) {
    let mut seen: HashSet<String> = HashSet::with_capacity(files.len());
    for file in files.iter_mut().filter(|file| file.version.is_ok()) {
        file.version = version_of(file, project);
        if file.version.is_ok() && !seen.insert(file.name.to_string()) {
            file.version = Err("the listing names this file twice");
        }
    }
}

fn version_of(file: &File<'_>, project: &str) -> Result<String, &'static str> {
    let version = filename::version(project, &file.name)?;
    let link = file.link.as_ref().ok_or("the file has no usable address")?;
    // An address that names a file of another version would bring bytes that nobody judged.
    let addressed = link.file_name().filter(|name| *name != file.name);
    if addressed
        .and_then(|name| filename::version(project, &name).ok())
        .is_some_and(|v| v != version)
    {
        return Err("the file's address names another version");
    }
    let hashes = file.hashes.iter().chain(file.metadata.iter().flatten());
    if hashes.filter_map(|(name, hex)| parse(name, hex)).any(|digest| digest.is_err()) {
        return Err("a digest is none");
    }
    Ok(version)
}

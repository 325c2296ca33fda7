//! Lists of tags and of referrers.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;

use weir_core::{
    Coordinates, Edits, Fetch, FormatError, Head, Job, Known, Listed, Name, Need, Place, Release,
    View,
};
use weir_format::Splice;
use weir_format::json::{Array, Object};

use crate::manifest::{Descriptor, INDEX};
use crate::{fetches, paths};

/// The list of tags, and what the tags are known to name.
pub(crate) fn tags_needs(name: &Name, view: &View) -> [Need; 2] {
    [Need::Fetch(fetches::tags(name, &view.arg)), known(name)]
}

fn known(name: &Name) -> Need {
    Need::Known(Known::Package(name.clone()))
}

/// A list of tags, taken apart.
struct Tags<'a> {
    root: Object<'a>,
    /// `None` where the registry writes `null`.
    tags: Option<Array<'a>>,
}

impl<'a> Tags<'a> {
    fn read(job: &Job<'a>, name: &Name, view: &View) -> Result<Self, FormatError> {
        let root = Object::parse(job.doc(&fetches::tags(name, &view.arg))?.bytes())?;
        let tags = root.get("tags").filter(|tags| !tags.is_null());
        let tags = tags.map(|tags| tags.array()).transpose()?;
        Ok(Self { root, tags })
    }
}

/// Each tag as a release, with the digest that it was last seen to name.
pub(crate) fn read_tags(
    job: &Job<'_>,
    (name, view): (&Name, &View),
    each: &mut dyn FnMut(Release<'_>),
) -> Result<(), FormatError> {
    let found = Tags::read(job, name, view)?;
    let steps = fetches::steps(job, &known(name));
    let mut current: HashMap<&str, &Listed> = HashMap::new();
    for step in steps.iter().rev() {
        // Newest record first: the last one that is put in is the newest.
        current.insert(step.release.version.as_str(), step);
    }
    for tag in found.tags.iter().flat_map(Array::elements) {
        let text = tag.text().filter(|text| paths::is_tag(text));
        let step = text.as_deref().and_then(|text| current.get(text));
        each(Release {
            name: name.as_str().into(),
            unreadable: text.is_none().then_some("its name is no tag"),
            version: text.unwrap_or_default(),
            chain: step.map(|step| Cow::Owned(step.file.to_string())).into_iter().collect(),
            authored: step.and_then(|step| step.published),
            ..Release::default()
        });
    }
    Ok(())
}

pub(crate) fn write_tags(
    job: &Job<'_>,
    (name, view): (&Name, &View),
    edits: &Edits,
    out: &mut dyn io::Write,
) -> Result<Head, FormatError> {
    let doc = job.doc(&fetches::tags(name, &view.arg))?;
    let found = Tags::read(job, name, view)?;
    let mut splice = Splice::new(doc.bytes());
    let none = view.arg.split('&').any(|part| part == "n=0");
    match &found.tags {
        Some(tags) => drop(tags.retain(&mut splice, |ordinal| !none && edits.keeps(ordinal))),
        None if found.root.get("tags").is_some() => {}
        None => found.root.insert(&mut splice, &[("tags", "[]")], found.root.members().len()),
    }
    splice.write(out).map_err(|_| FormatError::new("the tags could not be written"))?;
    let mut head = Head::new("application/json");
    let next = doc.header("link").filter(|_| !none).and_then(paths::next_page);
    head.headers.extend(next.map(|query| link(job, &format!("{name}/tags/list"), &query)));
    Ok(head)
}

/// A `Link` to the next page, below this gateway's own path.
fn link(job: &Job<'_>, path: &str, query: &str) -> (&'static str, String) {
    let below = job.cx.base.split_once("://").map_or(&*job.cx.base, |(_, rest)| rest);
    let mount = below.find('/').map_or("", |at| &below[at..]);
    ("link", format!("<{mount}/{path}?{query}>; rel=\"next\""))
}

/// What a request for referrers asks for: the subject, the filter, and the query of its page.
pub(crate) struct Question<'v> {
    pub(crate) subject: &'v str,
    filter: Option<String>,
    pub(crate) page: String,
}

impl<'v> Question<'v> {
    pub(crate) fn of(view: &'v View) -> Self {
        let (subject, query) = view.arg.split_once('?').unwrap_or((&view.arg, ""));
        let key = format!("{}=", paths::ARTIFACT_TYPE);
        let (filters, page): (Vec<&str>, Vec<&str>) =
            query.split('&').partition(|part| part.starts_with(&key));
        let filter = filters.first().and_then(|part| {
            let value = part.strip_prefix(&key)?;
            percent_encoding::percent_decode_str(value).decode_utf8().ok().map(String::from)
        });
        Self { subject, filter, page: page.join("&") }
    }

    /// The list itself, and the tag under which clients keep it where registries do not (OCI
    /// Distribution Specification, "Referrers Tag Schema").
    pub(crate) fn fetches(&self, name: &Name) -> (Fetch, Fetch) {
        let path = format!("v2/{name}/referrers/{}", self.subject);
        let get = |path: String| Fetch::from(Place::primary(path)).accept(INDEX).optional();
        let (algorithm, hex) = self.subject.split_once(':').unwrap_or((self.subject, ""));
        let tag = format!("{algorithm}-{}", hex.get(..64).unwrap_or(hex));
        (get(paths::joined(&path, &self.page)), get(format!("v2/{name}/manifests/{tag}")))
    }

    fn keeps(&self, kind: Option<&str>) -> bool {
        self.filter.as_deref().is_none_or(|filter| kind == Some(filter))
    }
}

/// The list of referrers, wherever it was found; `None` when there is none.
fn referrers<'a>(
    job: &Job<'a>,
    name: &Name,
    question: &Question<'_>,
) -> Option<&'a weir_core::Doc> {
    let (list, tag) = question.fetches(name);
    job.docs.doc(&list).or_else(|| job.docs.doc(&tag))
}

fn entries(doc: &weir_core::Doc) -> Result<Array<'_>, FormatError> {
    let root = Object::parse(doc.bytes())?;
    let manifests = root.get("manifests");
    manifests.ok_or_else(|| FormatError::new("a list of referrers without manifests"))?.array()
}

/// The kind of a referrer: what it says of itself.
fn kind<'a>(entry: &weir_format::json::Value<'a>) -> Option<Cow<'a, str>> {
    entry.object().ok()?.text("artifactType")
}

pub(crate) fn read_referrers(
    job: &Job<'_>,
    (name, view): (&Name, &View),
    each: &mut dyn FnMut(Release<'_>),
) -> Result<(), FormatError> {
    let question = Question::of(view);
    let Some(doc) = referrers(job, name, &question) else { return Ok(()) };
    for entry in entries(doc)?.elements() {
        let descriptor = Descriptor::read(entry)?;
        if !question.keeps(kind(entry).as_deref()) {
            continue;
        }
        let digest = descriptor.digest.as_ref().map(ToString::to_string);
        let release = Coordinates::new(name.as_str(), digest.clone().unwrap_or_default());
        each(Release {
            name: name.as_str().into(),
            version: release.version.as_str().into(),
            unreadable: digest.is_none().then_some("its digest is none"),
            authored: descriptor.created,
            ..Release::default()
        });
    }
    Ok(())
}

pub(crate) fn write_referrers(
    job: &Job<'_>,
    (name, view): (&Name, &View),
    edits: &Edits,
    out: &mut dyn io::Write,
) -> Result<Head, FormatError> {
    let question = Question::of(view);
    let failed = |_| FormatError::new("the referrers could not be written");
    let mut head = Head::new(INDEX);
    match referrers(job, name, &question) {
        None => {
            let empty =
                format!("{{\"schemaVersion\":2,\"mediaType\":\"{INDEX}\",\"manifests\":[]}}");
            out.write_all(empty.as_bytes()).map_err(failed)?;
        }
        Some(doc) => {
            let array = entries(doc)?;
            let mut splice = Splice::new(doc.bytes());
            let mut ordinal = 0;
            let mut keep = Vec::new();
            for entry in array.elements() {
                let asked = question.keeps(kind(entry).as_deref());
                keep.push(asked && edits.keeps(ordinal));
                ordinal += usize::from(asked);
            }
            array.retain(&mut splice, |entry| keep.get(entry) == Some(&true));
            splice.write(out).map_err(failed)?;
            let next =
                doc.header("link").and_then(paths::next_page).map(|page| question.next(&page));
            let path = format!("{name}/referrers/{}", question.subject);
            head.headers.extend(next.map(|query| link(job, &path, &query)));
        }
    }
    if question.filter.is_some() {
        head.headers.push(("oci-filters-applied", paths::ARTIFACT_TYPE.to_owned()));
    }
    Ok(head)
}

impl Question<'_> {
    fn next(&self, page: &str) -> String {
        match &self.filter {
            Some(filter) => {
                let value = percent_encoding::utf8_percent_encode(filter, paths::VALUE);
                format!("{}={value}&{page}", paths::ARTIFACT_TYPE)
            }
            None => page.to_owned(),
        }
    }
}

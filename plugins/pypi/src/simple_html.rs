//! The HTML form of a project (PEP 503, 592, 658, 714, 740, 792).

use std::borrow::Cow;
use std::io;

use weir_core::{Algorithm, Doc, FormatError, Link, LinkSyntax};
use weir_format::Splice;
use weir_format::html::{self, Anchor, Tag};

use crate::listing::{File, Hashes, Linked, Page, Status};
use crate::route::PROVENANCE;

/// A document with what its edits need.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    source: &'a str,
    /// The anchors with an address, one for each file.
    anchors: Vec<Anchor<'a>>,
    bases: Vec<Tag<'a>>,
}

/// What servers write on a list, in lower case: PyPI and most others, Artifactory, and those that show
/// folders.
const HEADINGS: [&str; 4] = ["links for", "simple index", "index of", "directory listing"];

type Reading<'a> = (Document<'a>, Vec<File<'a>>, Status<'a>);

/// Reads a page.
pub(crate) fn read(doc: &Doc) -> Result<Reading<'_>, FormatError> {
    let source = doc.text()?;
    let html::Page { mut anchors, bases, metas } = html::Page::parse(source)?;
    anchors.retain(|anchor| anchor.attribute("href").is_some());
    let base = bases.iter().find(|base| base.attribute("href").is_some());
    let files = anchors.iter().map(|anchor| file(doc, base, anchor)).collect();
    let status = Status {
        word: meta(&metas, "pypi:project-status"),
        reason: meta(&metas, "pypi:project-status-reason"),
        api: meta(&metas, "pypi:repository-version"),
    };
    Ok((Document { source, anchors, bases }, files, status))
}

fn meta<'a>(metas: &[Tag<'a>], name: &str) -> Option<Cow<'a, str>> {
    metas.iter().find(|tag| tag.text("name").as_deref() == Some(name))?.text("content")
}

fn file<'a>(doc: &Doc, base: Option<&Tag<'a>>, anchor: &Anchor<'a>) -> File<'a> {
    if anchor.tag.has_duplicates() {
        return File::odd("an attribute stands there twice");
    }
    let Some(link) = address(doc, base, anchor) else {
        return File::odd("the file has no usable address");
    };
    let Some(name) = link.file_name() else { return File::odd("the address names no file") };
    let hashes = fragment(&link);
    let metadata = ["data-core-metadata", "data-dist-info-metadata"];
    File {
        name: name.into(),
        hashes,
        link: Some(link),
        requires_python: anchor.text("data-requires-python").filter(|text| !text.is_empty()),
        size: None,
        uploaded: anchor.text("data-upload-time"),
        yanked: anchor.text("data-yanked"),
        metadata: metadata.iter().find_map(|name| announced(&anchor.text(name)?)),
        provenance: provenance(doc, anchor),
        signed: anchor.text("data-gpg-sig").and_then(|text| text.parse().ok()),
        version: Ok(String::new()),
    }
}

/// The address of an anchor, with the page's `<base>` where it has one.
fn address(doc: &Doc, base: Option<&Tag<'_>>, anchor: &Anchor<'_>) -> Option<Link> {
    let link = doc.link(anchor.attribute("href")?.span.clone(), LinkSyntax::Html).ok()?;
    let text = link.as_str();
    let Some(base) = base.filter(|_| !is_absolute(text)) else { return Some(link) };
    let span = base.attribute("href")?.span.clone();
    // Only a folder and what lies below it can be joined without an address of our own making.
    let folder = doc.link(span.clone(), LinkSyntax::Html).ok()?;
    let joins = folder.as_str().ends_with('/') && !folder.as_str().contains(['?', '#']);
    if !joins || text.starts_with(['/', '?', '#']) {
        return None;
    }
    doc.template(span, LinkSyntax::Html, &[], text).ok()
}

fn is_absolute(text: &str) -> bool {
    let head = text.split(['/', '?', '#']).next().unwrap_or_default();
    text.starts_with("//") || head.contains(':')
}

/// The digests in the fragment of an address.
fn fragment(link: &Link) -> Hashes<'static> {
    let Some((_, fragment)) = link.as_str().split_once('#') else { return Vec::new() };
    let pairs = fragment.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(name, _)| Algorithm::from_name(name).is_some())
        .map(|(name, hex)| (name.to_owned().into(), hex.to_owned().into()))
        .collect()
}

/// `data-core-metadata` is `true` or `sha256=…`; anything else announces nothing.
fn announced(value: &str) -> Option<Hashes<'static>> {
    match value.split_once('=') {
        Some((name, hex)) => Some(vec![(name.to_owned().into(), hex.to_owned().into())]),
        None => value.eq_ignore_ascii_case("true").then(Vec::new),
    }
}

fn provenance(doc: &Doc, anchor: &Anchor<'_>) -> Option<Linked> {
    let attribute = anchor.attribute("data-provenance").filter(|a| !a.raw.trim().is_empty())?;
    let link = doc.link(attribute.span.clone(), LinkSyntax::Html).ok()?;
    Some(Linked { link, span: attribute.span.clone() })
}

impl Document<'_> {
    /// Refuses a page without a file that does not look like a list. PEP 503 asks for nothing but
    /// anchors, so that the page of a captive portal would be an empty list.
    pub(crate) fn must_be_a_list(&self, status: &Status<'_>) -> Result<(), FormatError> {
        let text = self.source.to_ascii_lowercase();
        let says = status.api.is_some() || HEADINGS.iter().any(|heading| text.contains(heading));
        let error = || FormatError::new("it names no file and does not say that it is a list");
        (says || !html::has_text(&text)).then_some(()).ok_or_else(error)
    }

    /// Writes the page with the edits.
    pub(crate) fn edit(&self, page: &Page<'_>, out: &mut dyn io::Write) -> io::Result<()> {
        let mut splice = Splice::new(self.source.as_bytes());
        for base in self.bases.iter().filter_map(|base| base.attribute("href")) {
            let ours = page.job.link(&format!("simple/{}/", page.project));
            splice.put(base.span.clone(), base.replacement(&ours));
        }
        for (ordinal, (anchor, file)) in self.anchors.iter().zip(&page.listing.files).enumerate() {
            if page.keeps(ordinal) {
                keep(&mut splice, page, (ordinal, anchor, file));
            } else {
                splice.cut(anchor.entry(self.source));
            }
        }
        splice.write(out)
    }
}

/// Edits the anchor of a file that stays.
fn keep(
    splice: &mut Splice<'_>,
    page: &Page<'_>,
    (ordinal, anchor, file): (usize, &Anchor<'_>, &File<'_>),
) {
    if let Some(href) = anchor.attribute("href") {
        splice.put(href.span.clone(), href.replacement(&href_of(page, file)));
    }
    let ours = file.provenance.is_some().then(|| anchor.attribute("data-provenance")).flatten();
    if let Some(attribute) = ours {
        let link = format!("{}{PROVENANCE}", page.link(file));
        splice.put(attribute.span.clone(), attribute.replacement(&link));
    }
    let Some(sentence) = page.mark(ordinal) else { return };
    if let Some(yanked) = anchor.attribute("data-yanked") {
        splice.put(yanked.span.clone(), yanked.replacement(sentence));
    } else {
        let attribute = format!(" data-yanked=\"{}\"", html::escape(sentence));
        splice.insert(anchor.tag.insertion(), attribute);
    }
}

/// Our address with the digest that clients verify.
fn href_of(page: &Page<'_>, file: &File<'_>) -> String {
    match crate::listing::strongest(&file.hashes) {
        Some(digest) => {
            format!("{}#{}={}", page.link(file), digest.algorithm().name(), digest.hex())
        }
        None => page.link(file),
    }
}

/// Writes a page from the facts of a JSON document.
pub(crate) fn generate(page: &Page<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let project = html::escape(page.project);
    let status = &page.listing.status;
    let api = status.api.as_deref().filter(|api| is_api_version(api)).unwrap_or("1.0");
    writeln!(out, "<!DOCTYPE html>\n<html>\n<head>")?;
    for (name, value) in [
        ("repository-version", Some(api)),
        ("project-status", status.word.as_deref()),
        ("project-status-reason", status.reason.as_deref()),
    ] {
        if let Some(value) = value {
            writeln!(out, "<meta name=\"pypi:{name}\" content=\"{}\">", html::escape(value))?;
        }
    }
    writeln!(out, "<title>Links for {project}</title>\n</head>\n<body>")?;
    writeln!(out, "<h1>Links for {project}</h1>")?;
    for (ordinal, file) in page.kept() {
        generate_anchor(page, ordinal, file, out)?;
    }
    writeln!(out, "</body>\n</html>")
}

fn is_api_version(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.split_once('.').is_some_and(|(major, minor)| digits(major) && digits(minor))
}

fn generate_anchor(
    page: &Page<'_>,
    ordinal: usize,
    file: &File<'_>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let attribute = |name: &str, value: &str| format!(" {name}=\"{}\"", html::escape(value));
    let mut tag = attribute("href", &href_of(page, file));
    if let Some(requires) = &file.requires_python {
        tag.push_str(&attribute("data-requires-python", requires));
    }
    if let Some(reason) = page.yanked(ordinal) {
        tag.push_str(&attribute("data-yanked", reason));
    }
    if let Some(hashes) = &file.metadata {
        let digest = crate::listing::strongest(hashes);
        let value = digest.map(|d| format!("{}={}", d.algorithm().name(), d.hex()));
        let value = value.as_deref().unwrap_or("true");
        tag.push_str(&attribute("data-core-metadata", value));
        tag.push_str(&attribute("data-dist-info-metadata", value));
    }
    if let Some(signed) = file.signed {
        tag.push_str(&attribute("data-gpg-sig", if signed { "true" } else { "false" }));
    }
    if file.provenance.is_some() {
        let ours = format!("{}{PROVENANCE}", page.link(file));
        tag.push_str(&attribute("data-provenance", &ours));
    }
    if let Some(uploaded) = &file.uploaded {
        tag.push_str(&attribute("data-upload-time", uploaded));
    }
    writeln!(out, "<a{tag}>{}</a><br>", html::escape(&file.name))
}

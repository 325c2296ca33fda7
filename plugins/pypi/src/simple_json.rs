//! The JSON form of a project (PEP 691, 700, 714, 740, 792).

use std::io;
use std::ops::Range;

use weir_core::{Doc, FormatError, LinkSyntax};
use weir_format::Splice;
use weir_format::json::{Array, Kind, Object, Value, quote};

use crate::filename;
use crate::listing::{File, Hashes, Linked, Page, Status};
use crate::name;

/// A document with what its edits need.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    source: &'a [u8],
    files: Array<'a>,
    versions: Option<Array<'a>>,
    /// The spans of the files' parts; `None` for those that cannot be read.
    parts: Vec<Option<Parts<'a>>>,
}

#[derive(Debug)]
struct Parts<'a> {
    object: Object<'a>,
    url: Range<usize>,
    yanked: Option<Range<usize>>,
}

type Reading<'a> = (Document<'a>, Vec<File<'a>>, Status<'a>);

/// Reads the document of a project (normal name).
pub(crate) fn read<'a>(doc: &'a Doc, project: &str) -> Result<Reading<'a>, FormatError> {
    let root = Object::parse(doc.bytes())?;
    if let Some(name) = root.text("name").filter(|n| name::normalize(n).as_deref() != Some(project))
    {
        let name: String = name.chars().take(80).collect();
        return Err(FormatError::new(format!("the listing is of {name:?}, not of {project}")));
    }
    let files = root.get("files").ok_or_else(|| FormatError::new("the listing has no files"))?;
    let files = files.array()?;
    let versions = root.get("versions").filter(|v| !v.is_null()).map(|v| v.array()).transpose()?;
    let (parts, read) = files.elements().iter().map(|value| file(doc, value)).unzip();
    let document = Document { source: doc.bytes(), files, versions, parts };
    Ok((document, read, status(&root)?))
}

fn status<'a>(root: &Object<'a>) -> Result<Status<'a>, FormatError> {
    let meta = object_at(root, "meta")?;
    let status = object_at(root, "project-status")?;
    let text = |object: &Option<Object<'a>>, key| object.as_ref()?.text(key);
    Ok(Status {
        word: text(&status, "status"),
        reason: text(&status, "reason"),
        api: text(&meta, "api-version"),
    })
}

fn object_at<'a>(root: &Object<'a>, key: &str) -> Result<Option<Object<'a>>, FormatError> {
    root.get(key).filter(|v| v.kind() == Kind::Object).map(|v| v.loose_object()).transpose()
}

/// Reads an entry; one that cannot be read is odd, and does not spoil the others.
fn file<'a>(doc: &Doc, value: &Value<'a>) -> (Option<Parts<'a>>, File<'a>) {
    match read_file(doc, value) {
        Ok((parts, file)) => (Some(parts), file),
        Err(_) => (None, File::odd("the file's entry cannot be read")),
    }
}

fn read_file<'a>(doc: &Doc, value: &Value<'a>) -> Result<(Parts<'a>, File<'a>), FormatError> {
    let missing = || FormatError::new("an entry without name or address");
    let object = value.loose_object()?;
    let name = object.sole("filename")?.and_then(|v| v.text()).ok_or_else(missing)?;
    let url = object.sole("url")?.ok_or_else(missing)?;
    let yanked = object.sole("yanked")?;
    let provenance = object.sole("provenance")?.filter(|v| v.kind() == Kind::String);
    let text = |key| Ok::<_, FormatError>(object.sole(key)?.and_then(|v| v.text()));
    let file = File {
        name,
        link: doc.link(url.inner_span(), LinkSyntax::Json).ok(),
        hashes: hashes(object.sole("hashes")?)?.unwrap_or_default(),
        requires_python: text("requires-python")?,
        size: object.sole("size")?.and_then(|v| v.u64()),
        uploaded: text("upload-time")?,
        yanked: yanked.and_then(reason),
        metadata: metadata(&object)?,
        provenance: provenance.and_then(|v| {
            let link = doc.link(v.inner_span(), LinkSyntax::Json).ok()?;
            Some(Linked { link, span: v.span() })
        }),
        signed: object.sole("gpg-sig")?.and_then(|v| v.bool()),
        version: Ok(String::new()),
    };
    let parts = Parts { object, url: url.span(), yanked: yanked.map(|v| v.span()) };
    Ok((parts, file))
}

/// `yanked` is a Boolean or a reason; an empty reason is none, as clients read it.
fn reason(value: Value<'_>) -> Option<std::borrow::Cow<'_, str>> {
    match value.kind() {
        Kind::String => value.text().filter(|text| !text.is_empty()),
        _ => (value.bool() == Some(true)).then(Default::default),
    }
}

/// PEP 714: the new key counts before the old one and before the one that PyPI wrote by mistake.
fn metadata<'a>(object: &Object<'a>) -> Result<Option<Hashes<'a>>, FormatError> {
    for key in ["core-metadata", "dist-info-metadata", "data-dist-info-metadata"] {
        match object.sole(key)? {
            Some(value) if value.kind() == Kind::Object => return hashes(Some(value)),
            Some(value) if value.bool() == Some(true) => return Ok(Some(Vec::new())),
            Some(value) if value.bool() == Some(false) => return Ok(None),
            _ => {}
        }
    }
    Ok(None)
}

/// The members of an object of digests; `None` for what is none.
pub(crate) fn hashes(value: Option<Value<'_>>) -> Result<Option<Hashes<'_>>, FormatError> {
    let Some(value) = value.filter(|v| v.kind() == Kind::Object) else { return Ok(None) };
    let object = value.object()?;
    let pairs = object.members().iter();
    Ok(Some(pairs.filter_map(|m| Some((m.key.clone(), m.value.text()?))).collect()))
}

impl Document<'_> {
    /// Writes the document with the page's edits.
    pub(crate) fn edit(&self, page: &Page<'_>, out: &mut dyn io::Write) -> io::Result<()> {
        let mut splice = Splice::new(self.source);
        for (ordinal, file) in page.kept() {
            let Some(parts) = self.parts.get(ordinal).and_then(Option::as_ref) else { continue };
            splice.put(parts.url.clone(), quote(&page.link(file)));
            if let Some(provenance) = &file.provenance {
                let ours = format!("{}{}", page.link(file), crate::route::PROVENANCE);
                splice.put(provenance.span.clone(), quote(&ours));
            }
            if let Some(sentence) = page.mark(ordinal) {
                let value = if sentence.is_empty() { "true".into() } else { quote(sentence) };
                if let Some(span) = &parts.yanked {
                    splice.put(span.clone(), value);
                } else {
                    let others = parts.object.members().len();
                    parts.object.insert(&mut splice, &[("yanked", &value)], others);
                }
            }
        }
        self.files.retain(&mut splice, |ordinal| page.keeps(ordinal));
        if let Some(versions) = &self.versions {
            let lost = page.lost();
            versions.retain(&mut splice, |ordinal| {
                let version = versions.elements()[ordinal].text();
                let key = version.and_then(|v| filename::normal(&v)).map(|v| filename::key(&v));
                !key.is_some_and(|key| lost.contains(&key))
            });
        }
        splice.write(out)
    }
}

/// Writes a document from the facts of an HTML page. Without sizes it can only be of version 1.0
/// of the API; what later versions added and the page has, goes along.
pub(crate) fn generate(page: &Page<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    write!(out, "{{\"meta\":{{\"api-version\":\"1.0\"}},\"name\":{}", quote(page.project))?;
    let status = &page.listing.status;
    if let Some(word) = &status.word {
        write!(out, ",\"project-status\":{{\"status\":{}", quote(word))?;
        if let Some(reason) = &status.reason {
            write!(out, ",\"reason\":{}", quote(reason))?;
        }
        out.write_all(b"}")?;
    }
    let versions: Vec<String> = page.versions().into_iter().map(quote).collect();
    write!(out, ",\"versions\":[{}],\"files\":[", versions.join(","))?;
    for (position, (ordinal, file)) in page.kept().enumerate() {
        out.write_all(if position == 0 { b"" } else { b"," })?;
        generate_file(page, ordinal, file, out)?;
    }
    out.write_all(b"]}")
}

fn generate_file(
    page: &Page<'_>,
    ordinal: usize,
    file: &File<'_>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let link = page.link(file);
    write!(out, "{{\"filename\":{},\"url\":{}", quote(&file.name), quote(&link))?;
    write!(out, ",\"hashes\":{}", digests(&file.hashes))?;
    if let Some(requires) = &file.requires_python {
        write!(out, ",\"requires-python\":{}", quote(requires))?;
    }
    if let Some(size) = file.size {
        write!(out, ",\"size\":{size}")?;
    }
    if let Some(uploaded) = &file.uploaded {
        write!(out, ",\"upload-time\":{}", quote(uploaded))?;
    }
    match page.yanked(ordinal) {
        None => out.write_all(b",\"yanked\":false")?,
        Some("") => out.write_all(b",\"yanked\":true")?,
        Some(reason) => write!(out, ",\"yanked\":{}", quote(reason))?,
    }
    match &file.metadata {
        None => {}
        Some(hashes) if hashes.is_empty() => out.write_all(b",\"core-metadata\":true")?,
        Some(hashes) => write!(out, ",\"core-metadata\":{}", digests(hashes))?,
    }
    if let Some(signed) = file.signed {
        write!(out, ",\"gpg-sig\":{signed}")?;
    }
    if file.provenance.is_some() {
        let ours = format!("{link}{}", crate::route::PROVENANCE);
        write!(out, ",\"provenance\":{}", quote(&ours))?;
    }
    out.write_all(b"}")
}

fn digests(hashes: &Hashes<'_>) -> String {
    let pairs = hashes.iter().map(|(name, hex)| format!("{}:{}", quote(name), quote(hex)));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

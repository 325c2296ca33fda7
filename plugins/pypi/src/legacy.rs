//! The legacy JSON API: `/pypi/<project>/json` and `/pypi/<project>/<version>/json`, as Warehouse
//! documents it.
//!
//! Files stand under `releases`, by version, and those of the version that `info` describes once
//! more under `urls`. A file counts once, where it stands first; what was decided for it holds
//! for both places.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Range;

use weir_core::{Doc, Edit, Edits, FormatError, Job, Release, Scheme};
use weir_format::Splice;
use weir_format::json::{Array, Kind, Object, Value, quote};

use crate::filename;
use crate::listing::File;
use crate::name;
use crate::simple_json::hashes;

/// A document, split.
struct Document<'a> {
    source: &'a [u8],
    info: Object<'a>,
    releases: Option<(Object<'a>, Vec<Array<'a>>)>,
    urls: Option<Array<'a>>,
    /// What is judged, in the order of `read`.
    /// A version without files is one without a name.
    entries: Vec<File<'a>>,
    /// The files under `releases`, in their order, and after them those under `urls`.
    places: Vec<Place<'a>>,
}

/// Where a file stands.
struct Place<'a> {
    /// The key that it stands under; `None` under `urls`.
    under: Option<usize>,
    value: Value<'a>,
    parts: Option<Object<'a>>,
    /// Its entry.
    entry: usize,
}

/// Reads the files of a document.
pub(crate) fn read(
    doc: &Doc,
    project: &str,
    version: Option<&str>,
    each: &mut dyn FnMut(Release<'_>),
) -> Result<(), FormatError> {
    let document = Document::read(doc, project, version)?;
    document.entries.iter().for_each(|entry| each(entry.release(project)));
    Ok(())
}

/// Writes a document without what is withheld.
pub(crate) fn write(
    job: &Job<'_>,
    doc: &Doc,
    (project, version): (&str, Option<&str>),
    edits: &Edits,
    out: &mut dyn io::Write,
) -> Result<(), FormatError> {
    let document = Document::read(doc, project, version)?;
    let output = Output { document: &document, job, project, edits };
    let written = output.splice()?.write(out);
    written.map_err(|error| FormatError::new(format!("not written: {error}")))
}

impl<'a> Document<'a> {
    fn read(doc: &'a Doc, project: &str, version: Option<&str>) -> Result<Self, FormatError> {
        let root = Object::parse(doc.bytes())?;
        let info = root.get("info").ok_or_else(|| FormatError::new("the document has no info"))?;
        let info = info.object()?;
        if info.text("name").is_some_and(|n| name::normalize(&n).as_deref() != Some(project)) {
            return Err(FormatError::new(format!("the document is not of {project}")));
        }
        check_version(&info, version)?;
        let releases = root.get("releases").filter(|v| !v.is_null()).map(split).transpose()?;
        let urls = root.get("urls").filter(|v| !v.is_null()).map(|v| v.array()).transpose()?;
        let source = doc.bytes();
        let (entries, places) = (Vec::new(), Vec::new());
        let mut document = Self { source, info, releases, urls, entries, places };
        document.collect(project);
        Ok(document)
    }

    /// Lists the entries and where they stand.
    fn collect(&mut self, project: &str) {
        let mut found = Collector { project, ..Collector::default() };
        if let Some((releases, arrays)) = &self.releases {
            for (under, (member, array)) in releases.members().iter().zip(arrays).enumerate() {
                let key = filename::normal(&member.key).ok_or("the version is none");
                if array.elements().is_empty() {
                    found.bare(key.clone());
                }
                for value in array.elements() {
                    found.file(*value, Some(under), &key);
                }
            }
        }
        found.lists_all = !found.places.is_empty();
        let described = self.info.text("version");
        let described = described.map(|v| filename::normal(&v).ok_or("the version is none"));
        if let Some(key) = described {
            let urls = self.urls.as_ref().map_or(&[][..], Array::elements);
            for value in urls {
                found.file(*value, None, &key);
            }
            if !found.lists(&key) {
                found.bare(key);
            }
        }
        (self.entries, self.places) = (found.entries, found.places);
    }
}

/// The document of one version describes that version.
fn check_version(info: &Object<'_>, version: Option<&str>) -> Result<(), FormatError> {
    let key = |text: &str| filename::normal(text).map(|normal| filename::key(&normal));
    match (info.text("version"), version) {
        (Some(described), Some(asked)) if key(&described) != key(asked) => {
            Err(FormatError::new(format!("the document is not of version {asked}")))
        }
        _ => Ok(()),
    }
}

fn split(releases: Value<'_>) -> Result<(Object<'_>, Vec<Array<'_>>), FormatError> {
    let releases = releases.object()?;
    let arrays = releases.members().iter().map(|member| member.value.array());
    let arrays = arrays.collect::<Result<_, _>>()?;
    Ok((releases, arrays))
}

#[derive(Default)]
struct Collector<'a, 'p> {
    project: &'p str,
    /// Whether `releases` names all files.
    lists_all: bool,
    entries: Vec<File<'a>>,
    places: Vec<Place<'a>>,
    by_name: HashMap<Cow<'a, str>, usize>,
}

impl<'a> Collector<'a, '_> {
    /// A version without files.
    fn bare(&mut self, version: Result<String, &'static str>) {
        self.entries.push(File { version, ..File::default() });
    }

    fn file(&mut self, value: Value<'a>, under: Option<usize>, key: &Result<String, &'static str>) {
        let parts = parts(&value);
        let file = parts.as_ref().and_then(|object| object.text("filename"));
        let known = file.as_ref().and_then(|file| self.by_name.get(file)).copied();
        let version = match (&file, known) {
            (_, Some(_)) if under.is_some() => Err("the document names this file twice"),
            (Some(_), None) if under.is_none() && self.lists_all => {
                Err("the file stands under `urls` only")
            }
            (Some(file), _) => self.version(file, key),
            (None, _) => Err("the file's entry cannot be read"),
        };
        let entry = match known {
            Some(entry) if under.is_none() && version.is_ok() => entry,
            _ => {
                if let Some(file) = file.clone().filter(|_| version.is_ok()) {
                    self.by_name.insert(file, self.entries.len());
                }
                self.entries.push(read_file(file.unwrap_or_default(), version, parts.as_ref()));
                self.entries.len() - 1
            }
        };
        self.places.push(Place { under, value, parts, entry });
    }

    /// The version that a file's name and the key above it agree on.
    fn version(
        &self,
        file: &str,
        key: &Result<String, &'static str>,
    ) -> Result<String, &'static str> {
        let named = filename::version(self.project, file)?;
        let above = key.as_deref().map_err(|reason| *reason)?;
        if filename::key(&named) == filename::key(above) {
            Ok(named)
        } else {
            Err("the file's name contradicts the version that it stands under")
        }
    }

    /// Whether some entry is of this version.
    fn lists(&self, version: &Result<String, &'static str>) -> bool {
        let Ok(version) = version else { return false };
        of_version(&self.entries, &filename::key(version)).next().is_some()
    }
}

/// The members of a file, when those that are interpreted are plain and unique.
fn parts<'a>(value: &Value<'a>) -> Option<Object<'a>> {
    let object = value.loose_object().ok()?;
    let keys = ["filename", "url", "digests", "size", "yanked", "yanked_reason"];
    let dates = ["upload_time_iso_8601", "upload_time"];
    let plain = keys.into_iter().chain(dates).all(|key| object.sole(key).is_ok());
    let addressed = object.get("url").is_some_and(|url| url.kind() == Kind::String);
    (plain && addressed).then_some(object)
}

/// What a document says of a file whose version is known.
fn read_file<'a>(
    name: Cow<'a, str>,
    version: Result<String, &'static str>,
    parts: Option<&Object<'a>>,
) -> File<'a> {
    let file = File { name, version, ..File::default() };
    let Some(facts) = parts.filter(|_| file.version.is_ok()) else { return file };
    let yanked = facts.get("yanked").and_then(|yanked| yanked.bool()) == Some(true);
    File {
        uploaded: facts.text("upload_time_iso_8601").or_else(|| facts.text("upload_time")),
        hashes: hashes(facts.get("digests")).ok().flatten().unwrap_or_default(),
        size: facts.get("size").and_then(|size| size.u64()),
        yanked: yanked.then(|| facts.text("yanked_reason").unwrap_or_default()),
        ..file
    }
}

/// The entries of a version, by its key.
fn of_version(entries: &[File<'_>], key: &str) -> impl Iterator<Item = usize> {
    let of = move |file: &File<'_>| file.version.as_deref().is_ok_and(|v| filename::key(v) == key);
    entries.iter().enumerate().filter(move |(_, file)| of(file)).map(|(at, _)| at)
}

struct Output<'o, 'a> {
    document: &'o Document<'a>,
    job: &'o Job<'o>,
    project: &'o str,
    edits: &'o Edits,
}

impl<'a> Output<'_, 'a> {
    fn keeps(&self, entry: usize) -> bool {
        self.edits.keeps(entry) && self.document.entries[entry].version.is_ok()
    }

    fn splice(&self) -> Result<Splice<'a>, FormatError> {
        let document = self.document;
        let mut splice = Splice::new(document.source);
        for place in document.places.iter().filter(|place| self.keeps(place.entry)) {
            for (span, text) in self.changes(place) {
                splice.put(span, text);
            }
        }
        if let Some((releases, arrays)) = &document.releases {
            self.releases(&mut splice, releases, arrays);
        }
        if let Some(urls) = &document.urls {
            let places: Vec<_> = document.places.iter().filter(|p| p.under.is_none()).collect();
            urls.retain(&mut splice, |at| places.get(at).is_some_and(|p| self.keeps(p.entry)));
        }
        self.info(&mut splice)?;
        Ok(splice)
    }

    /// Cuts withheld files, and the versions that lost theirs.
    fn releases(&self, splice: &mut Splice<'a>, releases: &Object<'a>, arrays: &[Array<'a>]) {
        let mut kept: BTreeMap<usize, Vec<bool>> = BTreeMap::new();
        for place in &self.document.places {
            if let Some(under) = place.under {
                kept.entry(under).or_default().push(self.keeps(place.entry));
            }
        }
        let bare = |key: &str| filename::normal(key).is_some_and(|version| self.offers(&version));
        releases.retain(splice, |under, member| match kept.get(&under) {
            Some(files) => files.contains(&true),
            None => bare(&member.key),
        });
        for (under, files) in kept.iter().filter(|(_, files)| files.contains(&true)) {
            arrays[*under].retain(splice, |at| files[at]);
        }
    }

    /// Whether anything of a version stays.
    fn offers(&self, version: &str) -> bool {
        let key = filename::key(version);
        of_version(&self.document.entries, &key).any(|entry| self.keeps(entry))
    }

    /// The edits of a file that stays.
    fn changes(&self, place: &Place<'_>) -> Vec<(Range<usize>, String)> {
        let Some(parts) = &place.parts else { return Vec::new() };
        let name = &self.document.entries[place.entry].name;
        let ours = self.job.link(&crate::route::file(self.project, name));
        let mut changes: Vec<_> =
            parts.get("url").map(|url| (url.span(), quote(&ours))).into_iter().collect();
        if let Edit::Mark(sentence) = self.edits.get(place.entry) {
            changes.extend(mark(parts, sentence));
        }
        changes
    }

    /// Makes `info` describe a version that stays, or none.
    fn info(&self, splice: &mut Splice<'a>) -> Result<(), FormatError> {
        let info = &self.document.info;
        let Some(version) = info.get("version") else { return Ok(()) };
        let Some(text) = version.text() else { return Ok(()) };
        let normal = filename::normal(&text);
        if normal.as_deref().is_some_and(|normal| self.offers(normal)) {
            self.mark_info(splice, &normal.unwrap_or_default());
            return Ok(());
        }
        let newest = self.newest();
        splice.put(version.span(), newest.map_or_else(|| "null".to_owned(), quote));
        if let Some(url) = info.get("release_url")
            && let Some(address) = url.text()
        {
            let other = newest.map_or_else(String::new, |newest| {
                address.replace(&format!("/{text}/"), &format!("/{newest}/"))
            });
            splice.put(url.span(), quote(&other));
        }
        if let Some(newest) = newest {
            self.mark_info(splice, newest);
        }
        self.urls_of(splice, newest)
    }

    /// The newest version that stays, of those not to be avoided where there are any.
    fn newest(&self) -> Option<&str> {
        let kept = (0..self.document.entries.len()).filter(|entry| self.keeps(*entry));
        let (avoided, good): (Vec<usize>, Vec<usize>) = kept.partition(|at| self.avoided(*at));
        let newest = |entries: Vec<usize>| {
            let versions = entries.into_iter().map(|at| &self.document.entries[at].version);
            weir_version::newest(Scheme::Pep440, versions.filter_map(|v| v.as_deref().ok()))
        };
        newest(good).or_else(|| newest(avoided))
    }

    fn avoided(&self, entry: usize) -> bool {
        let yanked = self.document.entries[entry].yanked.is_some();
        yanked || matches!(self.edits.get(entry), Edit::Mark(_))
    }

    /// Puts the files of another version under `urls`.
    fn urls_of(&self, splice: &mut Splice<'a>, version: Option<&str>) -> Result<(), FormatError> {
        let Some(urls) = &self.document.urls else { return Ok(()) };
        let key = version.map(filename::key);
        let mut files = Vec::new();
        for place in self.document.places.iter().filter(|p| p.under.is_some()) {
            let version = self.document.entries[place.entry].version.as_deref().ok();
            if self.keeps(place.entry) && key.is_some() && version.map(filename::key) == key {
                files.push(self.rendered(place)?);
            }
        }
        splice.put(urls.span(), format!("[{}]", files.join(",")));
        Ok(())
    }

    /// A file as it is written.
    fn rendered(&self, place: &Place<'_>) -> Result<String, FormatError> {
        let span = place.value.span();
        let mut splice = Splice::new(&self.document.source[span.clone()]);
        for (part, text) in self.changes(place) {
            splice.put(part.start - span.start..part.end - span.start, text);
        }
        let mut out = Vec::new();
        splice.write(&mut out).map_err(|error| FormatError::new(error.to_string()))?;
        String::from_utf8(out).map_err(|error| FormatError::new(error.to_string()))
    }

    /// Marks the description of a version of which every file that stays is marked.
    fn mark_info(&self, splice: &mut Splice<'a>, version: &str) {
        let key = filename::key(version);
        let mut sentence = None;
        let entries = of_version(&self.document.entries, &key);
        for entry in entries.filter(|entry| self.keeps(*entry)) {
            match self.edits.get(entry) {
                Edit::Mark(mark) => sentence = Some(mark),
                _ => return,
            }
        }
        let info = &self.document.info;
        if let Some(sentence) = sentence {
            for (span, text) in mark(info, sentence) {
                splice.put(span, text);
            }
        }
    }
}

/// Sets `yanked` and `yanked_reason`.
fn mark(object: &Object<'_>, sentence: &str) -> Vec<(Range<usize>, String)> {
    let members = [("yanked", "true".to_owned()), ("yanked_reason", quote(sentence))];
    let front = object.span().start + 1;
    let put = |(key, json): (&str, String)| match object.get(key) {
        Some(value) => (value.span(), json),
        None => (front..front, format!("{}:{json},", quote(key))),
    };
    members.map(put).into()
}

//! The packument: all versions of a package in one document.

use std::collections::HashMap;
use std::sync::Arc;

use weir_core::{Doc, FormatError, Release, Timestamp};
use weir_format::json::{Kind, Object};
use yoke::{Yoke, Yokeable};

use crate::entry::{self, Entry};

/// A packument with its document.
pub(crate) type Reading = Yoke<Packument<'static>, Arc<Doc>>;

/// A packument, full or abbreviated.
#[derive(Debug, Yokeable)]
pub(crate) struct Packument<'a> {
    /// The document.
    pub(crate) root: Object<'a>,
    /// `versions`, absent from packages that were unpublished as a whole.
    pub(crate) versions: Option<Object<'a>>,
    /// The members of `versions`, in their order.
    pub(crate) entries: Vec<Entry<'a>>,
    /// `time`, absent from abbreviated packuments.
    pub(crate) time: Option<Object<'a>>,
    /// `dist-tags`
    pub(crate) tags: Option<Object<'a>>,
}

impl<'a> Packument<'a> {
    /// The packument of this package, read once for all that is done with its document.
    pub(crate) fn of(doc: &Doc, name: &str) -> Result<Arc<Reading>, FormatError> {
        doc.memo(name, |doc| {
            Yoke::try_attach_to_cart(doc, |doc| Packument::parse(doc.bytes(), name))
        })
    }

    /// Reads the packument of this package.
    fn parse(source: &'a [u8], name: &str) -> Result<Self, FormatError> {
        let mut entries = Vec::new();
        let (root, listed) =
            Object::parse_index(source, "versions", entry::FIELDS, |version, manifest| {
                entries.push(Entry::listed(version, manifest, name));
            })?;
        let inner = root.sole("name")?.and_then(|name| name.text());
        if inner.is_some_and(|inner| inner != name) {
            return Err(FormatError::new("the packument is of another package"));
        }
        let versions = root.sole("versions")?.filter(|it| !it.is_null());
        let versions =
            versions.map(|value| listed.unwrap_or_else(|| value.object())).transpose()?;
        settle_files(&mut entries, name);
        let time = optional_object(&root, "time")?;
        let tags = optional_object(&root, "dist-tags")?;
        Ok(Self { root, versions, entries, time, tags })
    }

    /// Lists the versions.
    pub(crate) fn read(&self, name: &str, each: &mut dyn FnMut(Release<'_>)) {
        let dates = self.dates();
        for entry in &self.entries {
            each(entry.release(name, dates.get(&*entry.version).copied()));
        }
    }

    /// When each version was published.
    pub(crate) fn dates(&self) -> HashMap<&str, Timestamp> {
        let members = self.time.iter().flat_map(Object::members);
        members
            .filter_map(|member| {
                Some((&*member.key, Timestamp::parse_rfc3339(&member.value.text()?)?))
            })
            .collect()
    }

    /// The version that a file belongs to.
    pub(crate) fn find(&self, file: &str) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.file.as_deref() == Some(file))
    }

    /// The version that a tag names.
    pub(crate) fn tagged(&self, tag: &str) -> Option<String> {
        self.tags.as_ref()?.text(tag).map(std::borrow::Cow::into_owned)
    }
}

/// An object that has to be one where it is read at all.
fn optional_object<'a>(root: &Object<'a>, key: &str) -> Result<Option<Object<'a>>, FormatError> {
    let value = root.sole(key)?.filter(|value| value.kind() == Kind::Object);
    value.map(|value| value.object()).transpose()
}

/// A file's name stands in our addresses without its folder, so only one version can have it: the
/// one that the name speaks of, else the first.
fn settle_files(entries: &mut [Entry<'_>], name: &str) {
    let mut owners: HashMap<&str, usize> = HashMap::with_capacity(entries.len());
    let mut yielding = Vec::new();
    for (ordinal, entry) in entries.iter().enumerate() {
        let Some(file) = entry.file.as_deref() else { continue };
        let Some(held) = owners.get_mut(file) else {
            owners.insert(file, ordinal);
            continue;
        };
        let better = entry.has_usual_file(name) && !entries[*held].has_usual_file(name);
        yielding.push(if better { std::mem::replace(held, ordinal) } else { ordinal });
    }
    for ordinal in yielding {
        entries[ordinal].yield_file();
    }
}

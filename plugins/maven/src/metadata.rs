//! `maven-metadata.xml`, read and edited.

use std::borrow::Cow;
use std::cmp::Ordering;

use weir_core::{Edits, FormatError, Release, Scheme, Timestamp};
use weir_format::Splice;
use weir_format::xml::{self, Element};

use crate::dates::Dates;
use crate::route::{is_snapshot, is_version, time_of};

/// A document, taken apart.
pub(crate) struct Metadata<'a> {
    source: &'a [u8],
    root: Element<'a>,
}

/// A version where the document names it.
struct Entry<'e> {
    element: &'e Element<'e>,
    version: Result<&'e str, &'static str>,
}

impl<'e> Entry<'e> {
    fn new(element: &'e Element<'e>) -> Self {
        let version = match element.text() {
            Some(text) if is_version(text) => Ok(text),
            Some(_) => Err("the listing has a version that is none"),
            None => Err("the listing has a version that is not plain text"),
        };
        Self { element, version }
    }
}

impl<'a> Metadata<'a> {
    /// Reads a document. What is interpreted stands in it once.
    pub(crate) fn read(source: &'a [u8]) -> Result<Self, FormatError> {
        let root = Element::parse(source)?;
        if root.name() != "metadata" {
            return Err(FormatError::new(format!("<{}> is not <metadata>", root.name())));
        }
        root.only("version")?;
        root.only("plugins")?;
        if let Some(versioning) = root.only("versioning")? {
            for name in
                ["versions", "release", "latest", "lastUpdated", "snapshot", "snapshotVersions"]
            {
                versioning.only(name)?;
            }
            if let Some(snapshot) = versioning.named("snapshot").next() {
                snapshot.only("timestamp")?;
            }
        }
        Ok(Self { source, root })
    }

    pub(crate) fn root(&self) -> &Element<'a> {
        &self.root
    }

    pub(crate) fn versioning(&self) -> Option<&Element<'a>> {
        self.root.named("versioning").next()
    }

    fn entries(&self) -> Vec<Entry<'_>> {
        let versions = self.versioning().and_then(|v| v.named("versions").next());
        let elements = versions.into_iter().flat_map(|versions| versions.named("version"));
        elements.map(Entry::new).collect()
    }

    /// The versions that the document lists, in its order.
    pub(crate) fn versions(&self) -> Vec<&str> {
        self.entries().iter().filter_map(|entry| entry.version.ok()).collect()
    }

    /// Where the document names one version of all: the newest, the newest release, and the one
    /// that was deployed last.
    fn chosen(&self) -> Vec<Entry<'_>> {
        let versioning = self.versioning().into_iter();
        let in_versioning = versioning.flat_map(|v| v.named("latest").chain(v.named("release")));
        let filled = |element: &&Element<'_>| element.text() != Some("");
        in_versioning.chain(self.root.named("version")).filter(filled).map(Entry::new).collect()
    }

    /// When the document was last changed.
    pub(crate) fn updated(&self) -> Option<Timestamp> {
        time_of(self.versioning()?.named("lastUpdated").next()?.text()?)
    }

    /// The releases of an artifact's listing.
    pub(crate) fn releases<'s>(
        &'s self,
        name: &'s str,
        dates: &'s Dates<'_>,
    ) -> impl Iterator<Item = Release<'s>> {
        self.entries().into_iter().map(move |entry| match entry.version {
            Ok(version) => Release {
                name: name.into(),
                version: version.into(),
                available: dates.of(version),
                ..Release::default()
            },
            Err(why) => Release { name: name.into(), unreadable: Some(why), ..Release::default() },
        })
    }

    /// The one release of a snapshot's listing, with the time of its newest build.
    pub(crate) fn snapshot<'s>(&'s self, name: &'s str, version: &'s str) -> Option<Release<'s>> {
        self.versioning()?;
        let (name, version) = (Cow::Borrowed(name), Cow::Borrowed(version));
        Some(Release { name, version, available: self.built(), ..Release::default() })
    }

    /// When the newest build of a snapshot was made.
    pub(crate) fn built(&self) -> Option<Timestamp> {
        let snapshot = self.versioning()?.named("snapshot").next();
        let time = snapshot.and_then(|snapshot| snapshot.named("timestamp").next()?.text());
        time.and_then(time_of).or_else(|| self.updated())
    }

    /// The document as it is.
    pub(crate) fn unedited(&self) -> Splice<'a> {
        Splice::new(self.source)
    }

    /// A snapshot's listing, empty when its release is dropped.
    pub(crate) fn without_snapshot(&self, edits: &Edits) -> Splice<'a> {
        let mut splice = self.unedited();
        if let Some(versioning) = self.versioning().filter(|_| !edits.keeps(0)) {
            splice.cut(versioning.span());
        }
        splice
    }

    /// An artifact's listing without the versions that are dropped. What names a version that is not in
    /// the list, now or from the beginning, names the best that is left.
    pub(crate) fn edited(&self, edits: &Edits) -> Splice<'a> {
        let mut splice = self.unedited();
        let entries = self.entries();
        splice.retain(entries.iter().map(|entry| entry.element.span()), |at| edits.keeps(at));
        let kept = entries.iter().enumerate().filter(|(at, _)| edits.keeps(*at));
        let left: Vec<&str> = kept.filter_map(|(_, entry)| entry.version.ok()).collect();
        for chosen in self.chosen() {
            if chosen.version.is_ok_and(|version| left.contains(&version)) {
                continue;
            }
            let release = chosen.element.name() == "release";
            match successor(chosen.version.ok(), &left, release) {
                Some(version) => {
                    splice.put(chosen.element.inner(), xml::quote(version).into_owned());
                }
                None => splice.cut(chosen.element.span()),
            }
        }
        splice
    }
}

/// What stands in for a version that is gone: the highest that is left below it, else the highest of
/// all; a release where one is left.
pub(crate) fn successor<'v>(
    gone: Option<&str>,
    left: &[&'v str],
    release: bool,
) -> Option<&'v str> {
    let fit = |version: &&&'v str| !release || !is_snapshot(version);
    let below =
        |version: &&&'v str| gone.is_none_or(|gone| order(version, gone) != Ordering::Greater);
    let best = |versions: Vec<&'v str>| weir_version::newest(Scheme::Maven, versions);
    let fitting: Vec<&&str> = left.iter().filter(fit).collect();
    let lower = fitting.iter().copied().filter(|version| below(version)).copied().collect();
    best(lower).or_else(|| best(fitting.into_iter().copied().collect()))
}

pub(crate) fn order(left: &str, right: &str) -> Ordering {
    weir_version::compare(Scheme::Maven, left, right)
}

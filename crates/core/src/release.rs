//! What a listing says of one release, or of one file of it.

use std::borrow::Cow;

use crate::{Coordinates, Digest, Listed, Timestamp};

/// One entry of a listing: a release, or one file of a release where the format lists files.
/// Facts are borrowed from the document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release<'a> {
    /// Canonical package name.
    pub name: Cow<'a, str>,
    /// Canonical version.
    pub version: Cow<'a, str>,
    /// The file's name as [`Target::Artifact`](crate::Target::Artifact) spells it, where the
    /// entry is a file or the release has exactly one.
    pub file: Option<Cow<'a, str>>,
    /// When the registry made it available, by the registry's own clock.
    pub available: Option<Timestamp>,
    /// When its author says that it was made (commit or build time): never earlier than
    /// `available` counts, and not trusted alone.
    pub authored: Option<Timestamp>,
    /// The digest that the registry promises for the file.
    pub digest: Option<Digest>,
    /// The file's size in bytes.
    pub size: Option<u64>,
    /// Yanked, with the reason (maybe empty).
    pub yanked: Option<Cow<'a, str>>,
    /// Deprecated, with the message (maybe empty).
    pub deprecated: Option<Cow<'a, str>>,
    /// The licence as the listing spells it.
    pub licence: Option<Cow<'a, str>>,
    /// Whether it runs code on installation; `None` where the listing does not say.
    pub install_scripts: Option<bool>,
    /// Whether the listing points at build provenance.
    pub provenance: bool,
    /// Who published it.
    pub publisher: Option<Cow<'a, str>>,
    /// Whether no gathered listing names it and its path alone says that it is there. Without a date
    /// of the registry's, its first sight is the first request for it.
    pub unlisted: bool,
    /// Content addresses (`sha256:…`) that lead from the version to the entry, outermost first: the
    /// image index, the image. The version is then a name that can be moved (a tag), unless it is
    /// such an address itself. Rules may name each of them in the version's place, and each step
    /// is recorded.
    pub chain: Vec<Cow<'a, str>>,
    /// Why the entry cannot be judged (a version that is none, an inner name that contradicts
    /// its key). Such an entry is withheld whatever policy says.
    pub unreadable: Option<&'static str>,
}

impl Release<'_> {
    /// What is kept of the entry, for [`Known`](crate::Known): that the release lists its file, or
    /// each step of the chain that leads to it. A date that the author claims belongs to the last
    /// step.
    pub fn recorded(&self) -> Vec<Listed> {
        let listed = |version: &str, file: &str, digest: Option<Digest>| Listed {
            release: Coordinates::new(&*self.name, version),
            file: file.into(),
            digest,
            size: None,
            published: None,
        };
        let Some(file) = self.file.as_deref() else { return Vec::new() };
        if self.chain.is_empty() {
            let itself = self.version == file;
            let entry = listed(&self.version, file, self.digest.clone());
            return [Listed { published: self.available, ..entry }]
                .into_iter()
                .filter(|_| !itself)
                .collect();
        }
        let chain = self.chain.iter().map(|address| &**address);
        let end = Some(file).filter(|file| self.chain.last().is_none_or(|last| last != file));
        let path: Vec<&str> = [&*self.version].into_iter().chain(chain).chain(end).collect();
        let step = |pair: &[&str]| match pair {
            [from, to] => Some(listed(from, to, Some(to.parse().ok()?))),
            _ => None,
        };
        let mut steps: Vec<Listed> = path.windows(2).filter_map(step).collect();
        if let Some(last) = steps.last_mut() {
            last.published = self.available.or(self.authored);
        }
        steps
    }

    /// The same facts, no longer borrowed from the document.
    pub fn into_owned(self) -> Release<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Release {
            name: own(self.name),
            version: own(self.version),
            file: self.file.map(own),
            available: self.available,
            authored: self.authored,
            digest: self.digest,
            size: self.size,
            yanked: self.yanked.map(own),
            deprecated: self.deprecated.map(own),
            licence: self.licence.map(own),
            install_scripts: self.install_scripts,
            provenance: self.provenance,
            publisher: self.publisher.map(own),
            unlisted: self.unlisted,
            chain: self.chain.into_iter().map(own).collect(),
            unreadable: self.unreadable,
        }
    }
}

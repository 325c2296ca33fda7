//! One piece of work for a plugin: a target, what has been gathered for it, and the context.

use std::sync::Arc;

use crate::{Coordinates, Digest, Doc, Fetch, FormatError, Need, Target, Timestamp};

/// A target with what has been gathered for it.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// What is asked for.
    pub target: &'a Target,
    /// What has been gathered.
    pub docs: &'a Docs,
    /// Everything else that an answer depends on.
    pub cx: &'a Cx,
}

impl<'a> Job<'a> {
    /// The document of a fetch that is not optional; an error when it has not been gathered,
    /// which is a fault of the plugin's `need`.
    pub fn doc(&self, fetch: &Fetch) -> Result<&'a Doc, FormatError> {
        self.docs.doc(fetch).ok_or_else(|| FormatError::new("a needed document is missing"))
    }

    /// The needs of this list that have not been answered yet.
    pub fn missing(&self, needs: impl IntoIterator<Item = Need>) -> Vec<Need> {
        needs.into_iter().filter(|need| self.docs.found(need).is_none()).collect()
    }

    /// The public address of a path below this mount.
    pub fn link(&self, path: &str) -> String {
        format!("{}/{path}", self.cx.base)
    }
}

/// What an answer depends on besides documents.
#[derive(Clone, Debug, Default)]
pub struct Cx {
    /// The mount's public address, without trailing slash: `http://127.0.0.1:8080/npm`.
    pub base: Arc<str>,
    /// Whether this gateway wants clients to say who they are: formats that tell clients so have
    /// a place for it.
    pub private: bool,
    /// Facts that policy wants, so that a plugin can ask for the small document otherwise.
    pub wants: FactSet,
    /// What became available before this instant is old for every cooldown: a plugin that asks for
    /// dates one by one need not ask for these. `None` where each date counts.
    pub horizon: Option<Timestamp>,
    /// What of a signed index is edited and signed anew; `None` passes signed indexes on as they
    /// are.
    pub resign: Option<Arc<Selection>>,
    /// The client's POST body, decoded and capped; empty otherwise.
    pub body: Box<[u8]>,
}

/// Which parts of signed indexes are edited and signed by the gateway. An empty list means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Suites, as clients name them.
    pub suites: Vec<String>,
    /// Components.
    pub components: Vec<String>,
    /// Architectures, in the format's own words; `source` for sources.
    pub architectures: Vec<String>,
    /// Whether the last allowed version of a package stays when its only one is withheld.
    pub hold_back: bool,
}

/// Facts that policy may want.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FactSet(u8);

impl FactSet {
    /// Nothing beyond name, version, file and digest.
    pub const NONE: Self = Self(0);
    /// Publication dates.
    pub const DATES: Self = Self(1);
    /// Licences.
    pub const LICENCES: Self = Self(2);

    /// Whether all of `other` are wanted.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What has been gathered for a job, in the order in which it was asked for.
#[derive(Clone, Debug, Default)]
pub struct Docs(Vec<(Need, Found)>);

impl Docs {
    /// Nothing gathered.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an answer.
    pub fn insert(&mut self, need: Need, found: Found) {
        self.0.push((need, found));
    }

    /// The answer to a need.
    pub fn found(&self, need: &Need) -> Option<&Found> {
        self.0.iter().find(|(key, _)| key == need).map(|(_, found)| found)
    }

    /// The document of a fetch; `None` when it has not been gathered or is absent upstream.
    pub fn doc(&self, fetch: &Fetch) -> Option<&Doc> {
        self.iter().find_map(|(need, found)| match (need, found) {
            (Need::Fetch(key), Found::Doc(doc)) if key == fetch => Some(doc),
            _ => None,
        })
    }

    /// All answers.
    pub fn iter(&self) -> impl Iterator<Item = (&Need, &Found)> {
        self.0.iter().map(|(need, found)| (need, found))
    }
}

/// The answer to a [`Need`].
#[derive(Clone, Debug)]
pub enum Found {
    /// The document.
    Doc(Doc),
    /// An optional document does not exist.
    Absent,
    /// Another target as served.
    Rendered {
        /// Its digests, SHA-256 among them.
        digests: Vec<Digest>,
        /// Its length in bytes.
        size: u64,
        /// SHA-256 and length before [`crate::Head::coding`] was put on; `None` where there is
        /// none.
        plain: Option<(Digest, u64)>,
    },
    /// The releases that listed a file, newest record first; empty when nothing is known.
    Known(Vec<Listed>),
    /// A signature over another target as served.
    Signature(Box<[u8]>),
}

/// A recorded fact: a release listed this file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The release.
    pub release: Coordinates,
    /// The file's name in the listing.
    pub file: Box<str>,
    /// The digest that the listing promised.
    pub digest: Option<Digest>,
    /// Its size in bytes, where the listing said one and it was kept.
    pub size: Option<u64>,
    /// When the release was published, as far as the listing said.
    pub published: Option<Timestamp>,
}

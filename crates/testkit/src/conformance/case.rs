//! One request with what upstream would answer, and what is expected of it.

use weir_core::{Doc, FactSet, Listed, Method, Request, Selection, Target, Unroutable};

use super::Answers;

/// A second, independent reading of a served document: the (name, version) pairs that a client
/// sees, canonical; `None` when a client could not read it at all.
pub type Parse = fn(&[u8]) -> Option<Vec<(String, String)>>;

/// Takes parts out of a document before a comparison.
pub type Strip = fn(&[u8]) -> Vec<u8>;

/// A request and the documents behind it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a named exception to a law")]
pub struct Case {
    pub(super) name: String,
    pub(super) ask: Ask,
    pub(super) answers: Answers,
    pub(super) wants: FactSet,
    pub(super) resign: Option<Selection>,
    pub(super) hosts: Vec<&'static str>,
    /// The key of the document that the output may stand for.
    pub(super) reads_back: Option<String>,
    pub(super) same_format: bool,
    pub(super) parse: Option<Parse>,
    pub(super) free_text: Option<Strip>,
    pub(super) normalize: Option<Strip>,
    pub(super) lists: Option<Vec<(String, String)>>,
    pub(super) locates: Option<(String, String)>,
    pub(super) absent: bool,
    pub(super) no_marks: bool,
    pub(super) silent_marks: bool,
    pub(super) by_version: bool,
    pub(super) refused_when_empty: bool,
    pub(super) lines_may_be_cut: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) raw: String,
    pub(super) accept: String,
    pub(super) body: Vec<u8>,
}

impl Ask {
    /// The target that the plugin sees in the request.
    pub(super) fn route(
        &self,
        plugin: &dyn weir_core::Ecosystem,
        method: Method,
    ) -> Result<Target, Unroutable> {
        let mut request = Request::get(&self.raw)?.accepting(&self.accept);
        request.method = method;
        request.body = &self.body;
        plugin.route(&request)
    }
}

impl Case {
    /// A GET of a raw path below the mount (percent-encoded, without leading slash, maybe with a
    /// query).
    pub fn get(raw: &str) -> Self {
        let accept = String::new();
        let ask = Ask { method: Method::Get, raw: raw.to_owned(), accept, body: Vec::new() };
        Self {
            name: raw.to_owned(),
            ask,
            answers: Answers::new(),
            wants: FactSet::DATES.union(FactSet::LICENCES),
            resign: None,
            hosts: vec!["registry.example", "files.example"],
            reads_back: None,
            same_format: false,
            parse: None,
            free_text: None,
            normalize: None,
            lists: None,
            locates: None,
            absent: false,
            no_marks: false,
            silent_marks: false,
            by_version: false,
            refused_when_empty: false,
            lines_may_be_cut: false,
        }
    }

    /// A POST of a decoded body.
    pub fn post(raw: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut case = Self::get(raw);
        case.ask.method = Method::Post;
        case.ask.body = body.into();
        case
    }

    /// Names the case in messages; otherwise its path does.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The client's `Accept`.
    #[must_use]
    pub fn accepting(mut self, accept: &str) -> Self {
        accept.clone_into(&mut self.ask.accept);
        self
    }

    /// Upstream answers this key (see [`Answers`]) with these decoded bytes.
    #[must_use]
    pub fn document(self, key: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.answer(key, Doc::new(bytes.into(), "application/octet-stream"))
    }

    /// Upstream answers this key with this document.
    #[must_use]
    pub fn answer(mut self, key: &str, doc: Doc) -> Self {
        self.answers.insert(key, doc);
        self
    }

    /// Earlier manifests of the mount said this of a file.
    #[must_use]
    pub fn known(mut self, listed: Listed) -> Self {
        self.answers.record(listed);
        self
    }

    /// The facts that policy wants; dates and licences otherwise.
    #[must_use]
    pub fn wants(mut self, facts: FactSet) -> Self {
        self.wants = facts;
        self
    }

    /// Signed indexes are edited and signed anew; otherwise they are passed on.
    #[must_use]
    pub fn resigned(mut self, selection: Selection) -> Self {
        self.resign = Some(selection);
        self
    }

    /// Hosts of upstream that no client may be sent to; `registry.example` and `files.example`
    /// otherwise.
    #[must_use]
    pub fn hosts(mut self, hosts: &[&'static str]) -> Self {
        hosts.clone_into(&mut self.hosts);
        self
    }

    /// The output can be read again in the place of the document under this key.
    #[must_use]
    pub fn reads_back(mut self, key: &str) -> Self {
        self.reads_back = Some(key.to_owned());
        self
    }

    /// The output is the document under this key, edited: it can be read again, writing it
    /// again changes nothing, and where everything is kept, only links differ.
    #[must_use]
    pub fn same_format(mut self, key: &str) -> Self {
        self.same_format = true;
        self.reads_back(key)
    }

    /// A second, independent parser of the output.
    #[must_use]
    pub fn parsed_by(mut self, parse: Parse) -> Self {
        self.parse = Some(parse);
        self
    }

    /// Takes out of the output what no client fetches (readmes), before hosts are looked for.
    #[must_use]
    pub fn free_text(mut self, strip: Strip) -> Self {
        self.free_text = Some(strip);
        self
    }

    /// Takes out of both the document and the output what a plugin changes besides links, before
    /// they are compared.
    #[must_use]
    pub fn normalized_by(mut self, strip: Strip) -> Self {
        self.normalize = Some(strip);
        self
    }

    /// The (name, version) pairs that `read` reports, in its order.
    #[must_use]
    pub fn lists(mut self, releases: &[(&str, &str)]) -> Self {
        let own = |(name, version): &(&str, &str)| ((*name).to_owned(), (*version).to_owned());
        self.lists = Some(releases.iter().map(own).collect());
        self
    }

    /// The release that the artifact belongs to.
    #[must_use]
    pub fn locates(mut self, name: &str, version: &str) -> Self {
        self.locates = Some((name.to_owned(), version.to_owned()));
        self
    }

    /// The evidence does not list the artifact: 404.
    #[must_use]
    pub fn absent(mut self) -> Self {
        self.absent = true;
        self
    }

    /// This view cannot carry a mark although the format has one.
    #[must_use]
    pub fn no_marks(mut self) -> Self {
        self.no_marks = true;
        self
    }

    /// A mark has no room for our sentence (Cargo's `yanked` is a Boolean).
    #[must_use]
    pub fn silent_marks(mut self) -> Self {
        self.silent_marks = true;
        self
    }

    /// Edits differ only between versions, never between files of one version.
    #[must_use]
    pub fn by_version(mut self) -> Self {
        self.by_version = true;
        self
    }

    /// With every release dropped there is nothing to write (a view of one version); the
    /// pipeline refuses instead. A descriptor's `refuse_empty` says the same for all cases.
    #[must_use]
    pub fn refused_when_empty(mut self) -> Self {
        self.refused_when_empty = true;
        self
    }

    /// The format has no frame that tells a cut last line from a whole one (plain lists).
    #[must_use]
    pub fn lines_may_be_cut(mut self) -> Self {
        self.lines_may_be_cut = true;
        self
    }
}

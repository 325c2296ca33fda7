//! What upstream would answer.

use weir_core::{Digest, Doc, Fetch, Known, Listed, Place};

/// A table of documents and recorded facts.
///
/// A document's key is `origin:path` for a place below an origin (`primary:simple/demo/`) and the
/// link's own text, as the document spells it, for a link.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    docs: Vec<Answer>,
    known: Vec<Listed>,
}

#[derive(Clone, Debug)]
struct Answer {
    key: String,
    doc: Doc,
    /// Stands among documents of which one is edited, so that promised digests no longer hold.
    replaced: bool,
}

impl Answers {
    /// Nothing is known: every fetch is a 404.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a document, as decoded.
    pub fn insert(&mut self, key: impl Into<String>, doc: Doc) {
        self.docs.push(Answer { key: key.into(), doc, replaced: false });
    }

    /// Adds a recorded fact.
    pub fn record(&mut self, listed: Listed) {
        self.known.push(listed);
    }

    /// The key of a fetch.
    pub fn key(fetch: &Fetch) -> String {
        match &fetch.place {
            Place::Origin { origin, path } | Place::Named { origin, path, .. } => {
                format!("{origin}:{path}")
            }
            Place::Link(link) => link.as_str().to_owned(),
        }
    }

    /// The document under a key.
    pub fn get(&self, key: &str) -> Option<&Doc> {
        self.answer(key).map(|answer| &answer.doc)
    }

    /// All keys, in the order in which they were added.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.docs.iter().map(|answer| answer.key.as_str())
    }

    /// The same answers with other bytes under one key, still held against a promised digest.
    #[must_use]
    pub fn with_damage(&self, key: &str, bytes: &[u8]) -> Self {
        self.with(key, bytes, false)
    }

    /// The same answers with an output under one key, to be read again; what the documents promise
    /// of each other is not checked.
    #[must_use]
    pub fn with_output(&self, key: &str, bytes: &[u8]) -> Self {
        self.with(key, bytes, true)
    }

    fn with(&self, key: &str, bytes: &[u8], replaced: bool) -> Self {
        let mut changed = self.clone();
        for answer in &mut changed.docs {
            answer.replaced |= replaced;
            if answer.key != key {
                continue;
            }
            let media = answer.doc.media().to_owned();
            answer.doc = Doc::new(bytes.to_vec(), &media).modified(answer.doc.last_modified());
        }
        changed
    }

    /// The document for a fetch; an error text when the digest that a parent promised is not
    /// the document's. Documents that are compressed files stand here decoded, so their promised
    /// digest, which concerns the bytes as sent, is not checked.
    pub(super) fn fetch(&self, fetch: &Fetch) -> Result<Option<&Doc>, String> {
        let key = Self::key(fetch);
        let Some(answer) = self.answer(&key) else { return Ok(None) };
        let promised = fetch
            .expect
            .as_ref()
            .filter(|_| !answer.replaced && fetch.coding == weir_core::Coding::Identity);
        match promised {
            Some(digest) if Digest::of(digest.algorithm(), answer.doc.bytes()) != *digest => {
                Err(format!("{key} is not the document that {digest} promises"))
            }
            _ => Ok(Some(&answer.doc)),
        }
    }

    /// What is recorded of a file, newest first.
    pub(super) fn known(&self, question: &Known) -> Vec<Listed> {
        let matches = |listed: &&Listed| match question {
            Known::Digest(digest) => listed.digest.as_ref() == Some(digest),
            Known::File(file) => listed.file == *file,
            // What leads nowhere does no harm among the steps upwards.
            Known::Package(name) | Known::Above { name, .. } => listed.release.name == *name,
            Known::Roots => false,
        };
        self.known.iter().rev().filter(matches).cloned().collect()
    }

    fn answer(&self, key: &str) -> Option<&Answer> {
        self.docs.iter().find(|answer| answer.key == key)
    }
}

//! Answers that a plugin describes: the head of a written document, and a refusal.

use crate::{Coding, Denial, Timestamp};

/// What goes with written bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The media type, with parameters.
    pub media: Box<str>,
    /// Further headers (lower-case names).
    pub headers: Vec<(&'static str, String)>,
    /// Whether the same path has other representations by `Accept`.
    pub varies: bool,
    /// Never compressed: clients hash the bytes and look at their length.
    pub unencoded: bool,
    /// `Last-Modified`.
    pub last_modified: Option<Timestamp>,
    /// Clients know no validator but `Last-Modified`: the pipeline gives one, and moves it on with
    /// every change of the bytes, a verdict's included.
    pub dated: bool,
    /// The file format's own compression, which the pipeline puts on what is written; the head
    /// describes the compressed file, and no transfer coding comes on top.
    pub coding: Coding,
}

impl Head {
    /// A head with a media type only.
    pub fn new(media: &str) -> Self {
        Self {
            media: media.into(),
            headers: Vec::new(),
            varies: false,
            unencoded: false,
            last_modified: None,
            dated: false,
            coding: Coding::Identity,
        }
    }

    /// Has the pipeline give a date that moves with every change.
    #[must_use]
    pub fn dated(mut self) -> Self {
        self.dated = true;
        self
    }

    /// Has the pipeline compress what is written.
    #[must_use]
    pub fn compressed(mut self, coding: Coding) -> Self {
        self.coding = coding;
        self
    }

    /// The written bytes are a compressed file already.
    #[must_use]
    pub fn packed(mut self) -> Self {
        self.unencoded = true;
        self
    }

    /// The same path has other representations by `Accept`.
    #[must_use]
    pub fn varying(mut self) -> Self {
        self.varies = true;
        self
    }
}

/// A refusal in the form that an ecosystem's clients print. The status and the headers that all
/// refusals share are the pipeline's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The media type, exactly as the client expects it.
    pub media: &'static str,
    /// Further headers (lower-case names).
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// The sentence as plain text: what everyone without a form of their own gets.
    pub fn plain(denial: &Denial) -> Self {
        Self {
            media: "text/plain; charset=utf-8",
            headers: Vec::new(),
            body: format!("{}\n", denial.sentence),
        }
    }

    /// The sentence as plain text, and on a second line the page that explains it.
    pub fn with_page(denial: &Denial) -> Self {
        let printable: String = denial.sentence.chars().filter(|c| !c.is_control()).collect();
        let explain = denial.explain.as_ref().map(|url| format!("see {url}\n")).unwrap_or_default();
        Self { body: format!("{printable}\n{explain}"), ..Self::plain(denial) }
    }
}

//! What policy decided for each release of a listing.

/// The decision for one release, in the order of [`Ecosystem::read`](crate::Ecosystem::read).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Edit {
    /// Leave it.
    #[default]
    Keep,
    /// Remove it from every place of the document that names it.
    Drop,
    /// Leave it, but mark it with this sentence (yanked, retracted); only where the descriptor
    /// says that the format has a mark.
    Mark(Box<str>),
}

/// The decisions for a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Edits {
    decisions: Vec<Edit>,
    notice: Option<Box<str>>,
    rule: Option<Box<str>>,
    held: Vec<usize>,
}

impl Edits {
    /// Decisions in the order of `read`.
    pub fn new(edits: Vec<Edit>) -> Self {
        Self { decisions: edits, ..Self::default() }
    }

    /// Keeps everything.
    pub fn keep_all() -> Self {
        Self::default()
    }

    /// Adds a sentence about the document as a whole, for formats that can carry one.
    #[must_use]
    pub fn with_notice(mut self, notice: impl Into<Box<str>>) -> Self {
        self.notice = Some(notice.into());
        self
    }

    /// Adds the name of the rule by which everything is withheld that is.
    #[must_use]
    pub fn with_rule(mut self, rule: impl Into<Box<str>>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// Adds entries of the document as it was last served ([`crate::Need::Served`]), by their
    /// ordinals there: they stand in for the only version of a package that is withheld.
    #[must_use]
    pub fn holding(mut self, held: Vec<usize>) -> Self {
        self.held = held;
        self
    }

    /// Entries of the document as it was last served that stay in it, in ascending order.
    pub fn held(&self) -> &[usize] {
        &self.held
    }

    /// The decision for a release by its ordinal in `read`; beyond the list, it is kept.
    pub fn get(&self, ordinal: usize) -> &Edit {
        self.decisions.get(ordinal).unwrap_or(&Edit::Keep)
    }

    /// Whether a release stays in the document, marked or not.
    pub fn keeps(&self, ordinal: usize) -> bool {
        !matches!(self.get(ordinal), Edit::Drop)
    }

    /// The sentence about the document as a whole.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// The rule that withholds, where it is one alone.
    pub fn rule(&self) -> Option<&str> {
        self.rule.as_deref()
    }

    /// Whether nothing is dropped, marked or noted.
    pub fn is_empty(&self) -> bool {
        self.notice.is_none()
            && self.held.is_empty()
            && self.decisions.iter().all(|edit| *edit == Edit::Keep)
    }
}

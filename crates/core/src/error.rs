//! Errors of the vocabulary, with the variants that a caller acts on.

use thiserror::Error;

/// A document is not what its format says, at about this byte.
///
/// The pipeline answers 502 with this text and never with the document.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} (at byte {offset})")]
pub struct FormatError {
    /// What was expected or found, as a short clause: `"duplicate key \"versions\""`.
    pub what: String,
    /// Offset in the decoded document, in bytes; 0 when it concerns the document as a whole.
    pub offset: usize,
}

impl FormatError {
    /// An error that concerns the document as a whole.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), offset: 0 }
    }

    /// An error at a byte offset.
    pub fn at(offset: usize, what: impl Into<String>) -> Self {
        Self { what: what.into(), offset }
    }
}

/// Why a request has no [`Target`](crate::Target).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unroutable {
    /// The path belongs to no end point of this ecosystem: 404, never a relay.
    #[error("no such path")]
    Unknown,
    /// The same thing has a canonical address: 301 to this path below the mount (query kept).
    #[error("moved to {0}")]
    Moved(String),
    /// A real end point that this gateway does not offer (publish, log-in): 405 with this sentence.
    #[error("{0}")]
    NotOffered(&'static str),
    /// The path is malformed or hostile: 400 with this sentence.
    #[error("{0}")]
    Malformed(&'static str),
}

/// A text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a digest: expected {expected}, found {found:?}")]
pub struct DigestError {
    /// The form that was expected.
    pub expected: &'static str,
    /// The text, shortened to 80 characters.
    pub found: String,
}

/// A text is not a package URL.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not a package URL such as pkg:npm/lodash@4.17.21: {reason}")]
pub struct PurlError {
    /// The text as given.
    pub text: String,
    /// What the parser said.
    pub reason: String,
}

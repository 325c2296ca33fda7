//! What can be asked of the gateway, and where.

use bytes::Bytes;

/// In the versions that policy withholds, and in nothing else.
pub(crate) const MARK: &str = "1.66.";

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A document that lists versions.
    Listing,
    /// A document that lists withheld versions too, since its registry signed it.
    Signed,
    /// A package's file.
    File,
}

/// Something that a gateway may be asked for.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    /// The path at the gateway.
    pub(crate) path: String,
    /// The `Accept` of its client.
    pub(crate) accept: Option<&'static str>,
    pub(crate) kind: Kind,
    /// Whether policy withholds it.
    pub(crate) withheld: bool,
    /// Whether it is there at some times only.
    pub(crate) passing: bool,
    /// Whether a gateway knows it only from a document that somebody has asked for before.
    pub(crate) indexed: bool,
    /// What such a document names: things by number.
    pub(crate) names: Vec<usize>,
    /// Its bytes at the registry; a listing's depend on the gateway's address and policy.
    pub(crate) bytes: Option<Bytes>,
}

impl Thing {
    pub(crate) fn listing(path: impl Into<String>, accept: Option<&'static str>) -> Self {
        Self {
            path: path.into(),
            accept,
            kind: Kind::Listing,
            withheld: false,
            passing: false,
            indexed: false,
            names: Vec::new(),
            bytes: None,
        }
    }

    pub(crate) fn file(path: impl Into<String>, bytes: Bytes) -> Self {
        Self { kind: Kind::File, bytes: Some(bytes), ..Self::listing(path, None) }
    }

    pub(crate) fn withheld(mut self, withheld: bool) -> Self {
        self.withheld = withheld;
        self
    }

    pub(crate) fn passing(mut self, passing: bool) -> Self {
        self.passing = passing;
        self
    }

    pub(crate) fn indexed(mut self) -> Self {
        self.indexed = true;
        self
    }

    pub(crate) fn signed(mut self) -> Self {
        self.kind = Kind::Signed;
        self
    }

    /// Whether these bytes show what is withheld.
    pub(crate) fn shows_withheld(&self, bytes: &[u8]) -> bool {
        match self.kind {
            Kind::File => self.withheld && !bytes.is_empty(),
            Kind::Signed => false,
            Kind::Listing => contains_mark(bytes),
        }
    }
}

/// Whether the mark stands in a listing, except where npm's listing says what is withheld.
fn contains_mark(bytes: &[u8]) -> bool {
    let marked = |bytes: &[u8]| bytes.windows(MARK.len()).any(|window| window == MARK.as_bytes());
    match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(serde_json::Value::Object(mut object)) => {
            object.remove("policyRestrictions");
            marked(serde_json::Value::Object(object).to_string().as_bytes())
        }
        _ => marked(bytes),
    }
}

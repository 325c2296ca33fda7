//! What can be wrong with policy settings.

use thiserror::Error;

/// A setting that policy cannot be made from.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{key}: {what}; expected {expected}")]
pub struct PolicyError {
    /// The key as in the configuration: `policy.rules[2].versions`.
    pub key: String,
    /// What is wrong, with the value.
    pub what: String,
    /// What was expected instead.
    pub expected: String,
}

impl PolicyError {
    pub(crate) fn new(
        key: impl Into<String>,
        what: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self { key: key.into(), what: what.into(), expected: expected.into() }
    }
}

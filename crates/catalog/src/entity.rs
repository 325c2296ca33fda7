//! The rows as the tables hold them.
#![expect(unreachable_pub, reason = "the derives write items that are pub, and expect it of ours")]

pub(crate) mod artifact;
pub(crate) mod contact;
pub(crate) mod document;
pub(crate) mod first_seen;
pub(crate) mod listed_file;
pub(crate) mod outline;
pub(crate) mod refusal;

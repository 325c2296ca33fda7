//! The Go plugin, on bytes.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod conformance;
mod documents;
mod fixtures;
mod hostile;
mod routes;

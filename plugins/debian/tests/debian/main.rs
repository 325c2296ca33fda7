//! The plugin against the suite, and what it says of documents and paths.
#![expect(clippy::unwrap_used, reason = "tests")]

mod conformance;
mod documents;
mod fixtures;
mod routes;

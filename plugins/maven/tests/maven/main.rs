//! The Maven plugin: routes, documents, dates, and the laws of the seam.
#![expect(clippy::unwrap_used, reason = "a fixture that cannot be read fails the test")]

mod conformance;
mod documents;
mod fixtures;
mod routes;

//! The Cargo plugin, on bytes.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod api;
mod conformance;
mod fixtures;
mod index;
mod routes;

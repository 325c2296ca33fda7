//! The plugin from outside: its laws, its paths, and its refusals.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod conformance;
mod refusals;
mod routes;

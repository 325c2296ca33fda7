//! The plugin as the pipeline drives it: documents in, answers out.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod conformance;
mod documents;
mod hostile;
mod snapshots;

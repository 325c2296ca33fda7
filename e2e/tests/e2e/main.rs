//! Real package clients against the real binary, in front of fixture registries.
//!
//! A client that is not installed is skipped with a line that says so; in CI it fails.
#![expect(clippy::unwrap_used, reason = "a machine that cannot be prepared fails the test")]
#![expect(clippy::print_stdout, reason = "what was skipped, and what clients printed, is said")]

mod harness;

mod beside;
mod cargo;
mod container;
mod debian;
mod golang;
mod javascript;
mod jvm;
mod keys;
mod lent;
mod live;
mod maven;
mod npm;
mod postgres;
mod python;
mod repositories;
mod run;
mod s3;
mod signatures;
mod tokens;

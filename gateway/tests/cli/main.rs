//! The commands, as a person runs them: what stands on the terminal, and the exit code. Nothing of
//! this machine's settings is seen.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod access;
mod auth;
mod config;
mod home;
mod keys;
mod metrics;
mod otlp;
mod queries;
mod serving;
mod setup;
mod tls;
mod upkeep;

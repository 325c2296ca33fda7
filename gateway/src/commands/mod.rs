//! The commands, one file each, and what they share.

pub(crate) mod config;
pub(crate) mod discover;
pub(crate) mod explain;
pub(crate) mod keys;
mod place;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod setup;
pub(crate) mod stats;
pub(crate) mod upkeep;

//! The commands, one file each.

pub(crate) mod config;
pub(crate) mod discover;
pub(crate) mod explain;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod setup;
pub(crate) mod stats;

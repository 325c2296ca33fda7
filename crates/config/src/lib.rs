//! What the gateway was told: configuration file, environment and flags, read into one
//! [`Config`] in which every key has a value.
//!
//! Later layers win: defaults < file < environment < flags. A file is TOML, YAML or JSON with the
//! same keys; each is read by its own format's crate, so that errors name file, line and key.

mod config;
mod ecosystem;
mod limits;
mod secret;
mod value;

pub use config::{
    Address, Config, Cooldown, Database, Driver, Effect, Freshness, Group, IndexMode, Lifetimes,
    Listing, ListingMode, Log, LogFormat, Member, Policy, Registry, Rule, Storage, UnknownDate,
    Upstream, WorkMode,
};
pub use ecosystem::EcosystemId;
pub use limits::{Limits, UpstreamLimits};
pub use secret::{Credentials, Secret};

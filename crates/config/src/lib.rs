//! What the gateway was told: configuration file, environment and flags, read into one
//! [`Config`] in which every key has a value.
//!
//! Later layers win: defaults < file < environment < flags. A file is TOML, YAML or JSON with the
//! same keys; each is read by its own format's crate, so that errors name file, line and key.

mod auth;
mod check;
mod config;
mod ecosystem;
mod env;
mod error;
mod key;
mod limits;
mod load;
mod mounts;
mod partial;
mod read;
mod reference;
mod resolve;
mod scalar;
mod secret;
mod suggest;
mod value;

pub use auth::{ApiToken, Auth, TokenRole};
pub use check::{Warning, check};
pub use config::{
    AccessLog, Address, Config, Cooldown, Database, Driver, Effect, Freshness, Group, IndexMode,
    KeyKind, Keys, Lifetimes, Listing, ListingMode, Log, LogFormat, Member, Otlp, OtlpProtocol,
    Policy, Registry, Rule, SignedIndexes, Storage, Tls, UnknownDate, Upstream, WorkMode,
};
pub use ecosystem::EcosystemId;
pub use env::{Aws, Env, Proxies};
pub use error::{ConfigError, Origin, Problem};
pub use key::{Key, Kind, keys};
pub use limits::{Limits, UpstreamLimits};
pub use load::{Loaded, Overrides, Sources, load, parse, place_of};
pub use read::Format;
pub use reference::{reference_markdown, schema};
pub use secret::{Credentials, Secret};

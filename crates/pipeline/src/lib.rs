//! The pipeline: route → need → fetch → read → judge → write → serve, once for every ecosystem.
//!
//! A plugin describes; this crate acts. It is the only place that fetches documents for plugins,
//! judges what they read, and turns the result into HTTP.

mod addresses;
mod artifact;
mod body;
mod checksums;
mod contents;
mod doubts;
mod explain;
mod failure;
mod file;
mod front;
mod gather;
mod generations;
mod held;
mod indexes;
mod joined;
mod link;
mod listing;
mod mount;
mod observe;
mod obtain;
mod origin_of;
mod outline;
mod public;
mod record;
mod refusals;
mod refused;
mod registry;
mod request;
mod respond;
mod routes;
mod service;
mod settings;
mod sight;
mod tables;
mod transfer;
mod visit;
mod vouch;

pub use body::ResponseBody;
pub use explain::{ExplainError, Explained};
pub use failure::Failure;
pub use front::{Front, Member, Patterns, PatternsError};
pub use mount::{Identity, Mount, MountSpec, Origins};
pub use observe::{Event, Observer, Outcome, Told};
pub use public::PublicAddress;
pub use service::{Mounted, Pipeline, PipelineParts};
pub use settings::{Besides, Freshness, PipelineSettings, Signer, Verifier};

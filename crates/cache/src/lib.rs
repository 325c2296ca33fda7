//! What Weir keeps: artifacts (whole or not at all), documents with their freshness, and
//! renderings of listings with their encodings.
//!
//! Artifact bytes leave only against a [`weir_policy::Admitted`] token, which is consumed. A hit
//! costs one map look-up and one open file: no SQL, no upstream.

mod artifacts;
mod body;
mod checked;
mod dirhash;
mod documents;
mod encode;
mod entry;
mod error;
mod facts;
mod fill;
mod flights;
mod memory;
mod renderings;
mod room;
#[cfg(test)]
mod testing;
mod trouble;
mod upkeep;
mod uses;

pub use artifacts::{Acquired, ArtifactSettings, Artifacts, Kept, Wanted};
pub use body::Body;
pub use documents::{DocumentKey, Documents, Fetched, LostFacts, Stored};
pub use encode::{Encoding, encode};
pub use entry::Entry;
pub use error::CacheError;
pub use facts::{Changes, Fact, Facts, FactsBuilder, changes};
pub use fill::{Fill, Promise};
pub use flights::Flights;
pub use memory::{Memory, Of};
pub use renderings::{Grounds, Rendering, RenderingKey, RenderingOf, Renderings};
pub use trouble::Trouble;
pub use upkeep::{
    Collected, Collecting, Evicted, Fault, FaultKind, Retention, Scrub, Upkeep, Verified,
};

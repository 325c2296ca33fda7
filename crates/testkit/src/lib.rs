//! What tests of Weir share.
//!
//! - [`conformance()`]: one suite of laws that every plugin passes. It plays the pipeline's part on
//!   bytes, without a runtime.
//! - [`fuzz_bytes`]: arbitrary bytes in the place of a plugin's documents, for fuzz targets and
//!   mutation tests.
//! - `origin` (feature `server`): HTTP origins whose answers a test programs, and whole small
//!   registries on them.
//! - [`probes`]: four small ecosystems with shapes that the first real ones do not have.

mod conformance;
#[cfg(feature = "server")]
pub mod origin;
pub mod probes;

pub use conformance::{
    Answers, BASE_ORIGIN, Case, Driver, Fault, Judge, Parse, Random, Strip, Suite, Written,
    conformance, fuzz_bytes, keep_all, toy_signature,
};

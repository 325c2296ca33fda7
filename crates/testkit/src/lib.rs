//! What tests of Weir share.
//!
//! - [`conformance()`]: one suite of laws that every plugin passes. It plays the pipeline's part on
//!   bytes, without a runtime.
//! - [`fuzz_bytes`]: arbitrary bytes in the place of a plugin's documents, for fuzz targets and
//!   mutation tests.
//! - `origin` (feature `server`): HTTP origins whose answers a test programs, and whole small
//!   registries on them.
//! - [`process`]: the gateway as a child process.
//! - [`probes`]: four small ecosystems with shapes that the first real ones do not have.
//!
//! ```
//! use weir_testkit::{Case, Suite, probes::Listed};
//!
//! let sha256 = "0".repeat(64);
//! let list = format!("file demo 1.0 demo-1.0.bin {sha256}\nend\n");
//! Suite::new(&Listed)
//!     .case(
//!         Case::get("list/demo")
//!             .document("primary:list/demo", list.clone())
//!             .same_format("primary:list/demo")
//!             .lists(&[("demo", "1.0")]),
//!     )
//!     .case(
//!         Case::get("files/demo/demo-1.0.bin")
//!             .document("primary:list/demo", list)
//!             .locates("demo", "1.0"),
//!     )
//!     .check();
//! ```

mod conformance;
#[cfg(feature = "server")]
pub mod origin;
pub mod probes;
pub mod process;

pub use conformance::{
    Answers, BASE_ORIGIN, Case, Driver, Fault, Judge, Parse, Random, Strip, Suite, Written,
    conformance, fuzz_bytes, keep_all, toy_signature,
};

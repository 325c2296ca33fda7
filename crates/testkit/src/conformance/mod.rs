//! One suite of laws for all plugins (`DESIGN`: promises 1, 2 and 5 as tests).
//!
//! A [`Case`] is a request with the documents that upstream would send. The [`Suite`] plays the
//! pipeline on it through a [`Driver`] and checks every law that applies to the kind of target;
//! a violation panics with the plugin, the case and the law.

mod answers;
mod case;
mod driver;
mod fuzz;
mod laws;
mod links;
mod manifest;
mod mutations;
mod paths;
mod random;
mod refusals;
mod suite;

pub use answers::Answers;
pub use case::{Case, Parse, Strip};
pub use driver::{Driver, Fault, Judge, Written, keep_all, toy_signature};
pub use fuzz::fuzz_bytes;
pub use random::Random;
pub use suite::{BASE_ORIGIN, Suite, conformance};

#[cfg(test)]
mod tests;

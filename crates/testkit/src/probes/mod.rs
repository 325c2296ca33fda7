//! Four small ecosystems that exist nowhere: they hold the seam and the pipeline against shapes
//! that the first real plugins do not have.
//!
//! Their documents are lines of words, closed by the line `end`, so that a cut one is noticed.

mod chain;
mod content;
mod lines;
mod linked;
mod listed;

pub use chain::Chain;
pub use content::Content;
pub use linked::Linked;
pub use listed::Listed;

use weir_core::{Descriptor, OriginSpec, Scheme, Setup};

/// What the probes' descriptors share.
pub(crate) const fn descriptor(id: &'static str) -> Descriptor {
    Descriptor {
        id,
        aliases: &[],
        purl_type: "generic",
        mount: id,
        folder: id,
        origins: &[OriginSpec { id: "primary", title: "a probe's upstream", beside: None }],
        scheme: Scheme::Generic,
        marks: false,
        signed: false,
        records_files: false,
        listing: "list",
        refuse_empty: false,
        accepts: &["*/*"],
        lost_prefix: None,
        setup: Setup { variables: &[], files: &[], folder: None, note: "For tests only." },
    }
}

#[cfg(test)]
mod tests;

//! Bad days: a gateway whose upstreams, clients, disk, database and process fail at random, and an oracle
//! that compares every answer with what the registries truly have.
//!
//! The run is seeded: what goes wrong, and who asks for what, is decided by the seed alone. When
//! things happen depends on the machine.

mod bucket;
mod client;
mod commits;
mod counts;
mod disk;
mod faults;
mod havoc;
mod judge;
mod names;
mod run;
mod things;
mod truth;
mod world;

pub use bucket::{Bucket, Weather};
pub use client::{Ask, End, Got, Manner, ask};
pub use counts::{Counts, Tally};
pub use disk::{Frozen, Small, walk};
pub use run::{Options, Store, run};
pub use world::{World, recent};

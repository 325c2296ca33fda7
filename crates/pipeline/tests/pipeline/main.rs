//! The pipeline with its cache, end to end and in process: what clients get, and what origins
//! are asked for.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod agreement;
mod caching;
mod conditions;
mod encodings;
mod explain;
mod faults;
mod freshness;
mod generations;
mod groups;
mod harness;
mod herds;
mod hostile;
mod images;
mod images_agree;
mod images_judged;
mod maven;
mod modules;
mod policies;
mod recorder;
mod served;
mod shapes;
mod sightings;
mod slow_disk;
mod tables;
mod upstreams;
mod vouched;
mod whole;

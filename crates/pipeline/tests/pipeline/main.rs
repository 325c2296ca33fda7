//! The pipeline with its cache, end to end and in process: what clients get, and what origins
//! are asked for.

mod caching;
mod conditions;
mod encodings;
mod freshness;
mod harness;
mod herds;
mod policies;
mod sightings;
mod whole;

//! The pipeline with its cache, end to end and in process: what clients get, and what origins
//! are asked for.

mod agreement;
mod caching;
mod conditions;
mod encodings;
mod explain;
mod freshness;
mod groups;
mod harness;
mod herds;
mod hostile;
mod policies;
mod served;
mod sightings;
mod upstreams;
mod whole;

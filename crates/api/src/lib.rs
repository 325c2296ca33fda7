//! The gateway's own end points: health, statistics, metrics, explanations.

use std::sync::Arc;

use axum::Router;
use weir_catalog::Catalog;
use weir_pipeline::{Mount, Pipeline};
use weir_storage::Storage;
use weir_telemetry::Metrics;

/// What the end points show.
#[derive(Clone, Debug)]
pub struct ApiState {
    /// Explains packages.
    pub pipeline: Pipeline,
    /// The registries, in the order in which they are asked for explanations.
    pub mounts: Vec<Arc<Mount>>,
    /// The catalogue.
    pub catalog: Catalog,
    /// The store.
    pub storage: Arc<dyn Storage>,
    /// The metrics.
    pub metrics: Metrics,
    /// The database's file, or `postgres`; never an address with a password.
    pub database_path: String,
}

/// The router of all end points.
pub fn router(state: ApiState) -> Router {
    let _ = state;
    Router::new()
}

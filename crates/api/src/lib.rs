//! The gateway's own end points: health, statistics, metrics, explanations, the public key, a start page.
//!
//! All but administration only read. Everything that leaves here is either made from numbers or escaped: names of
//! packages come from strangers.

mod admin;
mod error;
mod explain;
mod health;
mod keys;
mod numbers;
mod pages;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::Response;
use axum::routing::{get, post};
use weir_cache::Upkeep;
use weir_catalog::Catalog;
use weir_core::Code;
use weir_pipeline::{Front, Mount, Pipeline};
use weir_signing::SigningKey;
use weir_storage::Storage;
use weir_telemetry::Metrics;

pub use error::ApiError;
pub use explain::{Answer, VERDICT, answer, parse_purl};

/// What a caller may see, as an extension of the request; without one, nothing of this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Where bytes and facts are kept.
    pub storage: bool,
}

/// What the end points show.
#[derive(Clone, Debug)]
pub struct ApiState {
    /// Explains packages.
    pub pipeline: Pipeline,
    /// The registries, in the order in which they are asked for explanations.
    pub mounts: Vec<Arc<Mount>>,
    /// What stands at which path, for the start page.
    pub fronts: Vec<Arc<Front>>,
    /// The catalogue.
    pub catalog: Catalog,
    /// The store.
    pub storage: Arc<dyn Storage>,
    /// The upkeep of what is stored.
    pub upkeep: Upkeep,
    /// The metrics.
    pub metrics: Metrics,
    /// The key that signs edited indexes.
    pub signing_key: Option<Arc<SigningKey>>,
    /// The database's file, or `postgres`; never an address with a password.
    pub database_path: String,
}

/// The state behind the handlers.
#[derive(Debug)]
struct Shared {
    api: ApiState,
    storage: health::Remembered,
    upkeep: admin::AtWork,
}

type Handle = axum::extract::State<Arc<Shared>>;

/// The router of all end points. Unknown paths are 404 with the code `not_found`.
pub fn router(state: ApiState) -> Router {
    let shared = Arc::new(Shared {
        api: state,
        storage: health::Remembered::default(),
        upkeep: admin::AtWork::default(),
    });
    Router::new()
        .route("/", get(pages::start))
        .route("/why/", get(pages::why))
        .route("/why/{*purl}", get(pages::why))
        .route("/health", get(health::health))
        .route("/health/ready", get(health::health))
        .route("/health/live", get(health::live))
        .route("/stats", get(numbers::stats))
        .route("/metrics", get(numbers::metrics))
        .route("/keys/", get(keys::index))
        .route("/keys/weir.asc", get(keys::armored))
        .route("/keys/weir.gpg", get(keys::binary))
        .route("/api/explain", get(explain::explain))
        .route("/api/refusals", get(numbers::refusals))
        .route("/api/admin/gc", post(admin::collect))
        .route("/api/admin/verify", post(admin::verify))
        .fallback(unknown)
        .method_not_allowed_fallback(not_offered)
        .with_state(shared)
}

async fn unknown(uri: Uri, headers: HeaderMap) -> Response {
    let sentence = format!("{} is neither a mount nor an end point of this gateway", uri.path());
    ApiError::new(Code::NotFound, sentence).respond(prefers_json(&headers))
}

async fn not_offered(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let takes = if uri.path().starts_with("/api/admin/") { "POST" } else { "GET" };
    let sentence = format!("{} takes {takes}, not {method}", uri.path());
    ApiError::new(Code::NotOffered, sentence).respond(prefers_json(&headers))
}

fn prefers_json(headers: &HeaderMap) -> bool {
    accepts(headers).is_some_and(|accept| accept.contains("json"))
}

fn accepts(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::ACCEPT)?.to_str().ok()
}

/// A value of a query, percent-decoded. A `+` stays a `+`: package versions hold it, and no value
/// here holds a space.
fn query_value(uri: &Uri, name: &str) -> Option<String> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(key, _)| *key == name)?;
    percent_encoding::percent_decode_str(value).decode_utf8().ok().map(Into::into)
}

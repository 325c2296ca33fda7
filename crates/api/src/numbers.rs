//! `/stats`, `/metrics` and `/api/refusals`.

use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use serde::Serialize;
use weir_catalog::{Refusal, human_size};
use weir_core::Code;

use crate::{ApiError, Handle, Rights, prefers_json, query_value};

/// The shape of `/stats`. Where bytes and facts are kept is for those with rights.
#[derive(Debug, Serialize)]
struct Numbers {
    cached_artifacts: u64,
    total_size_bytes: u64,
    total_size: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    database_path: Option<String>,
}

pub(crate) async fn stats(State(shared): Handle, rights: Option<Extension<Rights>>) -> Response {
    let api = &shared.api;
    let storage = rights.is_some_and(|Extension(rights)| rights.storage);
    match api.catalog.stats(0, 0).await {
        Ok(stats) => Json(Numbers {
            cached_artifacts: stats.artifacts,
            total_size_bytes: stats.total_size_bytes,
            total_size: human_size(stats.total_size_bytes),
            storage_url: storage.then(|| api.storage.describe()),
            database_path: storage.then(|| api.database_path.clone()),
        })
        .into_response(),
        Err(error) => ApiError::new(Code::Internal, error.to_string()).respond(true),
    }
}

pub(crate) async fn metrics(State(shared): Handle, headers: HeaderMap) -> Response {
    match shared.api.metrics.render() {
        Ok(page) => ([(header::CONTENT_TYPE, weir_telemetry::CONTENT_TYPE)], page).into_response(),
        Err(error) => {
            ApiError::new(Code::Internal, error.to_string()).respond(prefers_json(&headers))
        }
    }
}

/// How many refusals are listed when nothing else is said, and at most.
const REFUSALS: (u64, u64) = (50, 1000);

/// The shape of `/api/refusals`: the newest first.
#[derive(Debug, Serialize)]
struct Refusals {
    refusals: Vec<Refused>,
}

/// One refusal.
#[derive(Debug, Serialize)]
pub(crate) struct Refused {
    /// When; RFC 3339.
    pub(crate) at: String,
    pub(crate) mount: String,
    pub(crate) purl: Option<String>,
    pub(crate) code: String,
    pub(crate) rule: Option<String>,
    pub(crate) sentence: String,
    pub(crate) count: u64,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            at: refusal.at.to_string(),
            mount: refusal.mount,
            purl: refusal.purl,
            code: refusal.code,
            rule: refusal.rule,
            sentence: refusal.sentence,
            count: refusal.count,
        }
    }
}

pub(crate) async fn refusals(State(shared): Handle, uri: Uri) -> Response {
    let limit = match query_value(&uri, "limit").map(|text| text.parse::<u64>()) {
        None => REFUSALS.0,
        Some(Ok(limit)) => limit.min(REFUSALS.1),
        Some(Err(_)) => {
            let sentence = "limit is not a number such as /api/refusals?limit=50";
            return ApiError::new(Code::BadRequest, sentence).respond(true);
        }
    };
    match shared.api.catalog.recent_refusals(limit).await {
        Ok(found) => Json(Refusals { refusals: found.into_iter().map(Refused::from).collect() })
            .into_response(),
        Err(error) => ApiError::new(Code::Internal, error.to_string()).respond(true),
    }
}

//! `/health`: whether the gateway can do its work, with reasons when it cannot.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::{Handle, Shared, prefers_json};

/// A check that takes longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the storage's answer counts: the check writes an object.
const GOOD_FOR: Duration = Duration::from_secs(10);

/// How long its failure counts, so that a repair is soon seen.
const BAD_FOR: Duration = Duration::from_secs(1);

/// What a check found: nothing, or what is wrong.
type Finding = Result<(), String>;

/// The storage's last answer. Whoever comes while it is being asked waits for that answer.
#[derive(Debug, Default)]
pub(crate) struct Remembered(Mutex<Option<(Instant, Finding)>>);

impl Remembered {
    async fn get(&self, ask: impl Future<Output = Finding>) -> Finding {
        let mut last = self.0.lock().await;
        if let Some((at, finding)) = &*last {
            let good_for = if finding.is_ok() { GOOD_FOR } else { BAD_FOR };
            if at.elapsed() < good_for {
                return finding.clone();
            }
        }
        let finding = ask.await;
        *last = Some((Instant::now(), finding.clone()));
        finding
    }
}

/// The details of `/health?verbose`.
#[derive(Debug, Serialize)]
struct Health {
    /// `ok` or `unhealthy`.
    status: &'static str,
    catalogue: Check,
    storage: Check,
}

#[derive(Debug, Serialize)]
struct Check {
    status: &'static str,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<Finding> for Check {
    fn from(finding: Finding) -> Self {
        let status = word(finding.is_ok());
        Self { status, reason: finding.err() }
    }
}

fn word(well: bool) -> &'static str {
    if well { "ok" } else { "unhealthy" }
}

/// The process answers. That is all: one that cannot reach its database is not helped by a
/// restart.
pub(crate) async fn live() -> &'static str {
    "ok"
}

pub(crate) async fn health(State(shared): Handle, uri: Uri, headers: HeaderMap) -> Response {
    let (catalogue, storage) = tokio::join!(catalogue(&shared), storage(&shared));
    let well = catalogue.is_ok() && storage.is_ok();
    let verbose = uri.query().is_some_and(|query| {
        query.split('&').any(|pair| pair.split('=').next() == Some("verbose"))
    });
    let mut response = if verbose || prefers_json(&headers) {
        let (catalogue, storage) = (catalogue.into(), storage.into());
        axum::Json(Health { status: word(well), catalogue, storage }).into_response()
    } else {
        text(&catalogue, &storage).into_response()
    };
    if !well {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn text(catalogue: &Finding, storage: &Finding) -> String {
    let reasons: Vec<String> = [("catalogue", catalogue), ("storage", storage)]
        .into_iter()
        .filter_map(|(what, finding)| Some(format!("{what}: {}\n", finding.as_ref().err()?)))
        .collect();
    if reasons.is_empty() { "ok".to_owned() } else { format!("unhealthy\n{}", reasons.concat()) }
}

async fn catalogue(shared: &Shared) -> Finding {
    in_time(shared.api.catalog.check()).await
}

async fn storage(shared: &Shared) -> Finding {
    shared.storage.get(in_time(shared.api.storage.check())).await
}

async fn in_time<E: std::fmt::Display>(check: impl Future<Output = Result<(), E>>) -> Finding {
    match timeout(PATIENCE, check).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} seconds", PATIENCE.as_secs())),
    }
}

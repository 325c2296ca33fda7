//! Administration: what the commands `weir gc` and `weir verify` do, asked of a running gateway.
//! Whoever routes here has seen to it that the caller may.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tokio::sync::{Mutex, MutexGuard};
use weir_cache::{CacheError, Collected, Collecting, Verified};
use weir_core::Code;

use crate::{ApiError, Handle, query_value};

/// Upkeep reads the whole store: one at a time.
#[derive(Debug, Default)]
pub(crate) struct AtWork(Mutex<()>);

impl AtWork {
    fn begin(&self) -> Result<MutexGuard<'_, ()>, ApiError> {
        let busy = "a collection or verification is under way already; ask again when it is over";
        self.0.try_lock().map_err(|_| ApiError::new(Code::Overloaded, busy))
    }
}

/// The shape of a collection.
#[derive(Debug, Serialize)]
struct Collection {
    seen: u64,
    orphans: u64,
    bytes: u64,
    young: u64,
    dry_run: bool,
}

/// The shape of a verification.
#[derive(Debug, Serialize)]
struct Verification {
    checked: u64,
    bytes: u64,
    faults: Vec<Fault>,
}

/// An object that is not what its record says.
#[derive(Debug, Serialize)]
struct Fault {
    object: String,
    #[serde(rename = "fault")]
    kind: String,
    removed: bool,
}

/// Deletes objects that no record names; `?dry_run=true` only counts them.
pub(crate) async fn collect(State(shared): Handle, uri: Uri) -> Response {
    let dry_run = is_set(&uri, "dry_run");
    let how = Collecting { dry_run, ..Collecting::default() };
    let work = async {
        let _alone = shared.upkeep.begin()?;
        shared.api.upkeep.collect(how, |_| ()).await.map_err(|error| failed(&error))
    };
    let shape = |Collected { seen, orphans, bytes, young }: Collected| {
        Json(Collection { seen, orphans, bytes, young, dry_run }).into_response()
    };
    work.await.map_or_else(|error| error.respond(true), shape)
}

/// Hashes everything that is stored and removes what has changed; `?keep=true` only reports it.
pub(crate) async fn verify(State(shared): Handle, uri: Uri) -> Response {
    let keep = is_set(&uri, "keep");
    let work = async {
        let _alone = shared.upkeep.begin()?;
        shared.api.upkeep.verify(keep, |_| ()).await.map_err(|error| failed(&error))
    };
    work.await.map_or_else(|error| error.respond(true), |found| verification(found).into_response())
}

fn verification(found: Verified) -> Json<Verification> {
    let fault = |fault: weir_cache::Fault| Fault {
        kind: fault.kind.to_string(),
        removed: fault.removed,
        object: fault.key,
    };
    let Verified { checked, bytes, faults } = found;
    Json(Verification { checked, bytes, faults: faults.into_iter().map(fault).collect() })
}

fn is_set(uri: &Uri, name: &str) -> bool {
    query_value(uri, name).is_some_and(|value| value == "true" || value == "1")
}

fn failed(error: &CacheError) -> ApiError {
    ApiError::new(Code::Internal, error.to_string())
}

//! The work that goes on beside requests: counts are written, sizes are read, the store is kept
//! below its limits and is hashed again bit by bit.

use std::sync::Arc;
use std::time::Duration;

use weir_cache::{Retention, Scrub, Verified};
use weir_telemetry::Metrics;

use crate::gateway::Gateway;
use crate::observer::Telling;
use crate::settings;

/// How often counted hits and refusals are written to the catalogue.
const FLUSH_EVERY: Duration = Duration::from_secs(10);
/// How often it is asked whether the store is above its limits. Costs nothing while this process
/// knows how much it has added.
const EVICT_EVERY: Duration = Duration::from_secs(5);
/// How often what is too old is looked for, and the store is measured for those who share it.
const RETIRE_EVERY: Duration = Duration::from_mins(10);
/// How often the sizes on the page of metrics are read.
const MEASURE_EVERY: Duration = Duration::from_mins(1);
/// The shortest pause between two steps of the scrub.
const SCRUB_PAUSE: Duration = Duration::from_secs(1);

/// Starts what every gateway does. Ends with the runtime.
pub(crate) fn start(gateway: &Gateway) {
    let artifacts = gateway.artifacts.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(FLUSH_EVERY).await;
            if let Err(error) = artifacts.flush_hits().await {
                tracing::warn!(%error, "hit counts were not written");
            }
        }
    });
}

/// Starts what the gateway that serves for long does besides.
pub(crate) fn start_serving(gateway: &Arc<Gateway>, telling: &Arc<Telling>, metrics: &Metrics) {
    tokio::spawn(tell(Arc::clone(gateway), Arc::clone(telling)));
    tokio::spawn(measure(Arc::clone(gateway), metrics.clone()));
    tokio::spawn(evict(Arc::clone(gateway), settings::retention(&gateway.config)));
    if let Some(within) = gateway.config.storage.scrub {
        tokio::spawn(scrub(Arc::clone(gateway), metrics.clone(), within));
    }
}

async fn tell(gateway: Arc<Gateway>, telling: Arc<Telling>) {
    loop {
        tokio::time::sleep(FLUSH_EVERY).await;
        telling.flush(&gateway.catalog).await;
    }
}

async fn measure(gateway: Arc<Gateway>, metrics: Metrics) {
    loop {
        match gateway.catalog.volume().await {
            Ok(volume) => metrics.cache_size(volume.bytes(), volume.artifacts),
            Err(error) => tracing::debug!(%error, "sizes were not read"),
        }
        tokio::time::sleep(MEASURE_EVERY).await;
    }
}

async fn evict(gateway: Arc<Gateway>, retention: Retention) {
    let mut retired = None;
    loop {
        let due = retired.is_none_or(|at: tokio::time::Instant| at.elapsed() >= RETIRE_EVERY);
        if due || is_over(&gateway, &retention).await {
            retired = Some(tokio::time::Instant::now());
            match gateway.upkeep.evict(&retention).await {
                Ok(evicted) if evicted.artifacts + evicted.documents > 0 => tracing::info!(
                    artifacts = evicted.artifacts,
                    documents = evicted.documents,
                    bytes = evicted.bytes,
                    "evicted what was used least recently"
                ),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "eviction failed; it is tried again"),
            }
        }
        tokio::time::sleep(EVICT_EVERY).await;
    }
}

async fn is_over(gateway: &Gateway, retention: &Retention) -> bool {
    let Some(max_size) = retention.max_size else { return false };
    gateway.upkeep.is_over(max_size).await.unwrap_or(false)
}

/// One file at a time, with pauses that spread everything over the time that is set.
async fn scrub(gateway: Arc<Gateway>, metrics: Metrics, within: Duration) {
    let mut scrub = Scrub::default();
    loop {
        let rows = match gateway.catalog.volume().await {
            Ok(volume) => volume.artifacts.max(volume.documents).max(1),
            Err(_) => 1,
        };
        let pause = within / u32::try_from(rows).unwrap_or(u32::MAX);
        // Many small files: several in one step, instead of pauses too short to be any.
        let step = SCRUB_PAUSE.as_millis().checked_div(pause.as_millis()).unwrap_or(1000).max(1);
        tokio::time::sleep(pause.max(SCRUB_PAUSE)).await;
        match gateway.upkeep.scrub(&mut scrub, step as u64).await {
            // Each fault has been reported where it was found.
            Ok(Verified { faults, .. }) => {
                for _ in faults {
                    metrics.storage_error("verify");
                }
            }
            Err(error) => tracing::warn!(%error, "the scrub was interrupted; it goes on"),
        }
    }
}

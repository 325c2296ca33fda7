//! Counts what the pipeline tells: metrics, and the log of refusals.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use weir_catalog::{Catalog, Refusal};
use weir_core::{Clock, Denial};
use weir_pipeline::{Event, Observer, Outcome};
use weir_telemetry::Metrics;
use weir_upstream::Quota;

/// Refusals that are kept for the catalogue between two writes; more are counted only.
const KEPT: usize = 1024;

/// Tells metrics, the log and the catalogue.
#[derive(Debug)]
pub(crate) struct Telling {
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    refusals: Mutex<Vec<Refusal>>,
    /// Mounts whose upstream grants few more requests: said once, until there are more again.
    low: Mutex<HashSet<String>>,
}

impl Telling {
    /// Tells these metrics.
    pub(crate) fn new(metrics: Metrics, clock: Arc<dyn Clock>) -> Self {
        Self { metrics, clock, refusals: Mutex::default(), low: Mutex::default() }
    }

    /// Writes the refusals since the last call to the catalogue.
    pub(crate) async fn flush(&self, catalog: &Catalog) {
        let refusals =
            std::mem::take(&mut *self.refusals.lock().unwrap_or_else(PoisonError::into_inner));
        if refusals.is_empty() {
            return;
        }
        if let Err(error) = catalog.record_refusals(&refusals).await {
            tracing::warn!(%error, "refusals were not recorded");
        }
    }

    fn refused(&self, event: &Event<'_>, denial: &Denial) {
        self.metrics.decided(event.ecosystem, denial.code.as_str(), denial.rule.as_deref());
        tracing::info!(mount = event.mount, code = %denial.code, "refused: {denial}");
        let Some(subject) = event.subject else { return };
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.len() < KEPT {
            refusals.push(Refusal {
                at: self.clock.now(),
                mount: event.mount.to_owned(),
                purl: Some(subject.to_string()),
                code: denial.code.as_str().to_owned(),
                rule: denial.rule.as_deref().map(ToOwned::to_owned),
                sentence: denial.sentence.clone(),
                count: 1,
            });
        }
    }
}

impl Observer for Telling {
    fn event(&self, event: &Event<'_>) {
        match event.outcome {
            Outcome::Hit => self.metrics.hit(event.ecosystem),
            Outcome::Miss => self.metrics.miss(event.ecosystem),
            Outcome::Refused(denial) => self.refused(event, denial),
            Outcome::Failed(denial) => {
                tracing::debug!(mount = event.mount, code = %denial.code, "failed: {denial}");
            }
        }
    }

    fn upstream(&self, ecosystem: &'static str, seconds: f64, error: Option<&'static str>) {
        match error {
            Some(kind) => self.metrics.upstream_error(ecosystem, kind),
            None => self.metrics.fetched(ecosystem, Duration::from_secs_f64(seconds)),
        }
    }

    fn decided(&self, ecosystem: &'static str, code: &'static str, rule: Option<&str>) {
        self.metrics.decided(ecosystem, code, rule);
    }

    fn storage(&self, operation: &'static str, seconds: f64, failed: bool) {
        if failed {
            self.metrics.storage_error(operation);
        } else {
            self.metrics.stored(operation, Duration::from_secs_f64(seconds));
        }
    }

    fn quota(&self, ecosystem: &'static str, mount: &str, quota: &Quota) {
        self.metrics.quota(ecosystem, mount, quota.remaining, quota.limit);
        let mut low = self.low.lock().unwrap_or_else(PoisonError::into_inner);
        if !quota.is_low() {
            low.remove(mount);
        } else if low.insert(mount.to_owned()) {
            let Quota { remaining, limit, window, reset } = quota;
            tracing::warn!(
                mount,
                remaining,
                ?limit,
                ?window,
                ?reset,
                "upstream's rate limit is nearly used up"
            );
        }
    }
}

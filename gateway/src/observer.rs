//! Counts what the pipeline tells: metrics, and the log of refusals.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use weir_catalog::{Catalog, Refusal};
use weir_core::{Clock, Denial, Purl, Timestamp};
use weir_pipeline::{Event, Observer, Outcome};
use weir_telemetry::Metrics;
use weir_upstream::Quota;

/// Different refusals that are kept for the catalogue between two writes; more are counted only.
const KEPT: usize = 1024;

/// Tells metrics, the log and the catalogue.
#[derive(Debug)]
pub(crate) struct Telling {
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    refusals: RwLock<Refusals>,
    /// Mounts whose upstream grants few more requests: said once, until there are more again.
    low: Mutex<HashSet<String>>,
}

impl Telling {
    /// Tells these metrics.
    pub(crate) fn new(metrics: Metrics, clock: Arc<dyn Clock>) -> Self {
        Self { metrics, clock, refusals: RwLock::default(), low: Mutex::default() }
    }

    /// Writes the refusals since the last call to the catalogue.
    pub(crate) async fn flush(&self, catalog: &Catalog) {
        let (refusals, packages) = self.refusals().take();
        for again in refusals.iter().filter(|refusal| refusal.count > 1) {
            let Refusal { mount, code, sentence, count, .. } = again;
            tracing::info!(mount, code, times = count - 1, "refused again: {sentence}");
        }
        if refusals.is_empty() {
            return;
        }
        if let Err(error) = catalog.record_refusals(&refusals).await {
            tracing::warn!(%error, "refusals were not recorded; that is tried again");
            self.refusals().put_back(refusals, packages);
        }
    }

    /// A refusal is said once between two writes to the catalogue, and counted after that: a client
    /// in a loop must not fill the log.
    fn refused(&self, event: &Event<'_>, denial: &Denial) {
        self.metrics.decided(event.ecosystem, denial.code.as_str(), denial.rule.as_deref());
        let at = self.clock.now();
        let known = event.subject.is_some_and(|purl| {
            let refused = (event.mount, purl, denial);
            self.again(refused, at) || self.refusals().count(refused, at)
        });
        if !known {
            tracing::info!(mount = event.mount, code = %denial.code, "refused: {denial}");
        }
    }

    fn again(&self, refused: (&str, &Purl, &Denial), at: Timestamp) -> bool {
        self.refusals.read().unwrap_or_else(PoisonError::into_inner).again(refused, at)
    }

    fn refusals(&self) -> RwLockWriteGuard<'_, Refusals> {
        self.refusals.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The refusals since the last write, by package. Those that are counted again need no lock but the
/// one that readers share.
#[derive(Debug, Default)]
struct Refusals {
    by_package: HashMap<Purl, Vec<Counted>>,
    kept: usize,
}

/// A refusal, how often it was seen, and when last.
#[derive(Debug)]
struct Counted {
    first: Refusal,
    count: AtomicU64,
    last: AtomicI64,
}

impl Counted {
    fn new(first: Refusal) -> Self {
        let last = AtomicI64::new(first.at.as_millis());
        Self { count: AtomicU64::new(first.count), last, first }
    }

    fn of(&self, mount: &str, denial: &Denial) -> bool {
        let Refusal { mount: own, code, rule, sentence, .. } = &self.first;
        own == mount
            && code == denial.code.as_str()
            && rule.as_deref() == denial.rule.as_deref()
            && *sentence == denial.sentence
    }

    fn into_refusal(self) -> Refusal {
        let at = Timestamp::from_millis(self.last.into_inner());
        Refusal { at, count: self.count.into_inner(), ..self.first }
    }
}

impl Refusals {
    /// Counts a refusal that was counted before; whether it was.
    fn again(&self, (mount, purl, denial): (&str, &Purl, &Denial), at: Timestamp) -> bool {
        let of_package = self.by_package.get(purl);
        let known = of_package.and_then(|all| all.iter().find(|one| one.of(mount, denial)));
        if let Some(known) = known {
            known.count.fetch_add(1, Ordering::Relaxed);
            known.last.fetch_max(at.as_millis(), Ordering::Relaxed);
        }
        known.is_some()
    }

    /// Counts a refusal; whether it was counted before.
    fn count(&mut self, (mount, purl, denial): (&str, &Purl, &Denial), at: Timestamp) -> bool {
        if self.again((mount, purl, denial), at) {
            return true;
        }
        if self.kept < KEPT {
            self.kept += 1;
            self.by_package.entry(purl.clone()).or_default().push(Counted::new(Refusal {
                at,
                mount: mount.to_owned(),
                purl: Some(purl.to_string()),
                code: denial.code.as_str().to_owned(),
                rule: denial.rule.as_deref().map(ToOwned::to_owned),
                sentence: denial.sentence.clone(),
                count: 1,
            }));
        }
        false
    }

    /// All of them, oldest first, and the packages that they are of.
    fn take(&mut self) -> (Vec<Refusal>, Vec<Purl>) {
        let all = std::mem::take(self).by_package.into_iter();
        let mut all: Vec<_> = all
            .flat_map(|(purl, counted)| {
                counted.into_iter().map(move |one| (one.into_refusal(), purl.clone()))
            })
            .collect();
        all.sort_by_key(|(refusal, _)| refusal.at);
        all.into_iter().unzip()
    }

    /// Keeps for the next time what could not be written, as far as there is room.
    fn put_back(&mut self, refusals: Vec<Refusal>, packages: Vec<Purl>) {
        let room = KEPT.saturating_sub(self.kept);
        self.kept += refusals.len().min(room);
        for (refusal, purl) in refusals.into_iter().zip(packages).take(room) {
            self.by_package.entry(purl).or_default().push(Counted::new(refusal));
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
                self.metrics.failed(event.ecosystem, denial.code.as_str());
                tracing::debug!(mount = event.mount, code = %denial.code, "failed: {denial}");
            }
        }
    }

    fn upstream(&self, ecosystem: &'static str, seconds: f64, error: Option<&'static str>) {
        self.metrics.fetched(ecosystem, Duration::from_secs_f64(seconds));
        if let Some(kind) = error {
            self.metrics.upstream_error(ecosystem, kind);
        }
    }

    fn unusable(&self, ecosystem: &'static str, error: &'static str) {
        self.metrics.upstream_error(ecosystem, error);
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

#[cfg(test)]
mod tests {
    use weir_core::Code;

    use super::*;

    #[test]
    fn the_same_refusal_is_one_with_a_count() {
        let mut refusals = Refusals::default();
        let purl = |name: &str| Purl::new("npm", name, Some("1.0.0"));
        let denial = |sentence: &str| Denial::new(Code::BlockedByPolicies, sentence);
        let (one, other) = (denial("withheld"), denial("withheld until tomorrow"));
        let at = Timestamp::from_millis;
        assert!(!refusals.count(("npm", &purl("a"), &one), at(1)));
        assert!(!refusals.count(("npm", &purl("b"), &one), at(2)));
        assert!(refusals.count(("npm", &purl("a"), &one), at(3)));
        assert!(!refusals.count(("inner", &purl("a"), &one), at(4)));
        assert!(!refusals.count(("npm", &purl("a"), &other), at(5)));
        let (taken, packages) = refusals.take();
        let seen: Vec<_> = taken.iter().map(|one| (one.at.as_millis(), one.count)).collect();
        assert_eq!(seen, [(2, 1), (3, 2), (4, 1), (5, 1)]);
        assert!(refusals.take().0.is_empty());
        refusals.put_back(taken.clone(), packages);
        assert!(refusals.count(("inner", &purl("a"), &one), at(6)));
        assert_eq!(refusals.take().0.len(), taken.len());
    }

    #[test]
    fn the_memory_for_different_refusals_is_bounded() {
        let mut refusals = Refusals::default();
        let denial = Denial::new(Code::BlockedByPolicies, "withheld");
        for n in 0..KEPT + 10 {
            let purl = Purl::new("npm", &format!("p{n}"), None);
            assert!(!refusals.count(("npm", &purl, &denial), Timestamp::MIN));
        }
        let (taken, packages) = refusals.take();
        assert_eq!(taken.len(), KEPT);
        refusals.put_back(taken.clone(), packages.clone());
        refusals.put_back(taken, packages);
        assert_eq!(refusals.take().0.len(), KEPT);
    }
}

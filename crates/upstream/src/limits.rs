//! What one origin may do to one host at a time: slots, rate and circuit breaker.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::breaker::{Breaker, Pass};
use crate::error::Phase;
use crate::{At, Origin, Settings, UpstreamError};

/// How many lanes are remembered. Links name hosts, so their number is not ours to choose.
const MAX_LANES: usize = 4096;

/// The lanes of a client, one for each pair of origin and host.
#[derive(Debug, Default)]
pub(crate) struct Lanes(Mutex<HashMap<Key, Arc<Lane>>>);

/// Limits are part of the key: an origin that is configured anew gets a new lane.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    at: At,
    slots: usize,
    rate: Option<NonZeroU32>,
}

impl Lanes {
    /// The lane of an origin to a host.
    pub(crate) fn lane(&self, settings: &Settings, origin: &Origin, at: &At) -> Arc<Lane> {
        let slots = origin.max_connections.unwrap_or(settings.max_connections_per_host);
        let rate = origin.requests_per_second.or(settings.requests_per_second);
        let key = Key {
            at: at.clone(),
            slots: slots.clamp(1, Semaphore::MAX_PERMITS),
            rate: rate.and_then(NonZeroU32::new),
        };
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() >= MAX_LANES && !lanes.contains_key(&key) {
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1 || !lane.breaker.is_calm());
        }
        if lanes.len() >= MAX_LANES && !lanes.contains_key(&key) {
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        }
        let fresh = || Arc::new(Lane::new(settings, key.slots, key.rate));
        if let Some(lane) = lanes.get(&key) {
            return lane.clone();
        }
        let lane = fresh();
        lanes.insert(key, lane.clone());
        lane
    }
}

/// The limits of one origin to one host.
#[derive(Debug)]
pub(crate) struct Lane {
    slots: Arc<Semaphore>,
    rate: Option<DefaultDirectRateLimiter>,
    breaker: Arc<Breaker>,
}

/// The right to send one request; held until its body has ended.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) pass: Pass,
    pub(crate) slot: OwnedSemaphorePermit,
}

impl Lane {
    fn new(settings: &Settings, slots: usize, rate: Option<NonZeroU32>) -> Self {
        let breaker = Breaker::new(settings.breaker_failures, settings.breaker_open);
        Self {
            slots: Arc::new(Semaphore::new(slots)),
            rate: rate.map(|n| RateLimiter::direct(Quota::per_second(n))),
            breaker: Arc::new(breaker),
        }
    }

    /// Waits for a slot and the rate, unless the breaker is open.
    pub(crate) async fn enter(&self, settings: &Settings, at: &At) -> Result<Entry, UpstreamError> {
        let open = |retry_in| UpstreamError::BreakerOpen { at: at.clone(), retry_in };
        self.breaker.check().map_err(open)?;
        let after = settings.pool_timeout;
        let slot =
            tokio::time::timeout(after, self.wait()).await.ok().flatten().ok_or_else(|| {
                UpstreamError::Timeout { at: at.clone(), phase: Phase::Pool, after }
            })?;
        // Asked again: it may have opened in the meantime.
        let pass = self.breaker.pass().map_err(open)?;
        Ok(Entry { pass, slot })
    }

    async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        let slot = self.slots.clone().acquire_owned().await.ok()?;
        if let Some(rate) = &self.rate {
            while let Err(early) = rate.check() {
                tokio::time::sleep(early.wait_time_from(DefaultClock::default().now())).await;
            }
        }
        Some(slot)
    }
}

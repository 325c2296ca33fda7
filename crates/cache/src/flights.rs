//! One flight per key: concurrent callers share one run of the same work.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tracing::Instrument as _;

type Flight<V> = Shared<BoxFuture<'static, Option<V>>>;

/// Coalesces work by key. The work runs in a task of its own, so it goes on when a caller leaves.
pub struct Flights<K, V> {
    running: Arc<Mutex<HashMap<K, Flight<V>>>>,
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Nothing under way.
    pub fn new() -> Self {
        Self { running: Arc::default() }
    }

    /// Joins the work under this key, or starts it. `None` when the work panicked or the runtime
    /// shuts down.
    pub async fn join<F>(&self, key: K, work: impl FnOnce() -> F) -> Option<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let flight = {
            let mut running = self.lock();
            let launch = |key: &K| self.launch(key.clone(), work());
            running.entry(key).or_insert_with_key(launch).clone()
        };
        flight.await
    }

    /// Starts the work under this key unless it is under way, and does not wait for it.
    pub fn start<F>(&self, key: K, work: impl FnOnce() -> F)
    where
        F: Future<Output = V> + Send + 'static,
    {
        self.lock().entry(key).or_insert_with_key(|key| self.launch(key.clone(), work()));
    }

    fn launch<F>(&self, key: K, work: F) -> Flight<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let landing = Landing { running: Arc::clone(&self.running), key };
        let task = async move {
            let _landing = landing;
            work.await
        };
        // Part of the trace of the request that began it.
        let task = tokio::spawn(task.in_current_span());
        async move { task.await.ok() }.boxed().shared()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, Flight<V>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> Default for Flights<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> fmt::Debug for Flights<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flights")
    }
}

/// Takes the flight off the map however its work ends.
struct Landing<K: Eq + Hash, V> {
    running: Arc<Mutex<HashMap<K, Flight<V>>>>,
    key: K,
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn concurrent_callers_share_one_run() {
        let flights = Flights::<u8, usize>::new();
        let runs = Arc::new(AtomicUsize::new(0));
        let work = || {
            let runs = Arc::clone(&runs);
            async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                runs.fetch_add(1, Ordering::SeqCst) + 1
            }
        };
        let (a, b, c) =
            tokio::join!(flights.join(1, work), flights.join(1, work), flights.join(2, work));
        assert_eq!(a, b);
        assert!(c.is_some());
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        assert!(flights.join(1, work).await > a, "an ended flight is not reused");
    }

    #[tokio::test]
    async fn a_panic_ends_the_flight_and_frees_the_key() {
        let flights = Flights::<u8, u8>::new();
        assert_eq!(flights.join(1, || async { panic!("deliberate") }).await, None);
        assert_eq!(flights.join(1, || async { 7 }).await, Some(7));
    }
}

//! Which objects of the store are being read or committed, so that none of them is removed; and
//! which are being removed, so that nobody opens or names them meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use weir_storage::Key;

/// The objects in use, by this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uses {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    states: Mutex<HashMap<Key, State>>,
    removed: Notify,
}

#[derive(Debug)]
enum State {
    /// By so many.
    Used(usize),
    Removing,
}

/// Keeps an object from being removed until it is dropped.
#[derive(Debug)]
pub(crate) struct Use {
    shared: Arc<Shared>,
    key: Key,
}

/// Keeps an object from being used until it is dropped.
#[derive(Debug)]
pub(crate) struct Removal {
    shared: Arc<Shared>,
    key: Key,
}

impl Uses {
    /// Begins a use; waits for a removal to end.
    pub(crate) async fn begin(&self, key: &Key) -> Use {
        loop {
            let removed = self.shared.removed.notified();
            if self.shared.try_use(key) {
                return Use { shared: Arc::clone(&self.shared), key: key.clone() };
            }
            removed.await;
        }
    }

    /// Begins a removal, unless the object is in use or being removed.
    pub(crate) fn remove(&self, key: &Key) -> Option<Removal> {
        let mut states = self.shared.states();
        if states.contains_key(key) {
            return None;
        }
        states.insert(key.clone(), State::Removing);
        Some(Removal { shared: Arc::clone(&self.shared), key: key.clone() })
    }
}

impl Shared {
    fn states(&self) -> MutexGuard<'_, HashMap<Key, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_use(&self, key: &Key) -> bool {
        let mut states = self.states();
        match states.get_mut(key) {
            Some(State::Removing) => return false,
            Some(State::Used(count)) => *count += 1,
            None => {
                states.insert(key.clone(), State::Used(1));
            }
        }
        true
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        let mut states = self.shared.states();
        if let Some(State::Used(count)) = states.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                states.remove(&self.key);
            }
        }
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        self.shared.states().remove(&self.key);
        self.shared.removed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn an_object_can_be_removed_after_its_last_use_only() {
        let uses = Uses::default();
        let (one, other) = (Key::from_parts(["a"]), Key::from_parts(["b"]));
        let (first, second) = (uses.begin(&one).await, uses.begin(&one).await);
        drop(first);
        assert!(uses.remove(&one).is_none());
        assert!(uses.remove(&other).is_some());
        drop(second);
        assert!(uses.remove(&one).is_some());
    }

    #[tokio::test]
    async fn a_use_waits_until_the_removal_has_ended() {
        let uses = Uses::default();
        let key = Key::from_parts(["a"]);
        let removal = uses.remove(&key).unwrap();
        assert!(uses.remove(&key).is_none());
        let waiting = tokio::spawn({
            let (uses, key) = (uses.clone(), key.clone());
            async move { uses.begin(&key).await }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!waiting.is_finished());
        drop(removal);
        let begun = waiting.await.unwrap();
        assert!(uses.remove(&key).is_none());
        drop(begun);
    }
}

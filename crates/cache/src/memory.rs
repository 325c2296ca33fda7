//! What is held in memory, up to a bound: what is asked for again stays longer than what was asked for
//! once.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, OptionsBuilder, Weighter};

/// The share of its bound that one value may take; what is heavier is not held.
const LARGEST: f64 = 0.97;

/// Values by their keys. Looking one up takes a lock that readers share, and makes no key.
pub struct Memory<K, V>(Cache<K, V, Weigh<V>, foldhash::fast::RandomState>);

struct Weigh<V>(fn(&V) -> u64);

impl<V> Clone for Weigh<V> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<K, V> Weighter<K, V> for Weigh<V> {
    fn weight(&self, _: &K, value: &V) -> u64 {
        // What weighs nothing would never be dropped.
        (self.0)(value).max(1)
    }
}

impl<K: Eq + Hash, V: Clone> Memory<K, V> {
    /// Holds so many values.
    pub fn of(most: usize) -> Self {
        let mut options = OptionsBuilder::new();
        options.estimated_items_capacity(most);
        Self::with(options, most as u64, |_| 1)
    }

    /// Holds values of this weight in all, which are mostly this heavy.
    pub fn weighing(most: u64, mostly: u64, weight: fn(&V) -> u64) -> Self {
        let mut options = OptionsBuilder::new();
        let count = usize::try_from(most / mostly.max(1)).unwrap_or(usize::MAX);
        // In one piece: of several, none could hold what is heavier than itself.
        options.estimated_items_capacity(count.clamp(1, 1 << 20)).shards(1);
        Self::with(options, most, weight)
    }

    fn with(mut options: OptionsBuilder, most: u64, weight: fn(&V) -> u64) -> Self {
        let options = options.weight_capacity(most).hot_allocation(LARGEST).build();
        let options = options.expect("both capacities are set");
        let hasher = foldhash::fast::RandomState::default();
        Self(Cache::with_options(options, Weigh(weight), hasher, DefaultLifecycle::default()))
    }

    /// The value of a key.
    pub fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V> {
        self.0.get(key)
    }

    /// Whether there is a value of a key.
    pub fn has<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> bool {
        self.0.contains_key(key)
    }

    /// The value of a key; without one, that which `make` makes is held from now on.
    pub fn get_or_put(&self, key: &K, make: impl FnOnce() -> V) -> V
    where
        K: Clone,
    {
        let held = self.0.get_or_insert_with(key, || Ok::<V, std::convert::Infallible>(make()));
        match held {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// Holds a value, in place of an earlier one; one that is too heavy is not held, and neither is
    /// the earlier one then.
    pub fn put(&self, key: K, value: V) {
        self.0.insert(key, value);
    }

    /// Forgets the value of a key.
    pub fn forget<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) {
        self.0.remove(key);
    }

    /// Whether a value of this weight is held at all.
    pub fn takes(&self, weight: u64) -> bool {
        // As the library reckons it.
        #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^52 bytes")]
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of it"
        )]
        let most = (self.0.shard_capacity() as f64 * LARGEST) as u64;
        weight <= most
    }

    /// How many values there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl<K: Eq + Hash, V: Clone> fmt::Debug for Memory<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Memory").field(&self.count()).finish()
    }
}

/// Something of a mount, to look up what is held of it.
#[derive(Hash, PartialEq, Eq)]
pub struct Of<'a>(pub &'a str, pub &'a str);

impl Equivalent<(Arc<str>, Box<str>)> for Of<'_> {
    fn equivalent(&self, (mount, name): &(Arc<str>, Box<str>)) -> bool {
        *self.0 == **mount && *self.1 == **name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_bounded_by_its_number() {
        let memory = Memory::<Box<str>, usize>::of(100);
        for n in 0..10_000 {
            memory.put(n.to_string().into(), n);
            assert_eq!(memory.get(n.to_string().as_str()), Some(n));
        }
        assert!((50..=128).contains(&memory.count()), "{}", memory.count());
    }

    #[test]
    fn what_is_held_is_bounded_by_its_weight() {
        let memory = Memory::<usize, usize>::weighing(1000, 100, |value| *value as u64);
        for n in 0..100 {
            memory.put(n, 90);
        }
        assert!((5..=11).contains(&memory.count()), "{}", memory.count());
    }

    #[test]
    fn a_value_that_is_too_heavy_is_not_held_and_does_not_leave_an_older_one() {
        let memory = Memory::<usize, u64>::weighing(1000, 100, |value| *value);
        for (weight, held) in [(970, true), (971, false), (1000, false), (5000, false)] {
            memory.put(1, 10);
            memory.put(1, weight);
            assert_eq!(memory.takes(weight), held, "{weight}");
            assert_eq!(memory.get(&1), Some(weight).filter(|_| held));
        }
    }

    #[test]
    fn a_value_is_found_by_the_parts_of_its_key_until_it_is_dropped() {
        let memory = Memory::of(10);
        memory.put((Arc::<str>::from("npm"), Box::<str>::from("demo")), 1);
        assert_eq!(memory.get(&Of("npm", "demo")), Some(1));
        assert!(memory.has(&Of("npm", "demo")) && !memory.has(&Of("npm", "other")));
        assert_eq!(memory.get(&Of("npmdemo", "")), None);
        memory.forget(&Of("npm", "demo"));
        assert_eq!(memory.get(&Of("npm", "demo")), None);
    }

    #[test]
    fn what_is_made_for_a_key_is_made_once() {
        let memory = Memory::of(10);
        let key = (Arc::<str>::from("npm"), Box::<str>::from("demo"));
        assert_eq!(memory.get_or_put(&key, || 1), 1);
        assert_eq!(memory.get_or_put(&key, || 2), 1);
    }
}

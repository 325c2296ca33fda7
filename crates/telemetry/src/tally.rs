//! Counts by label, cheap enough for every request: one look-up and one addition.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use opentelemetry::KeyValue;
use opentelemetry::metrics::AsyncInstrument;

/// What a series counts: how its labels are compared and spelled.
pub(crate) trait Labels: Send + Sync + 'static {
    /// The labels as a caller has them, who keeps them.
    type Seen<'a>: Copy;

    /// Whether these are the same.
    fn are(&self, seen: Self::Seen<'_>) -> bool;

    /// The labels to keep.
    fn keep(seen: Self::Seen<'_>) -> Self;

    /// The labels as they are exported.
    fn pairs(&self) -> Vec<KeyValue>;
}

/// A counter with some series, which readers collect. Clones count together.
pub(crate) struct Tally<L>(Arc<ArcSwap<Vec<Series<L>>>>);

/// Labels and their count.
type Series<L> = Arc<(L, AtomicU64)>;

impl<L> Clone for Tally<L> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<L> Default for Tally<L> {
    fn default() -> Self {
        Self(Arc::new(ArcSwap::from_pointee(Vec::new())))
    }
}

impl<L: Labels> Tally<L> {
    /// Counts one.
    pub(crate) fn count(&self, seen: L::Seen<'_>) {
        self.add(seen, 1);
    }

    fn add(&self, seen: L::Seen<'_>, more: u64) {
        let are = |series: &Series<L>| series.0.are(seen);
        let known = |all: &[Series<L>]| {
            let found = all.iter().find(|series| are(series));
            found.map(|series| series.1.fetch_add(more, Ordering::Relaxed)).is_some()
        };
        if known(&self.0.load()) {
            return;
        }
        // Two who see the same for the first time agree on one of their series.
        let new: Series<L> = Arc::new((L::keep(seen), AtomicU64::new(0)));
        self.0.rcu(|all| {
            if all.iter().any(are) {
                return Arc::clone(all);
            }
            Arc::new(all.iter().chain([&new]).cloned().collect())
        });
        known(&self.0.load());
    }

    /// Begins a series at zero.
    pub(crate) fn begin(&self, seen: L::Seen<'_>) {
        self.add(seen, 0);
    }

    /// Tells a reader all counts.
    pub(crate) fn observe(&self, reader: &dyn AsyncInstrument<u64>) {
        for series in &**self.0.load() {
            reader.observe(series.1.load(Ordering::Relaxed), &series.0.pairs());
        }
    }
}

/// The ecosystem alone.
pub(crate) struct Ecosystem(&'static str);

impl Labels for Ecosystem {
    type Seen<'a> = &'static str;

    fn are(&self, seen: &'static str) -> bool {
        self.0 == seen
    }

    fn keep(seen: &'static str) -> Self {
        Self(seen)
    }

    fn pairs(&self) -> Vec<KeyValue> {
        vec![KeyValue::new("ecosystem", self.0)]
    }
}

/// A decision of the policy: ecosystem, code and rule.
pub(crate) struct Decision(&'static str, &'static str, Box<str>);

impl Labels for Decision {
    type Seen<'a> = (&'static str, &'static str, &'a str);

    fn are(&self, (ecosystem, code, rule): Self::Seen<'_>) -> bool {
        self.0 == ecosystem && self.1 == code && *self.2 == *rule
    }

    fn keep((ecosystem, code, rule): Self::Seen<'_>) -> Self {
        Self(ecosystem, code, rule.into())
    }

    fn pairs(&self) -> Vec<KeyValue> {
        vec![
            KeyValue::new("ecosystem", self.0),
            KeyValue::new("code", self.1),
            KeyValue::new("rule", self.2.to_string()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_see_a_series_first_at_once_count_together() {
        let tally = Tally::<Ecosystem>::default();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        tally.count("npm");
                        tally.count("pypi");
                    }
                });
            }
        });
        let counts = tally.0.load().iter().map(|one| one.1.load(Ordering::Relaxed)).collect();
        assert_eq!((counts, tally.0.load().len()), (vec![8000, 8000], 2));
    }
}

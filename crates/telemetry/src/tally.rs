//! Counts by label, cheap enough for every request: one look-up and one addition.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

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
pub(crate) struct Tally<L>(Arc<RwLock<Vec<(L, AtomicU64)>>>);

impl<L> Clone for Tally<L> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<L> Default for Tally<L> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<L: Labels> Tally<L> {
    /// Counts one.
    pub(crate) fn count(&self, seen: L::Seen<'_>) {
        self.add(seen, 1);
    }

    fn add(&self, seen: L::Seen<'_>, more: u64) {
        let known = |series: &[(L, AtomicU64)]| {
            let found = series.iter().find(|(labels, _)| labels.are(seen));
            found.map(|(_, count)| count.fetch_add(more, Ordering::Relaxed)).is_some()
        };
        if known(&self.0.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut series = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !known(&series) {
            series.push((L::keep(seen), AtomicU64::new(more)));
        }
    }

    /// Begins a series at zero.
    pub(crate) fn begin(&self, seen: L::Seen<'_>) {
        self.add(seen, 0);
    }

    /// Tells a reader all counts.
    pub(crate) fn observe(&self, reader: &dyn AsyncInstrument<u64>) {
        for (labels, count) in &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            reader.observe(count.load(Ordering::Relaxed), &labels.pairs());
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

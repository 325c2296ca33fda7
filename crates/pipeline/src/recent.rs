//! A bounded memory of answers to questions that are often asked again.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Answers by the text of their question. What is forgotten is found again at some cost, and is no
/// other then: when there are too many, all are forgotten.
pub(crate) struct Recent<V> {
    most: usize,
    known: RwLock<HashMap<Box<str>, V>>,
}

impl<V: Clone> Recent<V> {
    /// Remembers so many.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, known: RwLock::default() }
    }

    pub(crate) fn get(&self, question: &str) -> Option<V> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(question).cloned()
    }

    pub(crate) fn put(&self, question: &str, answer: V) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.most && !known.contains_key(question) {
            known.clear();
        }
        known.insert(question.into(), answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_bounded_and_knows_what_came_last() {
        let recent = Recent::new(3);
        for n in 0..10 {
            recent.put(&n.to_string(), n);
            assert_eq!(recent.get(&n.to_string()), Some(n));
        }
        let known = (0..10).filter(|n| recent.get(&n.to_string()).is_some()).count();
        assert!((1..=3).contains(&known), "{known}");
        recent.put("9", 90);
        assert_eq!(recent.get("9"), Some(90));
    }
}

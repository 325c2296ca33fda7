//! What a gateway has to know: content whose image it has served, package files whose index it has
//! served. Before that, and after its database was removed, it honestly knows nothing of them.

use std::sync::atomic::{AtomicU64, Ordering};

/// Who has been named since the database was last removed.
#[derive(Debug)]
pub(crate) struct Names {
    /// A number for each database.
    age: AtomicU64,
    /// For each thing, the last database in which it was named; 0 for none.
    named: Vec<AtomicU64>,
}

/// A request for a thing, as of when it was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) thing: usize,
    age: u64,
    named: bool,
}

impl Names {
    pub(crate) fn new(things: usize) -> Self {
        Self { age: AtomicU64::new(1), named: (0..things).map(|_| AtomicU64::new(0)).collect() }
    }

    /// A thing is about to be asked for.
    pub(crate) fn asked(&self, thing: usize) -> Asked {
        let age = self.age.load(Ordering::SeqCst);
        Asked { thing, age, named: self.named[thing].load(Ordering::SeqCst) == age }
    }

    /// Whether the gateway knew of the thing all the time from the request to its answer.
    pub(crate) fn is_known(&self, asked: Asked) -> bool {
        asked.named && self.age.load(Ordering::SeqCst) == asked.age
    }

    /// The answer to a request has named these.
    pub(crate) fn name(&self, asked: Asked, things: &[usize]) {
        if self.age.load(Ordering::SeqCst) == asked.age {
            for thing in things {
                self.named[*thing].fetch_max(asked.age, Ordering::SeqCst);
            }
        }
    }

    /// The database is about to be removed, or has just been.
    pub(crate) fn forget(&self) {
        self.age.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_named_is_known_until_the_database_is_removed() {
        let names = Names::new(2);
        assert!(!names.is_known(names.asked(1)));
        names.name(names.asked(0), &[1]);
        let asked = names.asked(1);
        assert!(names.is_known(asked) && !names.is_known(names.asked(0)));
        names.forget();
        assert!(!names.is_known(asked), "removed while it was asked for");
        assert!(!names.is_known(names.asked(1)));
        names.name(asked, &[1]);
        assert!(!names.is_known(names.asked(1)), "named by the database before");
        names.name(names.asked(0), &[1]);
        assert!(names.is_known(names.asked(1)));
    }
}

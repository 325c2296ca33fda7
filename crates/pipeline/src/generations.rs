//! How often what is recorded of a package has changed: what was judged by older records is judged
//! again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use weir_cache::{Memory, Of};

/// Packages whose number is remembered. One that is forgotten counts as changed.
const REMEMBERED: usize = 100_000;

/// A number for each package of each mount, never the same twice.
#[derive(Debug)]
pub(crate) struct Generations {
    last: AtomicU64,
    current: Memory<(Arc<str>, Box<str>), u64>,
}

impl Generations {
    pub(crate) fn new() -> Self {
        Self { last: AtomicU64::new(0), current: Memory::of(REMEMBERED) }
    }

    /// Something was recorded of a package.
    pub(crate) fn note(&self, mount: &Arc<str>, name: &str) {
        let number = self.next();
        self.current.put((Arc::clone(mount), name.into()), number);
    }

    /// The number of what is recorded now.
    pub(crate) fn of(&self, mount: &Arc<str>, name: &str) -> u64 {
        let known = self.current.get(&Of(mount, name));
        let make = || self.current.get_or_put(&(Arc::clone(mount), name.into()), || self.next());
        known.unwrap_or_else(make)
    }

    fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }
}

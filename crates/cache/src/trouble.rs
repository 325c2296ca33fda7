//! What goes wrong with bytes where no request is told of it.

use std::sync::OnceLock;

use crate::CacheError;

/// What goes wrong with the bytes of artifacts beside requests, for who counts it.
#[derive(Clone, Copy, Debug)]
pub enum Trouble<'a> {
    /// A transfer of this ecosystem ended before it could be stored.
    Transfer(&'static str, &'a CacheError),
    /// A stored artifact could not be read to its end.
    Read(&'a CacheError),
    /// A stored artifact has other bytes than were stored.
    Changed,
}

type Heard = Box<dyn Fn(Trouble<'_>) + Send + Sync>;

/// Who counts it, if somebody does.
#[derive(Default)]
pub(crate) struct Counting(OnceLock<Heard>);

impl Counting {
    /// The first to ask is heard.
    pub(crate) fn begin(&self, counting: impl Fn(Trouble<'_>) + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(counting));
    }

    pub(crate) fn tell(&self, trouble: Trouble<'_>) {
        if let Some(counting) = self.0.get() {
            counting(trouble);
        }
    }
}

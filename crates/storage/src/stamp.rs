//! What changes when a file does.

use std::fs::Metadata;
use std::time::SystemTime;

/// Tells whether a file is the one that it was: a file that was written to has another stamp. A
/// disk that forgets has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    /// Inode, and when it was last changed in any way: seconds and nanoseconds.
    node: (u64, i64, i64),
}

impl Stamp {
    /// Whether the content is as it was: a link that was removed is no matter.
    pub(crate) fn has_content_of(&self, other: &Self) -> bool {
        (self.length, self.modified, self.node.0) == (other.length, other.modified, other.node.0)
    }

    #[cfg(unix)]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        let node = (metadata.ino(), metadata.ctime(), metadata.ctime_nsec());
        Self { length: metadata.len(), modified: metadata.modified().ok(), node }
    }

    #[cfg(not(unix))]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self { length: metadata.len(), modified: metadata.modified().ok(), node: (0, 0, 0) }
    }
}

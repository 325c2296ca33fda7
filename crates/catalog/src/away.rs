//! A database file that is moved away, comes back, or is replaced while it is open.
//!
//! Whoever has a deleted file open goes on writing to it, and nobody will ever read that. A
//! connection that was made before the file went is therefore not used again.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A file's place on its disk; `None` when there is no such file.
type Identity = Option<(u64, u64)>;

/// Watches which file has the name of the database.
#[derive(Debug)]
pub(crate) struct Watch {
    path: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    identity: Identity,
    since: Instant,
}

impl Watch {
    /// Begins before the first connection is made.
    pub(crate) fn begin(path: &Path) -> Self {
        let known = Known { identity: identity(path), since: Instant::now() };
        Self { path: path.to_owned(), known: Mutex::new(known) }
    }

    /// Whether a connection of this age has the file open that is there now.
    pub(crate) fn is_current(&self, age: Duration) -> bool {
        let identity = identity(&self.path);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if identity.is_none() || known.identity != identity {
            *known = Known { identity, since: Instant::now() };
        }
        identity.is_some() && age <= known.since.elapsed()
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Identity {
    use std::os::unix::fs::MetadataExt as _;
    let found = std::fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

/// A file that is open cannot be moved there.
#[cfg(not(unix))]
fn identity(path: &Path) -> Identity {
    path.exists().then_some((0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_as_old_as_the_file_at_most() {
        let folder = tempfile::tempdir().unwrap();
        let [path, elsewhere] = ["weir.db", "elsewhere.db"].map(|name| folder.path().join(name));
        std::fs::write(&path, "").unwrap();
        let watch = Watch::begin(&path);
        assert!(watch.is_current(Duration::ZERO));
        let old = Duration::from_hours(1);
        assert!(!watch.is_current(old), "older than the watch");
        std::fs::rename(&path, &elsewhere).unwrap();
        assert!(!watch.is_current(Duration::ZERO), "there is none");
        std::fs::rename(&elsewhere, &path).unwrap();
        assert!(!watch.is_current(old), "made before it came back");
        assert!(watch.is_current(Duration::ZERO));
        std::fs::write(&elsewhere, "").unwrap();
        std::fs::rename(&elsewhere, &path).unwrap();
        assert!(!watch.is_current(old), "made before another took its place");
        assert!(watch.is_current(Duration::ZERO));
    }
}

//! What can go wrong with stored bytes, in the variants that a caller acts on.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A storage operation failed. Each text names the place and what the operator can do.
#[derive(Debug, Error)]
pub enum StorageError {
    /// No space or quota is left.
    #[error("no space is left for {place}: free some")]
    Full {
        /// The file or folder.
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file system does not take writes.
    #[error(
        "{place} is on a read-only file system: mount it writable, or set storage.url to a folder that is"
    )]
    ReadOnly {
        /// The file or folder.
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// Rights are missing.
    #[error(
        "no permission for {place}: give the user that runs Weir (or its S3 credentials) read and write access"
    )]
    Denied {
        /// The file, folder or bucket.
        place: String,
        /// What the system said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Any other failure of a file system.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// The verb.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The object store did not answer, or not as S3 does.
    #[error("cannot {doing} {place}: {source}; check endpoint, region and bucket in storage.url")]
    Remote {
        /// The verb.
        doing: &'static str,
        /// Bucket and key.
        place: String,
        /// What the client said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An object is shorter than it was when it was opened.
    #[error("{place} ends after {found} of {expected} bytes: delete it, and it is fetched again")]
    Short {
        /// The object.
        place: String,
        /// The length that was promised, in bytes.
        expected: u64,
        /// The bytes that were there.
        found: u64,
    },
    /// An object is too large to be held in memory.
    #[error("{size} bytes are more than the {cap} that may be held in memory")]
    TooLarge {
        /// The object's length in bytes.
        size: u64,
        /// The limit in bytes.
        cap: u64,
    },
    /// The address of a storage cannot be used.
    #[error("storage.url {url:?}: {reason}")]
    Address {
        /// The address, without secrets.
        url: String,
        /// Why, and what is expected.
        reason: String,
    },
}

impl StorageError {
    /// Sorts a failure of a file system.
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let place = path.display().to_string();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { place, source }
            }
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { place, source },
            io::ErrorKind::PermissionDenied => Self::Denied { place, source: source.into() },
            _ => Self::Io { doing, path: path.to_owned(), source },
        }
    }

    /// Whether a later attempt may succeed without anybody's help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Remote { .. } | Self::Full { .. })
    }
}

//! What goes wrong between the network and the store.

use std::sync::Arc;

use thiserror::Error;
use weir_catalog::CatalogError;
use weir_core::Digest;
use weir_storage::StorageError;

/// A failure of the cache, with the variants that the pipeline acts on.
#[derive(Debug, Error)]
pub enum CacheError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The catalogue failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Upstream's bytes stopped with an error.
    #[error("the transfer broke: {0}")]
    Source(String),
    /// Upstream sent another number of bytes than promised.
    #[error("expected {expected} bytes, received {found}; nothing was stored")]
    WrongLength {
        /// Promised, in bytes.
        expected: u64,
        /// Received so far, in bytes.
        found: u64,
    },
    /// The artifact is larger than the configured limit.
    #[error("longer than limits.artifact ({limit} bytes); nothing was stored")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Upstream sent other bytes than the registry promised.
    #[error("expected {expected}, received {found}; nothing was stored")]
    WrongDigest {
        /// What the registry published.
        expected: Digest,
        /// What arrived.
        found: Digest,
    },
    /// A digest was promised of what is in the artifact, and nothing can be told of that.
    #[error("expected {expected}, received no such archive ({reason}); nothing was stored")]
    Unhashable {
        /// What the registry published.
        expected: Digest,
        /// What is wrong with the archive.
        reason: String,
    },
    /// The catalogue knows the artifact, but its file is gone or has another length.
    #[error("the stored file {key} is missing or has another length; it will be fetched again")]
    Missing {
        /// The storage key.
        key: String,
    },
    /// A stored file has other bytes than were stored.
    #[error("the stored file {key} has changed since it was stored; it will be fetched again")]
    Changed {
        /// The storage key.
        key: String,
    },
    /// A transfer that this answer followed failed.
    #[error(transparent)]
    Fill(Arc<CacheError>),
    /// The process gave a transfer up (shutdown, panic).
    #[error("the transfer was abandoned")]
    Abandoned,
}

//! Where whole objects are kept: a folder, or a bucket that speaks S3.
//!
//! Bytes arrive in a [`Spool`], a temporary file on this machine. [`Storage::commit`] makes a
//! finished spool an object in one step: by a rename, or by an upload. Nothing else writes, so no
//! reader ever meets half an object. The crate knows no digests and no policy: whether bytes are
//! the right ones is decided before they are committed.
//!
//! ```
//! use weir_storage::{Key, Spools, StorageSettings};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let settings = StorageSettings::default();
//! let address = format!("file://{}/objects", folder.path().display());
//! let storage = weir_storage::open(&address, &settings)?;
//! let spools = Spools::open(folder.path(), &settings)?;
//!
//! let mut spool = spools.create().await?;
//! spool.write("all of it".into()).await?;
//! let key = Key::from_parts(["npm", "@scope/name", "1.0.0", "name-1.0.0.tgz"]);
//! storage.commit(&key, spool).await?;
//!
//! let opened = storage.open(&key).await?.ok_or("it was committed")?;
//! assert_eq!(opened.all(1024).await?, "all of it");
//! assert!(folder.path().join("objects/npm/@scope/name/1.0.0/name-1.0.0.tgz").is_file());
//! # Ok(())
//! # }
//! ```

mod buffers;
mod error;
mod files;
mod io;
mod key;
mod objects;
mod opened;
mod settings;
mod spool;
mod stamp;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use weir_core::Timestamp;

pub use error::StorageError;
pub use files::Files;
pub use key::{Key, KeyError};
pub use objects::Objects;
pub use opened::{Opened, Reading, Source};
pub use settings::{Credentials, StorageSettings};
pub use spool::{Finished, Spool, SpoolReader, Spools};
pub use stamp::Stamp;

/// A place for whole objects.
#[async_trait]
pub trait Storage: fmt::Debug + Send + Sync {
    /// Makes a spool the object of this key, in one step, replacing an earlier one. Returns its
    /// length in bytes. The object outlives a crash of the machine once this returns.
    async fn commit(&self, key: &Key, spool: Spool) -> Result<u64, StorageError>;

    /// Opens an object; `None` when there is none. What was opened stays readable when the
    /// object is replaced or, on a file system, deleted.
    async fn open(&self, key: &Key) -> Result<Option<Opened>, StorageError>;

    /// Deletes an object; false when there was none.
    async fn delete(&self, key: &Key) -> Result<bool, StorageError>;

    /// Lists the objects whose keys are `prefix` followed by `/…`, in no order; all for an empty
    /// prefix. Things that are no objects are left out.
    fn list(&self, prefix: &str) -> BoxStream<'static, Result<Stored, StorageError>>;

    /// Removes what a process that was killed left half-way and that was last written before this
    /// instant; returns how many things that were.
    async fn sweep(&self, before: Timestamp) -> Result<u64, StorageError> {
        let _ = before;
        Ok(0)
    }

    /// Proves that objects can be written, by writing one.
    async fn check(&self) -> Result<(), StorageError>;

    /// The address, without secrets.
    fn describe(&self) -> String;
}

/// An object as [`Storage::list`] finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub key: Key,
    /// Its length in bytes.
    pub size: u64,
    /// When it was committed, by the clock of the storage.
    pub modified: Timestamp,
}

/// Opens the storage at an address: `file:///var/lib/weir/objects`, or
/// `s3://bucket/prefix?region=…&endpoint=…&disableSSL=true&s3ForcePathStyle=true`.
pub fn open(url: &str, settings: &StorageSettings) -> Result<Arc<dyn Storage>, StorageError> {
    match url.split_once("://") {
        Some(("file", _)) => Ok(Arc::new(Files::open_url(url, settings)?)),
        Some(("s3", _)) => Ok(Arc::new(Objects::open_url(url, settings)?)),
        _ => Err(StorageError::Address {
            url: url.to_owned(),
            reason: "expected file:///folder or s3://bucket".to_owned(),
        }),
    }
}

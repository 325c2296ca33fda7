//! Verification: what is stored is hashed again, and what has changed is removed, so that the next
//! request fetches it anew.

use std::fmt;

use futures_util::TryStreamExt as _;
use weir_catalog::Cursor;
use weir_core::{Digest, Hasher};
use weir_storage::Key;

use super::record::{Record, Table};
use super::{PAGE, Upkeep};
use crate::CacheError;

/// What is wrong with a stored object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Its record is there, its bytes are not.
    Missing,
    /// It has another length, in bytes.
    WrongLength {
        /// By the record.
        expected: u64,
        /// By the store.
        found: u64,
    },
    /// It has other bytes.
    WrongDigest {
        /// By the record.
        expected: Digest,
        /// Of the bytes.
        found: Digest,
    },
    /// Its bytes cannot be read.
    Unreadable(String),
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::WrongLength { expected, found } => {
                write!(f, "has {found} bytes instead of {expected}")
            }
            Self::WrongDigest { expected, found } => {
                write!(f, "has the digest {found} instead of {expected}")
            }
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
        }
    }
}

/// A stored object that is not what its record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The object.
    pub key: String,
    /// What is wrong with it.
    pub kind: FaultKind,
    /// Whether its record was removed, so that the next request fetches it anew. What was uploaded
    /// is never removed, and what cannot be read may be readable tomorrow.
    pub removed: bool,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key, self.kind)
    }
}

/// What a verification has found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Files and documents that were looked at.
    pub checked: u64,
    /// Bytes that were hashed.
    pub bytes: u64,
    /// What was wrong.
    pub faults: Vec<Fault>,
}

/// How far a slow verification in the background is.
#[derive(Clone, Debug, Default)]
pub struct Scrub {
    artifacts: Cursor,
    documents: Cursor,
}

impl Scrub {
    fn cursor(&mut self, table: Table) -> &mut Cursor {
        match table {
            Table::Artifacts => &mut self.artifacts,
            Table::Documents => &mut self.documents,
        }
    }
}

/// How pages are looked at, and what was found in them.
struct Pass<'a> {
    /// Of one page.
    rows: u64,
    /// Report only; remove nothing.
    keep: bool,
    found: Verified,
    /// Told after each file and document.
    each: &'a mut (dyn FnMut(&Verified) + Send),
}

/// What the record of an object says.
struct Recorded<'a> {
    storage_key: &'a str,
    size: u64,
    digest: &'a Digest,
}

impl<'a> Recorded<'a> {
    fn of(record: &'a Record) -> Option<Self> {
        let (storage_key, digest) = (record.storage_key()?, record.digest()?);
        Some(Self { storage_key, size: record.size(), digest })
    }
}

impl Upkeep {
    /// Hashes all files and documents. What has changed is removed unless `keep` is set. `progress`
    /// is called after each of them.
    pub async fn verify(
        &self,
        keep: bool,
        mut progress: impl FnMut(&Verified) + Send,
    ) -> Result<Verified, CacheError> {
        let mut pass = Pass { rows: PAGE, keep, found: Verified::default(), each: &mut progress };
        let mut scrub = Scrub::default();
        for table in Table::ALL {
            while self.verify_page(table, scrub.cursor(table), &mut pass).await? {}
        }
        Ok(pass.found)
    }

    /// Hashes the next few files and documents, and begins anew after the last.
    pub async fn scrub(&self, scrub: &mut Scrub, rows: u64) -> Result<Verified, CacheError> {
        let mut quietly = |_: &Verified| {};
        let mut pass = Pass { rows, keep: false, found: Verified::default(), each: &mut quietly };
        for table in Table::ALL {
            let cursor = scrub.cursor(table);
            if !self.verify_page(table, cursor, &mut pass).await? {
                *cursor = Cursor::default();
            }
        }
        Ok(pass.found)
    }

    /// One page; false when it was empty.
    async fn verify_page(
        &self,
        table: Table,
        cursor: &mut Cursor,
        pass: &mut Pass<'_>,
    ) -> Result<bool, CacheError> {
        let page = self.page_after(table, cursor, pass.rows).await?;
        for record in &page {
            *cursor = record.cursor();
            let Some(recorded) = Recorded::of(record) else { continue };
            if let Some(kind) = self.examine(&recorded, &mut pass.found).await? {
                let removed = !pass.keep && kind.is_final() && self.condemn(record).await?;
                self.report(&mut pass.found, recorded.storage_key, kind, removed);
            }
            (pass.each)(&pass.found);
        }
        Ok(!page.is_empty())
    }

    /// Removes what has changed, though it may have been used since its record was read; what was
    /// replaced meanwhile stays.
    async fn condemn(&self, record: &Record) -> Result<bool, CacheError> {
        let Some(now) = self.reread(record).await? else { return Ok(false) };
        Ok(self.retire(&now).await?.is_some())
    }

    fn report(&self, verified: &mut Verified, key: &str, kind: FaultKind, removed: bool) {
        let fault = Fault { key: key.to_owned(), kind, removed };
        tracing::error!(storage = self.storage.describe(), removed, "{fault}");
        verified.faults.push(fault);
    }

    /// What is wrong with an object, if anything is.
    async fn examine(
        &self,
        recorded: &Recorded<'_>,
        verified: &mut Verified,
    ) -> Result<Option<FaultKind>, CacheError> {
        verified.checked += 1;
        let Ok(key) = Key::parse(recorded.storage_key) else { return Ok(Some(FaultKind::Missing)) };
        let opened = match self.storage.open(&key).await {
            Ok(Some(opened)) => opened,
            Ok(None) => return Ok(Some(FaultKind::Missing)),
            Err(error) => return Ok(Some(FaultKind::Unreadable(error.to_string()))),
        };
        if opened.size != recorded.size {
            let (expected, found) = (recorded.size, opened.size);
            return Ok(Some(FaultKind::WrongLength { expected, found }));
        }
        let mut hasher = Hasher::new(recorded.digest.algorithm());
        let mut bytes = opened.read(0..opened.size);
        loop {
            match bytes.try_next().await {
                Ok(Some(chunk)) => hasher.update(&chunk),
                Ok(None) => break,
                Err(error) => return Ok(Some(FaultKind::Unreadable(error.to_string()))),
            }
            // A large file must not keep others from the processor.
            tokio::task::yield_now().await;
        }
        verified.bytes += recorded.size;
        let found = hasher.finish();
        let expected = recorded.digest.clone();
        Ok((found != expected).then_some(FaultKind::WrongDigest { expected, found }))
    }
}

impl FaultKind {
    /// Whether looking again would find the same.
    fn is_final(&self) -> bool {
        !matches!(self, Self::Unreadable(_))
    }
}

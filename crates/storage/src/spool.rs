//! Files that are being filled.
//!
//! Each process spools into a folder of its own, under a lock that ends with the process. So a
//! process that starts can tell what a dead one left behind from what a living one is writing:
//! several may share a data folder.

use std::collections::VecDeque;
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tempfile::{TempDir, TempPath};

use crate::buffers::Buffers;
use crate::io::{Positional, blocking, write_all_at};
use crate::{StorageError, StorageSettings};

/// The folder of all spools within the data folder.
const FOLDER: &str = ".weir-spool";
/// Held for a moment while a folder is made or the dead are removed.
const GATE: &str = "gate.lock";

/// The spool folder of this process. Cheap to clone; the folder is removed with the last clone.
#[derive(Clone)]
pub struct Spools {
    home: Arc<Home>,
    buffers: Arc<Buffers>,
    write_size: usize,
    faults: Option<Arc<dyn Fn() + Send + Sync>>,
}

#[derive(Debug)]
struct Home {
    folder: TempDir,
    lock: Option<File>,
}

impl Drop for Home {
    fn drop(&mut self) {
        // Unlocked before the folder goes: nothing is left that could be locked by nobody.
        drop(self.lock.take());
        let _ = fs::remove_file(lock_of(self.folder.path()));
    }
}

impl Spools {
    /// Makes the spool folder of this process below a data folder, which is made when absent, and
    /// removes what dead processes left there. A rename is only possible within one file system:
    /// the data folder should share it with the storage. Waits while another process does the same;
    /// meant for the start of a program.
    pub fn open(data_dir: &Path, settings: &StorageSettings) -> Result<Self, StorageError> {
        let all = data_dir.join(FOLDER);
        let fail = |error| StorageError::io("prepare the spool folder", &all, error);
        fs::create_dir_all(&all).map_err(fail)?;
        let gate = lock_file(&all.join(GATE)).map_err(fail)?;
        gate.lock().map_err(fail)?;
        remove_dead(&all).map_err(fail)?;
        let folder = tempfile::Builder::new().prefix("p").tempdir_in(&all).map_err(fail)?;
        let lock = lock_file(&lock_of(folder.path())).map_err(fail)?;
        lock.lock().map_err(fail)?;
        Ok(Self {
            home: Arc::new(Home { folder, lock: Some(lock) }),
            buffers: Buffers::new(settings.read_size, settings.idle_buffers),
            write_size: settings.write_size.max(1),
            faults: None,
        })
    }

    /// Has each fault of the disk under the spools counted.
    #[must_use]
    pub fn counting(mut self, faults: impl Fn() + Send + Sync + 'static) -> Self {
        self.faults = Some(Arc::new(faults));
        self
    }

    /// A fault of the disk.
    fn fault(&self, doing: &'static str, place: &Path, error: io::Error) -> StorageError {
        if let Some(faults) = &self.faults {
            faults();
        }
        StorageError::io(doing, place, error)
    }

    /// Begins an empty spool.
    pub async fn create(&self) -> Result<Spool, StorageError> {
        let folder = self.folder().to_owned();
        let made = blocking(move || tempfile::NamedTempFile::new_in(folder)).await;
        let (file, path) = made
            .map_err(|error| self.fault("create a file in", self.folder(), error))?
            .into_parts();
        let shared = Shared {
            file: Positional::new(Arc::new(file), Arc::clone(&self.buffers)),
            place: path.to_path_buf(),
            tail: Mutex::default(),
        };
        Ok(Spool { shared: Arc::new(shared), path, home: self.clone() })
    }

    /// The folder of this process.
    pub fn folder(&self) -> &Path {
        self.home.folder.path()
    }
}

impl fmt::Debug for Spools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spools").field("folder", &self.folder()).finish_non_exhaustive()
    }
}

fn lock_of(folder: &Path) -> PathBuf {
    folder.with_extension("lock")
}

fn lock_file(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(path)
}

/// Removes folders whose lock is free. The gate is held: nobody is between making a folder and
/// locking it.
fn remove_dead(all: &Path) -> io::Result<()> {
    for entry in fs::read_dir(all)? {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        let lock_path = lock_of(&path);
        let lock = lock_file(&lock_path)?;
        match lock.try_lock() {
            Ok(()) => {
                tracing::info!(folder = %path.display(), "removing what a dead process left");
                fs::remove_dir_all(&path)?;
                fs::remove_file(&lock_path)?;
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(())
}

/// A temporary file that is being filled. It is deleted when it is dropped without having been
/// committed; readers that have it open can read on.
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
    path: TempPath,
    home: Spools,
}

#[derive(Debug)]
struct Shared {
    file: Positional,
    place: PathBuf,
    tail: Mutex<Tail>,
}

/// What has arrived and is not in the file yet.
#[derive(Debug, Default)]
struct Tail {
    /// The length of the file.
    written: u64,
    /// What comes after it.
    pending: VecDeque<Bytes>,
    pending_length: usize,
}

impl Shared {
    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spool {
    /// Adds bytes. They can be read by a [`SpoolReader`] when this returns, though they may reach
    /// the file only later.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        let full = {
            let mut tail = self.shared.tail();
            tail.pending_length += bytes.len();
            tail.pending.push_back(bytes);
            tail.pending_length >= self.home.write_size
        };
        if full { self.flush().await } else { Ok(()) }
    }

    /// The number of bytes added.
    pub fn len(&self) -> u64 {
        let tail = self.shared.tail();
        tail.written + tail.pending_length as u64
    }

    /// Whether nothing has been added.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A reader of what has been added so far and will be added.
    pub fn reader(&self) -> SpoolReader {
        SpoolReader { shared: Arc::clone(&self.shared) }
    }

    /// The file with everything that was added, opened for a reader that wants a file.
    pub async fn reopen(&self) -> Result<File, StorageError> {
        self.flush().await?;
        let path = self.shared.place.clone();
        let opened = blocking(move || File::open(path)).await;
        opened.map_err(|error| StorageError::io("open", &self.shared.place, error))
    }

    /// Brings everything into the file.
    async fn flush(&self) -> Result<(), StorageError> {
        let (at, pending) = {
            let tail = self.shared.tail();
            (tail.written, tail.pending.iter().cloned().collect::<Vec<_>>())
        };
        if pending.is_empty() {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        blocking(move || write_parts(&shared, at, &pending))
            .await
            .map_err(|error| self.home.fault("write", &self.shared.place, error))
    }

    /// The finished file, for a [`Storage`](crate::Storage) that adopts it.
    pub async fn finish(self) -> Result<Finished, StorageError> {
        self.flush().await?;
        let length = self.len();
        Ok(Finished { length, reader: self.reader(), path: self.path, _home: self.home })
    }
}

fn write_parts(shared: &Shared, at: u64, parts: &[Bytes]) -> io::Result<()> {
    let joined = join(parts);
    write_all_at(shared.file.file(), &joined, at)?;
    shared.tail().advance(at + joined.len() as u64);
    Ok(())
}

/// One system call for many small chunks costs less than the copy that joins them.
fn join(parts: &[Bytes]) -> Bytes {
    if let [one] = parts {
        return one.clone();
    }
    let mut joined = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
    for part in parts {
        joined.extend_from_slice(part);
    }
    joined.freeze()
}

/// Reads a spool while it grows, and after it was committed or dropped.
#[derive(Clone, Debug)]
pub struct SpoolReader {
    shared: Arc<Shared>,
}

impl SpoolReader {
    /// At most `max` bytes from `offset` on; empty when there is nothing (yet).
    pub async fn read_at(&self, offset: u64, max: usize) -> Result<Bytes, StorageError> {
        let written = {
            let tail = self.shared.tail();
            if offset >= tail.written {
                return Ok(tail.read(offset, max));
            }
            tail.written
        };
        let limit = (max as u64).min(written - offset);
        let read = self.shared.file.read_at(offset, limit).await;
        read.map_err(|error| StorageError::io("read", &self.shared.place, error))
    }

    /// The number of bytes that can be read.
    pub fn len(&self) -> u64 {
        let tail = self.shared.tail();
        tail.written + tail.pending_length as u64
    }

    /// Whether nothing can be read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Tail {
    /// Notes that the file has grown to `length`. A write whose caller went away still ends, maybe
    /// after the next one, which wrote the same bytes again: so this never goes back.
    fn advance(&mut self, length: u64) {
        while self.written < length
            && let Some(part) = self.pending.pop_front()
        {
            self.written += part.len() as u64;
            self.pending_length -= part.len();
        }
    }

    fn read(&self, offset: u64, max: usize) -> Bytes {
        let mut skip = offset - self.written;
        for part in &self.pending {
            if skip < part.len() as u64 {
                let start = skip as usize;
                return part.slice(start..part.len().min(start.saturating_add(max)));
            }
            skip -= part.len() as u64;
        }
        Bytes::new()
    }
}

/// A spool that is complete: a file that a storage can rename away or read. What is still there
/// when this is dropped is deleted.
#[derive(Debug)]
pub struct Finished {
    length: u64,
    reader: SpoolReader,
    path: TempPath,
    /// The folder must stay while the file is in it.
    _home: Spools,
}

impl Finished {
    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Reads it.
    pub fn reader(&self) -> &SpoolReader {
        &self.reader
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until the file has reached the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.reader.shared.file.file().sync_all()
    }
}

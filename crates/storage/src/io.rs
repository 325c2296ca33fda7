//! File reads that do not make the reactor wait.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use crate::buffers::{Buffer, Buffers};

/// Runs work that may wait for a disk on the pool for it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// An open file that is read at positions.
#[derive(Clone, Debug)]
pub(crate) struct Positional {
    file: Arc<File>,
    buffers: Arc<Buffers>,
    /// Cleared when the file system does not know reads that do not wait.
    nowait: Arc<AtomicBool>,
}

impl Positional {
    pub(crate) fn new(file: Arc<File>, buffers: Arc<Buffers>) -> Self {
        Self { file, buffers, nowait: Arc::new(AtomicBool::new(true)) }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Up to `limit` bytes at `offset`, when the page cache has them: `None` when the disk would
    /// have to be waited for. Empty at the end of the file.
    pub(crate) fn read_now(&self, offset: u64, limit: u64) -> Option<io::Result<Bytes>> {
        if !self.nowait.load(Ordering::Relaxed) {
            return None;
        }
        let mut buffer = self.buffers.take();
        match read_cached(&self.file, buffer.space(limit), offset) {
            Ok(length) => Some(Ok(buffer.freeze(length))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                self.nowait.store(false, Ordering::Relaxed);
                None
            }
            Err(error) => Some(Err(error)),
        }
    }

    /// Up to `limit` bytes at `offset`, however long the disk takes.
    pub(crate) fn read_waiting(&self, offset: u64, limit: u64) -> io::Result<Bytes> {
        let mut buffer = self.buffers.take();
        let length = fill(&self.file, &mut buffer, offset, limit)?;
        Ok(buffer.freeze(length))
    }

    /// Up to `limit` bytes at `offset`; empty at the end of the file.
    pub(crate) async fn read_at(&self, offset: u64, limit: u64) -> io::Result<Bytes> {
        if let Some(read) = self.read_now(offset, limit) {
            return read;
        }
        let this = self.clone();
        blocking(move || this.read_waiting(offset, limit)).await
    }
}

fn fill(file: &File, buffer: &mut Buffer, offset: u64, limit: u64) -> io::Result<usize> {
    let space = buffer.space(limit);
    let mut filled = 0;
    while filled < space.len() {
        match read_at(file, &mut space[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

/// Writes all bytes at a position.
#[cfg(unix)]
pub(crate) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

/// Writes all bytes at a position.
#[cfg(windows)]
pub(crate) fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}

/// Reads from the page cache only (`RWF_NOWAIT`, Linux 4.14 and later).
#[cfg(target_os = "linux")]
fn read_cached(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let mut slices = [io::IoSliceMut::new(buffer)];
    preadv2(file, &mut slices, offset, ReadWriteFlags::NOWAIT).map_err(io::Error::from)
}

#[cfg(not(target_os = "linux"))]
fn read_cached(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

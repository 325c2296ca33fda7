//! Read buffers that are used again.
//!
//! A fresh buffer has to be zeroed before safe code can read into it, which costs as much as the
//! copy from the page cache itself. A buffer that comes back needs no zeroing.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Buffers of one size that readers give back.
#[derive(Debug)]
pub(crate) struct Buffers {
    size: usize,
    keep: usize,
    idle: Mutex<Vec<Box<[u8]>>>,
}

impl Buffers {
    /// Buffers of `size` bytes, of which at most `keep` stay when nobody reads.
    pub(crate) fn new(size: usize, keep: usize) -> Arc<Self> {
        Arc::new(Self { size: size.max(1), keep, idle: Mutex::new(Vec::new()) })
    }

    /// A buffer; its old contents are somebody else's, and are never handed out.
    pub(crate) fn take(self: &Arc<Self>) -> Buffer {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bytes = idle.unwrap_or_else(|| vec![0; self.size].into());
        Buffer { bytes, filled: 0, home: Arc::clone(self) }
    }

    fn give_back(&self, bytes: Box<[u8]>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.keep {
            idle.push(bytes);
        }
    }
}

/// A buffer on loan.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    filled: usize,
    home: Arc<Buffers>,
}

impl Buffer {
    /// The first `limit` bytes, to be read into.
    pub(crate) fn space(&mut self, limit: u64) -> &mut [u8] {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(self.bytes.len());
        &mut self.bytes[..limit]
    }

    /// The first `filled` bytes as a value that gives the buffer back when it is dropped.
    pub(crate) fn freeze(mut self, filled: usize) -> Bytes {
        self.filled = filled;
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.home.give_back(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_buffer_is_used_again_and_shows_only_what_was_filled() {
        let buffers = Buffers::new(8, 1);
        let mut first = buffers.take();
        first.space(100).copy_from_slice(b"12345678");
        let bytes = first.freeze(8);
        let second = buffers.take();
        drop(bytes);
        drop(second);
        assert_eq!(buffers.idle.lock().unwrap().len(), 1, "no more than asked are kept");
        assert_eq!(buffers.take().freeze(0), Bytes::new());
    }
}

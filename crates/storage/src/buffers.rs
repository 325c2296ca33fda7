//! Read buffers that are used again.
//!
//! A fresh buffer has to be zeroed before safe code can read into it, which costs as much as the
//! copy from the page cache itself. A buffer that comes back needs no zeroing.
//!
//! A client that takes its answer a byte at a time keeps a buffer for as long. So when very many are on
//! loan, further ones are small: what thousands of slow clients cost is bounded, and what is lent
//! beside them moves in more steps.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Beyond so many on loan, buffers are a quarter as long.
const MANY: usize = 128;
/// Beyond so many, a sixteenth.
const CROWD: usize = 512;

/// Buffers of one size that readers give back.
#[derive(Debug)]
pub(crate) struct Buffers {
    size: usize,
    keep: usize,
    lent: AtomicUsize,
    idle: Mutex<Vec<Box<[u8]>>>,
}

impl Buffers {
    /// Buffers of `size` bytes, of which at most `keep` stay when nobody reads.
    pub(crate) fn new(size: usize, keep: usize) -> Arc<Self> {
        let (lent, idle) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        Arc::new(Self { size: size.max(1), keep, lent, idle })
    }

    /// A buffer; its old contents are somebody else's, and are never handed out.
    pub(crate) fn take(self: &Arc<Self>) -> Buffer {
        let size = self.length(self.lent.fetch_add(1, Ordering::Relaxed));
        let idle = (size == self.size)
            .then(|| self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop())
            .flatten();
        let bytes = idle.unwrap_or_else(|| vec![0; size].into());
        Buffer { bytes, filled: 0, home: Arc::clone(self) }
    }

    /// How long a buffer is when so many others are on loan.
    fn length(&self, lent: usize) -> usize {
        let part = match lent {
            0..MANY => 1,
            MANY..CROWD => 4,
            _ => 16,
        };
        (self.size / part).max(1)
    }

    fn give_back(&self, bytes: Box<[u8]>) {
        self.lent.fetch_sub(1, Ordering::Relaxed);
        if bytes.len() < self.size {
            return;
        }
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

    #[test]
    fn what_a_crowd_has_on_loan_is_bounded_and_small_buffers_do_not_stay() {
        let buffers = Buffers::new(256 << 10, 32);
        let mut lent: Vec<Buffer> = (0..4096).map(|_| buffers.take()).collect();
        let bytes: usize = lent.iter().map(|buffer| buffer.bytes.len()).sum();
        assert!(bytes <= 112 << 20, "{bytes}");
        assert!(lent.iter_mut().all(|buffer| buffer.space(u64::MAX).len() >= 16 << 10));
        drop(lent);
        assert_eq!(buffers.lent.load(Ordering::Relaxed), 0);
        assert_eq!(buffers.idle.lock().unwrap().len(), 32);
        assert_eq!(buffers.take().bytes.len(), 256 << 10, "the crowd is gone");
    }
}

//! Anonymous memory of the gateway while everything else is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::process::anonymous_memory;

const EVERY: Duration = Duration::from_millis(20);
const MEGABYTE: f64 = 1e6;

/// Looks again and again until it is asked for the peak.
pub(crate) struct Watch {
    peak: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Watch {
    /// Watches a process.
    pub(crate) fn start(id: u32) -> Self {
        let (peak, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (seen, ends) = (Arc::clone(&peak), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                seen.fetch_max(anonymous_memory(id).unwrap_or(0), Ordering::Relaxed);
                std::thread::sleep(EVERY);
            }
        });
        Self { peak, over, thread }
    }

    /// The peak so far, in megabytes.
    pub(crate) fn peak(&self) -> f64 {
        self.peak.load(Ordering::Relaxed) as f64 / MEGABYTE
    }

    /// The peak of the whole time, in megabytes.
    pub(crate) fn end(self) -> f64 {
        self.over.store(true, Ordering::Relaxed);
        let peak = self.peak();
        // It sleeps at most for one interval.
        let _ = self.thread.join();
        peak
    }
}

/// What a process has now, in megabytes.
pub(crate) fn now(id: u32) -> f64 {
    anonymous_memory(id).unwrap_or(0) as f64 / MEGABYTE
}

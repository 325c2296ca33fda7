//! Refusals of files, kept for as long as the judgement and its grounds stand: who asks again for a
//! withheld file costs no table and no document.

use std::sync::Arc;

use weir_cache::Memory;
use weir_core::Timestamp;

use crate::Failure;
use crate::visit::Visit;

/// Files of a mount whose refusal is remembered.
const MOST: usize = 10_000;

/// The refusals of a mount, by path.
pub(crate) struct Refusals(Memory<Box<str>, Arc<Kept>>);

struct Kept {
    failure: Failure,
    lens: (u64, u64),
    until: Timestamp,
}

/// Why a file may not leave.
pub(crate) enum Barred {
    /// Policy refuses it, until this instant at least.
    Refused(Failure, Timestamp),
    /// Whether it may is not known.
    Failed(Failure),
}

impl From<Failure> for Barred {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Barred {
    /// What the client is told.
    pub(crate) fn into_failure(self) -> Failure {
        let (Self::Refused(failure, _) | Self::Failed(failure)) = self;
        failure
    }

    /// The refusal stands until this instant at the latest.
    pub(crate) fn at_most_until(self, instant: Timestamp) -> Self {
        match self {
            Self::Refused(failure, until) => Self::Refused(failure, until.min(instant)),
            failed @ Self::Failed(_) => failed,
        }
    }
}

impl Refusals {
    pub(crate) fn new() -> Self {
        Self(Memory::of(MOST))
    }
}

impl Visit {
    /// The refusal of a file that still stands under this lens at this instant.
    pub(crate) fn refused_before(&self, path: &str) -> Option<Failure> {
        let kept = self.mount.refusals.0.get(path)?;
        let stands = kept.lens == self.lens_id() && self.now < kept.until;
        stands.then(|| kept.failure.clone())
    }

    /// Keeps a refusal of a file.
    pub(crate) fn keep_refusal(&self, path: &str, barred: Barred) -> Failure {
        if let Barred::Refused(failure, until) = &barred {
            let failure = failure.said_again();
            let kept = Kept { failure, lens: self.lens_id(), until: *until };
            self.mount.refusals.0.put(path.into(), Arc::new(kept));
        }
        barred.into_failure()
    }
}

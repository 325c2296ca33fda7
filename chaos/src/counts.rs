//! What is counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// Examples of what went wrong that are kept, of each kind.
const EXAMPLES: usize = 20;

/// Counts while they grow.
#[derive(Debug, Default)]
pub struct Tally {
    requests: AtomicU64,
    whole: AtomicU64,
    refused: AtomicU64,
    errors: AtomicU64,
    broken: AtomicU64,
    commits: AtomicU64,
    kills: AtomicU64,
    orphans: AtomicU64,
    wrong: AtomicU64,
    lost: AtomicU64,
    unfiltered: AtomicU64,
    memory: AtomicU64,
    faults: Mutex<BTreeMap<String, u64>>,
    examples: Mutex<Vec<String>>,
}

/// The counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The seed.
    pub seed: u64,
    /// How long it took, in seconds.
    pub seconds: u64,
    /// Requests of clients.
    pub requests: u64,
    /// Answers that were right to the last byte.
    pub right: u64,
    /// Refusals of what policy withholds.
    pub refused: u64,
    /// Errors that said that they were some.
    pub errors: u64,
    /// Answers that broke, or that clients left.
    pub broken: u64,
    /// Files that were committed between kills.
    pub commits: u64,
    /// Times that the gateway was killed.
    pub kills: u64,
    /// Objects without a record that were left in the store, and that the next collection removed.
    pub orphans: u64,
    /// The most anonymous memory that it had, in bytes.
    pub memory: u64,
    /// What was done to it, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Answers that were not what the registry has.
    pub wrong_answers: u64,
    /// Files that were whole and are gone.
    pub lost_objects: u64,
    /// Answers with something that policy withholds, in bytes.
    pub unfiltered_bytes: u64,
    /// Examples of the last three.
    pub examples: Vec<String>,
}

impl Tally {
    /// A request was sent.
    pub fn request(&self) {
        add(&self.requests, 1);
    }

    /// It was answered rightly.
    pub fn right(&self) {
        add(&self.whole, 1);
    }

    /// It was refused rightly.
    pub fn refused(&self) {
        add(&self.refused, 1);
    }

    /// It was answered with an honest error.
    pub fn error(&self) {
        add(&self.errors, 1);
    }

    /// Its answer did not end.
    pub fn broken(&self) {
        add(&self.broken, 1);
    }

    /// A file was committed.
    pub fn commit(&self) {
        add(&self.commits, 1);
    }

    /// The gateway was killed.
    pub fn kill(&self) {
        add(&self.kills, 1);
        self.fault("killed");
    }

    /// So many objects without a record were collected.
    pub fn orphans(&self, count: u64) {
        add(&self.orphans, count);
    }

    /// So much memory was in use.
    pub fn memory(&self, bytes: u64) {
        self.memory.fetch_max(bytes, Ordering::Relaxed);
    }

    /// Something was done to the gateway or its surroundings.
    pub fn fault(&self, kind: &str) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        match faults.get_mut(kind) {
            Some(count) => *count += 1,
            None => drop(faults.insert(kind.to_owned(), 1)),
        }
    }

    /// An answer is not what it should be.
    pub fn wrong(&self, example: String) {
        add(&self.wrong, 1);
        self.example(example);
    }

    /// Something whole is gone.
    pub fn lost(&self, example: String) {
        add(&self.lost, 1);
        self.example(example);
    }

    /// Something withheld went out.
    pub fn unfiltered(&self, bytes: usize, example: String) {
        add(&self.unfiltered, bytes as u64);
        self.example(example);
    }

    fn example(&self, example: String) {
        let mut examples = self.examples.lock().unwrap_or_else(PoisonError::into_inner);
        if examples.len() < EXAMPLES {
            examples.push(example);
        }
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            seed: 0,
            seconds: 0,
            requests: read(&self.requests),
            right: read(&self.whole),
            refused: read(&self.refused),
            errors: read(&self.errors),
            broken: read(&self.broken),
            commits: read(&self.commits),
            kills: read(&self.kills),
            orphans: read(&self.orphans),
            memory: read(&self.memory),
            faults: self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            wrong_answers: read(&self.wrong),
            lost_objects: read(&self.lost),
            unfiltered_bytes: read(&self.unfiltered),
            examples: self.examples.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

impl Counts {
    /// Whether nothing was wrong, lost or unfiltered, and something was seen at all.
    pub fn is_good(&self) -> bool {
        self.right > 0 && self.wrong_answers + self.lost_objects + self.unfiltered_bytes == 0
    }

    /// How many faults there were.
    pub fn faults(&self) -> u64 {
        self.faults.values().sum()
    }
}

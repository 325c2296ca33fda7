//! Damaged documents: no panic, no broken contract, and never more releases than the whole one
//! lists.

use std::panic::{AssertUnwindSafe, catch_unwind};

use weir_core::{Release, Target};

use super::manifest::{pairs, seen_when_all_dropped};
use super::suite::Subject;
use super::{Answers, Driver, Fault, Random, keep_all};

const CUTS: usize = 160;
const FLIPS: usize = 480;

#[derive(Clone, Copy, PartialEq)]
enum Damage {
    /// The document ends after so many bytes.
    Cut(usize),
    /// This bit of this byte is turned.
    Flip(usize, u8),
}

impl Damage {
    fn apply(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Cut(length) => bytes[..length].to_vec(),
            Self::Flip(at, bit) => {
                let mut bytes = bytes.to_vec();
                bytes[at] ^= 1 << bit;
                bytes
            }
        }
    }
}

pub(super) fn check(subject: &Subject<'_>) {
    let listed = subject.driver().read(&subject.target).unwrap_or_default();
    let keys: Vec<&str> = subject.case.answers.keys().collect();
    for key in keys {
        let Some(doc) = subject.case.answers.get(key) else { continue };
        for damage in damages(doc.bytes().len()) {
            let bytes = damage.apply(doc.bytes());
            let answers = subject.case.answers.with_damage(key, &bytes);
            let tried = || survives(subject, damage, &answers, &listed);
            let result = catch_unwind(AssertUnwindSafe(tried));
            let broken = match result {
                Ok(None) => continue,
                Ok(Some(broken)) => broken,
                Err(_) => "it panics".to_owned(),
            };
            let how = match damage {
                Damage::Cut(length) => format!("cut after {length} bytes"),
                Damage::Flip(at, bit) => format!("with bit {bit} of byte {at} turned"),
            };
            let text = String::from_utf8_lossy(&bytes);
            subject.broken("damage never yields more", format!("{key} {how}: {broken}\n{text}"));
        }
    }
}

fn damages(length: usize) -> Vec<Damage> {
    if length == 0 {
        return Vec::new();
    }
    let mut random = Random::new(length as u64);
    let step = (length / CUTS).max(1);
    let cuts = (0..length).step_by(step).map(Damage::Cut);
    let every_bit = (0..length).flat_map(|at| (0..8).map(move |bit| Damage::Flip(at, bit)));
    if length * 8 <= FLIPS {
        return cuts.chain(every_bit).collect();
    }
    let flips = (0..FLIPS).map(|_| Damage::Flip(random.below(length), random.below(8) as u8));
    cuts.chain(flips).collect()
}

/// What is wrong with the plugin's answer to damaged documents.
fn survives(
    subject: &Subject<'_>,
    damage: Damage,
    answers: &Answers,
    listed: &[Release<'_>],
) -> Option<String> {
    let driver = subject.driver_with(answers, &keep_all);
    if matches!(subject.target, Target::Artifact { .. } | Target::Sidecar { .. }) {
        return contract(driver.locate(&subject.target));
    }
    let releases = match driver.read(&subject.target) {
        Ok(releases) => releases,
        Err(fault) => return contract::<()>(Err(fault)),
    };
    more_than(subject, damage, listed, &releases)
        .or_else(|| differs(subject, &driver, &releases))
        .or_else(|| {
            let seen = seen_when_all_dropped(subject, answers)?;
            (!seen.is_empty()).then(|| format!("all were dropped, yet a client sees {seen:?}"))
        })
}

fn contract<T>(result: Result<T, Fault>) -> Option<String> {
    match result {
        Err(Fault::Broken(what)) => Some(what),
        _ => None,
    }
}

fn more_than(
    subject: &Subject<'_>,
    damage: Damage,
    before: &[Release<'_>],
    after: &[Release<'_>],
) -> Option<String> {
    if subject.case.lines_may_be_cut {
        return None;
    }
    let readable = |list: &[Release<'_>]| list.iter().filter(|r| r.unreadable.is_none()).count();
    if readable(after) > readable(before) {
        return Some(format!("{} releases became {}", readable(before), readable(after)));
    }
    let (known, found) = (pairs(before), pairs(after));
    let new: Vec<_> = found.difference(&known).collect();
    let invented = matches!(damage, Damage::Cut(_)) && !new.is_empty();
    invented.then(|| format!("{new:?} appeared"))
}

/// A client must not see what the judge was not asked about.
fn differs(subject: &Subject<'_>, driver: &Driver<'_>, releases: &[Release<'_>]) -> Option<String> {
    let written = match driver.write(&subject.target) {
        Ok(written) => written,
        Err(fault) => return contract::<()>(Err(fault)),
    };
    let seen = (subject.case.parse?)(&written.bytes)?;
    let judged = pairs(releases);
    let unseen: Vec<_> = seen.into_iter().filter(|pair| !judged.contains(pair)).collect();
    (!unseen.is_empty()).then(|| format!("a client sees {unseen:?}, which nobody judged"))
}

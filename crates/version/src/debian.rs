//! Debian versions as dpkg orders them: `[epoch:]upstream[-revision]` (deb-version(7)).

use std::cmp::Ordering;

/// The parts of a version.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Parts<'a> {
    epoch: u32,
    upstream: &'a str,
    revision: &'a str,
}

/// Whether a text is a version that dpkg reads.
pub(crate) fn is_valid(text: &str) -> bool {
    split(text).is_some()
}

/// Whether the version sorts below its own base (`1.0~rc1`).
pub(crate) fn is_prerelease(text: &str) -> bool {
    split(text).is_some_and(|parts| parts.upstream.contains('~'))
}

/// Orders two versions.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    let (Some(left), Some(right)) = (split(left), split(right)) else {
        return left.as_bytes().cmp(right.as_bytes());
    };
    left.epoch
        .cmp(&right.epoch)
        .then_with(|| compare_part(left.upstream, right.upstream))
        .then_with(|| compare_part(left.revision, right.revision))
}

fn split(text: &str) -> Option<Parts<'_>> {
    let (epoch, rest) = match text.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|b| b.is_ascii_digit()) => {
            (epoch.parse().ok()?, rest)
        }
        Some(_) => return None,
        None => (0, text),
    };
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    let starts = upstream.starts_with(|c: char| c.is_ascii_alphanumeric());
    let fine = |c: char| c.is_ascii_alphanumeric() || ".+-~:".contains(c);
    let revised = |c: char| c.is_ascii_alphanumeric() || ".+~".contains(c);
    let ended = rest.ends_with('-');
    (starts && !ended && upstream.chars().all(fine) && revision.chars().all(revised))
        .then_some(Parts { epoch, upstream, revision })
}

/// Runs of other characters by their rank, runs of digits by value, in turn.
fn compare_part(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !left.is_empty() || !right.is_empty() {
        let order = compare_text(&mut left, &mut right).then_with(|| {
            let (a, b) = (digits(&mut left), digits(&mut right));
            a.len().cmp(&b.len()).then_with(|| a.cmp(b))
        });
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

fn compare_text(left: &mut &[u8], right: &mut &[u8]) -> Ordering {
    loop {
        let (a, b) = (text(left), text(right));
        if a.is_none() && b.is_none() {
            return Ordering::Equal;
        }
        let order = rank(a).cmp(&rank(b));
        if order.is_ne() {
            return order;
        }
        *left = left.get(1..).unwrap_or_default();
        *right = right.get(1..).unwrap_or_default();
    }
}

/// The next character that is no digit.
fn text(rest: &[u8]) -> Option<u8> {
    rest.first().copied().filter(|b| !b.is_ascii_digit())
}

/// A tilde is below the end, the end below letters, letters below all else.
fn rank(byte: Option<u8>) -> (u8, u8) {
    match byte {
        Some(b'~') => (0, 0),
        None => (1, 0),
        Some(b) if b.is_ascii_alphabetic() => (2, b),
        Some(b) => (3, b),
    }
}

/// Takes a run of digits off the front, without leading zeros.
fn digits<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
    let (run, tail) = rest.split_at(end);
    *rest = tail;
    let zeros = run.iter().take_while(|b| **b == b'0').count();
    &run[zeros..]
}

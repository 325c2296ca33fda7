//! The ordering for formats without one of their own: runs of digits by value, all else by bytes.

use std::cmp::Ordering;

/// Orders two texts run by run. A text that continues is above one that ended; a number is above
/// a text at the same place.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    loop {
        let order = match (next_run(&mut left), next_run(&mut right)) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => compare_runs(a, b),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Takes the longest run of digits or of other bytes off the front.
fn next_run<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let digits = rest.first()?.is_ascii_digit();
    let end = rest.iter().position(|b| b.is_ascii_digit() != digits).unwrap_or(rest.len());
    let (run, tail) = rest.split_at(end);
    *rest = tail;
    Some(run)
}

fn compare_runs(left: &[u8], right: &[u8]) -> Ordering {
    let number = |run: &[u8]| run.first().is_some_and(u8::is_ascii_digit);
    match (number(left), number(right)) {
        (true, true) => {
            let (left, right) = (significant(left), significant(right));
            left.len().cmp(&right.len()).then_with(|| left.cmp(right))
        }
        (false, false) => left.cmp(right),
        (left, right) => left.cmp(&right),
    }
}

fn significant(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|b| **b == b'0').count();
    &digits[zeros..]
}

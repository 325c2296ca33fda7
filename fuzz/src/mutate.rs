//! Seeded damage to inputs.

use weir_testkit::Random;

/// Pieces with a meaning in some format, put where they do not belong.
const PIECES: [&[u8]; 24] = [
    b"\"",
    b"\\",
    b"\\u0022",
    b"\\u002e",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"\n",
    b"\r\n",
    b"\0",
    b"/",
    b"%2f",
    b"%252f",
    b"..",
    b"<a href=\"",
    b"<!--",
    b"&quot;",
    b"\xff",
    b"\xef\xbb\xbf",
    b"1e999",
];

/// The input with one to four changes. The same seed makes the same changes.
pub fn mutate(input: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(4) {
        change(&mut bytes, &mut random);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    let end = (at + random.below(64)).min(bytes.len());
    match random.below(8) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => bytes.extend_from_within(at..end),
        3 | 4 => {
            let piece = PIECES[random.below(PIECES.len())];
            bytes.splice(at..at, piece.iter().copied());
        }
        // A passage appears a second time elsewhere: duplicate keys, repeated entries.
        5 => {
            let passage = bytes[at..end].to_vec();
            let to = random.below(bytes.len());
            bytes.splice(to..to, passage);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_another_one_differs() {
        let input = b"{\"name\": \"demo\"}";
        assert_eq!(mutate(input, 7), mutate(input, 7));
        let all: std::collections::BTreeSet<_> = (0..50).map(|seed| mutate(input, seed)).collect();
        assert!(all.len() > 30, "{} of 50 differ", all.len());
    }

    #[test]
    fn nothing_can_be_changed_too() {
        for seed in 0..200 {
            mutate(b"", seed);
        }
    }
}

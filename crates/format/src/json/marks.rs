//! Where tokens begin in a JSON text (RFC 8259 section 2), found 64 bytes at a time: each block
//! becomes a few bit masks, one bit a byte, and what lies inside strings is masked out without
//! looking at it byte by byte. The method is that of Langdale and Lemire, "Parsing Gigabytes of JSON
//! per Second" (2019), section 3.1.

use wide::u8x16;

/// Bytes of a block.
const BLOCK: usize = 64;

/// The begins of tokens, one after the other: marks of structure (`{}[]:,`), the quotes that open
/// strings, and the first bytes of whatever else stands outside of strings and is no space.
#[derive(Clone, Debug)]
pub(super) struct Marks<'a> {
    text: &'a [u8],
    /// Where the current block begins.
    block: usize,
    /// Where the block behind it begins.
    next: usize,
    /// Begins in the current block that have not been taken yet.
    begins: u64,
    /// How the current block ends, for the one behind it.
    ends: End,
    /// Whether a string holds what none may hold: a control character or an unknown escape.
    flawed: bool,
}

/// How a block ends: each is 1 or all ones where it is so, else 0.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    /// The first byte of the next block is escaped: 1.
    escape: u64,
    /// Within a string: all ones.
    string: u64,
    /// Within a number or a word: 1.
    word: u64,
}

impl<'a> Marks<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, block: 0, next: 0, begins: 0, ends: End::default(), flawed: false }
    }

    /// The next token's position; the length of the text when there is none.
    #[inline]
    pub(super) fn next(&mut self) -> usize {
        if self.begins == 0 && !self.load_some() {
            return self.text.len();
        }
        let at = self.block + self.begins.trailing_zeros() as usize;
        self.begins &= self.begins - 1;
        at
    }

    /// Goes on to the next block in which a token begins, if there is one.
    #[inline(never)]
    fn load_some(&mut self) -> bool {
        while self.begins == 0 {
            if self.next >= self.text.len() {
                return false;
            }
            self.load();
        }
        true
    }

    /// Whether every string so far has ended and holds what it may.
    pub(super) fn are_sound(&self) -> bool {
        !self.flawed && self.ends.string == 0
    }

    fn load(&mut self) {
        let rest = &self.text[self.next..];
        let masks = if let Some(block) = rest.first_chunk() {
            Masks::of(block)
        } else {
            let mut block = [b' '; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            Masks::of(&block)
        };
        let escaped =
            if masks.backslash | self.ends.escape == 0 { 0 } else { self.escaped(&masks) };
        let quotes = masks.quote & !escaped;
        // From each opening quote to before the closing one.
        let string = filled(quotes) ^ self.ends.string;
        self.ends.string = if string >> 63 == 1 { u64::MAX } else { 0 };
        if masks.control != 0 {
            self.flawed |= masks.control & (string | !masks.space) != 0;
        }
        let word = !(masks.space | masks.mark | masks.quote | string);
        let word_begins = word & !(word << 1 | self.ends.word);
        self.ends.word = word >> 63;
        self.begins = (masks.mark & !string) | (quotes & string) | word_begins;
        self.block = self.next;
        self.next += BLOCK;
    }

    /// The bytes that a backslash stands before. Backslashes outside of strings are refused as words.
    fn escaped(&mut self, masks: &Masks) -> u64 {
        let mut escaped = self.ends.escape;
        let mut backslashes = masks.backslash & !escaped;
        self.ends.escape = 0;
        while backslashes != 0 {
            let at = backslashes.trailing_zeros();
            self.flawed |= !is_escape(&self.text[self.next + at as usize + 1..]);
            // A byte behind the block's last is escaped in the next block.
            let behind = 1_u64.checked_shl(at + 1).unwrap_or(0);
            self.ends.escape = u64::from(behind == 0);
            escaped |= behind;
            backslashes &= backslashes - 1;
            backslashes &= !behind;
        }
        escaped
    }
}

/// Whether this is what may follow a backslash (RFC 8259 section 7).
fn is_escape(behind: &[u8]) -> bool {
    match behind {
        [b'u', rest @ ..] => {
            rest.first_chunk::<4>().is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
        }
        [known, ..] => br#""\/bfnrt"#.contains(known),
        [] => false,
    }
}

/// Each bit becomes the parity of itself and all below it: set from every odd bit up to the next.
fn filled(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// What stands in a block: bit `n` is about byte `n`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Masks {
    quote: u64,
    backslash: u64,
    /// `{}[]:,`
    mark: u64,
    /// What may stand between tokens.
    space: u64,
    /// Bytes below 0x20.
    control: u64,
}

/// Bytes that are looked at with one instruction.
const PART: usize = 16;

impl Masks {
    fn of(block: &[u8; BLOCK]) -> Self {
        let (parts, _) = block.as_chunks::<PART>();
        let mut masks = Self::default();
        for (ordinal, part) in parts.iter().enumerate() {
            masks.add(u8x16::new(*part), PART * ordinal);
        }
        if masks.control != 0 {
            masks.space = 0;
            for (ordinal, part) in parts.iter().enumerate() {
                masks.space |= bits(spaces(u8x16::new(*part)), PART * ordinal);
            }
        }
        masks
    }

    /// As if there were no control characters: then only a blank is not above a blank.
    fn add(&mut self, part: u8x16, at: usize) {
        // `[` and `{`, and `]` and `}`, are one bit apart.
        let folded = part | u8x16::splat(0x20);
        let brackets = equal(folded, b'{') | equal(folded, b'}');
        self.mark |= bits(brackets | equal(part, b':') | equal(part, b','), at);
        self.quote |= bits(equal(part, b'"'), at);
        self.backslash |= bits(equal(part, b'\\'), at);
        self.space |= bits(at_most(part, b' '), at);
        self.control |= bits(at_most(part, 0x1f), at);
    }
}

fn spaces(part: u8x16) -> u8x16 {
    equal(part, b' ') | equal(part, b'\t') | equal(part, b'\n') | equal(part, b'\r')
}

fn equal(part: u8x16, byte: u8) -> u8x16 {
    part.simd_eq(u8x16::splat(byte))
}

fn at_most(part: u8x16, byte: u8) -> u8x16 {
    part.min(u8x16::splat(byte)).simd_eq(part)
}

fn bits(part: u8x16, at: usize) -> u64 {
    u64::from(part.to_bitmask()) << at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytewise(block: &[u8; BLOCK]) -> Masks {
        let mask = |is: fn(u8) -> bool| {
            block.iter().rev().fold(0, |mask, byte| mask << 1 | u64::from(is(*byte)))
        };
        Masks {
            quote: mask(|byte| byte == b'"'),
            backslash: mask(|byte| byte == b'\\'),
            mark: mask(|byte| b"{}[]:,".contains(&byte)),
            space: mask(|byte| b" \t\n\r".contains(&byte)),
            control: mask(|byte| byte < 0x20),
        }
    }

    fn marks(text: &str) -> (Vec<usize>, bool) {
        let mut marks = Marks::new(text.as_bytes());
        let begins = std::iter::from_fn(|| Some(marks.next()).filter(|at| *at < text.len()));
        (begins.collect(), marks.are_sound())
    }

    #[test]
    fn tokens_begin_outside_of_strings() {
        assert_eq!(marks(r#"{"a,b": [12, "\"{"]}"#), (vec![0, 1, 6, 8, 9, 11, 13, 18, 19], true));
        assert!(marks("").0.is_empty());
        // Over the edges of blocks.
        let long = format!("[\"{}\", {} ]", "\\\\".repeat(100), "1".repeat(100));
        assert_eq!(marks(&long).0, [0, 1, 203, 205, 306]);
    }

    #[test]
    fn strings_that_do_not_end_or_hold_what_none_may_hold_are_found() {
        for sound in [r#""\u00e9\n""#, "\"\u{7f}é\"", " \t\r\n"] {
            assert!(marks(sound).1, "{sound}");
        }
        for flawed in ["\"", r#""\"#, r#""\x""#, r#""\u00g0""#, r#""\u00"#, "\"\n\"", "\0", "\x0c1"]
        {
            assert!(!marks(flawed).1, "{flawed}");
        }
    }

    proptest! {
        #[test]
        fn blocks_are_read_as_byte_by_byte(block: [u8; BLOCK], seen in "[\\[\\]{}:,\"\\\\ \\t\\n\\r\\x00a]{64}") {
            prop_assert_eq!(Masks::of(&block), bytewise(&block));
            let block: &[u8; BLOCK] = seen.as_bytes().first_chunk().unwrap();
            prop_assert_eq!(Masks::of(block), bytewise(block));
        }
    }
}

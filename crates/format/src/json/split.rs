//! Splitting text whose grammar was checked before: nothing inside the members is looked at but
//! where it ends.
//!
//! Checking costs ten times as much as finding the ends, and a document of many levels would be
//! checked once for each of them.

use std::ops::Range;

/// Positions in a text that is one valid JSON value. On another text the answers are some
/// positions within it, and no panic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'a>(pub(super) &'a [u8]);

/// One part of a container: the span of its key, quotes included, and of its value.
pub(super) type Part = (Range<usize>, Range<usize>);

impl Scan<'_> {
    /// The members of an object. `None` when the text is none.
    pub(super) fn members(self) -> Option<Vec<Part>> {
        self.parts(b'{', |at| {
            let key = at..self.string_end(at);
            let colon = self.space_end(key.end);
            let value = self.space_end(colon + 1);
            (key, value..self.value_end(value))
        })
    }

    /// The elements of an array. `None` when the text is none.
    pub(super) fn elements(self) -> Option<Vec<Range<usize>>> {
        let parts = self.parts(b'[', |at| (at..at, at..self.value_end(at)))?;
        Some(parts.into_iter().map(|(_, value)| value).collect())
    }

    fn parts(self, open: u8, part: impl Fn(usize) -> Part) -> Option<Vec<Part>> {
        let start = self.space_end(0);
        if self.0.get(start) != Some(&open) {
            return None;
        }
        let mut parts = Vec::new();
        let mut at = self.space_end(start + 1);
        while !matches!(self.0.get(at), None | Some(b'}' | b']')) {
            let found = part(at);
            let end = self.space_end(found.1.end);
            parts.push(found);
            // Over the comma, where there is one.
            at = if self.0.get(end) == Some(&b',') {
                self.space_end(end + 1)
            } else {
                end.max(at + 1)
            };
        }
        Some(parts)
    }

    fn value_end(self, at: usize) -> usize {
        match self.0.get(at) {
            Some(b'"') => self.string_end(at),
            Some(b'{' | b'[') => self.container_end(at),
            _ => {
                self.end_of(at, |b| matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'))
            }
        }
    }

    /// Behind the quote that ends the string which begins here.
    fn string_end(self, at: usize) -> usize {
        let mut from = at + 1;
        while let Some(rest) = self.0.get(from..) {
            match memchr::memchr2(b'"', b'\\', rest) {
                Some(found) if rest[found] == b'"' => return from + found + 1,
                // What is escaped is passed over, a quote too.
                Some(found) => from += found + 2,
                None => break,
            }
        }
        self.0.len()
    }

    fn container_end(self, at: usize) -> usize {
        let mut depth = 0_usize;
        let mut at = at;
        loop {
            at = self.end_of(at, |byte| MARKS[usize::from(byte)]);
            match self.0.get(at) {
                None => return self.0.len(),
                Some(b'"') => {
                    at = self.string_end(at);
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(_) => depth = depth.saturating_sub(1),
            }
            at += 1;
            if depth == 0 {
                return at;
            }
        }
    }

    fn space_end(self, at: usize) -> usize {
        self.end_of(at, |b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
    }

    /// The next position whose byte ends what began here.
    fn end_of(self, at: usize, ends: impl Fn(u8) -> bool) -> usize {
        let rest = self.0.get(at..).unwrap_or_default();
        at + rest.iter().position(|byte| ends(*byte)).unwrap_or(rest.len())
    }
}

/// Bytes at which the depth changes or a string begins.
const MARKS: [bool; 256] = {
    let mut marks = [false; 256];
    let bytes = b"\"{}[]";
    let mut at = 0;
    while at < bytes.len() {
        marks[bytes[at] as usize] = true;
        at += 1;
    }
    marks
};

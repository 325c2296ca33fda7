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
    /// The members of an object, one after the other. `None` when the text is none.
    pub(super) fn members(self, mut each: impl FnMut(Part)) -> Option<()> {
        self.object(self.space_end(0), |key, value| {
            let end = self.value_end(value);
            each((key, value..end));
            end
        })?;
        Some(())
    }

    /// The members of an object, and within the same pass those of each value that is an object
    /// itself: `inner` gets these first, then `each` the value and whether it is one.
    pub(super) fn nested(
        self,
        mut inner: impl FnMut(Part),
        mut each: impl FnMut(Part, bool),
    ) -> Option<()> {
        self.object(self.space_end(0), |key, value| {
            let split = self.object(value, |key, value| {
                let end = self.value_end(value);
                inner((key, value..end));
                end
            });
            let end = split.unwrap_or_else(|| self.value_end(value));
            each((key, value..end), split.is_some());
            end
        })?;
        Some(())
    }

    /// The elements of an array. `None` when the text is none.
    pub(super) fn elements(self) -> Option<Vec<Range<usize>>> {
        let mut elements = Vec::new();
        self.parts(self.space_end(0), b'[', |at| {
            let end = self.value_end(at);
            elements.push(at..end);
            end
        })?;
        Some(elements)
    }

    /// Goes through the object that begins here: `member` gets the span of a key and the start of
    /// its value, and says where that ends. Returns the end of the object.
    fn object(
        self,
        start: usize,
        mut member: impl FnMut(Range<usize>, usize) -> usize,
    ) -> Option<usize> {
        self.parts(start, b'{', |at| {
            let key = at..self.string_end(at);
            let colon = self.space_end(key.end);
            member(key, self.space_end(colon + 1))
        })
    }

    fn parts(self, start: usize, open: u8, mut part: impl FnMut(usize) -> usize) -> Option<usize> {
        if self.0.get(start) != Some(&open) {
            return None;
        }
        let mut at = self.space_end(start + 1);
        while !matches!(self.0.get(at), None | Some(b'}' | b']')) {
            let end = self.space_end(part(at));
            // Over the comma, where there is one.
            at = if self.0.get(end) == Some(&b',') {
                self.space_end(end + 1)
            } else {
                end.max(at + 1)
            };
        }
        Some((at + 1).min(self.0.len()))
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

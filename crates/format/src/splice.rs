//! Editing a document by byte spans: whatever no edit touches is written exactly as it was.

use std::borrow::Cow;
use std::io;
use std::ops::Range;

/// Edits of a document, in any order, written in one pass.
///
/// An edit that lies inside a wider one (a link inside an entry that is cut) has no effect.
/// Edits must not overlap in any other way.
#[derive(Debug)]
pub struct Splice<'a> {
    source: &'a [u8],
    edits: Vec<(Range<usize>, Cow<'a, [u8]>)>,
}

impl<'a> Splice<'a> {
    /// No edits yet.
    pub fn new(source: &'a [u8]) -> Self {
        Self { source, edits: Vec::new() }
    }

    /// Replaces a span.
    pub fn put(&mut self, span: Range<usize>, text: impl Into<Cow<'a, str>>) {
        let bytes = match text.into() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        self.edits.push((span, bytes));
    }

    /// Removes a span.
    pub fn cut(&mut self, span: Range<usize>) {
        self.put(span, "");
    }

    /// Inserts at an offset; several insertions at one offset keep their order.
    pub fn insert(&mut self, at: usize, text: impl Into<Cow<'a, str>>) {
        self.put(at..at, text);
    }

    /// Keeps a subset of a separated list and returns how many items stay. Each removed item
    /// goes with one separator, so that what stays is a well-formed list. `items` are the spans
    /// of the items without their separators, in the order of the document.
    pub fn retain(
        &mut self,
        items: impl IntoIterator<Item = Range<usize>>,
        mut keep: impl FnMut(usize) -> bool,
    ) -> usize {
        let mut kept = 0;
        let mut last_kept_end = None;
        // Dropped items since the last kept one.
        let mut dropped: Option<Range<usize>> = None;
        for (ordinal, item) in items.into_iter().enumerate() {
            if !keep(ordinal) {
                let start = dropped.map_or(item.start, |run| run.start);
                dropped = Some(start..item.end);
                continue;
            }
            if let Some(run) = dropped.take() {
                // After a kept item its separator goes; at the head of the list, the one behind.
                self.cut(last_kept_end.map_or(run.start..item.start, |end| end..run.end));
            }
            kept += 1;
            last_kept_end = Some(item.end);
        }
        if let Some(run) = dropped {
            self.cut(last_kept_end.unwrap_or(run.start)..run.end);
        }
        kept
    }

    /// Whether nothing has been edited.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Writes the document with all edits.
    pub fn write(self, out: &mut dyn io::Write) -> io::Result<()> {
        let whole = 0..self.source.len();
        self.write_span(whole, out)
    }

    /// Writes one span of the document with the edits that lie in it (one entry of a listing as
    /// a document of its own).
    pub fn write_span(mut self, part: Range<usize>, out: &mut dyn io::Write) -> io::Result<()> {
        self.edits.retain(|(span, _)| part.start <= span.start && span.end <= part.end);
        // Insertions first, then the widest, so that what lies inside comes later and is skipped.
        self.edits.sort_by(|(a, _), (b, _)| {
            let order = |span: &Range<usize>| (span.start, !span.is_empty());
            order(a).cmp(&order(b)).then(b.end.cmp(&a.end))
        });
        let mut position = part.start;
        for (span, text) in &self.edits {
            if span.start < position {
                debug_assert!(span.end <= position, "edits overlap at byte {}", span.start);
                continue;
            }
            out.write_all(&self.source[position..span.start])?;
            out.write_all(text)?;
            position = span.end;
        }
        out.write_all(&self.source[position..part.end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(splice: Splice<'_>) -> String {
        let mut out = Vec::new();
        splice.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn edits_may_come_in_any_order() {
        let mut splice = Splice::new(b"one two three");
        splice.put(8..13, "3");
        splice.cut(0..4);
        splice.insert(8, "and ");
        splice.insert(8, "then ");
        assert_eq!(written(splice), "two and then 3");
    }

    #[test]
    fn an_edit_inside_a_cut_has_no_effect() {
        let mut splice = Splice::new(b"keep [link] keep");
        splice.put(6..10, "other");
        splice.cut(5..12);
        assert_eq!(written(splice), "keep keep");
    }

    #[test]
    fn a_part_is_written_with_its_own_edits() {
        let mut splice = Splice::new(b"one two three");
        splice.put(8..13, "3");
        splice.put(4..7, "2");
        let mut out = Vec::new();
        splice.write_span(4..8, &mut out).unwrap();
        assert_eq!(out, b"2 ");
    }

    #[test]
    fn each_removed_item_takes_one_separator_with_it() {
        let items = [1..2, 4..5, 7..8];
        let cases = ["[]", "[a]", "[b]", "[a, b]", "[c]", "[a, c]", "[b, c]", "[a, b, c]"];
        for (bits, expected) in cases.into_iter().enumerate() {
            let mut splice = Splice::new(b"[a, b, c]");
            let kept = splice.retain(items.clone(), |i| bits & (1 << i) != 0);
            assert_eq!(written(splice), expected);
            assert_eq!(kept, bits.count_ones() as usize);
        }
    }
}

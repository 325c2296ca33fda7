//! Stanzas of fields, as Debian's control files have them (deb822(5)): `Name: value` lines,
//! continued by lines that begin with a space or tab, separated by empty lines.
//!
//! Read in place: a document of 50 MB costs one pass over its lines.

use std::ops::Range;

use memchr::{memchr, memmem};

/// One stanza of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stanza<'a> {
    /// Its lines, with the newline of the last.
    pub text: &'a [u8],
    /// Where it stands, the empty lines behind it included.
    pub span: Range<usize>,
}

impl<'a> Stanza<'a> {
    /// Its fields in order: name and raw value, continuation lines included.
    pub fn fields(&self) -> Fields<'a> {
        Fields { rest: self.text }
    }

    /// The raw value of a field, whatever the case of its name; the first one, where there are
    /// several.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        let mut fields = self.fields();
        fields.find(|field| field.name.eq_ignore_ascii_case(name.as_bytes())).map(|f| f.value)
    }

    /// The value of a field as one trimmed text; `None` when it is not UTF-8.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(text)
    }
}

/// A raw value as one trimmed text; `None` when it is not UTF-8.
pub fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().map(str::trim)
}

/// A field of a stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// What is behind the colon, up to the next field.
    pub value: &'a [u8],
}

/// The fields of a stanza.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        loop {
            let end = field_end(self.rest);
            let (field, rest) = self.rest.split_at_checked(end).filter(|(f, _)| !f.is_empty())?;
            self.rest = rest;
            // A comment, or a line that is none.
            if field.starts_with(b"#") {
                continue;
            }
            let Some(colon) = memchr(b':', field) else { continue };
            return Some(Field { name: &field[..colon], value: &field[colon + 1..] });
        }
    }
}

/// Where the first field with its continuation lines ends.
fn field_end(text: &[u8]) -> usize {
    let mut end = 0;
    while let Some(newline) = text.get(end..).and_then(|rest| memchr(b'\n', rest)) {
        end += newline + 1;
        if !matches!(text.get(end), Some(b' ' | b'\t')) {
            return end;
        }
    }
    text.len()
}

/// The stanzas of a document.
pub fn stanzas(document: &[u8]) -> Stanzas<'_> {
    Stanzas { document, at: 0, blank: memmem::Finder::new(b"\n\n") }
}

/// Iterates over the stanzas of a document.
#[derive(Clone, Debug)]
pub struct Stanzas<'a> {
    document: &'a [u8],
    at: usize,
    blank: memmem::Finder<'static>,
}

impl<'a> Iterator for Stanzas<'a> {
    type Item = Stanza<'a>;

    fn next(&mut self) -> Option<Stanza<'a>> {
        let newlines = |from: usize| {
            let rest = self.document.get(from..).unwrap_or_default();
            rest.iter().take_while(|b| **b == b'\n').count()
        };
        let start = self.at + newlines(self.at);
        let rest = self.document.get(start..).filter(|rest| !rest.is_empty())?;
        let end = match self.blank.find(rest) {
            Some(blank) => start + blank + 1,
            None => self.document.len(),
        };
        self.at = end + newlines(end);
        Some(Stanza { text: &self.document[start..end], span: start..self.at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = b"\nPackage: a\nDescription: one\n two: three\n\tfour\nVersion: 1\n\n\n\
        # note\nPackage: b\nversion:2";

    #[test]
    fn stanzas_have_fields_with_continuation_lines() {
        let all: Vec<_> = stanzas(TWO).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].text("Package"), Some("a"));
        assert_eq!(all[0].text("description"), Some("one\n two: three\n\tfour"));
        assert_eq!(all[0].text("two"), None);
        assert_eq!(all[1].text("Package"), Some("b"));
        assert_eq!(all[1].text("Version"), Some("2"));
    }

    #[test]
    fn the_spans_cover_the_document_from_the_first_stanza_on() {
        let all: Vec<_> = stanzas(TWO).collect();
        assert_eq!(all[0].span.end, all[1].span.start);
        assert_eq!(all[1].span.end, TWO.len());
        assert_eq!(&TWO[all[0].span.clone()][..all[0].text.len()], all[0].text);
    }

    #[test]
    fn odd_lines_are_passed_over() {
        let odd = b"no colon here\nPackage: a\n continued\n\n";
        let all: Vec<_> = stanzas(odd).collect();
        assert_eq!(all[0].text("Package"), Some("a\n continued"));
        assert_eq!(stanzas(b"\n\n\n").count(), 0);
        assert_eq!(stanzas(b"").count(), 0);
    }
}

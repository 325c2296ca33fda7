//! Anchors of HTML pages that list links (PEP 503 and its like), with the spans that an editor
//! needs.
//!
//! The tokenizer follows the WHATWG rules (<https://html.spec.whatwg.org/#tokenization>) as far as
//! start tags go: comments, raw-text elements, quoted, unquoted and empty attributes, names in any
//! case. Clients read such pages with parsers that differ at the edges, so a page on which they
//! could disagree about what is a link is refused: markup inside a comment, a script or another
//! tag, a stray `<` in front of a tag, a page that ends inside a tag.
//!
//! ```
//! use weir_format::html::Page;
//!
//! let page = Page::parse(r#"<a href="demo-1.0.zip" data-yanked>demo</a>"#)?;
//! let anchor = &page.anchors[0];
//! assert_eq!(anchor.text("href").as_deref(), Some("demo-1.0.zip"));
//! assert_eq!(anchor.text("data-yanked").as_deref(), Some(""));
//! # Ok::<(), weir_core::FormatError>(())
//! ```

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memmem};
use weir_core::FormatError;

/// Elements whose content is text up to their own end tag.
const RAW_TEXT: [&str; 8] =
    ["script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"];

/// More attributes than any page has use for.
const MAX_ATTRIBUTES: usize = 64;

/// What a list of links consists of.
#[derive(Clone, Debug, Default)]
pub struct Page<'a> {
    /// All `<a …>`, with and without `href`, in the order of the page.
    pub anchors: Vec<Anchor<'a>>,
    /// `<base …>` elements, which move relative links.
    pub bases: Vec<Tag<'a>>,
    /// `<meta …>` elements.
    pub metas: Vec<Tag<'a>>,
}

/// A part of a page.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// `<a …>`
    Anchor(Anchor<'a>),
    /// `<base …>`
    Base(Tag<'a>),
    /// `<meta …>`
    Meta(Tag<'a>),
}

/// A start tag.
#[derive(Clone, Debug)]
pub struct Tag<'a> {
    /// The name as it is spelled.
    pub name: &'a str,
    /// From `<` to behind `>`.
    pub span: Range<usize>,
    /// The attributes in the order of the page.
    pub attributes: Vec<Attribute<'a>>,
}

/// An `<a …>` with what belongs to it.
#[derive(Clone, Debug)]
pub struct Anchor<'a> {
    /// The start tag.
    pub tag: Tag<'a>,
    /// What stands between start and end tag, as it is spelled.
    pub content: &'a str,
    /// From `<` of the start tag to behind the end tag; an anchor that is never closed ends with
    /// its text, trailing white space aside.
    pub element: Range<usize>,
}

/// An attribute of a start tag.
#[derive(Clone, Debug)]
pub struct Attribute<'a> {
    /// The name as it is spelled.
    pub name: &'a str,
    /// The value as it is spelled, without quotes.
    pub raw: &'a str,
    /// Where the value stands, without quotes; empty behind the name when there is none.
    pub span: Range<usize>,
    /// How the value is delimited.
    pub quote: Quote,
}

/// How an attribute's value is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quote {
    /// `name="value"` or `name='value'`
    Quoted,
    /// `name=value`
    Unquoted,
    /// `name`
    Missing,
}

impl<'a> Page<'a> {
    /// Reads a page.
    pub fn parse(source: &'a str) -> Result<Self, FormatError> {
        let mut page = Self::default();
        visit(source, &mut |item| match item {
            Item::Anchor(anchor) => page.anchors.push(anchor),
            Item::Base(tag) => page.bases.push(tag),
            Item::Meta(tag) => page.metas.push(tag),
        })?;
        Ok(page)
    }
}

/// Shows the parts of a page one by one, for pages with more anchors than should be held.
pub fn visit<'a>(source: &'a str, each: &mut dyn FnMut(Item<'a>)) -> Result<(), FormatError> {
    if let Some(at) = memchr(0, source.as_bytes()) {
        return Err(FormatError::at(at, "a page holds a NUL"));
    }
    Reader { source, at: 0, each, open: None }.read()
}

impl<'a> Tag<'a> {
    /// An attribute by its lower-case name; the first of several, as browsers read it.
    pub fn attribute(&self, name: &str) -> Option<&Attribute<'a>> {
        self.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }

    /// The decoded value of an attribute.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.attribute(name).map(Attribute::text)
    }

    /// Whether an attribute stands there twice. Parsers differ on which one counts.
    pub fn has_duplicates(&self) -> bool {
        self.attributes.iter().enumerate().any(|(ordinal, attribute)| {
            self.attributes[..ordinal].iter().any(|a| a.name.eq_ignore_ascii_case(attribute.name))
        })
    }

    /// Where a further attribute can be inserted, with a leading space.
    pub fn insertion(&self) -> usize {
        self.span.start + 1 + self.name.len()
    }
}

impl<'a> Anchor<'a> {
    /// An attribute by its lower-case name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute<'a>> {
        self.tag.attribute(name)
    }

    /// The decoded value of an attribute.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.tag.text(name)
    }

    /// The element with the line break that ends it, `<br>` included, and with its indentation
    /// when nothing else stands on the line: what goes when the entry goes.
    pub fn entry(&self, source: &str) -> Range<usize> {
        let before = &source[..self.element.start];
        let start = before.trim_end_matches([' ', '\t']).len();
        let start = if before[..start].ends_with('\n') { start } else { self.element.start };
        let after = &source[self.element.end..];
        let rest = without_break(after.trim_start_matches([' ', '\t']))
            .unwrap_or(after)
            .trim_start_matches([' ', '\t', '\r']);
        match rest.strip_prefix('\n') {
            Some(rest) => start..source.len() - rest.len(),
            None => self.element.start..source.len() - rest.len(),
        }
    }
}

/// What follows a `<br>`, when the text starts with one.
fn without_break(text: &str) -> Option<&str> {
    let name = text.get(..3).filter(|name| name.eq_ignore_ascii_case("<br"))?;
    let rest = text[name.len()..].trim_start_matches([' ', '\t']);
    rest.strip_prefix('/').unwrap_or(rest).strip_prefix('>')
}

impl<'a> Attribute<'a> {
    /// The value, decoded.
    pub fn text(&self) -> Cow<'a, str> {
        unescape(self.raw)
    }

    /// The text to put at [`span`](Self::span) for another value, with quotes where there were
    /// none.
    pub fn replacement(&self, value: &str) -> String {
        let value = escape(value);
        match self.quote {
            Quote::Quoted => value.into_owned(),
            Quote::Unquoted => format!("\"{value}\""),
            Quote::Missing => format!("=\"{value}\""),
        }
    }
}

/// Whether anything but blanks stands beside the tags of a page.
pub fn has_text(source: &str) -> bool {
    let mut within = false;
    source.chars().any(|c| {
        let beside = !within && c != '<';
        within = c == '<' || within && c != '>';
        beside && !c.is_whitespace()
    })
}

/// A text as it stands in an attribute or between tags.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Decodes the five predefined entities and numeric references; what is neither stays as it is.
pub fn unescape(text: &str) -> Cow<'_, str> {
    let Some(first) = memchr(b'&', text.as_bytes()) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut rest = &text[first..];
    while let Some(after) = rest.strip_prefix('&') {
        let (decoded, used) = entity(after).unwrap_or(('&', 0));
        out.push(decoded);
        let next = &after[used..];
        let plain = memchr(b'&', next.as_bytes()).unwrap_or(next.len());
        out.push_str(&next[..plain]);
        rest = &next[plain..];
    }
    Cow::Owned(out)
}

/// Reads a reference behind its ampersand: the character and the bytes used.
fn entity(after: &str) -> Option<(char, usize)> {
    let end = after.bytes().take(11).position(|b| b == b';')?;
    let decoded = match &after[..end] {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        name => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((decoded, end + 1))
}

/// An anchor whose end has not been seen.
struct Open<'a> {
    tag: Tag<'a>,
    /// The next markup behind the start tag.
    text_end: Option<usize>,
}

struct Reader<'a, 'f> {
    source: &'a str,
    at: usize,
    each: &'f mut dyn FnMut(Item<'a>),
    open: Option<Open<'a>>,
}

impl<'a> Reader<'a, '_> {
    fn read(mut self) -> Result<(), FormatError> {
        while let Some(start) = self.next_markup() {
            self.at = start + 1;
            match self.byte(start + 1) {
                Some(b) if b.is_ascii_alphabetic() => self.start_tag(start)?,
                Some(b'/') => self.end_tag(start)?,
                Some(b'!' | b'?') => self.declaration(start)?,
                Some(b'<') => return Err(FormatError::at(start, "a stray `<` before markup")),
                _ => {}
            }
        }
        self.close(None);
        Ok(())
    }

    fn next_markup(&mut self) -> Option<usize> {
        let start = self.at + memchr(b'<', &self.source.as_bytes()[self.at..])?;
        if let Some(open) = &mut self.open {
            open.text_end.get_or_insert(start);
        }
        Some(start)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.source.as_bytes().get(at).copied()
    }

    fn start_tag(&mut self, start: usize) -> Result<(), FormatError> {
        let tag = self.tag(start, start + 1)?;
        if tag.name.eq_ignore_ascii_case("a") {
            self.close(None);
            self.open = Some(Open { tag, text_end: None });
        } else if tag.name.eq_ignore_ascii_case("base") {
            (self.each)(Item::Base(tag));
        } else if tag.name.eq_ignore_ascii_case("meta") {
            (self.each)(Item::Meta(tag));
        } else if tag.name.eq_ignore_ascii_case("plaintext") {
            self.no_markup(self.at, self.source.len())?;
            self.at = self.source.len();
        } else if RAW_TEXT.iter().any(|name| tag.name.eq_ignore_ascii_case(name)) {
            self.raw_text(tag.name)?;
        }
        Ok(())
    }

    fn end_tag(&mut self, start: usize) -> Result<(), FormatError> {
        if !self.byte(start + 2).is_some_and(|b| b.is_ascii_alphabetic()) {
            return self.declaration(start);
        }
        let tag = self.tag(start, start + 2)?;
        if tag.name.eq_ignore_ascii_case("a") {
            self.close(Some(tag.span));
        }
        Ok(())
    }

    /// Ends the open anchor, at its end tag or, without one, with its text.
    fn close(&mut self, end_tag: Option<Range<usize>>) {
        let Some(Open { tag, text_end }) = self.open.take() else { return };
        // White space in front of the next entry is that entry's.
        let text_end = text_end.unwrap_or(self.source.len());
        let text_end = tag.span.end + self.source[tag.span.end..text_end].trim_ascii_end().len();
        let (content, end) = end_tag.map_or((text_end, text_end), |span| (span.start, span.end));
        let content = &self.source[tag.span.end..content];
        let element = tag.span.start..end;
        (self.each)(Item::Anchor(Anchor { tag, content, element }));
    }

    /// Comments, document types and processing instructions.
    fn declaration(&mut self, start: usize) -> Result<(), FormatError> {
        let rest = &self.source[start..];
        let length = if rest.starts_with("<!-->") || rest.starts_with("<!--->") {
            memchr(b'>', rest.as_bytes())
        } else if rest.starts_with("<!--") {
            comment_end(rest)
        } else {
            memchr(b'>', rest.as_bytes())
        };
        let end = length.map_or(self.source.len(), |length| start + length + 1);
        self.no_markup(start + 1, end)?;
        self.at = end;
        Ok(())
    }

    fn raw_text(&mut self, name: &str) -> Result<(), FormatError> {
        let content = self.at;
        let mut from = content;
        let end = loop {
            let Some(found) = memmem::find(&self.source.as_bytes()[from..], b"</") else {
                break self.source.len();
            };
            from += found + 2;
            let candidate = self.source.as_bytes().get(from..from + name.len());
            let closes = self.byte(from + name.len()).is_none_or(ends_name);
            if closes && candidate.is_some_and(|c| c.eq_ignore_ascii_case(name.as_bytes())) {
                break from - 2;
            }
        };
        self.no_markup(content, end)?;
        self.at = end;
        Ok(())
    }

    /// Refuses a stretch without meaning that some parser could take an anchor from.
    fn no_markup(&self, from: usize, to: usize) -> Result<(), FormatError> {
        match hidden_anchor(&self.source.as_bytes()[from..to]) {
            Some(at) => Err(FormatError::at(from + at, "an anchor where there can be none")),
            None => Ok(()),
        }
    }

    /// Reads a tag whose name starts at `name`.
    fn tag(&mut self, start: usize, name: usize) -> Result<Tag<'a>, FormatError> {
        self.at = name;
        let name = self.take_until(ends_name);
        let mut attributes = Vec::new();
        loop {
            self.take_until(|b| !b.is_ascii_whitespace() && b != b'/');
            match self.byte(self.at) {
                None => return Err(FormatError::at(start, "the page ends inside a tag")),
                Some(b'>') => break,
                Some(_) if attributes.len() == MAX_ATTRIBUTES => {
                    return Err(FormatError::at(start, "a tag with more than 64 attributes"));
                }
                Some(_) => attributes.push(self.attribute(start)?),
            }
        }
        self.at += 1;
        self.no_markup(start + 1, self.at)?;
        Ok(Tag { name, span: start..self.at, attributes })
    }

    fn attribute(&mut self, tag: usize) -> Result<Attribute<'a>, FormatError> {
        let start = self.at;
        self.at += usize::from(self.byte(start) == Some(b'=')); // may start a name
        self.take_until(|b| ends_name(b) || b == b'=');
        let name = &self.source[start..self.at];
        let behind = self.at;
        self.skip_space();
        if self.byte(self.at) != Some(b'=') {
            self.at = behind;
            return Ok(Attribute { name, raw: "", span: behind..behind, quote: Quote::Missing });
        }
        self.at += 1;
        self.skip_space();
        let (raw, quote) = match self.byte(self.at) {
            Some(delimiter @ (b'"' | b'\'')) => {
                let rest = &self.source[self.at + 1..];
                let length = memchr(delimiter, rest.as_bytes())
                    .ok_or_else(|| FormatError::at(tag, "the page ends inside a tag"))?;
                self.at += length + 2;
                (&rest[..length], Quote::Quoted)
            }
            _ => (self.take_until(|b| b.is_ascii_whitespace() || b == b'>'), Quote::Unquoted),
        };
        let end = self.at - usize::from(quote == Quote::Quoted);
        Ok(Attribute { name, raw, span: end - raw.len()..end, quote })
    }

    fn skip_space(&mut self) {
        self.take_until(|b| !b.is_ascii_whitespace());
    }

    /// Moves to the next byte that fulfils a condition, or to the end. Conditions look at ASCII
    /// bytes only or stop at the first byte of a character, so that slices stay on boundaries.
    fn take_until(&mut self, stop: impl Fn(u8) -> bool) -> &'a str {
        let rest = &self.source[self.at..];
        let length = rest.bytes().position(stop).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }
}

fn ends_name(b: u8) -> bool {
    b.is_ascii_whitespace() || b == b'/' || b == b'>'
}

/// The offset of the `>` that ends a comment.
fn comment_end(comment: &str) -> Option<usize> {
    let bytes = comment.as_bytes();
    let mut from = 4;
    while let Some(found) = memmem::find(bytes.get(from..)?, b"--") {
        match bytes.get(from + found + 2..)? {
            [b'>', ..] => return Some(from + found + 2),
            [b'!', b'>', ..] => return Some(from + found + 3),
            _ => from += found + 1,
        }
    }
    None
}

/// Where a stretch holds what could be read as the start of an anchor.
fn hidden_anchor(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = memchr(b'<', &bytes[from..]) {
        let at = from + found;
        if let [b'a' | b'A', next, ..] = &bytes[at + 1..]
            && ends_name(*next)
        {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests;

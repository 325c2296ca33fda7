//! XML read by byte spans, so that elements can be cut and replaced where they stand.
//!
//! The reader is stricter than most: what two readers could take for different things (document
//! types, prefixed names, other encodings than UTF-8) is an error, and an element whose text is broken
//! by comments or sections has none.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;
use weir_core::FormatError;

/// Elements nest no deeper.
const DEPTH: usize = 64;

/// An element of a document.
#[derive(Clone, Debug)]
pub struct Element<'a> {
    name: &'a str,
    span: Range<usize>,
    inner: Range<usize>,
    text: Option<Cow<'a, str>>,
    children: Vec<Element<'a>>,
}

impl<'a> Element<'a> {
    /// Reads a document and returns its root.
    pub fn parse(source: &'a [u8]) -> Result<Self, FormatError> {
        let text = std::str::from_utf8(source)
            .map_err(|error| FormatError::at(error.valid_up_to(), "the document is not UTF-8"))?;
        // A byte order mark is no part of the document.
        let start = text.len() - text.trim_start_matches('\u{feff}').len();
        let mut tree = Tree { text, start, open: Vec::new(), root: None };
        tree.read()?;
        tree.root.ok_or_else(|| FormatError::new("the document has no element"))
    }

    /// The name as it stands in the tag.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// From the first byte of the start tag to behind the end tag.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// What lies between its tags; empty, at its end, for an element without end tag.
    pub fn inner(&self) -> Range<usize> {
        self.inner.clone()
    }

    /// The text without surrounding white space, entities resolved; `None` where there are elements,
    /// comments, sections or unknown entities.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref().map(str::trim).filter(|_| self.children.is_empty())
    }

    /// The elements in it.
    pub fn children(&self) -> &[Self] {
        &self.children
    }

    /// The elements of this name in it.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The one element of this name in it. Two are an error: readers differ in which one they take.
    pub fn only(&self, name: &str) -> Result<Option<&Self>, FormatError> {
        let mut named = self.named(name);
        let first = named.next();
        match named.next() {
            Some(second) => {
                let what = format!("a second <{name}> in <{}>", self.name);
                Err(FormatError::at(second.span.start, what))
            }
            None => Ok(first),
        }
    }
}

/// Text as it can stand between tags.
pub fn quote(text: &str) -> Cow<'_, str> {
    quick_xml::escape::escape(text)
}

struct Tree<'a> {
    text: &'a str,
    /// Where the document begins.
    start: usize,
    open: Vec<Element<'a>>,
    root: Option<Element<'a>>,
}

impl Tree<'_> {
    fn read(&mut self) -> Result<(), FormatError> {
        let document = self.text.get(self.start..).unwrap_or_default();
        let mut reader = Reader::from_str(document);
        loop {
            let from = self.start + position(reader.buffer_position());
            let event = reader.read_event();
            let to = self.start + position(reader.buffer_position());
            let event = event.map_err(|error| FormatError::at(from, error.to_string()))?;
            match event {
                Event::Eof if self.open.is_empty() => return Ok(()),
                Event::Eof => return Err(FormatError::at(to, "the document ends in an element")),
                Event::Start(tag) => self.begin(tag.name().as_ref().len(), from..to)?,
                Event::Empty(tag) => {
                    self.begin(tag.name().as_ref().len(), from..to)?;
                    self.end(to..to)?;
                }
                Event::End(_) => self.end(from..to)?,
                Event::Text(_) | Event::GeneralRef(_) => self.add(from..to)?,
                Event::CData(_) | Event::Comment(_) | Event::PI(_) => self.break_text(),
                Event::Decl(declared) => {
                    let encoding = declared.encoding().and_then(Result::ok);
                    if encoding.is_some_and(|name| !is_utf8(name.as_ref())) {
                        return Err(FormatError::at(from, "the document is not UTF-8"));
                    }
                }
                Event::DocType(_) => return Err(FormatError::at(from, "a document type")),
            }
        }
    }

    fn begin(&mut self, length: usize, tag: Range<usize>) -> Result<(), FormatError> {
        if self.open.len() >= DEPTH {
            return Err(FormatError::at(tag.start, "elements nest too deeply"));
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err(FormatError::at(tag.start, "a second root"));
        }
        let name = self.text.get(tag.start + 1..tag.start + 1 + length).unwrap_or_default();
        if name.is_empty() || name.contains(':') {
            return Err(FormatError::at(tag.start, "an element without name, or with a prefix"));
        }
        self.open.push(Element {
            name,
            inner: tag.end..tag.end,
            span: tag,
            text: Some(Cow::Borrowed("")),
            children: Vec::new(),
        });
        Ok(())
    }

    fn end(&mut self, tag: Range<usize>) -> Result<(), FormatError> {
        let stray = || FormatError::at(tag.start, "an end tag without its start");
        let mut element = self.open.pop().ok_or_else(stray)?;
        element.inner.end = tag.start;
        element.span.end = tag.end;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn add(&mut self, span: Range<usize>) -> Result<(), FormatError> {
        let raw = self.text.get(span.clone()).unwrap_or_default();
        let Some(element) = self.open.last_mut() else {
            let blank = raw.trim().is_empty();
            return if blank { Ok(()) } else { Err(FormatError::at(span.start, "text outside")) };
        };
        element.text = match (element.text.take(), unescape(raw)) {
            (Some(text), Ok(more)) if text.is_empty() => Some(more),
            (Some(text), Ok(more)) => Some(Cow::Owned(text.into_owned() + &more)),
            _ => None,
        };
        Ok(())
    }

    fn break_text(&mut self) {
        if let Some(element) = self.open.last_mut() {
            element.text = None;
        }
    }
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// Whether all bytes of a document that says this of itself are UTF-8 as well. Latin 1 counts: what
/// is beyond ASCII in it is no UTF-8 and was refused.
fn is_utf8(encoding: &str) -> bool {
    ["utf-8", "us-ascii", "iso-8859-1"].iter().any(|one| encoding.eq_ignore_ascii_case(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Element<'_>, FormatError> {
        Element::parse(text.as_bytes())
    }

    #[test]
    fn spans_and_texts_are_those_of_the_source() {
        let text =
            "\u{feff}<?xml version='1.0' encoding='UTF-8'?>\n<a x='1'> <b>1 &amp; 2</b><c/></a>\n";
        let root = parse(text).unwrap();
        let [b, c] = root.children() else { panic!("{root:?}") };
        assert_eq!(&text[b.span()], "<b>1 &amp; 2</b>");
        assert_eq!(&text[b.inner()], "1 &amp; 2");
        assert_eq!(b.text(), Some("1 & 2"));
        assert_eq!(&text[c.span()], "<c/>");
        assert_eq!((c.text(), c.name()), (Some(""), "c"));
        assert!(c.inner().is_empty());
        assert_eq!(&text[root.span()], "<a x='1'> <b>1 &amp; 2</b><c/></a>");
    }

    #[test]
    fn a_text_that_is_not_in_one_piece_is_none() {
        for text in ["<a>1<!-- x -->2</a>", "<a><![CDATA[1]]></a>", "<a>1<?x?></a>", "<a>&x;</a>"] {
            assert_eq!(parse(text).map(|root| root.text().is_none()), Ok(true), "{text}");
        }
    }

    #[test]
    fn what_readers_could_take_for_different_things_is_refused() {
        for text in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "<!DOCTYPE a [<!ENTITY v '1'>]><a>&v;</a>",
            "<x:a xmlns:x='y'/>",
            "<?xml version='1.0' encoding='UTF-16'?><a/>",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(Element::parse(b"<a>\xff</a>").is_err());
        assert!(parse(&"<a>".repeat(100)).is_err());
    }

    #[test]
    fn an_element_that_must_be_the_only_one_is() {
        let root = parse("<a><b/><c/><b/></a>").unwrap();
        assert!(root.only("b").is_err());
        assert_eq!(root.only("c").unwrap().map(Element::name), Some("c"));
        assert!(root.only("d").unwrap().is_none());
        assert_eq!(root.named("b").count(), 2);
    }
}

//! A fetched document, and links that can only be made from one.

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use percent_encoding::percent_decode_str;

use crate::{Algorithm, Digest, FormatError, Timestamp};

type Body = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// A document as fetched: decoded under a cap, hashed.
#[derive(Clone)]
pub struct Doc {
    body: Body,
    digest: Digest,
    media: Box<str>,
    last_modified: Option<Timestamp>,
    headers: Vec<(Box<str>, Box<str>)>,
    memo: Arc<OnceLock<Memo>>,
}

/// What a plugin has read from a document.
struct Memo {
    /// For what it was read.
    of: Box<str>,
    reading: Arc<dyn Any + Send + Sync>,
}

impl Doc {
    /// Wraps decoded bytes and hashes them. `media` is what upstream claimed: never trust it,
    /// sniff.
    pub fn new(body: impl AsRef<[u8]> + Send + Sync + 'static, media: &str) -> Self {
        let digest = Digest::of(Algorithm::Sha256, body.as_ref());
        Self::hashed(body, media, digest)
    }

    /// Wraps decoded bytes whose SHA-256 is known.
    pub fn hashed(
        body: impl AsRef<[u8]> + Send + Sync + 'static,
        media: &str,
        digest: Digest,
    ) -> Self {
        Self {
            body: Arc::new(body),
            digest,
            media: media.into(),
            last_modified: None,
            headers: Vec::new(),
            memo: Arc::default(),
        }
    }

    /// Adds upstream's `Last-Modified`.
    #[must_use]
    pub fn modified(mut self, at: Option<Timestamp>) -> Self {
        self.last_modified = at;
        self
    }

    /// Adds a header that the pipeline's allow-list lets through (lower-case name).
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same document as a HEAD shows it: headers, and no bytes.
    #[must_use]
    pub fn without_body(&self) -> Self {
        let mut head = Self::new(Vec::new(), &self.media).modified(self.last_modified);
        head.headers.clone_from(&self.headers);
        head
    }

    /// The same document, of which nothing has been read yet: what is read from it and its clones
    /// goes with them, not with the original.
    #[must_use]
    pub fn unread(&self) -> Self {
        Self { memo: Arc::default(), ..self.clone() }
    }

    /// What is read from the document: once, however often and in whichever methods of the seam it is
    /// asked for. The reading is shared with clones of the document and lasts as long as they do.
    /// It is kept for one type and one `of` (the package that the document has to be about, say),
    /// whichever comes first, and only when it succeeds; others are read each time.
    ///
    /// `read` gets the document to own, so that a reading can hold what it borrows from.
    pub fn memo<T: Any + Send + Sync>(
        &self,
        of: &str,
        read: impl FnOnce(Arc<Self>) -> Result<T, FormatError>,
    ) -> Result<Arc<T>, FormatError> {
        let kept = self.memo.get().filter(|memo| *memo.of == *of);
        if let Some(Ok(reading)) = kept.map(|memo| Arc::clone(&memo.reading).downcast::<T>()) {
            return Ok(reading);
        }
        // Not the document itself, which would then own itself.
        let reading = Arc::new(read(Arc::new(self.unread()))?);
        let shared = Arc::clone(&reading) as Arc<dyn Any + Send + Sync>;
        self.memo.get_or_init(|| Memo { of: of.into(), reading: shared });
        Ok(reading)
    }

    /// The decoded bytes.
    pub fn bytes(&self) -> &[u8] {
        (*self.body).as_ref()
    }

    /// The bytes as text.
    pub fn text(&self) -> Result<&str, FormatError> {
        std::str::from_utf8(self.bytes())
            .map_err(|error| FormatError::at(error.valid_up_to(), "the document is not UTF-8"))
    }

    /// SHA-256 of the decoded bytes.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The media type that upstream claimed.
    pub fn media(&self) -> &str {
        &self.media
    }

    /// Upstream's `Last-Modified`.
    pub fn last_modified(&self) -> Option<Timestamp> {
        self.last_modified
    }

    /// An allow-listed header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| &**key == name).map(|(_, value)| &**value)
    }

    /// The link that stands at this span of the document. The span is what lies between the
    /// quotes; `syntax` says how it is escaped there. Relative links are resolved by the
    /// pipeline against the address that the document came from.
    pub fn link(&self, span: Range<usize>, syntax: LinkSyntax) -> Result<Link, FormatError> {
        let start = span.start;
        let raw = self
            .bytes()
            .get(span)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .ok_or_else(|| FormatError::at(start, "a link is not text"))?;
        let text = syntax.decode(raw).ok_or_else(|| FormatError::at(start, "unreadable link"))?;
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(FormatError::at(start, "a link is empty or holds a control character"));
        }
        Ok(Link { text: text.into(), document: self.digest.clone() })
    }

    /// A link made from the template at this span: each `(marker, value)` is replaced, and
    /// `suffix` is appended when no marker stood in it (Cargo's `dl`).
    pub fn template(
        &self,
        span: Range<usize>,
        syntax: LinkSyntax,
        markers: &[(&str, &str)],
        suffix: &str,
    ) -> Result<Link, FormatError> {
        let mut link = self.link(span, syntax)?;
        let found = markers.iter().any(|(marker, _)| link.text.contains(marker));
        let mut text = link.text.into_string();
        for (marker, value) in markers {
            text = text.replace(marker, value);
        }
        if !found {
            text.push_str(suffix);
        }
        link.text = text.into();
        Ok(link)
    }
}

impl fmt::Debug for Doc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doc")
            .field("length", &self.bytes().len())
            .field("digest", &self.digest)
            .field("media", &self.media)
            .finish_non_exhaustive()
    }
}

/// How a link is escaped where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkSyntax {
    /// As it is.
    Plain,
    /// Inside a JSON string (RFC 8259 section 7).
    Json,
    /// Inside an HTML or XML attribute; the five predefined entities and numeric references.
    Html,
}

impl LinkSyntax {
    fn decode(self, raw: &str) -> Option<String> {
        match self {
            Self::Plain => Some(raw.to_owned()),
            Self::Json => unescape(raw, '\\', json_escape),
            Self::Html => unescape(raw.trim(), '&', html_entity),
        }
    }
}

/// Replaces each escape, which starts with `lead`; `escape` reads one and says how many bytes
/// after the lead it took.
fn unescape(raw: &str, lead: char, escape: fn(&str) -> Option<(char, usize)>) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(lead) {
        out.push_str(&rest[..at]);
        let after = &rest[at + lead.len_utf8()..];
        let (decoded, used) = escape(after)?;
        out.push(decoded);
        rest = &after[used..];
    }
    out.push_str(rest);
    Some(out)
}

fn json_escape(after: &str) -> Option<(char, usize)> {
    let simple = |c| Some((c, 1));
    match after.as_bytes().first()? {
        b'"' => simple('"'),
        b'\\' => simple('\\'),
        b'/' => simple('/'),
        // Surrogate pairs and control characters have no place in a link.
        b'u' => {
            let code = u32::from_str_radix(after.get(1..5)?, 16).ok()?;
            Some((char::from_u32(code)?, 5))
        }
        _ => None,
    }
}

fn html_entity(after: &str) -> Option<(char, usize)> {
    let Some(end) = after.find(';').filter(|end| *end <= 10) else {
        return Some(('&', 0)); // a bare ampersand, as browsers and pip read it
    };
    let decoded = match &after[..end] {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        entity => match entity.strip_prefix('#') {
            Some(number) => {
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)?
            }
            None => return Some(('&', 0)),
        },
    };
    Some((decoded, end + 1))
}

/// An address that a fetched document holds. Only [`Doc::link`] and [`Doc::template`] make one,
/// so a plugin cannot name a host by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    text: Box<str>,
    document: Digest,
}

impl Link {
    /// The address as the document says it, unescaped; absolute or relative.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The digest of the document that holds it; relative links are resolved against the
    /// address that this document came from.
    pub fn document(&self) -> &Digest {
        &self.document
    }

    /// The last path segment without query and fragment, percent-decoded.
    pub fn file_name(&self) -> Option<String> {
        let path = self.text.split(['?', '#']).next()?;
        let last = path.rsplit('/').next().filter(|last| !last.is_empty())?;
        percent_decode_str(last).decode_utf8().ok().map(String::from)
    }

    /// The same link with this suffix on its path, query and fragment dropped (`.metadata`
    /// beside a wheel, PEP 658).
    #[must_use]
    pub fn beside(&self, suffix: &str) -> Self {
        let path = self.text.split(['?', '#']).next().unwrap_or("");
        Self { text: format!("{path}{suffix}").into(), document: self.document.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(doc: &Doc, text: &str) -> Range<usize> {
        let at = doc.text().unwrap().find(text).unwrap();
        at..at + text.len()
    }

    #[test]
    fn a_link_is_unescaped_where_it_stands() {
        let doc = Doc::new(br#"{"u":"https:\/\/files.example\/a\u002db.tgz?x=1#f"}"#, "");
        let raw = r"https:\/\/files.example\/a\u002db.tgz?x=1#f";
        let link = doc.link(span(&doc, raw), LinkSyntax::Json).unwrap();
        assert_eq!(link.as_str(), "https://files.example/a-b.tgz?x=1#f");
        assert_eq!(link.file_name().as_deref(), Some("a-b.tgz"));
        assert_eq!(link.beside(".sig").as_str(), "https://files.example/a-b.tgz.sig");
    }

    #[test]
    fn a_reading_is_kept_with_the_clones_of_its_document() {
        let doc = Doc::new(b"12", "");
        let reads = std::cell::Cell::new(0);
        let length = |doc: &Doc, of: &str| {
            let read = |doc: Arc<Doc>| {
                reads.set(reads.get() + 1);
                Ok(doc.bytes().len())
            };
            *doc.memo(of, read).unwrap()
        };
        let failed = doc.memo("a", |_| Err::<usize, _>(FormatError::new("unreadable")));
        assert!(failed.is_err(), "and that is not kept");
        assert_eq!((length(&doc, "a"), length(&doc.clone(), "a"), reads.get()), (2, 2, 1));
        assert_eq!((length(&doc, "b"), length(&doc.unread(), "a"), reads.get()), (2, 2, 3));
        let other = doc.memo("a", |doc| Ok(doc.bytes().to_vec()));
        assert_eq!(*other.unwrap(), b"12", "another type is another reading");
    }

    #[test]
    fn html_references_are_read_and_bare_ampersands_kept() {
        let doc = Doc::new(b"<a href='../x?a=1&amp;b=2&c&#x2d;'>", "");
        let link = doc.link(span(&doc, "../x?a=1&amp;b=2&c&#x2d;"), LinkSyntax::Html).unwrap();
        assert_eq!(link.as_str(), "../x?a=1&b=2&c-");
    }

    #[test]
    fn a_template_without_marker_takes_the_suffix() {
        let doc = Doc::new(br#"{"dl":"/dl","dm":"/{crate}/x"}"#, "");
        let markers = [("{crate}", "demo")];
        let plain = doc.template(span(&doc, "/dl"), LinkSyntax::Json, &markers, "/demo/download");
        assert_eq!(plain.unwrap().as_str(), "/dl/demo/download");
        let marked = doc.template(span(&doc, "/{crate}/x"), LinkSyntax::Json, &markers, "/no");
        assert_eq!(marked.unwrap().as_str(), "/demo/x");
    }

    #[test]
    fn a_link_outside_the_document_or_with_controls_is_refused() {
        let doc = Doc::new(br#"{"u":"a\u000ab"}"#, "");
        assert!(doc.link(0..999, LinkSyntax::Plain).is_err());
        assert!(doc.link(span(&doc, r"a\u000ab"), LinkSyntax::Json).is_err());
    }
}

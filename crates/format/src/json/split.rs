//! A text is checked against the grammar (RFC 8259) and split into its parts in one pass, from
//! token to token. Nothing here recurses, however deep the text is.

use std::ops::{ControlFlow, Range};

use super::marks::Marks;

/// Goes through a text. Whatever finds an error of grammar returns `None`; what is wrong inside of
/// strings shows at the end, in [`Self::is_at_end`].
#[derive(Clone, Debug)]
pub(super) struct Tokens<'a> {
    text: &'a [u8],
    marks: Marks<'a>,
    /// Where the current token begins; the length of the text when there is none.
    at: usize,
    /// What closes the containers that are open, outermost first.
    open: Vec<u8>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        let mut marks = Marks::new(text);
        let at = marks.next();
        Self { text, marks, at, open: Vec::new() }
    }

    /// Whether nothing follows, and all that there was is JSON.
    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.text.len() && self.marks.are_sound()
    }

    /// The kind of the current token, by its first byte; 0 at the end.
    fn token(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn advance(&mut self) {
        self.at = self.marks.next();
    }

    /// The span of the value that begins here.
    pub(super) fn value(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let end = match self.token() {
            b'"' => self.string(),
            b'{' | b'[' => self.container()?,
            _ => self.word()?,
        };
        Some(start..end)
    }

    /// The members of the object that begins here, and the object's span. `each` gets a key and
    /// takes its value.
    pub(super) fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, Range<usize>) -> Option<()>,
    ) -> Option<Range<usize>> {
        self.parts(*b"{}", |tokens| {
            let key = tokens.key()?;
            each(tokens, key)
        })
    }

    /// The elements of the array that begins here, and the array's span.
    pub(super) fn array(&mut self, mut each: impl FnMut(Range<usize>)) -> Option<Range<usize>> {
        self.parts(*b"[]", |tokens| {
            each(tokens.value()?);
            Some(())
        })
    }

    fn parts(
        &mut self,
        [open, close]: [u8; 2],
        mut part: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<Range<usize>> {
        let start = self.at;
        self.take(open)?;
        if self.token() != close {
            part(self)?;
            while self.token() == b',' {
                self.advance();
                part(self)?;
            }
        }
        let end = self.at + 1;
        self.take(close)?;
        Some(start..end)
    }

    /// Whether the value that begins here is an object.
    pub(super) fn is_at_object(&self) -> bool {
        self.token() == b'{'
    }

    fn take(&mut self, token: u8) -> Option<()> {
        (self.token() == token).then(|| self.advance())
    }

    /// A key and the colon behind it.
    fn key(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        if self.token() != b'"' {
            return None;
        }
        let key = start..self.string();
        self.take(b':')?;
        Some(key)
    }

    /// The end of the string that begins here: up to the next token there are only spaces behind it.
    fn string(&mut self) -> usize {
        self.advance();
        let mut end = self.at;
        if self.text.get(end - 1) == Some(&b'"') {
            return end;
        }
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(end - 1) {
            end -= 1;
        }
        end
    }

    /// The end of the number or word that begins here.
    fn word(&mut self) -> Option<usize> {
        let length = word(&self.text[self.at..])?;
        let end = self.at + length;
        self.advance();
        Some(end)
    }

    /// The end of the container that begins here.
    fn container(&mut self) -> Option<usize> {
        self.open.clear();
        loop {
            match self.token() {
                b'"' => self.advance(),
                b'{' => {
                    self.open.push(b'}');
                    self.advance();
                    if self.token() != b'}' {
                        self.key()?;
                        continue;
                    }
                }
                b'[' => {
                    self.open.push(b']');
                    self.advance();
                    if self.token() != b']' {
                        continue;
                    }
                }
                _ => {
                    self.word()?;
                }
            }
            if let ControlFlow::Break(end) = self.behind_value()? {
                return Some(end);
            }
        }
    }

    /// Goes on to the next value within the outermost open container, or returns its end.
    fn behind_value(&mut self) -> Option<ControlFlow<usize>> {
        while let Some(close) = self.open.last() {
            let token = self.token();
            if token == b',' {
                let in_object = *close == b'}';
                self.advance();
                if in_object {
                    self.key()?;
                }
                return Some(ControlFlow::Continue(()));
            }
            if token != *close {
                return None;
            }
            self.open.pop();
            let end = self.at + 1;
            self.advance();
            if self.open.is_empty() {
                return Some(ControlFlow::Break(end));
            }
        }
        None
    }
}

/// The length of the number or word that a text begins with, when it ends where one may.
fn word(text: &[u8]) -> Option<usize> {
    let length = match text.first()? {
        b't' => text.starts_with(b"true").then_some(4),
        b'f' => text.starts_with(b"false").then_some(5),
        b'n' => text.starts_with(b"null").then_some(4),
        _ => number(text),
    }?;
    match text.get(length) {
        None | Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}') => Some(length),
        Some(_) => None,
    }
}

/// The length of the number that a text begins with (RFC 8259 section 6).
fn number(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count > 0).then_some(from + count)
    };
    let sign = usize::from(text.first() == Some(&b'-'));
    let mut end = match text.get(sign) {
        Some(b'0') => sign + 1,
        _ => digits(sign)?,
    };
    if text.get(end) == Some(&b'.') {
        end = digits(end + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(end) {
        let signed = matches!(text.get(end + 1), Some(b'+' | b'-'));
        end = digits(end + 1 + usize::from(signed))?;
    }
    Some(end)
}

//! JSON by spans (RFC 8259): a document is split level by level, without copying and without
//! building a tree, so that an editor can replace what it understands and leave the rest alone.
//!
//! Reading a document checks the grammar of everything in it and splits it, in one pass; splitting a
//! value of it is one pass over that value. Neither recurses, however deep the document is.
//!
//! ```
//! use weir_format::json::Object;
//!
//! let root = Object::parse(br#"{"name": "demo", "versions": {"1.0.0": {}}}"#)?;
//! assert_eq!(root.text("name").as_deref(), Some("demo"));
//! let versions = root.get("versions").unwrap().object()?;
//! assert_eq!(versions.members()[0].key, "1.0.0");
//! # Ok::<(), weir_core::FormatError>(())
//! ```

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use serde::de::IgnoredAny;
use weir_core::FormatError;

use self::split::Tokens;
use crate::Splice;

mod marks;
mod picked;
mod split;

pub use self::picked::{Field, Picked};

/// A value where it stands in its document, whose grammar was checked.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    raw: &'a str,
    start: usize,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl<'a> Value<'a> {
    /// Reads a whole document and checks its grammar.
    pub fn parse(source: &'a [u8]) -> Result<Self, FormatError> {
        let whole = Self::whole(source)?;
        let mut tokens = Tokens::new(source);
        match tokens.value().filter(|_| tokens.is_at_end()) {
            Some(span) => Ok(whole.part(&span)),
            None => Err(whole.ungrammatical()),
        }
    }

    /// A text that may be a value, spaces around it included.
    fn whole(source: &'a [u8]) -> Result<Self, FormatError> {
        let raw = std::str::from_utf8(source)
            .map_err(|error| FormatError::at(error.valid_up_to(), "the document is not UTF-8"))?;
        Ok(Self { raw, start: 0 })
    }

    /// What is wrong with a document that was not understood, and where.
    fn ungrammatical(&self) -> FormatError {
        match serde_json::from_str::<IgnoredAny>(self.raw) {
            Err(error) => located(&error, self.raw, self.start),
            Ok(_) => self.no_object(),
        }
    }

    /// Where the value stands in the document.
    pub fn span(&self) -> Range<usize> {
        self.start..self.start + self.raw.len()
    }

    /// What stands between the quotes of a string; an empty span for anything else.
    pub fn inner_span(&self) -> Range<usize> {
        match self.kind() {
            Kind::String => self.start + 1..self.start + self.raw.len() - 1,
            _ => self.start..self.start,
        }
    }

    /// The value as it is spelled.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// What the value is.
    pub fn kind(&self) -> Kind {
        match self.raw.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// The members of an object whose keys must be unique and spelled without escapes: for
    /// objects that are interpreted as a whole (an index by version), where two readers of one
    /// document must not see different things.
    pub fn object(&self) -> Result<Object<'a>, FormatError> {
        let object = self.loose_object()?;
        object.check_keys()?;
        Ok(object)
    }

    /// The members of an object of which only some are interpreted: read those with
    /// [`Object::sole`].
    pub fn loose_object(&self) -> Result<Object<'a>, FormatError> {
        let mut members = Members::default();
        let span = Tokens::new(self.raw.as_bytes()).object(|tokens, key| {
            members.push(self.member(key, &tokens.value()?));
            Some(())
        });
        span.ok_or_else(|| self.no_object())?;
        members.object(self.span())
    }

    /// Some fields of an object, without a list of its members.
    pub fn pick(&self, fields: &'static [Field]) -> Result<Picked<'a>, FormatError> {
        let mut picked = Picked::new(fields);
        let span = picked.take(&mut Tokens::new(self.raw.as_bytes()), self);
        span.ok_or_else(|| self.no_object())?;
        picked.checked()?;
        Ok(picked)
    }

    /// The members of the object at which `tokens` stands, and its span; `each` gets them one by one.
    fn entries(
        &self,
        tokens: &mut Tokens<'a>,
        fields: &'static [Field],
        each: &mut impl FnMut(&Member<'a>, Result<&Picked<'a>, FormatError>),
    ) -> Option<(Members<'a>, Range<usize>)> {
        let (mut members, mut picked) = (Members::default(), Picked::new(fields));
        let span = tokens.object(|tokens, key| {
            picked.clear();
            let is_object = tokens.is_at_object();
            let value = if is_object { picked.take(tokens, self)? } else { tokens.value()? };
            let member = self.member(key, &value);
            if let Ok(member) = &member {
                let no_object = || Err(member.value.no_object());
                each(member, if is_object { picked.checked() } else { no_object() });
            }
            members.push(member);
            Some(())
        })?;
        Some((members, span))
    }

    fn no_object(&self) -> FormatError {
        FormatError::at(self.start, "expected an object")
    }

    /// A member of this text; an error when its key cannot be decoded.
    fn member(&self, key: Range<usize>, value: &Range<usize>) -> Result<Member<'a>, FormatError> {
        // Keys are short: a loop is faster than a search that gets ready for more.
        if !self.key(&key).as_bytes().contains(&b'\\') {
            return Ok(self.plain_member(key, value));
        }
        let spelled = self.sub(&key);
        let decoded: String = serde_json::from_str(spelled)
            .map_err(|error| located(&error, spelled, self.start + key.start))?;
        let member = self.plain_member(key, value);
        Ok(Member { key: Cow::Owned(decoded), escaped: true, ..member })
    }

    /// A member of this text whose key has no escapes.
    fn plain_member(&self, key: Range<usize>, value: &Range<usize>) -> Member<'a> {
        Member {
            key: Cow::Borrowed(self.key(&key)),
            value: self.part(value),
            key_span: self.start + key.start..self.start + key.end,
            escaped: false,
        }
    }

    /// What stands between the quotes of a key.
    fn key(&self, span: &Range<usize>) -> &'a str {
        self.raw.get(span.start + 1..span.end.saturating_sub(1)).unwrap_or_default()
    }

    /// The elements of an array.
    pub fn array(&self) -> Result<Array<'a>, FormatError> {
        let mut elements = Vec::new();
        let found = Tokens::new(self.raw.as_bytes()).array(|span| elements.push(self.part(&span)));
        found.ok_or_else(|| FormatError::at(self.start, "expected an array"))?;
        Ok(Array { elements, span: self.span() })
    }

    fn part(&self, span: &Range<usize>) -> Self {
        Self { raw: self.sub(span), start: self.start + span.start }
    }

    fn sub(&self, span: &Range<usize>) -> &'a str {
        self.raw.get(span.clone()).unwrap_or_default()
    }

    /// A string, decoded; `None` for anything else, lone surrogates included.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        let inner = self.raw.strip_prefix('"')?.strip_suffix('"')?;
        if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
            return Some(Cow::Borrowed(inner));
        }
        serde_json::from_str::<String>(self.raw).ok().map(Cow::Owned)
    }

    /// `true` or `false`.
    pub fn bool(&self) -> Option<bool> {
        self.raw.parse().ok()
    }

    /// A number that is a whole one within 64 bits.
    pub fn u64(&self) -> Option<u64> {
        self.raw.parse().ok()
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        self.raw == "null"
    }
}

/// A member of an object.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// The key, decoded.
    pub key: Cow<'a, str>,
    /// The value.
    pub value: Value<'a>,
    /// Where the key stands, quotes included.
    pub key_span: Range<usize>,
    escaped: bool,
}

impl Member<'_> {
    /// From the key's first quote to the end of the value.
    pub fn span(&self) -> Range<usize> {
        self.key_span.start..self.value.span().end
    }
}

/// Members on their way into an object.
#[derive(Default)]
struct Members<'a> {
    object: Object<'a>,
    wrong: Option<FormatError>,
}

impl<'a> Members<'a> {
    fn push(&mut self, member: Result<Member<'a>, FormatError>) {
        match member {
            Ok(member) => self.object.members.push(member),
            Err(error) => {
                self.wrong.get_or_insert(error);
            }
        }
    }

    /// The object, or what was wrong first.
    fn object(mut self, span: Range<usize>) -> Result<Object<'a>, FormatError> {
        self.object.span = span;
        self.wrong.map_or(Ok(self.object), Err)
    }
}

/// An object, split into members.
#[derive(Clone, Debug, Default)]
pub struct Object<'a> {
    members: Vec<Member<'a>>,
    span: Range<usize>,
}

impl<'a> Object<'a> {
    /// Reads a whole document that is an object with unique plain keys.
    pub fn parse(source: &'a [u8]) -> Result<Self, FormatError> {
        let object = Self::parse_loose(source)?;
        object.check_keys()?;
        Ok(object)
    }

    /// Reads a whole document that is an object, as [`Value::loose_object`] does.
    pub fn parse_loose(source: &'a [u8]) -> Result<Self, FormatError> {
        let whole = Value::whole(source)?;
        let mut members = Members::default();
        let mut tokens = Tokens::new(source);
        let span = tokens.object(|tokens, key| {
            members.push(whole.member(key, &tokens.value()?));
            Some(())
        });
        let span = span.filter(|_| tokens.is_at_end()).ok_or_else(|| whole.ungrammatical())?;
        members.object(span)
    }

    /// Reads a whole document that is an object, as [`Self::parse_loose`] does, and in the same pass
    /// an index in it: the object at `key` (spelled without escapes) as of [`Value::object`],
    /// where there is one, and of each of its members, in their order, the fields, where it is an object.
    ///
    /// When this fails, or [`Self::sole`] of `key` does, `each` may have got some members, or those of
    /// two objects.
    pub fn parse_index(
        source: &'a [u8],
        key: &str,
        fields: &'static [Field],
        mut each: impl FnMut(&Member<'a>, Result<&Picked<'a>, FormatError>),
    ) -> Result<(Self, Option<Result<Self, FormatError>>), FormatError> {
        let whole = Value::whole(source)?;
        let (mut members, mut index) = (Members::default(), None);
        let mut tokens = Tokens::new(source);
        let span = tokens.object(|tokens, span| {
            let value = if whole.key(&span) == key && tokens.is_at_object() {
                let (entries, span) = whole.entries(tokens, fields, &mut each)?;
                index = Some((entries, span.clone()));
                span
            } else {
                tokens.value()?
            };
            members.push(whole.member(span, &value));
            Some(())
        });
        let span = span.filter(|_| tokens.is_at_end()).ok_or_else(|| whole.ungrammatical())?;
        let index = index.map(|(entries, span)| {
            let object = entries.object(span)?;
            object.check_keys().map(|()| object)
        });
        Ok((members.object(span)?, index))
    }

    fn check_keys(&self) -> Result<(), FormatError> {
        if let Some(member) = self.members.iter().find(|member| member.escaped) {
            return Err(escaped(member));
        }
        let mut seen = HashSet::with_capacity(self.members.len());
        match self.members.iter().find(|member| !seen.insert(&*member.key)) {
            Some(member) => Err(duplicate(member)),
            None => Ok(()),
        }
    }

    /// The members in the order of the document.
    pub fn members(&self) -> &[Member<'a>] {
        &self.members
    }

    /// Where the object stands, braces included.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The value of a key; the first one where the object is loose.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        self.members.iter().find(|member| member.key == key).map(|member| member.value)
    }

    /// The value of a key; an error when it stands there twice or is spelled with escapes.
    pub fn sole(&self, key: &str) -> Result<Option<Value<'a>>, FormatError> {
        let mut found = self.members.iter().filter(|member| member.key == key);
        let first = found.next();
        match (first, found.next()) {
            (_, Some(second)) => Err(duplicate(second)),
            (Some(member), None) if member.escaped => Err(escaped(member)),
            (first, None) => Ok(first.map(|member| member.value)),
        }
    }

    /// The string at a key, decoded.
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)?.text()
    }

    /// Keeps a subset of the members and returns how many stay.
    pub fn retain(
        &self,
        splice: &mut Splice<'a>,
        mut keep: impl FnMut(usize, &Member<'a>) -> bool,
    ) -> usize {
        let spans = self.members.iter().map(Member::span);
        splice.retain(spans, |ordinal| keep(ordinal, &self.members[ordinal]))
    }

    /// Inserts members before all others: pairs of a key and a value as JSON. `kept` is the
    /// number of members that stay, as [`retain`](Self::retain) returns it. At most once an
    /// object.
    pub fn insert(&self, splice: &mut Splice<'a>, members: &[(&str, &str)], kept: usize) {
        let pairs: Vec<_> =
            members.iter().map(|(key, json)| format!("{}:{json}", quote(key))).collect();
        let comma = if kept == 0 || pairs.is_empty() { "" } else { "," };
        splice.insert(self.span.start + 1, format!("{}{comma}", pairs.join(",")));
    }
}

/// An array, split into elements.
#[derive(Clone, Debug)]
pub struct Array<'a> {
    elements: Vec<Value<'a>>,
    span: Range<usize>,
}

impl<'a> Array<'a> {
    /// The elements in the order of the document.
    pub fn elements(&self) -> &[Value<'a>] {
        &self.elements
    }

    /// Where the array stands, brackets included.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Keeps a subset of the elements and returns how many stay.
    pub fn retain(&self, splice: &mut Splice<'a>, keep: impl FnMut(usize) -> bool) -> usize {
        splice.retain(self.elements.iter().map(Value::span), keep)
    }
}

/// A text as a JSON string, quotes included.
pub fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn escaped(member: &Member<'_>) -> FormatError {
    let what = format!("the key {:?} is spelled with escapes", shortened(&member.key));
    FormatError::at(member.key_span.start, what)
}

fn duplicate(member: &Member<'_>) -> FormatError {
    let what = format!("the key {:?} stands there twice", shortened(&member.key));
    FormatError::at(member.key_span.start, what)
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Turns line and column of the parser into an offset.
fn located(error: &serde_json::Error, text: &str, start: usize) -> FormatError {
    let line = error.line().saturating_sub(1);
    let before = match line {
        0 => 0,
        _ => memchr::memchr_iter(b'\n', text.as_bytes()).nth(line - 1).map_or(0, |at| at + 1),
    };
    let what = error.to_string();
    let what = what.split(" at line ").next().unwrap_or_default();
    FormatError::at(start + before + error.column().saturating_sub(1), what)
}

#[cfg(test)]
mod tests;

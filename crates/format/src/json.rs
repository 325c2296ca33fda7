//! JSON by spans (RFC 8259): a document is split level by level, without copying and without
//! building a tree, so that an editor can replace what it understands and leave the rest alone.
//!
//! Reading a document checks the grammar of everything in it, in one pass; splitting a value of it
//! finds where its parts end, in one pass over that value. Neither recurses, however deep the document is.
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
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use weir_core::FormatError;

use self::split::{Part, Scan};
use crate::Splice;

mod split;

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
        let text = utf8(source)?;
        let raw: &RawValue = serde_json::from_str(text).map_err(|e| located(&e, text, 0))?;
        Ok(Self::within(raw, text, 0))
    }

    fn within(raw: &'a RawValue, text: &str, start: usize) -> Self {
        let raw = raw.get();
        Self { raw, start: start + offset_in(raw, text) }
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
        let found = Scan(self.raw.as_bytes()).members(|part| members.push(self.member(&part)));
        found.ok_or_else(|| self.no_object())?;
        members.object(self.span())
    }

    /// The members of an object whose keys must be unique and plain, as of [`Self::object`], and the
    /// members of those that are objects themselves, as of [`Self::loose_object`]: both in one pass.
    pub fn object_of_objects(
        &self,
        mut each: impl FnMut(&Member<'a>, Result<Object<'a>, FormatError>),
    ) -> Result<Object<'a>, FormatError> {
        let (mut members, inner) = (Members::default(), RefCell::new(Members::default()));
        let found = Scan(self.raw.as_bytes()).nested(
            |part| inner.borrow_mut().push(self.member(&part)),
            |part, split| {
                let inner = inner.take();
                let member = self.member(&part);
                if let Ok(member) = &member {
                    let value = member.value;
                    let object =
                        if split { inner.object(value.span()) } else { Err(value.no_object()) };
                    each(member, object);
                }
                members.push(member);
            },
        );
        found.ok_or_else(|| self.no_object())?;
        let object = members.object(self.span())?;
        object.check_keys()?;
        Ok(object)
    }

    fn no_object(&self) -> FormatError {
        FormatError::at(self.start, "expected an object")
    }

    fn member(&self, (key, value): &Part) -> Result<Member<'a>, FormatError> {
        let spelled = self.sub(key);
        let escaped = memchr::memchr(b'\\', spelled.as_bytes()).is_some();
        let key_span = self.start + key.start..self.start + key.end;
        let decoded = if escaped {
            let decoded = serde_json::from_str(spelled);
            Cow::Owned(decoded.map_err(|error| located(&error, spelled, key_span.start))?)
        } else {
            Cow::Borrowed(spelled.trim_matches('"'))
        };
        Ok(Member { key: decoded, value: self.part(value), key_span, escaped })
    }

    /// The elements of an array.
    pub fn array(&self) -> Result<Array<'a>, FormatError> {
        let parts = Scan(self.raw.as_bytes()).elements();
        let parts = parts.ok_or_else(|| FormatError::at(self.start, "expected an array"))?;
        let elements = parts.iter().map(|span| self.part(span)).collect();
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
    found: Vec<Member<'a>>,
    wrong: Option<FormatError>,
}

impl<'a> Members<'a> {
    fn push(&mut self, member: Result<Member<'a>, FormatError>) {
        match member {
            Ok(member) => self.found.push(member),
            Err(error) => {
                self.wrong.get_or_insert(error);
            }
        }
    }

    /// The object, or what was wrong first.
    fn object(self, span: Range<usize>) -> Result<Object<'a>, FormatError> {
        match self.wrong {
            None => Ok(Object { members: self.found, span }),
            Some(error) => Err(error),
        }
    }
}

/// An object, split into members.
#[derive(Clone, Debug)]
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
        let raw = utf8(source)?;
        // Checks and splits in one pass.
        let split: Split<'a> = serde_json::from_str(raw).map_err(|e| located(&e, raw, 0))?;
        Ok(Self::located(split, &Value { raw, start: 0 }))
    }

    fn located(split: Split<'a>, within: &Value<'a>) -> Self {
        let (text, base) = (within.raw, within.start);
        let mut from = base;
        let members = split.0.into_iter().map(|(key, raw)| {
            let value = Value::within(raw, text, base);
            let (key, key_span, escaped) = match key {
                Key::Plain(key) => {
                    let start = base + offset_in(key, text) - 1;
                    (Cow::Borrowed(key), start..start + key.len() + 2, false)
                }
                Key::Escaped(key) => {
                    let gap = &text[from - base..value.start - base];
                    let start = from + memchr::memchr(b'"', gap.as_bytes()).unwrap_or(0);
                    let end = from + memchr::memrchr(b'"', gap.as_bytes()).map_or(0, |at| at + 1);
                    (Cow::Owned(key), start..end, true)
                }
            };
            from = value.span().end;
            Member { key, value, key_span, escaped }
        });
        let leading = text.len() - text.trim_ascii_start().len();
        let span = base + leading..base + text.trim_ascii_end().len();
        Self { members: members.collect(), span }
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

fn utf8(source: &[u8]) -> Result<&str, FormatError> {
    std::str::from_utf8(source)
        .map_err(|error| FormatError::at(error.valid_up_to(), "the document is not UTF-8"))
}

/// The offset of a slice of `text` in it.
fn offset_in(part: &str, text: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
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

enum Key<'a> {
    Plain(&'a str),
    Escaped(String),
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    // The parser lends a string exactly when it had nothing to unescape.
    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Key::Plain(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Key::Escaped(key.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// The members of an object before they know where they stand.
struct Split<'a>(Vec<(Key<'a>, &'a RawValue)>);

struct SplitVisitor;

impl<'de> Visitor<'de> for SplitVisitor {
    type Value = Split<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Split(members))
    }
}

impl<'de> Deserialize<'de> for Split<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SplitVisitor)
    }
}

#[cfg(test)]
mod tests;

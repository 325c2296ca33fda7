//! Some fields of an object, found in the pass that checks it, without a list of all its members.

use std::ops::Range;

use weir_core::FormatError;

use super::split::Tokens;
use super::{Kind, Member, Value, duplicate, escaped};

/// A member of an object that is looked at: its key, and of a value that is an object, the members
/// of that.
#[derive(Clone, Copy, Debug)]
pub struct Field(pub &'static str, pub &'static [Self]);

/// What an object has at the keys of its fields.
#[derive(Clone, Debug)]
pub struct Picked<'a> {
    fields: &'static [Field],
    found: Vec<Found<'a>>,
    /// A key that cannot be decoded: it could be any.
    wrong: Option<FormatError>,
}

/// What an object has at one key.
#[derive(Clone, Debug)]
struct Found<'a> {
    value: Option<Value<'a>>,
    /// Why the value is not to be used.
    wrong: Option<FormatError>,
    /// How often the key stands there.
    times: usize,
    inner: Picked<'a>,
}

impl<'a> Picked<'a> {
    pub(super) fn new(fields: &'static [Field]) -> Self {
        let found = |field: &Field| Found {
            value: None,
            wrong: None,
            times: 0,
            inner: Picked::new(field.1),
        };
        Self { fields, found: fields.iter().map(found).collect(), wrong: None }
    }

    /// The value of a field; an error when its key stands there twice or is spelled with escapes, as
    /// of [`Object::sole`](super::Object::sole). Nothing at a key that is no field.
    pub fn sole(&self, key: &str) -> Result<Option<Value<'a>>, FormatError> {
        match self.at(key) {
            Some(Found { wrong: Some(wrong), .. }) => Err(wrong.clone()),
            found => Ok(found.and_then(|found| found.value)),
        }
    }

    /// What a field has at its own fields, where it is an object.
    pub fn within(&self, key: &str) -> Result<Option<&Self>, FormatError> {
        let is_object = self.sole(key)?.is_some_and(|value| value.kind() == Kind::Object);
        let inner = self.at(key).map(|found| &found.inner).filter(|_| is_object);
        inner.map(Self::checked).transpose()
    }

    /// Whether a field is there, however its key is spelled and however often it stands there.
    pub fn has(&self, key: &str) -> bool {
        self.at(key).is_some_and(|found| found.times > 0)
    }

    fn at(&self, key: &str) -> Option<&Found<'a>> {
        self.found.get(self.ordinal(key)?)
    }

    fn ordinal(&self, key: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.0 == key)
    }

    /// Itself, unless a key of the object cannot be decoded.
    pub(super) fn checked(&self) -> Result<&Self, FormatError> {
        self.wrong.clone().map_or(Ok(self), Err)
    }

    /// Forgets what was found.
    pub(super) fn clear(&mut self) {
        self.wrong = None;
        for found in self.found.iter_mut().filter(|found| found.times > 0) {
            (found.value, found.wrong, found.times) = (None, None, 0);
            found.inner.clear();
        }
    }

    /// Takes the object at which `tokens` stands, which is a part of `text`, and returns its span. Goes
    /// as deep as the fields do.
    pub(super) fn take(
        &mut self,
        tokens: &mut Tokens<'a>,
        text: &Value<'a>,
    ) -> Option<Range<usize>> {
        tokens.object(|tokens, key| {
            let spelled = text.key(&key);
            if let Some(at) = self.ordinal(spelled) {
                let found = &mut self.found[at];
                let value = if found.inner.fields.is_empty() || !tokens.is_at_object() {
                    tokens.value()?
                } else {
                    found.inner.take(tokens, text)?
                };
                found.add(&text.plain_member(key, &value));
                return Some(());
            }
            let value = tokens.value()?;
            if spelled.as_bytes().contains(&b'\\') {
                self.note_escaped(text.member(key, &value));
            }
            Some(())
        })
    }

    fn note_escaped(&mut self, member: Result<Member<'a>, FormatError>) {
        match member {
            Ok(member) => {
                if let Some(at) = self.ordinal(&member.key) {
                    self.found[at].add(&member);
                }
            }
            Err(error) => {
                self.wrong.get_or_insert(error);
            }
        }
    }
}

impl<'a> Found<'a> {
    fn add(&mut self, member: &Member<'a>) {
        self.times += 1;
        match self.times {
            1 if member.escaped => self.wrong = Some(escaped(member)),
            1 => self.value = Some(member.value),
            2 => self.wrong = Some(duplicate(member)),
            _ => {}
        }
    }
}

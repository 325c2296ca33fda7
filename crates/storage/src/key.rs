//! Names of stored objects: the same on a file system and in an object store.

use std::fmt;
use std::fmt::Write as _;

use thiserror::Error;
use weir_core::{Algorithm, Digest};

/// Longest component that is written out; a longer one ends in its hash.
const LONGEST_COMPONENT: usize = 200;
/// How much of a long component stays readable.
const READABLE: usize = 64;
/// Longest key that is written out. S3 allows 1024 bytes, of which a prefix takes some.
const LONGEST_KEY: usize = 900;
/// Separates the readable start of a long component from its hash. A tilde never follows `%` in
/// an escape, so no other component contains it.
const HASH_MARK: &str = "%~";
/// The component of an empty part, and the key of an empty list.
const EMPTY_PART: &str = "%";
const EMPTY_LIST: &str = "%%";

/// The name of a stored object: components joined by `/`, made from parts that may hold any text.
///
/// Two different lists of parts never have one key (up to collisions of SHA-256 for parts of
/// more than 200 bytes). Ordinary names stay as they are, `npm/lodash/4.17.21/lodash-4.17.21.tgz`;
/// a part of the form `@scope/name` becomes two components, which a person expects on a disk.
/// In every other part, bytes outside `A-Za-z0-9-._~+=,@!()` and a leading `.` or `@` become `%XX`.
/// So no component begins with a dot: names that begin with `.weir` are this crate's own.
///
/// A file system needs more: no key may be another key followed by `/…`, and on a file system
/// that ignores case two keys that differ only in case are one file. Ecosystems whose names
/// differ only in case belong on a file system that tells them apart.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Box<str>);

/// A text that no list of parts has as its key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not the key of a stored object")]
pub struct KeyError {
    /// The text, shortened to 200 characters.
    pub text: String,
}

impl Key {
    /// Encodes a list of parts.
    pub fn from_parts<P: AsRef<str>>(parts: impl IntoIterator<Item = P>) -> Self {
        let mut text = String::new();
        for part in parts {
            if !text.is_empty() {
                text.push('/');
            }
            push_part(&mut text, part.as_ref());
        }
        if text.is_empty() {
            text.push_str(EMPTY_LIST);
        }
        Self(shorten_key(text).into())
    }

    /// Reads a key back from its text, as [`Storage::list`](crate::Storage::list) finds it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text == EMPTY_LIST || (text.len() <= LONGEST_KEY && is_canonical(text)) {
            Ok(Self(text.into()))
        } else {
            Err(KeyError { text: text.chars().take(200).collect() })
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts that the key was made from; `None` when a part was too long to be written out.
    pub fn parts(&self) -> Option<Vec<String>> {
        if &*self.0 == EMPTY_LIST {
            return Some(Vec::new());
        }
        let mut parts = Vec::new();
        let mut components = self.0.split('/');
        while let Some(component) = components.next() {
            let mut part = decode(component)?;
            if component.starts_with('@') {
                part.push('/');
                part.push_str(&decode(components.next()?)?);
            }
            parts.push(part);
        }
        Some(parts)
    }

    /// The components, which are safe names of files.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Splits `@scope/name`; the second half may hold further slashes, which are escaped.
fn scoped(part: &str) -> Option<(&str, &str)> {
    let (scope, name) = part.strip_prefix('@')?.split_once('/')?;
    (!scope.is_empty() && !name.is_empty()).then_some((scope, name))
}

fn push_part(text: &mut String, part: &str) {
    if let Some((scope, name)) = scoped(part) {
        text.push_str(&shorten(format!("@{}", escape(scope))));
        text.push('/');
        text.push_str(&shorten(escape(name)));
    } else {
        text.push_str(&shorten(escape(part)));
    }
}

fn escape(part: &str) -> String {
    if part.is_empty() {
        return EMPTY_PART.to_owned();
    }
    let mut encoded = String::with_capacity(part.len());
    for (index, byte) in part.bytes().enumerate() {
        let leading = index == 0 && matches!(byte, b'.' | b'@');
        if plain(byte) && !leading {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+=,@!()".contains(&byte)
}

fn decode(component: &str) -> Option<String> {
    if component == EMPTY_PART {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(component.len());
    let mut rest = component.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => bytes.push(hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?),
            _ if plain(byte) => bytes.push(byte),
            _ => return None,
        }
    }
    if bytes.is_empty() { None } else { String::from_utf8(bytes).ok() }
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn shorten(component: String) -> String {
    if component.len() <= LONGEST_COMPONENT {
        return component;
    }
    format!("{}{HASH_MARK}{}", &component[..READABLE], sha256(&component))
}

/// A key beyond what S3 takes keeps its first component, and the hash of the whole.
fn shorten_key(text: String) -> String {
    if text.len() <= LONGEST_KEY {
        return text;
    }
    let first = text.split('/').next().unwrap_or_default();
    format!("{first}/{HASH_MARK}{}", sha256(&text))
}

fn sha256(text: &str) -> String {
    Digest::of(Algorithm::Sha256, text.as_bytes()).hex()
}

/// Whether a text is spelled as [`Key::from_parts`] spells.
fn is_canonical(text: &str) -> bool {
    let mut components = text.split('/');
    while let Some(component) = components.next() {
        let Some(scope) = component.strip_prefix('@') else {
            if is_spelled(component) {
                continue;
            }
            return false;
        };
        let named = components.next().is_some_and(|name| name != EMPTY_PART && is_spelled(name));
        let scoped = is_hashed(component) || (scope != EMPTY_PART && is_spelled(scope));
        if !named || !scoped || component.len() > LONGEST_COMPONENT {
            return false;
        }
    }
    true
}

fn is_spelled(component: &str) -> bool {
    is_hashed(component)
        || (component.len() <= LONGEST_COMPONENT
            && decode(component).is_some_and(|part| escape(&part) == component))
}

/// Whether a component ends in a hash, and has nothing else that no encoding has.
fn is_hashed(component: &str) -> bool {
    component.rsplit_once(HASH_MARK).is_some_and(|(start, hash)| {
        hash.len() == 64
            && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            && (start.is_empty() || start.len() == READABLE)
            && start.bytes().all(|b| plain(b) || b == b'%')
            && !start.starts_with('.')
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(parts: &[&str]) -> String {
        Key::from_parts(parts).to_string()
    }

    #[test]
    fn ordinary_names_stay_as_they_are() {
        assert_eq!(
            key(&["npm", "lodash", "4.17.21", "lodash-4.17.21.tgz"]),
            "npm/lodash/4.17.21/lodash-4.17.21.tgz"
        );
        assert_eq!(key(&["npm", "@types/node", "1.0.0"]), "npm/@types/node/1.0.0");
        assert_eq!(key(&["deb", "g++", "4:12.2.0-3~x"]), "deb/g++/4%3A12.2.0-3~x");
    }

    #[test]
    fn names_that_mean_something_to_a_file_system_are_escaped() {
        assert_eq!(key(&["..", ".", ".weir-spool", ""]), "%2E./%2E/%2Eweir-spool/%");
        assert_eq!(
            key(&["a/b", "a\\b", "a%2Fb", "nul\0", "é"]),
            "a%2Fb/a%5Cb/a%252Fb/nul%00/%C3%A9"
        );
    }

    #[test]
    fn a_scope_is_not_a_directory_that_somebody_named_like_one() {
        assert_ne!(key(&["npm", "@a/b"]), key(&["npm", "@a", "b"]));
        assert_ne!(key(&["npm", "@a/b", "c"]), key(&["npm", "@a/b/c"]));
        assert_ne!(key(&[]), key(&[""]));
    }

    #[test]
    fn long_names_stay_below_what_file_systems_take() {
        let long = "x".repeat(5000);
        let key = Key::from_parts(["npm", &long, "1"]);
        assert!(key.components().all(|one| one.len() <= LONGEST_COMPONENT));
        assert_eq!(key.parts(), None);
        assert_eq!(Key::parse(key.as_str()), Ok(key.clone()));
        assert_ne!(key, Key::from_parts(["npm", &format!("{long}x"), "1"]));
        let many = Key::from_parts(std::iter::repeat_n("part", 400));
        assert!(many.as_str().starts_with("part/%~") && many.as_str().len() < 100);
        assert_eq!(Key::parse(many.as_str()), Ok(many.clone()));
    }

    #[test]
    fn what_no_list_of_parts_yields_is_no_key() {
        for text in [
            "",
            "/",
            "a//b",
            "a/",
            ".weir-spool/x",
            "a/..",
            "a/%2f",
            "%41",
            "a b",
            "@a",
            "@a/%",
            "@%/a",
            "%%/a",
        ] {
            assert!(Key::parse(text).is_err(), "{text}");
        }
    }

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z@./%\\\\]{0,6}",
            "@[a-z]{1,3}/[a-z@/]{0,4}",
            any::<String>(),
            "[xyé]{190,210}",
        ]
    }

    proptest! {
        #[test]
        fn different_parts_have_different_keys(
            one in prop::collection::vec(part(), 0..5),
            two in prop::collection::vec(part(), 0..5),
        ) {
            prop_assert_eq!(one == two, Key::from_parts(&one) == Key::from_parts(&two));
        }

        #[test]
        fn joining_or_splitting_parts_changes_the_key(parts in prop::collection::vec("[@a./]{0,3}", 2..5)) {
            let joined = vec![parts.join("/")];
            prop_assert_ne!(Key::from_parts(&parts), Key::from_parts(&joined));
        }

        #[test]
        fn a_key_reads_back(parts in prop::collection::vec(part(), 0..5)) {
            let key = Key::from_parts(&parts);
            prop_assert_eq!(Key::parse(key.as_str()), Ok(key.clone()));
            prop_assert!(key.parts().is_none_or(|read| read == parts));
        }

        #[test]
        fn a_text_that_reads_as_a_key_is_its_only_spelling(text in "[a@./%~240EF]{0,12}") {
            if let Ok(key) = Key::parse(&text) {
                prop_assert_eq!(Key::from_parts(key.parts().unwrap()), key);
            }
        }

        #[test]
        fn a_key_is_made_of_safe_file_names(parts in prop::collection::vec(part(), 0..5)) {
            for component in Key::from_parts(&parts).components() {
                prop_assert!(!component.is_empty() && component.len() <= LONGEST_COMPONENT);
                prop_assert!(!component.starts_with('.'));
                prop_assert!(component.bytes().all(|b| plain(b) || b == b'%'));
            }
        }
    }
}

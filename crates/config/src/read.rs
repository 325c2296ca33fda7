//! Reads one layer from a text. Each format is read by its own crate into the same struct, so that
//! errors keep their line.

use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess};
use serde_path_to_error::{Segment, Track};

use crate::error::{Origin, Problem};
use crate::key::{self, keys};
use crate::partial::Partial;
use crate::suggest::nearest;

/// The syntax of a configuration file. The keys are the same in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `*.toml`
    Toml,
    /// `*.yaml`, `*.yml`
    Yaml,
    /// `*.json`
    Json,
}

impl Format {
    /// The format that a file's name announces.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// A configuration file in memory.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// How messages call it.
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
    pub(crate) format: Format,
}

impl Source<'_> {
    /// Reads it.
    pub(crate) fn partial(self) -> Result<Partial, Problem> {
        let mut track = Track::new();
        self.run(Tracked(&mut track)).map_err(|fault| {
            let path = plain_path(&track.path());
            let (key, message) = explain(path, &fault.message);
            let origin = Origin::File(self.name.to_owned(), fault.line);
            Problem { origin, key: dotted(&key), message }
        })
    }

    /// The line on which a path stands, counted from 1, if it is in the text.
    pub(crate) fn line_of(self, path: &[String]) -> Option<usize> {
        match self.run(Locate(path)) {
            Err(fault) if fault.message.contains(FOUND) => fault.line,
            _ => None,
        }
    }

    fn run<'de, S: DeserializeSeed<'de>>(&'de self, seed: S) -> Result<S::Value, Fault> {
        match self.format {
            Format::Toml => toml::Deserializer::parse(self.text)
                .and_then(|deserializer| seed.deserialize(deserializer))
                .map_err(|error| self.toml_fault(&error)),
            Format::Json => self.run_json(seed),
            Format::Yaml => {
                serde_saphyr::with_deserializer_from_str(self.text, |d| seed.deserialize(d))
                    .map_err(|error| yaml_fault(&error))
            }
        }
    }

    fn run_json<'de, S: DeserializeSeed<'de>>(&'de self, seed: S) -> Result<S::Value, Fault> {
        let mut deserializer = serde_json::Deserializer::from_str(self.text);
        let value = seed.deserialize(&mut deserializer);
        value.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| {
            let message = error.to_string();
            let end = message.rfind(" at line ").unwrap_or(message.len());
            Fault { line: Some(error.line()), message: message[..end].to_owned() }
        })
    }

    fn toml_fault(&self, error: &toml::de::Error) -> Fault {
        let line = error.span().map(|span| {
            let before = self.text.get(..span.start).unwrap_or(self.text);
            1 + before.bytes().filter(|byte| *byte == b'\n').count()
        });
        Fault { line, message: error.message().to_owned() }
    }
}

/// What a format's crate said. Never the text around it, which may hold a secret.
struct Fault {
    line: Option<usize>,
    message: String,
}

fn yaml_fault(error: &serde_saphyr::Error) -> Fault {
    let error = error.without_snippet();
    let line = error.location().map(|location| location.line() as usize).filter(|line| *line > 0);
    let message = error.to_string();
    let message = message.lines().next().unwrap_or_default();
    let end = message.rfind(" at line ").unwrap_or(message.len());
    Fault { line, message: message[..end].to_owned() }
}

struct Tracked<'a>(&'a mut Track);

impl<'de> DeserializeSeed<'de> for Tracked<'_> {
    type Value = Partial;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Partial, D::Error> {
        Partial::deserialize(serde_path_to_error::Deserializer::new(deserializer, self.0))
    }
}

/// Reads a tree of texts, as the environment and the flags give it.
///
/// # Errors
/// The path at which it does not fit, and the message.
pub(crate) fn from_tree(tree: serde_json::Value) -> Result<Partial, (Vec<String>, String)> {
    let mut track = Track::new();
    Tracked(&mut track)
        .deserialize(tree)
        .map_err(|error| explain(plain_path(&track.path()), &error.to_string()))
}

fn plain_path(path: &serde_path_to_error::Path) -> Vec<String> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// A path for people: words joined by dots, odd ones quoted.
pub(crate) fn dotted(path: &[String]) -> String {
    let plain = |word: &String| {
        word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
            && !word.is_empty()
    };
    let words = path.iter().map(|w| if plain(w) { w.clone() } else { format!("{w:?}") });
    words.collect::<Vec<_>>().join(".")
}

/// Turns a message of serde's into one that helps: the key, and a suggestion or an example.
fn explain(mut path: Vec<String>, message: &str) -> (Vec<String>, String) {
    if let Some(unknown) = quoted_after(message, "unknown field `") {
        if path.last().map(String::as_str) == Some(unknown) {
            path.pop();
        }
        let message = unknown_key(&path, unknown);
        path.push(unknown.to_owned());
        return (path, message);
    }
    let message = &without_value(message, &path);
    let known = keys().iter().find(|key| key.matches(&path));
    let message = match known {
        Some(key) => {
            let leaf = path.last().map(String::as_str).unwrap_or_default();
            format!("{message}; for example: {leaf} = {}", key.toml(key.example))
        }
        None => message.to_owned(),
    };
    (path, message)
}

/// serde quotes the value that it cannot take, which may be a secret, and names our types.
fn without_value(message: &str, path: &[String]) -> String {
    let Some(rest) = message.strip_prefix("invalid type: ") else { return message.to_owned() };
    let found = rest.split([' ', ',']).next().unwrap_or_default();
    match rest.rsplit_once(", expected ") {
        Some((_, expected)) if !expected.starts_with("struct ") => {
            format!("found a {found}, expected {expected}")
        }
        _ => format!("found a {found}, expected a table of {}", key::children(path).join(", ")),
    }
}

fn unknown_key(parent: &[String], unknown: &str) -> String {
    let words = key::children(parent);
    if let Some(word) = nearest(unknown, words.iter().copied()) {
        return format!("unknown key; did you mean {word}?");
    }
    let elsewhere = keys().iter().find(|key| key::segments(&key.path).last() == Some(&unknown));
    match elsewhere {
        Some(key) => format!("unknown key here; did you mean {}?", key.path),
        None => format!("unknown key; known here: {}", words.join(", ")),
    }
}

fn quoted_after<'a>(message: &'a str, opening: &str) -> Option<&'a str> {
    let (_, rest) = message.split_once(opening)?;
    rest.split_once('`').map(|(quoted, _)| quoted)
}

/// The message that a [`Locate`] ends with; the format's crate adds the line to it.
const FOUND: &str = "the path stands here";

/// Walks down a path and fails there.
struct Locate<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for Locate<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> serde::de::Visitor<'de> for Locate<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(FOUND)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.0.split_first() else {
            return Err(A::Error::custom(FOUND));
        };
        while let Some(key) = map.next_key::<String>()? {
            if key == *first {
                map.next_value_seed(Locate(rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.0.split_first() else {
            return Err(A::Error::custom(FOUND));
        };
        for index in 0_usize.. {
            let more = if index.to_string() == *first {
                list.next_element_seed(Locate(rest))?.is_some()
            } else {
                list.next_element::<IgnoredAny>()?.is_some()
            };
            if !more {
                break;
            }
        }
        Ok(())
    }
}

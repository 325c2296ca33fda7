//! The table of keys: the one source of the reference, the schema and the suggestions.

mod table;

use std::sync::LazyLock;

use table::Row;

/// Every key, in the order of the reference.
pub fn keys() -> &'static [Key] {
    static KEYS: LazyLock<Vec<Key>> = LazyLock::new(all);
    &KEYS
}

fn all() -> Vec<Key> {
    let mut keys = Vec::new();
    add(&mut keys, "", table::GATEWAY);
    add(&mut keys, "", table::UPSTREAM);
    add_upstream(&mut keys, "upstream.<ecosystem>.");
    let (before, after): (Vec<&Row>, Vec<&Row>) =
        table::MOUNTS.iter().partition(|row| !row.path.starts_with("groups"));
    add(&mut keys, "", before);
    add_upstream(&mut keys, "registries.<name>.upstream.");
    add(&mut keys, "", after);
    add(&mut keys, "", table::POLICY);
    add(&mut keys, "freshness.", table::LIFETIMES);
    add_overrides(&mut keys, "freshness.ecosystems.<ecosystem>.", table::LIFETIMES);
    add(&mut keys, "", table::LIMITS);
    add(&mut keys, "limits.upstream.", table::UPSTREAM_LIMITS);
    keys
}

fn add<'a>(keys: &mut Vec<Key>, prefix: &str, rows: impl IntoIterator<Item = &'a Row>) {
    keys.extend(rows.into_iter().map(|row| row.key(prefix)));
}

fn add_upstream(keys: &mut Vec<Key>, prefix: &str) {
    add(keys, prefix, table::UPSTREAM_TABLE);
    add(keys, &format!("{prefix}credentials."), table::CREDENTIALS);
    add(keys, &format!("{prefix}origins.<role>.credentials."), table::CREDENTIALS);
    add_overrides(keys, &format!("{prefix}limits."), table::UPSTREAM_LIMITS);
}

/// The same keys once more where they override the general ones, and so have no default.
fn add_overrides(keys: &mut Vec<Key>, prefix: &str, rows: &'static [Row]) {
    keys.extend(rows.iter().map(|row| Key { default: "", ..row.key(prefix) }));
}

impl Row {
    fn key(&self, prefix: &str) -> Key {
        Key {
            path: format!("{prefix}{}", self.path),
            kind: self.kind,
            default: self.default,
            flag: self.flag,
            also: self.also,
            doc: self.doc,
            example: self.example,
        }
    }
}

/// One key of the configuration.
#[derive(Debug, Clone)]
pub struct Key {
    /// The path: `storage.url`. `<name>` stands for a word of the operator's, `<ecosystem>` for an
    /// id, `[]` for an entry of a list.
    pub path: String,
    /// The form of the value.
    pub kind: Kind,
    /// The default; empty when there is none.
    pub default: &'static str,
    /// The flag of the command line.
    pub flag: Option<&'static str>,
    /// An older variable that is read too.
    pub also: Option<&'static str>,
    /// What it does, in one or two sentences.
    pub doc: &'static str,
    /// A value; [`Key::toml`] quotes it.
    pub example: &'static str,
}

/// The form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A password, token or address with one: a text, or where it is kept.
    Secret,
    /// An address.
    Url,
    /// A path of the file system.
    Path,
    /// True or false.
    Flag,
    /// A whole number.
    Count,
    /// A number of bytes: `10 GiB`.
    Size,
    /// A length of time: `3d`, `12h`, `0`.
    Duration,
    /// A day or an instant.
    Instant,
    /// An ecosystem's id.
    Ecosystem,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of texts.
    List,
}

impl Kind {
    /// The form in words, for the reference.
    pub fn title(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Secret => "secret".to_owned(),
            Self::Url => "address".to_owned(),
            Self::Path => "path".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Count => "number".to_owned(),
            Self::Size => "size".to_owned(),
            Self::Duration => "duration".to_owned(),
            Self::Instant => "day or instant".to_owned(),
            Self::Ecosystem => "ecosystem".to_owned(),
            Self::OneOf(words) => words.join(", "),
            Self::List => "list of texts".to_owned(),
        }
    }
}

impl Key {
    /// The environment variable, `WEIR_STORAGE__URL`; `None` for entries of lists and for
    /// names that a variable cannot spell.
    pub fn variable(&self) -> Option<String> {
        let spelled = !self.path.contains("[]") && !self.path.contains("<purl>");
        spelled.then(|| format!("WEIR_{}", self.path.replace('.', "__").to_ascii_uppercase()))
    }

    /// A value of this key as TOML writes it.
    pub fn toml(&self, value: &str) -> String {
        match self.kind {
            Kind::Flag | Kind::Count | Kind::List => value.to_owned(),
            _ if value.starts_with('{') => value.to_owned(),
            _ => format!("{value:?}"),
        }
    }

    /// Whether a path in a file, segment by segment, is this key.
    pub fn matches(&self, path: &[String]) -> bool {
        let pattern = segments(&self.path);
        pattern.len() == path.len() && pattern.iter().zip(path).all(|(p, s)| covers(p, s))
    }
}

/// The words of a path: `groups`, `<name>`, `members`, `[]`, `registry`.
pub(crate) fn segments(path: &str) -> Vec<&str> {
    path.split('.')
        .flat_map(|word| match word.strip_suffix("[]") {
            Some(list) => vec![list, "[]"],
            None => vec![word],
        })
        .collect()
}

fn covers(pattern: &str, segment: &str) -> bool {
    match pattern {
        "[]" => segment.parse::<usize>().is_ok(),
        _ if pattern.starts_with('<') => true,
        _ => pattern == segment,
    }
}

/// The words that may follow a path.
pub(crate) fn children(path: &[String]) -> Vec<&'static str> {
    let mut words: Vec<_> = keys()
        .iter()
        .map(|key| segments(&key.path))
        .filter(|pattern| pattern.len() > path.len())
        .filter(|pattern| pattern.iter().zip(path).all(|(p, s)| covers(p, s)))
        .map(|pattern| pattern[path.len()])
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partial::Partial;

    /// The keys that the reader knows in one table, from its refusal of another.
    fn accepted(table: &str) -> Vec<String> {
        let mut probe = "{\"zzzz\": 1}".to_owned();
        for word in segments(table).iter().rev().filter(|word| !word.is_empty()) {
            probe = match *word {
                "[]" => format!("[{probe}]"),
                "<ecosystem>" => format!("{{\"npm\": {probe}}}"),
                word => format!("{{{word:?}: {probe}}}"),
            };
        }
        let Err(error) = serde_json::from_str::<Partial>(&probe) else {
            panic!("{table} takes any key");
        };
        let message = error.to_string();
        let (_, known) = message.split_once("expected ").unwrap_or_else(|| panic!("{message}"));
        known.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
    }

    #[test]
    fn every_key_of_the_reader_is_in_the_table() {
        let mut tables: Vec<&str> =
            keys().iter().map(|key| key.path.rsplit_once('.').map_or("", |(t, _)| t)).collect();
        tables.sort_unstable();
        tables.dedup();
        // Tables whose keys are the operator's own words.
        let open = |t: &str| {
            ["ecosystems", "packages", "origins"].iter().any(|end| t.ends_with(end))
                || t == "upstream"
        };
        for table in tables.iter().filter(|table| !open(table)) {
            let path: Vec<String> = segments(table)
                .iter()
                .filter(|word| !word.is_empty())
                .map(|word| if *word == "[]" { "0".to_owned() } else { (*word).to_owned() })
                .collect();
            let listed = children(&path);
            for word in accepted(table).iter().filter(|word| *word != "work-mode") {
                assert!(listed.contains(&word.as_str()), "{table}: {word} is read but not listed");
            }
        }
    }
}

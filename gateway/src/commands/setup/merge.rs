//! Puts a few lines into a settings file without touching any other line of it.
//!
//! A key that is there gets its new value in its place; one that is not is added to its section.
//! Where that cannot be done surely, nothing is done. For TOML the result is read again and must
//! differ from the old file in the wanted values only.

use std::ops::Range;
use std::path::Path;

use thiserror::Error;

/// How a settings file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `key = value` below `[section]`.
    Ini,
    /// TOML.
    Toml,
    /// `key: value`, deeper lines indented.
    Yaml,
    /// `key value`, as in yarn 1's file.
    Words,
    /// XML and scripts: written as a whole, or left alone.
    Whole,
}

impl Style {
    /// The style of a file, by its name.
    pub(super) fn of(file: &Path) -> Self {
        let extension = file.extension().and_then(|extension| extension.to_str());
        match (extension, file.file_name().and_then(|name| name.to_str())) {
            (Some("toml"), _) => Self::Toml,
            (Some("yml" | "yaml"), _) => Self::Yaml,
            (Some("xml" | "gradle"), _) => Self::Whole,
            (_, Some(".yarnrc")) => Self::Words,
            _ => Self::Ini,
        }
    }

    fn has_sections(self) -> bool {
        matches!(self, Self::Ini | Self::Toml)
    }

    /// The section header in a line, without what follows it.
    fn header(self, line: &str) -> Option<&str> {
        let line = line.trim();
        let end = line.rfind(']')?;
        (self.has_sections() && line.starts_with('[')).then(|| &line[..=end])
    }

    /// The key that begins in a line, in one spelling.
    fn key(self, line: &str) -> Option<String> {
        if line.starts_with([' ', '\t', '#', ';', '[', '-']) {
            return None;
        }
        let key = match self {
            Self::Ini | Self::Toml => line.split_once('=')?.0,
            Self::Yaml => line.split_once(':')?.0,
            Self::Words => line.split_whitespace().next()?,
            Self::Whole => return None,
        };
        let key = key.trim().trim_matches(['"', '\'']);
        // pip reads both spellings.
        let key = if self == Self::Ini { key.replace('_', "-") } else { key.to_owned() };
        (!key.is_empty()).then_some(key)
    }
}

/// Why a file is left alone, as the end of "left alone, as it …".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Conflict {
    /// A value of several lines stands there, or has to.
    #[error("already says something about {0}")]
    Several(String),
    /// It is not what its name says.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// It is one of those that are written as a whole.
    #[error("holds settings of its own")]
    Filled,
    /// The lines do not mean there what they should.
    #[error("is written in a way that cannot be changed line by line")]
    Otherwise,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The line that was there.
    pub(super) old: Option<String>,
    /// The lines that are there now.
    pub(super) new: String,
}

/// A file as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Merged {
    /// The whole text.
    pub(super) text: String,
    /// What changed; nothing when all was there.
    pub(super) changes: Vec<Change>,
}

/// A wanted key with its lines.
struct Entry<'a> {
    section: Option<&'a str>,
    key: String,
    lines: Vec<&'a str>,
}

/// Puts the wanted lines into a text.
pub(super) fn merge(text: &str, wanted: &str, style: Style) -> Result<Merged, Conflict> {
    if style == Style::Whole {
        return whole(text, wanted);
    }
    let mut file =
        File { lines: text.lines().map(ToOwned::to_owned).collect(), style, changes: Vec::new() };
    for entry in entries(wanted, style) {
        if entry.is_element() { file.put_element(&entry)? } else { file.put(&entry)? }
    }
    let mut merged = file.lines.join("\n");
    if !merged.is_empty() {
        merged.push('\n');
    }
    if style == Style::Toml {
        prove(text, wanted, &merged)?;
    }
    Ok(Merged { text: merged, changes: file.changes })
}

fn whole(text: &str, wanted: &str) -> Result<Merged, Conflict> {
    let changes = match text.trim() {
        "" => vec![Change { old: None, new: wanted.trim_end().to_owned() }],
        own if own == wanted.trim() => Vec::new(),
        _ => return Err(Conflict::Filled),
    };
    Ok(Merged { text: wanted.to_owned(), changes })
}

fn entries(wanted: &str, style: Style) -> Vec<Entry<'_>> {
    let mut section = None;
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for line in wanted.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(header) = style.header(line) {
            section = Some(header);
            if header.starts_with("[[") {
                entries.push(Entry { section, key: header.to_owned(), lines: vec![line] });
            }
        } else if let Some(element) = entries.last_mut().filter(|last| last.is_in(section)) {
            element.lines.push(line);
        } else if let Some(key) = style.key(line) {
            entries.push(Entry { section, key, lines: vec![line] });
        } else if let Some(last) = entries.last_mut() {
            last.lines.push(line);
        }
    }
    entries
}

impl Entry<'_> {
    /// Whether this is an element of a list of tables (`[[index]]`), which comes as a whole.
    fn is_element(&self) -> bool {
        self.key.starts_with("[[")
    }

    fn is_in(&self, section: Option<&str>) -> bool {
        self.is_element() && self.section == section
    }

    /// The items, when this is a list of lines that begin with a dash.
    fn items(&self) -> Option<&[&str]> {
        let items = self.lines.get(1..).filter(|items| !items.is_empty())?;
        items.iter().all(|line| line.trim_start().starts_with('-')).then_some(items)
    }
}

struct File {
    lines: Vec<String>,
    style: Style,
    changes: Vec<Change>,
}

impl File {
    fn put(&mut self, entry: &Entry<'_>) -> Result<(), Conflict> {
        let Some(range) = self.section(entry.section) else {
            self.append_section(entry);
            return Ok(());
        };
        let is_it = |at: &usize| self.style.key(&self.lines[*at]).as_ref() == Some(&entry.key);
        let Some(at) = range.clone().find(is_it) else {
            self.insert(self.end_of(&range), entry);
            return Ok(());
        };
        let deeper = self.lines[at + 1..range.end].iter().take_while(|line| is_deeper(line));
        let there = at..at + 1 + deeper.count();
        if self.reads(&there, &entry.lines) {
            return Ok(());
        }
        if let Some(items) = entry.items() {
            return self.add_items(&there, entry, items);
        }
        if there.len() > 1 || entry.lines.len() > 1 {
            return Err(Conflict::Several(entry.key.clone()));
        }
        let new = entry.lines.join("\n");
        let old = std::mem::replace(&mut self.lines[at], new.clone());
        self.changes.push(Change { old: Some(old), new });
        Ok(())
    }

    fn reads(&self, range: &Range<usize>, lines: &[&str]) -> bool {
        self.lines[range.clone()].iter().map(|line| line.trim_end()).eq(lines.iter().copied())
    }

    /// Adds the items that a list lacks; those of the user stay.
    fn add_items(
        &mut self,
        there: &Range<usize>,
        entry: &Entry<'_>,
        items: &[&str],
    ) -> Result<(), Conflict> {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let alike = |line: &String| {
            line.trim_start().starts_with('-') && items.iter().all(|i| indent(i) == indent(line))
        };
        let own = &self.lines[there.start + 1..there.end];
        let head = self.lines[there.start].trim_end();
        if own.is_empty() || !own.iter().all(alike) || Some(&head) != entry.lines.first() {
            return Err(Conflict::Several(entry.key.clone()));
        }
        let missing: Vec<&str> = items
            .iter()
            .copied()
            .filter(|item| !own.iter().any(|o| o.trim_end() == *item))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        self.changes.push(Change { old: None, new: missing.join("\n") });
        self.lines.splice(there.end..there.end, missing.into_iter().map(ToOwned::to_owned));
        Ok(())
    }

    /// Adds an element of a list of tables, unless the user has a list of their own.
    fn put_element(&mut self, entry: &Entry<'_>) -> Result<(), Conflict> {
        let is_header = |line: &String| self.style.header(line) == entry.section;
        let Some(at) = self.lines.iter().position(is_header) else {
            self.part();
            self.insert(self.lines.len(), entry);
            return Ok(());
        };
        let end = (at + entry.lines.len()).min(self.lines.len());
        let more = self.lines[at + 1..].iter().any(is_header);
        let same = !more && self.reads(&(at..end), &entry.lines);
        if same { Ok(()) } else { Err(Conflict::Several(entry.key.clone())) }
    }

    /// The lines of a section without its header; all lines before the first header for none.
    fn section(&self, header: Option<&str>) -> Option<Range<usize>> {
        let headers = || {
            self.lines
                .iter()
                .enumerate()
                .filter_map(|(at, line)| Some((at, self.style.header(line)?)))
        };
        let start = match header {
            None => 0,
            Some(wanted) => headers().find(|(_, found)| *found == wanted)?.0 + 1,
        };
        let end = headers().map(|(at, _)| at).find(|at| *at >= start);
        Some(start..end.unwrap_or(self.lines.len()))
    }

    /// The end of a section, before the empty lines that part it from the next.
    fn end_of(&self, range: &Range<usize>) -> usize {
        let filled = |at: &usize| !self.lines[*at].trim().is_empty();
        range.clone().rev().find(filled).map_or(range.start, |at| at + 1)
    }

    fn append_section(&mut self, entry: &Entry<'_>) {
        self.part();
        let header = entry.section.unwrap_or_default().to_owned();
        self.changes.push(Change { old: None, new: header.clone() });
        self.lines.push(header);
        self.insert(self.lines.len(), entry);
    }

    /// An empty line before what comes next.
    fn part(&mut self) {
        if self.lines.last().is_some_and(|line| !line.trim().is_empty()) {
            self.lines.push(String::new());
        }
    }

    fn insert(&mut self, at: usize, entry: &Entry<'_>) {
        let new = entry.lines.iter().map(ToString::to_string);
        self.lines.splice(at..at, new);
        self.changes.push(Change { old: None, new: entry.lines.join("\n") });
    }
}

/// Whether a line continues the value above it.
fn is_deeper(line: &str) -> bool {
    line.starts_with([' ', '\t', '-']) && !line.trim().is_empty()
}

/// The merged text must hold the old values with the wanted ones laid over them, nothing else.
fn prove(old: &str, wanted: &str, merged: &str) -> Result<(), Conflict> {
    let read = |text: &str| {
        let told = |error: toml::de::Error| Conflict::Unreadable(error.message().to_owned());
        text.parse::<toml::Table>().map_err(told)
    };
    let mut expected = read(old)?;
    lay_over(&mut expected, read(wanted)?);
    if read(merged).is_ok_and(|merged| merged == expected) {
        Ok(())
    } else {
        Err(Conflict::Otherwise)
    }
}

fn lay_over(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(under)), toml::Value::Table(over)) => lay_over(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests;

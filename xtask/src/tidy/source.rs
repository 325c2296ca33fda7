//! Rust files as the rules see them: production lines without comments, texts and inline tests.

use std::ops::Range;

use anyhow::Result;

use crate::workspace::Workspace;

/// A Rust file of the workspace.
#[derive(Debug)]
pub(super) struct Source {
    /// The path relative to the root.
    pub(super) path: String,
    pub(super) text: String,
    /// `text` with comments and the insides of literals blanked; the lines are the same.
    pub(super) code: String,
    /// Lines (from 0) of inline test modules.
    pub(super) tests: Vec<Range<usize>>,
}

impl Source {
    pub(super) fn new(path: String, text: String) -> Self {
        let code = mask(&text);
        let tests = test_modules(&code);
        Self { path, text, code, tests }
    }

    /// Whether the whole file is test code.
    pub(super) fn is_test(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        parts.iter().any(|part| matches!(*part, "tests" | "tests.rs" | "benches"))
    }

    /// Lines of code that is not test code, with their numbers from 1.
    pub(super) fn production(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.code.lines().enumerate();
        lines
            .filter(|(index, _)| !self.tests.iter().any(|range| range.contains(index)))
            .map(|(index, line)| (index + 1, line))
    }
}

/// All Rust files of the workspace.
pub(super) fn load(workspace: &Workspace) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in workspace.files()? {
        let rust = std::path::Path::new(&path).extension().is_some_and(|end| end == "rs");
        if rust && let Some(text) = workspace.text(&path)? {
            sources.push(Source::new(path, text));
        }
    }
    Ok(sources)
}

/// Blanks comments and the insides of texts and characters.
fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = literal(rest).filter(|_| begins_word(&out, first));
        let Some(length) = skipped else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        let (inside, after) = rest.split_at(length);
        out.extend(inside.chars().map(|c| if c == '\n' { c } else { ' ' }));
        rest = after;
    }
    out
}

/// A prefix of a literal (`r`, `b`, `c`) counts only where a word begins.
fn begins_word(before: &str, first: char) -> bool {
    !first.is_ascii_alphabetic()
        || !before.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// The length of the comment or literal that `text` begins with.
fn literal(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(block_comment(text));
    }
    let prefix = text.len() - text.trim_start_matches(['r', 'b', 'c']).len();
    let body = &text[prefix..];
    if prefix > 2 {
        return None;
    }
    let hashes = body.len() - body.trim_start_matches('#').len();
    if text[..prefix].contains('r') && body[hashes..].starts_with('"') {
        let end = format!("\"{}", "#".repeat(hashes));
        let inside = prefix + hashes + 1;
        return Some(text[inside..].find(&end).map_or(text.len(), |at| inside + at + end.len()));
    }
    match body.as_bytes().first()? {
        b'"' => Some(prefix + quoted(body, '"')),
        b'\'' if is_character(body) => Some(prefix + quoted(body, '\'')),
        _ => None,
    }
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(pair) = text.as_bytes().get(at..at + 2) {
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// A character, not a lifetime or a label.
fn is_character(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    match (chars.next(), chars.next()) {
        (Some('\\'), _) => true,
        (Some(_), second) => second == Some('\''),
        (None, _) => false,
    }
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

/// The lines of `#[cfg(test)] mod … { … }`.
fn test_modules(code: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = code[from..].find("#[cfg(test)]").map(|at| from + at) {
        from = at + 1;
        let (Some(brace), end) = (code[at..].find('{'), code[at..].find(';')) else { break };
        if end.is_some_and(|end| end < brace) {
            continue;
        }
        let length = block(&code[at + brace..]);
        let line = |at: usize| code[..at].matches('\n').count();
        from = at + brace + length;
        found.push(line(at)..line(from) + 1);
    }
    found
}

/// The length of a block in braces.
fn block(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blank_and_lines_stay() {
        let text = "let a = \"std::fs\\\"\"; // std::env\n/* x /* y */ \n z */ let b = r#\"{\"#; 'l: f(b'{', '\\'', &'a x)";
        let code = mask(text);
        assert_eq!(code.lines().count(), text.lines().count());
        for gone in ["std", "x /*", "z", "{", "\\"] {
            assert!(!code.contains(gone), "{gone} in {code}");
        }
        for kept in ["let a =", "let b =", "'l: f(", "&'a x)"] {
            assert!(code.contains(kept), "{kept} in {code}");
        }
    }

    #[test]
    fn production_ends_where_tests_begin() {
        let text = "fn a() {}\n#[cfg(test)]\nmod t;\n#[cfg(test)]\nmod tests {\n fn b() { \"}\"; }\n}\nfn c() {}\n";
        let source = Source::new("crates/x/src/lib.rs".to_owned(), text.to_owned());
        let lines: Vec<usize> = source.production().map(|(number, _)| number).collect();
        assert_eq!(lines, [1, 2, 3, 8]);
        assert!(!source.is_test());
    }
}

//! Sizes and beginnings of Rust files, and words that no file holds.

use anyhow::Result;

use super::Offence;
use super::source::Source;
use crate::workspace::Workspace;

/// Lines of a file without its inline tests.
const FILE: usize = 600;
/// Lines of code of a plugin, without its tests; comments and empty lines cost nothing.
const PLUGIN: usize = 1200;
/// Lines of one inline test module; longer ones go to a file of their own.
const INLINE_TESTS: usize = 150;

/// Budgets of lines.
pub(super) fn sizes(sources: &[Source]) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut plugins: Vec<(&str, usize)> = Vec::new();
    for source in sources {
        let lines = source.production().count();
        if lines > FILE {
            offences.push(format!("{}: {lines} lines, of {FILE}", source.path));
        }
        for tests in source.tests.iter().filter(|tests| tests.len() > INLINE_TESTS) {
            let (path, line, lines) = (&source.path, tests.start + 1, tests.len());
            offences
                .push(format!("{path}:{line}: {lines} lines of inline tests, of {INLINE_TESTS}"));
        }
        if let Some(plugin) = plugin(&source.path).filter(|_| !source.is_test()) {
            let code = source.production().filter(|(_, line)| !line.trim().is_empty()).count();
            match plugins.iter_mut().find(|(known, _)| *known == plugin) {
                Some((_, sum)) => *sum += code,
                None => plugins.push((plugin, code)),
            }
        }
    }
    for (plugin, lines) in plugins.into_iter().filter(|(_, lines)| *lines > PLUGIN) {
        offences.push(format!("plugins/{plugin}: {lines} lines of code, of {PLUGIN}"));
    }
    offences
}

fn plugin(path: &str) -> Option<&str> {
    path.strip_prefix("plugins/")?.split('/').next()
}

/// Each file says with `//!` what it is.
pub(super) fn heads(sources: &[Source]) -> Vec<Offence> {
    let silent = |source: &&Source| !source.text.lines().any(|line| line.starts_with("//!"));
    let silent = sources.iter().filter(silent);
    silent.map(|source| format!("{}: has no `//!`", source.path)).collect()
}

/// Words of unfinished work, and folders of one machine.
const WORDS: [(&str, &str); 6] = [
    (concat!("TO", "DO"), "unfinished work"),
    (concat!("FIX", "ME"), "unfinished work"),
    (concat!("todo", "!("), "unfinished work"),
    (concat!("unimplemented", "!("), "unfinished work"),
    (concat!("/wo", "rk/"), "a folder of one machine"),
    (concat!("/ro", "ot/"), "a folder of one machine"),
];

/// Words that no text file holds.
pub(super) fn words(workspace: &Workspace) -> Result<Vec<Offence>> {
    let mut offences = Vec::new();
    for file in workspace.files()? {
        let Some(text) = workspace.text(&file)? else { continue };
        for (number, line) in text.lines().enumerate() {
            for (word, why) in WORDS.iter().filter(|(word, _)| line.contains(word)) {
                offences.push(format!("{file}:{}: `{word}`, {why}", number + 1));
            }
        }
    }
    Ok(offences)
}

//! Sizes and beginnings of Rust files, and words that no file holds.

use anyhow::Result;

use super::Offence;
use super::source::Source;
use crate::workspace::Workspace;

/// Lines of a file without its inline tests.
const FILE: usize = 600;
/// Lines of code of a plugin, without its tests; comments and empty lines cost nothing. PyPI sets
/// it: one project has three documents there (HTML, JSON, legacy JSON), each read and written.
const PLUGIN: usize = 1500;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: String) -> Source {
        Source::new(path.to_owned(), text)
    }

    #[test]
    fn files_plugins_and_inline_tests_keep_to_their_budgets() {
        let lines = |count: usize| "fn f() {}\n".repeat(count);
        let tests = |count| format!("#[cfg(test)]\nmod tests {{\n{}}}\n", lines(count));
        let within = [
            source("crates/a/src/lib.rs", lines(FILE) + &tests(INLINE_TESTS - 3)),
            source("plugins/a/src/lib.rs", lines(FILE)),
            source("plugins/a/src/b.rs", lines(FILE)),
            source("plugins/a/src/c.rs", "// said\n\n".to_owned() + &lines(PLUGIN - 2 * FILE)),
            source("plugins/a/src/b/tests.rs", lines(FILE)),
        ];
        assert_eq!(sizes(&within), [""; 0]);
        let beyond = [
            source("crates/a/src/lib.rs", lines(FILE + 1) + &tests(INLINE_TESTS)),
            source("plugins/a/src/lib.rs", lines(FILE)),
            source("plugins/a/src/b.rs", lines(FILE)),
            source("plugins/a/src/c.rs", lines(PLUGIN - 2 * FILE + 1)),
        ];
        assert_eq!(
            sizes(&beyond),
            [
                "crates/a/src/lib.rs: 601 lines, of 600",
                "crates/a/src/lib.rs:602: 153 lines of inline tests, of 150",
                "plugins/a: 1501 lines of code, of 1500",
            ]
        );
    }

    #[test]
    fn a_file_begins_with_what_it_is() {
        let said = source("crates/a/src/lib.rs", "//! What it is.\n".to_owned());
        let silent = source("crates/a/src/b.rs", "// A note.\nfn f() {}\n".to_owned());
        assert_eq!(heads(&[said, silent]), ["crates/a/src/b.rs: has no `//!`"]);
    }
}

//! Documents name files that exist.

use std::path::Path;

use anyhow::Result;

use super::Offence;
use crate::workspace::Workspace;

/// Folders of the project. A word in backticks that begins with one of them is a path.
const FOLDERS: [&str; 12] = [
    ".ci", ".cargo", "bench", "crates", "deploy", "docs", "e2e", "examples", "fuzz", "gateway",
    "plugins", "xtask",
];

/// Paths in backticks, relative to the root, and targets of links, relative to the document.
pub(super) fn check(workspace: &Workspace) -> Result<Vec<Offence>> {
    let mut offences = Vec::new();
    for file in workspace.files()? {
        let Some(name) = file.strip_suffix(".md") else { continue };
        let folder = Path::new(name).parent().unwrap_or(Path::new(""));
        let Some(text) = workspace.text(&file)? else { continue };
        for (number, line) in text.lines().enumerate() {
            let named = paths(line).into_iter().map(|path| (path, Path::new("")));
            let linked = links(line).into_iter().map(|path| (path, folder));
            for (path, base) in named.chain(linked) {
                if !workspace.root.join(base).join(path).exists() {
                    offences.push(format!("{file}:{}: {path} does not exist", number + 1));
                }
            }
        }
    }
    Ok(offences)
}

fn paths(line: &str) -> Vec<&str> {
    let spans = line.split('`').skip(1).step_by(2);
    spans.filter_map(path).collect()
}

/// A path of the project: no spaces, no patterns; a line number at the end is cut.
fn path(word: &str) -> Option<&str> {
    let word = word.split(':').next()?.trim_end_matches('/');
    let (first, _) = word.split_once('/')?;
    let plain = |c: char| c.is_alphanumeric() || "/._-+".contains(c);
    (FOLDERS.contains(&first) && word.chars().all(plain)).then_some(word)
}

fn links(line: &str) -> Vec<&str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.filter_map(|target| target.split('#').next());
    files.filter(|file| !file.is_empty() && !file.contains(':') && !file.starts_with('/')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_project_are_told_from_other_words() {
        let line = "`crates/core/src/lib.rs:12`, `plugins/*`, `and/or`, `docs/a b`, `plugins/npm/`";
        assert_eq!(paths(line), ["crates/core/src/lib.rs", "plugins/npm"]);
    }

    #[test]
    fn links_to_files_are_told_from_addresses_and_anchors() {
        let line = "[a](docs/a.md#part) [b](https://registry.example/) [c](#part)";
        assert_eq!(links(line), ["docs/a.md"]);
    }
}

//! What plugins and the crates below them must not reach: runtimes, sockets, databases, files, the
//! environment, the clock. They describe; the pipeline acts.

use std::collections::BTreeSet;

use anyhow::Result;

use super::source::Source;
use super::{Offence, layers};
use crate::command;
use crate::workspace::Workspace;

/// Packages that act. Whatever builds on these cannot be pure.
const ACTORS: [&str; 26] = [
    "async-std",
    "axum",
    "curl",
    "dirs",
    "h2",
    "hyper",
    "hyper-util",
    "isahc",
    "memmap2",
    "mio",
    "notify",
    "object_store",
    "polling",
    "reqwest",
    "rusqlite",
    "sea-orm",
    "smol",
    "socket2",
    "sqlx",
    "sqlx-core",
    "tempfile",
    "tokio",
    "tokio-util",
    "tower",
    "ureq",
    "walkdir",
];

/// Modules of the standard library, and calls, that act.
const MODULES: [&str; 6] = ["fs", "env", "net", "process", "thread", "os"];
const CALLS: [&str; 2] = ["SystemTime::now", "Instant::now"];

/// The one place where the clock is read for all.
const CLOCK: &str = "crates/core/src/timestamp.rs";

/// Normal dependencies of pure crates, to any depth.
pub(super) fn dependencies(workspace: &Workspace) -> Result<Vec<Offence>> {
    let mut offences = Vec::new();
    for package in workspace.packages.iter().filter(|package| layers::is_pure(&package.folder)) {
        let mut tree = command::cargo();
        tree.current_dir(&workspace.root);
        tree.args(["tree", "--locked", "-e", "normal", "--prefix", "none", "--format", "{p}"]);
        tree.args(["-p", &package.name]);
        let reached = command::output(&mut tree)?;
        let reached: BTreeSet<&str> =
            reached.lines().filter_map(|line| line.split(' ').next()).collect();
        for actor in ACTORS.iter().filter(|actor| reached.contains(**actor)) {
            offences.push(format!("{}: reaches {actor}", package.folder));
        }
    }
    Ok(offences)
}

/// Production code of pure crates.
pub(super) fn sources(sources: &[Source]) -> Vec<Offence> {
    let mut offences = Vec::new();
    let pure = |source: &&Source| {
        let folder = source.path.split_once("/src/").map_or("", |(folder, _)| folder);
        layers::is_pure(folder) && !source.is_test()
    };
    for source in sources.iter().filter(pure) {
        for (number, line) in source.production() {
            for effect in effects(line) {
                if !(source.path == CLOCK && effect == "SystemTime::now") {
                    offences.push(format!("{}:{number}: {effect}", source.path));
                }
            }
        }
    }
    offences
}

fn effects(line: &str) -> Vec<String> {
    let calls = CALLS.iter().filter(|call| line.contains(**call)).map(|call| (*call).to_owned());
    let mut found: Vec<String> = calls.collect();
    for (at, _) in line.match_indices("std::") {
        let after = &line[at + "std::".len()..];
        let names: Vec<&str> = match after.strip_prefix('{') {
            Some(group) => group.split([',', '{', '}']).map(first_word).collect(),
            None => vec![first_word(after)],
        };
        let acting = names.into_iter().filter(|name| MODULES.contains(name));
        found.extend(acting.map(|name| format!("std::{name}")));
    }
    found
}

fn first_word(text: &str) -> &str {
    text.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::effects;

    #[test]
    fn effects_are_seen_in_paths_groups_and_calls() {
        assert_eq!(effects("use std::fs;"), ["std::fs"]);
        assert_eq!(effects("let x = std::env::var(name);"), ["std::env"]);
        assert_eq!(effects("use std::{fmt, net::IpAddr, process};"), ["std::net", "std::process"]);
        assert_eq!(effects("    Instant::now()"), ["Instant::now"]);
        assert_eq!(effects("use std::{fmt, io, time::Duration};"), [""; 0]);
    }
}

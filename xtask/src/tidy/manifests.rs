//! What `Cargo.toml` files must say, and `docs/dependencies.md` with them.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::Offence;
use crate::workspace::Workspace;

const REASONS: &str = "docs/dependencies.md";
const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Members inherit lints, edition and the rest; versions stand in the root alone.
pub(super) fn members(workspace: &Workspace) -> Result<Vec<Offence>> {
    let mut offences = Vec::new();
    for package in &workspace.packages {
        let manifest = manifest(workspace, &package.folder)?;
        let mut says = |what: String| offences.push(format!("{}: {what}", package.folder));
        if !inherits(manifest.get("lints")) {
            says("has no `[lints] workspace = true`".to_owned());
        }
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            if !inherits(manifest.get("package").and_then(|package| package.get(key))) {
                says(format!("does not inherit `{key}`"));
            }
        }
        for (name, value) in dependencies_of(&manifest) {
            if !inherits(Some(value)) {
                says(format!("does not take {name} from the workspace"));
            }
        }
    }
    Ok(offences)
}

/// Each dependency is used, and its reason is written down.
pub(super) fn dependencies(workspace: &Workspace) -> Result<Vec<Offence>> {
    let root = manifest(workspace, "")?;
    let stated = root.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let stated = stated.and_then(Value::as_table).context("no [workspace.dependencies]")?;
    let mut used = BTreeSet::new();
    for package in &workspace.packages {
        let manifest = manifest(workspace, &package.folder)?;
        used.extend(dependencies_of(&manifest).into_iter().map(|(name, _)| name.to_owned()));
    }
    let reasons = std::fs::read_to_string(workspace.root.join(REASONS)).unwrap_or_default();
    let reasons = named(&reasons);
    let mut offences = Vec::new();
    for (name, value) in stated {
        let own = value.get("path").is_some();
        if !own && !used.contains(name) {
            offences.push(format!("Cargo.toml: nobody uses {name}"));
        }
        if !own && !reasons.contains(name.as_str()) {
            offences.push(format!("{REASONS}: has no reason for {name}"));
        }
    }
    let gone = reasons.iter().filter(|name| !stated.contains_key(**name));
    offences.extend(gone.map(|name| format!("{REASONS}: {name} is no dependency")));
    Ok(offences)
}

/// The names of lines `- name, name — reason`.
fn named(reasons: &str) -> BTreeSet<&str> {
    let lines = reasons.lines().filter_map(|line| line.strip_prefix("- ")?.split_once(" — "));
    let reasoned = lines.filter(|(_, reason)| !reason.trim().is_empty());
    reasoned.flat_map(|(names, _)| names.split(',').map(str::trim)).collect()
}

fn dependencies_of(manifest: &Table) -> Vec<(&str, &Value)> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let targets = targets.into_iter().flat_map(|table| table.values().filter_map(Value::as_table));
    let tables = std::iter::once(manifest).chain(targets);
    let tables = tables.flat_map(|table| KINDS.iter().filter_map(|kind| table.get(*kind)));
    let entries = tables.filter_map(Value::as_table).flatten();
    entries.map(|(name, value)| (name.as_str(), value)).collect()
}

fn inherits(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

fn manifest(workspace: &Workspace, folder: &str) -> Result<Table> {
    let path = workspace.root.join(folder).join("Cargo.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    text.parse().with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_may_serve_several_names_but_not_none() {
        let reasons = "# Title\n- a, b — because\n- c — \n- d\n";
        assert_eq!(named(reasons), BTreeSet::from(["a", "b"]));
    }

    #[test]
    fn dependencies_of_targets_count() {
        let manifest: Table = "[dependencies]\na.workspace = true\n\
            [target.'cfg(unix)'.dev-dependencies]\nb = \"1\"\n"
            .parse()
            .unwrap();
        let inherited = |(name, value)| (name, inherits(Some(value)));
        let found: Vec<_> = dependencies_of(&manifest).into_iter().map(inherited).collect();
        assert_eq!(found, [("a", true), ("b", false)]);
    }
}

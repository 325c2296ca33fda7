//! Files that are generated from code.

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// A file, and what makes it.
type Generated = (&'static str, fn() -> String);

const GENERATED: [Generated; 1] = [("docs/configuration.md", weir_config::reference_markdown)];

/// Writes the files that differ; with `check` it writes nothing and fails instead.
pub(crate) fn run(workspace: &Workspace, check: bool) -> Result<()> {
    let mut stale = Vec::new();
    for (file, make) in GENERATED {
        let path = workspace.root.join(file);
        let text = make();
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            println!("{file} is up to date");
        } else if check {
            stale.push(file);
        } else {
            std::fs::write(&path, text).with_context(|| file.to_owned())?;
            println!("{file} written");
        }
    }
    if !stale.is_empty() {
        bail!("{} out of date: run `cargo xtask codegen` and commit", stale.join(", "));
    }
    Ok(())
}

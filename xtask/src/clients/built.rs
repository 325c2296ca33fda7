//! Clients from the Go module proxy, built with the machine's `go`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{Installed, Outcome, once, words};
use crate::command;

/// A program of a Go module in one version.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    /// The import path of the program.
    package: String,
    /// The module's version, without `v`.
    version: String,
}

/// Builds the clients one after the other: each takes all cores by itself.
pub(super) fn clients(folder: &Path, clients: &BTreeMap<String, Client>) -> Vec<Outcome> {
    let go = find();
    let install = |(name, client): (&String, &Client)| {
        let go = go.as_deref().context("there is no go, which would build it");
        (name.clone(), go.and_then(|go| client.install(&folder.join(name), go)))
    };
    clients.iter().map(install).collect()
}

/// `go` of the path, or at the place where its own archive puts it.
fn find() -> Option<PathBuf> {
    let usual = PathBuf::from("/usr/local/go/bin/go");
    command::find("go").or_else(|| usual.is_file().then_some(usual))
}

impl Client {
    fn install(&self, home: &Path, go: &Path) -> Result<Installed> {
        let wanted = format!("{}@v{}", self.package, self.version);
        once(home, &wanted, || {
            let mut build = Command::new(go);
            build.current_dir(home).env("GOBIN", home).env("CGO_ENABLED", "0");
            command::output(build.args(["install", &wanted])).map(drop)
        })?;
        let name = self.package.rsplit('/').next().unwrap_or_default();
        let program = home.join(name);
        // Programs built this way often know no version of their own; go wrote it into them.
        let said = command::output(Command::new(go).args(["version", "-m"]).arg(&program))?;
        let version = module_version(&said);
        if version != Some(&self.version) {
            bail!("is of version {version:?} where {} is pinned", self.version);
        }
        Ok(Installed { program: words(&[&program]), version: self.version.clone(), pinned: true })
    }
}

/// The version in the line `mod`, tab, path, tab, `v1.2.3`, tab, checksum.
fn module_version(said: &str) -> Option<&str> {
    let line = said.lines().find_map(|line| line.trim_start().strip_prefix("mod\t"))?;
    line.split('\t').nth(1)?.strip_prefix('v')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_main_module() {
        let said = "crane: go1.26.8\n\tpath\tmodule.example/tool/cmd/crane\n\
                    \tmod\tmodule.example/tool\tv0.22.1\th1:AAAA=\n\
                    \tdep\tother.example/lib\tv9.9.9\th1:BBBB=\n";
        assert_eq!(module_version(said), Some("0.22.1"));
        assert_eq!(module_version("crane: go1.26.8\n"), None);
    }
}

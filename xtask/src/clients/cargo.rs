//! Cargo itself, and programs that it builds from the Cargo registry.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Installed, Outcome, once, verified, words};
use crate::command;

/// A program of a crate in one version.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    package: String,
    version: String,
    program: String,
}

/// The toolchain's own Cargo.
pub(super) fn installed() -> Result<Installed> {
    let mut cargo = command::cargo();
    let program = cargo.get_program().to_string_lossy().into_owned();
    let said = command::output(cargo.arg("--version"))?;
    let version = said.split(' ').nth(1).context("cargo says no version")?.to_owned();
    Ok(Installed { program: vec![program], version, pinned: true })
}

/// Builds the programs one after the other: each takes all cores by itself.
pub(super) fn clients(folder: &Path, clients: &BTreeMap<String, Client>) -> Vec<Outcome> {
    let install =
        |(name, client): (&String, &Client)| (name.clone(), client.install(&folder.join(name)));
    clients.iter().map(install).collect()
}

impl Client {
    fn install(&self, home: &Path) -> Result<Installed> {
        once(home, &format!("{} {}", self.package, self.version), || {
            // Its lock file may name what a mirror of the registry does not have yet.
            let mut cargo = command::cargo();
            cargo.current_dir(home).args(["install", "--quiet", "--root"]).arg(home);
            cargo.args(["--version", &self.version, &self.package]);
            command::output(&mut cargo).map(drop)
        })?;
        let program = home.join("bin").join(&self.program);
        verified(words(&[program]), "--version", &self.version, home)
    }
}

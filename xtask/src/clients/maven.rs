//! Maven in further versions: its distribution stands in the Maven repository, and an installed Maven
//! unpacks it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Installed, Outcome, once, verified, words};
use crate::command;

/// What unpacks, pinned like the rest.
const UNPACK: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack";

/// A version of Maven.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    version: String,
}

/// Installs the versions with the distribution's own.
pub(super) fn clients(folder: &Path, clients: &BTreeMap<String, Client>) -> Vec<Outcome> {
    let install = |(name, client): (&String, &Client)| {
        (name.clone(), client.install(&folder.join(name), &folder.join("maven-repository")))
    };
    clients.iter().map(install).collect()
}

/// Runs the distribution's Maven in a folder, with a repository of its own.
pub(super) fn run(folder: &Path, local: &Path, arguments: &[&str]) -> Result<()> {
    let mvn = command::find("mvn").context("there is no Maven to fetch it with")?;
    let mut maven = Command::new(mvn);
    maven.current_dir(folder).args(["--batch-mode", "--quiet"]).args(arguments);
    maven.arg(format!("-Dmaven.repo.local={}", local.display()));
    command::output(&mut maven).map(drop)
}

impl Client {
    fn install(&self, home: &Path, local: &Path) -> Result<Installed> {
        let version = &self.version;
        let artifact = format!("org.apache.maven:apache-maven:{version}:zip:bin");
        once(home, &artifact, || {
            let place = format!("-DoutputDirectory={}", home.display());
            run(home, local, &[UNPACK, &format!("-Dartifact={artifact}"), &place])
        })?;
        let program = home.join(format!("apache-maven-{version}/bin/mvn"));
        verified(words(&[&program]), "--version", version, home)
    }
}

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

impl Client {
    fn install(&self, home: &Path, local: &Path) -> Result<Installed> {
        let version = &self.version;
        let artifact = format!("org.apache.maven:apache-maven:{version}:zip:bin");
        once(home, &artifact, || {
            let mvn = command::find("mvn").context("there is no Maven to fetch it with")?;
            let mut unpack = Command::new(mvn);
            unpack.current_dir(home).args(["--batch-mode", "--quiet", UNPACK]);
            unpack.arg(format!("-Dmaven.repo.local={}", local.display()));
            unpack.arg(format!("-Dartifact={artifact}"));
            let place = format!("-DoutputDirectory={}", home.display());
            command::output(unpack.arg(place)).map(drop)
        })?;
        let program = home.join(format!("apache-maven-{version}/bin/mvn"));
        verified(words(&[&program]), "--version", version, home)
    }
}

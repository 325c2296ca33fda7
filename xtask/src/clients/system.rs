//! Programs that come from the distribution. Their versions are measured, not pinned.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Installed, Outcome, words};
use crate::command;

/// A program of a package of Debian and its relatives.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    /// The program's name, looked for in `PATH`.
    program: String,
    /// The package that holds it.
    package: String,
    /// The arguments with which it says its version.
    #[serde(default = "dash_dash_version")]
    version: Vec<String>,
}

pub(super) fn dash_dash_version() -> Vec<String> {
    vec!["--version".to_owned()]
}

/// Finds the programs; as root, packages of missing ones are installed, all in one go.
pub(super) fn clients(clients: &BTreeMap<String, Client>) -> Vec<Outcome> {
    let missing: BTreeSet<&str> = clients
        .values()
        .filter(|client| command::find(&client.program).is_none())
        .map(|client| client.package.as_str())
        .collect();
    if !missing.is_empty() {
        install_each(&missing.into_iter().collect::<Vec<_>>());
    }
    clients.iter().map(|(name, client)| (name.clone(), client.found())).collect()
}

/// A package that cannot be installed takes no other one with it.
fn install_each(packages: &[&str]) {
    if packages.len() > 1 && command::apt_install(packages).is_ok() {
        return;
    }
    for package in packages {
        if let Err(error) = command::apt_install(&[package]) {
            println!("{error:#}");
        }
    }
}

impl Client {
    fn found(&self) -> Result<Installed> {
        let program = command::find(&self.program)
            .with_context(|| format!("install {} (package {})", self.program, self.package))?;
        let said = command::said(Command::new(&program).args(&self.version))?;
        let version = version(&said)
            .with_context(|| format!("{} says no version: {said:?}", self.program))?;
        Ok(Installed { program: words(&[&program]), version, pinned: false })
    }
}

/// The first word that looks like a version: `apt 2.6.1 (amd64)`, `go version go1.19.8 linux`,
/// `skopeo version 1.9.3`, `nginx version: nginx/1.22.1`, `valgrind-3.19.0`.
pub(super) fn version(said: &str) -> Option<String> {
    let words = said.split(|c: char| c.is_whitespace() || matches!(c, ',' | '/'));
    let named = |c: char| c.is_ascii_alphabetic() || c == '-';
    let numbers = words.map(|word| word.trim_start_matches(named));
    numbers
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .find(|word| word.contains('.'))
        .map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_what_programs_say() {
        for (said, expected) in [
            ("gpgv (GnuPG) 2.2.40\nlibgcrypt 1.10.1\n", Some("2.2.40")),
            ("apt 2.6.1 (amd64)\n", Some("2.6.1")),
            ("go version go1.19.8 linux/amd64\n", Some("1.19.8")),
            ("Docker version 20.10.24+dfsg1, build 297e128\n", Some("20.10.24+dfsg1")),
            ("\n----------\nGradle 4.4.1\n----------\n\nBuild time: 2012-12-21\n", Some("4.4.1")),
            ("Apache Maven 3.8.7\nMaven home: /usr/share/maven\n", Some("3.8.7")),
            ("nginx version: nginx/1.22.1\n", Some("1.22.1")),
            ("wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012\n", Some("4.1.0-3+b2")),
            ("valgrind-3.19.0\n", Some("3.19.0")),
            ("usage: program\n", None),
        ] {
            assert_eq!(version(said).as_deref(), expected, "{said}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_says_which_package_holds_it() {
        let client = Client {
            program: "no-such-program".to_owned(),
            package: "no-such-package".to_owned(),
            version: dash_dash_version(),
        };
        let refused = client.found().unwrap_err().to_string();
        assert_eq!(refused, "install no-such-program (package no-such-package)");
    }
}

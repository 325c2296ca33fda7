//! The tests that the README's commands run.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{clients, command, table};

/// The variable that tells tests which gateway to start.
const BINARY: &str = "WEIR_TEST_BINARY";
/// The test target of the crate `e2e`.
const END_TO_END: &str = "e2e";

/// Every test of the workspace, with the clients; then the README's table.
pub(crate) fn test(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let clients = clients::install(workspace)?;
    build(workspace)?;
    let mut cargo = tests(workspace, &clients)?;
    command::run(cargo.args(arguments))?;
    if arguments.is_empty() {
        table::complete(workspace)?;
        table::run(workspace, false)?;
    }
    Ok(())
}

/// The tests that drive clients: against fixtures, or against the registries of this machine.
pub(crate) fn e2e(workspace: &Workspace, live: bool, arguments: &[String]) -> Result<()> {
    let clients = clients::install(workspace)?;
    build(workspace)?;
    let mut cargo = tests(workspace, &clients)?;
    cargo.args(["--test", END_TO_END, "--", "--nocapture"]);
    if live {
        cargo.args(["--ignored", "--test-threads=1"]);
        if arguments.is_empty() {
            cargo.arg("live_");
        }
    }
    command::run(cargo.args(arguments))?;
    if arguments.is_empty() && !live {
        table::complete(workspace)?;
    }
    Ok(())
}

/// The gateway, together with the tests: asked for alone it would be built a second time, since
/// cargo unifies features over what is asked for.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let mut cargo = command::cargo();
    cargo.current_dir(&workspace.root).args(["build", "--workspace", "--locked"]);
    command::run(cargo.args(["--bins", "--tests", "--examples"]))
}

fn tests(workspace: &Workspace, clients: &Path) -> Result<Command> {
    let mut cargo = command::cargo();
    let gateway = workspace.target.join("debug").join("weir");
    cargo.current_dir(&workspace.root).args(["test", "--workspace", "--locked"]);
    cargo.env(clients::VARIABLE, clients).env(BINARY, gateway);
    cargo.env(table::VARIABLE, table::begin(workspace)?);
    Ok(cargo)
}

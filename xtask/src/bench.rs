//! `cargo xtask bench`: builds the gateway and what measures it, and keeps the figures.

use std::process::Command;

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{clients, command, suite};

/// The programs that are measured beside the gateway, and what loads them.
const PROGRAMS: [&str; 4] = ["wrk", "nginx", "docker-registry", "valgrind"];
/// Where the instructions of hot functions are written down.
const BASELINE: &str = "bench/instructions.json";

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// With a debug build and coarse bounds.
    pub(crate) short: bool,
    /// Only the instructions of hot functions, which are written down.
    pub(crate) count: bool,
    /// The README gets the table.
    pub(crate) write: bool,
}

/// Builds, measures, and writes the table where it is wanted.
pub(crate) fn run(workspace: &Workspace, wanted: Wanted, arguments: &[String]) -> Result<()> {
    let list = clients::install_named(workspace, &PROGRAMS)?;
    let profile = if wanted.short || wanted.count {
        suite::build(workspace)?;
        "debug"
    } else {
        let mut cargo = command::cargo();
        cargo.current_dir(&workspace.root).args(["build", "--release", "--locked", "--bins"]);
        command::run(cargo.args(["--package", "weir", "--package", "weir-bench"]))?;
        "release"
    };
    let built = workspace.target.join(profile);
    let folder = workspace.target.join("bench");
    std::fs::create_dir_all(&folder)?;
    let table = folder.join("table.md");
    if wanted.short || wanted.count {
        let mut count = Command::new(built.join("weir-bench"));
        count.args(["count", "--profile", profile]).arg("--clients").arg(&list);
        count.arg("--baseline").arg(workspace.root.join(BASELINE));
        command::run(count.args(wanted.count.then_some("--update")))?;
    }
    if wanted.count {
        return Ok(());
    }
    let mut bench = Command::new(built.join("weir-bench"));
    bench.arg("measure").arg("--gateway").arg(built.join("weir")).args(["--profile", profile]);
    bench.arg("--clients").arg(list);
    bench.arg("--json").arg(folder.join("figures.json")).arg("--table").arg(&table);
    bench.args(wanted.short.then_some("--short")).args(arguments);
    command::run(&mut bench)?;
    println!("figures: {}", folder.join("figures.json").display());
    if wanted.write {
        let table = std::fs::read_to_string(&table)?;
        crate::section::replace(workspace, "bench", &table)?;
    }
    Ok(())
}

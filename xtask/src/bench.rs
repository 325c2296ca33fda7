//! `cargo xtask bench`: builds the gateway and what measures it, and keeps the figures.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::section::{self, Section};
use crate::workspace::Workspace;
use crate::{clients, command, suite};

/// The programs that are measured beside the gateway, and what loads them.
const PROGRAMS: [&str; 4] = ["wrk", "nginx", "docker-registry", "valgrind"];
/// Where the instructions of hot functions are written down.
const BASELINE: &str = "bench/instructions.json";

/// The client of the row that asks the npm registry itself.
const NPM: &str = "npm-11";

/// Where the tables of growth stand.
const GROWTH: Section = Section { file: "docs/performance.md", name: "growth" };

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Everything, with a release build.
    Whole,
    /// With a debug build and coarse bounds.
    Short,
    /// Only the instructions of hot functions, which are written down.
    Count,
    /// How cost grows with packages, versions, clients and bytes.
    Growth,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) mode: Mode,
    /// The tables are written where they stand.
    pub(crate) write: bool,
    /// Beside other caches and registries too.
    pub(crate) peers: bool,
    /// An installation from the npm registry of this machine too.
    pub(crate) live: bool,
}

/// Builds, measures, and writes the tables where that is wanted.
pub(crate) fn run(workspace: &Workspace, wanted: Wanted, arguments: &[String]) -> Result<()> {
    let npm: &[&str] = if wanted.live { &[NPM] } else { &[] };
    let needs = clients::Bench { programs: &PROGRAMS, peers: wanted.peers, npm };
    let bench = Bench { workspace, wanted, list: clients::install_bench(workspace, needs)? };
    bench.build()?;
    match wanted.mode {
        Mode::Count => bench.count(true),
        Mode::Growth => bench.growth(),
        Mode::Short => {
            bench.count(false)?;
            bench.measure(arguments)
        }
        Mode::Whole => bench.measure(arguments),
    }
}

struct Bench<'a> {
    workspace: &'a Workspace,
    wanted: Wanted,
    /// The list of what is installed.
    list: PathBuf,
}

impl Bench<'_> {
    fn profile(&self) -> &'static str {
        match self.wanted.mode {
            Mode::Short | Mode::Count => "debug",
            Mode::Whole | Mode::Growth => "release",
        }
    }

    fn build(&self) -> Result<()> {
        if self.profile() == "debug" {
            return suite::build(self.workspace);
        }
        let mut cargo = command::cargo();
        cargo.current_dir(&self.workspace.root).args(["build", "--release", "--locked", "--bins"]);
        command::run(cargo.args(["--package", "weir", "--package", "weir-bench"]))
    }

    fn program(&self, name: &str) -> PathBuf {
        self.workspace.target.join(self.profile()).join(name)
    }

    fn task(&self, name: &str) -> Command {
        let mut task = Command::new(self.program("weir-bench"));
        task.arg(name).arg("--clients").arg(&self.list);
        task
    }

    fn count(&self, update: bool) -> Result<()> {
        let mut count = self.task("count");
        count.args(["--profile", self.profile()]);
        count.arg("--baseline").arg(self.workspace.root.join(BASELINE));
        command::run(count.args(update.then_some("--update")))
    }

    fn growth(&self) -> Result<()> {
        let mut growth = self.task("growth");
        let tables = command::output(growth.arg("--gateway").arg(self.program("weir")))?;
        println!("{tables}");
        if self.wanted.write {
            section::replace(self.workspace, GROWTH, &tables)?;
        }
        Ok(())
    }

    fn measure(&self, arguments: &[String]) -> Result<()> {
        let folder = self.workspace.target.join("bench");
        std::fs::create_dir_all(&folder)?;
        let (table, figures) = (folder.join("table.md"), folder.join("figures.json"));
        let mut measure = self.task("measure");
        measure.arg("--gateway").arg(self.program("weir")).args(["--profile", self.profile()]);
        measure.arg("--json").arg(&figures).arg("--table").arg(&table);
        let Wanted { mode, peers, live, .. } = self.wanted;
        let flags = [("--short", mode == Mode::Short), ("--peers", peers), ("--live", live)];
        measure.args(flags.into_iter().filter_map(|(flag, wanted)| wanted.then_some(flag)));
        command::run(measure.args(arguments))?;
        println!("figures: {}", figures.display());
        if self.wanted.write {
            let table = std::fs::read_to_string(&table)?;
            section::replace(self.workspace, section::of_readme("bench"), &table)?;
        }
        Ok(())
    }
}

//! `cargo xtask chaos`: builds the gateway and lets the crate `chaos` loose on it.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::workspace::Workspace;
use crate::{command, section, suite};

/// The variable that tells the crate which gateway to start.
const BINARY: &str = "WEIR_TEST_BINARY";
/// Seconds of storm and files between kills, in CI.
const SHORT: (u64, u64) = (30, 80);
/// The same where there is time.
const LONG: (u64, u64) = (300, 1000);

/// How a run goes.
#[derive(Clone, Debug)]
pub(crate) struct Chaos {
    pub(crate) seconds: Option<u64>,
    pub(crate) seed: u64,
    pub(crate) short: bool,
    /// The word for the crate.
    pub(crate) store: String,
    /// Whether the README gets the counts.
    pub(crate) write: bool,
}

/// The counts, as the crate prints them.
#[derive(Deserialize)]
struct Counts {
    seconds: u64,
    requests: u64,
    right: u64,
    refused: u64,
    errors: u64,
    commits: u64,
    kills: u64,
    orphans: u64,
    memory: u64,
    faults: std::collections::BTreeMap<String, u64>,
    wrong_answers: u64,
    lost_objects: u64,
    unfiltered_bytes: u64,
    examples: Vec<String>,
}

/// Runs and prints the counts; an error when one of the last three is not zero.
pub(crate) fn run(workspace: &Workspace, how: &Chaos) -> Result<()> {
    if how.short {
        suite::build(workspace)?;
    } else {
        let mut cargo = command::cargo();
        cargo.current_dir(&workspace.root).args(["build", "--locked", "--bins"]);
        command::run(cargo.args(["--package", "weir", "--package", "weir-chaos"]))?;
    }
    let (seconds, commits) = if how.short { SHORT } else { LONG };
    let built = workspace.target.join("debug");
    let mut chaos = std::process::Command::new(built.join("weir-chaos"));
    chaos.env(BINARY, built.join("weir")).stderr(std::process::Stdio::inherit());
    for (flag, value) in [
        ("--seconds", how.seconds.unwrap_or(seconds)),
        ("--seed", how.seed),
        ("--commits", commits),
    ] {
        chaos.args([flag, &value.to_string()]);
    }
    chaos.args(["--store", &how.store]);
    let output = chaos.output().context("cannot start weir-chaos")?;
    let counts = serde_json::from_slice(&output.stdout);
    let counts: Counts = counts.with_context(|| format!("weir-chaos ended: {}", output.status))?;
    let table = counts.table(how.seed);
    println!("{table}");
    for example in &counts.examples {
        println!("{example}");
    }
    if !output.status.success() {
        bail!("seed {}: the last three counts have to be zero", how.seed);
    }
    if how.write {
        section::replace(workspace, section::of_readme("chaos"), &table)?;
    }
    Ok(())
}

impl Counts {
    fn table(&self, seed: u64) -> String {
        let faults: u64 = self.faults.values().sum();
        let rows = [
            ("seed", seed),
            ("seconds", self.seconds),
            ("requests", self.requests),
            ("… answered rightly, to the last byte", self.right),
            ("… refused rightly", self.refused),
            ("… honest errors", self.errors),
            ("faults", faults),
            ("kinds of faults", self.faults.len() as u64),
            ("kills", self.kills),
            ("files stored between kills", self.commits),
            ("objects without a record, all collected", self.orphans),
            ("peak of anonymous memory, MiB", self.memory >> 20),
            ("**wrong answers**", self.wrong_answers),
            ("**lost objects**", self.lost_objects),
            ("**unfiltered bytes**", self.unfiltered_bytes),
        ];
        let rows = rows.map(|(name, count)| format!("| {name} | {count} |\n"));
        format!("| | count |\n|---|--:|\n{}", rows.concat())
    }
}

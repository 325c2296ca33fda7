//! Measures the gateway beside nginx and others, on the same bytes, in turn, in one run.
//!
//! `cargo xtask bench` builds and starts it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the output of a command line tool")]

mod client;
mod computed;
mod contest;
mod duel;
mod fixtures;
mod growth;
mod herd;
mod live;
mod load;
mod memory;
mod micro;
mod peers;
mod process;
mod registry;
mod rendering;
mod report;
mod served;
mod world;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use serde_json::json;

use crate::client::Ask;
use crate::contest::Pacing;
use crate::duel::median;
use crate::memory::Watch;
use crate::report::{Figure, Row};
use crate::world::{Tools, World};

const STARTS: usize = 5;
/// After this time a gateway that nobody asks anything counts as idle.
const IDLE: Duration = Duration::from_secs(2);

#[derive(Parser)]
#[command(about = "Measures the gateway beside nginx and others")]
enum Task {
    /// Measure the gateway as a process
    Measure(Arguments),
    /// Print how cost grows with packages, versions, clients and bytes
    Growth {
        /// The gateway's program
        #[arg(long)]
        gateway: PathBuf,
        /// The list that `cargo xtask clients` writes
        #[arg(long)]
        clients: PathBuf,
    },
    /// Count the instructions of hot functions, and compare with what is written down
    Count {
        /// How this program was built: counts are compared with those of the same profile
        #[arg(long)]
        profile: String,
        /// The list that `cargo xtask clients` writes
        #[arg(long)]
        clients: PathBuf,
        /// Where the counts are written down
        #[arg(long)]
        baseline: PathBuf,
        /// Write the counts down
        #[arg(long)]
        update: bool,
    },
    /// Repeat one hot function, for a program that counts
    Repeat { name: String, times: u32 },
}

#[derive(clap::Args)]
struct Arguments {
    /// The gateway's program
    #[arg(long)]
    gateway: PathBuf,
    /// How it was built, for the report
    #[arg(long, default_value = "release")]
    profile: String,
    /// The list that `cargo xtask clients` writes
    #[arg(long)]
    clients: PathBuf,
    /// A minute: correctness and coarse bounds, for machines that do other things besides
    #[arg(long)]
    short: bool,
    /// Beside other caches and registries too
    #[arg(long)]
    peers: bool,
    /// An installation from the npm registry of this machine too
    #[arg(long)]
    live: bool,
    /// Only work whose name holds this text
    #[arg(long)]
    only: Option<String>,
    /// Where the figures go
    #[arg(long)]
    json: PathBuf,
    /// Where the table goes
    #[arg(long)]
    table: PathBuf,
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Measure(arguments) => run(&arguments),
        Task::Count { profile, clients, baseline, update } => {
            let valgrind = world::installed(&clients, "valgrind");
            valgrind.and_then(|valgrind| micro::check(&valgrind, &baseline, &profile, update))
        }
        Task::Growth { gateway, clients } => grown(&gateway, &clients),
        Task::Repeat { name, times } => micro::run(&name, times),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn grown(gateway: &Path, clients: &Path) -> Result<()> {
    let world = World::start(Tools::find(gateway, clients)?.0, |origins| {
        served::fill(&origins.npm);
        growth::fill(&origins.npm);
    })?;
    println!("{}", growth::tables(&world)?);
    Ok(())
}

fn run(arguments: &Arguments) -> Result<()> {
    let (tools, versions) = Tools::find(&arguments.gateway, &arguments.clients)?;
    let rows = measure(tools, arguments)?;
    let circumstances = circumstances(&arguments.profile, &versions);
    let table = report::table(&rows, &circumstances);
    println!("{table}");
    std::fs::write(&arguments.table, &table)?;
    let figures = json!({ "circumstances": circumstances, "rows": rows });
    std::fs::write(&arguments.json, serde_json::to_string_pretty(&figures)? + "\n")?;
    let unsound: Vec<&str> =
        rows.iter().filter(|row| !row.sound).map(|row| row.work.as_str()).collect();
    if arguments.short && !unsound.is_empty() {
        bail!("beyond their coarse bounds: {}", unsound.join(", "));
    }
    Ok(())
}

fn measure(tools: Tools, arguments: &Arguments) -> Result<Vec<Row>> {
    let pacing = if arguments.short {
        Pacing { lasts: Duration::from_secs(1), rounds: 1 }
    } else {
        Pacing { lasts: Duration::from_secs(2), rounds: 5 }
    };
    let mut missing = None;
    let mut world = World::start(tools, |origins| {
        served::fill(&origins.npm);
        rendering::fill(&origins.npm);
        missing = Some(herd::fill(&origins.npm));
        peers::fill(origins);
    })?;
    let missing = missing.context("the registries were not filled")?;
    let watch = Watch::start(world.gateway.id());
    let only = arguments.only.as_deref().unwrap_or_default();
    let wanted = |work: &str| work.contains(only);
    let mut rows = contest::rows(served::contests(&world)?, &world, (pacing, only))?;
    if wanted(herd::WORK) {
        rows.push(herd::row(&world, &missing)?);
    }
    if wanted(rendering::WORK) {
        rows.extend(rendering::rows(&world)?);
    }
    rows.extend(computed::rows(only)?);
    rows.push(peak(watch));
    if arguments.peers {
        rows.extend(peers::rows(&world, (pacing, only))?);
    }
    if arguments.live && wanted(live::WORK) {
        rows.extend(live::rows(&world)?);
    }
    rows.extend(begun(&mut world)?);
    rows.retain(|row| wanted(&row.work));
    Ok(rows)
}

fn peak(watch: Watch) -> Row {
    let figure = Figure::new(watch.end(), "MB");
    Row::at_most("anonymous memory, peak over all of the above", figure, (150.0, 300.0))
}

/// From the start of a gateway that has a full cache to its first answer, and what it needs then.
fn begun(world: &mut World) -> Result<Vec<Row>> {
    let ask = Ask::get("/npm/blob/-/blob-1.0.0.tgz");
    let starts: Result<Vec<Duration>> = (0..STARTS).map(|_| world.restart(&ask)).collect();
    let starts = starts?.into_iter().map(|took| took.as_secs_f64() * 1e3).collect();
    std::thread::sleep(IDLE);
    let idle = Figure::new(memory::now(world.gateway.id()), "MB");
    Ok(vec![
        Row::at_most("start to first answer", Figure::new(median(starts), "ms"), (300.0, 5000.0)),
        Row::at_most("anonymous memory when idle", idle, (40.0, 100.0)),
    ])
}

/// `Weir (release) · nginx 1.22.1 · wrk 4.1.0 · 2 CPUs`
fn circumstances(profile: &str, versions: &std::collections::BTreeMap<String, String>) -> String {
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let others = versions.iter().map(|(name, version)| format!(", {name} {version}"));
    format!("Weir ({profile}){}, {cpus} CPUs.", others.collect::<String>())
}

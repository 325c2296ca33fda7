//! What the project does with itself: `cargo xtask tidy`, `codegen`, `clients`, `test`, `e2e`, `chaos`, `table`
//! and `bench`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the output of a command line tool")]

mod bench;
mod chaos;
mod clients;
mod codegen;
mod command;
mod section;
mod suite;
mod table;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "What the project does with itself")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Prove the layers and the house rules; list every offender
    Tidy,
    /// Write the files that are generated from code
    Codegen {
        /// Write nothing; fail where a file differs from what would be written
        #[arg(long)]
        check: bool,
    },
    /// Install the package clients that tests drive, in the versions of e2e/clients.toml
    Clients,
    /// Install the clients, then run every test of the workspace
    Test {
        /// Arguments for `cargo test`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Install the clients, then run the tests that drive them
    E2e {
        /// The scenarios against the registries of this machine instead of those on fixtures
        #[arg(long)]
        live: bool,
        /// Arguments for the test binary, such as a part of a test's name
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Let registries, clients, disk, database and process fail before a gateway, and count what goes wrong
    Chaos {
        /// How long the storm lasts
        #[arg(long)]
        seconds: Option<u64>,
        /// What decides what fails
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// No longer than CI has time for, with what `test` has built
        #[arg(long)]
        short: bool,
        /// Where the gateway keeps its objects: `files`, or `s3` on a server in the same process
        #[arg(long, default_value = "files")]
        store: String,
        /// Write the counts into the README
        #[arg(long)]
        write: bool,
    },
    /// Compare the README's table with what the last run of `test` or `e2e` proved
    Table {
        /// Write the table into the README
        #[arg(long)]
        write: bool,
    },
    /// Measure the gateway beside nginx and others
    Bench {
        /// Correctness and coarse bounds in about a minute, with a debug build, for CI
        #[arg(long, conflicts_with = "write")]
        short: bool,
        /// Write down how many instructions hot functions need, for `--short` to compare with
        #[arg(long, conflicts_with_all = ["short", "write"])]
        count: bool,
        /// How cost grows with packages, versions, clients and bytes
        #[arg(long, conflicts_with_all = ["short", "count", "peers", "live"])]
        growth: bool,
        /// Write the figures into the README, and those of growth into docs/performance.md
        #[arg(long)]
        write: bool,
        /// Beside Verdaccio, devpi, apt-cacher-ng and NORA too, which this installs
        #[arg(long, conflicts_with = "short")]
        peers: bool,
        /// `npm ci` through the gateway and from the npm registry of this machine too
        #[arg(long, conflicts_with = "short")]
        live: bool,
        /// More arguments for the program that measures
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    let workspace = Workspace::load()?;
    match task {
        Task::Tidy => tidy::run(&workspace),
        Task::Codegen { check } => codegen::run(&workspace, check),
        Task::Clients => clients::install(&workspace).map(drop),
        Task::Test { arguments } => suite::test(&workspace, &arguments),
        Task::E2e { live, arguments } => suite::e2e(&workspace, live, &arguments),
        Task::Chaos { seconds, seed, short, store, write } => {
            chaos::run(&workspace, &chaos::Chaos { seconds, seed, short, store, write })
        }
        Task::Table { write } => table::run(&workspace, write),
        Task::Bench { short, count, growth, write, peers, live, arguments } => {
            let mode = match (short, count, growth) {
                (true, ..) => bench::Mode::Short,
                (_, true, _) => bench::Mode::Count,
                (.., true) => bench::Mode::Growth,
                _ => bench::Mode::Whole,
            };
            let wanted = bench::Wanted { mode, write, peers, live };
            bench::run(&workspace, wanted, &arguments)
        }
    }
}

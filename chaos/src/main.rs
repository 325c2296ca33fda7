//! `cargo xtask chaos` runs this: a storm, kills, and counts as JSON on standard output.

#![expect(clippy::print_stdout, reason = "the counts are its output")]

use std::time::Duration;

use clap::Parser;
use weir_chaos::{Options, Store};

#[derive(Parser)]
struct Arguments {
    /// How long the storm lasts
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// What decides what goes wrong
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Files that are stored between kills
    #[arg(long, default_value_t = 1000)]
    commits: usize,
    /// Where the gateway keeps its objects
    #[arg(long, value_enum, default_value_t)]
    store: Store,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { seconds, seed, commits, store } = Arguments::parse();
    let storm = Duration::from_secs(seconds);
    let options = Options { store, storm, commits, rounds: commits, seed };
    let counts = weir_chaos::run(&options).await?;
    println!("{}", serde_json::to_string_pretty(&counts)?);
    // Not by way of the runtime's end: that waits for every connection task of the bent registries.
    std::process::exit(i32::from(!counts.is_good()))
}

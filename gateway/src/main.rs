//! The binary `weir`.

mod access;
mod addresses;
mod archive_keys;
mod auth;
mod background;
mod cli;
mod commands;
mod crowd;
mod ecosystems;
mod gateway;
mod measured;
mod observer;
mod output;
mod patience;
mod reload;
mod router;
mod server;
mod settings;
mod signer;
mod tls;
mod under_way;

use std::process::ExitCode;

use clap::Parser as _;
use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse_from(cli::two_dashes(std::env::args_os()));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let result = runtime.block_on(run(cli));
    // Lookups that still block must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    match result {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        None => commands::serve::serve(cli.serve.origin()).await?,
        Some(Command::Serve(flags)) => commands::serve::serve(flags.origin()).await?,
        Some(Command::Discover(flags)) => return flags.run().await,
        Some(Command::Setup(flags)) => return flags.run(),
        Some(Command::Explain(flags)) => return Ok(flags.run().await),
        Some(Command::Stats(flags)) => return flags.run().await,
        Some(Command::Gc(flags)) => return flags.run().await,
        Some(Command::Verify(flags)) => return flags.run().await,
        Some(Command::Config(command)) => return command.run(),
        Some(Command::Keys(command)) => command.run()?,
        Some(Command::Run(flags)) => return commands::run::run(flags.wanted()).await,
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stderr, reason = "the last word of a command that failed")]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("weir: {}", output::explained(error));
    ExitCode::FAILURE
}

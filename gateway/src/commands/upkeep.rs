//! `weir gc` and `weir verify`: upkeep of the store by hand, beside a gateway or without one.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use weir_cache::{Collected, Collecting, Evicted, Upkeep, Verified};
use weir_catalog::{Driver, human_size};
use weir_config::Env;

use crate::commands::serve::Origin;
use crate::gateway::Gateway;
use crate::{output, settings};

/// How often progress is shown on a terminal.
const SHOW_EVERY: Duration = Duration::from_millis(200);
/// How often progress is shown where nobody may be watching.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Evicts what `storage.max_size` and `storage.max_age` allow to evict, then deletes what nobody
/// names.
pub(crate) async fn gc(origin: Origin, how: Collecting) -> anyhow::Result<ExitCode> {
    let gateway = open(&origin).await?;
    let retention = settings::retention(&gateway.config);
    let evicted =
        if how.dry_run { Evicted::default() } else { gateway.upkeep.evict(&retention).await? };
    if evicted != Evicted::default() {
        output::result(&format!(
            "evicted {} files and {} documents ({})",
            evicted.artifacts,
            evicted.documents,
            human_size(evicted.bytes)
        ))?;
    }
    let collected = collect(&gateway.upkeep, how).await?;
    let verb = if how.dry_run { "would be deleted" } else { "deleted" };
    output::result(&format!(
        "{} objects, {} without a record {verb} ({}), {} younger than the grace time kept",
        collected.seen,
        collected.orphans,
        human_size(collected.bytes),
        collected.young
    ))?;
    gateway.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn collect(upkeep: &Upkeep, how: Collecting) -> anyhow::Result<Collected> {
    let mut progress = Progress::new();
    let collected = upkeep
        .collect(how, |so_far| {
            progress.show(|| format!("{} objects, {} orphans", so_far.seen, so_far.orphans));
        })
        .await;
    progress.end();
    Ok(collected?)
}

/// Hashes everything that is stored. The exit code is 1 when something was wrong.
pub(crate) async fn verify(origin: Origin, keep: bool) -> anyhow::Result<ExitCode> {
    let gateway = open(&origin).await?;
    let all = gateway.catalog.volume().await?;
    let all = all.artifacts + all.documents;
    let mut progress = Progress::new();
    let verified = gateway
        .upkeep
        .verify(keep, |so_far| {
            let bytes = human_size(so_far.bytes);
            progress.show(|| format!("{} of {all} hashed ({bytes})", so_far.checked));
        })
        .await;
    progress.end();
    let code = report(&verified?)?;
    gateway.close().await;
    Ok(code)
}

fn report(verified: &Verified) -> anyhow::Result<ExitCode> {
    for fault in &verified.faults {
        let what = if fault.removed { "; the next request fetches it again" } else { "" };
        output::result(&format!("{fault}{what}"))?;
    }
    output::result(&format!(
        "{} files and documents ({}), {} wrong",
        verified.checked,
        human_size(verified.bytes),
        verified.faults.len()
    ))?;
    Ok(if verified.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn open(origin: &Origin) -> anyhow::Result<Gateway> {
    let env = Env::from_process_env();
    let config = origin.load(&env)?.config;
    let database = settings::database(&config);
    // Opening makes a new file, and without its records everything stored would look orphaned.
    if database.driver == Driver::Sqlite && !database.path.exists() {
        bail!(
            "there is no database at {}: is --data-dir that of the gateway?",
            database.path.display()
        );
    }
    Gateway::open(config, &env, Arc::new(())).await
}

/// One line on a terminal that is written over; a line now and then elsewhere.
struct Progress {
    terminal: bool,
    /// When progress is shown next; not known before there is any.
    next: Option<Instant>,
}

impl Progress {
    fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), next: None }
    }

    fn show(&mut self, text: impl FnOnce() -> String) {
        let now = Instant::now();
        // On a terminal the first is shown at once.
        let (every, due) =
            if self.terminal { (SHOW_EVERY, now) } else { (LOG_EVERY, now + LOG_EVERY) };
        if now < *self.next.get_or_insert(due) {
            return;
        }
        self.next = Some(now + every);
        if self.terminal {
            output::status(&text());
        } else {
            output::remark(&text());
        }
    }

    fn end(&self) {
        if self.terminal {
            output::status("");
        }
    }
}

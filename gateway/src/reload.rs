//! Edited rules and tokens take effect on the next request: at SIGHUP and when the file changes. A file that
//! cannot be read keeps the old rules and says what is wrong, where.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use tokio::sync::{Notify, mpsc};
use weir_config::{Config, Env};
use weir_pipeline::Pipeline;
use weir_telemetry::AccessLog;

use crate::auth::Gate;
use crate::commands::serve::Origin;
use crate::settings;

/// Editors write in several steps: wait for this long after the last one.
const SETTLE: Duration = Duration::from_millis(100);

/// What an edited configuration changes at once. The rest needs a restart.
#[derive(Clone)]
pub(crate) struct Edited {
    /// Its rules.
    pub(crate) pipeline: Pipeline,
    /// Its tokens.
    pub(crate) gate: Arc<Gate>,
}

/// Files of other programs that a signal says to look at: whoever renews a certificate or moves a
/// log sends one.
#[derive(Clone)]
pub(crate) struct Beside {
    /// The access log.
    pub(crate) access: Option<AccessLog>,
    /// Has the certificate read again.
    pub(crate) certificate: Arc<Notify>,
}

impl Beside {
    fn look(&self) {
        if let Some(access) = &self.access {
            access.reopen();
        }
        self.certificate.notify_one();
    }
}

impl Edited {
    fn take(&self, config: &Config) -> anyhow::Result<()> {
        let policy = settings::policy(config)?;
        if self.gate.replace(config) {
            tracing::info!(tokens = config.auth.tokens.len(), "new tokens are in force");
        }
        if policy.epoch() != self.pipeline.policy().epoch() {
            self.pipeline.set_policy(policy);
            tracing::info!("new rules are in force");
        }
        Ok(())
    }
}

/// Watches the file and SIGHUP in the background.
pub(crate) fn start(
    (edited, beside): (Edited, Beside),
    origin: Origin,
    env: Env,
    file: Option<&Path>,
) {
    let (wake, woken) = mpsc::channel(1);
    let watcher = file.and_then(|file| watch(file, wake.clone()));
    on_hangup(wake, beside);
    tokio::spawn(async move {
        let _watcher = watcher;
        run(edited, origin, env, woken).await;
    });
}

async fn run(edited: Edited, origin: Origin, env: Env, mut woken: mpsc::Receiver<()>) {
    while woken.recv().await.is_some() {
        tokio::time::sleep(SETTLE).await;
        while woken.try_recv().is_ok() {}
        match origin.load(&env).and_then(|loaded| edited.take(&loaded.config)) {
            Ok(()) => {}
            Err(error) => {
                tracing::error!("the configuration is not valid; the old rules stay: {error:#}");
            }
        }
    }
}

/// Watches the file's folder: editors replace files rather than write into them.
fn watch(file: &Path, wake: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
    let name = file.file_name()?.to_owned();
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let seen = move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        let touches = event.paths.iter().any(|path| path.file_name() == Some(&name));
        if touches && !event.kind.is_access() {
            // A full channel means that a reload is already due.
            let _ = wake.try_send(());
        }
    };
    let watcher = notify::recommended_watcher(seen).and_then(|mut watcher| {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    match watcher {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            tracing::warn!(%error, "the configuration is not watched; send SIGHUP instead");
            None
        }
    }
}

#[cfg(unix)]
fn on_hangup(wake: mpsc::Sender<()>, beside: Beside) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            beside.look();
            let _ = wake.try_send(());
        }
    });
}

#[cfg(not(unix))]
fn on_hangup(_: mpsc::Sender<()>, _: Beside) {}

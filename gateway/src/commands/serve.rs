//! `weir serve`: the gateway until a signal ends it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::TlsAcceptor;
use weir_config::{Config, Env, Loaded, Overrides, Sources};
use weir_core::SystemClock;
use weir_telemetry::{AccessLog, Metrics, Traces};

use crate::access::Lines;
use crate::auth::Gate;
use crate::background;
use crate::gateway::Gateway;
use crate::observer::Telling;
use crate::reload::{self, Beside, Edited};
use crate::router::Router;
use crate::server::{self, ServerSettings};
use crate::{settings, tls};

/// How long the end waits for a collector and for the access log.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the configuration comes from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// The file of `--config`.
    pub(crate) file: Option<PathBuf>,
    /// The flags.
    pub(crate) overrides: Overrides,
}

impl Origin {
    /// Reads the configuration anew.
    pub(crate) fn load(&self, env: &Env) -> anyhow::Result<Loaded> {
        let cwd = std::env::current_dir()?;
        Ok(weir_config::load(&self.sources(env, &cwd))?)
    }

    /// Where a key of the configuration was written.
    pub(crate) fn place_of(&self, env: &Env, key: &str) -> anyhow::Result<weir_config::Origin> {
        let cwd = std::env::current_dir()?;
        Ok(weir_config::place_of(&self.sources(env, &cwd), key)?)
    }

    fn sources<'a>(&'a self, env: &'a Env, cwd: &'a Path) -> Sources<'a> {
        Sources { file: self.file.as_deref(), env, overrides: &self.overrides, cwd }
    }
}

/// Runs the gateway until SIGINT or SIGTERM.
pub(crate) async fn serve(origin: Origin) -> anyhow::Result<()> {
    let env = Env::from_process_env();
    let loaded = origin.load(&env)?;
    let otlp = settings::otlp(&loaded.config);
    let traces = otlp.as_ref().map(Traces::start).transpose()?.flatten();
    init_logs(&loaded.config, traces.as_ref())?;
    crate::crowd::raise_open_files();
    for warning in &loaded.warnings {
        tracing::warn!(key = warning.key, "{}", warning.message);
    }
    let metrics = otlp.as_ref().map_or_else(Metrics::new, Metrics::sent)?;
    let telling = Arc::new(Telling::new(metrics.clone(), Arc::new(SystemClock)));
    let gateway = Arc::new(Gateway::open(loaded.config, &env, telling.clone()).await?);
    let listener = server::bind(gateway.config.listen).await?;
    gateway.start_background();
    start_discovery(&gateway, &env, crate::addresses::BUDGET);
    background::start_serving(&gateway, &telling, &metrics);
    let gate = Arc::new(Gate::new(&gateway.config));
    let access = settings::access_log(&gateway.config).map(AccessLog::open).transpose()?;
    let edited = Edited { pipeline: gateway.pipeline.clone(), gate: Arc::clone(&gate) };
    let beside = Beside { access: access.clone(), certificate: Arc::default() };
    let tls = acceptor(&gateway.config, &beside)?;
    reload::start((edited, beside), origin, env.clone(), loaded.file.as_deref());
    start_counting(&gateway, &metrics, access.as_ref());

    let own = weir_api::router(api_state(&gateway, metrics.clone()));
    let router = Router::new(gateway.pipeline.clone(), gateway.fronts.clone(), own).behind(gate);
    announce(&gateway, &listener, loaded.file.as_deref());
    let lines = |log: &AccessLog| Lines::new(log.clone(), settings::public(&gateway.config));
    let limits = ServerSettings::from(&gateway.config)
        .counting(metrics.clone())
        .logging(access.as_ref().map(lines))
        .over_tls(tls);
    server::serve(listener, Arc::new(router), limits, stopped()).await;
    telling.flush(&gateway.catalog).await;
    gateway.close().await;
    stop_telling(traces, metrics, access).await;
    tracing::info!("stopped");
    Ok(())
}

/// TLS, where there is a certificate.
fn acceptor(config: &Config, beside: &Beside) -> anyhow::Result<Option<TlsAcceptor>> {
    let look = || Arc::clone(&beside.certificate);
    let tls = config.tls.as_ref();
    tls.map(|files| tls::acceptor(files, config.http2, look())).transpose()
}

/// What is on the page of metrics before anything has happened.
fn start_counting(gateway: &Gateway, metrics: &Metrics, access: Option<&AccessLog>) {
    for mount in &gateway.mounts {
        metrics.serve(mount.descriptor().id);
    }
    for operation in crate::measured::OPERATIONS {
        metrics.store(operation);
    }
    if let Some(access) = access {
        metrics.watch(access);
    }
}

/// Sends what is still collected for a collector, and writes the access log's last lines. Neither
/// a collector nor a disk holds up the end for longer than [`PATIENCE`]. Waits on threads of its
/// own: what sends needs the runtime.
async fn stop_telling(traces: Option<Traces>, metrics: Metrics, access: Option<AccessLog>) {
    let lines = tokio::task::spawn_blocking(move || access.as_ref().map(AccessLog::flush));
    let traces = tokio::task::spawn_blocking(move || traces.iter().for_each(Traces::stop));
    let metrics = tokio::task::spawn_blocking(move || metrics.stop());
    let all = async { tokio::join!(lines, traces, metrics) };
    if tokio::time::timeout(PATIENCE, all).await.is_err() {
        tracing::warn!("the last traces, metrics or lines of the access log were given up");
    }
}

/// Starts the log as configured.
pub(crate) fn init_logs(config: &Config, traces: Option<&Traces>) -> anyhow::Result<()> {
    let format = match config.log.format {
        weir_config::LogFormat::Text => weir_telemetry::Format::Text,
        weir_config::LogFormat::Json => weir_telemetry::Format::Json,
    };
    Ok(weir_telemetry::init_logs(&config.log.level, format, traces)?)
}

/// Looks addresses up in the background; programs have this long to answer.
pub(crate) fn start_discovery(gateway: &Arc<Gateway>, env: &Env, budget: Duration) {
    let (gateway, env) = (Arc::clone(gateway), env.clone());
    tokio::task::spawn_blocking(move || gateway.addresses.fill(&env, budget));
}

/// What the gateway's own end points show.
pub(crate) fn api_state(gateway: &Gateway, metrics: Metrics) -> weir_api::ApiState {
    let config = &gateway.config;
    let database = match config.database.driver {
        weir_config::Driver::Sqlite => config.database.path.display().to_string(),
        weir_config::Driver::Postgres => String::from("postgres"),
    };
    weir_api::ApiState {
        pipeline: gateway.pipeline.clone(),
        mounts: gateway.mounts.clone(),
        fronts: gateway.fronts.clone(),
        catalog: gateway.catalog.clone(),
        storage: Arc::clone(&gateway.storage),
        upkeep: gateway.upkeep.clone(),
        metrics,
        signing_key: gateway.signing_key.clone(),
        database_path: database,
    }
}

fn announce(gateway: &Gateway, listener: &tokio::net::TcpListener, file: Option<&Path>) {
    let address = listener.local_addr().map(|a| a.to_string()).unwrap_or_default();
    let mounts: Vec<&str> = gateway.fronts.iter().map(|front| front.path.as_str()).collect();
    let file = file.map_or_else(|| "none".to_owned(), |file| file.display().to_string());
    tracing::info!(
        listen = address,
        data_dir = %gateway.config.data_dir.display(),
        storage = gateway.storage.describe(),
        config = file,
        offline = gateway.config.offline,
        mounts = mounts.join(" "),
        "weir is ready"
    );
}

/// Resolves at SIGINT or SIGTERM.
pub(crate) async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM is not handled");
                let _ = interrupt.await;
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _ = interrupt.await;
    }
    tracing::info!("stopping: open requests may end");
}

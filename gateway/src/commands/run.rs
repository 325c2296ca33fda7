//! `weir run -- COMMAND…`: a gateway for one command, on a loopback port, with the user's cache.

mod addresses;
mod apt;
mod bypass;
mod cargo_home;
mod child;
mod environment;
mod journal;
mod jvm;
mod lendable;
mod loans;
mod lockfiles;
mod poetry;
mod port;
mod summary;
mod uv;
mod yarn;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;
use url::Url;
use weir_config::{Auth, Config, Env};
use weir_core::{Descriptor, SystemClock};
use weir_pipeline::Mount;
use weir_telemetry::Metrics;

use self::cargo_home::{CargoHome, Plan};
use self::child::Ended;
use self::journal::{Journal, Journals};
use self::loans::Changed;
use self::lockfiles::LockFiles;
use self::poetry::Plugin;
use self::summary::{Report, Tally};
use crate::commands::place::Place;
use crate::commands::serve::{self, Origin};
use crate::gateway::Gateway;
use crate::observer::Telling;
use crate::router::Router;
use crate::server::{self, ServerSettings};

/// The time that programs have to answer where the registries are: the command waits for nothing
/// else, and answers are remembered.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long requests may still be open after the command has ended.
const DRAIN: Duration = Duration::from_secs(2);
/// How many addresses are turned back at once.
const AT_ONCE: usize = 16;

/// What `weir run` was asked to do.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Where the configuration comes from.
    pub(crate) origin: Origin,
    /// Show the gateway's own log.
    pub(crate) verbose: bool,
    /// Show no summary.
    pub(crate) quiet: bool,
    /// The command and its arguments.
    pub(crate) command: Vec<OsString>,
}

/// Runs the command; the exit code is its own.
pub(crate) async fn run(wanted: Wanted) -> anyhow::Result<ExitCode> {
    let env = Env::from_process_env();
    let loaded = wanted.origin.load(&env)?;
    let listener = port::bind(&loaded.config.data_dir).await?;
    let config = adapted(loaded.config, &listener, wanted.verbose)?;
    serve::init_logs(&config, None)?;
    let origin = format!("http://{}", config.listen);
    tracing::info!("listening on {origin}");

    let metrics = Metrics::new()?;
    let telling = Arc::new(Telling::new(metrics.clone(), Arc::new(SystemClock)));
    let tally = Arc::new(Tally::new(Arc::clone(&telling)));
    let gateway = Arc::new(Gateway::open(config, &env, tally.clone()).await?);
    gateway.start_background();
    serve::start_discovery(&gateway, &env, PATIENCE);
    let own = weir_api::router(serve::api_state(&gateway, metrics));
    let router = Router::new(gateway.pipeline.clone(), gateway.fronts.clone(), own).being_proxy();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let limits = ServerSettings::from(&gateway.config);
    let served = tokio::spawn(server::serve(listener, Arc::new(router), limits, async {
        // Either way the command has ended.
        let _ = stopped.await;
    }));

    let session = Session {
        gateway: &gateway,
        env: &env,
        url: Url::parse(&origin)?,
        origin,
        cwd: std::env::current_dir()?,
        yarns_own: OnceCell::new(),
    };
    let (ended, report) = session.run(&wanted.command, &tally).await?;
    let _ = stop.send(());
    // It ends by itself within the drain time; a panic in it has been logged.
    let _ = served.await;
    telling.flush(&gateway.catalog).await;
    gateway.close().await;
    Ok(ExitCode::from(tell(ended, &report, &env, wanted.quiet)))
}

/// The configuration with what a run has of its own.
fn adapted(
    mut config: Config,
    listener: &tokio::net::TcpListener,
    verbose: bool,
) -> anyhow::Result<Config> {
    config.listen = listener.local_addr()?;
    // Links lead to this gateway, whatever public address the one that serves others has.
    config.base_url = None;
    config.trusted_proxies.clear();
    // It is the command's own: nobody else is asked in.
    config.auth = Auth::default();
    config.limits.shutdown_timeout = DRAIN;
    if !verbose {
        // Which mounts pass signed indexes on is for those who run a gateway.
        config.log.level = format!("warn,{}=error", crate::addresses::PASSED_ON);
    }
    Ok(config)
}

/// One command with its surroundings.
struct Session<'a> {
    gateway: &'a Gateway,
    env: &'a Env,
    /// Scheme, host and port of this gateway.
    origin: String,
    /// The same.
    url: Url,
    cwd: PathBuf,
    /// The registry that yarn has by itself, once it was asked.
    yarns_own: OnceCell<Option<String>>,
}

impl Session<'_> {
    async fn run(&self, command: &[OsString], tally: &Tally) -> anyhow::Result<(Ended, Report)> {
        let mut report = Report::default();
        let journals = Journals::below(&self.gateway.config.data_dir);
        self.heal(&journals, &mut report).await;
        let homes = self.homes(&mut report.notes)?;
        let mut variables: Vec<(String, OsString)> = self.variables().await;
        variables.extend(homes.iter().map(|(name, home)| (name.clone(), (&home.path).into())));
        let before = LockFiles::read(&self.cwd);
        let plugin = self.plugin(command, &before, &mut report.notes).await;
        if let Some(plugin) = &plugin {
            let path = plugin.path(self.env.get(poetry::VARIABLE));
            variables.push((poetry::VARIABLE.to_owned(), path));
        }
        let jvm = self.jvm(command, &mut report.notes).await;
        variables.extend(jvm.iter().filter_map(|jvm| jvm.variable.clone()));
        let apt = self.apt(command).await?;
        variables.extend(apt.iter().map(apt::Settings::variable));
        let lent = self.lend(&journals, &before, &mut report).await;
        let told = jvm.as_ref().map_or_else(|| command.to_vec(), |jvm| jvm.command(command));
        let ended = child::run(&told, &variables).await;
        for (_, home) in &homes {
            if let Err(error) = home.take_down() {
                report.notes.push(format!("{} was not removed: {error}", home.path.display()));
            }
        }
        if let Some(Err(error)) = plugin.map(|plugin| plugin.take_down()) {
            report.notes.push(format!("poetry's plugin was not removed: {error}"));
        }
        if let Some(Err(error)) = jvm.map(|jvm| jvm.take_down()) {
            report.notes.push(format!("the settings of this run were not removed: {error}"));
        }
        self.tidy_up(command, &before, lent, &mut report).await;
        Ok((ended?, tally.told(report)))
    }

    /// Leaves none of the run's addresses in lock files.
    async fn tidy_up(
        &self,
        command: &[OsString],
        before: &LockFiles,
        lent: Option<Journal>,
        report: &mut Report,
    ) {
        let after = LockFiles::read(&self.cwd);
        self.bypassing(command, before, &after, report).await;
        let entries = lent.iter().flat_map(|journal| &journal.entries);
        let known: BTreeMap<String, String> =
            entries.clone().flat_map(|entry| entry.addresses.clone()).collect();
        let files: Vec<PathBuf> = entries.map(|entry| entry.path.clone()).collect();
        if let Some(journal) = lent {
            self.give_back(journal, false, report).await;
        }
        for (path, text) in after.since(before).filter(|(path, _)| !files.iter().any(|f| f == path))
        {
            let file = Changed { path, text, origin: &self.origin, known: &known };
            if path.ends_with(uv::MANIFEST) {
                self.turn_back_manifest(&file, before.get(path).unwrap_or_default(), report).await;
            } else {
                self.turn_back(&file, report).await;
            }
        }
    }

    /// The default mounts, one for each plugin.
    fn default_mounts(&self) -> impl Iterator<Item = &Arc<Mount>> {
        self.gateway.mounts.iter().filter(|mount| mount.is_default())
    }

    /// Settings of apt's for this run, where it may run and there is an archive for it.
    async fn apt(&self, command: &[OsString]) -> anyhow::Result<Option<apt::Settings>> {
        if !apt::may_run(command) {
            return Ok(None);
        }
        let mut hosts = BTreeSet::new();
        for mount in self.gateway.mounts.iter().filter(|mount| mount.descriptor().signed) {
            let origins = mount.origins().await;
            let plain = origins.values().filter(|origin| origin.base.scheme() == "http");
            hosts.extend(plain.filter_map(|origin| origin.base.host_str().map(ToOwned::to_owned)));
        }
        if hosts.is_empty() {
            return Ok(None);
        }
        let own = self.env.get(apt::VARIABLE);
        Ok(Some(apt::Settings::write(&hosts, &self.origin, own)?))
    }

    async fn variables(&self) -> Vec<(String, OsString)> {
        let mut set = environment::no_proxy(self.env);
        for mount in self.default_mounts() {
            let descriptor = mount.descriptor();
            // The command waits for a look-up only where a variable depends on it.
            let origins = if environment::names_registry(descriptor) {
                mount.origins().await
            } else {
                Arc::default()
            };
            let main = descriptor.origins.first().and_then(|spec| origins.get(spec.id));
            let registry = main.and_then(|origin| origin.base.host_str());
            let place = self.place(descriptor).before(registry);
            set.extend(environment::variables(descriptor, &place));
        }
        set.into_iter().map(|(name, value)| (name, value.into())).collect()
    }

    /// Settings folders, with the variables that name them.
    fn homes(&self, notes: &mut Vec<String>) -> anyhow::Result<Vec<(String, CargoHome)>> {
        for name in environment::further(self.env) {
            notes.push(format!("{name} is set: what it names is asked past the gateway"));
        }
        let mut homes = Vec::new();
        for descriptor in self.default_mounts().map(|mount| mount.descriptor()) {
            let Some((variable, place, file, text)) = descriptor.setup.folder else { continue };
            let Some(real) = self.real_folder(variable, place) else { continue };
            let Some(text) = self.place(descriptor).fill(text) else { continue };
            let at = self.folder().join(descriptor.id);
            let plan = Plan { real: &real, cwd: &self.cwd, at: &at, file, text: &text };
            match CargoHome::lay(&plan)? {
                Some(home) => homes.push((variable.to_owned(), home)),
                None => notes.push(format!(
                    "{} keeps its own source replacement, which is no sparse registry",
                    descriptor.id
                )),
            }
        }
        Ok(homes)
    }

    /// Where clients' own folders for this run are. The same port has the same folder: paths below
    /// it end up in what is built.
    fn folder(&self) -> PathBuf {
        let port = self.gateway.config.listen.port().to_string();
        self.gateway.config.data_dir.join("run").join(port)
    }

    fn place(&self, descriptor: &Descriptor) -> Place {
        Place::new(&self.url, descriptor.mount)
    }

    /// Poetry's plugin, where Poetry may run.
    async fn plugin(
        &self,
        command: &[OsString],
        files: &LockFiles,
        notes: &mut Vec<String>,
    ) -> Option<Plugin> {
        let mount = self.default_mounts().find(|mount| mount.descriptor().id == "pypi")?;
        if !poetry::is_used(&program(command), files) {
            return None;
        }
        let index = self.place(mount.descriptor()).fill("{base}/simple")?;
        let registries = self.registries("pypi").await;
        let registries = registries.iter().filter(|registry| registry.is_default);
        let bases = registries.flat_map(|registry| &registry.bases);
        let bases: Vec<String> = bases.map(|base| base.trim_end_matches('/').to_owned()).collect();
        match Plugin::lay(&self.folder().join("poetry"), &index, &bases) {
            Ok(plugin) => Some(plugin),
            Err(error) => {
                notes.push(format!("poetry asks past the gateway: {error}"));
                None
            }
        }
    }

    fn real_folder(&self, variable: &str, place: &str) -> Option<PathBuf> {
        let named = self.env.get(variable).map(|folder| self.cwd.join(folder));
        let usual = || Some(self.env.home()?.join(place.strip_prefix("~/")?));
        named.or_else(usual)
    }

    async fn bypassing(
        &self,
        command: &[OsString],
        before: &LockFiles,
        after: &LockFiles,
        report: &mut Report,
    ) {
        let own = self.npm_hosts().await;
        for (path, count) in bypass::count(before, after, &program(command), &self.origin, &own) {
            report.bypassing.push((self.shown(path), count));
        }
    }

    /// Host and port of the registries that npm's lock files name.
    async fn npm_hosts(&self) -> Vec<String> {
        let mut hosts = Vec::new();
        for mount in self.gateway.mounts.iter().filter(|mount| &*mount.name == "npm") {
            for origin in mount.origins().await.values() {
                hosts.push(origin.base.authority().to_owned());
            }
        }
        hosts
    }

    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.cwd).unwrap_or(path).display().to_string()
    }
}

/// The name of the program that a command starts.
fn program(command: &[OsString]) -> String {
    let program = command.first().map(Path::new).and_then(Path::file_stem);
    program.unwrap_or_default().to_string_lossy().into_owned()
}

/// The last words, and the exit code.
fn tell(ended: Ended, report: &Report, env: &Env, quiet: bool) -> u8 {
    let mut out = std::io::stderr();
    // Nobody may be listening any more.
    match ended {
        Ended::Never(code, sentence) => {
            let _ = writeln!(out, "weir: {sentence}");
            code
        }
        Ended::With(code) => {
            let colour = out.is_terminal() && env.get("NO_COLOR").is_none();
            if !quiet {
                let _ = out.write_all(report.text(colour).as_bytes());
            }
            code
        }
    }
}

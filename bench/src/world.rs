//! The registries, the gateway before them, and nginx beside it.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use weir_testkit::origin::Origin;

use crate::client::{self, Ask};
use crate::process::Process;
use crate::registry::Registry;

/// Programs that the bench starts.
pub(crate) struct Tools {
    pub(crate) gateway: PathBuf,
    pub(crate) wrk: PathBuf,
    pub(crate) nginx: PathBuf,
    pub(crate) docker_registry: PathBuf,
    /// Everything that is listed: programs with their first arguments.
    listed: BTreeMap<String, Installed>,
}

/// Programs whose version says nothing about the figures.
const UNSEEN: [&str; 1] = ["valgrind"];

#[derive(Deserialize)]
struct Installed {
    program: Vec<String>,
    version: String,
}

impl Tools {
    /// The gateway, and what `cargo xtask clients` wrote down. Returns their versions too.
    pub(crate) fn find(gateway: &Path, list: &Path) -> Result<(Self, BTreeMap<String, String>)> {
        let all = listed(list)?;
        let find = |name: &str| found(&all, name);
        let tools = Self {
            gateway: std::path::absolute(gateway)?,
            wrk: find("wrk")?,
            nginx: find("nginx")?,
            docker_registry: find("docker-registry")?,
            listed: all,
        };
        let versions = tools.listed.iter().filter(|(name, _)| !UNSEEN.contains(&name.as_str()));
        let versions = versions.map(|(name, client)| (name.clone(), client.version.clone()));
        let versions = versions.collect();
        Ok((tools, versions))
    }

    /// The start of a program that is listed.
    pub(crate) fn command(&self, name: &str) -> Result<Command> {
        let program = self.listed.get(name).map(|installed| installed.program.as_slice());
        let Some((program, arguments)) = program.and_then(<[String]>::split_first) else {
            bail!("{name} is not listed");
        };
        let mut command = Command::new(program);
        command.args(arguments);
        Ok(command)
    }
}

/// One program of the list.
pub(crate) fn installed(list: &Path, name: &str) -> Result<PathBuf> {
    found(&listed(list)?, name)
}

fn listed(list: &Path) -> Result<BTreeMap<String, Installed>> {
    let text = std::fs::read(list).with_context(|| list.display().to_string())?;
    Ok(serde_json::from_slice(&text)?)
}

fn found(all: &BTreeMap<String, Installed>, name: &str) -> Result<PathBuf> {
    let found = all.get(name).and_then(|client| client.program.first());
    found.map(PathBuf::from).with_context(|| format!("{name}: run `cargo xtask clients`"))
}

/// A cooldown, and a package that is withheld as a whole.
const RULES: &str = r#"
[cooldown]
default = "10d"

[[policy.rules]]
name = "no-banned"
effect = "deny"
purl = "pkg:npm/banned"
reason = "its author's account was stolen"
"#;

/// The registries behind the gateway.
pub(crate) struct Origins {
    pub(crate) npm: Origin,
    pub(crate) pypi: Origin,
    pub(crate) debian: Origin,
    pub(crate) registry: Registry,
}

/// Everything that runs.
pub(crate) struct World {
    pub(crate) tools: Tools,
    /// Drives the registries.
    _runtime: Runtime,
    folder: TempDir,
    pub(crate) origins: Origins,
    pub(crate) gateway: Process,
    pub(crate) address: SocketAddr,
    pub(crate) nginx: Process,
    pub(crate) nginx_address: SocketAddr,
}

impl World {
    /// Starts everything; the registries are filled by `fill`.
    pub(crate) fn start(tools: Tools, fill: impl FnOnce(&Origins)) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("weir-bench-").tempdir()?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let origins = Origins {
            npm: runtime.block_on(Origin::start()),
            pypi: runtime.block_on(Origin::start()),
            debian: runtime.block_on(Origin::at(&low_address()?.to_string(), "")),
            registry: Registry::start(&tools.docker_registry, folder.path())?,
        };
        fill(&origins);
        let (gateway, address) = start_gateway(&tools, folder.path(), &origins)?;
        let refusal = client::send(address, &Ask::get(REFUSED), b"")?;
        if refusal.status != 403 {
            bail!("{REFUSED} is not refused but answered with {}", refusal.status);
        }
        let refusal = String::from_utf8(refusal.body)?;
        let (nginx, nginx_address) = start_nginx(&tools, folder.path(), &origins.npm, &refusal)?;
        Ok(Self {
            tools,
            _runtime: runtime,
            folder,
            origins,
            gateway,
            address,
            nginx,
            nginx_address,
        })
    }

    /// A new folder for a server.
    pub(crate) fn room(&self, name: &str) -> Result<PathBuf> {
        let room = self.folder.path().join(name);
        std::fs::create_dir_all(&room)?;
        Ok(room)
    }

    /// Puts a file where nginx serves it from the disk.
    pub(crate) fn publish(&self, name: &str, bytes: &[u8]) -> Result<()> {
        Ok(std::fs::write(self.folder.path().join("nginx/files").join(name), bytes)?)
    }

    /// Ends the gateway and starts it again with the same data. Returns how long it took to have a new
    /// one that answers `ask` with 200.
    pub(crate) fn restart(&mut self, ask: &Ask) -> Result<Duration> {
        let folder = self.folder.path();
        self.gateway.stop()?;
        let began = Instant::now();
        (self.gateway, self.address) = start_gateway(&self.tools, folder, &self.origins)?;
        let reply = client::send(self.address, ask, b"")?;
        if reply.status != 200 {
            bail!("{}: {} after a restart", ask.path, reply.status);
        }
        Ok(began.elapsed())
    }
}

/// The file that the rules withhold.
pub(crate) const REFUSED: &str = "/npm/banned/-/banned-1.0.0.tgz";

fn start_gateway(tools: &Tools, folder: &Path, origins: &Origins) -> Result<(Process, SocketAddr)> {
    let home = folder.join("gateway");
    std::fs::create_dir_all(&home)?;
    let config = home.join("weir.toml");
    let Origins { npm, pypi, debian, registry } = origins;
    let addresses = format!(
        "[upstream]\nnpm = {:?}\npypi = {:?}\ndebian = {:?}\ncontainer = \"http://{}\"\n",
        npm.url(),
        pypi.url() + "/simple",
        debian.url(),
        registry.address
    );
    std::fs::write(&config, addresses + RULES)?;
    let mut command = Command::new(&tools.gateway);
    command.env_clear().env("HOME", &home).env("PATH", "/usr/bin:/bin");
    command.arg("serve").arg("--config").arg(&config);
    serve(command, &home)
}

/// A gateway without configuration: it finds the registries of this machine's clients.
pub(crate) fn start_found_gateway(tools: &Tools, home: &Path) -> Result<(Process, SocketAddr)> {
    std::fs::create_dir_all(home)?;
    let mut command = Command::new(&tools.gateway);
    command.arg("serve");
    serve(command, home)
}

/// Starts a gateway on a free port, and waits until it is ready.
fn serve(mut command: Command, home: &Path) -> Result<(Process, SocketAddr)> {
    command.current_dir(home).arg("--data-dir").arg(home.join("data"));
    command.args(["--listen", "127.0.0.1:0"]);
    let mut process = Process::start(command, &home.join("weir.log"))?;
    let address = process.wait_for(|log| {
        let line = log.lines().find(|line| line.contains("weir is ready"))?;
        let (_, after) = line.split_once("127.0.0.1:")?;
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        Some(SocketAddr::from(([127, 0, 0, 1], digits.parse().ok()?)))
    })?;
    Ok((process, address))
}

fn start_nginx(
    tools: &Tools,
    folder: &Path,
    npm: &Origin,
    refusal: &str,
) -> Result<(Process, SocketAddr)> {
    let home = folder.join("nginx");
    for name in ["files", "cache", "temp"] {
        std::fs::create_dir_all(home.join(name))?;
    }
    let address = free_address()?;
    let config = home.join("nginx.conf");
    std::fs::write(&config, nginx_config(&home, address, npm, refusal))?;
    let mut command = Command::new(&tools.nginx);
    command.env_clear().env("PATH", "/usr/bin:/bin").current_dir(&home);
    command.arg("-p").arg(&home).arg("-c").arg(&config).args(["-e", "stderr"]);
    let mut process = Process::start(command, &home.join("nginx.log"))?;
    process.wait_for(|_| std::net::TcpStream::connect(address).ok())?;
    Ok((process, address))
}

/// Debian's settings (`sendfile`, `tcp_nopush`), with a cache for documents and a refusal from its
/// configuration. No access log, as the gateway has none unless it is asked for; connections are kept
/// as long as the client keeps them.
fn nginx_config(home: &Path, address: SocketAddr, npm: &Origin, refusal: &str) -> String {
    let (home, origin) = (home.display(), npm.url());
    let body = refusal.replace('\\', "\\\\").replace('\'', "\\'").replace('$', "${dollar}");
    // As root, workers would become another user, who may not read the folder.
    let user = "user root;";
    format!(
        "{user}\ndaemon off;\npid nginx.pid;\nworker_processes auto;\nerror_log stderr warn;\n\
         events {{ worker_connections 2048; }}\n\
         http {{\n\
         access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; etag on;\n\
         default_type application/octet-stream;\n\
         client_body_temp_path {home}/temp/a; proxy_temp_path {home}/temp/b; fastcgi_temp_path {home}/temp/c;\n\
         uwsgi_temp_path {home}/temp/d; scgi_temp_path {home}/temp/e;\n\
         proxy_cache_path {home}/cache keys_zone=documents:8m max_size=1g inactive=1h;\n\
         proxy_http_version 1.1;\n\
         geo $dollar {{ default '$'; }}\n\
         server {{\n\
         listen {address};\n\
         location /files/ {{ root {home}; }}\n\
         location /same/ {{ proxy_pass {origin}/same/; proxy_cache documents; proxy_cache_valid 200 1h; }}\n\
         location /relay/ {{ proxy_pass {origin}/; proxy_max_temp_file_size 0; }}\n\
         location = /refused {{ default_type application/json; return 403 '{body}'; }}\n\
         }}\n}}\n"
    )
}

/// A free port of the loopback. It is free until somebody takes it.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A free port below those that systems give away: apt-cacher-ng 3.7.4 takes
/// none above 32767, neither its own nor an archive's.
pub(crate) fn low_address() -> Result<SocketAddr> {
    let mut ports = (20_000..30_000).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let free = |address: &SocketAddr| TcpListener::bind(address).is_ok();
    ports.find(free).context("no free port")
}

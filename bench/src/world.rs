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
}

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
        };
        let used = ["wrk", "nginx", "docker-registry"];
        let versions = all.into_iter().filter(|(name, _)| used.contains(&name.as_str()));
        Ok((tools, versions.map(|(name, client)| (name, client.version)).collect()))
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

/// Everything that runs.
pub(crate) struct World {
    pub(crate) tools: Tools,
    /// Drives the registries.
    _runtime: Runtime,
    folder: TempDir,
    pub(crate) npm: Origin,
    pub(crate) registry: Registry,
    pub(crate) gateway: Process,
    pub(crate) address: SocketAddr,
    pub(crate) nginx: Process,
    pub(crate) nginx_address: SocketAddr,
}

impl World {
    /// Starts everything; the npm registry is filled by `fill`.
    pub(crate) fn start(tools: Tools, fill: impl FnOnce(&Origin)) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("weir-bench-").tempdir()?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let npm = runtime.block_on(Origin::start());
        fill(&npm);
        let registry = Registry::start(&tools.docker_registry, folder.path())?;
        let (gateway, address) = start_gateway(&tools, folder.path(), (&npm, &registry), 0)?;
        let refusal = client::send(address, &Ask::get(REFUSED), b"")?;
        if refusal.status != 403 {
            bail!("{REFUSED} is not refused but answered with {}", refusal.status);
        }
        let refusal = String::from_utf8(refusal.body)?;
        let (nginx, nginx_address) = start_nginx(&tools, folder.path(), &npm, &refusal)?;
        Ok(Self {
            tools,
            _runtime: runtime,
            folder,
            npm,
            registry,
            gateway,
            address,
            nginx,
            nginx_address,
        })
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
        let upstreams = (&self.npm, &self.registry);
        (self.gateway, self.address) = start_gateway(&self.tools, folder, upstreams, 0)?;
        let reply = client::send(self.address, ask, b"")?;
        if reply.status != 200 {
            bail!("{}: {} after a restart", ask.path, reply.status);
        }
        Ok(began.elapsed())
    }
}

/// The file that the rules withhold.
pub(crate) const REFUSED: &str = "/npm/banned/-/banned-1.0.0.tgz";

fn start_gateway(
    tools: &Tools,
    folder: &Path,
    (npm, registry): (&Origin, &Registry),
    port: u16,
) -> Result<(Process, SocketAddr)> {
    let home = folder.join("gateway");
    std::fs::create_dir_all(&home)?;
    let config = home.join("weir.toml");
    let addresses =
        format!("[upstream]\nnpm = {:?}\ncontainer = \"http://{}\"\n", npm.url(), registry.address);
    std::fs::write(&config, addresses + RULES)?;
    let mut command = Command::new(&tools.gateway);
    command.current_dir(&home).env_clear().env("HOME", &home).env("PATH", "/usr/bin:/bin");
    command.arg("serve").arg("--config").arg(&config).arg("--data-dir").arg(home.join("data"));
    command.args(["--listen", &format!("127.0.0.1:{port}")]);
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

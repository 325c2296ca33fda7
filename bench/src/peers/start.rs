//! How each peer is started before a registry.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;

use crate::client::{self, Ask};
use crate::process::Process;
use crate::world::{self, World, free_address};

/// A peer that runs.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    /// What its paths begin with.
    pub(crate) base: String,
}

impl Peer {
    fn start(
        (name, base): (&'static str, String),
        (mut command, home): (Command, &Path),
        address: SocketAddr,
    ) -> Result<Self> {
        command.current_dir(home).env("HOME", home);
        let mut process = Process::start(command, &home.join("log"))?;
        process.wait_for(|_| TcpStream::connect(address).ok())?;
        Ok(Self { name, process, address, base })
    }
}

/// Verdaccio's configuration file: <https://verdaccio.org/docs/configuration>.
pub(crate) fn verdaccio(world: &World) -> Result<Peer> {
    let (home, address) = (world.room("verdaccio")?, free_address()?);
    let settings = json!({
        "storage": home.join("store"),
        "uplinks": { "npm": { "url": world.origins.npm.url(), "maxage": "1h" } },
        "packages": { "**": { "access": "$all", "proxy": "npm" } },
        "log": { "type": "stdout", "level": "fatal" },
    });
    // YAML is a superset of JSON.
    let config = home.join("config.yaml");
    std::fs::write(&config, settings.to_string())?;
    let mut command = world.tools.command("verdaccio")?;
    command.arg("--config").arg(config).args(["--listen", &address.to_string()]);
    command.env("NODE_ENV", "production");
    Peer::start(("Verdaccio", String::new()), (command, &home), address)
}

/// NORA takes its settings from the environment.
pub(crate) fn nora(world: &World) -> Result<Peer> {
    let (home, address) = (world.room("nora")?, free_address()?);
    let mut command = world.tools.command("nora")?;
    command.arg("serve").env("NORA_STORAGE_PATH", home.join("store"));
    command.env("NORA_HOST", "127.0.0.1").env("NORA_PORT", address.port().to_string());
    command.env("NORA_PUBLIC_URL", format!("http://{address}"));
    command.env("NORA_NPM_PROXY", world.origins.npm.url()).env("NORA_RATE_LIMIT_ENABLED", "false");
    command.env("RUST_LOG", "error");
    Peer::start(("NORA", "/npm".to_owned()), (command, &home), address)
}

/// devpi, with a mirror index that is made over its web interface:
/// <https://devpi.net/docs/devpi/devpi/stable/+d/userman/devpi_indices.html>.
pub(crate) fn devpi(world: &World) -> Result<Peer> {
    let (home, address) = (world.room("devpi")?, free_address()?);
    let server = world.tools.command("devpi")?;
    let mut init = Command::new(Path::new(server.get_program()).with_file_name("devpi-init"));
    init.arg("--serverdir").arg(home.join("store"));
    let initialised = init.env("HOME", &home).output()?;
    if !initialised.status.success() {
        bail!("devpi-init: {}", String::from_utf8_lossy(&initialised.stderr));
    }
    let mut command = server;
    command.arg("--serverdir").arg(home.join("store")).args(["--host", "127.0.0.1"]);
    command.args(["--port", &address.port().to_string()]);
    let peer = Peer::start(("devpi", "/bench/mirror".to_owned()), (command, &home), address)?;
    call(address, ("PUT", "/bench"), &json!({ "password": "bench" }), None)?;
    let login = json!({ "user": "bench", "password": "bench" });
    let token = call(address, ("POST", "/+login"), &login, None)?;
    let token = token["result"]["password"].as_str().unwrap_or_default();
    let index = json!({
        "type": "mirror",
        "mirror_url": format!("{}/simple/", world.origins.pypi.url()),
        "mirror_cache_expiry": 3600,
    });
    let authorization = BASE64.encode(format!("bench:{token}"));
    call(address, ("PUT", &peer.base), &index, Some(authorization))?;
    Ok(peer)
}

fn call(
    address: SocketAddr,
    (method, path): (&'static str, &str),
    body: &serde_json::Value,
    authorization: Option<String>,
) -> Result<serde_json::Value> {
    let mut ask = Ask { method, ..Ask::get(path) }.with("Content-Type", "application/json");
    ask = ask.with("Accept", "application/json");
    if let Some(authorization) = authorization {
        ask = ask.with("X-Devpi-Auth", authorization);
    }
    let reply = client::send(address, &ask, body.to_string().as_bytes())?;
    if reply.status >= 300 {
        bail!("{method} {path}: {}: {}", reply.status, String::from_utf8_lossy(&reply.body));
    }
    reply.json()
}

/// apt-cacher-ng (`apt-cacher-ng(8)`) takes the archive's host as the first component of a path.
pub(crate) fn apt_cacher_ng(world: &World) -> Result<Peer> {
    let (home, address) = (world.room("apt-cacher-ng")?, world::low_address()?);
    for folder in ["config", "cache", "logs"] {
        std::fs::create_dir_all(home.join(folder))?;
    }
    let settings = format!(
        "Port: {}\nBindAddress: 127.0.0.1\nCacheDir: {}\nLogDir: {}\nForeGround: 1\n\
         AllowUserPorts: 0\nVerboseLog: 0\n",
        address.port(),
        home.join("cache").display(),
        home.join("logs").display()
    );
    std::fs::write(home.join("config/acng.conf"), settings)?;
    let mut command = world.tools.command("apt-cacher-ng")?;
    command.arg("-c").arg(home.join("config"));
    let archive = world.origins.debian.url();
    let host = archive.trim_start_matches("http://").trim_end_matches('/');
    Peer::start(("apt-cacher-ng", format!("/{host}")), (command, &home), address)
}

//! Debian's `docker-registry`: upstream of the gateway's images, and its peer.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::json;
use weir_core::{Algorithm, Digest};

use crate::client::{self, Ask};
use crate::process::Process;
use crate::{fixtures, world};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The one image.
pub(crate) const IMAGE: &str = "bench/image";
/// Its tag.
pub(crate) const TAG: &str = "1.0.0";

/// The registry with one image of one layer.
pub(crate) struct Registry {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    /// The digest of the layer of 1 MiB.
    pub(crate) layer: String,
}

impl Registry {
    /// Starts it with its store below `folder`, and publishes the image.
    pub(crate) fn start(program: &Path, folder: &Path) -> Result<Self> {
        let home = folder.join("docker-registry");
        std::fs::create_dir_all(&home)?;
        let address = world::free_address()?;
        let settings = json!({
            "version": "0.1",
            "log": { "level": "error", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": home.join("store") } },
            "http": { "addr": address },
        });
        let config = home.join("registry.yml");
        // YAML is a superset of JSON.
        std::fs::write(&config, settings.to_string())?;
        let mut command = Command::new(program);
        command.arg("serve").arg(&config).env_clear().current_dir(&home);
        let mut process = Process::start(command, &home.join("registry.log"))?;
        process.wait_for(|_| std::net::TcpStream::connect(address).ok())?;
        let layer = publish(address)?;
        Ok(Self { process, address, layer })
    }
}

fn publish(address: SocketAddr) -> Result<String> {
    let layer = fixtures::noise(1 << 20, 7);
    let config = json!({
        "architecture": "amd64", "os": "linux", "created": fixtures::day(-400), "config": {},
        "rootfs": { "type": "layers", "diff_ids": [sha256(&layer)] },
    });
    let config = config.to_string();
    upload(address, &layer)?;
    upload(address, config.as_bytes())?;
    let piece = |media: &str, bytes: &[u8]| json!({ "mediaType": media, "digest": sha256(bytes), "size": bytes.len() });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": piece("application/vnd.oci.image.config.v1+json", config.as_bytes()),
        "layers": [piece("application/vnd.oci.image.layer.v1.tar+gzip", &layer)],
    });
    let put = Ask { method: "PUT", ..Ask::get(format!("/v2/{IMAGE}/manifests/{TAG}")) };
    expect(address, &put.with("Content-Type", MANIFEST), manifest.to_string().as_bytes(), 201)?;
    Ok(sha256(&layer))
}

/// Uploads a blob in one piece (OCI Distribution Specification, "Pushing a blob monolithically").
fn upload(address: SocketAddr, bytes: &[u8]) -> Result<()> {
    let post = Ask { method: "POST", ..Ask::get(format!("/v2/{IMAGE}/blobs/uploads/")) };
    let place = expect(address, &post, b"", 202)?;
    let place = place.header("location").context("no place to upload to")?.to_owned();
    let path = place.splitn(4, '/').nth(3).context("a strange place to upload to")?;
    let path = format!("/{path}&digest={}", sha256(bytes).replace(':', "%3A"));
    let put = Ask { method: "PUT", ..Ask::get(path) };
    expect(address, &put.with("Content-Type", "application/octet-stream"), bytes, 201).map(drop)
}

fn expect(address: SocketAddr, ask: &Ask, body: &[u8], status: u16) -> Result<client::Reply> {
    let reply = client::send(address, ask, body)?;
    if reply.status != status {
        bail!("{} {}: {} where {status} was expected", ask.method, ask.path, reply.status);
    }
    Ok(reply)
}

fn sha256(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, bytes).to_string()
}

//! Debian's `docker-registry` as a process, with what tests publish in it.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use weir_testkit::origin::{Image, Piece, image_index};

use crate::harness::{Client, client};

/// The registry; it is ended when this value goes.
pub(super) struct Registry {
    child: Child,
    log: PathBuf,
    skopeo: Client,
    pub(super) address: SocketAddr,
}

impl Registry {
    /// Starts it on a free port with its store below `folder`. `None` where it, or skopeo, which
    /// fills it, is not installed.
    pub(super) fn start(folder: &Path) -> Option<Self> {
        let (server, skopeo) = (client("docker-registry")?, client("skopeo")?);
        let settings = json!({
            "version": "0.1",
            "storage": { "filesystem": { "rootdirectory": folder.join("store") } },
            "http": { "addr": "127.0.0.1:0" },
        });
        let file = folder.join("registry.yml");
        // YAML is a superset of JSON.
        std::fs::write(&file, settings.to_string()).unwrap();
        let log = folder.join("registry.log");
        let stream = File::create(&log).unwrap();
        let mut command = Command::new(&server.program[0]);
        command.arg("serve").arg(&file).env_clear().stdin(Stdio::null());
        let child = command.stdout(stream.try_clone().unwrap()).stderr(stream).spawn().unwrap();
        let mut registry = Self { child, log, skopeo, address: ([127, 0, 0, 1], 0).into() };
        registry.address = registry.ready();
        Some(registry)
    }

    fn ready(&mut self) -> SocketAddr {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let log = std::fs::read_to_string(&self.log).unwrap();
            if let Some((_, rest)) = log.split_once("listening on ") {
                let text = |c: char| c.is_ascii_digit() || ".:".contains(c);
                let address = rest.split(|c| !text(c)).next().unwrap_or_default();
                return address.parse().unwrap_or_else(|e| panic!("{address}: {e}"));
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "the registry:\n{log}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Publishes an image for two platforms.
    pub(super) fn publish(&self, folder: &Path, image: &Published) {
        let pieces = image.platforms.iter().flat_map(Image::pieces);
        self.push(folder, &format!("{}:{}", image.name, image.tag), pieces, &image.index);
    }

    /// Publishes an index under a name and tag, with the pieces that it consists of.
    pub(super) fn push<'p>(
        &self,
        folder: &Path,
        name: &str,
        pieces: impl Iterator<Item = &'p Piece>,
        index: &'p Piece,
    ) {
        let layout = folder.join(name.replace(['/', ':'], "-"));
        write_layout(&layout, pieces.chain([index]), index);
        let mut skopeo = Command::new(&self.skopeo.program[0]);
        let destination = format!("docker://{}/{name}", self.address);
        skopeo.args(["copy", "--quiet", "--all", "--insecure-policy", "--dest-tls-verify=false"]);
        skopeo.arg(format!("oci:{}:it", layout.display())).arg(destination);
        let output = skopeo.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Writes an OCI image layout (Image Layout Specification 1.0) with this index under the name `it`.
fn write_layout<'p>(folder: &Path, pieces: impl Iterator<Item = &'p Piece>, index: &'p Piece) {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    for piece in pieces {
        let hex = piece.digest.strip_prefix("sha256:").unwrap();
        std::fs::write(blobs.join(hex), &piece.bytes).unwrap();
    }
    let mut entry = index.descriptor();
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": "it" });
    let index = json!({ "schemaVersion": 2, "manifests": [entry] }).to_string();
    std::fs::write(folder.join("index.json"), index).unwrap();
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An image for amd64 and arm64: a layer that both share, and one of each.
pub(super) struct Published {
    name: String,
    tag: String,
    platforms: [Image; 2],
    index: Piece,
}

impl Published {
    /// An image that says that it was made then (RFC 3339).
    pub(super) fn new(name: &str, tag: &str, created: &str) -> Self {
        Self::of(name, tag, created, &format!("{name} {tag}\n").repeat(1000))
    }

    /// An old image with this text in the layer that both platforms share.
    pub(super) fn large(name: &str, tag: &str, text: &str) -> Self {
        Self::of(name, tag, "2025-01-01T00:00:00Z", text)
    }

    fn of(name: &str, tag: &str, created: &str, shared: &str) -> Self {
        let platforms = ["amd64", "arm64"].map(|arch| Image::new(arch, created, &[shared, arch]));
        let index = image_index(&[&platforms[0], &platforms[1]]);
        Self { name: name.to_owned(), tag: tag.to_owned(), platforms, index }
    }

    /// The layer that both platforms share.
    pub(super) fn layer(&self) -> &Piece {
        &self.platforms[0].layers[0]
    }

    /// The digest of the manifest for an architecture.
    pub(super) fn digest_for(&self, architecture: &str) -> &str {
        let at = usize::from(architecture == "arm64");
        self.platforms[at].digest()
    }

    /// The path of that layer below a registry.
    pub(super) fn layer_path(&self) -> String {
        format!("v2/{}/blobs/{}", self.name, self.layer().digest)
    }

    /// The index of both platforms.
    pub(super) fn index(&self) -> &Piece {
        &self.index
    }
}

//! A gateway before container registries, and the folders of one client.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use tokio::runtime::Runtime;
use weir_testkit::origin::{Origin, TokenService, registry_behind};

use super::registry::{Published, Registry};
use crate::harness::{Gateway, Start};

/// The log-in of the registry with tokens.
const USER: &str = "sa$ci";
const PASSWORD: &str = "s3cret";

/// Withholds what is younger than ten days, and one repository.
const STRICT: &str = r#"
[cooldown]
default = "10d"

[[policy.rules]]
name = "no-banned"
effect = "deny"
purl = "pkg:oci/demo/banned"
reason = "its author's account was stolen"
"#;

/// When an old image says that it was made.
pub(super) const OLD: &str = "2025-01-01T00:00:00Z";

/// A registry with tokens as the default, the same one without tokens as `plain`, and a gateway
/// before both. The registry holds `demo/hello` in two versions, of which 1.2.0 is two days old,
/// and `demo/banned`.
pub(super) struct Images {
    runtime: Runtime,
    folder: TempDir,
    pub(super) registry: Registry,
    /// The way to the registry for those who have a token.
    pub(super) front: Origin,
    pub(super) tokens: TokenService,
    /// The way to the registry for everybody.
    pub(super) open: Origin,
    /// `demo/hello:1.2.0`.
    pub(super) new: Published,
    gateway: Option<Gateway>,
    strict: bool,
    /// What else is configured.
    more: String,
    offline: bool,
    password: &'static str,
}

impl Images {
    /// `None` where a program of the registry is not installed.
    pub(super) fn new() -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("weir-e2e-").tempdir().unwrap();
        let registry = Registry::start(folder.path())?;
        let recent = (OffsetDateTime::now_utc() - Duration::days(2)).truncate_to_second();
        let recent = recent.format(&Rfc3339).unwrap();
        let new = Published::new("demo/hello", "1.2.0", &recent);
        let layouts = folder.path().join("layouts");
        registry.publish(&layouts, &new);
        registry.publish(&layouts, &Published::new("demo/hello", "1.0.0", OLD));
        registry.publish(&layouts, &Published::new("demo/banned", "1.0.0", OLD));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (front, open, tokens) = runtime.block_on(async {
            let login = Some((USER, PASSWORD));
            (Origin::start().await, Origin::start().await, TokenService::start(login).await)
        });
        registry_behind(&front, registry.address, Some(&tokens));
        registry_behind(&open, registry.address, None);
        let (gateway, strict, offline, password) = (None, false, false, PASSWORD);
        let mut images = Self {
            runtime,
            folder,
            registry,
            front,
            tokens,
            open,
            new,
            gateway,
            strict,
            more: String::new(),
            offline,
            password,
        };
        images.start(0);
        Some(images)
    }

    /// The name of an image as clients of the gateway spell it.
    pub(super) fn name(&self, image: &str) -> String {
        format!("127.0.0.1:{}/{image}", self.gateway.as_ref().unwrap().port)
    }

    /// Withholds what [`STRICT`] withholds, from now on, at the same address with the same cache.
    pub(super) fn strict(&mut self) {
        self.strict = true;
        self.restart();
    }

    /// Withholds what this package URL names from now on, because it does not start.
    pub(super) fn deny(&mut self, purl: &str) {
        self.with(&format!(
            "[[policy.rules]]\nname = \"no-such\"\neffect = \"deny\"\npurl = {purl:?}\n\
             reason = \"it does not start\"\n"
        ));
    }

    /// Configures more, at the same address with the same cache.
    pub(super) fn with(&mut self, more: &str) {
        self.more.push_str(more);
        self.restart();
    }

    /// Publishes an old image for two platforms beside the others.
    pub(super) fn publish(&self, name: &str, tag: &str) -> Published {
        let image = Published::new(name, tag, OLD);
        self.registry.publish(&self.layouts(), &image);
        image
    }

    /// Where images stand before they are pushed.
    pub(super) fn layouts(&self) -> PathBuf {
        self.folder.path().join("layouts")
    }

    /// Opens no connection from now on, at the same address with the same cache.
    pub(super) fn offline(&mut self) {
        self.offline = true;
        self.restart();
    }

    /// The gateway has an old password of the registry.
    pub(super) fn lose_password(&mut self) {
        self.password = "changed";
        self.restart();
    }

    /// The registries go away.
    pub(super) fn stop_upstreams(&self) {
        self.front.stop();
        self.open.stop();
        self.tokens.stop();
        // The listening sockets close when their tasks are dropped.
        self.runtime.block_on(tokio::task::yield_now());
    }

    fn restart(&mut self) {
        let mut gateway = self.gateway.take().unwrap();
        gateway.stop();
        self.start(gateway.port);
    }

    fn start(&mut self, port: u16) {
        let folder = self.folder.path().join("gateway");
        std::fs::create_dir_all(&folder).unwrap();
        let start =
            Start { config: self.config(), port, offline: self.offline, ..Start::default() };
        self.gateway = Some(Gateway::start(&folder, &start));
    }

    fn config(&self) -> String {
        let addresses = format!(
            "[upstream.container]\naddress = {:?}\ntoken_realms = [{:?}]\n\
             stands_for = [\"docker.io\"]\n\
             credentials = {{ user = {USER:?}, password = {:?} }}\n\
             [registries.plain]\necosystem = \"container\"\nupstream = {:?}\n",
            self.front.url(),
            self.tokens.address().to_string(),
            self.password,
            self.open.url(),
        );
        addresses + if self.strict { STRICT } else { "" } + &self.more
    }

    /// A folder of containerd's settings in which the gateway stands for a registry.
    pub(super) fn mirrors(&self, registry: &str) -> String {
        let hosts = self.folder.path().join("hosts");
        std::fs::create_dir_all(hosts.join(registry)).unwrap();
        let settings = format!(
            "server = \"https://registry.example\"\n[host.\"http://127.0.0.1:{}\"]\n\
             capabilities = [\"pull\", \"resolve\"]\n",
            self.gateway.as_ref().unwrap().port
        );
        std::fs::write(hosts.join(registry).join("hosts.toml"), settings).unwrap();
        hosts.to_string_lossy().into_owned()
    }

    /// The folder of everything.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The client's home.
    pub(super) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Whether the gateway's store holds a file with this in its name.
    pub(super) fn stores(&self, name: &str) -> bool {
        holds(&self.folder.path().join("gateway/data"), name)
    }

    /// What the gateway's page of metrics says.
    pub(super) fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }
}

fn holds(folder: &Path, name: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        entry.file_name().to_string_lossy().contains(name) || (path.is_dir() && holds(&path, name))
    })
}

//! Bad days, one at a time: the gateway as a process before one registry.
#![expect(clippy::unwrap_used, reason = "a machine that cannot be prepared fails the test")]

mod clients;
mod database;
mod disk;
mod eviction;
mod process;
mod s3;

use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use weir_chaos::{Ask, End, Got, ask};
use weir_testkit::origin::{BuiltFile, NpmStyle, Origin, Package, PackageRelease, npm_registry};
use weir_testkit::process::{Gateway, Start};

/// A gateway before a registry with `small` and `heavy` in versions 1.0.0 and 1.1.0.
struct Day {
    folder: TempDir,
    origin: Origin,
    files: Vec<BuiltFile>,
    start: Start,
    gateway: Option<Gateway>,
}

/// Bytes of `heavy`, at least.
const HEAVY: usize = 8 << 20;

impl Day {
    /// Everything but the gateway.
    async fn prepared(config: &str) -> Self {
        let package = |name: &str, ballast| {
            let heavy = |release| PackageRelease { ballast, ..release };
            let date = "2025-01-01T00:00:00Z";
            Package::new(name).release_with("1.0.0", date, heavy).release_with("1.1.0", date, heavy)
        };
        let packages = [package("small", 100), package("heavy", HEAVY)];
        Self::with(config, &packages).await
    }

    /// The same with other packages.
    async fn with(config: &str, packages: &[Package]) -> Self {
        let origin = Origin::start().await;
        let files = npm_registry(&origin, packages, &NpmStyle::default());
        let config = format!("{config}\n[upstream]\nnpm = {:?}\n", origin.url());
        let start = Start { config, ..Start::default() };
        Self { folder: tempfile::tempdir().unwrap(), origin, files, start, gateway: None }
    }

    async fn begun(config: &str) -> Self {
        let mut day = Self::prepared(config).await;
        day.begin();
        day
    }

    fn begin(&mut self) {
        self.gateway = Some(Gateway::start(self.folder.path(), &self.start));
    }

    fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    fn file(&self, name: &str, version: &str) -> &BuiltFile {
        self.files.iter().find(|file| file.name == name && file.version == version).unwrap()
    }

    async fn get(&self, path: &str) -> Got {
        ask(self.gateway().port, &Ask::get(path)).await.unwrap()
    }

    /// Waits until it says that it is well.
    async fn is_ready_again(&self) {
        let until = Instant::now() + Duration::from_mins(1);
        while self.get("/health/ready").await.status != 200 {
            assert!(Instant::now() < until, "it stays unhealthy");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Whether a file comes whole and right.
    async fn serves(&self, name: &str, version: &str) -> bool {
        let file = self.file(name, version);
        let got = self.get(&format!("/npm/{}", file.path)).await;
        got.status == 200 && got.end == End::Whole && got.body == file.bytes
    }
}

/// Clients that ask for a path and have room for a few KiB of the answer each.
async fn slow_readers(day: &Day, path: &str, count: usize) -> Vec<TcpStream> {
    let mut readers = Vec::new();
    for _ in 0..count {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(([127, 0, 0, 1], day.gateway().port).into()).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        readers.push(stream);
    }
    readers
}

/// Whether an answer is an error that says so, and when to come back.
fn is_honest(got: &Got) -> bool {
    let later = got.header("retry-after").is_some() || got.status != 503;
    got.status >= 500 && got.header("x-weir-reason").is_some() && later
}

//! The gateway as a process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::{target, variable};

/// How to start it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Start {
    /// The content of its configuration file.
    pub(crate) config: String,
    /// The port; 0 takes a free one.
    pub(crate) port: u16,
    pub(crate) offline: bool,
    /// Variables of its environment.
    pub(crate) env: Vec<(String, String)>,
    /// Whether it sees this machine's environment, to discover addresses.
    pub(crate) discovers: bool,
}

/// A gateway that runs; it is ended when this value goes.
pub(crate) struct Gateway {
    child: Child,
    pub(crate) port: u16,
    log: PathBuf,
}

impl Gateway {
    /// Starts it with its data in `folder` and waits until it is ready.
    pub(crate) fn start(folder: &Path, start: &Start) -> Self {
        let config = folder.join("weir.toml");
        std::fs::write(&config, &start.config).unwrap();
        let log = folder.join("weir.log");
        let stream = File::create(&log).unwrap();
        let mut command = command(folder, start.discovers);
        command.arg("serve").arg("--config").arg(&config);
        command.arg("--data-dir").arg(folder.join("data"));
        command.args(["--listen", &format!("127.0.0.1:{}", start.port)]);
        command.args(start.offline.then_some("--offline"));
        command.envs(start.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(stream.try_clone().unwrap()).stderr(stream);
        let child = command.spawn().unwrap();
        let mut gateway = Self { child, port: 0, log };
        gateway.port = gateway.ready();
        gateway
    }

    /// Its address without trailing slash.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned()
    }

    /// Ends it as an operator would.
    pub(crate) fn stop(&mut self) {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                panic!("the gateway does not stop:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the line that holds its address.
    fn ready(&mut self) -> u16 {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let log = self.log();
            if let Some(port) = announced(&log) {
                return port;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the gateway ended:\n{log}");
            assert!(Instant::now() < deadline, "the gateway is not ready:\n{log}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The port in `weir is ready listen="127.0.0.1:PORT"`.
fn announced(log: &str) -> Option<u16> {
    let line = log.lines().find(|line| line.contains("weir is ready"))?;
    let (_, after) = line.split_once("127.0.0.1:")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The gateway's program with a home of its own.
pub(crate) fn command(folder: &Path, discovers: bool) -> Command {
    let mut command = Command::new(binary());
    if !discovers {
        let home = folder.join("gateway-home");
        std::fs::create_dir_all(&home).unwrap();
        command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin");
    }
    command.current_dir(folder);
    command
}

/// The program: that of `WEIR_TEST_BINARY`, or the one that cargo builds beside this test.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match variable("WEIR_TEST_BINARY") {
        Some(path) => PathBuf::from(path),
        None => build(),
    })
}

fn build() -> PathBuf {
    let cargo = variable("CARGO").unwrap_or_else(|| "cargo".to_owned());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut command = Command::new(cargo);
    command.current_dir(root).args(["build", "--quiet", "--package", "weir", "--bin", "weir"]);
    let status = command.arg("--target-dir").arg(target()).status().unwrap();
    assert!(status.success(), "the gateway does not build; or name one in WEIR_TEST_BINARY");
    target().join("debug/weir")
}

//! The gateway as a process: started, watched, ended well or badly.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How to start it.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The content of its configuration file.
    pub config: String,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// Whether it opens no connection.
    pub offline: bool,
    /// Variables of its environment.
    pub env: Vec<(String, String)>,
    /// Whether it sees this machine's environment, to discover addresses.
    pub discovers: bool,
    /// Lines for a shell that becomes the gateway afterwards, such as limits of the process.
    pub before: String,
}

/// A gateway that runs; it is ended when this value goes.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    /// The port that it listens on.
    pub port: u16,
    log: PathBuf,
    /// Where its part of the log begins.
    begin: u64,
}

impl Gateway {
    /// Starts it with its data in `folder` and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready: with its log.
    pub fn start(folder: &Path, start: &Start) -> Self {
        Self::try_start(folder, start).unwrap_or_else(|log| panic!("not ready:\n{log}"))
    }

    /// Starts it and waits until it is ready. The error is its log.
    ///
    /// # Panics
    /// When the folder takes no file.
    pub fn try_start(folder: &Path, start: &Start) -> Result<Self, String> {
        let config = folder.join("weir.toml");
        said(std::fs::write(&config, &start.config));
        let log = folder.join("weir.log");
        let stream = said(File::options().create(true).append(true).open(&log));
        let begin = said(stream.metadata()).len();
        let mut command = command_after(&start.before, folder, start.discovers);
        command.arg("serve").arg("--config").arg(&config);
        command.arg("--data-dir").arg(folder.join("data"));
        command.args(["--listen", &format!("127.0.0.1:{}", start.port)]);
        command.args(start.offline.then_some("--offline"));
        command.envs(start.env.iter().map(|(name, value)| (name, value)));
        let second = said(stream.try_clone());
        command.stdin(Stdio::null()).stdout(second).stderr(stream);
        let child = said(command.spawn());
        let mut gateway = Self { child, port: 0, log, begin };
        gateway.port = gateway.ready()?;
        Ok(gateway)
    }

    /// Its address without trailing slash.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it logged so far.
    ///
    /// # Panics
    /// When the log is gone.
    pub fn log(&self) -> String {
        let all = said(std::fs::read(&self.log));
        let own = all.get(usize::try_from(self.begin).unwrap_or(0)..).unwrap_or_default();
        String::from_utf8_lossy(own).into_owned()
    }

    /// Its anonymous memory in bytes (proc(5), `RssAnon`); `None` where the system does not say.
    pub fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it as an operator would.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(&mut self) {
        let id = self.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.is_running() {
            if Instant::now() > deadline {
                self.kill();
                panic!("the gateway does not stop:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it at once, in the midst of whatever it does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for the line that holds its address, behind those of earlier processes.
    fn ready(&mut self) -> Result<u16, String> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let ended = !self.is_running();
            let log = self.log();
            if let Some(port) = announced(&log) {
                return Ok(port);
            }
            if ended || Instant::now() > deadline {
                return Err(log);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The port in `weir is ready listen="127.0.0.1:PORT"`, once the log says so.
pub fn announced(log: &str) -> Option<u16> {
    let line = log.lines().find(|line| line.contains("weir is ready"))?;
    let (_, after) = line.split_once("127.0.0.1:")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The gateway's program with a home of its own, or with this machine's environment.
///
/// # Panics
/// When the folder takes no home.
pub fn command(folder: &Path, discovers: bool) -> Command {
    command_after("", folder, discovers)
}

fn command_after(before: &str, folder: &Path, discovers: bool) -> Command {
    let mut command = if before.is_empty() {
        Command::new(binary())
    } else {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(format!("{before}\nexec \"$0\" \"$@\"")).arg(binary());
        shell
    };
    if !discovers {
        let home = folder.join("gateway-home");
        said(std::fs::create_dir_all(&home));
        command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin");
    }
    command.current_dir(folder);
    command
}

/// The program: that of `WEIR_TEST_BINARY`, or the one that cargo builds beside this test.
///
/// # Panics
/// When it does not build.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match variable("WEIR_TEST_BINARY") {
        Some(path) => PathBuf::from(path),
        None => build(),
    })
}

fn build() -> PathBuf {
    let cargo = variable("CARGO").unwrap_or_else(|| "cargo".to_owned());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(cargo);
    command.current_dir(root).args(["build", "--quiet", "--package", "weir", "--bin", "weir"]);
    let status = said(command.arg("--target-dir").arg(target()).status());
    assert!(status.success(), "the gateway does not build; or name one in WEIR_TEST_BINARY");
    target().join("debug/weir")
}

/// The target folder in which this program stands.
///
/// # Panics
/// When it stands in none.
pub fn target() -> PathBuf {
    let own = said(std::env::current_exe());
    // target/debug/deps/e2e-0123456789abcdef, or target/debug/chaos
    let profile = own.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    let target = profile.and_then(Path::parent);
    target.unwrap_or_else(|| panic!("{} is in no target folder", own.display())).to_owned()
}

/// An environment variable, `None` where it is unset or empty.
#[expect(clippy::disallowed_methods, reason = "tests ask where clients and the gateway are")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn said<T>(result: std::io::Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("this machine cannot run the gateway: {error}"))
}

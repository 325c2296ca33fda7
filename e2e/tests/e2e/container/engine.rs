//! containerd and Docker's engine, private to one test: no bridge, no packet filter, plain folders.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::client;

/// The time that a daemon has to listen.
const PATIENCE: Duration = Duration::from_mins(1);

/// Plugins that look at the machine.
const SETTINGS: &str = r#"version = 2
disabled_plugins = [
  "io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
"#;

/// Daemons that run; they are ended when this value goes, the last one first.
pub(super) struct Engine {
    daemons: Vec<Child>,
    folder: PathBuf,
}

impl Engine {
    /// Starts containerd. `None` where it is not installed; it is for root alone.
    pub(super) fn containerd(folder: &Path) -> Option<Self> {
        let containerd = client("containerd")?;
        let folder = folder.join("engine");
        std::fs::create_dir_all(&folder).unwrap();
        let mut engine = Self { daemons: Vec::new(), folder };
        let path = |name: &str| format!("{:?}", engine.path(name).to_string_lossy());
        let settings = format!(
            "{SETTINGS}root = {}\nstate = {}\n[grpc]\naddress = {}\n[ttrpc]\naddress = {}\n",
            path("root"),
            path("state"),
            path("c.sock"),
            path("t.sock"),
        );
        let file = engine.path("containerd.toml");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new(&containerd.program[0]);
        command.arg("--config").arg(file);
        engine.spawn(command, "c.sock");
        Some(engine)
    }

    /// Starts Docker's engine beside it.
    pub(super) fn docker(folder: &Path) -> Option<Self> {
        let dockerd = client("dockerd")?;
        let mut engine = Self::containerd(folder)?;
        let settings = engine.path("daemon.json");
        std::fs::write(&settings, "{}").unwrap();
        let mut command = Command::new(&dockerd.program[0]);
        command.args(["--iptables=false", "--ip6tables=false", "--ip-forward=false"]);
        command.args(["--ip-masq=false", "--bridge=none", "--userland-proxy=false"]);
        command.args(["--storage-driver=vfs", "--host", &engine.address()]);
        command.arg("--max-download-attempts=1");
        for (option, name) in [
            ("--config-file", "daemon.json"),
            ("--containerd", "c.sock"),
            ("--data-root", "docker"),
            ("--exec-root", "exec"),
            ("--pidfile", "docker.pid"),
        ] {
            command.arg(option).arg(engine.path(name));
        }
        engine.spawn(command, "d.sock");
        Some(engine)
    }

    /// Takes from Docker's engine the manifests that it keeps in containerd beyond its images.
    pub(super) fn forget_manifests(&self) {
        let Some(ctr) = client("ctr") else { return };
        let content = |arguments: &[&str]| {
            let mut ctr = Command::new(&ctr.program[0]);
            ctr.arg("--address").arg(self.socket()).args(["--namespace", "moby", "content"]);
            let output = ctr.args(arguments).output().unwrap();
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        for digest in content(&["ls", "--quiet"]).split_whitespace() {
            content(&["rm", digest]);
        }
        let left = content(&["ls", "--quiet"]);
        assert!(left.is_empty(), "Docker's engine keeps {left}");
    }

    /// The address of Docker's engine.
    pub(super) fn address(&self) -> String {
        format!("unix://{}", self.path("d.sock").display())
    }

    /// The socket of containerd.
    pub(super) fn socket(&self) -> PathBuf {
        self.path("c.sock")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn spawn(&mut self, mut command: Command, socket: &str) {
        let log = self.path(&format!("{socket}.log"));
        let stream = File::create(&log).unwrap();
        let beside = Path::new(command.get_program()).parent().unwrap().to_owned();
        let bin = beside.parent().unwrap().join("bin");
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display());
        command.env_clear().env("PATH", path).env("HOME", &self.folder).env("TMPDIR", &self.folder);
        command.stdin(Stdio::null()).stdout(stream.try_clone().unwrap()).stderr(stream);
        self.daemons.push(command.spawn().unwrap());
        let deadline = Instant::now() + PATIENCE;
        while std::os::unix::net::UnixStream::connect(self.path(socket)).is_err() {
            let ended = self.daemons.last_mut().unwrap().try_wait().unwrap();
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < deadline, "{socket}:\n{}", said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        while let Some(mut daemon) = self.daemons.pop() {
            // Gently: Docker's engine unmounts what it has mounted.
            let id = daemon.id().to_string();
            let _ = Command::new("kill").args(["-TERM", &id]).status();
            let deadline = Instant::now() + Duration::from_secs(10);
            while daemon.try_wait().is_ok_and(|ended| ended.is_none()) {
                if Instant::now() > deadline {
                    let _ = daemon.kill();
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

//! A home folder with nothing in it, and the program run in it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use weir_testkit::origin::{NpmStyle, Origin, Package, npm_registry};
use weir_testkit::process::announced;

/// The one tarball of [`registry`] that its rules let pass.
pub(crate) const TARBALL: &str = "/npm/lodash/-/lodash-4.17.21.tgz";

/// A user's home for one test.
pub(crate) struct Home {
    dir: tempfile::TempDir,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: Option<i32>,
}

impl Said {
    /// The result of a command that succeeded.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    pub(crate) fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.ok()).unwrap()
    }
}

impl Home {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("project")).unwrap();
        Self { dir }
    }

    /// A path below the home folder.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    pub(crate) fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap()
    }

    /// The program with these arguments, in the folder `project` of the home folder. No client is
    /// found on its `PATH`.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        command.env_clear().env("HOME", self.dir.path()).env("PATH", self.path("bin"));
        command.current_dir(self.path("project")).args(args).stdin(Stdio::null());
        command
    }

    pub(crate) fn weir(&self, args: &[&str]) -> Said {
        let output = self.command(args).output().unwrap();
        let home = self.dir.path().to_str().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().replace(home, "~");
        Said { out: text(&output.stdout), err: text(&output.stderr), code: output.status.code() }
    }

    /// What a command shows on a terminal of its own; `None` without script(1), which has one to lend.
    pub(crate) fn on_a_terminal(&self, arguments: &str) -> Option<String> {
        let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_weir"));
        let mut script = Command::new("/usr/bin/script");
        script.env_clear().env("HOME", self.dir.path()).env("SHELL", "/bin/sh");
        script.current_dir(self.path("project")).stdin(Stdio::null());
        let output = script.args(["-qec", &line, "/dev/null"]).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Starts `serve` on a free port and waits until it is ready.
    pub(crate) fn serve(&self, upstream: &str) -> Serving {
        self.serve_with(upstream, "")
    }

    /// The same with more lines in front of its configuration's tables.
    pub(crate) fn serve_with(&self, upstream: &str, more: &str) -> Serving {
        self.write(
            "project/weir.toml",
            &format!(
                "listen = \"127.0.0.1:0\"\n{more}\n[upstream]\nnpm = \"{upstream}\"\n[[policy.rules]]\n\
                 name = \"no-left-pad\"\neffect = \"deny\"\npurl = \"pkg:npm/left-pad\"\n\
                 reason = \"removed by its author\"\n"
            ),
        );
        let log = fs::File::create(self.path("serve.log")).unwrap();
        let mut command = self.command(&["serve"]);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let mut serving = Serving { child: command.spawn().unwrap(), listen: String::new() };
        let mut port = None;
        until("it did not start", || {
            port = announced(&self.read("serve.log"));
            port.is_some()
        });
        serving.listen = format!("127.0.0.1:{}", port.unwrap());
        serving
    }

    /// A gateway that stored the tarball at [`TARBALL`] and was ended, with its registry and the
    /// length of the tarball.
    pub(crate) fn holding_a_tarball(&self) -> (Origin, usize) {
        let origin = registry();
        let serving = self.serve(&origin.url());
        let length = serving.download(TARBALL);
        serving.stop();
        (origin, length)
    }
}

/// A registry that answers for as long as the tests run.
pub(crate) fn registry() -> Origin {
    let runtime = Box::leak(Box::new(tokio::runtime::Runtime::new().unwrap()));
    let origin = runtime.block_on(Origin::start());
    let old = "2020-01-01T00:00:00Z";
    let packages = [
        Package::new("left-pad").release("1.0.0", old),
        Package::new("lodash").release("4.17.21", old),
    ];
    npm_registry(&origin, &packages, &NpmStyle::default());
    origin
}

/// Looks until something is there.
pub(crate) fn until(what: &str, mut there: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !there() {
        assert!(begun.elapsed() < Duration::from_mins(1), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A running gateway; ends with the value.
pub(crate) struct Serving {
    child: Child,
    pub(crate) listen: String,
}

impl Serving {
    /// The whole answer to a GET, head included; `None` when nothing listens.
    pub(crate) fn get(&self, path: &str) -> Option<String> {
        self.ask("GET", path, "")
    }

    /// The same for any method, with more lines in its head.
    pub(crate) fn ask(&self, method: &str, path: &str, more: &str) -> Option<String> {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(&self.listen).ok()?;
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: w\r\nConnection: close\r\n{more}\r\n");
        stream.write_all(head.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// The length of the body of a GET.
    pub(crate) fn download(&self, path: &str) -> usize {
        let answer = self.attempt(path);
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| answer.len() - at - 4)
    }

    /// What came in answer to a GET until the connection ended.
    pub(crate) fn attempt(&self, path: &str) -> Vec<u8> {
        use std::io::{Read as _, Write as _};
        let mut answer = Vec::new();
        let Ok(mut stream) = std::net::TcpStream::connect(&self.listen) else { return answer };
        let head = format!("GET {path} HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n");
        if stream.write_all(head.as_bytes()).is_ok() {
            // What came before an error counts.
            let _ = stream.read_to_end(&mut answer);
        }
        answer
    }

    /// Ends it as an operator would, and waits for it.
    pub(crate) fn stop(mut self) {
        self.signal(rustix::process::Signal::TERM);
        assert!(self.child.wait().unwrap().success());
    }

    /// Has it look at its files again.
    pub(crate) fn hang_up(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    /// Tells it to end, without waiting.
    pub(crate) fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

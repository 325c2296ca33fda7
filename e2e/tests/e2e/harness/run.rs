//! One run of a program: its own environment, both streams in one text, and a time limit.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::binary;
use super::{Client, World, variable};

/// A run that is being prepared. The environment is empty but for what is said here.
pub(crate) struct Run {
    command: Command,
    limit: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) ok: bool,
    /// Standard output and error, as a terminal would show them.
    pub(crate) text: String,
}

impl Run {
    /// A client in its project, with a home of its own.
    pub(crate) fn client(client: &Client, world: &World) -> Self {
        let mut run = Self::of(client, &world.home(), &world.project());
        run.limit = world.limit();
        run
    }

    /// A client with this home in this folder.
    pub(crate) fn of(client: &Client, home: &Path, folder: &Path) -> Self {
        let mut run = Self::program(&client.program[0], home, folder);
        run.command.args(&client.program[1..]);
        run.limit = Duration::from_mins(2);
        run.env("PATH", &format!("{}:{}", client.folder().display(), system_path()))
    }

    /// A client below `weir run`, with a cache of its own and the world's registries and rules;
    /// it is told nothing else.
    pub(crate) fn below_weir(client: &Client, world: &World) -> Self {
        let mut run = Self::program(&binary().to_string_lossy(), &world.home(), &world.project());
        run.command.arg("run").arg("--config").arg(world.config_file());
        run.command.arg("--data-dir").arg(world.folder().join("run")).arg("--");
        run.command.args(&client.program);
        run.limit = world.limit();
        run.env("PATH", &format!("{}:{}", client.folder().display(), system_path()))
    }

    /// `weir` itself, with the client's home and the world's configuration behind its arguments.
    pub(crate) fn weir(world: &World, arguments: &[&str]) -> Self {
        let mut run = Self::program(&binary().to_string_lossy(), &world.home(), &world.project());
        run.command.args(arguments).arg("--config").arg(world.config_file());
        run.limit = world.limit();
        run
    }

    fn program(program: &str, home: &Path, folder: &Path) -> Self {
        std::fs::create_dir_all(home.join("tmp")).unwrap();
        std::fs::create_dir_all(folder).unwrap();
        let mut command = Command::new(program);
        command.env_clear().current_dir(folder).stdin(Stdio::null());
        let run = Self { command, limit: Duration::MAX };
        run.env("PATH", &system_path())
            .env("HOME", &home.to_string_lossy())
            .env("TMPDIR", &home.join("tmp").to_string_lossy())
            .env("LANG", "C.UTF-8")
            .env("NO_COLOR", "1")
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn path_env(self, name: &str, value: &Path) -> Self {
        self.env(name, &value.to_string_lossy())
    }

    /// Programs in this folder are found before others.
    pub(crate) fn path_first(self, folder: &Path) -> Self {
        let known = self.command.get_envs().find(|(name, _)| *name == "PATH");
        let known = known.and_then(|(_, value)| value).unwrap_or_default().to_string_lossy();
        let path = format!("{}:{known}", folder.display());
        self.env("PATH", &path)
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    /// Runs to the end. A run that takes too long is ended with its children, and fails.
    pub(crate) fn wait(mut self) -> Output {
        let log = tempfile::NamedTempFile::new().unwrap();
        let stream = || Stdio::from(File::options().append(true).open(log.path()).unwrap());
        self.command.stdout(stream()).stderr(stream()).process_group(0);
        let mut child = self
            .command
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", self.command.get_program().to_string_lossy()));
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if started.elapsed() > self.limit {
                let group = format!("-{}", child.id());
                let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
                let _ = child.wait();
                break None;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut text = String::from_utf8_lossy(&std::fs::read(log.path()).unwrap()).into_owned();
        if status.is_none() {
            text.push_str("\n(ended by the test's time limit)\n");
        }
        Output { ok: status.is_some_and(|status| status.success()), text }
    }
}

impl Output {
    /// Fails the test, with all that was printed, unless the run went well.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert!(self.ok, "the client failed:\n{}", self.text);
        self
    }

    /// Fails the test unless the run failed.
    #[track_caller]
    pub(crate) fn failed(self) -> Self {
        assert!(!self.ok, "the client did not fail:\n{}", self.text);
        self
    }

    /// The lines that hold one of these words, each once, without what differs from run to run.
    pub(crate) fn lines(&self, words: &[&str]) -> String {
        let mut lines: Vec<String> = Vec::new();
        // A port may hold a status: words are looked for in what stays.
        for line in self.text.lines().map(|line| redact(line.trim())) {
            if words.iter().any(|word| says(&line, word)) && !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines.join("\n")
    }
}

/// Whether a line holds a word. A status is one only where it stands by itself: process ids,
/// durations and the names of logs may hold the same digits.
fn says(line: &str, word: &str) -> bool {
    let status = word.bytes().all(|byte| byte.is_ascii_digit());
    // npm writes `E403`.
    let part = |next: Option<char>| next.is_some_and(|c| c.is_alphanumeric() && c != 'E');
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !status || !(part(before) || before == Some('.') || part(after))
    })
}

#[test]
fn a_status_is_one_only_where_it_stands_by_itself() {
    for line in ["npm ERR! code E403", "ERR_PNPM_FETCH_403  GET", "403: Forbidden", "is 403"] {
        assert!(says(line, "403"), "{line}");
    }
    for line in [
        "(node:5403) [DEP0060]",
        "in 0.403s",
        "took 0.403 s",
        "T04_42_11_403Z-debug.log",
        "sha256:1f403",
    ] {
        assert!(!says(line, "403"), "{line}");
    }
    assert!(says("it was yanked", "yank"));
}

/// Replaces ports and days.
fn redact(line: &str) -> String {
    line.split_inclusive([' ', '"', '(', ')', ',']).map(redact_word).collect()
}

fn redact_word(word: &str) -> String {
    let (body, end) = match word.char_indices().next_back() {
        Some((at, ' ' | '"' | '(' | ')' | ',')) => word.split_at(at),
        _ => (word, ""),
    };
    let bytes = body.as_bytes();
    let day = bytes.len() >= 10
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && bytes[..4].iter().all(u8::is_ascii_digit);
    let body = if day { format!("DATE{}", &body[10..]) } else { redact_address(body) };
    format!("{body}{end}")
}

fn redact_address(word: &str) -> String {
    let Some((before, after)) = word.split_once("127.0.0.1:") else { return word.to_owned() };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}127.0.0.1:PORT{rest}")
}

/// Where shells, compilers and `env` are.
fn system_path() -> String {
    variable("PATH").unwrap_or_else(|| "/usr/bin:/bin".to_owned())
}

/// A folder without its content.
pub(crate) fn empty(folder: &Path) -> PathBuf {
    if folder.exists() {
        std::fs::remove_dir_all(folder).unwrap();
    }
    std::fs::create_dir_all(folder).unwrap();
    folder.to_owned()
}

//! Asks the installed clients themselves, each in a thread, all within one deadline.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::settings::Repositories;
use crate::variables::sumdb;
use crate::{Env, Finding};

/// One question to one program.
pub(crate) struct Question {
    pub(crate) ecosystem: &'static str,
    pub(crate) program: &'static str,
    arguments: &'static [&'static str],
    /// Where the answer comes from, for people.
    source: &'static str,
    /// Finds the addresses in what was printed.
    read: fn(&str, &str) -> Vec<Finding>,
}

/// The repository named CRAN, else the first.
const REPOS: &str =
    "r <- getOption(\"repos\"); cat(if (\"CRAN\" %in% names(r)) r[[\"CRAN\"]] else r[[1]])";
const PIP: &str = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";

/// Every question, those of this project's own ecosystems first.
pub(crate) const QUESTIONS: [Question; 6] = [
    Question {
        ecosystem: "pypi",
        program: "python3",
        arguments: &["-c", PIP],
        source: "pip's built-in default",
        read: |text, source| one("pypi", text, source),
    },
    Question {
        ecosystem: "npm",
        program: "npm",
        arguments: &["config", "get", "registry"],
        source: "npm config get registry",
        read: |text, source| one("npm", text, source),
    },
    Question {
        ecosystem: "go",
        program: "go",
        arguments: &["env", "GOPROXY", "GOSUMDB"],
        source: "go env",
        read: go,
    },
    Question {
        ecosystem: "gem",
        program: "gem",
        arguments: &["sources", "-l"],
        source: "gem sources -l",
        read: |text, source| one("gem", text, source),
    },
    Question {
        ecosystem: "composer",
        program: "composer",
        arguments: &["config", "--global", "repositories"],
        source: "composer config",
        read: composer,
    },
    Question {
        ecosystem: "cran",
        program: "Rscript",
        arguments: &["-e", REPOS],
        source: "R's option repos",
        read: |text, source| one("cran", text, source),
    },
];

/// The first line that is an address.
fn one(ecosystem: &'static str, text: &str, source: &str) -> Vec<Finding> {
    let address = text.split_whitespace().find(|word| word.starts_with("http"));
    address.and_then(|word| Finding::new(ecosystem, word, source.to_owned())).into_iter().collect()
}

fn go(text: &str, source: &str) -> Vec<Finding> {
    let mut lines = text.lines();
    let first =
        lines.next().and_then(|proxies| proxies.split([',', '|']).find(|p| p.contains("://")));
    let proxy = first.and_then(|address| Finding::new("go", address, source.to_owned()));
    let sums = lines.next().and_then(|text| sumdb(text, source));
    proxy.into_iter().chain(sums).collect()
}

fn composer(text: &str, source: &str) -> Vec<Finding> {
    let repositories = serde_json::from_str::<Repositories>(text).ok();
    let address = repositories.and_then(|repositories| repositories.first());
    let found = address.and_then(|address| Finding::new("composer", &address, source.to_owned()));
    found.into_iter().collect()
}

/// Asks all at once; what has not answered by the deadline is ended and counts as silent.
pub(crate) fn ask(
    env: &Env,
    questions: &[&'static Question],
    deadline: Instant,
) -> Vec<(&'static Question, Vec<Finding>)> {
    let (sender, answers) = mpsc::channel();
    for question in questions.iter().copied() {
        let Some(program) = env.program(question.program) else { continue };
        let (sender, env) = (sender.clone(), env.clone());
        std::thread::spawn(move || {
            if let Some(text) = run(&env, &program, question.arguments, deadline) {
                // The other end may have stopped waiting.
                let _ = sender.send((question, (question.read)(&text, question.source)));
            }
        });
    }
    drop(sender);
    let mut found = Vec::new();
    while let Ok(answer) = answers.recv_timeout(deadline.saturating_duration_since(Instant::now()))
    {
        found.push(answer);
    }
    found
}

/// What a program prints, at most 64 KiB, if it succeeds in time.
fn run(env: &Env, program: &Path, arguments: &[&str], deadline: Instant) -> Option<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(&env.vars)
        .current_dir(if env.home.is_dir() { &env.home } else { &env.cwd })
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let output = child.stdout.take()?;
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        output.take(64 << 10).read_to_string(&mut text).map(|_| text)
    });
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return reader.join().ok()?.ok(),
            Ok(None) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            _ => {
                // Already ended, or ended here; nothing else can be done about it.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}

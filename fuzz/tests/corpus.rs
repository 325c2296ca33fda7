//! The corpus of each plugin, and mutations of it for a bounded time.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "counts, and the input that failed")]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use weir_fuzz::{SUBJECTS, Subject, mutate};

/// Seconds for mutations of each plugin's corpus; longer with `WEIR_FUZZ_SECONDS`.
const SECONDS: u64 = 2;

#[test]
fn npm_survives() {
    survives("npm");
}

#[test]
fn pypi_survives() {
    survives("pypi");
}

#[test]
fn cargo_survives() {
    survives("cargo");
}

#[test]
fn go_survives() {
    survives("go");
}

#[test]
fn maven_survives() {
    survives("maven");
}

#[test]
fn container_survives() {
    survives("container");
}

#[test]
fn debian_survives() {
    survives("debian");
}

fn survives(name: &str) {
    let subject = SUBJECTS.iter().find(|subject| subject.name == name).expect("a known name");
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "no corpus for {name}");
    let mut releases = 0;
    for (file, input) in &corpus {
        let listed = play(subject, input, file);
        releases += listed.unwrap_or_else(|| panic!("{name}/{file}: the path means nothing"));
    }
    assert!(releases >= corpus.len(), "the corpus of {name} lists {releases} releases");
    let end = Instant::now() + time();
    let mut seed = 0;
    while Instant::now() < end {
        for (file, input) in &corpus {
            play(subject, &mutate(input, seed), &format!("{file} with seed {seed}"));
        }
        seed += 1;
    }
    println!("{name}: {} inputs, {seed} mutations of each", corpus.len());
}

fn play(subject: &Subject, input: &[u8], what: &str) -> Option<usize> {
    let played = catch_unwind(AssertUnwindSafe(|| (subject.play)(input)));
    played.unwrap_or_else(|panic| {
        eprintln!("{}: {what}:\n{}", subject.name, String::from_utf8_lossy(input));
        resume_unwind(panic)
    })
}

fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let read = |path: PathBuf| std::fs::read(&path).map(|input| (title(&path), input));
    let inputs = std::fs::read_dir(folder).and_then(|files| {
        files.map(|file| file.and_then(|file| read(file.path()))).collect::<Result<Vec<_>, _>>()
    });
    let mut inputs = inputs.expect("the corpus can be read");
    inputs.sort();
    inputs
}

fn title(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[expect(clippy::disallowed_methods, reason = "a setting of this test, not of the gateway")]
fn time() -> Duration {
    let asked = std::env::var("WEIR_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(asked.unwrap_or(SECONDS))
}

//! Arbitrary bytes for plugins: one plain function for each.
//!
//! An input is text and document in one: the first line is a path below the mount, the second an
//! `Accept` header, and all that follows stands for every document that the plugin asks for. The
//! files in `fuzz/corpus` are such inputs, with invented packages.
//!
//! `cargo test -p weir-fuzz` plays the corpus and mutations of it on a stable toolchain. With a
//! nightly, from the root of the repository:
//!
//! ```text
//! cargo +nightly fuzz run --features libfuzzer fuzz-npm fuzz/corpus/npm
//! ```

mod mutate;

use weir_core::{Ecosystem, Request};
use weir_testkit::fuzz_bytes;

pub use mutate::mutate;

/// One plugin under the fuzzer.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// The folder of its corpus.
    pub name: &'static str,
    /// Plays one input, and returns the number of releases that it lists, `None` where its path
    /// means nothing. Panics where a law is broken.
    pub play: fn(&[u8]) -> Option<usize>,
}

/// All plugins.
pub const SUBJECTS: [Subject; 7] = [
    Subject { name: "npm", play: npm },
    Subject { name: "pypi", play: pypi },
    Subject { name: "cargo", play: cargo },
    Subject { name: "container", play: container },
    Subject { name: "maven", play: maven },
    Subject { name: "go", play: go },
    Subject { name: "debian", play: debian },
];

/// Plays one input with the npm plugin.
pub fn npm(input: &[u8]) -> Option<usize> {
    play(&weir_npm::Npm, input)
}

/// Plays one input with the PyPI plugin.
pub fn pypi(input: &[u8]) -> Option<usize> {
    play(&weir_pypi::Pypi, input)
}

/// Plays one input with the Cargo plugin.
pub fn cargo(input: &[u8]) -> Option<usize> {
    play(&weir_cargo::Cargo, input)
}

/// Plays one input with the Go plugin.
pub fn go(input: &[u8]) -> Option<usize> {
    play(&weir_go::Go, input)
}

/// Plays one input with the container plugin.
pub fn container(input: &[u8]) -> Option<usize> {
    play(&weir_container::Container, input)
}

/// Plays one input with the Maven plugin.
pub fn maven(input: &[u8]) -> Option<usize> {
    play(&weir_maven::Maven, input)
}

/// Plays one input with the Debian plugin.
pub fn debian(input: &[u8]) -> Option<usize> {
    play(&weir_debian::Debian, input)
}

/// Routes the path; what routes must come back from its own path, and its documents are the rest
/// of the input.
fn play(plugin: &dyn Ecosystem, input: &[u8]) -> Option<usize> {
    let (path, rest) = line(input);
    let (accept, document) = line(rest);
    let (path, accept) = (String::from_utf8_lossy(path), String::from_utf8_lossy(accept));
    let request = Request::get(&path).ok()?;
    let target = plugin.route(&request.accepting(&accept)).ok()?;
    let own = plugin.path(&target);
    let again = Request::get(&own).map(|request| request.accepting(&accept));
    let again = again.and_then(|request| plugin.route(&request));
    assert_eq!(again.as_ref(), Ok(&target), "{path:?} is {own:?}, which is something else");
    Some(fuzz_bytes(plugin, &target, document))
}

fn line(input: &[u8]) -> (&[u8], &[u8]) {
    match input.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (input, &[]),
    }
}

//! Finds the addresses of registries on the machine: in the environment, in the settings of the
//! installed clients, by asking those clients, and in dependencies that publish a constant.
//!
//! It blocks (files, processes, threads), so an asynchronous caller gives it a thread of its own.

mod constants;
mod env;
mod finding;
mod memory;
mod programs;
mod settings;
mod variables;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use url::Url;

pub use constants::images_of;
pub use env::Env;
pub use finding::{Finding, Login, table};
use memory::Memory;
use programs::{QUESTIONS, Question};

/// How to look.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The time for programs to answer; files are read whatever it is. Zero asks no program, but
    /// remembered answers count.
    pub budget: Duration,
    /// Addresses below which nothing is taken: the gateway's own, as client settings name them
    /// once clients were pointed at it.
    pub exclude: &'a [Url],
    /// The file in which answers of programs are remembered.
    pub memory: Option<&'a Path>,
}

/// Looks everywhere. For each ecosystem and origin the strongest finding: environment, then
/// settings files, then programs, then constants; sorted by ecosystem. Settings that are programs
/// themselves (R's) are read only when their program does not answer.
///
/// Programs are asked only about ecosystems of which environment and settings say nothing.
pub fn discover(env: &Env, options: &Options<'_>) -> Vec<Finding> {
    let deadline = Instant::now() + options.budget;
    let mut taken = Taken { seen: BTreeSet::new(), found: Vec::new(), exclude: options.exclude };
    taken.add(variables::find(env));
    taken.add(settings::find(env));
    let open = |question: &&Question| !taken.seen.contains(&(question.ecosystem, "primary"));
    let questions: Vec<&'static Question> = QUESTIONS.iter().filter(open).collect();
    taken.add(answers(env, &questions, deadline, options.memory));
    taken.add(settings::guess(env));
    taken.add(constants::find());
    taken.found.sort_by_key(|found| (found.ecosystem, found.origin != "primary", found.origin));
    taken.found
}

/// The names of the registry that the one at an address mirrors, according to the settings of Docker's
/// engine and containerd; none for most.
pub fn mirrored_by(env: &Env, address: &Url) -> &'static [&'static str] {
    settings::images::mirrored(env, address)
}

/// The keys that apt has for the archives at or below an address, with the files that hold them:
/// those that its sources name for them, else those that it trusts for every archive, else the
/// distribution's own. A source that names keys by fingerprint alone has none here.
pub fn archive_keys(env: &Env, address: &Url) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    settings::apt::keys(env, address)
}

/// Where the distribution's other archives on the host of this one lie, according to apt's sources:
/// the address above all of them, and the folder of this one below it. `None` when there is none.
pub fn archives_beside(env: &Env, address: &Url) -> Option<(Url, String)> {
    settings::apt::beside(env, address)
}

/// What programs answer now, or answered when everything was as it is now.
fn answers(
    env: &Env,
    questions: &[&'static Question],
    deadline: Instant,
    file: Option<&Path>,
) -> Vec<Finding> {
    let mut memory = Memory::read(file);
    let mut found = Vec::new();
    let mut unknown = Vec::new();
    for question in questions.iter().copied() {
        match memory.recall(env, question) {
            Some(known) => found.extend(known),
            None => unknown.push(question),
        }
    }
    let fresh = programs::ask(env, &unknown, deadline);
    for (question, answer) in &fresh {
        memory.keep(env, question, answer);
        found.extend(answer.iter().cloned());
    }
    if let Some(file) = file.filter(|_| !fresh.is_empty()) {
        memory.write(file);
    }
    found
}

/// The findings so far.
struct Taken<'a> {
    seen: BTreeSet<(&'static str, &'static str)>,
    found: Vec<Finding>,
    exclude: &'a [Url],
}

impl Taken<'_> {
    fn add(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            let own = self.exclude.iter().any(|own| below(&finding.address, own));
            if !own && self.seen.insert((finding.ecosystem, finding.origin)) {
                self.found.push(finding);
            }
        }
    }
}

/// Whether an address is on the same listener as one of the gateway's own. All loopback hosts
/// are one.
fn below(address: &Url, own: &Url) -> bool {
    let host = |url: &Url| match url.host() {
        Some(url::Host::Domain("localhost")) => Some("loopback".to_owned()),
        Some(url::Host::Ipv4(ip)) if ip.is_loopback() || ip.is_unspecified() => {
            Some("loopback".to_owned())
        }
        Some(url::Host::Ipv6(ip)) if ip.is_loopback() || ip.is_unspecified() => {
            Some("loopback".to_owned())
        }
        other => other.map(|host| host.to_string()),
    };
    host(address) == host(own) && address.port_or_known_default() == own.port_or_known_default()
}

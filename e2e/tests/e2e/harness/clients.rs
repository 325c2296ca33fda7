//! The clients that `cargo xtask clients` found and wrote down.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use serde::Deserialize;

use super::{target, variable};

/// A client in one version.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Client {
    /// Its name in `e2e/clients.toml`, such as `npm-11`.
    #[serde(skip)]
    pub(crate) name: String,
    /// The program and its first arguments.
    pub(crate) program: Vec<String>,
}

impl Client {
    /// The folder of its program.
    pub(crate) fn folder(&self) -> PathBuf {
        PathBuf::from(&self.program[0]).parent().unwrap().to_owned()
    }
}

/// A client by its name. One that is missing is said, and is an error in CI.
pub(crate) fn client(name: &str) -> Option<Client> {
    let found = list().get(name).cloned();
    if found.is_none() {
        let ci = variable("CI").is_some_and(|value| !matches!(value.as_str(), "0" | "false"));
        assert!(!ci, "{name} is not installed, and CI is set");
        println!("SKIPPED {name}: not installed (cargo xtask clients)");
    }
    found.map(|client| Client { name: name.to_owned(), ..client })
}

/// Whether `cargo xtask clients` found it.
pub(super) fn is_installed(name: &str) -> bool {
    list().contains_key(name)
}

fn list() -> &'static BTreeMap<String, Client> {
    static LIST: OnceLock<BTreeMap<String, Client>> = OnceLock::new();
    LIST.get_or_init(|| {
        let own = target().join("clients/clients.json");
        let file = variable("WEIR_TEST_CLIENTS").map_or(own, PathBuf::from);
        let Ok(text) = std::fs::read(&file) else { return BTreeMap::new() };
        serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    })
}

//! What discovery may look at, as values: tests give it a folder of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The largest settings file that is read, in bytes.
const LARGEST: u64 = 4 << 20;

/// The surroundings of one discovery.
#[derive(Clone, Debug, Default)]
pub struct Env {
    /// Environment variables; programs are run with these and no others.
    pub vars: BTreeMap<String, String>,
    /// The user's home folder.
    pub home: PathBuf,
    /// The working folder.
    pub cwd: PathBuf,
    /// Folders in which programs are looked for.
    pub path: Vec<PathBuf>,
    /// What stands for `/` in the places of system-wide settings.
    pub root: PathBuf,
}

impl Env {
    /// From environment variables, with `HOME` and `PATH` taken from them.
    pub fn new(vars: BTreeMap<String, String>, cwd: PathBuf) -> Self {
        let get = |name: &str| vars.get(name).map(String::as_str).unwrap_or_default();
        let home = PathBuf::from(get("HOME"));
        let path = std::env::split_paths(get("PATH")).collect();
        Self { home, path, cwd, root: PathBuf::from("/"), vars }
    }

    /// A variable that is set and not empty.
    pub(crate) fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A system-wide path, given without its leading slash.
    pub(crate) fn system(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The user's folder of settings.
    pub(crate) fn config_home(&self) -> PathBuf {
        self.var("XDG_CONFIG_HOME").map_or_else(|| self.home.join(".config"), PathBuf::from)
    }

    /// A program's path.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        self.path.iter().map(|folder| folder.join(name)).find(|path| path.is_file())
    }

    /// A file for people: below `~` where it can be.
    pub(crate) fn show(&self, path: &Path) -> String {
        match path.strip_prefix(&self.home) {
            Ok(rest) if !self.home.as_os_str().is_empty() => format!("~/{}", rest.display()),
            _ => path.display().to_string(),
        }
    }
}

/// A settings file's text; `None` when there is none, or none of a sensible size.
pub(crate) fn text(path: &Path) -> Option<String> {
    let length = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?.len();
    if length > LARGEST { None } else { std::fs::read_to_string(path).ok() }
}

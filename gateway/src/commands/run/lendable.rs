//! Which addresses in which lock files lead clients past the gateway, and where the gateway has
//! the same.

use std::collections::BTreeMap;
use std::path::Path;

use percent_encoding::percent_decode_str;
use weir_core::{Ecosystem, Name, Owner, Request, Role, Scope, Target, Unroutable};

use super::addresses::addresses;

/// How often a path may turn out to have moved.
const MOVES: usize = 3;

/// How addresses stand in lock files of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    /// The ecosystem's id.
    pub(crate) ecosystem: &'static str,
    /// Where a mount has what the format calls the registry.
    index: &'static str,
    files: Files,
}

/// Where files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Files {
    /// Below the registry, at the paths that the gateway has too, or elsewhere, as the registry's
    /// listings say. With `told` the client can be told to ask the gateway instead of the registry.
    Below { told: bool },
    /// Anywhere, in tables of one package each, which name it and the registry. With `ask` the
    /// registry's name may be missing; then its listing says whether a file is there.
    Listed { ask: bool },
    /// None are named.
    Nowhere,
}

const fn npm(told: bool) -> Format {
    Format { ecosystem: "npm", index: "", files: Files::Below { told } }
}
const fn python(files: Files) -> Format {
    Format { ecosystem: "pypi", index: "simple/", files }
}
/// Beginning and end of the names of lock files whose addresses clients take as they stand, or
/// compare with the registry that they are told. Those that are missing name no addresses, or have
/// clients that replace them all by what they are told (pipenv).
const FORMATS: [(&str, &str, Format); 9] = [
    ("package-lock.json", "", npm(true)),
    ("npm-shrinkwrap.json", "", npm(true)),
    ("yarn.lock", "", npm(false)),
    (".yarn-integrity", "", npm(false)),
    ("bun.lock", "", npm(false)),
    ("pnpm-lock.yaml", "", npm(false)),
    ("uv.lock", "", python(Files::Listed { ask: false })),
    ("pylock.", "toml", python(Files::Listed { ask: true })),
    ("requirements", ".txt", python(Files::Nowhere)),
];

impl Format {
    /// The format of a file, by its name.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let fits = |start: &str, end: &str| match end {
            "" => name == start,
            _ => name.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
        };
        FORMATS.iter().find(|(start, end, _)| fits(start, end)).map(|(.., format)| *format)
    }
}

/// A registry that the run stands before.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    /// The path of its front, without slashes around it: `npm`.
    pub(crate) front: String,
    pub(crate) plugin: std::sync::Arc<dyn Ecosystem>,
    /// Its addresses.
    pub(crate) bases: Vec<String>,
    /// Whether clients are pointed at it: what names another one names no registry of theirs.
    pub(crate) is_default: bool,
}

impl Registry {
    /// What an address has below this registry: nothing for the registry itself.
    fn below<'a>(&self, address: &'a str) -> Option<&'a str> {
        self.bases.iter().find_map(|base| {
            let rest = address.strip_prefix(base.trim_end_matches('/'))?;
            if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
        })
    }

    /// Where the gateway has a file of a package, below its origin.
    fn file(&self, package: &str, address: &str) -> Option<String> {
        let last = address.split(['?', '#']).next()?.rsplit('/').next()?;
        let file = percent_decode_str(last).decode_utf8().ok()?;
        let owner = Owner::Listed(Scope::Package(Name::new(package)));
        let target = Target::Artifact { owner, file: (*file).into(), role: Role::Package };
        self.artifact(&self.plugin.path(&target))
    }

    /// The path of a file below the gateway's origin, when that is what the path asks for.
    fn artifact(&self, path: &str) -> Option<String> {
        let mut path = path.to_owned();
        for _ in 0..MOVES {
            match self.plugin.route(&Request::get(&path).ok()?) {
                Ok(target @ Target::Artifact { .. }) => {
                    return Some(format!("{}/{}", self.front, self.plugin.path(&target)));
                }
                Err(Unroutable::Moved(place)) => path = place,
                _ => return None,
            }
        }
        None
    }
}

/// What can be replaced in a lock file: addresses, with paths below the gateway's origin.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lendable {
    /// What surely is the same.
    pub(crate) sure: BTreeMap<String, String>,
    /// What is the same if the registry's listing names that address.
    pub(crate) asked: BTreeMap<String, String>,
    /// Whether files are named that no known registry has.
    pub(crate) strangers: bool,
}

/// Looks at a text. `registries` are those of the format's ecosystem; `kept` are addresses of
/// registries that the project itself sets beside the default one: clients ask them in any case.
pub(crate) fn lendable(
    text: &str,
    format: Format,
    registries: &[Registry],
    kept: &[String],
) -> Lendable {
    let mut reader = Reader { format, registries, kept, found: Lendable::default() };
    match format.files {
        Files::Listed { ask } => reader.tables(text, ask),
        Files::Below { told } => reader.files(text, told),
        Files::Nowhere => reader.indexes(text),
    }
    reader.found
}

struct Reader<'a> {
    format: Format,
    registries: &'a [Registry],
    kept: &'a [String],
    found: Lendable,
}

/// One package in a lock file of Python's.
#[derive(Default)]
struct Block {
    name: Option<String>,
    registry: Named,
}

#[derive(Clone, Copy, Default)]
enum Named {
    #[default]
    Nothing,
    /// By its place among the registries.
    Known(usize),
    Unknown,
}

impl Reader<'_> {
    fn indexes(&mut self, text: &str) {
        for address in addresses(text) {
            self.registry(&address.text);
        }
    }

    fn files(&mut self, text: &str, told: bool) {
        for address in addresses(text) {
            let address = address.text;
            let below = self.registries.iter().find_map(|registry| {
                let rest = registry.below(&address)?;
                Some(registry.artifact(rest).filter(|_| !(told && registry.is_default)))
            });
            match below {
                Some(path) => self.found.sure.extend(path.map(|path| (address, path))),
                None => self.elsewhere(address),
            }
        }
    }

    /// A file on another host than the registry's: its path ends as at the registry.
    fn elsewhere(&mut self, address: String) {
        let Some((before, file)) = address.rsplit_once("/-/") else { return };
        self.found.strangers = true;
        let mut names = before.rsplit('/');
        let Some(name) = names.next() else { return };
        let scope = names.next().filter(|scope| scope.starts_with('@'));
        let name = scope.map_or_else(|| name.to_owned(), |scope| format!("{scope}/{name}"));
        let default = self.registries.iter().find(|registry| registry.is_default);
        let path = default.and_then(|registry| registry.artifact(&format!("{name}/-/{file}")));
        self.found.asked.extend(path.map(|path| (address, path)));
    }

    /// Python's lock files: a table of tables, `package` in uv.lock and `packages` in pylock.toml
    /// (PEP 751); the name and the registry come before the files.
    fn tables(&mut self, text: &str, ask: bool) {
        let mut block = Block::default();
        for line in text.lines() {
            if matches!(line.trim(), "[[package]]" | "[[packages]]") {
                block = Block::default();
            }
            if let (None, Some(name)) = (&block.name, line.strip_prefix("name = \"")) {
                block.name = name.split('"').next().map(ToOwned::to_owned);
            }
            let names = line.starts_with("index = ") || line.contains("registry = ");
            for address in addresses(line) {
                let address = address.text;
                match self.registry(&address) {
                    Some(index) if names => block.registry = Named::Known(index),
                    Some(_) => {}
                    None if names => block.registry = Named::Unknown,
                    None => self.listed(&block, address, ask),
                }
            }
        }
    }

    fn listed(&mut self, block: &Block, address: String, ask: bool) {
        let default = || self.registries.iter().position(|registry| registry.is_default);
        let (index, sure) = match block.registry {
            Named::Known(index) => (Some(index), true),
            Named::Nothing if ask => (default(), false),
            _ => (None, false),
        };
        let registry = index.and_then(|index| self.registries.get(index));
        let found = registry.zip(block.name.as_deref());
        let path = found.and_then(|(registry, name)| registry.file(name, &address));
        let map = if sure { &mut self.found.sure } else { &mut self.found.asked };
        map.extend(path.map(|path| (address, path)));
    }

    /// Which registry an address is, itself; the address is noted when it may be replaced.
    fn registry(&mut self, address: &str) -> Option<usize> {
        let is = |registry: &Registry| registry.below(address) == Some("");
        let index = self.registries.iter().position(is)?;
        let registry = &self.registries[index];
        let same = |kept: &String| kept.trim_end_matches('/') == address.trim_end_matches('/');
        if registry.is_default && !self.kept.iter().any(same) {
            let path = format!("{}/{}", registry.front, self.format.index);
            self.found.sure.insert(address.to_owned(), path);
        }
        Some(index)
    }
}

#[cfg(test)]
mod tests;

//! The ecosystems that the gateway knows by name, whether or not their plugin is compiled in.

use std::fmt;

use serde::{Serialize, Serializer};

/// One row of the table of ecosystems.
#[derive(Debug)]
struct Row {
    id: &'static str,
    aliases: &'static [&'static str],
    mount: &'static str,
    folder: &'static str,
    nested: bool,
}

const fn plain(id: &'static str) -> Row {
    Row { id, aliases: &[], mount: id, folder: id, nested: false }
}

const fn nested(id: &'static str) -> Row {
    Row { id, aliases: &[], mount: id, folder: id, nested: true }
}

/// Sorted by id, so that the order of ids is the order of rows.
static ROWS: [Row; 23] = [
    Row { id: "alpine", aliases: &["apk"], mount: "alpine", folder: "apk", nested: false },
    Row { id: "arch", aliases: &["alpm", "pacman"], mount: "arch", folder: "alpm", nested: false },
    plain("cargo"),
    plain("chef"),
    plain("composer"),
    nested("conan"),
    nested("conda"),
    Row { id: "container", aliases: &["oci", "docker"], mount: "v2", folder: "oci", nested: true },
    plain("cran"),
    Row { id: "debian", aliases: &["deb", "apt"], mount: "debian", folder: "deb", nested: false },
    Row { id: "gem", aliases: &["rubygems"], mount: "gem", folder: "gem", nested: false },
    nested("generic"),
    Row { id: "go", aliases: &["golang"], mount: "go", folder: "go", nested: false },
    nested("helm"),
    plain("hex"),
    plain("maven"),
    plain("npm"),
    plain("nuget"),
    plain("pub"),
    plain("pypi"),
    nested("rpm"),
    plain("swift"),
    plain("vagrant"),
];

/// An ecosystem by its id (`npm`, `gem`, `debian`). Aliases (`rubygems`, `deb`) are read as the id.
#[derive(Clone, Copy)]
pub struct EcosystemId(&'static Row);

impl EcosystemId {
    /// All ecosystems, in the order of their ids.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(Self)
    }

    /// Finds an ecosystem by id or alias, in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::all().find(|found| found.id() == text || found.aliases().contains(&text))
    }

    /// The id used in keys, API, pages and metric labels.
    pub fn id(self) -> &'static str {
        self.0.id
    }

    /// Other spellings accepted on input.
    pub fn aliases(self) -> &'static [&'static str] {
        self.0.aliases
    }

    /// First path segment of the default mount: `npm`, `v2`.
    pub fn mount(self) -> &'static str {
        self.0.mount
    }

    /// First component of stored files of the default mount: `npm`, `deb`.
    pub fn folder(self) -> &'static str {
        self.0.folder
    }

    /// The type of its package URLs: `npm`, `golang`, `deb`.
    pub fn purl_type(self) -> &'static str {
        match self.id() {
            "alpine" => "apk",
            "arch" => "alpm",
            "container" => "oci",
            "debian" => "deb",
            "go" => "golang",
            id => id,
        }
    }

    /// Whether further mounts live below the default one (`/conda/<name>`).
    pub fn nests(self) -> bool {
        self.0.nested
    }
}

impl PartialEq for EcosystemId {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for EcosystemId {}

impl PartialOrd for EcosystemId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EcosystemId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.id().cmp(other.id())
    }
}

impl std::hash::Hash for EcosystemId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl fmt::Display for EcosystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl fmt::Debug for EcosystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl Serialize for EcosystemId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_read_as_the_id() {
        for (alias, id) in [("golang", "go"), ("rubygems", "gem"), ("oci", "container")] {
            assert_eq!(EcosystemId::parse(alias).map(EcosystemId::id), Some(id));
        }
        assert_eq!(EcosystemId::parse("nmp"), None);
    }

    #[test]
    fn no_word_names_two_ecosystems() {
        let mut words: Vec<_> =
            EcosystemId::all().flat_map(|e| e.aliases().iter().copied().chain([e.id()])).collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
        assert_eq!(EcosystemId::all().count(), 23);
    }
}

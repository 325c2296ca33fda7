//! The description from which registries are built.

use weir_core::{Algorithm, Digest};

use crate::Random;

/// A package.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name as its registry spells it.
    pub name: String,
    /// Its releases, oldest first.
    pub releases: Vec<PackageRelease>,
}

/// A release of a package.
#[derive(Clone, Debug, Default)]
pub struct PackageRelease {
    /// The version.
    pub version: String,
    /// When the registry made it available, in RFC 3339: `2026-01-02T03:04:05Z`. Registries
    /// without dates ignore it.
    pub date: String,
    /// Name and requirement in the registry's own words.
    pub dependencies: Vec<(String, String)>,
    /// Yanked, with the reason.
    pub yanked: Option<String>,
    /// Deprecated, with the message (npm).
    pub deprecated: Option<String>,
    /// The licence.
    pub licence: String,
    /// The command of a script that runs on installation (npm).
    pub install_script: Option<String>,
    /// Bytes in the package's file that no compression makes fewer (npm, PyPI, Cargo, Debian).
    pub ballast: usize,
}

impl PackageRelease {
    /// The ballast, the same bytes every time.
    pub(super) fn ballast(&self, name: &str) -> Vec<u8> {
        let text = format!("{name} {}", self.version);
        let seed = Digest::of(Algorithm::Sha256, text.as_bytes());
        let seed = seed.bytes().iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte));
        let mut random = Random::new(seed);
        let mut bytes = Vec::with_capacity(self.ballast + 8);
        while bytes.len() < self.ballast {
            bytes.extend(random.number().to_le_bytes());
        }
        bytes.truncate(self.ballast);
        bytes
    }
}

/// A package file that a registry serves.
#[derive(Clone, Debug)]
pub struct BuiltFile {
    /// Package name.
    pub name: String,
    /// Version.
    pub version: String,
    /// The path below the origin that serves it, decoded.
    pub path: String,
    /// Its content.
    pub bytes: bytes::Bytes,
}

impl Package {
    /// A package without releases.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), releases: Vec::new() }
    }

    /// Adds a release.
    #[must_use]
    pub fn release(self, version: &str, date: &str) -> Self {
        self.release_with(version, date, |release| release)
    }

    /// Adds a release with more to say: `|r| PackageRelease { yanked: …, ..r }`.
    #[must_use]
    pub fn release_with(
        mut self,
        version: &str,
        date: &str,
        more: impl FnOnce(PackageRelease) -> PackageRelease,
    ) -> Self {
        let release = PackageRelease {
            version: version.to_owned(),
            date: date.to_owned(),
            licence: "MIT".to_owned(),
            ..PackageRelease::default()
        };
        self.releases.push(more(release));
        self
    }
}

//! What a request asks for, in terms that every ecosystem shares.

use std::fmt;

use crate::{Algorithm, Coordinates, Digest, Name};

/// What a request asks for. A closed set of plain data: it can be logged, cached by, recorded in
/// the catalogue and compared in tests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A document that lists releases; policy edits it.
    Manifest {
        /// Whose releases.
        scope: Scope,
        /// In which representation.
        view: View,
    },
    /// One immutable file of one release; policy gates it.
    Artifact {
        /// How the release is found.
        owner: Owner,
        /// The file's name as the client asks for it, without directories unless they are part
        /// of its identity.
        file: Box<str>,
        /// Whether the file is the package, or read for versions that lose resolution.
        role: Role,
    },
    /// A checksum or signature; lives and dies with its parent.
    Sidecar {
        /// The parent.
        of: Box<Target>,
        /// What it says of the parent.
        kind: SidecarKind,
    },
    /// Answered without upstream.
    Local(View),
    /// Names no release; relayed under a cap, listed in the conformance suite, audited.
    Relay {
        /// Path below the origin, as the plugin understood it.
        path: Box<str>,
        /// Which relay.
        view: View,
    },
}

impl Target {
    /// A manifest of one package.
    pub fn manifest(name: impl Into<Box<str>>, view: impl Into<View>) -> Self {
        Self::Manifest { scope: Scope::Package(Name::new(name)), view: view.into() }
    }

    /// A manifest of a whole index.
    pub fn index(path: impl Into<Box<str>>, view: impl Into<View>) -> Self {
        Self::Manifest { scope: Scope::Index(path.into()), view: view.into() }
    }

    /// The package file of a release whose name and version stand in the path.
    pub fn artifact(owner: Coordinates, file: impl Into<Box<str>>) -> Self {
        Self::Artifact { owner: Owner::Release(owner), file: file.into(), role: Role::Package }
    }

    /// The package that this target concerns, when its path says so.
    pub fn package(&self) -> Option<&Name> {
        match self {
            Self::Manifest { scope, .. } => scope.package(),
            Self::Artifact { owner, .. } => owner.package(),
            Self::Sidecar { of, .. } => of.package(),
            Self::Local(_) | Self::Relay { .. } => None,
        }
    }

    /// The view of a manifest, local answer or relay.
    pub fn view(&self) -> Option<&View> {
        match self {
            Self::Manifest { view, .. } | Self::Local(view) | Self::Relay { view, .. } => {
                Some(view)
            }
            Self::Artifact { .. } | Self::Sidecar { .. } => None,
        }
    }
}

/// Whose releases a manifest lists.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One package's.
    Package(Name),
    /// Those of an index at this path: Packages, repodata, APKINDEX, a search result.
    Index(Box<str>),
}

impl Scope {
    /// The package, when the scope is one.
    pub fn package(&self) -> Option<&Name> {
        match self {
            Self::Package(name) => Some(name),
            Self::Index(_) => None,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(name) => write!(f, "{name}"),
            Self::Index(path) => write!(f, "index:{path}"),
        }
    }
}

/// A representation: a name from the plugin's own list, with an argument where it has one (a
/// version, a tag, a query).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// The plugin's word: `full`, `abbreviated`, `html`, `version`.
    pub name: &'static str,
    /// The argument, canonical; empty for most views.
    pub arg: Box<str>,
}

impl View {
    /// A view without argument.
    pub fn plain(name: &'static str) -> Self {
        Self { name, arg: "".into() }
    }

    /// A view with an argument.
    pub fn with(name: &'static str, arg: impl Into<Box<str>>) -> Self {
        Self { name, arg: arg.into() }
    }
}

impl From<&'static str> for View {
    fn from(name: &'static str) -> Self {
        Self::plain(name)
    }
}

/// How the release that a file belongs to is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Name and version stand in the path.
    Release(Coordinates),
    /// The path names the package; which release it is, only a listing of this scope tells.
    Listed(Scope),
    /// Content by digest within a name; the release comes from recorded facts.
    Content {
        /// Repository.
        name: Name,
        /// Digest in the path.
        digest: Digest,
    },
}

impl Owner {
    /// The package that the path names.
    pub fn package(&self) -> Option<&Name> {
        match self {
            Self::Release(coordinates) => Some(&coordinates.name),
            Self::Listed(scope) => scope.package(),
            Self::Content { name, .. } => Some(name),
        }
    }
}

/// What a file is to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The package itself.
    Package,
    /// Read also for versions that lose resolution (POM, `.mod`, wheel `.metadata`): refused only
    /// by a malware report or an explicit deny rule.
    Resolution,
}

/// What a side-car says of its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SidecarKind {
    /// A checksum that the pipeline computes from what it serves.
    Checksum(Algorithm),
    /// A detached signature, relayed while its parent is served unedited.
    Signature,
}

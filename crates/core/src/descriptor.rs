//! What a plugin says of itself once and for all.

use crate::{Algorithm, FormatError, Request, Target};

/// A plugin's constants.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent properties of a format")]
pub struct Descriptor {
    /// The id used in keys, API, pages and metric labels: `npm`.
    pub id: &'static str,
    /// Other spellings accepted on input.
    pub aliases: &'static [&'static str],
    /// The purl type: `npm`, `golang`, `deb`.
    pub purl_type: &'static str,
    /// First path segment of the default mount: `npm`, `v2`.
    pub mount: &'static str,
    /// First component of stored files of the default mount: `npm`, `deb`.
    pub folder: &'static str,
    /// The upstream roles that `need` and `locate` may name; the first is the main one.
    pub origins: &'static [OriginSpec],
    /// How versions are ordered and ranges are read.
    pub scheme: Scheme,
    /// Whether the listing format has a mark ("yanked") that resolvers avoid and locks still
    /// reach, so that a withheld version may be marked instead of removed.
    pub marks: bool,
    /// Whether indexes are signed, so that editing them needs a key that clients trust.
    pub signed: bool,
    /// Whether what manifests list is recorded file by file, so that [`crate::Need::Known`] can
    /// be answered later (content-addressed graphs, files whose path names no release).
    pub records_files: bool,
    /// The view that lists all releases of one package with the most facts; asked for when a
    /// package URL has to be explained. Empty for ecosystems that only have whole indexes.
    pub listing: &'static str,
    /// What happens to the listing of a package of which every release is withheld: `true`
    /// refuses it with the reason (npm, whose client says nothing useful about an empty list),
    /// `false` serves it empty (where a refused listing makes clients fall back or hide the text).
    pub refuse_empty: bool,
    /// `Accept` values that select this plugin's views, for tests and documentation. The first
    /// entry is the one used when a view does not care.
    pub accepts: &'static [&'static str],
    /// Recognises a request that reached the gateway's root because a client dropped the mount's
    /// prefix. The gateway answers it with a redirect to the default mount.
    pub lost_prefix: Option<fn(&Request<'_>) -> bool>,
    /// Headers of answers that hold digests of the whole in hexadecimal digits, where clients read
    /// them instead of asking for a checksum file.
    pub checksum_headers: &'static [(Algorithm, &'static str)],
    /// Recognises an artifact whose bytes may change at its path (a snapshot): it is compared with
    /// upstream again after its time to live. `None` where no file changes.
    pub changing: Option<fn(&Target) -> bool>,
    /// The views that a group joins from all of its members. `None` where the first member that
    /// lists a package owns it.
    pub merge: Option<Merge>,
    /// What content-addressed formats add; `None` for others.
    pub content: Option<Content>,
    /// How clients are pointed at a mount.
    pub setup: Setup,
}

/// Makes one document of several.
pub type Join = fn(&[&[u8]]) -> Result<Vec<u8>, FormatError>;

/// How the documents of several registries become one.
#[derive(Clone, Copy, Debug)]
pub struct Merge {
    /// Whether this target is a view that is joined.
    pub joins: fn(&Target) -> bool,
    /// Joins documents of such a view, each as its member serves it, in the order of the members.
    /// There are at least two.
    pub join: Join,
}

/// What formats whose files are addressed by digest ([`crate::Owner::Content`]) add. Their files
/// are kept once for all mounts, and served where a manifest of the same package listed them.
#[derive(Clone, Copy, Debug)]
pub struct Content {
    /// Headers of every answer, refusals included (lower-case names).
    pub headers: &'static [(&'static str, &'static str)],
    /// The header that repeats a file's digest (lower-case name).
    pub digest_header: &'static str,
    /// The view of one version, by its name or its digest.
    pub version_view: &'static str,
    /// Views that are served empty when everything in them is withheld, whatever
    /// [`Descriptor::refuse_empty`] says.
    pub serves_empty: &'static [&'static str],
    /// The query parameter by which a client of the default mount says whose registry it means,
    /// by host, and the header that says whose answered.
    pub registry_parameter: Option<(&'static str, &'static str)>,
    /// The purl type that is shown for mounts with a namespace of their own
    /// ([`Request::namespace`]).
    pub namespace_purl_type: &'static str,
}

/// One upstream role.
#[derive(Debug)]
pub struct OriginSpec {
    /// The word used in [`crate::Place::Origin`] and in configuration: `primary`, `api`.
    pub id: &'static str,
    /// What it is, for messages and documentation: `the npm registry`.
    pub title: &'static str,
    /// Follows from the main address when it has none of its own: the main address's path with
    /// this suffix replaced by that.
    pub beside: Option<(&'static str, &'static str)>,
    /// Is reached below the main address, at this path, where that one says so: by answering
    /// `supported` below it with 200. `{name}` stands for the origin's name, which is its host, with
    /// the port and the path where it has any.
    pub through: Option<&'static str>,
}

/// How clients are pointed at a mount. `{base}` in any text stands for the mount's public
/// address without trailing slash, `{origin}` for the gateway's scheme, host and port, `{host}`
/// for its host without port, `{authority}` for its host and port, `{plain}` for whether it is plain
/// HTTP (`true` or `false`). A variable with `{registry}`, the host of the mount's upstream, is set
/// by `weir run` alone.
#[derive(Debug)]
pub struct Setup {
    /// Environment variables, for `weir run` and for shells.
    pub variables: &'static [(&'static str, &'static str)],
    /// Settings files: path (a leading `~` is the home folder) and the text to have in it.
    pub files: &'static [(&'static str, &'static str)],
    /// Variables that move folders of `files`, with the folders' usual places (`GRADLE_USER_HOME`,
    /// `~/.gradle`).
    pub moves: &'static [(&'static str, &'static str)],
    /// For a client that takes no variable: the variable that moves its settings folder, the
    /// folder's usual place, the file in it and the text to add there (`CARGO_HOME`, `~/.cargo`,
    /// `config.toml`, …).
    pub folder: Option<(&'static str, &'static str, &'static str, &'static str)>,
    /// What else a person should know, in one to three sentences.
    pub note: &'static str,
}

/// A version ordering. The comparisons live in `weir-version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Semantic Versioning 2.0.0 as Cargo reads it.
    Semver,
    /// Semantic versioning as npm reads it (loose: `v` prefix, missing parts).
    Npm,
    /// PEP 440.
    Pep440,
    /// Semantic versioning as Go reads it: with a leading `v`, and without regard to build metadata
    /// (`v2.0.0+incompatible`).
    Go,
    /// Maven's `ComparableVersion`.
    Maven,
    /// Debian's, as dpkg compares: epoch, upstream version, revision.
    Debian,
    /// Runs of digits by value, the rest by bytes: for formats without an ordering of their own.
    Generic,
}

//! The seam between an ecosystem and the pipeline.

use std::fmt;
use std::io;

use crate::{
    Algorithm, Coordinates, Denial, Descriptor, Digest, Doc, Edits, FormatError, Head, Job, Need,
    Place, Release, Reply, Request, Target, Timestamp, Unroutable,
};

/// One package ecosystem, as eight synchronous methods over plain data.
///
/// An implementation has no state that changes, does no I/O and never judges. The pipeline does
/// every fetch, decode, hash, judgement and write, in the order
/// `route` → `need`* → `read` → (judge) → `write` for manifests and
/// `route` → `need`* → `locate` → `read` → (judge) → bytes for artifacts.
pub trait Ecosystem: fmt::Debug + Send + Sync + 'static {
    /// The plugin's constants.
    fn describe(&self) -> &'static Descriptor;

    /// **Parse path**: what does this request ask for? What is not known is an error, never a
    /// relay. HEAD is routed like GET.
    fn route(&self, request: &Request<'_>) -> Result<Target, Unroutable>;

    /// The canonical path of a target below the mount, percent-encoded, maybe with a query; the
    /// inverse of `route`: `route(path(t)) == t` under one of the descriptor's `accepts`.
    fn path(&self, target: &Target) -> String;

    /// **Fetch manifest**: what is still missing before `read`, `write` or `locate` can work?
    /// Asked again with each answer until it returns nothing, at most four rounds.
    fn need(&self, job: &Job<'_>) -> Vec<Need>;

    /// Lists the releases of the gathered documents, as borrowed facts. For an artifact's job
    /// the documents are its evidence.
    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError>;

    /// **Filter versions and rewrite URLs**, in one pass: writes the document of the target's
    /// view with the edits applied, in the order of `read`, and every link that clients fetch
    /// pointed at this mount. Edits spans and leaves every other byte as it was, where the
    /// format allows it.
    fn write(
        &self,
        job: &Job<'_>,
        edits: &Edits,
        out: &mut dyn io::Write,
    ) -> Result<Head, FormatError>;

    /// **Locate artifact**: the release that a file belongs to, the place to fetch it from and
    /// what the registry promised. `None` when the evidence does not list the file: 404.
    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError>;

    /// When a root ([`Fetch::root`](crate::Fetch::root)) says that it was made; `None` where it does not
    /// say. On mounts that sign anew what they edited, an older one does not take a newer one's place.
    fn issued(&self, root: &Doc) -> Option<Timestamp> {
        let _ = root;
        None
    }

    /// The refusal in the form that this ecosystem's clients print.
    fn deny(&self, target: Option<&Target>, denial: &Denial) -> Reply {
        let _ = target;
        Reply::plain(denial)
    }
}

/// Where an artifact is and what was promised for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The release that it belongs to.
    pub release: Coordinates,
    /// The entry's file name as `read` reports it, when that differs from the target's (a
    /// wheel's name for the wheel's metadata).
    pub listed_as: Option<Box<str>>,
    /// Where to fetch it.
    pub place: Place,
    /// The digest that the registry promised.
    pub digest: Option<Digest>,
    /// Files of their own in which the registry may have published digests of it. Those that exist
    /// are asked for beside the file, and all of them must agree with it.
    pub checksums: Vec<(Algorithm, Place)>,
    /// The size that the registry promised, in bytes.
    pub size: Option<u64>,
    /// What tells the file from another of the same name in the same release: a further component
    /// of its place in the store, where there may be one.
    pub variant: Option<Box<str>>,
}

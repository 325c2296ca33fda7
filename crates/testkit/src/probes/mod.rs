//! Four small ecosystems that exist nowhere: they hold the seam and the pipeline against shapes
//! that the first real plugins do not have.
//!
//! Their documents are lines of words, closed by the line `end`, so that a cut one is noticed.

mod answers;
mod chain;
mod content;
mod lines;
mod linked;
mod listed;
mod prelude;

pub use chain::Chain;
pub use content::Content;
pub use linked::Linked;
pub use listed::Listed;

use weir_core::{
    Descriptor, OriginSpec, Owner, Request, Role, Scheme, Scope, Setup, SidecarKind, Target,
    Unroutable,
};

/// What the probes' descriptors share.
pub(crate) const fn descriptor(id: &'static str) -> Descriptor {
    Descriptor {
        id,
        aliases: &[],
        purl_type: "generic",
        mount: id,
        folder: id,
        origins: &[OriginSpec {
            id: "primary",
            title: "a probe's upstream",
            beside: None,
            through: None,
        }],
        scheme: Scheme::Generic,
        marks: false,
        signed: false,
        records_files: false,
        listing: "list",
        refuse_empty: false,
        accepts: &["*/*"],
        lost_prefix: None,
        checksum_headers: &[],
        changing: None,
        merge: None,
        content: None,
        setup: Setup {
            variables: &[],
            files: &[],
            moves: &[],
            folder: None,
            note: "For tests only.",
        },
    }
}

/// The path of a request that reads, as words that can stand in a path as they are.
fn words<'r>(request: &'r Request<'_>) -> Result<Vec<&'r str>, Unroutable> {
    if !request.method.reads() {
        return Err(Unroutable::Unknown);
    }
    let words: Option<Vec<_>> = request.path().into_iter().map(lines::word).collect();
    words.ok_or(Unroutable::Unknown)
}

/// The package or index that a target is of; empty when there is none.
fn name(target: &Target) -> &str {
    match target {
        Target::Manifest { scope: Scope::Index(name), .. }
        | Target::Artifact { owner: Owner::Listed(Scope::Index(name)), .. } => name,
        _ => target.package().map_or("", weir_core::Name::as_str),
    }
}

/// The argument of a target in this view.
fn argument<'t>(target: &'t Target, view: &str) -> Option<&'t str> {
    target.view().filter(|found| found.name == view).map(|found| &*found.arg)
}

/// An index; the one without a name is the root.
fn index(name: &str) -> Target {
    Target::index(name, "index")
}

/// The signature over a target.
fn signature(of: Target) -> Target {
    Target::Sidecar { of: Box::new(of), kind: SidecarKind::Signature }
}

/// The package file of an owner.
fn file(owner: Owner, file: &str) -> Target {
    Target::Artifact { owner, file: file.into(), role: Role::Package }
}

/// The package file that has this SHA-256.
fn content(name: &str, sha256: &str) -> Result<Target, Unroutable> {
    let digest = lines::sha256(sha256).map_err(|_| Unroutable::Unknown)?;
    let hex = digest.hex();
    Ok(file(Owner::Content { name: name.into(), digest }, &hex))
}

#[cfg(test)]
mod tests;

//! What is asked of upstream, and of what has been recorded.

use weir_core::{Digest, Fetch, Found, Job, Known, Listed, Name, Need, Place, Via};

use crate::{manifest, paths};

/// The header that repeats a manifest's digest.
const DIGEST: &str = "docker-content-digest";

/// What a tag names now: a HEAD, which registries do not count.
pub(crate) fn tag(name: &Name, tag: &str) -> Fetch {
    Fetch { via: Via::Head, ..by_name(name, tag) }
}

/// A manifest by its tag, for registries whose HEAD tells no digest.
pub(crate) fn by_name(name: &Name, tag: &str) -> Fetch {
    Fetch::get(format!("v2/{name}/manifests/{tag}")).accept(manifest::ACCEPT)
}

/// A manifest by its digest: never changes.
pub(crate) fn by_digest(name: &Name, digest: &Digest) -> Fetch {
    by_name(name, &digest.to_string()).immutable().expecting(Some(digest.clone()))
}

/// The configuration of an image.
pub(crate) fn config(name: &Name, digest: &Digest) -> Fetch {
    let place = Place::primary(blob(name, digest));
    Fetch::from(place).immutable().optional().expecting(Some(digest.clone()))
}

/// The path of content.
pub(crate) fn blob(name: &Name, digest: &Digest) -> String {
    format!("v2/{name}/blobs/{digest}")
}

/// A page of tags. Only a whole list says what is new.
pub(crate) fn tags(name: &Name, query: &str) -> Fetch {
    // No page has no entries: one entry is asked for, and not shown.
    let query = query.replace("n=0", "n=1");
    let fetch = Fetch::get(paths::joined(&format!("v2/{name}/tags/list"), &query));
    let fetch = fetch.accept("application/json");
    if query.is_empty() { fetch.listing() } else { fetch }
}

/// What leads to content.
pub(crate) fn above(name: &Name, digest: &Digest) -> Need {
    Need::Known(Known::Above { name: name.clone(), digest: digest.clone() })
}

/// The recorded steps of an answered question.
pub(crate) fn steps<'a>(job: &Job<'a>, question: &Need) -> &'a [Listed] {
    match job.docs.found(question) {
        Some(Found::Known(listed)) => listed,
        _ => &[],
    }
}

/// A reference of a manifest: where it is, as far as that is known by now.
pub(crate) enum Reference {
    /// By this digest.
    Digest(Digest),
    /// A tag of which upstream has not been asked.
    Unasked,
    /// A tag of which upstream says no digest.
    Untold,
}

impl Reference {
    pub(crate) fn of(job: &Job<'_>, name: &Name, reference: &str) -> Self {
        if let Some(digest) = paths::digest(reference) {
            return Self::Digest(digest);
        }
        match job.docs.doc(&tag(name, reference)) {
            None => Self::Unasked,
            Some(head) => match head.header(DIGEST).and_then(paths::digest) {
                Some(digest) => Self::Digest(digest),
                None => Self::Untold,
            },
        }
    }

    /// The manifest's fetch.
    pub(crate) fn fetch(&self, name: &Name, reference: &str) -> Option<Fetch> {
        match self {
            Self::Digest(digest) => Some(by_digest(name, digest)),
            Self::Untold => Some(by_name(name, reference)),
            Self::Unasked => None,
        }
    }
}

//! Package files: found in what indexes of this mount said, else in the indexes of the roots that
//! are kept.

use weir_core::{
    Coordinates, Fetch, Found, Job, Known, Listed, Located, Need, Owner, Place, Release, Scope,
    Target,
};

use crate::chain::{self, Step};
use crate::index::{Index, Kind};
use crate::paths;

/// Roots that are looked through for a file of which nothing is recorded.
const MAX_ROOTS: usize = 8;

pub(crate) fn need(job: &Job<'_>) -> Vec<Need> {
    let path = paths::plain(job.target);
    let known = Need::Known(Known::File(path.clone().into()));
    match job.docs.found(&known) {
        None => return vec![known],
        Some(Found::Known(listed)) if listed.is_empty() => {}
        Some(_) => return Vec::new(),
    }
    // Nothing is recorded: the client has its lists from a time before this gateway's memory.
    let kept = Need::Known(Known::Roots);
    let Some(Found::Known(roots)) = job.docs.found(&kept) else { return vec![kept] };
    let mut needs = Vec::new();
    for listed in roots.iter().take(MAX_ROOTS) {
        let folder = chain::split(&listed.file).0;
        match chain::root(job, folder, 0) {
            Step::Need(need) => needs.extend(need),
            Step::Absent(_) => {}
            Step::Found(root) => {
                let children = chain::listing(&root, &path).unwrap_or_default();
                needs.extend(children.into_iter().map(|child| Need::Fetch(child.fetch)));
            }
        }
    }
    needs.dedup();
    job.missing(needs)
}

/// What indexes say, recorded or gathered just now.
pub(crate) fn read(job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) {
    for listed in recorded(job) {
        each(release(listed));
    }
    for (fetch, bytes) in gathered(job) {
        let path = chain::path_of(fetch);
        if let Some(index) = index(&path, bytes) {
            index.read(each);
        }
    }
}

pub(crate) fn locate(job: &Job<'_>) -> Option<Located> {
    let Target::Artifact { owner: Owner::Listed(Scope::Index(folder)), .. } = job.target else {
        return None;
    };
    let path = paths::plain(job.target);
    let mut found: Option<Release<'static>> = None;
    read(job, &mut |release| {
        if found.is_none()
            && release.file.as_deref() == Some(&*path)
            && release.unreadable.is_none()
        {
            found = Some(release.into_owned());
        }
    });
    found.map(|release| Located {
        release: Coordinates::new(&*release.name, &*release.version),
        place: Place::primary(paths::encode(&path)),
        listed_as: Some(path.into()),
        digest: release.digest,
        size: release.size,
        checksums: Vec::new(),
        variant: paths::variant(folder),
    })
}

fn recorded<'a>(job: &Job<'a>) -> &'a [Listed] {
    let known = Need::Known(Known::File(paths::plain(job.target).into()));
    match job.docs.found(&known) {
        Some(Found::Known(listed)) => listed,
        _ => &[],
    }
}

fn gathered<'a>(job: &Job<'a>) -> impl Iterator<Item = (&'a Fetch, &'a [u8])> {
    job.docs.iter().filter_map(|(need, found)| match (need, found) {
        (Need::Fetch(fetch), Found::Doc(doc)) if fetch.lists => Some((fetch, doc.bytes())),
        _ => None,
    })
}

fn index<'a>(path: &'a str, bytes: &'a [u8]) -> Option<Index<'a>> {
    let (folder, file) = chain::split(path);
    Some(Index { kind: Kind::of(chain::coding(file).0)?, folder, bytes })
}

fn release(listed: &Listed) -> Release<'_> {
    Release {
        name: listed.release.name.as_str().into(),
        version: listed.release.version.as_str().into(),
        file: Some((&*listed.file).into()),
        digest: listed.digest.clone(),
        size: listed.size,
        ..Release::default()
    }
}

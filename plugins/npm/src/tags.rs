//! Dist-tags: where a tag points when the version that it names is withheld.

use std::cmp::Ordering;

use weir_core::Scheme;

use crate::entry::Entry;

const LATEST: &str = "latest";

/// The version that stands in for `withheld` under a tag; `None` when there is none and the tag
/// has to go. `kept` are the versions that stay.
///
/// Nobody is moved forward: `latest` becomes the highest release that is not newer, and only
/// without one the highest of what is left, because clients cannot do without a `latest`. Another
/// tag becomes the highest version that is not newer and of the same kind: the same prerelease
/// channel (`canary`, `beta`), or a release of the same major version.
pub(crate) fn stand_in<'e, 'a: 'e>(
    tag: &str,
    withheld: &str,
    kept: impl Iterator<Item = &'e Entry<'a>> + Clone,
) -> Option<&'e str> {
    let not_newer = kept.clone().filter(|entry| !compare(&entry.version, withheld).is_gt());
    if tag != LATEST {
        return highest(not_newer.filter(|entry| same_kind(&entry.version, withheld)));
    }
    highest(not_newer.filter(|entry| !is_prerelease(&entry.version)))
        .or_else(|| weir_version::newest(Scheme::Npm, kept.map(|entry| &*entry.version)))
}

/// The highest version, but a deprecated one only when there is no other.
fn highest<'e, 'a: 'e>(entries: impl Iterator<Item = &'e Entry<'a>>) -> Option<&'e str> {
    let order = |a: &&Entry<'a>, b: &&Entry<'a>| {
        let live = |entry: &Entry<'_>| entry.deprecated.is_none();
        live(a).cmp(&live(b)).then_with(|| compare(&a.version, &b.version))
    };
    entries.max_by(order).map(|entry| &*entry.version)
}

fn same_kind(version: &str, other: &str) -> bool {
    match (is_prerelease(version), is_prerelease(other)) {
        (true, true) => channel(version) == channel(other),
        (false, false) => major(version) == major(other),
        _ => false,
    }
}

/// `canary` of `15.0.0-canary.3`
fn channel(version: &str) -> &str {
    let prerelease = version.split_once('-').map_or("", |(_, prerelease)| prerelease);
    let end = prerelease.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(prerelease.len());
    &prerelease[..end]
}

fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or(version)
}

fn compare(left: &str, right: &str) -> Ordering {
    weir_version::compare(Scheme::Npm, left, right)
}

fn is_prerelease(version: &str) -> bool {
    weir_version::is_prerelease(Scheme::Npm, version)
}

//! The list of a module's versions: which of them need a date, and which is the latest.

use std::cmp::Ordering;

use weir_core::{Fetch, Name, Scheme, Timestamp};

use crate::name::{is_canonical, line, pseudo_time};
use crate::paths;

/// Lines of development whose newest version is dated at first, and at most.
const LINES: (usize, usize) = (8, 32);
/// How many versions of a line are dated at first; four times as many with each further look.
const DEPTH: (usize, usize) = (1, 16);
/// At most so many versions of a module are dated.
const DATED: usize = 96;

/// The fetch of the list.
pub(crate) fn fetch(module: &Name) -> Fetch {
    Fetch::get(paths::list(module)).accept("text/plain").listing()
}

/// An entry of a list: a version, maybe followed by its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    /// The first word.
    pub(crate) version: &'a str,
    /// The time in the list or in a pseudo-version.
    pub(crate) time: Option<Timestamp>,
}

impl Entry<'_> {
    /// Whether it is a version in Go's own spelling.
    pub(crate) fn is_version(&self) -> bool {
        is_canonical(self.version)
    }
}

/// The lines of a list that hold something, with their line endings.
pub(crate) fn lines(list: &str) -> impl Iterator<Item = (&str, Entry<'_>)> {
    list.split_inclusive('\n').filter_map(|line| {
        let mut words = line.split_whitespace();
        let version = words.next()?;
        let time = words.next().and_then(Timestamp::parse_rfc3339);
        Some((line, Entry { version, time: time.or_else(|| pseudo_time(version)) }))
    })
}

/// The versions of a list, the highest first.
pub(crate) fn sorted(list: &str) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> =
        lines(list).map(|(_, entry)| entry).filter(Entry::is_version).collect();
    entries.sort_by(|a, b| order(b.version, a.version));
    entries.dedup_by(|a, b| a.version == b.version);
    entries
}

pub(crate) fn order(a: &str, b: &str) -> Ordering {
    weir_version::compare(Scheme::Go, a, b).then_with(|| a.cmp(b))
}

/// The versions of which a date has to be known, as far as is known by now.
///
/// Within a line (`v1.2`) a higher version is taken to be a later one. So the newest of each of the
/// highest lines is dated, and only where that one is younger than the horizon, those below it;
/// and only where the last line looked at is young, further lines. `known` gives the date of a
/// version, once it is known, and `Some(None)` where there is none to be had.
pub(crate) fn to_date<'a>(
    entries: &[Entry<'a>],
    horizon: Timestamp,
    known: impl Fn(&str) -> Option<Option<Timestamp>>,
) -> Vec<&'a str> {
    let young = |entry: &Entry<'_>| {
        let time = entry.time.map(Some).or_else(|| known(entry.version));
        time.is_some_and(|time| time.is_some_and(|time| time >= horizon))
    };
    let groups: Vec<&[Entry<'a>]> =
        entries.chunk_by(|a, b| line(a.version) == line(b.version)).collect();
    let mut lines = LINES.0;
    while lines < LINES.1.min(groups.len())
        && groups.get(lines - 1).is_some_and(|group| young(&group[0]))
    {
        lines *= 2;
    }
    let mut wanted: Vec<&Entry<'a>> = Vec::new();
    for group in groups.iter().take(lines) {
        let mut depth = DEPTH.0;
        while depth < DEPTH.1 && group.get(depth - 1).is_some_and(young) {
            depth *= 4;
        }
        wanted.extend(group.iter().take(depth).filter(|entry| entry.time.is_none()));
    }
    wanted.iter().take(DATED).map(|entry| entry.version).collect()
}

/// The version that counts as the latest of these: the highest release, else the highest
/// pre-release, else the highest pseudo-version.
pub(crate) fn latest<'a>(versions: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let rank = |version: &str| match (pseudo_time(version).is_some(), is_prerelease(version)) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    };
    versions.max_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| order(a, b)))
}

fn is_prerelease(version: &str) -> bool {
    weir_version::is_prerelease(Scheme::Go, version)
}

/// Whether a version that a list does not have is newer than what the list has: higher than every
/// version of its line, or than every version where its line has none. Lists are made and kept
/// apart from the versions that a proxy serves, and lag behind; of a version below, the list of a
/// mirror may just be incomplete.
pub(crate) fn is_beyond(list: &str, version: &str) -> bool {
    if pseudo_time(version).is_some() {
        return false;
    }
    let (mut listed, mut higher, mut lined, mut higher_in_line) = (false, false, false, false);
    for (_, entry) in lines(list).filter(|(_, entry)| entry.is_version()) {
        let above = order(entry.version, version).is_gt();
        let same_line = line(entry.version) == line(version);
        listed |= entry.version == version;
        higher |= above;
        lined |= same_line;
        higher_in_line |= above && same_line;
    }
    !listed && if lined { !higher_in_line } else { !higher }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn an_old_long_list_costs_few_dates() {
        let list: String = (0..40)
            .flat_map(|minor| (0..20).map(move |patch| format!("v1.{minor}.{patch}\n")))
            .collect();
        let entries = sorted(&list);
        assert_eq!(entries.len(), 800);
        let old = at("2020-01-01T00:00:00Z");
        let horizon = at("2026-01-01T00:00:00Z");
        let asked = to_date(&entries, horizon, |_| None);
        assert_eq!(
            asked,
            [
                "v1.39.19", "v1.38.19", "v1.37.19", "v1.36.19", "v1.35.19", "v1.34.19", "v1.33.19",
                "v1.32.19"
            ]
        );
        assert_eq!(to_date(&entries, horizon, |_| Some(Some(old))), asked);
    }

    #[test]
    fn young_lines_are_looked_through() {
        let list = "v1.0.0\nv1.0.1\nv1.0.2\nv1.0.3\nv1.0.4\nv0.9.0\nv0.9.1\n";
        let entries = sorted(list);
        let young = at("2026-01-02T00:00:00Z");
        let date = |version: &str| {
            Some(Some(if version == "v1.0.4" { young } else { at("2020-01-01T00:00:00Z") }))
        };
        let asked = to_date(&entries, at("2026-01-01T00:00:00Z"), date);
        assert_eq!(asked, ["v1.0.4", "v1.0.3", "v1.0.2", "v1.0.1", "v0.9.1"]);
    }

    #[test]
    fn a_list_where_everything_is_young_is_dated_up_to_a_limit() {
        let list: String = (0..60)
            .flat_map(|minor| (0..20).map(move |patch| format!("v1.{minor}.{patch}\n")))
            .collect();
        let asked =
            to_date(&sorted(&list), Timestamp::MIN, |_| Some(Some(at("2020-01-01T00:00:00Z"))));
        assert_eq!(asked.len(), DATED);
    }

    #[test]
    fn pseudo_versions_bring_their_own_date() {
        let entries = sorted("v0.0.0-20200102030405-0123456789ab\n");
        assert!(to_date(&entries, Timestamp::MIN, |_| None).is_empty());
    }

    #[test]
    fn a_release_is_later_than_any_prerelease() {
        let all = ["v1.0.0", "v2.0.0-rc.1", "v0.9.0", "v2.0.0-20200102030405-0123456789ab"];
        assert_eq!(latest(all.into_iter()), Some("v1.0.0"));
        assert_eq!(latest(all.into_iter().skip(1).filter(|v| *v != "v0.9.0")), Some("v2.0.0-rc.1"));
        assert_eq!(latest(all.into_iter().skip(3)), Some(all[3]));
        assert_eq!(latest(std::iter::empty()), None);
    }

    #[test]
    fn what_lies_above_a_list_is_newer_than_the_list() {
        let list = "v1.0.0\nv1.0.3\nv1.2.0\n";
        for beyond in ["v1.0.4", "v1.2.1", "v1.3.0", "v2.0.0"] {
            assert!(is_beyond(list, beyond), "{beyond}");
        }
        for within in ["v1.0.0", "v1.0.2", "v1.1.9", "v0.1.0", "v9.0.0-20200102030405-0123456789ab"]
        {
            assert!(!is_beyond(list, within), "{within}");
        }
        assert!(is_beyond("", "v1.0.0"));
    }
}

//! Links in written documents.

use weir_core::{Coordinates, Ecosystem, Method, Owner, Release, Target};

use super::suite::Subject;
use super::{Driver, Fault, laws};

/// What ends a link where it stands.
fn ends_link(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`')
}

/// A document taken apart at its links to a base: the text between and the links themselves.
pub(super) struct Parts<'a> {
    pub(super) between: Vec<&'a [u8]>,
    pub(super) links: Vec<&'a [u8]>,
}

/// Takes a document apart.
pub(super) fn split<'a>(document: &'a [u8], base: &str) -> Parts<'a> {
    let base = base.as_bytes();
    let mut parts = Parts { between: Vec::new(), links: Vec::new() };
    let (mut start, mut at) = (0, 0);
    while at < document.len() {
        if !document[at..].starts_with(base) {
            at += 1;
            continue;
        }
        let length = document[at..].iter().position(|b| ends_link(*b));
        let end = length.map_or(document.len(), |length| at + length);
        parts.between.push(&document[start..at]);
        parts.links.push(&document[at..end]);
        (start, at) = (end, end);
    }
    parts.between.push(&document[start..]);
    parts
}

/// Whether a document differs from `original` in its links only: returns the first byte of the
/// original that the text between the links does not account for.
pub(super) fn first_difference(original: &[u8], written: &[u8], base: &str) -> Option<usize> {
    let parts = split(written, base);
    let mut rest = original;
    for (index, between) in parts.between.iter().enumerate() {
        if index > 0 {
            let link = rest.iter().position(|b| ends_link(*b)).unwrap_or(rest.len());
            rest = &rest[link..];
        }
        let same = rest.iter().zip(*between).take_while(|(a, b)| a == b).count();
        if same < between.len() {
            return Some(original.len() - rest.len() + same);
        }
        rest = &rest[same..];
    }
    (!rest.is_empty()).then(|| original.len() - rest.len())
}

/// Every link to the mount leads to something that the mount serves, and where that is a file,
/// to a file of a release that stayed.
pub(super) fn lead_to_kept(
    subject: &Subject<'_>,
    driver: &Driver<'_>,
    document: &[u8],
    kept: &[Release<'_>],
) {
    const LAW: &str = "links lead to kept or marked releases";
    for link in split(document, &subject.cx.base).links {
        let Some(raw) = below_mount(link, &subject.cx.base) else { continue };
        let target = subject.must(destination(subject.plugin, &raw), LAW);
        laws::round_trip(subject, &target);
        let release = subject.must(release_of(driver, &target), LAW);
        let Some((release, file)) = release else { continue };
        let stays = kept.iter().any(|entry| {
            *entry.name == *release.name.as_str()
                && *entry.version == *release.version.as_str()
                && entry.file.as_deref().is_none_or(|name| file.as_deref() == Some(name))
        });
        subject.require(stays, LAW, || format!("{raw} leads to {release}, file {file:?}"));
    }
}

/// The raw path of a link below the mount; `None` for the mount itself and for templates, which
/// clients fill in.
fn below_mount(link: &[u8], base: &str) -> Option<String> {
    let text = String::from_utf8_lossy(link).replace("&amp;", "&");
    let raw = text.strip_prefix(base)?.strip_prefix('/')?;
    let raw = raw.split('#').next().filter(|raw| !raw.is_empty())?;
    let template = raw.contains(['{', '}'])
        || raw.match_indices('%').any(|(at, _)| {
            !raw.as_bytes().get(at + 1..at + 3).is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit))
        });
    (!template).then(|| raw.to_owned())
}

fn destination(plugin: &dyn Ecosystem, raw: &str) -> Result<Target, String> {
    let found = laws::routes(plugin, raw, Method::Get, &[]);
    let reason = format!("{raw} leads to {:?}", found.first());
    found.into_iter().find_map(Result::ok).ok_or(reason)
}

/// The release and the listed file that a link's target belongs to.
fn release_of(
    driver: &Driver<'_>,
    target: &Target,
) -> Result<Option<(Coordinates, Option<String>)>, String> {
    match target {
        Target::Sidecar { of, .. } => release_of(driver, of),
        Target::Artifact { owner, file, .. } => match (driver.locate(target), owner) {
            (Ok(Some(located)), _) => {
                let listed_as = located.listed_as.unwrap_or_else(|| file.clone());
                Ok(Some((located.release, Some(listed_as.into()))))
            }
            // A link to another package, whose evidence the case need not give.
            (Err(Fault::Missing(_)), Owner::Release(release)) => {
                Ok(Some((release.clone(), Some(file.to_string()))))
            }
            (Ok(None), _) => Err(format!("{target:?} is linked but not located")),
            (Err(fault), _) => Err(format!("{target:?} is linked, but: {fault}")),
        },
        Target::Relay { .. } => Err(format!("{target:?} is linked from a manifest")),
        Target::Manifest { .. } | Target::Local(_) => Ok(None),
    }
}

/// No upstream host remains in a field that a client fetches.
pub(super) fn no_upstream_host(subject: &Subject<'_>, document: &[u8]) {
    let document = match subject.case.free_text {
        Some(strip) => strip(document),
        None => document.to_vec(),
    };
    let text = String::from_utf8_lossy(&document);
    for host in &subject.case.hosts {
        let found = text.find(host).map(|at| {
            let around = text.char_indices().map(|(i, _)| i);
            let start = around.filter(|i| *i + 80 >= at).find(|i| *i <= at).unwrap_or(0);
            text[start..].chars().take(160).collect::<String>()
        });
        subject.require(found.is_none(), "no upstream host remains", || {
            format!("{host} in …{}…", found.clone().unwrap_or_default())
        });
    }
}

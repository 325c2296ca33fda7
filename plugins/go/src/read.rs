//! Which releases the documents list, and with which dates.

use std::borrow::Cow;

use weir_core::{
    Coordinates, Fetch, FormatError, Found, Job, Name, Need, Release, Role, Timestamp, View,
};

use crate::info::{self, Info};
use crate::name::is_canonical;
use crate::versions::{self, Entry};
use crate::views;

/// How many versions are asked about where the proxy does not say which is the latest.
const HEIRS: usize = 2;

/// The `.info` documents that a list, or the latest version, still needs.
pub(crate) fn infos_needed(job: &Job<'_>, name: &Name, view: &View, dated: bool) -> Vec<Fetch> {
    // A list that is no text fails in `read`.
    let Some(Ok(list)) = job.docs.doc(&versions::fetch(name)).map(weir_core::Doc::text) else {
        return Vec::new();
    };
    let entries = versions::sorted(list);
    let mut wanted = Vec::new();
    if dated {
        let known = |version: &str| known(job, name, version);
        wanted = versions::to_date(&entries, job.cx.horizon.unwrap_or(Timestamp::MIN), known);
    }
    let unsaid = matches!(job.docs.found(&Need::Fetch(info::latest(name))), Some(Found::Absent));
    if view.name == views::LATEST && unsaid {
        let mut heirs: Vec<&str> = entries.iter().map(|entry| entry.version).collect();
        for _ in 0..HEIRS {
            let Some(heir) = versions::latest(heirs.iter().copied()) else { break };
            heirs.retain(|version| *version != heir);
            if !wanted.contains(&heir) {
                wanted.push(heir);
            }
        }
    }
    wanted.into_iter().map(|version| info::fetch(name, version).optional()).collect()
}

/// The date of a version, once its document was asked for; `Some(None)` where none is to be had.
#[expect(clippy::option_option, reason = "not asked yet, asked in vain and dated are three")]
fn known(job: &Job<'_>, name: &Name, version: &str) -> Option<Option<Timestamp>> {
    match job.docs.found(&Need::Fetch(info::fetch(name, version).optional()))? {
        Found::Doc(doc) => Some(info::of(doc, version).ok().and_then(|info| info.time)),
        _ => Some(None),
    }
}

/// The releases of a list.
pub(crate) fn list(
    job: &Job<'_>,
    name: &Name,
    each: &mut dyn FnMut(Release<'_>),
) -> Result<(), FormatError> {
    let list = job.doc(&versions::fetch(name))?.text()?;
    for (_, entry) in versions::lines(list) {
        each(listed(job, name, &entry));
    }
    Ok(())
}

fn listed<'a>(job: &Job<'_>, name: &'a Name, entry: &Entry<'a>) -> Release<'a> {
    let release = plain(name, entry.version);
    if !entry.is_version() {
        let unreadable = Some("the list has something else than a version in its normal form");
        return Release { unreadable, ..release };
    }
    let fetch = Need::Fetch(info::fetch(name, entry.version).optional());
    let said = match job.docs.found(&fetch) {
        Some(Found::Doc(doc)) => Some(info::of(doc, entry.version)),
        _ => None,
    };
    match said {
        Some(Err(_)) => {
            Release { unreadable: Some("its .info document cannot be read"), ..release }
        }
        Some(Ok(Info { time: Some(time), .. })) => Release { authored: Some(time), ..release },
        _ => Release { authored: entry.time, ..release },
    }
}

fn plain<'a>(name: &'a Name, version: &'a str) -> Release<'a> {
    Release {
        name: Cow::Borrowed(name.as_str()),
        version: Cow::Borrowed(version),
        ..Release::default()
    }
}

/// The releases of a list, and the latest version where the list does not have it.
pub(crate) fn latest(
    job: &Job<'_>,
    name: &Name,
    each: &mut dyn FnMut(Release<'_>),
) -> Result<(), FormatError> {
    let text = job.doc(&versions::fetch(name))?.text()?;
    list(job, name, each)?;
    if let Some(doc) = job.docs.doc(&info::latest(name)) {
        let said = info::parse(doc.bytes())?;
        if !lists(text, &said.version) {
            each(single(name, &said, Some(text)));
        }
    }
    Ok(())
}

/// Whether a list has this version.
pub(crate) fn lists(list: &str, version: &str) -> bool {
    versions::lines(list).any(|(_, entry)| entry.version == version)
}

/// The one release that a document of its own describes.
fn single<'a>(name: &'a Name, said: &'a Info<'a>, list: Option<&str>) -> Release<'a> {
    let release = Release {
        authored: said.time,
        unlisted: list.is_some_and(|list| versions::is_beyond(list, &said.version)),
        ..plain(name, &said.version)
    };
    if is_canonical(&said.version) {
        return release;
    }
    Release { unreadable: Some("the proxy names something else than a version"), ..release }
}

/// The list that was gathered beside another document.
fn beside<'a>(job: &Job<'a>, name: &Name) -> Result<Option<&'a str>, FormatError> {
    job.docs.doc(&versions::fetch(name).optional()).map(weir_core::Doc::text).transpose()
}

/// The release that the proxy finds for a version or a query.
pub(crate) fn info(
    job: &Job<'_>,
    name: &Name,
    query: &str,
    each: &mut dyn FnMut(Release<'_>),
) -> Result<(), FormatError> {
    let doc = job.doc(&info::fetch(name, query))?;
    let said = if is_canonical(query) { info::of(doc, query)? } else { info::parse(doc.bytes())? };
    each(single(name, &said, beside(job, name)?));
    Ok(())
}

/// The release of a file.
pub(crate) fn artifact(
    job: &Job<'_>,
    release: &Coordinates,
    role: Role,
    each: &mut dyn FnMut(Release<'_>),
) -> Result<(), FormatError> {
    let (name, version) = (&release.name, release.version.as_str());
    if role == Role::Resolution {
        each(plain(name, version));
        return Ok(());
    }
    let said = info::of(job.doc(&info::fetch(name, version))?, version)?;
    each(single(name, &said, beside(job, name)?));
    Ok(())
}

//! `config.json`: ours, and what the registry's own says of downloads and of the web API.

use std::io;

use weir_core::{Doc, Fetch, FormatError, Job, Link, LinkSyntax, Place};
use weir_format::json::{self, Object};

use crate::index::Entry;
use crate::paths;

/// The registry's configuration.
pub(crate) fn fetch() -> Fetch {
    Fetch::get("config.json").accept("application/json")
}

/// Ours: everything leads to this mount. `auth-required` is there when the gateway itself asks for
/// a token; one that the registry wants belongs to the upstream's settings.
pub(crate) fn write(job: &Job<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let dl = json::quote(&job.link("crates/{crate}/{version}/download"));
    let api = json::quote(&job.cx.base);
    let auth = if job.cx.private { ",\"auth-required\":true" } else { "" };
    writeln!(out, "{{\"dl\":{dl},\"api\":{api}{auth}}}")
}

/// Where a crate is downloaded from, by the template `dl`.
pub(crate) fn download(config: &Doc, entry: &Entry<'_>) -> Result<Link, FormatError> {
    let dl = Object::parse(config.bytes())?
        .get("dl")
        .filter(|dl| dl.text().is_some_and(|text| !text.is_empty()))
        .ok_or_else(|| FormatError::new("config.json names no place for downloads (dl)"))?;
    let (name, version) = (&*entry.name, &*entry.version);
    let markers = [
        ("{crate}", name),
        ("{version}", version),
        ("{prefix}", &paths::prefix(name)),
        ("{lowerprefix}", &paths::prefix(&name.to_ascii_lowercase())),
        ("{sha256-checksum}", &entry.digest.hex()),
    ];
    let suffix = format!("/{name}/{version}/download");
    config.template(dl.inner_span(), LinkSyntax::Json, &markers, &suffix)
}

/// The fetch behind a target of the web API. A registry whose configuration names no `api` is
/// asked below its index, where it answers 404 if it has none.
pub(crate) fn api_fetch(job: &Job<'_>) -> Result<Fetch, FormatError> {
    let path = paths::api_path(job.target)
        .ok_or_else(|| FormatError::new("the target is not of the web API"))?;
    let config = job.doc(&fetch())?;
    let api = Object::parse(config.bytes())?.get("api");
    let place = match api.filter(|api| api.text().is_some_and(|text| !text.is_empty())) {
        None => Place::primary(path),
        Some(api) => {
            let suffix = format!("/{path}");
            Place::Link(config.template(api.inner_span(), LinkSyntax::Json, &[], &suffix)?)
        }
    };
    Ok(Fetch::from(place).accept("application/json"))
}

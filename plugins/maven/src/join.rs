//! One listing from those of several repositories.

use std::collections::HashSet;
use std::fmt::Write as _;

use weir_core::{FormatError, Target};
use weir_format::xml::{Element, quote};

use crate::metadata::{Metadata, order};
use crate::route::is_snapshot;

/// All listings are joined.
pub(crate) fn joins(target: &Target) -> bool {
    matches!(target, Target::Manifest { .. })
}

/// Joins listings: the versions of all in the order of the repositories, the plugins of all, and of
/// several listings of a snapshot that of the newest build.
pub(crate) fn join(documents: &[&[u8]]) -> Result<Vec<u8>, FormatError> {
    let parts = documents.iter().map(|one| Metadata::read(one)).collect::<Result<Vec<_>, _>>()?;
    let builds = |part: &Metadata<'_>| {
        part.versioning().is_some_and(|v| v.named("snapshot").next().is_some())
    };
    if parts.iter().any(builds) {
        let newest = parts.iter().zip(documents).max_by_key(|(part, _)| part.built());
        return Ok(newest.map(|(_, document)| document.to_vec()).unwrap_or_default());
    }
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata>\n");
    for name in ["groupId", "artifactId"] {
        let text = parts.iter().find_map(|part| text_of(part.root(), name));
        line(&mut out, 2, name, text);
    }
    versioning(&mut out, &parts);
    plugins(&mut out, &parts);
    out.push_str("</metadata>\n");
    Ok(out.into_bytes())
}

fn versioning(out: &mut String, parts: &[Metadata<'_>]) {
    let mut seen = HashSet::new();
    let versions = parts.iter().flat_map(Metadata::versions);
    let versions: Vec<&str> = versions.filter(|version| seen.insert(*version)).collect();
    let named = |name| parts.iter().filter_map(move |part| text_of(part.versioning()?, name));
    let latest = named("latest").max_by(|a, b| order(a, b));
    let release = named("release").filter(|v| !is_snapshot(v)).max_by(|a, b| order(a, b));
    let updated = named("lastUpdated").max();
    if versions.is_empty() && latest.is_none() && release.is_none() && updated.is_none() {
        return;
    }
    out.push_str("  <versioning>\n");
    line(out, 4, "latest", latest);
    line(out, 4, "release", release);
    if !versions.is_empty() {
        out.push_str("    <versions>\n");
        for version in &versions {
            line(out, 6, "version", Some(version));
        }
        out.push_str("    </versions>\n");
    }
    line(out, 4, "lastUpdated", updated);
    out.push_str("  </versioning>\n");
}

fn plugins(out: &mut String, parts: &[Metadata<'_>]) {
    let lists = parts.iter().flat_map(|part| part.root().named("plugins"));
    let mut seen = HashSet::new();
    let plugins = lists.flat_map(|list| list.named("plugin"));
    let plugins: Vec<_> = plugins.filter(|one| seen.insert(text_of(one, "prefix"))).collect();
    if plugins.is_empty() {
        return;
    }
    out.push_str("  <plugins>\n");
    for plugin in plugins {
        out.push_str("    <plugin>\n");
        for name in ["name", "prefix", "artifactId"] {
            line(out, 6, name, text_of(plugin, name));
        }
        out.push_str("    </plugin>\n");
    }
    out.push_str("  </plugins>\n");
}

fn text_of<'e>(element: &'e Element<'_>, name: &str) -> Option<&'e str> {
    element.named(name).next()?.text().filter(|text| !text.is_empty())
}

fn line(out: &mut String, indent: usize, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{:indent$}<{name}>{}</{name}>", "", quote(text));
    }
}

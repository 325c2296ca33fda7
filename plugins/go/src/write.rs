//! The documents as this gateway serves them.

use std::io;

use weir_core::{Doc, Edits, FormatError, Found, Head, Job, Name, Need, View};

use crate::{info, paths, record, sums, versions, views};

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const BINARY: &str = "application/octet-stream";

pub(crate) fn failed() -> FormatError {
    FormatError::new("the document could not be written")
}

pub(crate) fn manifest(
    job: &Job<'_>,
    name: &Name,
    view: &View,
    edits: &Edits,
    out: &mut dyn io::Write,
) -> Result<Head, FormatError> {
    let media = match view.name {
        views::LIST => {
            list(job.doc(&versions::fetch(name))?.text()?, edits, out)?;
            TEXT
        }
        views::LATEST => {
            latest(job, name, edits, out)?;
            JSON
        }
        views::INFO => {
            if !edits.keeps(0) {
                return Err(FormatError::new("the only version of the document is withheld"));
            }
            put(out, job.doc(&info::fetch(name, &view.arg))?.bytes())?;
            JSON
        }
        _ => {
            let (version, database) = paths::split_lookup(&view.arg).ok_or_else(failed)?;
            let doc = job.doc(&record(name, version, database))?;
            sums::check(doc.text()?)?;
            put(out, doc.bytes())?;
            TEXT
        }
    };
    Ok(Head::new(media))
}

/// A list without the lines of what is dropped.
fn list(list: &str, edits: &Edits, out: &mut dyn io::Write) -> Result<(), FormatError> {
    if edits.is_empty() {
        return put(out, list.as_bytes());
    }
    let kept = versions::lines(list).enumerate().filter(|(ordinal, _)| edits.keeps(*ordinal));
    for (_, (line, _)) in kept {
        put(out, line.as_bytes())?;
    }
    Ok(())
}

/// The proxy's own word where it stays; else the latest of what stays, and of that what is not
/// higher than the proxy's word, which knows of retracted versions.
fn latest(
    job: &Job<'_>,
    name: &Name,
    edits: &Edits,
    out: &mut dyn io::Write,
) -> Result<(), FormatError> {
    let list = job.doc(&versions::fetch(name))?.text()?;
    let listed: Vec<&str> = versions::lines(list).map(|(_, entry)| entry.version).collect();
    let kept = |(ordinal, version): (usize, &&'_ str)| {
        edits.keeps(ordinal).then_some(ordinal).map(|_| (*version).to_owned())
    };
    let mut remaining: Vec<String> = listed.iter().enumerate().filter_map(kept).collect();
    if let Some(doc) = job.docs.doc(&info::latest(name)) {
        let said = info::parse(doc.bytes())?;
        let beside = listed.len();
        let stays = match listed.iter().position(|version| *version == said.version) {
            Some(ordinal) => edits.keeps(ordinal),
            None => edits.keeps(beside),
        };
        if stays {
            return put(out, doc.bytes());
        }
        let below = |version: &String| versions::order(version, &said.version).is_lt();
        if remaining.iter().any(below) {
            remaining.retain(below);
        }
    }
    let chosen = versions::latest(remaining.iter().map(String::as_str))
        .ok_or_else(|| FormatError::new("every version is withheld"))?;
    match job.docs.found(&Need::Fetch(info::fetch(name, chosen).optional())) {
        Some(Found::Doc(doc)) => put(out, doc.bytes()),
        _ => put(out, info::bare(chosen).as_bytes()),
    }
}

/// A document of a checksum database as it is: clients verify it.
pub(crate) fn relay(doc: &Doc, view: &View, out: &mut dyn io::Write) -> Result<Head, FormatError> {
    match view.name {
        views::SUPPORTED => Ok(Head::new(TEXT)),
        views::TREE => {
            let text = doc.text()?;
            if !text.starts_with("go.sum database tree\n") {
                return Err(FormatError::new("this is no tree of a checksum database"));
            }
            put(out, text.as_bytes())?;
            Ok(Head::new(TEXT))
        }
        _ => {
            put(out, doc.bytes())?;
            Ok(Head::new(BINARY))
        }
    }
}

fn put(out: &mut dyn io::Write, bytes: &[u8]) -> Result<(), FormatError> {
    out.write_all(bytes).map_err(|_| failed())
}

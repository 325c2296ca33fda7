//! The index of all names. It lists no releases; its links are made relative, so that they lead
//! to this mount.

use std::io;

use weir_core::{Doc, FormatError};
use weir_format::Splice;
use weir_format::html::{self, Anchor, Item};
use weir_format::json::{Object, quote};

use crate::listing::is_json;
use crate::name::normalize;

/// Writes the index in one of the two forms.
pub(crate) fn write(doc: &Doc, json: bool, out: &mut dyn io::Write) -> Result<(), FormatError> {
    let written = match (is_json(doc)?, json) {
        (true, true) => {
            projects(doc)?;
            out.write_all(doc.bytes())
        }
        (false, false) => edited_page(doc)?.write(out),
        (true, false) => page(&projects(doc)?, out),
        (false, true) => document(&names(doc)?, out),
    };
    written.map_err(|error| FormatError::new(format!("not written: {error}")))
}

/// The names of a JSON index.
fn projects(doc: &Doc) -> Result<Vec<String>, FormatError> {
    let root = Object::parse(doc.bytes())?;
    let projects = root.get("projects");
    let projects =
        projects.ok_or_else(|| FormatError::new("the index has no projects"))?.array()?;
    let mut names = Vec::with_capacity(projects.elements().len());
    for project in projects.elements() {
        let name = project.loose_object()?.sole("name")?.and_then(|name| name.text());
        names.extend(name.map(String::from));
    }
    Ok(names)
}

/// The names of an HTML index, as it shows them where that is a spelling of the name linked to.
fn names(doc: &Doc) -> Result<Vec<String>, FormatError> {
    let mut names = Vec::new();
    html::visit(doc.text()?, &mut |item| {
        let Item::Anchor(anchor) = item else { return };
        if let Some(normal) = linked(&anchor) {
            let shown = html::unescape(anchor.content.trim());
            let spelled = normalize(&shown).as_ref() == Some(&normal);
            names.push(if spelled { shown.into_owned() } else { normal });
        }
    })?;
    Ok(names)
}

/// The project that an anchor of an index leads to.
fn linked(anchor: &Anchor<'_>) -> Option<String> {
    let href = anchor.text("href")?;
    let path = href.trim().split(['?', '#']).next()?;
    normalize(path.strip_suffix('/').unwrap_or(path).rsplit('/').next()?)
}

fn edited_page(doc: &Doc) -> Result<Splice<'_>, FormatError> {
    let source = doc.text()?;
    let mut splice = Splice::new(source.as_bytes());
    html::visit(source, &mut |item| match item {
        Item::Anchor(anchor) => match (anchor.attribute("href"), linked(&anchor)) {
            (Some(href), Some(name)) => {
                let ours = format!("{name}/");
                if href.raw != ours {
                    splice.put(href.span.clone(), href.replacement(&ours));
                }
            }
            (Some(_), None) => splice.cut(anchor.entry(source)),
            (None, _) => {}
        },
        // Moved links would lead elsewhere.
        Item::Base(tag) => {
            if let Some(href) = tag.attribute("href") {
                splice.put(href.span.clone(), href.replacement("./"));
            }
        }
        Item::Meta(_) => {}
    })?;
    Ok(splice)
}

fn page(names: &[String], out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "<!DOCTYPE html>\n<html>\n<head>")?;
    writeln!(out, "<meta name=\"pypi:repository-version\" content=\"1.0\">")?;
    writeln!(out, "<title>Simple index</title>\n</head>\n<body>")?;
    for name in names {
        if let Some(normal) = normalize(name) {
            writeln!(out, "<a href=\"{normal}/\">{}</a><br>", html::escape(name))?;
        }
    }
    writeln!(out, "</body>\n</html>")
}

fn document(names: &[String], out: &mut dyn io::Write) -> io::Result<()> {
    out.write_all(b"{\"meta\":{\"api-version\":\"1.0\"},\"projects\":[")?;
    for (position, name) in names.iter().enumerate() {
        let comma = if position == 0 { "" } else { "," };
        write!(out, "{comma}{{\"name\":{}}}", quote(name))?;
    }
    out.write_all(b"]}")
}

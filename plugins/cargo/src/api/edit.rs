//! Applies edits to documents of the web API.

use std::collections::HashSet;

use weir_core::{Edit, Edits, Scheme};
use weir_format::Splice;
use weir_format::json::{self, Kind, Object, Value};

use super::parse::{Facts, Sheet, Summary};

pub(super) fn apply<'a>(sheet: &Sheet<'a>, body: &'a [u8], edits: &Edits) -> Splice<'a> {
    let mut splice = Splice::new(body);
    rows(sheet, edits, &mut splice);
    for summary in &sheet.summaries {
        if let (Ok((name, _)), Some(object)) = (&summary.facts, &summary.object) {
            repoint(sheet, summary, edits, &mut splice);
            forget_rows(sheet, object, edits, &mut splice);
            stay_here(object, name, None, &mut splice);
        }
    }
    if let Some(list) = &sheet.summary_list {
        list.retain(&mut splice, |at| {
            let summary = &sheet.summaries[at];
            match &summary.facts {
                Ok(_) => summary.own.is_empty() || stays(summary, edits).next().is_some(),
                Err(_) => edits.keeps(summary.first),
            }
        });
    }
    splice
}

fn rows<'a>(sheet: &Sheet<'a>, edits: &Edits, splice: &mut Splice<'a>) {
    for (ordinal, row) in sheet.rows.iter().enumerate() {
        let Ok(facts) = &row.facts else { continue };
        if let Edit::Mark(sentence) = edits.get(ordinal) {
            mark(facts, sentence, splice);
        }
        stay_here(&facts.object, &facts.name, Some(&facts.version), splice);
    }
    match &sheet.row_list {
        Some(list) => {
            list.retain(splice, |ordinal| edits.keeps(ordinal));
        }
        None => {
            for row in sheet.rows.iter().take(1).filter(|_| !edits.keeps(0)) {
                splice.put(row.value.span(), "null");
            }
        }
    }
}

fn mark<'a>(facts: &Facts<'a>, sentence: &str, splice: &mut Splice<'a>) {
    let mut missing = Vec::new();
    let sentence = json::quote(sentence);
    for (key, value) in [("yanked", "true"), ("yank_message", sentence.as_str())] {
        match facts.object.get(key) {
            Some(old) => splice.put(old.span(), value.to_owned()),
            None => missing.push((key, value)),
        }
    }
    facts.object.insert(splice, &missing, facts.object.members().len());
}

/// The summary's own versions that stay. A summary has no place for a mark, so what would be
/// marked is left out.
fn stays<'s>(summary: &'s Summary<'_>, edits: &'s Edits) -> impl Iterator<Item = &'s str> {
    let kept = |at: usize| *edits.get(summary.first + at) == Edit::Keep;
    summary.own.iter().enumerate().filter(move |(at, _)| kept(*at)).map(|(_, version)| &**version)
}

/// Repoints the fields that name a version which is withheld.
fn repoint<'a>(sheet: &Sheet<'a>, summary: &Summary<'a>, edits: &Edits, splice: &mut Splice<'a>) {
    let Ok((_, fields)) = &summary.facts else { return };
    let rows = || {
        let numbered = sheet.rows.iter().enumerate();
        numbered.filter_map(|(at, row)| Some((at, row.facts.as_ref().ok()?)))
    };
    let offered: Vec<&str> = rows()
        .filter(|(at, facts)| *edits.get(*at) == Edit::Keep && facts.yanked.is_none())
        .map(|(_, facts)| &*facts.version)
        .chain(stays(summary, edits))
        .collect();
    for field in fields {
        let row = rows().find(|(_, facts)| facts.version == field.version);
        let withheld = match row {
            Some((at, _)) => *edits.get(at) != Edit::Keep,
            None => !stays(summary, edits).any(|version| version == field.version),
        };
        if withheld {
            let stable = field.field == "max_stable_version";
            let fits = |v: &&str| !stable || !weir_version::is_prerelease(Scheme::Semver, v);
            let newest = weir_version::newest(Scheme::Semver, offered.iter().copied().filter(fits));
            splice.put(field.value.span(), newest.map_or_else(|| "null".to_owned(), json::quote));
        }
    }
}

/// Takes the ids of dropped rows out of a summary's `versions`, and whatever is no id.
fn forget_rows<'a>(sheet: &Sheet<'a>, object: &Object<'a>, edits: &Edits, splice: &mut Splice<'a>) {
    let Some(ids) = object.get("versions").and_then(|value| value.array().ok()) else { return };
    let dropped: HashSet<&str> = sheet
        .rows
        .iter()
        .enumerate()
        .filter(|(ordinal, _)| !edits.keeps(*ordinal))
        .filter_map(|(_, row)| Some(row.value.loose_object().ok()?.get("id")?.raw()))
        .collect();
    ids.retain(splice, |at| {
        let id = &ids.elements()[at];
        id.kind() == Kind::Number && !dropped.contains(id.raw())
    });
}

/// Keeps what a client would fetch below the address that it asked: paths of the web API are
/// relative to the registry's `api`, which is this mount.
fn stay_here<'a>(object: &Object<'a>, name: &str, version: Option<&str>, splice: &mut Splice<'a>) {
    if let (Some(path), Some(version)) = (object.get("dl_path"), version) {
        let here = json::quote(&format!("/api/v1/crates/{name}/{version}/download"));
        if path.raw() != here {
            splice.put(path.span(), here);
        }
    }
    let links = object.get("links").and_then(|links| links.loose_object().ok());
    let links = links.iter().flat_map(Object::members).map(|member| member.value);
    for value in object.get("readme_path").into_iter().chain(links) {
        if value.kind() == Kind::String && !is_local_path(&value) {
            splice.put(value.span(), "null");
        }
    }
}

fn is_local_path(value: &Value<'_>) -> bool {
    value.text().is_some_and(|path| {
        path.starts_with('/') && !path.starts_with("//") && !path.contains('\\')
    })
}

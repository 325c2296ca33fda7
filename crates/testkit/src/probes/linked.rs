//! Linked pages: a listing whose pages link to further pages ([`Place::Link`], several rounds)
//! and to files on another host.

use std::collections::HashSet;
use std::io::Write;

use weir_core::{
    Coordinates, Descriptor, Doc, Ecosystem, Edits, Fetch, FormatError, Found, Head, Job, Link,
    LinkSyntax, Located, Name, Need, Owner, Place, Release, Request, Target, Unroutable,
};

use super::lines::{self, Line, put, word};

/// `NAME` holds `page LINK` and `file NAME VERSION LINK SHA256`; we serve one page without
/// further ones. The files are `NAME/VERSION/FILE`.
#[derive(Debug)]
pub struct Linked;

static DESCRIPTOR: Descriptor = super::descriptor("linked");

fn first(job: &Job<'_>) -> Need {
    let name = job.target.package().map_or("", Name::as_str);
    Need::Fetch(Fetch::get(name).listing())
}

fn parse(doc: &Doc) -> Result<Vec<Line<'_>>, FormatError> {
    lines::parse(doc, &[("page", 2), ("file", 5)])
}

/// All lines of all pages that were gathered, each page at its first link.
fn pages<'a>(job: &Job<'a>) -> Result<Vec<(&'a Doc, Line<'a>)>, FormatError> {
    let mut lines = Vec::new();
    for (_, found) in job.docs.iter() {
        let Found::Doc(doc) = found else { continue };
        lines.extend(parse(doc)?.into_iter().map(|line| (doc, line)));
    }
    Ok(lines)
}

/// The link of a line, and the release when it is a file's.
fn link<'a>(doc: &Doc, line: &Line<'a>) -> Result<(Link, Option<Release<'a>>), FormatError> {
    let index = if line.words[0] == "page" { 1 } else { 3 };
    Ok((doc.link(line.span(index), LinkSyntax::Plain)?, line.release()?))
}

impl Ecosystem for Linked {
    fn describe(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn route(&self, request: &Request<'_>) -> Result<Target, Unroutable> {
        let clean = |text| word(text).ok_or(Unroutable::Unknown);
        match request.path()[..] {
            _ if !request.method.reads() => Err(Unroutable::Unknown),
            [name] => Ok(Target::manifest(clean(name)?, "list")),
            [name, version, file] => {
                let release = Coordinates::new(clean(name)?, clean(version)?);
                Ok(Target::artifact(release, clean(file)?))
            }
            _ => Err(Unroutable::Unknown),
        }
    }

    fn path(&self, target: &Target) -> String {
        match target {
            Target::Artifact { owner: Owner::Release(release), file, .. } => {
                format!("{}/{}/{file}", release.name, release.version)
            }
            _ => target.package().map_or("", Name::as_str).to_owned(),
        }
    }

    fn need(&self, job: &Job<'_>) -> Vec<Need> {
        let mut needs = vec![first(job)];
        for (doc, line) in pages(job).unwrap_or_default() {
            if let Ok((link, None)) = link(doc, &line) {
                needs.push(Need::Fetch(Fetch::from(Place::Link(link))));
            }
        }
        job.missing(needs)
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        let name = job.target.package().map_or("", Name::as_str);
        let mut seen = HashSet::new();
        for (_, line) in pages(job)? {
            let Some(mut release) = line.release()? else { continue };
            if release.name != name || !seen.insert(release.file.clone()) {
                release.unreadable = Some("another package's file, or one file twice");
            }
            each(release);
        }
        Ok(())
    }

    fn write(
        &self,
        job: &Job<'_>,
        edits: &Edits,
        out: &mut dyn Write,
    ) -> Result<Head, FormatError> {
        let mut ordinal = 0..;
        for (_, line) in pages(job)? {
            let Some(release) = line.release()? else { continue };
            if ordinal.next().is_some_and(|ordinal| edits.keeps(ordinal)) {
                let file = release.file.as_deref().unwrap_or("");
                let (name, version) = (&release.name, &release.version);
                let link = job.link(&format!("{name}/{version}/{file}"));
                put(out, &format!("file {name} {version} {link} {}\n", line.words[4]))?;
            }
        }
        put(out, "end\n")?;
        Ok(Head::new("text/plain"))
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        for (doc, line) in pages(job)? {
            if let (place, Some(entry)) = link(doc, &line)? {
                let located = lines::located(&entry, Place::Link(place));
                let file = entry.file.unwrap_or_default();
                if *job.target == Target::artifact(located.release.clone(), &*file) {
                    return Ok(Some(located));
                }
            }
        }
        Ok(None)
    }
}

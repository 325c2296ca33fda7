//! Linked pages: a listing whose pages link to further pages ([`Place::Link`], several rounds)
//! and to files on another host.

use std::collections::HashSet;

use super::prelude::*;

/// `NAME` holds `page LINK` and `file NAME VERSION LINK SHA256`; we serve one page without
/// further ones. The files are `NAME/VERSION/FILE`.
#[derive(Debug)]
pub struct Linked;

static DESCRIPTOR: Descriptor = super::descriptor("linked");

/// All lines of all pages that were gathered, each page at its first link.
fn pages<'a>(job: &Job<'a>) -> Lines<'a> {
    lines::parse_all(job, &[("page", 2), ("file", 5)])
}

impl Ecosystem for Linked {
    fn describe(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn route(&self, request: &Request<'_>) -> Result<Target, Unroutable> {
        match words(request)?[..] {
            [name] => Ok(Target::manifest(name, "list")),
            [name, version, file] => Ok(Target::artifact(Coordinates::new(name, version), file)),
            _ => Err(Unroutable::Unknown),
        }
    }

    fn path(&self, target: &Target) -> String {
        match target {
            Target::Artifact { owner: Owner::Release(release), file, .. } => {
                format!("{}/{}/{file}", release.name, release.version)
            }
            _ => name(target).to_owned(),
        }
    }

    fn need(&self, job: &Job<'_>) -> Vec<Need> {
        let mut needs = vec![Need::Fetch(Fetch::get(name(job.target)).listing())];
        for line in pages(job).unwrap_or_default() {
            if let (["page", _], Ok(link)) = (&line.words[..], line.link(1)) {
                needs.push(Need::Fetch(Fetch::from(Place::Link(link))));
            }
        }
        job.missing(needs)
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        let mut seen = HashSet::new();
        for (_, mut release) in lines::releases(pages(job)?)? {
            if release.name != name(job.target) || !seen.insert(release.file.clone()) {
                release.unreadable = Some("another package's file, or one file twice");
            }
            each(release);
        }
        Ok(())
    }

    fn write(&self, job: &Job<'_>, edits: &Edits, out: Out<'_>) -> Result<Head, FormatError> {
        let link = |release: &Release<'_>| job.link(&self.path(&lines::target(release)));
        let releases = lines::releases(pages(job)?)?;
        let texts = releases.iter().map(|(line, release)| line.with(3, &link(release)));
        lines::write_kept(texts, edits, out)
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        for (line, release) in lines::releases(pages(job)?)? {
            if *job.target == lines::target(&release) {
                return Ok(Some(lines::located(&release, Place::Link(line.link(3)?))));
            }
        }
        Ok(None)
    }
}

//! Ambiguous file names: `demo-1-2.bin` may be version `1-2` of `demo` or version `2` of `demo-1`;
//! only the listing tells ([`Owner::Listed`]).

use super::prelude::*;

/// `list/NAME` lists `file NAME VERSION FILE SHA256`; the files are `files/NAME/FILE`.
#[derive(Debug)]
pub struct Listed;

static DESCRIPTOR: Descriptor = super::descriptor("listed");

fn listing(job: &Job<'_>) -> Fetch {
    Fetch::get(format!("list/{}", name(job.target))).listing()
}

fn entries<'a>(job: &Job<'a>) -> Lines<'a> {
    lines::parse(job.doc(&listing(job))?, &[("file", 5)])
}

impl Ecosystem for Listed {
    fn describe(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn route(&self, request: &Request<'_>) -> Result<Target, Unroutable> {
        match words(request)?[..] {
            ["list", package] => Ok(Target::manifest(package, "list")),
            ["files", package, file] => {
                Ok(super::file(Owner::Listed(Scope::Package(Name::new(package))), file))
            }
            _ => Err(Unroutable::Unknown),
        }
    }

    fn path(&self, target: &Target) -> String {
        match target {
            Target::Artifact { file, .. } => format!("files/{}/{file}", name(target)),
            _ => format!("list/{}", name(target)),
        }
    }

    fn need(&self, job: &Job<'_>) -> Vec<Need> {
        job.missing([Need::Fetch(listing(job))])
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        lines::read(entries(job)?, each)
    }

    fn write(&self, job: &Job<'_>, edits: &Edits, out: Out<'_>) -> Result<Head, FormatError> {
        lines::write(&entries(job)?, edits, out)
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        lines::locate(job, entries(job)?, Place::primary(self.path(job.target)))
    }
}

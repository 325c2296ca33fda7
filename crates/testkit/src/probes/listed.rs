//! Ambiguous file names: `demo-1-2.bin` may be version `1-2` of `demo` or version `2` of `demo-1`;
//! only the listing tells ([`Owner::Listed`]).

use std::io::Write;

use weir_core::{
    Descriptor, Ecosystem, Edits, Fetch, FormatError, Head, Job, Located, Name, Need, Owner, Place,
    Release, Request, Role, Scope, Target, Unroutable,
};

use super::lines::{self, word};

/// `list/NAME` lists `file NAME VERSION FILE SHA256`; the files are `files/NAME/FILE`.
#[derive(Debug)]
pub struct Listed;

static DESCRIPTOR: Descriptor = super::descriptor("listed");

fn listing(job: &Job<'_>) -> Fetch {
    let name = job.target.package().map_or("", Name::as_str);
    Fetch::get(format!("list/{name}")).listing()
}

fn entries<'a>(job: &Job<'a>) -> Result<Vec<lines::Line<'a>>, FormatError> {
    lines::parse(job.doc(&listing(job))?, &[("file", 5)])
}

impl Ecosystem for Listed {
    fn describe(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn route(&self, request: &Request<'_>) -> Result<Target, Unroutable> {
        if !request.method.reads() {
            return Err(Unroutable::Unknown);
        }
        let name = |text| word(text).map(Name::new).ok_or(Unroutable::Unknown);
        match request.path()[..] {
            ["list", package] => Ok(Target::manifest(name(package)?.as_str(), "list")),
            ["files", package, file] => Ok(Target::Artifact {
                owner: Owner::Listed(Scope::Package(name(package)?)),
                file: word(file).ok_or(Unroutable::Unknown)?.into(),
                role: Role::Package,
            }),
            _ => Err(Unroutable::Unknown),
        }
    }

    fn path(&self, target: &Target) -> String {
        let name = target.package().map_or("", Name::as_str);
        match target {
            Target::Artifact { file, .. } => format!("files/{name}/{file}"),
            _ => format!("list/{name}"),
        }
    }

    fn need(&self, job: &Job<'_>) -> Vec<Need> {
        job.missing([Need::Fetch(listing(job))])
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        for line in entries(job)? {
            line.release()?.into_iter().for_each(&mut *each);
        }
        Ok(())
    }

    fn write(
        &self,
        job: &Job<'_>,
        edits: &Edits,
        out: &mut dyn Write,
    ) -> Result<Head, FormatError> {
        lines::write_kept(&entries(job)?, edits, out)?;
        Ok(Head::new("text/plain"))
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        let Target::Artifact { file, .. } = job.target else { return Ok(None) };
        lines::locate(&entries(job)?, file, Place::primary(self.path(job.target)))
    }
}

//! A chain: the root names indexes by hash ([`Need::Rendered`]) and is signed as served
//! ([`Need::Signature`]).

use super::prelude::*;

/// `root` lists `index CHILD SHA256 SIZE`, `root.sig` signs it, `index/CHILD` lists
/// `file NAME VERSION FILE SHA256`; the files are `pool/CHILD/FILE`.
#[derive(Debug)]
pub struct Chain;

static DESCRIPTOR: Descriptor = Descriptor { signed: true, ..super::descriptor("chain") };

fn root<'a>(job: &Job<'a>) -> Lines<'a> {
    lines::parse(job.doc(&Fetch::get("root"))?, &[("index", 4)])
}

/// The fetch of a child, held to the digest that upstream's root promises.
fn child(job: &Job<'_>, name: &str) -> Result<Fetch, FormatError> {
    let line = lines::find(root(job)?, name)?;
    Ok(Fetch::get(format!("index/{name}")).expecting(Some(line.digest(2)?)).listing())
}

fn entries<'a>(job: &Job<'a>) -> Lines<'a> {
    match name(job.target) {
        "" => Ok(Vec::new()),
        name => lines::parse(job.doc(&child(job, name)?)?, &[("file", 5)]),
    }
}

impl Ecosystem for Chain {
    fn describe(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn route(&self, request: &Request<'_>) -> Result<Target, Unroutable> {
        match words(request)?[..] {
            ["root"] => Ok(index("")),
            ["root.sig"] => Ok(super::signature(index(""))),
            ["index", name] => Ok(index(name)),
            ["pool", name, file] => Ok(super::file(Owner::Listed(Scope::Index(name.into())), file)),
            _ => Err(Unroutable::Unknown),
        }
    }

    fn path(&self, target: &Target) -> String {
        match (target, name(target)) {
            (Target::Artifact { file, .. }, name) => format!("pool/{name}/{file}"),
            (Target::Sidecar { .. }, _) => "root.sig".into(),
            (_, "") => "root".into(),
            (_, name) => format!("index/{name}"),
        }
    }

    fn need(&self, job: &Job<'_>) -> Vec<Need> {
        match (job.target, name(job.target), root(job)) {
            (Target::Sidecar { of, .. }, ..) => job.missing([answers::signature(of)]),
            (.., Err(_)) => job.missing([Need::Fetch(Fetch::get("root"))]),
            (_, "", Ok(lines)) => job.missing(answers::children(&lines, index)),
            (_, name, Ok(_)) => job.missing(child(job, name).map(Need::Fetch)),
        }
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        lines::read(entries(job)?, each)
    }

    fn write(&self, job: &Job<'_>, edits: &Edits, out: Out<'_>) -> Result<Head, FormatError> {
        match (job.target, name(job.target)) {
            (Target::Sidecar { of, .. }, _) => answers::write_signature(job, of, out),
            (_, "") => answers::write_children(job, &root(job)?, index, out),
            _ => lines::write(&entries(job)?, edits, out),
        }
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        lines::locate(job, entries(job)?, Place::primary(self.path(job.target)))
    }
}

//! A signed chain of indexes: the root names its children by hash ([`Need::Rendered`]) and is
//! signed as served ([`Need::Signature`]).

use weir_core::{
    Descriptor, Ecosystem, Edits, Fetch, FormatError, Head, Job, Located, Need, Owner, Place,
    Release, Request, Scope, Target, Unroutable,
};

use super::lines::{self, Lines, Out};
use super::{answers, name, words};

/// `root` lists `index CHILD SHA256 SIZE`, `root.sig` signs it, `index/CHILD` lists
/// `file NAME VERSION FILE SHA256`; the files are `pool/CHILD/FILE`.
#[derive(Debug)]
pub struct Chain;

static DESCRIPTOR: Descriptor = Descriptor { signed: true, ..super::descriptor("chain") };

/// An index; the one without a name is the root.
fn index(name: &str) -> Target {
    Target::index(name, "index")
}

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
        if let Target::Sidecar { of, .. } = job.target {
            return job.missing([answers::signature(of)]);
        }
        match (name(job.target), root(job)) {
            (_, Err(_)) => job.missing([Need::Fetch(Fetch::get("root"))]),
            (name, Ok(_)) if !name.is_empty() => job.missing(child(job, name).map(Need::Fetch)),
            (_, Ok(lines)) => {
                let names = lines.iter().filter_map(|line| line.word(1).ok());
                job.missing(names.map(|name| Need::Rendered(index(name))))
            }
        }
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        lines::read(entries(job)?, each)
    }

    fn write(&self, job: &Job<'_>, edits: &Edits, out: Out<'_>) -> Result<Head, FormatError> {
        if let Target::Sidecar { of, .. } = job.target {
            return answers::write_signature(job, of, out);
        }
        if !name(job.target).is_empty() {
            return lines::write(&entries(job)?, edits, out);
        }
        for line in root(job)? {
            let name = line.words[1];
            lines::put(out, &format!("index {name} {}\n", answers::rendered(job, index(name))?))?;
        }
        lines::end(out)
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        lines::locate(job, entries(job)?, Place::primary(self.path(job.target)))
    }
}

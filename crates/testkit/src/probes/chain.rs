//! A signed chain of indexes: the root names its children by hash ([`Need::Rendered`]) and is
//! signed as served ([`Need::Signature`]).

use std::io::Write;

use weir_core::{
    Algorithm, Descriptor, Digest, Ecosystem, Edits, Fetch, FormatError, Found, Head, Job, Located,
    Need, Owner, Place, Release, Request, Role, Scope, SidecarKind, Target, Unroutable,
};

use super::lines::{self, Line, put, word};

/// `root` lists `index CHILD SHA256 SIZE`, `root.sig` signs it, `index/CHILD` lists
/// `file NAME VERSION FILE SHA256`; the files are `pool/CHILD/FILE`.
#[derive(Debug)]
pub struct Chain;

static DESCRIPTOR: Descriptor = Descriptor { signed: true, ..super::descriptor("chain") };

pub(super) fn root() -> Target {
    Target::index("root", "root")
}

pub(super) fn child(name: &str) -> Target {
    Target::index(name, "index")
}

pub(super) fn signature() -> Target {
    Target::Sidecar { of: Box::new(root()), kind: SidecarKind::Signature }
}

/// The child index that a target is, or belongs to.
fn child_of(target: &Target) -> Option<&str> {
    match target {
        Target::Manifest { scope: Scope::Index(name), view } if view.name == "index" => Some(name),
        Target::Artifact { owner: Owner::Listed(Scope::Index(name)), .. } => Some(name),
        _ => None,
    }
}

fn roots<'a>(job: &Job<'a>) -> Result<Vec<Line<'a>>, FormatError> {
    lines::parse(job.doc(&Fetch::get("root"))?, &[("index", 4)])
}

/// The fetch of a child, held to the digest that upstream's root promises.
fn fetch(job: &Job<'_>, name: &str) -> Result<Option<Fetch>, FormatError> {
    let lines = roots(job)?;
    let Some(line) = lines.iter().find(|line| line.words[1] == name) else { return Ok(None) };
    let digest = Digest::from_hex(Algorithm::Sha256, line.words[2])
        .map_err(|error| FormatError::at(line.span(2).start, error.to_string()))?;
    Ok(Some(Fetch::get(format!("index/{name}")).expecting(Some(digest)).listing()))
}

fn entries<'a>(job: &Job<'a>, name: &str) -> Result<Vec<Line<'a>>, FormatError> {
    match fetch(job, name)? {
        Some(fetch) => lines::parse(job.doc(&fetch)?, &[("file", 5)]),
        None => Err(FormatError::new("the root does not name this index")),
    }
}

impl Ecosystem for Chain {
    fn describe(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn route(&self, request: &Request<'_>) -> Result<Target, Unroutable> {
        let clean = |text| word(text).ok_or(Unroutable::Unknown);
        match request.path()[..] {
            _ if !request.method.reads() => Err(Unroutable::Unknown),
            ["root"] => Ok(root()),
            ["root.sig"] => Ok(signature()),
            ["index", name] => Ok(child(clean(name)?)),
            ["pool", index, file] => Ok(Target::Artifact {
                owner: Owner::Listed(Scope::Index(clean(index)?.into())),
                file: clean(file)?.into(),
                role: Role::Package,
            }),
            _ => Err(Unroutable::Unknown),
        }
    }

    fn path(&self, target: &Target) -> String {
        match (target, child_of(target)) {
            (Target::Artifact { file, .. }, Some(index)) => format!("pool/{index}/{file}"),
            (_, Some(index)) => format!("index/{index}"),
            (Target::Sidecar { .. }, _) => "root.sig".into(),
            _ => "root".into(),
        }
    }

    fn need(&self, job: &Job<'_>) -> Vec<Need> {
        if let Target::Sidecar { of, .. } = job.target {
            return job.missing([Need::Signature { of: of.clone(), scheme: "toy" }]);
        }
        let first = job.missing([Need::Fetch(Fetch::get("root"))]);
        if !first.is_empty() {
            return first;
        }
        if let Some(name) = child_of(job.target) {
            return job.missing(fetch(job, name).ok().flatten().map(Need::Fetch));
        }
        let lines = roots(job).unwrap_or_default();
        let names = lines.iter().filter_map(|line| word(line.words[1]));
        job.missing(names.map(|name| Need::Rendered(child(name))))
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        let Some(name) = child_of(job.target) else { return Ok(()) };
        for line in entries(job, name)? {
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
        if let Some(name) = child_of(job.target) {
            lines::write_kept(&entries(job, name)?, edits, out)?;
        } else if let Target::Sidecar { of, .. } = job.target {
            let need = Need::Signature { of: of.clone(), scheme: "toy" };
            let Some(Found::Signature(bytes)) = job.docs.found(&need) else {
                return Err(FormatError::new("there is no signature"));
            };
            out.write_all(bytes).map_err(|error| FormatError::new(error.to_string()))?;
        } else {
            for line in roots(job)? {
                let name = line.words[1];
                let found = job.docs.found(&Need::Rendered(child(name)));
                let Some(Found::Rendered { digests, size }) = found else {
                    return Err(FormatError::at(line.span(1).start, "an index has no rendering"));
                };
                let sha256 = digests.iter().find(|d| d.algorithm() == Algorithm::Sha256);
                let sha256 = sha256.map(Digest::hex).unwrap_or_default();
                put(out, &format!("index {name} {sha256} {size}\n"))?;
            }
            put(out, "end\n")?;
        }
        Ok(Head::new("text/plain"))
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        let (Target::Artifact { file, .. }, Some(index)) = (job.target, child_of(job.target))
        else {
            return Ok(None);
        };
        let place = Place::primary(self.path(job.target));
        lines::locate(&entries(job, index)?, file, place)
    }
}

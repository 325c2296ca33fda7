//! A content graph: tags lead to images, images to layers by digest. Which release a layer
//! belongs to, only recorded facts tell ([`Owner::Content`], [`Need::Known`]).

use std::io::Write;

use weir_core::{
    Algorithm, Descriptor, Digest, Ecosystem, Edits, Fetch, FormatError, Found, Head, Job, Known,
    Located, Name, Need, Owner, Place, Release, Request, Role, Scope, Target, Unroutable, View,
};

use super::lines::{self, Line, word};

/// `NAME/tags` lists `tag TAG SHA256`, `NAME/images/TAG` lists `layer SHA256`; the layers are
/// `NAME/layers/SHA256`.
#[derive(Debug)]
pub struct Content;

static DESCRIPTOR: Descriptor = Descriptor { records_files: true, ..super::descriptor("content") };

fn question(target: &Target) -> Option<Need> {
    match target {
        Target::Artifact { owner: Owner::Content { digest, .. }, .. } => {
            Some(Need::Known(Known::Digest(digest.clone())))
        }
        _ => None,
    }
}

/// The releases of the package that listed the layer.
fn known(job: &Job<'_>) -> Vec<Release<'static>> {
    let found = question(job.target).and_then(|need| job.docs.found(&need));
    let Some(Found::Known(listed)) = found else { return Vec::new() };
    let ours = listed.iter().filter(|l| Some(&l.release.name) == job.target.package());
    ours.map(|listed| Release {
        name: listed.release.name.to_string().into(),
        version: listed.release.version.to_string().into(),
        file: Some(listed.file.to_string().into()),
        digest: listed.digest.clone(),
        ..Release::default()
    })
    .collect()
}

fn document<'a>(job: &Job<'a>) -> Result<Vec<Line<'a>>, FormatError> {
    let doc = job.doc(&Fetch::get(Content.path(job.target)))?;
    lines::parse(doc, &[("tag", 3), ("layer", 2)])
}

/// A line as a release: a tag is one, and a layer is a file of the image's.
fn release<'a>(job: &Job<'a>, line: &Line<'a>) -> Result<Release<'a>, FormatError> {
    let sha256 = line.words[line.words.len() - 1];
    let digest = Digest::from_hex(Algorithm::Sha256, sha256)
        .map_err(|error| FormatError::at(line.span(0).start, error.to_string()))?;
    let (version, file) = match (line.words[..].len(), job.target.view()) {
        (3, Some(view)) if view.name == "tags" => (word(line.words[1]), None),
        (2, Some(view)) if view.name == "image" => (Some(&*view.arg), Some(digest.hex().into())),
        _ => return Err(FormatError::at(line.span(0).start, "a line of another document")),
    };
    let version = version.ok_or_else(|| FormatError::at(line.span(1).start, "an odd tag"))?;
    let name = job.target.package().map_or("", Name::as_str).into();
    Ok(Release { name, version: version.into(), file, digest: Some(digest), ..Release::default() })
}

impl Ecosystem for Content {
    fn describe(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn route(&self, request: &Request<'_>) -> Result<Target, Unroutable> {
        let clean = |text| word(text).ok_or(Unroutable::Unknown);
        match request.path()[..] {
            _ if !request.method.reads() => Err(Unroutable::Unknown),
            [name, "tags"] => Ok(Target::manifest(clean(name)?, "tags")),
            [name, "images", tag] => {
                Ok(Target::manifest(clean(name)?, View::with("image", clean(tag)?)))
            }
            [name, "layers", sha256] => {
                let digest = Digest::from_hex(Algorithm::Sha256, sha256)
                    .map_err(|_| Unroutable::Malformed("a layer is named by its SHA-256"))?;
                let file = digest.hex().into();
                let owner = Owner::Content { name: Name::new(clean(name)?), digest };
                Ok(Target::Artifact { owner, file, role: Role::Package })
            }
            _ => Err(Unroutable::Unknown),
        }
    }

    fn path(&self, target: &Target) -> String {
        let name = target.package().map_or("", Name::as_str);
        match target {
            Target::Artifact { file, .. } => format!("{name}/layers/{file}"),
            Target::Manifest { scope: Scope::Package(_), view } if view.name == "image" => {
                format!("{name}/images/{}", view.arg)
            }
            _ => format!("{name}/tags"),
        }
    }

    fn need(&self, job: &Job<'_>) -> Vec<Need> {
        let fetch = || Need::Fetch(Fetch::get(self.path(job.target)));
        job.missing([question(job.target).unwrap_or_else(fetch)])
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        if question(job.target).is_some() {
            known(job).into_iter().for_each(each);
            return Ok(());
        }
        for line in document(job)? {
            each(release(job, &line)?);
        }
        Ok(())
    }

    fn write(
        &self,
        job: &Job<'_>,
        edits: &Edits,
        out: &mut dyn Write,
    ) -> Result<Head, FormatError> {
        let lines = document(job)?;
        let image = job.target.view().is_some_and(|view| view.name == "image");
        if image && !(0..lines.len()).all(|ordinal| edits.keeps(ordinal)) {
            return Err(FormatError::new("an image is served whole or not at all"));
        }
        lines::write_kept(&lines, edits, out)?;
        Ok(Head::new("text/plain"))
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        let place = Place::primary(self.path(job.target));
        Ok(known(job).first().map(|release| lines::located(release, place)))
    }
}

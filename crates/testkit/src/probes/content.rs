//! A content graph: tags lead to images, images to layers by digest. Which release a layer
//! belongs to, only recorded facts tell ([`Owner::Content`], [`Need::Known`]).

use super::prelude::*;

/// `NAME/tags` lists `tag TAG SHA256`, `NAME/images/TAG` lists `layer SHA256`; the layers are
/// `NAME/layers/SHA256`.
#[derive(Debug)]
pub struct Content;

static DESCRIPTOR: Descriptor = Descriptor { records_files: true, ..super::descriptor("content") };

fn document<'a>(job: &Job<'a>) -> Lines<'a> {
    let kind = argument(job.target, "image").map_or(("tag", 3), |_| ("layer", 2));
    lines::parse(job.doc(&Fetch::get(Content.path(job.target)))?, &[kind])
}

/// A line as a release: a tag is one, and a layer is a file of the image's.
fn release<'a>(job: &Job<'a>, line: &Line<'a>) -> Result<Release<'a>, FormatError> {
    let digest = line.digest(line.words.len() - 1)?;
    let (version, file) = match argument(job.target, "image") {
        Some(tag) => (tag, Some(digest.hex().into())),
        None => (line.word(1)?, None),
    };
    let (name, version) = (name(job.target).into(), version.into());
    Ok(Release { name, version, file, digest: Some(digest), ..Release::default() })
}

impl Ecosystem for Content {
    fn describe(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn route(&self, request: &Request<'_>) -> Result<Target, Unroutable> {
        match words(request)?[..] {
            [name, "tags"] => Ok(Target::manifest(name, "tags")),
            [name, "images", tag] => Ok(Target::manifest(name, View::with("image", tag))),
            [name, "layers", sha256] => super::content(name, sha256),
            _ => Err(Unroutable::Unknown),
        }
    }

    fn path(&self, target: &Target) -> String {
        match (target, name(target), argument(target, "image")) {
            (Target::Artifact { file, .. }, name, _) => format!("{name}/layers/{file}"),
            (_, name, Some(tag)) => format!("{name}/images/{tag}"),
            (_, name, None) => format!("{name}/tags"),
        }
    }

    fn need(&self, job: &Job<'_>) -> Vec<Need> {
        let fetch = || Need::Fetch(Fetch::get(self.path(job.target)));
        job.missing([answers::question(job.target).unwrap_or_else(fetch)])
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        if let Some(need) = answers::question(job.target) {
            answers::recorded(job, &need).into_iter().for_each(each);
            return Ok(());
        }
        document(job)?.iter().try_for_each(|line| release(job, line).map(&mut *each))
    }

    fn write(&self, job: &Job<'_>, edits: &Edits, out: Out<'_>) -> Result<Head, FormatError> {
        let lines = document(job)?;
        let whole = (0..lines.len()).all(|ordinal| edits.keeps(ordinal));
        if argument(job.target, "image").is_some() && !whole {
            return Err(FormatError::new("an image is served whole or not at all"));
        }
        lines::write(&lines, edits, out)
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        let Some(need) = answers::question(job.target) else { return Ok(None) };
        let place = Place::primary(self.path(job.target));
        Ok(answers::recorded(job, &need).first().map(|release| lines::located(release, place)))
    }
}

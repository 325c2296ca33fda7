//! A content graph: tags lead to images, images to layers by digest. Which release a layer
//! belongs to, only recorded facts tell ([`Owner::Content`], [`Need::Known`]).

use weir_core::{
    Descriptor, Ecosystem, Edits, Fetch, FormatError, Head, Job, Known, Located, Need, Owner,
    Place, Release, Request, Target, Unroutable, View,
};

use super::lines::{self, Line, Lines, Out};
use super::{answers, is_view, name, words};

/// `NAME/tags` lists `tag TAG SHA256`, `NAME/images/TAG` lists `layer SHA256`; the layers are
/// `NAME/layers/SHA256`.
#[derive(Debug)]
pub struct Content;

static DESCRIPTOR: Descriptor = Descriptor { records_files: true, ..super::descriptor("content") };

/// What has to be asked of a layer.
fn question(target: &Target) -> Option<Need> {
    let Target::Artifact { owner: Owner::Content { digest, .. }, .. } = target else { return None };
    Some(Need::Known(Known::Digest(digest.clone())))
}

fn document<'a>(job: &Job<'a>) -> Lines<'a> {
    let kind = if is_view(job.target, "image") { ("layer", 2) } else { ("tag", 3) };
    lines::parse(job.doc(&Fetch::get(Content.path(job.target)))?, &[kind])
}

/// A line as a release: a tag is one, and a layer is a file of the image's.
fn release<'a>(job: &Job<'a>, line: &Line<'a>) -> Result<Release<'a>, FormatError> {
    let digest = line.digest(line.words.len() - 1)?;
    let (version, file) = match job.target.view() {
        Some(view) if view.name == "image" => (&*view.arg, Some(digest.hex().into())),
        _ => (line.word(1)?, None),
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
            [name, "layers", sha256] => {
                let digest = lines::sha256(sha256).map_err(|_| Unroutable::Unknown)?;
                let file = digest.hex();
                Ok(super::file(Owner::Content { name: name.into(), digest }, &file))
            }
            _ => Err(Unroutable::Unknown),
        }
    }

    fn path(&self, target: &Target) -> String {
        let name = name(target);
        match target {
            Target::Artifact { file, .. } => format!("{name}/layers/{file}"),
            Target::Manifest { view, .. } if !view.arg.is_empty() => {
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
        let releases = match question(job.target) {
            Some(need) => answers::recorded(job, &need),
            None => {
                document(job)?.iter().map(|line| release(job, line)).collect::<Result<_, _>>()?
            }
        };
        releases.into_iter().for_each(each);
        Ok(())
    }

    fn write(&self, job: &Job<'_>, edits: &Edits, out: Out<'_>) -> Result<Head, FormatError> {
        let lines = document(job)?;
        if is_view(job.target, "image") && !(0..lines.len()).all(|ordinal| edits.keeps(ordinal)) {
            return Err(FormatError::new("an image is served whole or not at all"));
        }
        lines::write(&lines, edits, out)
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        let Some(need) = question(job.target) else { return Ok(None) };
        let place = Place::primary(self.path(job.target));
        Ok(answers::recorded(job, &need).first().map(|release| lines::located(release, place)))
    }
}

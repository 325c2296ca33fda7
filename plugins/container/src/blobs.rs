//! Content by digest: the ways that lead to it, and when the images on them were made.
//!
//! Steps are recorded when a manifest is read. Those recorded while policy asked for no dates have
//! none, and clients keep manifests: an image that was pulled before may never be asked for by its
//! manifest again. So the images that list the content are looked at for its sake, too.

use std::collections::HashMap;

use weir_core::{Digest, FactSet, Fetch, Job, Name, Need, Release, Timestamp};

use crate::graph::{self, Way};
use crate::manifest::{self, Manifest};
use crate::{entry, fetches, paths};

/// The most images without a recorded date that are looked at, those recorded last first. Content
/// is not served for the sake of the others.
const LOOKED_AT: usize = 16;

/// What is needed to judge content.
pub(crate) fn needs(job: &Job<'_>, name: &Name, digest: &Digest) -> Vec<Need> {
    let above = fetches::above(name, digest);
    if !job.cx.wants.contains(FactSet::DATES) {
        return vec![above];
    }
    let mut needs = vec![];
    for image in undated(job, name, digest) {
        let manifest = image_fetch(name, &image);
        // A manifest that cannot be read says no date.
        if let Some(doc) = job.docs.doc(&manifest)
            && let Ok(Manifest { config: Some(config), .. }) = Manifest::read(doc)
        {
            needs.push(Need::Fetch(fetches::config(name, &config)));
        }
        needs.push(Need::Fetch(manifest));
    }
    needs.push(above);
    needs
}

/// The recorded ways to content. Where dates count, those over an image of which nothing was
/// learned are left out.
pub(crate) fn ways(job: &Job<'_>, name: &Name, digest: &Digest) -> Vec<Way> {
    let mut ways =
        graph::linked(fetches::steps(job, &fetches::above(name, digest)), &digest.to_string());
    if !job.cx.wants.contains(FactSet::DATES) {
        return ways;
    }
    let made: HashMap<String, Option<Timestamp>> = undated(job, name, digest)
        .into_iter()
        .map(|image| (image.to_string(), made(job, name, &image)))
        .collect();
    ways.retain_mut(|way| {
        let image = way.image();
        let dated = way.created.is_some() || paths::digest(image).is_none();
        match made.get(image) {
            Some(made) => way.created = way.created.max(*made),
            None => return dated,
        }
        true
    });
    ways
}

pub(crate) fn read(
    job: &Job<'_>,
    (name, digest): (&Name, &Digest),
    each: &mut dyn FnMut(Release<'_>),
) {
    for way in ways(job, name, digest) {
        each(entry(name, &way, (Some(digest), None), way.created));
    }
}

/// The images that are recorded to list the content, without a date.
fn undated(job: &Job<'_>, name: &Name, digest: &Digest) -> Vec<Digest> {
    let content = digest.to_string();
    let mut images: Vec<Digest> = Vec::new();
    for step in fetches::steps(job, &fetches::above(name, digest)) {
        if *step.file != *content || step.published.is_some() {
            continue;
        }
        if let Some(image) = paths::digest(step.release.version.as_str())
            && !images.contains(&image)
        {
            images.push(image);
        }
    }
    images.truncate(LOOKED_AT);
    images
}

/// One that has left the registry says nothing.
fn image_fetch(name: &Name, image: &Digest) -> Fetch {
    fetches::by_digest(name, image).optional()
}

/// When an image says that it was made.
fn made(job: &Job<'_>, name: &Name, image: &Digest) -> Option<Timestamp> {
    let manifest = Manifest::read(job.docs.doc(&image_fetch(name, image))?).ok()?;
    let config = manifest.config.as_ref().map(|config| fetches::config(name, config));
    let config = config.and_then(|fetch| job.docs.doc(&fetch));
    manifest.created.max(config.and_then(manifest::config_created))
}

//! Container images and other OCI artifacts: a read-only pull-through of any registry.
//!
//! # Names
//! A manifest is asked for by tag or digest. The version of an image is the tag; its digest, and
//! that of each index and image above a layer, are addresses by which rules may name it too. A digest
//! that no tag is known to lead to is its own version.
//!
//! # Policy
//! A manifest is served byte for byte or not at all. An index is refused when it is, or when all of
//! its images are; a refused image of an index is refused when it is asked for, and says why.
//! Layers are served where a manifest of the same repository lists them, and while one of these
//! may be served. A registry gives no dates: what an image claims for itself counts when it is later
//! than the first sight of the tag's digest.
//!
//! Formats: OCI Distribution Specification 1.1 and OCI Image Specification 1.1.

mod blobs;
mod fetches;
mod graph;
mod listing;
mod manifest;
mod paths;
mod refusal;

use std::borrow::Cow;
use std::io;

use weir_core::{
    Content, Coordinates, Denial, Descriptor, Digest, Ecosystem, Edits, FactSet, FormatError, Head,
    Job, Located, Name, Need, OriginSpec, Owner, Place, Release, Reply, Request, Scheme, Scope,
    Setup, Target, Timestamp, Unroutable, View,
};

use fetches::Reference;
use graph::Way;
use manifest::Manifest;

/// The plugin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Container;

/// The views of this plugin.
pub mod views {
    /// The answer to `GET /v2/`. Local.
    pub const PING: &str = "ping";
    /// A manifest. Of a package; the argument is the tag or digest.
    pub const MANIFEST: &str = "manifest";
    /// A list of tags. Of a package; the argument is the query of a page.
    pub const TAGS: &str = "tags";
    /// What refers to a manifest. Of a package; the argument is the digest with the query.
    pub const REFERRERS: &str = "referrers";
}

static DESCRIPTOR: Descriptor = Descriptor {
    id: "container",
    aliases: &["oci", "docker"],
    purl_type: "oci",
    mount: "v2",
    folder: "oci",
    origins: &[OriginSpec {
        id: "primary",
        title: "the image registry",
        beside: None,
        through: None,
    }],
    scheme: Scheme::Generic,
    marks: false,
    signed: false,
    records_files: true,
    listing: views::TAGS,
    refuse_empty: true,
    accepts: &["application/vnd.oci.image.index.v1+json"],
    lost_prefix: None,
    checksum_headers: &[],
    changing: None,
    merge: None,
    content: Some(Content {
        headers: &[("docker-distribution-api-version", "registry/2.0")],
        digest_header: "docker-content-digest",
        version_view: views::MANIFEST,
        serves_empty: &[views::REFERRERS],
        registry_parameter: Some(("ns", "oci-namespace")),
        namespace_purl_type: "docker",
    }),
    setup: Setup {
        variables: &[],
        files: &[
            ("~/.config/containers/registries.conf.d/weir.conf", CONTAINERS),
            ("/etc/containerd/certs.d/_default/hosts.toml", CONTAINERD),
        ],
        moves: &[],
        folder: None,
        note: "The first file is podman's, buildah's and skopeo's, the second containerd's, whose \
               `config_path` must name /etc/containerd/certs.d. docker takes \
               \"registry-mirrors\": [\"{origin}\"] in /etc/docker/daemon.json, but goes past a \
               mirror that refuses; where policy must hold, and for crane, helm and oras, write \
               {authority}/library/alpine in the place of alpine. No client of these takes a \
               variable, so `weir run` cannot point them here.",
    },
};

/// containers-registries.conf(5): the location takes the registry's place, without falling back.
const CONTAINERS: &str = "[[registry]]
prefix = \"docker.io\"
location = \"{authority}\"
insecure = {plain}
";

/// containerd's `docs/hosts.md`: a mirror for all registries. With `server`, nothing goes past it.
const CONTAINERD: &str = "server = \"{origin}\"

[host.\"{origin}\"]
capabilities = [\"pull\", \"resolve\"]
";

/// The most entries of a manifest that is known under many tags.
const ENTRIES: usize = 4096;

impl Ecosystem for Container {
    fn describe(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn route(&self, request: &Request<'_>) -> Result<Target, Unroutable> {
        paths::route(request)
    }

    fn path(&self, target: &Target) -> String {
        paths::path(target)
    }

    fn need(&self, job: &Job<'_>) -> Vec<Need> {
        let needs = match Asked::of(job.target) {
            Some(Asked::Manifest(name, reference)) => manifest_needs(job, name, reference),
            Some(Asked::Tags(name, view)) => listing::tags_needs(name, view).to_vec(),
            Some(Asked::Referrers(name, view)) => {
                let (list, tag) = listing::Question::of(view).fetches(name);
                let (list, tag) = (Need::Fetch(list), Need::Fetch(tag));
                match job.docs.found(&list) {
                    Some(weir_core::Found::Absent) => vec![list, tag],
                    _ => vec![list],
                }
            }
            Some(Asked::Blob(name, digest)) => blobs::needs(job, name, digest),
            None => Vec::new(),
        };
        job.missing(needs)
    }

    fn read(&self, job: &Job<'_>, each: &mut dyn FnMut(Release<'_>)) -> Result<(), FormatError> {
        match Asked::of(job.target) {
            Some(Asked::Manifest(name, reference)) => read_manifest(job, (name, reference), each),
            Some(Asked::Tags(name, view)) => listing::read_tags(job, (name, view), each),
            Some(Asked::Referrers(name, view)) => listing::read_referrers(job, (name, view), each),
            Some(Asked::Blob(name, digest)) => {
                blobs::read(job, (name, digest), each);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn write(
        &self,
        job: &Job<'_>,
        edits: &Edits,
        out: &mut dyn io::Write,
    ) -> Result<Head, FormatError> {
        match Asked::of(job.target) {
            Some(Asked::Manifest(name, reference)) => {
                write_manifest(job, (name, reference), edits, out)
            }
            Some(Asked::Tags(name, view)) => listing::write_tags(job, (name, view), edits, out),
            Some(Asked::Referrers(name, view)) => {
                listing::write_referrers(job, (name, view), edits, out)
            }
            Some(Asked::Blob(..)) => Err(unwritten()),
            None => {
                out.write_all(b"{}").map_err(|_| unwritten())?;
                Ok(Head::new("application/json"))
            }
        }
    }

    fn locate(&self, job: &Job<'_>) -> Result<Option<Located>, FormatError> {
        let Some(Asked::Blob(name, digest)) = Asked::of(job.target) else { return Ok(None) };
        Ok(blobs::ways(job, name, digest).first().map(|way| Located {
            release: Coordinates::new(name.as_str(), way.version.as_str()),
            listed_as: None,
            place: Place::primary(fetches::blob(name, digest)),
            digest: Some(digest.clone()),
            size: None,
            variant: None,
            checksums: Vec::new(),
        }))
    }

    fn deny(&self, target: Option<&Target>, denial: &Denial) -> Reply {
        refusal::reply(target, denial)
    }
}

/// A target, as this plugin makes them.
enum Asked<'a> {
    Manifest(&'a Name, &'a str),
    Tags(&'a Name, &'a View),
    Referrers(&'a Name, &'a View),
    Blob(&'a Name, &'a Digest),
}

impl<'a> Asked<'a> {
    fn of(target: &'a Target) -> Option<Self> {
        match target {
            Target::Manifest { scope: Scope::Package(name), view } => match view.name {
                views::MANIFEST => Some(Self::Manifest(name, &view.arg)),
                views::TAGS => Some(Self::Tags(name, view)),
                views::REFERRERS => Some(Self::Referrers(name, view)),
                _ => None,
            },
            Target::Artifact { owner: Owner::Content { name, digest }, .. } => {
                Some(Self::Blob(name, digest))
            }
            _ => None,
        }
    }
}

fn manifest_needs(job: &Job<'_>, name: &Name, reference: &str) -> Vec<Need> {
    let found = Reference::of(job, name, reference);
    let mut needs = Vec::new();
    if let Some(digest) = paths::digest(reference) {
        needs.push(fetches::above(name, &digest));
    } else {
        needs.push(Need::Fetch(fetches::tag(name, reference)));
    }
    let Some(fetch) = found.fetch(name, reference) else { return needs };
    if let Some(doc) = job.docs.doc(&fetch)
        && job.cx.wants.contains(FactSet::DATES)
        // A manifest that cannot be read fails in `read`.
        && let Ok(Manifest { config: Some(config), .. }) = Manifest::read(doc)
    {
        needs.push(Need::Fetch(fetches::config(name, &config)));
    }
    needs.push(Need::Fetch(fetch));
    needs
}

/// The ways to a manifest: its tag, or all that is known to lead to its digest.
fn manifest_ways(job: &Job<'_>, (name, reference): (&Name, &str), digest: &Digest) -> Vec<Way> {
    match paths::digest(reference) {
        Some(digest) => graph::ways(fetches::steps(job, &fetches::above(name, &digest)), &digest),
        None => vec![Way::to(reference).on(&digest.to_string(), None)],
    }
}

/// The manifest's document and digest.
fn found<'a>(
    job: &Job<'a>,
    (name, reference): (&Name, &str),
) -> Result<(&'a weir_core::Doc, Digest), FormatError> {
    let found = Reference::of(job, name, reference);
    let missing = || FormatError::new("upstream was not asked for the tag");
    let doc = job.doc(&found.fetch(name, reference).ok_or_else(missing)?)?;
    Ok(match found {
        Reference::Digest(digest) => (doc, digest),
        _ => (doc, doc.digest().clone()),
    })
}

/// The manifest itself as an entry, unless it is an index with images, and all that it lists.
fn read_manifest(
    job: &Job<'_>,
    (name, reference): (&Name, &str),
    each: &mut dyn FnMut(Release<'_>),
) -> Result<(), FormatError> {
    let (doc, digest) = found(job, (name, reference))?;
    let manifest = Manifest::read(doc)?;
    let config = manifest.config.as_ref().map(|config| fetches::config(name, config));
    let config = config.and_then(|fetch| job.docs.doc(&fetch));
    // When an index was put together says nothing about the images in it.
    let made = manifest.created.max(config.and_then(manifest::config_created));
    let made = made.filter(|_| !manifest.is_index);
    let ways = manifest_ways(job, (name, reference), &digest);
    let most = (ENTRIES / (manifest.listed.len() + 1)).max(1);
    for way in ways.iter().take(most) {
        let created = way.created.max(made);
        if !manifest.is_index || manifest.listed.is_empty() {
            each(entry(name, way, (Some(&digest), None), created));
        }
        for listed in &manifest.listed {
            let created = created.max(listed.created);
            let step = listed.digest.as_ref().map(ToString::to_string);
            let way = match &step {
                Some(step) => way.clone().on(step, None),
                None => way.clone(),
            };
            each(entry(name, &way, (listed.digest.as_ref(), listed.size), created));
        }
    }
    Ok(())
}

/// An entry at the end of a way.
fn entry<'a>(
    name: &'a Name,
    way: &'a Way,
    (digest, size): (Option<&Digest>, Option<u64>),
    created: Option<Timestamp>,
) -> Release<'a> {
    Release {
        name: name.as_str().into(),
        version: way.version.as_str().into(),
        chain: way.chain.iter().map(|step| Cow::Borrowed(step.as_str())).collect(),
        file: digest.map(|digest| digest.to_string().into()),
        unreadable: digest.is_none().then_some("its digest is none that is served here"),
        digest: digest.cloned(),
        size,
        authored: created,
        ..Release::default()
    }
}

/// The manifest as it is: its digest is what clients check. What it lists is refused where it is
/// asked for.
fn write_manifest(
    job: &Job<'_>,
    asked: (&Name, &str),
    edits: &Edits,
    out: &mut dyn io::Write,
) -> Result<Head, FormatError> {
    let (mut entries, mut kept) = (0, false);
    read_manifest(job, asked, &mut |_| {
        kept |= edits.keeps(entries);
        entries += 1;
    })?;
    if entries > 0 && !kept {
        return Err(FormatError::new("a manifest of which nothing is kept is not written"));
    }
    let (doc, digest) = found(job, asked)?;
    let manifest = Manifest::read(doc)?;
    out.write_all(doc.bytes()).map_err(|_| unwritten())?;
    let mut head = Head::new(&manifest.media);
    head.unencoded = true;
    head.headers.push(("docker-content-digest", digest.to_string()));
    Ok(head)
}

fn unwritten() -> FormatError {
    FormatError::new("the document could not be written")
}

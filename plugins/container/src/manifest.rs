//! Image manifests and indexes: OCI Image Specification, and Docker's image manifest version 2,
//! schema 2.

use std::borrow::Cow;

use weir_core::{Digest, Doc, FormatError, Timestamp};
use weir_format::json::{Object, Value};

use crate::paths;

/// What a tag or digest may name.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.oci.artifact.manifest.v1+json";
/// An index, and what answers referrers.
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const LISTS: [&str; 2] = [INDEX, "application/vnd.docker.distribution.manifest.list.v2+json"];
const IMAGES: [&str; 3] = [
    IMAGE,
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.artifact.manifest.v1+json",
];
/// Configurations that say when an image was made.
const CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
/// The largest configuration that is read for its date, in bytes.
const CONFIG: u64 = 4 << 20;
const CREATED: &str = "org.opencontainers.image.created";

/// A manifest, taken apart.
pub(crate) struct Manifest<'a> {
    /// Its media type.
    pub(crate) media: Cow<'a, str>,
    /// What it lists: the images of an index, the configuration and layers of an image.
    pub(crate) listed: Vec<Descriptor<'a>>,
    /// Whether it is an index.
    pub(crate) is_index: bool,
    /// When its author says that it was made.
    pub(crate) created: Option<Timestamp>,
    /// The configuration that says when the image was made.
    pub(crate) config: Option<Digest>,
}

/// Something that a manifest lists (OCI Image Specification, "Content Descriptors").
#[derive(Clone, Debug)]
pub(crate) struct Descriptor<'a> {
    /// Its digest; `None` when it has none that is served here.
    pub(crate) digest: Option<Digest>,
    /// In bytes.
    pub(crate) size: Option<u64>,
    /// When its author says that it was made.
    pub(crate) created: Option<Timestamp>,
    media: Option<Cow<'a, str>>,
}

impl<'a> Descriptor<'a> {
    pub(crate) fn read(value: &Value<'a>) -> Result<Self, FormatError> {
        let object = value.object()?;
        let digest = object.text("digest").and_then(|text| paths::digest(&text));
        let size = object.get("size").and_then(|size| size.u64());
        Ok(Self { digest, size, created: created(&object)?, media: object.text("mediaType") })
    }

    fn dated_config(&self) -> Option<Digest> {
        let known = self.media.as_ref().is_some_and(|media| CONFIGS.contains(&&**media));
        let small = self.size.is_some_and(|size| size <= CONFIG);
        self.digest.clone().filter(|_| known && small)
    }
}

impl<'a> Manifest<'a> {
    /// Takes a document apart. One that two readers could read as two things is an error
    /// (CVE-2021-41190).
    pub(crate) fn read(doc: &'a Doc) -> Result<Self, FormatError> {
        let root = Object::parse(doc.bytes())?;
        if root.get("schemaVersion").and_then(|version| version.u64()) != Some(2) {
            return Err(FormatError::new("the manifest is not of schema version 2"));
        }
        let parts = ["config", "layers", "blobs", "fsLayers"].map(|key| root.get(key));
        let lists = root.get("manifests");
        let is_index = lists.is_some();
        if is_index && parts.iter().any(Option::is_some) {
            return Err(FormatError::new("the manifest is an index and an image at once"));
        }
        let media = media(doc, &root, is_index)?;
        let [config, layers, blobs, _] = parts;
        let mut listed = Vec::new();
        let config = config.map(|value| Descriptor::read(&value)).transpose()?;
        listed.extend(config.clone());
        for array in [lists, layers, blobs].into_iter().flatten() {
            for element in array.array()?.elements() {
                listed.push(Descriptor::read(element)?);
            }
        }
        let config = config.and_then(|config| config.dated_config());
        Ok(Self { media, listed, is_index, created: created(&root)?, config })
    }
}

/// The media type: what upstream says, unless it says nothing in particular. It must be what the
/// document says of itself.
fn media<'a>(doc: &'a Doc, root: &Object<'a>, is_index: bool) -> Result<Cow<'a, str>, FormatError> {
    let said = doc.media().split(';').next().unwrap_or_default().trim();
    let own = root.text("mediaType");
    let fits =
        |media: &str| if is_index { LISTS.contains(&media) } else { IMAGES.contains(&media) };
    let known = |media: &str| LISTS.contains(&media) || IMAGES.contains(&media);
    let said = Some(said).filter(|said| known(said));
    match (said, own) {
        (Some(said), Some(own)) if said != own => {
            Err(FormatError::new("the manifest is of another type than its Content-Type"))
        }
        (Some(said), _) if !fits(said) => {
            Err(FormatError::new("the manifest does not hold what its Content-Type says"))
        }
        (Some(said), _) => Ok(Cow::Borrowed(said)),
        (None, Some(own)) if known(&own) && !fits(&own) => {
            Err(FormatError::new("the manifest does not hold what its mediaType says"))
        }
        (None, Some(own)) if fits(&own) => Ok(own),
        (None, _) => Ok(Cow::Borrowed(if is_index { INDEX } else { IMAGE })),
    }
}

fn created(object: &Object<'_>) -> Result<Option<Timestamp>, FormatError> {
    let Some(annotations) = object.get("annotations").filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let text = annotations.loose_object()?.text(CREATED);
    Ok(text.and_then(|text| Timestamp::parse_rfc3339(&text)))
}

/// When an image was made, by its configuration.
pub(crate) fn config_created(doc: &Doc) -> Option<Timestamp> {
    let config = Object::parse_loose(doc.bytes()).ok()?;
    Timestamp::parse_rfc3339(&config.text("created")?)
}

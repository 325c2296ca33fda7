//! A small image registry: manifests by tag and digest, layers, tags by pages.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use serde_json::{Value, json};
use weir_core::{Algorithm, Digest};

use super::{Answer, Origin, Seen, tar, tgz};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Bytes with their digest and media type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// `sha256:…`
    pub digest: String,
    /// The bytes.
    pub bytes: Bytes,
    /// The media type.
    pub media: &'static str,
}

impl Piece {
    fn new(bytes: impl Into<Bytes>, media: &'static str) -> Self {
        let bytes = bytes.into();
        Self { digest: Digest::of(Algorithm::Sha256, &bytes).to_string(), bytes, media }
    }

    /// How manifests name it (OCI Image Specification, "Content Descriptors").
    pub fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media, "digest": self.digest, "size": self.bytes.len() })
    }
}

/// An image for one platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its manifest.
    pub manifest: Piece,
    /// Its configuration.
    pub config: Piece,
    /// Its layers.
    pub layers: Vec<Piece>,
    architecture: String,
}

impl Image {
    /// An image for Linux that claims to have been made at this instant (RFC 3339). Each layer
    /// has one file with this text.
    pub fn new(architecture: &str, created: &str, layers: &[&str]) -> Self {
        let layer = |text: &&str| {
            let file = ("hello", text.as_bytes());
            (
                Piece::new(tgz(&[file]), LAYER),
                Digest::of(Algorithm::Sha256, &tar(&[file])).to_string(),
            )
        };
        let (layers, diff_ids): (Vec<Piece>, Vec<String>) = layers.iter().map(layer).unzip();
        let config = json!({
            "architecture": architecture, "os": "linux", "created": created, "config": {},
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = Piece::new(config.to_string(), CONFIG);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config.descriptor(),
            "layers": layers.iter().map(Piece::descriptor).collect::<Vec<_>>(),
        });
        let manifest = Piece::new(manifest.to_string(), MANIFEST);
        Self { manifest, config, layers, architecture: architecture.to_owned() }
    }

    /// An artifact of one file, of a kind (a media type), that refers to a manifest (OCI Image
    /// Specification 1.1, "Guidelines for Artifact Usage").
    pub fn artifact(kind: &'static str, subject: &Piece, text: &str) -> Self {
        let (config, layer) = (Piece::new("{}", EMPTY), Piece::new(text.to_owned(), kind));
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind,
            "config": config.descriptor(), "layers": [layer.descriptor()],
            "subject": subject.descriptor(),
        });
        let manifest = Piece::new(manifest.to_string(), MANIFEST);
        Self { manifest, config, layers: vec![layer], architecture: String::new() }
    }

    /// Everything that it consists of, its manifest last.
    pub fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.layers.iter().chain([&self.config, &self.manifest])
    }

    /// The digest of its manifest.
    pub fn digest(&self) -> &str {
        &self.manifest.digest
    }
}

/// An index of images for several platforms.
pub fn image_index(images: &[&Image]) -> Piece {
    let entry = |image: &&Image| {
        let mut entry = image.manifest.descriptor();
        entry["platform"] = json!({ "architecture": image.architecture, "os": "linux" });
        entry
    };
    let manifests: Vec<Value> = images.iter().map(entry).collect();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    Piece::new(index.to_string(), INDEX)
}

/// The list of artifacts that refer to one manifest, as it stands under a tag where a registry
/// keeps no such lists (OCI Distribution Specification 1.1, "Referrers Tag Schema").
pub fn referrers(artifacts: &[&Image]) -> Piece {
    let entry = |artifact: &&Image| {
        let mut entry = artifact.manifest.descriptor();
        entry["artifactType"] = json!(artifact.layers.first().map(|layer| layer.media));
        entry
    };
    let manifests: Vec<Value> = artifacts.iter().map(entry).collect();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    Piece::new(index.to_string(), INDEX)
}

/// Puts images on an origin, below `v2/` as registries have them.
#[derive(Debug)]
pub struct Images<'o> {
    origin: &'o Origin,
    tags: Mutex<BTreeMap<String, Vec<String>>>,
    /// The most tags of a page, whatever is asked for.
    page: usize,
}

impl<'o> Images<'o> {
    /// A registry without images.
    pub fn new(origin: &'o Origin) -> Self {
        origin.put("v2", Answer::json(&json!({})));
        Self { origin, tags: Mutex::default(), page: usize::MAX }
    }

    /// The same, with so many tags on a page at most.
    #[must_use]
    pub fn paged(self, page: usize) -> Self {
        Self { page, ..self }
    }

    /// Adds an image to a repository, with all that it consists of.
    pub fn image(&self, name: &str, image: &Image) {
        for piece in image.layers.iter().chain([&image.config]) {
            self.origin.put(&format!("v2/{name}/blobs/{}", piece.digest), blob(piece));
        }
        self.manifest(name, &image.manifest);
    }

    /// Adds a manifest by its digest.
    pub fn manifest(&self, name: &str, manifest: &Piece) {
        self.origin.put(&format!("v2/{name}/manifests/{}", manifest.digest), answer(manifest));
    }

    /// Points a tag at a manifest, and lists it.
    pub fn tag(&self, name: &str, tag: &str, manifest: &Piece) {
        self.manifest(name, manifest);
        self.origin.put(&format!("v2/{name}/manifests/{tag}"), answer(manifest));
        let mut all = self.tags.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let tags = all.entry(name.to_owned()).or_default();
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
            tags.sort();
        }
        let (own, tags, most) = (name.to_owned(), tags.clone(), self.page);
        let list = move |seen: &Seen| page(&own, &tags, most, seen);
        self.origin.put_with(&format!("v2/{name}/tags/list"), list);
    }
}

fn blob(piece: &Piece) -> Answer {
    let answer = Answer::ok(piece.bytes.clone()).media("application/octet-stream").ranged();
    answer.header("docker-content-digest", &piece.digest)
}

fn answer(manifest: &Piece) -> Answer {
    let answer = Answer::ok(manifest.bytes.clone()).media(manifest.media);
    let answer = answer.header("docker-content-digest", &manifest.digest);
    answer.etag(&format!("\"{}\"", manifest.digest))
}

/// A page of tags (OCI Distribution Specification, "Listing Tags").
fn page(name: &str, tags: &[String], most: usize, seen: &Seen) -> Answer {
    let field = |key: &str| {
        let mut pairs = seen.query().split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(found, _)| *found == key).map(|(_, value)| value.to_owned())
    };
    let last = field("last");
    let after = |tag: &&String| last.as_ref().is_none_or(|last| *tag > last);
    let rest: Vec<&String> = tags.iter().filter(after).collect();
    let most = field("n").and_then(|n| n.parse().ok()).unwrap_or(most).min(most);
    let shown = &rest[..most.min(rest.len())];
    let answer = Answer::json(&json!({ "name": name, "tags": shown }));
    match shown.last().filter(|_| shown.len() < rest.len()) {
        Some(last) => {
            let next = format!("</v2/{name}/tags/list?last={last}&n={most}>; rel=\"next\"");
            answer.header("link", &next)
        }
        None => answer,
    }
}

//! One registry of one ecosystem: a plugin, its upstream addresses and its freshness.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;
use weir_core::{Code, Denial, Descriptor, Ecosystem, Purl, Selection};
use weir_policy::MountInfo;
use weir_upstream::{Client, Origin};

use crate::refusals::Refusals;
use crate::{Failure, Freshness, Verifier};

/// Upstream addresses by the ids of the plugin's descriptor.
pub type Origins = HashMap<&'static str, Origin>;

/// What a mount is made from.
#[derive(Debug)]
pub struct MountSpec {
    /// The name in the configuration; the ecosystem's id for the default mount.
    pub name: String,
    /// First component of stored files: the ecosystem's folder for the default mount, the name
    /// for others.
    pub folder: String,
    /// The plugin.
    pub ecosystem: Arc<dyn Ecosystem>,
    /// How long its documents count as current.
    pub freshness: Freshness,
    /// The way to its upstream, with its limits and certificate authorities.
    pub upstream: Client,
    /// What of its signed indexes is edited and signed anew; `None` passes them on.
    pub resign: Option<Arc<Selection>>,
}

/// Whose registry a mount's upstream is, for formats in which clients say so.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The namespace to which names without one belong (`library` at Docker Hub); empty for most.
    pub namespace: Arc<str>,
    /// The hosts by which clients name it.
    pub hosts: Vec<String>,
}

impl Default for Identity {
    fn default() -> Self {
        Self { namespace: "".into(), hosts: Vec::new() }
    }
}

/// A registry that can be asked.
pub struct Mount {
    /// Its name.
    pub name: Arc<str>,
    /// First component of stored files.
    pub folder: String,
    /// The plugin.
    pub ecosystem: Arc<dyn Ecosystem>,
    /// How long its documents count as current.
    pub freshness: Freshness,
    /// The way to its upstream.
    pub upstream: Client,
    /// What of its signed indexes is edited and signed anew; `None` passes them on.
    pub resign: Option<Arc<Selection>>,
    origins: watch::Sender<Option<Arc<Origins>>>,
    identity: ArcSwap<Identity>,
    verifier: Mutex<Option<Arc<dyn Verifier>>>,
    pub(crate) refusals: Refusals,
}

impl Mount {
    /// A mount whose addresses are still being looked up: requests that need them wait until
    /// [`Self::set_origins`].
    pub fn new(spec: MountSpec) -> Self {
        let MountSpec { name, folder, ecosystem, freshness, upstream, resign } = spec;
        let origins = watch::Sender::new(None);
        Self {
            name: name.into(),
            folder,
            ecosystem,
            freshness,
            upstream,
            resign,
            origins,
            identity: ArcSwap::default(),
            verifier: Mutex::default(),
            refusals: Refusals::new(),
        }
    }

    /// Says whose registry it is. Before the addresses are set: who waits for those wants it.
    pub fn set_identity(&self, identity: Identity) {
        self.identity.store(Arc::new(identity));
    }

    /// Says who verifies upstream's signatures, where indexes are edited and signed anew. Without
    /// one no such index is served. Before the addresses are set, too.
    pub fn set_verifier(&self, verifier: Arc<dyn Verifier>) {
        *self.verifier.lock().unwrap_or_else(PoisonError::into_inner) = Some(verifier);
    }

    pub(crate) fn verifier(&self) -> Option<Arc<dyn Verifier>> {
        self.verifier.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The namespace to which names without one belong; empty for most.
    pub fn namespace(&self) -> Arc<str> {
        Arc::clone(&self.identity.load().namespace)
    }

    /// Whether clients mean this registry by a host (with its port, where it is no usual one).
    pub fn stands_for(&self, host: &str) -> bool {
        self.identity.load().hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// Sets the addresses; an empty map means that there are none.
    pub fn set_origins(&self, origins: Origins) {
        self.origins.send_replace(Some(Arc::new(origins)));
    }

    /// The plugin's constants.
    pub fn descriptor(&self) -> &'static Descriptor {
        self.ecosystem.describe()
    }

    /// Whether its listings are whole indexes of everything.
    pub(crate) fn lists_whole_indexes(&self) -> bool {
        self.descriptor().listing.is_empty()
    }

    /// Whether its indexes are signed by upstream and passed on as they are: policy is applied to
    /// files alone.
    pub fn passes_through(&self) -> bool {
        self.descriptor().signed && self.resign.is_none()
    }

    /// Whether this is its ecosystem's default mount, which is named like it.
    pub fn is_default(&self) -> bool {
        *self.name == *self.descriptor().id
    }

    /// What policy knows of this mount.
    pub fn info(&self) -> MountInfo<'_> {
        let d = self.descriptor();
        let mount = &self.name;
        MountInfo { id: d.id, mount, purl_type: d.purl_type, scheme: d.scheme, marks: d.marks }
    }

    /// The package URL of a name and maybe a version here.
    pub fn purl(&self, name: &str, version: Option<&str>) -> Purl {
        Purl::new(self.purl_type(), name, version)
    }

    /// The type of the package URLs that are shown for this mount.
    pub fn purl_type(&self) -> &'static str {
        let descriptor = self.descriptor();
        match &descriptor.content {
            Some(content) if !self.namespace().is_empty() => content.namespace_purl_type,
            _ => descriptor.purl_type,
        }
    }

    /// All addresses, if they are known by now.
    pub fn known_origins(&self) -> Option<Arc<Origins>> {
        self.origins.borrow().clone()
    }

    /// All addresses, once they are known.
    pub async fn origins(&self) -> Arc<Origins> {
        let mut known = self.origins.subscribe();
        match known.wait_for(Option::is_some).await {
            Ok(origins) => origins.clone().unwrap_or_default(),
            Err(_) => Arc::default(),
        }
    }

    /// The address of one role; a refusal with the line to add when there is none.
    pub async fn origin(&self, id: &str) -> Result<Origin, Failure> {
        self.origins().await.get(id).cloned().ok_or_else(|| self.not_configured(id))
    }

    fn not_configured(&self, id: &str) -> Failure {
        let descriptor = self.descriptor();
        let title = descriptor.origins.iter().find(|o| o.id == id).map_or(id, |o| o.title);
        let line = match (self.is_default(), id == "primary") {
            (true, true) => format!("upstream.{} = \"https://registry.example/\"", descriptor.id),
            (true, false) => format!("upstream.{}.origins.{id} = \"https://…\"", descriptor.id),
            (false, _) => format!("registries.{}.upstream = \"https://…\"", self.name),
        };
        let sentence = format!(
            "the mount {} has no upstream address for {title}; add to the configuration: {line}",
            self.name
        );
        Failure::from_denial(Denial::new(Code::BlockedRegistryNotConfigured, sentence))
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mount")
            .field("name", &self.name)
            .field("ecosystem", &self.descriptor().id)
            .finish_non_exhaustive()
    }
}

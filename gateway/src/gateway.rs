//! The gateway assembled from its configuration: store, catalogue, mounts, pipeline.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use weir_cache::{Artifacts, Documents, Upkeep};
use weir_catalog::Catalog;
use weir_config::{Config, EcosystemId, Env, Registry, UpstreamLimits};
use weir_core::{Clock, SystemClock};
use weir_pipeline::{
    Front, Member, Mount, MountSpec, Observer, Patterns, Pipeline, PipelineParts, Signer,
};
use weir_signing::SigningKey;
use weir_storage::{Spools, Storage};
use weir_upstream::Client;

use crate::addresses::Addresses;
use crate::measured::{self, Measured};
use crate::signer::KeySigner;
use crate::{ecosystems, settings};

/// A running gateway, without its listener.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// The configuration that it was assembled from.
    pub(crate) config: Config,
    /// Serves the mounts.
    pub(crate) pipeline: Pipeline,
    /// What stands at which path.
    pub(crate) fronts: Vec<Arc<Front>>,
    /// All registries, the default mounts first.
    pub(crate) mounts: Vec<Arc<Mount>>,
    /// The catalogue.
    pub(crate) catalog: Catalog,
    /// The store.
    pub(crate) storage: Arc<dyn Storage>,
    /// Stored artifacts.
    pub(crate) artifacts: Artifacts,
    /// Their upkeep, and that of documents.
    pub(crate) upkeep: Upkeep,
    /// The key that signs edited indexes, where there is one.
    pub(crate) signing_key: Option<Arc<SigningKey>>,
    /// Where upstream addresses come from.
    pub(crate) addresses: Addresses,
}

impl Gateway {
    /// Opens everything. Upstream addresses that are not configured are still unknown: see
    /// [`Addresses::fill`].
    pub(crate) async fn open(
        config: Config,
        env: &Env,
        observer: Arc<dyn Observer>,
    ) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let policy = settings::policy(&config)?;
        let signing_key = settings::signing_key(&config)?;
        let (storage, spools) = open_storage(&config, env)?;
        let spools = measured::spools(spools, Arc::clone(&observer));
        let storage: Arc<dyn Storage> = Arc::new(Measured::new(storage, Arc::clone(&observer)));
        let catalog = Catalog::open(&settings::database(&config)).await?;
        let artifacts = Artifacts::new(
            Arc::clone(&storage),
            catalog.clone(),
            spools.clone(),
            Arc::clone(&clock),
            settings::artifacts(&config),
        );
        measured::tell_of(&artifacts, Arc::clone(&observer));
        // What is asked for is the rendering; documents are read again when one of them changes.
        let memory = config.limits.memory / 3;
        let documents = Documents::new(
            Arc::clone(&storage),
            catalog.clone(),
            spools,
            Arc::clone(&clock),
            memory,
        );
        let upkeep = Upkeep::new(artifacts.clone(), documents.clone());
        let pipeline = Pipeline::new(PipelineParts {
            artifacts: artifacts.clone(),
            documents,
            catalog: catalog.clone(),
            policy,
            clock,
            observer,
            public: settings::public(&config),
            settings: settings::pipeline(&config),
            signer: signer(&config, signing_key.as_ref())?,
        });
        let (mounts, fronts) = mounts(&config, env)?;
        let addresses = Addresses::new(&config, &mounts)?;
        Ok(Self {
            config,
            pipeline,
            fronts,
            mounts,
            catalog,
            storage,
            artifacts,
            upkeep,
            signing_key,
            addresses,
        })
    }

    /// The work that goes on beside requests. Ends with the runtime.
    pub(crate) fn start_background(&self) {
        crate::background::start(self);
    }

    /// Writes what is still only in memory.
    pub(crate) async fn close(&self) {
        if let Err(error) = self.artifacts.flush_hits().await {
            tracing::warn!(%error, "hit counts were not written");
        }
    }
}

/// Who signs edited indexes. Mounts that want theirs signed need a key.
fn signer(
    config: &Config,
    key: Option<&Arc<SigningKey>>,
) -> anyhow::Result<Option<Arc<dyn Signer>>> {
    let signs = |registry: &&Registry| settings::resign(registry).is_some();
    if let (Some(registry), None) = (config.registries.values().find(signs), key) {
        let name = &registry.name;
        bail!("registries.{name}.index is filter_resign, and there is no key: run weir keys init");
    }
    Ok(key.map(|key| Arc::new(KeySigner(Arc::clone(key))) as Arc<dyn Signer>))
}

fn open_storage(config: &Config, env: &Env) -> anyhow::Result<(Arc<dyn Storage>, Spools)> {
    let storage_settings = settings::storage(config, env);
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("data_dir {}", config.data_dir.display()))?;
    let storage = weir_storage::open(config.storage.url.as_str(), &storage_settings)?;
    let spools = Spools::open(&config.data_dir, &storage_settings)?;
    Ok((storage, spools))
}

/// Clients are shared by mounts with the same limits and authorities, and with them their
/// connections.
struct Clients<'a> {
    config: &'a Config,
    env: &'a Env,
    made: Vec<(UpstreamLimits, Option<PathBuf>, Client)>,
}

impl Clients<'_> {
    fn of(&mut self, registry: &Registry) -> anyhow::Result<Client> {
        let upstream = registry.upstream.as_ref();
        let limits = upstream.map_or(self.config.limits.upstream, |upstream| upstream.limits);
        let ca_file = upstream.and_then(|upstream| upstream.ca_file.clone());
        let same = |made: &&(UpstreamLimits, Option<PathBuf>, Client)| {
            made.0 == limits && made.1 == ca_file
        };
        if let Some((_, _, client)) = self.made.iter().find(same) {
            return Ok(client.clone());
        }
        let settings = settings::upstream(self.config, self.env, &limits, ca_file.as_deref());
        let client = Client::new(settings)?;
        self.made.push((limits, ca_file, client.clone()));
        Ok(client)
    }
}

type Assembled = (Vec<Arc<Mount>>, Vec<Arc<Front>>);

/// A default mount for each plugin of this build, then the other configured registries.
pub(crate) fn registries(config: &Config) -> impl Iterator<Item = Registry> {
    let defaults = ecosystems::all().into_iter().filter_map(|plugin| {
        let id = EcosystemId::parse(plugin.describe().id)?;
        Some(config.default_mount(id))
    });
    let others = config.registries.values().filter(|registry| !registry.is_default()).cloned();
    defaults.chain(others)
}

/// The mounts of all registries, and the fronts of mounts and groups.
fn mounts(config: &Config, env: &Env) -> anyhow::Result<Assembled> {
    let mut clients = Clients { config, env, made: Vec::new() };
    let mut by_name: HashMap<String, Arc<Mount>> = HashMap::new();
    let mut mounts = Vec::new();
    let mut fronts = Vec::new();
    for registry in registries(config) {
        let Some(mount) = mount(config, &mut clients, &registry)? else {
            tracing::warn!(
                registry = registry.name,
                "this build has no support for {}; the mount is not served",
                registry.ecosystem.id()
            );
            continue;
        };
        let path = registry.path.trim_matches('/');
        fronts.push(Arc::new(Front::single(path, Arc::clone(&mount))));
        by_name.insert(registry.name.clone(), Arc::clone(&mount));
        mounts.push(mount);
    }
    for group in config.groups.values() {
        if let Some(front) = front(group, &by_name)? {
            fronts.push(Arc::new(front));
        }
    }
    // The longest path wins, so that a registry may stand below another's mount.
    fronts.sort_by_key(|front| std::cmp::Reverse(front.path.len()));
    Ok((mounts, fronts))
}

/// Assembles mounts and groups without opening anything, to see whether that works.
pub(crate) fn try_mounts(config: &Config, env: &Env) -> anyhow::Result<()> {
    let (mounts, _) = mounts(config, env)?;
    Addresses::new(config, &mounts).map(|_| ())
}

fn mount(
    config: &Config,
    clients: &mut Clients<'_>,
    registry: &Registry,
) -> anyhow::Result<Option<Arc<Mount>>> {
    let id = registry.ecosystem.id();
    let Some(ecosystem) = ecosystems::find(id) else { return Ok(None) };
    let spec = MountSpec {
        name: registry.name.clone(),
        folder: registry.folder().to_owned(),
        ecosystem,
        freshness: settings::freshness(config, id),
        upstream: clients.of(registry)?,
        resign: settings::resign(registry),
    };
    Ok(Some(Arc::new(Mount::new(spec))))
}

fn front(
    group: &weir_config::Group,
    mounts: &HashMap<String, Arc<Mount>>,
) -> anyhow::Result<Option<Front>> {
    if ecosystems::find(group.ecosystem.id()).is_none() {
        return Ok(None);
    }
    let members = group
        .members
        .iter()
        .map(|member| {
            let mount = mounts.get(&member.registry).ok_or_else(|| {
                anyhow!("groups.{}: there is no registry {:?}", group.name, member.registry)
            })?;
            let patterns = Patterns::new(&member.patterns, &member.exclude)
                .with_context(|| format!("groups.{}", group.name))?;
            Ok(Member { mount: Arc::clone(mount), patterns })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let path = group.path.trim_matches('/').to_owned();
    Ok(Some(Front { path, members }))
}

//! Where upstream addresses come from: the configuration first, then what is found on the
//! machine. Listening does not wait for it; requests to a mount that is still being looked up do.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use url::Url;
use weir_config::{Config, Env};
use weir_core::Descriptor;
use weir_discover::{Finding, Login, Options};
use weir_pipeline::{Identity, Mount, Origins};
use weir_upstream::{Credentials, Origin, Secret};

use crate::archive_keys::{self, ArchiveKeys};
use crate::settings;

/// The part of the log that tells of mounts whose listings are not filtered.
pub(crate) const PASSED_ON: &str = "weir::passed_on";

/// The time that programs have to answer when the gateway starts.
pub(crate) const BUDGET: Duration = Duration::from_secs(1);

/// The time that they get in a second round, when a mount still lacks its address: on a busy
/// machine a client can take long to say what its default is. Only that mount's requests wait.
const PATIENCE: Duration = Duration::from_secs(15);

/// The mounts with what the configuration says of their addresses.
#[derive(Debug)]
pub(crate) struct Addresses {
    mounts: Vec<(Arc<Mount>, Origins)>,
    /// By mount: the hosts, beside its upstream's own, whose images it has.
    stands_for: HashMap<String, Vec<String>>,
    /// By mount: what upstream's signatures are verified by, where that is configured.
    keys: HashMap<String, ArchiveKeys>,
    memory: PathBuf,
    own: Vec<Url>,
}

impl Addresses {
    /// Reads the configured addresses.
    pub(crate) fn new(config: &Config, mounts: &[Arc<Mount>]) -> anyhow::Result<Self> {
        let with_origins = |mount: &Arc<Mount>| {
            let registry = config.registries.get(&*mount.name);
            let upstream = registry.and_then(|registry| registry.upstream.as_ref());
            let origins = upstream.map(|upstream| configured(mount, upstream)).transpose()?;
            Ok((Arc::clone(mount), origins.unwrap_or_default()))
        };
        let mounts = mounts.iter().map(with_origins).collect::<anyhow::Result<Vec<_>>>()?;
        let hosts = |registry: &weir_config::Registry| {
            registry.upstream.as_ref().map(|upstream| upstream.stands_for.clone())
        };
        let stands_for = config.registries.iter();
        let stands_for = stands_for.filter_map(|(name, r)| Some((name.clone(), hosts(r)?)));
        let memory = config.data_dir.join("discovered.json");
        let mut keys = HashMap::new();
        for (name, registry) in &config.registries {
            keys.extend(settings::keys(registry)?.map(|own| (name.clone(), own)));
        }
        let stands_for = stands_for.collect();
        Ok(Self { mounts, stands_for, keys, memory, own: own(config) })
    }

    /// Looks up what is not configured and sets every mount's addresses. Blocks for about as long
    /// as programs have to answer, twice where that was too short.
    pub(crate) fn fill(&self, env: &Env, budget: Duration) {
        let mut open: Vec<_> = self.mounts.iter().collect();
        for budget in [budget, PATIENCE] {
            let any = open.iter().any(|(mount, origins)| is_open(mount, origins));
            let findings = if any { self.discover(env, budget) } else { Vec::new() };
            open.retain(|(mount, origins)| {
                let origins = completed(mount, origins.clone(), &findings);
                let settled = budget == PATIENCE || !is_open(mount, &origins);
                if settled {
                    self.settle(mount, origins, env);
                }
                !settled
            });
        }
    }

    fn settle(&self, mount: &Mount, mut origins: Origins, env: &Env) {
        if mount.descriptor().id == "debian" && !self.is_configured(mount) {
            widen(mount, &mut origins, env);
        }
        let address = origins.get(primary(mount.descriptor())).map(|origin| origin.base.clone());
        let keys = self.keys.get(&*mount.name);
        archive_keys::settle(mount, keys, address.as_ref(), &surroundings(env));
        let mut also = self.stands_for.get(&*mount.name).cloned().unwrap_or_default();
        if let Some(address) = address.filter(|_| mount.descriptor().content.is_some()) {
            let mirrored = weir_discover::mirrored_by(&surroundings(env), &address);
            also.extend(mirrored.iter().map(ToString::to_string));
        }
        settle(mount, origins, &also);
    }

    fn is_configured(&self, mount: &Mount) -> bool {
        self.mounts.iter().any(|(own, origins)| own.name == mount.name && !origins.is_empty())
    }

    fn discover(&self, env: &Env, budget: Duration) -> Vec<Finding> {
        let options = Options { budget, exclude: &self.own, memory: Some(self.memory.as_path()) };
        weir_discover::discover(&surroundings(env), &options)
    }
}

/// The gateway's own addresses, which clients that were pointed at it name in their settings.
pub(crate) fn own(config: &Config) -> Vec<Url> {
    let listen = Url::parse(&format!("http://{}", config.listen)).ok();
    listen.into_iter().chain(config.base_url.clone()).collect()
}

/// Whether a default mount still lacks its main address.
fn is_open(mount: &Mount, origins: &Origins) -> bool {
    mount.is_default() && !origins.contains_key(primary(mount.descriptor()))
}

fn completed(mount: &Mount, mut origins: Origins, findings: &[Finding]) -> Origins {
    if mount.is_default() {
        adopt(mount, &mut origins, findings);
    }
    derive(mount.descriptor(), &mut origins);
    origins
}

fn settle(mount: &Mount, mut origins: Origins, stands_for: &[String]) {
    if is_open(mount, &origins) {
        tracing::warn!(mount = %mount.name, "no upstream address was found; requests are refused");
    }
    for origin in origins.values() {
        mount.upstream.trust(origin);
    }
    if mount.descriptor().content.is_some()
        && let Some(main) = origins.get_mut(primary(mount.descriptor()))
    {
        identify(mount, main, stands_for);
    }
    if mount.passes_through() && !origins.is_empty() {
        tracing::warn!(
            target: PASSED_ON,
            mount = %mount.name,
            "indexes are passed on as upstream signed them: withheld versions are listed, and \
             refused at the download; to remove them set registries.{}.index = \"filter_resign\"",
            mount.name
        );
    }
    mount.set_origins(origins);
}

/// Takes the distribution's other archives on the same host in (its security updates): they are
/// found below the mount by their folders, and the main one without its folder too.
fn widen(mount: &Mount, origins: &mut Origins, env: &Env) {
    let Some(main) = origins.get_mut(primary(mount.descriptor())) else { return };
    let Some((above, folder)) = weir_discover::archives_beside(&surroundings(env), &main.base)
    else {
        return;
    };
    tracing::info!(mount = %mount.name, address = %above, folder, "several archives below one address");
    main.base = above;
    mount.set_identity(Identity { namespace: folder.into(), hosts: Vec::new() });
}

/// Says whose images these are. The API's own path is a part of all places: an address that ends
/// with it means the registry.
fn identify(mount: &Mount, main: &mut Origin, stands_for: &[String]) {
    let path = main.base.path().trim_end_matches('/');
    if let Some(stem) =
        path.strip_suffix(mount.descriptor().mount).and_then(|p| p.strip_suffix('/'))
    {
        let stem = stem.to_owned();
        main.base.set_path(&stem);
    }
    let host = main.base.host_str().unwrap_or_default();
    let mut hosts = vec![match main.base.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }];
    hosts.extend(stands_for.iter().cloned());
    let special = hosts.iter().map(|host| weir_discover::images_of(host));
    let (namespace, names) =
        special.max_by_key(|(namespace, _)| namespace.len()).unwrap_or_default();
    hosts.extend(names.iter().map(ToString::to_string));
    mount.set_identity(Identity { namespace: namespace.into(), hosts });
}

/// What discovery may look at: this process's environment and working folder.
pub(crate) fn surroundings(env: &Env) -> weir_discover::Env {
    let cwd = std::env::current_dir().unwrap_or_default();
    weir_discover::Env::new(env.variables().clone(), cwd)
}

fn configured(mount: &Mount, upstream: &weir_config::Upstream) -> anyhow::Result<Origins> {
    let descriptor = mount.descriptor();
    let label = settings::label(&mount.name, &*mount.ecosystem);
    let mut origins = HashMap::new();
    for spec in descriptor.origins {
        let address = match upstream.origins.get(spec.id) {
            Some(address) => address,
            None if spec.id == primary(descriptor) => &upstream.address,
            None => continue,
        };
        let mut origin = settings::origin(&label, address, upstream)?;
        if hands_out_tokens(descriptor.id) {
            origin.token_realms = Some(upstream.token_realms.clone());
        }
        origins.insert(spec.id, origin);
    }
    let known = |id: &String| descriptor.origins.iter().any(|spec| spec.id == id);
    if let Some(unknown) = upstream.origins.keys().find(|id| !known(id)) {
        let ids: Vec<&str> = descriptor.origins.iter().map(|spec| spec.id).collect();
        anyhow::bail!("upstream of {label}: {unknown:?} is none of its origins {ids:?}");
    }
    Ok(origins)
}

/// Whether registries of this kind hand out tokens: those of the OCI distribution specification.
fn hands_out_tokens(ecosystem: &str) -> bool {
    ecosystem == "container"
}

fn primary(descriptor: &Descriptor) -> &'static str {
    descriptor.origins.first().map_or("primary", |origin| origin.id)
}

/// Takes what was found for origins that are not configured. A finding for another origin counts
/// only while the main address is a found one too: they belong together.
fn adopt(mount: &Mount, origins: &mut Origins, findings: &[Finding]) {
    let descriptor = mount.descriptor();
    if origins.contains_key(primary(descriptor)) {
        return;
    }
    let mut taken = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.ecosystem == descriptor.id) {
        let Some(spec) = descriptor.origins.iter().find(|spec| spec.id == finding.origin) else {
            continue;
        };
        match found(finding) {
            Ok(origin) => {
                tracing::info!(mount = descriptor.id, origin = spec.id, address = %finding.address,
                    source = finding.source, "upstream address found");
                taken.insert(spec.id, origin.named(descriptor.id));
            }
            Err(error) => tracing::warn!(%error, source = finding.source, "address not usable"),
        }
    }
    origins.extend(taken);
}

fn found(finding: &Finding) -> anyhow::Result<Origin> {
    let mut origin = Origin::parse(finding.address.as_str()).context("a found address")?;
    origin.trusted = finding.trusted;
    if hands_out_tokens(finding.ecosystem) {
        origin.token_realms = Some(Vec::new());
    }
    let credentials = finding.credentials.as_ref().map(|login| match login {
        Login::Basic(user, password) => {
            Credentials::Basic { user: user.clone(), password: Secret::new(password.as_str()) }
        }
        Login::Bearer(token) => Credentials::Bearer(Secret::new(token.as_str())),
    });
    Ok(origin.with_credentials(credentials))
}

/// Origins that follow from the main address by the descriptor's rule.
fn derive(descriptor: &Descriptor, origins: &mut Origins) {
    let Some(main) = origins.get(primary(descriptor)).cloned() else { return };
    for spec in descriptor.origins {
        let Some((suffix, replacement)) = spec.beside else { continue };
        if origins.contains_key(spec.id) {
            continue;
        }
        let path = main.base.path().trim_end_matches('/');
        let Some(stem) = path.strip_suffix(suffix) else { continue };
        let mut beside = main.clone();
        beside.base.set_path(&format!("{stem}{replacement}"));
        origins.insert(spec.id, beside);
    }
}

//! From the configuration to the settings of each crate.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use weir_cache::{ArtifactSettings, Retention};
use weir_catalog::{DatabaseSettings, Driver};
use weir_config::{Config, EcosystemId, Env};
use weir_core::{Ecosystem, Scheme, Selection};
use weir_pipeline::{Besides, Freshness, PipelineSettings, PublicAddress};
use weir_policy as policy;
use weir_signing::{Keyring, SigningKey};
use weir_storage::StorageSettings;
use weir_telemetry::{AccessSettings, OtlpSettings};
use weir_upstream::{Credentials, Origin, Secret};

use crate::archive_keys::ArchiveKeys;

/// The rules, as the pure crate wants them.
pub(crate) fn policy(config: &Config) -> anyhow::Result<policy::Policy> {
    let infos: Vec<_> = EcosystemId::all().map(info).collect();
    let mut settings = policy::PolicySettings { cooldown: cooldown(config), ..Default::default() };
    settings.rules = config.policy.rules.iter().map(rule).collect();
    settings.work_mode = work_mode(config.policy.work_mode);
    for (name, registry) in &config.registries {
        if let Some(mode) = registry.work_mode {
            settings.work_mode_by_mount.insert(name.clone(), work_mode(mode));
        }
    }
    settings.listing = Some(listing(config.policy.listing.default));
    for (ecosystem, mode) in &config.policy.listing.ecosystems {
        settings.listing_by_ecosystem.insert(ecosystem.id().to_owned(), listing(*mode));
    }
    settings.block_status = config.policy.block_status;
    settings.block_message.clone_from(&config.policy.block_message);
    settings.block_url = config.policy.block_url.as_ref().map(ToString::to_string);
    Ok(policy::Policy::new(settings, &infos)?)
}

/// The key that signs edited indexes; `None` where none was made. One that cannot be used is an
/// error: an operator who has a key means it to sign.
pub(crate) fn signing_key(config: &Config) -> anyhow::Result<Option<Arc<SigningKey>>> {
    match SigningKey::load(&config.keys.path) {
        Ok(key) => Ok(Some(Arc::new(key))),
        Err(weir_signing::Error::Missing(_)) => Ok(None),
        Err(error) => Err(error).context("keys.path"),
    }
}

/// Rules may name every ecosystem that the configuration knows, whether or not this build has it:
/// one configuration serves several builds. Versions of those that it lacks are never compared.
fn info(ecosystem: EcosystemId) -> policy::EcosystemInfo<'static> {
    let (id, purl_type) = (ecosystem.id(), ecosystem.purl_type());
    match crate::ecosystems::find(id) {
        Some(plugin) => plugin.describe().into(),
        None => policy::EcosystemInfo { id, purl_type, scheme: Scheme::Generic },
    }
}

fn cooldown(config: &Config) -> policy::CooldownSettings {
    let cooldown = &config.cooldown;
    policy::CooldownSettings {
        default: cooldown.default,
        ecosystems: cooldown.ecosystems.iter().map(|(e, d)| (e.id().to_owned(), *d)).collect(),
        packages: cooldown.packages.iter().map(|(p, d)| (p.clone(), *d)).collect(),
        unknown: match cooldown.unknown {
            weir_config::UnknownDate::FirstSeen => policy::Unknown::FirstSeen,
            weir_config::UnknownDate::Deny => policy::Unknown::Deny,
            weir_config::UnknownDate::Allow => policy::Unknown::Allow,
        },
    }
}

fn rule(rule: &weir_config::Rule) -> policy::RuleSettings {
    let effect = match rule.effect {
        weir_config::Effect::Deny => policy::Effect::Deny,
        weir_config::Effect::Warn => policy::Effect::Warn,
        weir_config::Effect::Allow => policy::Effect::Allow,
    };
    let mut settings = policy::RuleSettings::new(&rule.name, effect).purl(&rule.purl);
    settings.versions.clone_from(&rule.versions);
    settings.reason.clone_from(&rule.reason);
    settings.until = rule.until;
    settings.owner.clone_from(&rule.owner);
    settings
}

fn work_mode(mode: weir_config::WorkMode) -> policy::WorkMode {
    match mode {
        weir_config::WorkMode::Warmup => policy::WorkMode::Warmup,
        weir_config::WorkMode::Spectator => policy::WorkMode::Spectator,
        weir_config::WorkMode::Moderate => policy::WorkMode::Moderate,
        weir_config::WorkMode::Strict => policy::WorkMode::Strict,
        weir_config::WorkMode::StrictWait => policy::WorkMode::StrictWait,
    }
}

fn listing(mode: weir_config::ListingMode) -> policy::Listing {
    match mode {
        weir_config::ListingMode::Remove => policy::Listing::Remove,
        weir_config::ListingMode::Mark => policy::Listing::Mark,
    }
}

/// What of a mount's signed indexes is edited and signed; `None` passes them on.
pub(crate) fn resign(registry: &weir_config::Registry) -> Option<Arc<Selection>> {
    let signed = &registry.signed;
    (registry.index == weir_config::IndexMode::FilterResign).then(|| {
        Arc::new(Selection {
            suites: signed.suites.clone(),
            components: signed.components.clone(),
            architectures: signed.architectures.clone(),
            hold_back: signed.hold_back,
        })
    })
}

/// What upstream's signatures are verified by, where that is configured: the given keys, or nothing.
pub(crate) fn keys(registry: &weir_config::Registry) -> anyhow::Result<Option<ArchiveKeys>> {
    let signed = &registry.signed;
    if resign(registry).is_none() {
        return Ok(None);
    }
    if signed.unverified {
        return Ok(Some(ArchiveKeys::Unlooked));
    }
    if signed.keyring.is_empty() {
        return Ok(None);
    }
    let ring = Keyring::load(&signed.keyring);
    let ring = ring.with_context(|| format!("registries.{}.keyring", registry.name))?;
    Ok(Some(ArchiveKeys::Ring(ring)))
}

/// Buffers and credentials of the store.
pub(crate) fn storage(config: &Config, env: &Env) -> StorageSettings {
    let aws = env.aws();
    let credentials = aws.access_key_id.zip(aws.secret_access_key);
    StorageSettings {
        read_size: config.limits.read_buffer as usize,
        write_size: config.limits.spool_buffer as usize,
        part_size: config.limits.write_buffer as usize,
        region: aws.region,
        credentials: credentials.map(|(access_key_id, secret)| weir_storage::Credentials {
            access_key_id,
            secret_access_key: secret.reveal().to_owned(),
            session_token: aws.session_token.map(|token| token.reveal().to_owned()),
        }),
        ..StorageSettings::default()
    }
}

/// The database.
pub(crate) fn database(config: &Config) -> DatabaseSettings {
    DatabaseSettings {
        driver: match config.database.driver {
            weir_config::Driver::Sqlite => Driver::Sqlite,
            weir_config::Driver::Postgres => Driver::Postgres,
        },
        path: config.database.path.clone(),
        url: config.database.url.as_ref().map(|url| url.reveal().to_owned()),
        ..DatabaseSettings::default()
    }
}

/// Bounds of what is held in memory.
pub(crate) fn artifacts(config: &Config) -> ArtifactSettings {
    ArtifactSettings {
        hot_bytes: config.limits.memory,
        hot_artifact: config.limits.memory_object,
        ..ArtifactSettings::default()
    }
}

/// How much and how long is kept.
pub(crate) fn retention(config: &Config) -> Retention {
    Retention { max_size: config.storage.max_size, max_age: config.storage.max_age }
}

/// Bounds of the pipeline.
pub(crate) fn pipeline(config: &Config) -> PipelineSettings {
    let wanted = config.access_log.path.is_some() || config.otlp.endpoint.is_some();
    PipelineSettings {
        offline: config.offline,
        max_request_body: config.limits.request_body,
        request_wait: config.limits.header_timeout,
        max_document: config.limits.document,
        max_artifact: config.limits.artifact,
        private: config.auth.required,
        besides: if wanted { Besides::Told } else { Besides::Nothing },
        ..PipelineSettings::default()
    }
}

/// How long the documents of an ecosystem count as current.
pub(crate) fn freshness(config: &Config, id: &str) -> Freshness {
    let lifetimes = match EcosystemId::parse(id) {
        Some(ecosystem) => config.freshness.of(ecosystem),
        None => config.freshness.default,
    };
    Freshness {
        ttl: lifetimes.ttl,
        negative_ttl: lifetimes.negative_ttl,
        stale_while_revalidate: lifetimes.stale_while_revalidate,
        stale_if_error: lifetimes.stale_if_error,
    }
}

/// How links get their address.
pub(crate) fn public(config: &Config) -> PublicAddress {
    PublicAddress {
        base_url: config.base_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
        trusted_proxies: config.trusted_proxies.clone(),
        https: config.tls.is_some(),
        listen: config.listen.to_string(),
    }
}

/// Where the access log is written, if it is.
pub(crate) fn access_log(config: &Config) -> Option<AccessSettings> {
    let path = config.access_log.path.clone()?;
    let keep = u32::try_from(config.access_log.keep).unwrap_or(u32::MAX);
    Some(AccessSettings { path, max_size: config.access_log.max_size, keep })
}

/// Where traces and metrics are sent, if they are.
pub(crate) fn otlp(config: &Config) -> Option<OtlpSettings> {
    let otlp = &config.otlp;
    let header =
        |(name, value): (&String, &weir_config::Secret)| (name.clone(), value.reveal().to_owned());
    Some(OtlpSettings {
        endpoint: otlp.endpoint.as_ref()?.to_string(),
        protocol: match otlp.protocol {
            weir_config::OtlpProtocol::Http => weir_telemetry::OtlpProtocol::Http,
            weir_config::OtlpProtocol::Grpc => weir_telemetry::OtlpProtocol::Grpc,
        },
        headers: otlp.headers.iter().map(header).collect(),
        service_name: otlp.service_name.clone(),
        interval: otlp.interval,
        sample: otlp.sample,
    })
}

fn propagates(otlp: &weir_config::Otlp) -> bool {
    otlp.propagate && otlp.sample > 0 && otlp.endpoint.is_some()
}

/// The HTTP client for an upstream with these limits.
pub(crate) fn upstream(
    config: &Config,
    env: &Env,
    limits: &weir_config::UpstreamLimits,
    ca_file: Option<&Path>,
) -> weir_upstream::Settings {
    let proxies = env.proxies();
    let open = |secret: Option<weir_config::Secret>| secret.map(|s| s.reveal().to_owned());
    let all = open(proxies.all);
    let defaults = weir_upstream::Settings::default();
    weir_upstream::Settings {
        connect_timeout: limits.connect_timeout,
        // An answer that does not begin is a pause like any other.
        header_timeout: limits.read_timeout,
        read_timeout: limits.read_timeout,
        write_timeout: limits.write_timeout,
        pool_timeout: limits.pool_timeout,
        pool_idle_timeout: limits.idle_timeout,
        max_connections_per_host: limits.connections as usize,
        requests_per_second: u32::try_from(limits.rate).ok().filter(|rate| *rate > 0),
        retries: limits.retries as u32,
        retry_base: limits.retry_pause,
        retry_max: limits.retry_pause_max,
        breaker_failures: limits.breaker_failures as u32,
        breaker_open: limits.breaker_pause,
        max_redirects: u8::try_from(limits.redirects).unwrap_or(u8::MAX),
        max_document: config.limits.document,
        proxy: weir_upstream::ProxySettings {
            http: open(proxies.http).or_else(|| all.clone()),
            https: open(proxies.https).or(all),
            no_proxy: proxies.no_proxy,
        },
        extra_ca_files: ca_file.map(Path::to_owned).into_iter().collect(),
        propagate: propagates(&config.otlp).then_some(weir_telemetry::propagate),
        offline: config.offline,
        ..defaults
    }
}

/// An address that the operator wrote: it may be private.
pub(crate) fn origin(
    label: &str,
    address: &weir_config::Address,
    upstream: &weir_config::Upstream,
) -> anyhow::Result<Origin> {
    let mut origin = Origin::parse(address.url.as_str())
        .with_context(|| format!("upstream.{label}"))?
        .named(label)
        .trust()
        .with_credentials(address.credentials.as_ref().map(credentials).transpose()?);
    if !upstream.redirects.is_empty() {
        origin.redirect_hosts = Some(upstream.redirects.clone());
    }
    Ok(origin)
}

/// Credentials for the client stack.
pub(crate) fn credentials(from: &weir_config::Credentials) -> anyhow::Result<Credentials> {
    Ok(match from {
        weir_config::Credentials::Basic { user, password } => {
            Credentials::Basic { user: user.clone(), password: Secret::new(password.reveal()) }
        }
        weir_config::Credentials::Bearer { token } => {
            Credentials::Bearer(Secret::new(token.reveal()))
        }
        weir_config::Credentials::Header { header, value } => Credentials::Header {
            name: header.parse().map_err(|_| anyhow!("{header:?} is not a header name"))?,
            value: Secret::new(value.reveal()),
        },
    })
}

/// The label of a mount's upstream in messages.
pub(crate) fn label(mount: &str, ecosystem: &dyn Ecosystem) -> String {
    let id = ecosystem.describe().id;
    if mount == id { id.to_owned() } else { format!("{mount} ({id})") }
}

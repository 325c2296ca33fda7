//! From all layers, merged, to the configuration in which every key has a value.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::partial::{
    Items, List, Partial, PartialAccessLog, PartialCooldown, PartialDatabase, PartialFreshness,
    PartialLifetimes, PartialLimits, PartialOtlp, PartialPolicy, PartialRule, PartialStorage,
    PartialTls, PartialUpstreamLimits, SecretSource,
};
use crate::scalar::Text;
use crate::{
    AccessLog, Config, Cooldown, Database, Driver, EcosystemId, Env, Freshness, Keys, Lifetimes,
    Limits, Listing, Log, LogFormat, Otlp, Policy, Rule, Secret, Storage, Tls, UpstreamLimits,
};

/// The time in which everything is hashed once more, where nothing is said.
const SCRUB: Duration = Duration::from_hours(30 * 24);

/// Something that does not fit, at a path.
pub(crate) struct Misfit {
    pub(crate) path: Vec<String>,
    pub(crate) message: String,
}

/// Resolves one configuration and collects everything that does not fit.
pub(crate) struct Resolver<'a> {
    pub(crate) env: &'a Env,
    pub(crate) cwd: &'a Path,
    pub(crate) misfits: Vec<Misfit>,
}

/// Sets the fields that a layer names.
macro_rules! apply {
    ($target:expr, $layer:expr; $($field:ident),+ $(,)?) => {
        $(if let Some(value) = $layer.$field {
            $target.$field = value.0;
        })+
    };
}

impl Resolver<'_> {
    /// Resolves; `Err` lists every misfit.
    pub(crate) fn resolve(mut self, mut partial: Partial) -> Result<Config, Vec<Misfit>> {
        let data_dir = match partial.data_dir.take() {
            Some(path) => self.absolute(path.0),
            None => {
                self.env.data_home().map_or_else(|| self.cwd.join("weir-data"), |d| d.join("weir"))
            }
        };
        let limits = limits(std::mem::take(&mut partial.limits));
        let registries = self.registries(&mut partial, limits.upstream);
        let groups = self.groups(std::mem::take(&mut partial.groups), &registries);
        self.paths(&registries, &groups);
        let config = Config {
            listen: partial.listen.map_or_else(|| ([127, 0, 0, 1], 8080).into(), |listen| listen.0),
            base_url: partial.base_url.map(|url| without_slash(url.0)),
            offline: partial.offline.is_some_and(|flag| flag.0),
            http2: partial.http2.is_some_and(|flag| flag.0),
            trusted_proxies: values(partial.trusted_proxies),
            tls: self.tls(partial.tls),
            auth: self.auth(partial.auth, (&registries, &groups)),
            access_log: self.access_log(partial.access_log),
            otlp: self.otlp(partial.otlp),
            storage: self.storage(partial.storage, &data_dir),
            database: self.database(partial.database, &data_dir),
            keys: Keys {
                path: match partial.keys.path {
                    Some(path) => self.absolute(path.0),
                    None => data_dir.join("keys/signing.asc"),
                },
                kind: partial.keys.kind.map(|kind| kind.0).unwrap_or_default(),
            },
            log: Log {
                level: partial.log.level.map_or_else(|| "info".to_owned(), |level| level.0),
                format: partial.log.format.map_or(LogFormat::Text, |format| format.0),
            },
            registries,
            groups,
            cooldown: self.cooldown(partial.cooldown),
            policy: self.policy(partial.policy),
            freshness: freshness(partial.freshness),
            limits,
            data_dir,
        };
        if self.misfits.is_empty() { Ok(config) } else { Err(self.misfits) }
    }

    /// Notes that something does not fit.
    pub(crate) fn refuse(&mut self, path: &[String], message: impl Into<String>) {
        self.misfits.push(Misfit { path: path.to_vec(), message: message.into() });
    }

    /// A path that does not depend on the working folder any more.
    pub(crate) fn absolute(&self, path: PathBuf) -> PathBuf {
        if path.is_absolute() { path } else { self.cwd.join(path) }
    }

    fn tls(&mut self, layer: PartialTls) -> Option<Tls> {
        match (layer.certificate, layer.key) {
            (Some(certificate), Some(key)) => {
                Some(Tls { certificate: self.absolute(certificate.0), key: self.absolute(key.0) })
            }
            (None, None) => None,
            (Some(_), None) => {
                self.refuse(&strings(&["tls", "certificate"]), "needs tls.key beside it");
                None
            }
            (None, Some(_)) => {
                self.refuse(&strings(&["tls", "key"]), "needs tls.certificate beside it");
                None
            }
        }
    }

    fn access_log(&self, layer: PartialAccessLog) -> AccessLog {
        AccessLog {
            path: layer.path.map(|path| self.absolute(path.0)),
            max_size: layer.max_size.map_or(100 << 20, |size| size.0),
            keep: layer.keep.map_or(5, |count| count.0),
        }
    }

    fn otlp(&mut self, layer: PartialOtlp) -> Otlp {
        let mut headers = std::collections::BTreeMap::new();
        for (name, source) in layer.headers {
            let at = strings(&["otlp", "headers", &name]);
            if let Some(value) = self.secret(&at, source) {
                headers.insert(name, value);
            }
        }
        Otlp {
            endpoint: layer.endpoint.map(|url| url.0),
            protocol: layer.protocol.map(|protocol| protocol.0).unwrap_or_default(),
            propagate: layer.propagate.is_some_and(|flag| flag.0),
            headers,
            service_name: layer.service_name.map_or_else(|| "weir".to_owned(), |name| name.0),
            interval: layer.interval.map_or(Duration::from_mins(1), |span| span.0),
            sample: layer.sample.map_or(1, |count| count.0),
        }
    }

    fn storage(&mut self, layer: PartialStorage, data_dir: &Path) -> Storage {
        let folder = match layer.path {
            Some(path) => self.absolute(path.0),
            None => data_dir.join("cache"),
        };
        let url = layer.url.map(|url| url.0).or_else(|| Url::from_file_path(folder).ok());
        let url = url.unwrap_or_else(|| {
            self.refuse(&strings(&["data_dir"]), "is not a path that an address can hold");
            self.cwd_url()
        });
        let spans = |span: Option<Duration>| span.filter(|span| !span.is_zero());
        Storage {
            url,
            max_size: layer.max_size.map(|size| size.0),
            max_age: spans(layer.max_age.map(|age| age.0)),
            scrub: spans(Some(layer.scrub.map_or(SCRUB, |span| span.0))),
        }
    }

    /// Some address, where a misfit already says that there is none.
    fn cwd_url(&self) -> Url {
        Url::from_file_path(self.cwd)
            .unwrap_or_else(|()| Url::parse("file:///").expect("an address without a path parses"))
    }

    fn database(&mut self, layer: PartialDatabase, data_dir: &Path) -> Database {
        let at = strings(&["database", "url"]);
        let url = layer.url.and_then(|source| self.secret(&at, source));
        if let Some(url) = &url
            && !["postgres://", "postgresql://"].iter().any(|s| url.reveal().starts_with(s))
        {
            self.refuse(&at, "expected an address such as postgres://weir@db.example/weir");
        }
        let inferred = if url.is_some() { Driver::Postgres } else { Driver::Sqlite };
        let driver = layer.driver.map_or(inferred, |driver| driver.0);
        if driver == Driver::Postgres && url.is_none() && self.misfits.is_empty() {
            let message = "postgres needs database.url, such as postgres://weir@db.example/weir";
            self.refuse(&strings(&["database", "driver"]), message);
        }
        let path = layer.path.map_or_else(|| data_dir.join("weir.db"), |p| self.absolute(p.0));
        Database { driver, path, url }
    }

    /// Reads a secret from where it is kept.
    pub(crate) fn secret(&mut self, at: &[String], source: SecretSource) -> Option<Secret> {
        match source {
            SecretSource::Plain(secret) => Some(secret),
            SecretSource::Variable(name) => {
                let value = self.env.get(&name).map(Secret::new);
                if value.is_none() {
                    self.refuse(at, format!("the variable {name} is not set"));
                }
                value
            }
            SecretSource::File(path) => self.secret_file(at, path),
            SecretSource::Unclear => {
                self.refuse(at, "expected one of { env = \"NAME\" } and { file = \"/path\" }");
                None
            }
        }
    }

    fn secret_file(&mut self, at: &[String], path: PathBuf) -> Option<Secret> {
        let path = self.absolute(path);
        match std::fs::read_to_string(&path) {
            // Files end with a line feed that is no part of a token.
            Ok(text) if !text.trim_end().is_empty() => Some(Secret::new(text.trim_end())),
            Ok(_) => {
                self.refuse(at, format!("the file {} is empty", path.display()));
                None
            }
            Err(error) => {
                self.refuse(at, format!("cannot read the file {}: {error}", path.display()));
                None
            }
        }
    }

    fn cooldown(&mut self, layer: PartialCooldown) -> Cooldown {
        let mut packages = std::collections::BTreeMap::new();
        for (purl, span) in layer.packages {
            self.purl(&strings(&["cooldown", "packages", &purl]), &purl);
            packages.insert(purl, span.0);
        }
        Cooldown {
            default: layer.default.map_or(Duration::ZERO, |span| span.0),
            unknown: layer.unknown.map(|unknown| unknown.0).unwrap_or_default(),
            ecosystems: layer.ecosystems.into_iter().map(|(e, span)| (e.0, span.0)).collect(),
            packages,
        }
    }

    fn policy(&mut self, layer: PartialPolicy) -> Policy {
        let listing = layer.listing.0;
        let mut rules: Vec<Rule> = Vec::new();
        for (index, rule) in layer.rules.unwrap_or_default().into_iter().enumerate() {
            let at = strings(&["policy", "rules", &index.to_string()]);
            let Some(rule) = self.rule(&at, rule) else { continue };
            if rule.name == "cooldown" || rules.iter().any(|other| other.name == rule.name) {
                self.refuse(&at, format!("the name {:?} is taken; choose another", rule.name));
            }
            rules.push(rule);
        }
        Policy {
            work_mode: layer.work_mode.map(|mode| mode.0).unwrap_or_default(),
            listing: Listing {
                default: listing.default.map(|mode| mode.0).unwrap_or_default(),
                ecosystems: listing.ecosystems.into_iter().map(|(e, mode)| (e.0, mode.0)).collect(),
            },
            block_status: layer.block_status.map_or(403, |status| status.0),
            block_message: layer.block_message.map(|text| text.0),
            block_url: layer.block_url.map(|url| url.0),
            rules,
        }
    }

    fn rule(&mut self, at: &[String], layer: PartialRule) -> Option<Rule> {
        let (Some(name), Some(effect), Some(purl)) = (layer.name, layer.effect, layer.purl) else {
            let message = "a rule needs a name, an effect and a purl, such as \
                           { name = \"no-left-pad\", effect = \"deny\", purl = \"pkg:npm/left-pad\" }";
            self.refuse(at, message);
            return None;
        };
        self.purl(&[at, &strings(&["purl"])].concat(), &purl.0);
        Some(Rule {
            name: name.0,
            effect: effect.0,
            purl: purl.0,
            versions: layer.versions.map(|text| text.0),
            reason: layer.reason.map(|text| text.0),
            until: layer.until.map(|instant| instant.0),
            owner: layer.owner.map(|text| text.0),
        })
    }

    /// A purl or glob that can match something.
    fn purl(&mut self, at: &[String], text: &str) {
        const EXAMPLE: &str = "expected a package URL or a glob such as pkg:npm/@acme/*";
        let Some((kind, name)) = text.strip_prefix("pkg:").and_then(|rest| rest.split_once('/'))
        else {
            return self.refuse(at, format!("found {text:?}, {EXAMPLE}"));
        };
        let (name, version) = versioned(name);
        if name.ends_with('/') || name.is_empty() {
            self.refuse(at, format!("found {text:?}, {EXAMPLE}"));
        } else if version.is_some_and(|version| version.is_empty() || version.contains('*')) {
            let message = format!(
                "{text:?} ends in no one version; a range of versions has the key versions"
            );
            self.refuse(at, message);
        }
        let known =
            |e: EcosystemId| e.purl_type() == kind || (e.id() == "container" && kind == "docker");
        if !kind.contains(['*', '?', '{', '[']) && !EcosystemId::all().any(known) {
            let meant = EcosystemId::parse(kind).map(EcosystemId::purl_type).or_else(|| {
                crate::suggest::nearest(kind, EcosystemId::all().map(EcosystemId::purl_type))
            });
            let remark = meant.map(|w| format!("; did you mean pkg:{w}/…?")).unwrap_or_default();
            self.refuse(at, format!("no package URL has the type {kind:?}{remark}"));
        }
    }
}

/// Name and version; an `@` that begins a segment begins a scope.
fn versioned(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('@') {
        Some((name, version)) if !name.is_empty() && !name.ends_with('/') => (name, Some(version)),
        _ => (name, None),
    }
}

fn limits(layer: PartialLimits) -> Limits {
    let mut limits = Limits::default();
    apply!(limits, layer; read_buffer, write_buffer, spool_buffer, memory, memory_object, document,
        artifact, request_body, header_count, header_size, header_timeout, send_timeout,
        shutdown_timeout, connections);
    limits.upstream = apply_upstream_limits(limits.upstream, layer.upstream);
    limits
}

/// One upstream's own limits over those of all.
pub(crate) fn apply_upstream_limits(
    mut limits: UpstreamLimits,
    layer: PartialUpstreamLimits,
) -> UpstreamLimits {
    apply!(limits, layer; connect_timeout, read_timeout, write_timeout, pool_timeout, idle_timeout,
        connections, rate, retries, retry_pause, retry_pause_max, breaker_failures, breaker_pause,
        redirects);
    limits
}

fn freshness(layer: PartialFreshness) -> Freshness {
    let mut default = Lifetimes::default();
    apply!(default, layer; ttl, negative_ttl, stale_while_revalidate, stale_if_error);
    let own = |layer: PartialLifetimes| {
        let mut lifetimes = default;
        apply!(lifetimes, layer; ttl, negative_ttl, stale_while_revalidate, stale_if_error);
        lifetimes
    };
    let ecosystems = layer.ecosystems.into_iter().map(|(e, layer)| (e.0, own(layer))).collect();
    Freshness { default, ecosystems }
}

fn without_slash(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    url
}

/// A list that may be absent.
pub(crate) fn values<S: crate::scalar::Scalar>(list: Items<S>) -> Vec<S::Value> {
    list.map(|List(items)| items.into_iter().map(|item| item.0).collect()).unwrap_or_default()
}

/// A list of texts that may be absent.
pub(crate) fn texts(list: Items<Text>) -> Vec<String> {
    values(list)
}

/// A path from its words.
pub(crate) fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

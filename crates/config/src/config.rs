//! The resolved configuration: every key has a value, every address is parsed, every secret read.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::Serialize;
use url::Url;
use weir_core::Timestamp;

use crate::auth::Auth;
use crate::secret::{Credentials, Secret};
use crate::value;
use crate::{EcosystemId, Limits, UpstreamLimits};

/// Everything that the gateway was told, with defaults where it was told nothing.
///
/// Serialises for `config show`; secrets come out as `***`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Config {
    /// Where the gateway listens.
    pub listen: SocketAddr,
    /// The public address, without trailing slash; taken from each request when absent.
    pub base_url: Option<Url>,
    /// The folder of cache, database and spools.
    pub data_dir: PathBuf,
    /// Whether no connection to an upstream is ever opened.
    pub offline: bool,
    /// Whether package clients may use HTTP/2, which has no status line to carry a reason.
    pub http2: bool,
    /// Proxies whose forwarded headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// TLS towards clients; without it they are spoken to in plain HTTP.
    pub tls: Option<Tls>,
    /// Who may ask.
    pub auth: Auth,
    /// The access log.
    pub access_log: AccessLog,
    /// The collector of traces and metrics.
    pub otlp: Otlp,
    /// Where bytes are kept.
    pub storage: Storage,
    /// Where facts are kept.
    pub database: Database,
    /// The key that signs edited indexes.
    pub keys: Keys,
    /// Logs.
    pub log: Log,
    /// The mounts that were configured, by name: default mounts under their ecosystem's id
    /// (`upstream.<id>` or `registries.<id>`), further ones under their own name.
    pub registries: BTreeMap<String, Registry>,
    /// Several mounts behind one path, by name.
    pub groups: BTreeMap<String, Group>,
    /// How old a version must be.
    pub cooldown: Cooldown,
    /// What may pass, and how a refusal looks.
    pub policy: Policy,
    /// How long documents count as fresh.
    pub freshness: Freshness,
    /// Buffers, caps, timeouts.
    pub limits: Limits,
}

impl Config {
    /// The default mount of an ecosystem, whether or not anything was said of it.
    pub fn default_mount(&self, ecosystem: EcosystemId) -> Registry {
        let configured = self.registries.get(ecosystem.id()).cloned();
        configured.unwrap_or_else(|| Registry::new(ecosystem.id(), ecosystem))
    }
}

/// The files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tls {
    /// The certificate and its chain, in PEM form.
    pub certificate: PathBuf,
    /// Its private key, in PEM form.
    pub key: PathBuf,
}

/// The access log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessLog {
    /// The file; `None` writes none.
    pub path: Option<PathBuf>,
    /// The size at which it becomes an older one; 0 never does.
    #[serde(serialize_with = "value::show_size")]
    pub max_size: u64,
    /// How many older ones are kept.
    pub keep: u64,
}

/// The collector of traces and metrics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Otlp {
    /// Its address without the paths of the signals; `None` sends nothing.
    pub endpoint: Option<Url>,
    /// How it is spoken to.
    pub protocol: OtlpProtocol,
    /// Whether registries are told which trace a request belongs to.
    pub propagate: bool,
    /// Headers of each request to it.
    pub headers: BTreeMap<String, Secret>,
    /// The name of this gateway among what is observed.
    pub service_name: String,
    /// How often metrics are sent.
    #[serde(serialize_with = "value::show_duration")]
    pub interval: Duration,
    /// One request in this many is traced; 0 traces none.
    pub sample: u64,
}

/// How a collector is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum OtlpProtocol {
    /// OTLP/HTTP with protobuf bodies.
    #[default]
    #[serde(rename = "http/protobuf")]
    Http,
    /// OTLP/gRPC.
    #[serde(rename = "grpc")]
    Grpc,
}

/// Where bytes are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Storage {
    /// `file:///…` or `s3://bucket?…`.
    pub url: Url,
    /// The most bytes that are kept; `None` evicts nothing.
    #[serde(serialize_with = "value::show_optional_size")]
    pub max_size: Option<u64>,
    /// How long something is kept that nobody uses; `None` keeps it for ever.
    #[serde(serialize_with = "value::show_optional_duration")]
    pub max_age: Option<Duration>,
    /// The time in which everything is hashed once more; `None` never does.
    #[serde(serialize_with = "value::show_optional_duration")]
    pub scrub: Option<Duration>,
}

/// Where facts are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Database {
    /// The kind of database.
    pub driver: Driver,
    /// The file of an `SQLite` database.
    pub path: PathBuf,
    /// The address of a `PostgreSQL` database.
    pub url: Option<Secret>,
}

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Driver {
    /// One file, no server.
    Sqlite,
    /// A server shared by several nodes.
    Postgres,
}

/// The key that signs edited indexes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Keys {
    /// The file that holds the secret key.
    pub path: PathBuf,
    /// What `weir keys init` makes.
    pub kind: KeyKind,
}

/// The algorithm of a new signing key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Ed25519.
    #[default]
    Ed25519,
    /// RSA of 3072 bits.
    Rsa3072,
}

/// Logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, `trace` or `off`; parts after commas set the level of
    /// one target (`info,weir_upstream=debug`).
    pub level: String,
    /// The form of a line.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// One mount of one ecosystem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Registry {
    /// The name in the configuration; the ecosystem's id for the default mount.
    pub name: String,
    /// The ecosystem.
    pub ecosystem: EcosystemId,
    /// The path of the mount, with leading and without trailing slash.
    pub path: String,
    /// Where it fetches from; `None` when nothing was configured, so that the address is
    /// looked for on the machine (default mounts) or the mount refuses (others).
    pub upstream: Option<Upstream>,
    /// The work mode of this mount; `None` takes `policy.work_mode`.
    pub work_mode: Option<WorkMode>,
    /// What happens to its signed indexes.
    pub index: IndexMode,
    /// What of its signed indexes is edited and signed by the gateway.
    pub signed: SignedIndexes,
}

/// What happens to signed indexes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexMode {
    /// They are passed on as they are; policy is applied to files.
    #[default]
    Passthrough,
    /// Versions are removed, and the indexes are signed with the gateway's key.
    FilterResign,
}

/// Parts of signed indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SignedIndexes {
    /// Suites.
    pub suites: Vec<String>,
    /// Components; all, when there are none.
    pub components: Vec<String>,
    /// Architectures.
    pub architectures: Vec<String>,
    /// Whether the last allowed version stays when a package's only version is withheld.
    pub hold_back: bool,
    /// Files with the keys of the archive; those that apt has, when there are none.
    pub keyring: Vec<PathBuf>,
    /// Whether what is signed anew is edited without looking at upstream's signature.
    pub unverified: bool,
}

impl Registry {
    /// A mount with all defaults, at the default path of its name.
    pub fn new(name: &str, ecosystem: EcosystemId) -> Self {
        let mount = ecosystem.mount();
        let path = match (name == ecosystem.id(), ecosystem.nests()) {
            (true, _) => format!("/{mount}"),
            (false, true) => format!("/{mount}/{name}"),
            (false, false) => format!("/{name}"),
        };
        Self {
            name: name.to_owned(),
            ecosystem,
            path,
            upstream: None,
            work_mode: None,
            index: IndexMode::default(),
            signed: SignedIndexes::default(),
        }
    }

    /// Whether this is the mount that every ecosystem has.
    pub fn is_default(&self) -> bool {
        self.name == self.ecosystem.id()
    }

    /// First component of this mount's stored files.
    pub fn folder(&self) -> &str {
        if self.is_default() { self.ecosystem.folder() } else { &self.name }
    }
}

/// An upstream registry as the operator wrote it. Its hosts may be private.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Upstream {
    /// The main address.
    pub address: Address,
    /// Further origins by the plugin's word for them (`api`).
    pub origins: BTreeMap<String, Address>,
    /// Hosts, beside those of the addresses, to which a redirect may lead.
    pub redirects: Vec<String>,
    /// Hosts, beside those of the registry's own domain, whose token services may see its
    /// credentials.
    pub token_realms: Vec<String>,
    /// The hosts, beside its own, whose images it has.
    pub stands_for: Vec<String>,
    /// A PEM file of certificate authorities to believe beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Timeouts, retries and caps of this upstream.
    pub limits: UpstreamLimits,
}

/// An address with what it takes to be let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Address {
    /// The address, without user information and without trailing slash in its path.
    pub url: Url,
    /// What the gateway shows there.
    pub credentials: Option<Credentials>,
}

/// Several mounts of one ecosystem behind one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The name in the configuration.
    pub name: String,
    /// The ecosystem of all members.
    pub ecosystem: EcosystemId,
    /// The path of the mount, with leading and without trailing slash.
    pub path: String,
    /// The members in the order in which they are asked.
    pub members: Vec<Member>,
}

/// One member of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The name of a mount: a key of [`Config::registries`] or the id of a default mount.
    pub registry: String,
    /// Globs of the names that this member is asked for; empty asks it for all.
    pub patterns: Vec<String>,
    /// Globs of the names that this member is never asked for.
    pub exclude: Vec<String>,
}

/// How old a version must be before it passes. Resolved package → ecosystem → default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cooldown {
    /// For everything else; zero lets everything pass.
    #[serde(serialize_with = "value::show_duration")]
    pub default: Duration,
    /// What a version without a date counts as.
    pub unknown: UnknownDate,
    /// By ecosystem.
    #[serde(serialize_with = "value::show_durations")]
    pub ecosystems: BTreeMap<EcosystemId, Duration>,
    /// By purl, maybe with one version, or purl glob (`pkg:npm/@acme/*`).
    #[serde(serialize_with = "value::show_durations")]
    pub packages: BTreeMap<String, Duration>,
}

/// What a version without a date counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownDate {
    /// Its date is when this gateway first saw it.
    #[default]
    FirstSeen,
    /// It is withheld.
    Deny,
    /// It passes.
    Allow,
}

/// What may pass, and how a refusal looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// How strict the gateway is.
    pub work_mode: WorkMode,
    /// What happens to withheld versions in listings.
    pub listing: Listing,
    /// The status of a refusal.
    pub block_status: u16,
    /// A sentence of the operator's, added to every refusal.
    pub block_message: Option<String>,
    /// Where people turn to, added to every refusal.
    pub block_url: Option<Url>,
    /// The rules in order; the first match decides, the cooldown comes last.
    pub rules: Vec<Rule>,
}

/// How strict the gateway is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkMode {
    /// Everything passes; facts are gathered.
    Warmup,
    /// Everything passes; what would have been refused is recorded.
    Spectator,
    /// What is known to be bad is refused; what was not scanned passes.
    #[default]
    Moderate,
    /// What was not scanned is refused.
    Strict,
    /// What was not scanned waits for its scan.
    StrictWait,
}

/// What happens to withheld versions in listings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// For ecosystems that are not named.
    pub default: ListingMode,
    /// By ecosystem.
    pub ecosystems: BTreeMap<EcosystemId, ListingMode>,
}

impl Listing {
    /// The mode of one ecosystem.
    pub fn mode(&self, ecosystem: EcosystemId) -> ListingMode {
        self.ecosystems.get(&ecosystem).copied().unwrap_or(self.default)
    }
}

/// What happens to a withheld version in a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ListingMode {
    /// It is left out.
    Remove,
    /// It is marked (yanked, retracted) where the format has a mark, and left out elsewhere.
    #[default]
    Mark,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The word by which refusals and `explain` call it.
    pub name: String,
    /// What happens to what it matches.
    pub effect: Effect,
    /// A purl, maybe with one version (`pkg:npm/vite@7.1.0`), or a glob (`pkg:npm/@acme/*`).
    pub purl: String,
    /// A version range in the ecosystem's own syntax; `None` matches every version.
    pub versions: Option<String>,
    /// Why, for the person who is refused.
    pub reason: Option<String>,
    /// When the rule ends.
    #[serde(serialize_with = "value::show_optional_instant")]
    pub until: Option<Timestamp>,
    /// Who answers for it.
    pub owner: Option<String>,
}

/// What happens to what a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It is withheld.
    Deny,
    /// It passes and is reported.
    Warn,
    /// It passes, whatever later rules and the cooldown say.
    Allow,
}

/// How long documents count as fresh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Freshness {
    /// For ecosystems that are not named.
    #[serde(flatten)]
    pub default: Lifetimes,
    /// By ecosystem.
    pub ecosystems: BTreeMap<EcosystemId, Lifetimes>,
}

impl Freshness {
    /// The lifetimes of one ecosystem.
    pub fn of(&self, ecosystem: EcosystemId) -> Lifetimes {
        self.ecosystems.get(&ecosystem).copied().unwrap_or(self.default)
    }
}

/// How long a document lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Lifetimes {
    /// So long it is served without asking upstream.
    #[serde(serialize_with = "value::show_duration")]
    pub ttl: Duration,
    /// So long a 404 is remembered.
    #[serde(serialize_with = "value::show_duration")]
    pub negative_ttl: Duration,
    /// So long after its `ttl` it is served while upstream is asked in the background.
    #[serde(serialize_with = "value::show_duration")]
    pub stale_while_revalidate: Duration,
    /// So long after its `ttl` it is served when upstream fails.
    #[serde(serialize_with = "value::show_duration")]
    pub stale_if_error: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            ttl: Duration::from_mins(5),
            negative_ttl: Duration::from_mins(1),
            stale_while_revalidate: Duration::from_mins(15),
            stale_if_error: Duration::from_hours(7 * 24),
        }
    }
}

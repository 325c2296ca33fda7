//! One layer of configuration: every key may be absent.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor, value::MapAccessDeserializer};

use crate::Secret;
use crate::scalar::{
    Count, DriverWord, Ecosystem, EffectWord, FilePath, Flag, IndexWord, Instant, KeyKindWord,
    Level, Listen, ListingWord, LogFormatWord, Network, OtlpProtocolWord, Parsed, RegistryUrl,
    Scalar, Size, Span, Status, StorageUrl, Text, TokenRoleWord, UnknownWord, WebUrl, WorkModeWord,
};

/// A value that may be absent.
pub(crate) type Maybe<S> = Option<Parsed<S>>;

/// A list that may be absent.
pub(crate) type Items<S> = Option<List<Parsed<S>>>;

/// Lays a later layer over an earlier one.
pub(crate) trait Merge {
    /// What `over` says wins.
    fn lay_over(&mut self, over: Self);
}

impl<T> Merge for Option<T> {
    fn lay_over(&mut self, over: Self) {
        if over.is_some() {
            *self = over;
        }
    }
}

impl<K: Ord, V: Merge> Merge for BTreeMap<K, V> {
    fn lay_over(&mut self, over: Self) {
        for (key, value) in over {
            match self.entry(key) {
                std::collections::btree_map::Entry::Occupied(mut slot) => {
                    slot.get_mut().lay_over(value);
                }
                std::collections::btree_map::Entry::Vacant(slot) => {
                    slot.insert(value);
                }
            }
        }
    }
}

impl<S: Scalar> Merge for Parsed<S> {
    fn lay_over(&mut self, over: Self) {
        *self = over;
    }
}

macro_rules! layer {
    ($($(#[$doc:meta])* struct $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(crate) struct $name {
            $($(#[$attribute])* pub(crate) $field: $type,)+
        }

        impl Merge for $name {
            fn lay_over(&mut self, over: Self) {
                $(self.$field.lay_over(over.$field);)+
            }
        }
    )+};
}

layer! {
    /// All keys.
    struct Partial {
        listen: Maybe<Listen>,
        base_url: Maybe<WebUrl>,
        data_dir: Maybe<FilePath>,
        offline: Maybe<Flag>,
        http2: Maybe<Flag>,
        trusted_proxies: Items<Network>,
        tls: PartialTls,
        auth: PartialAuth,
        access_log: PartialAccessLog,
        otlp: PartialOtlp,
        storage: PartialStorage,
        database: PartialDatabase,
        keys: PartialKeys,
        log: PartialLog,
        upstream: BTreeMap<Parsed<Ecosystem>, PartialUpstream>,
        registries: BTreeMap<String, PartialRegistry>,
        groups: BTreeMap<String, PartialGroup>,
        cooldown: PartialCooldown,
        policy: PartialPolicy,
        freshness: PartialFreshness,
        limits: PartialLimits,
    }

    /// `tls`.
    struct PartialTls {
        certificate: Maybe<FilePath>,
        key: Maybe<FilePath>,
    }

    /// `auth`.
    struct PartialAuth {
        required: Maybe<Flag>,
        metrics: Maybe<Flag>,
        tokens: BTreeMap<String, PartialToken>,
    }

    /// `auth.tokens.<name>`.
    struct PartialToken {
        token: Option<SecretSource>,
        role: Maybe<TokenRoleWord>,
        mounts: Items<Text>,
        until: Maybe<Instant>,
    }

    /// `otlp`.
    struct PartialOtlp {
        endpoint: Maybe<WebUrl>,
        protocol: Maybe<OtlpProtocolWord>,
        propagate: Maybe<Flag>,
        headers: BTreeMap<String, SecretSource>,
        service_name: Maybe<Text>,
        interval: Maybe<Span>,
        sample: Maybe<Count>,
    }

    /// `access_log`.
    struct PartialAccessLog {
        path: Maybe<FilePath>,
        max_size: Maybe<Size>,
        keep: Maybe<Count>,
    }

    /// `storage`.
    struct PartialStorage {
        url: Maybe<StorageUrl>,
        path: Maybe<FilePath>,
        max_size: Maybe<Size>,
        max_age: Maybe<Span>,
        scrub: Maybe<Span>,
    }

    /// `database`.
    struct PartialDatabase {
        driver: Maybe<DriverWord>,
        path: Maybe<FilePath>,
        url: Option<SecretSource>,
    }

    /// `keys`.
    struct PartialKeys {
        path: Maybe<FilePath>,
        kind: Maybe<KeyKindWord>,
    }

    /// `log`.
    struct PartialLog {
        level: Maybe<Level>,
        format: Maybe<LogFormatWord>,
    }

    /// `registries.<name>`.
    struct PartialRegistry {
        ecosystem: Maybe<Ecosystem>,
        upstream: Option<PartialUpstream>,
        path: Maybe<Text>,
        #[serde(alias = "work-mode")]
        work_mode: Maybe<WorkModeWord>,
        index: Maybe<IndexWord>,
        suites: Items<Text>,
        components: Items<Text>,
        architectures: Items<Text>,
        hold_back: Maybe<Flag>,
        keyring: Items<FilePath>,
        verify_upstream: Maybe<Flag>,
    }

    /// `groups.<name>`.
    struct PartialGroup {
        ecosystem: Maybe<Ecosystem>,
        path: Maybe<Text>,
        members: Option<List<PartialMember>>,
    }

    /// `cooldown`.
    struct PartialCooldown {
        default: Maybe<Span>,
        unknown: Maybe<UnknownWord>,
        ecosystems: BTreeMap<Parsed<Ecosystem>, Parsed<Span>>,
        packages: BTreeMap<String, Parsed<Span>>,
    }

    /// `policy`.
    struct PartialPolicy {
        #[serde(alias = "work-mode")]
        work_mode: Maybe<WorkModeWord>,
        listing: PartialListing,
        block_status: Maybe<Status>,
        block_message: Maybe<Text>,
        block_url: Maybe<WebUrl>,
        rules: Option<Vec<PartialRule>>,
    }

    /// `freshness`.
    struct PartialFreshness {
        ttl: Maybe<Span>,
        negative_ttl: Maybe<Span>,
        stale_while_revalidate: Maybe<Span>,
        stale_if_error: Maybe<Span>,
        ecosystems: BTreeMap<Parsed<Ecosystem>, PartialLifetimes>,
    }

    /// `freshness.ecosystems.<name>`.
    struct PartialLifetimes {
        ttl: Maybe<Span>,
        negative_ttl: Maybe<Span>,
        stale_while_revalidate: Maybe<Span>,
        stale_if_error: Maybe<Span>,
    }

    /// `limits`.
    struct PartialLimits {
        read_buffer: Maybe<Size>,
        write_buffer: Maybe<Size>,
        spool_buffer: Maybe<Size>,
        memory: Maybe<Size>,
        memory_object: Maybe<Size>,
        document: Maybe<Size>,
        artifact: Maybe<Size>,
        request_body: Maybe<Size>,
        header_count: Maybe<Count>,
        header_size: Maybe<Size>,
        header_timeout: Maybe<Span>,
        send_timeout: Maybe<Span>,
        shutdown_timeout: Maybe<Span>,
        connections: Maybe<Count>,
        upstream: PartialUpstreamLimits,
    }

    /// `limits.upstream` and `upstream.<ecosystem>.limits`.
    struct PartialUpstreamLimits {
        connect_timeout: Maybe<Span>,
        read_timeout: Maybe<Span>,
        write_timeout: Maybe<Span>,
        pool_timeout: Maybe<Span>,
        idle_timeout: Maybe<Span>,
        connections: Maybe<Count>,
        rate: Maybe<Count>,
        retries: Maybe<Count>,
        retry_pause: Maybe<Span>,
        retry_pause_max: Maybe<Span>,
        breaker_failures: Maybe<Count>,
        breaker_pause: Maybe<Span>,
        redirects: Maybe<Count>,
    }

    /// `upstream.<ecosystem>` as a table.
    struct UpstreamTable {
        address: Maybe<RegistryUrl>,
        credentials: Option<PartialCredentials>,
        origins: BTreeMap<String, PartialOrigin>,
        redirects: Items<Text>,
        token_realms: Items<Text>,
        stands_for: Items<Text>,
        ca_file: Maybe<FilePath>,
        limits: PartialUpstreamLimits,
    }

    /// `upstream.<ecosystem>.origins.<role>` as a table.
    struct OriginTable {
        address: Maybe<RegistryUrl>,
        credentials: Option<PartialCredentials>,
    }

    /// `upstream.<ecosystem>.credentials`.
    struct PartialCredentials {
        user: Maybe<Text>,
        password: Option<SecretSource>,
        token: Option<SecretSource>,
        header: Maybe<Text>,
        value: Option<SecretSource>,
    }

    /// `policy.listing` as a table.
    struct ListingTable {
        default: Maybe<ListingWord>,
        ecosystems: BTreeMap<Parsed<Ecosystem>, Parsed<ListingWord>>,
    }

    /// `groups.<name>.members[]` as a table.
    struct MemberTable {
        registry: Maybe<Text>,
        patterns: Items<Text>,
        exclude: Items<Text>,
    }

    /// `policy.rules[]`.
    struct PartialRule {
        name: Maybe<Text>,
        effect: Maybe<EffectWord>,
        purl: Maybe<Text>,
        versions: Maybe<Text>,
        reason: Maybe<Text>,
        until: Maybe<Instant>,
        owner: Maybe<Text>,
    }

    /// A secret kept elsewhere: exactly one of the two.
    struct SecretTable {
        env: Maybe<Text>,
        file: Maybe<FilePath>,
    }
}

/// A table that has a short form of one value.
pub(crate) trait Short: Sized {
    /// What both forms are, as it completes "expected …".
    const EXPECTED: &'static str;
    /// The short form.
    type Short: Scalar;
    /// The long form.
    type Table: for<'de> Deserialize<'de>;

    fn short(value: <Self::Short as Scalar>::Value) -> Self;
    fn table(table: Self::Table) -> Self;
}

struct ShortVisitor<T>(PhantomData<T>);

impl<'de, T: Short> Visitor<'de> for ShortVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        let read = Parsed::<T::Short>::deserialize(de::value::StrDeserializer::new(text))?;
        Ok(T::short(read.0))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<T, E> {
        Err(E::custom(format_args!("found a number, expected {}", T::EXPECTED)))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<T, E> {
        Err(E::custom(format_args!("found a number, expected {}", T::EXPECTED)))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::Table::deserialize(MapAccessDeserializer::new(map)).map(T::table)
    }
}

macro_rules! short {
    ($($name:ty: $short:ty | $table:ty, $expected:literal, |$value:ident| $from:expr, |$row:ident| $to:expr;)+) => {$(
        impl Short for $name {
            const EXPECTED: &'static str = $expected;
            type Short = $short;
            type Table = $table;

            fn short($value: <$short as Scalar>::Value) -> Self {
                $from
            }

            fn table($row: $table) -> Self {
                $to
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(ShortVisitor(PhantomData))
            }
        }
    )+};
}

short! {
    PartialUpstream: RegistryUrl | UpstreamTable,
        "an address such as \"https://registry.example/npm\", or a table with an address",
        |address| Self(UpstreamTable { address: Some(Parsed(address)), ..UpstreamTable::default() }),
        |table| Self(table);
    PartialOrigin: RegistryUrl | OriginTable,
        "an address such as \"https://api.registry.example\", or a table with an address",
        |address| Self(OriginTable { address: Some(Parsed(address)), credentials: None }),
        |table| Self(table);
    PartialListing: ListingWord | ListingTable,
        "remove or mark, or a table such as { default = \"mark\", ecosystems = { npm = \"remove\" } }",
        |mode| Self(ListingTable { default: Some(Parsed(mode)), ..ListingTable::default() }),
        |table| Self(table);
    PartialMember: Text | MemberTable,
        "the name of a registry, or a table such as { registry = \"internal\", patterns = [\"@acme/*\"] }",
        |name| Self(MemberTable { registry: Some(Parsed(name)), ..MemberTable::default() }),
        |table| Self(table);
    SecretSource: SecretText | SecretTable,
        "a text, or { env = \"NAME\" } or { file = \"/path\" }",
        |text| Self::Plain(text),
        |table| Self::from(table);
}

/// `upstream.<ecosystem>`.
#[derive(Default)]
pub(crate) struct PartialUpstream(pub(crate) UpstreamTable);

impl Merge for SecretSource {
    fn lay_over(&mut self, over: Self) {
        *self = over;
    }
}

impl Merge for PartialUpstream {
    fn lay_over(&mut self, over: Self) {
        self.0.lay_over(over.0);
    }
}

/// `upstream.<ecosystem>.origins.<role>`.
pub(crate) struct PartialOrigin(pub(crate) OriginTable);

impl Merge for PartialOrigin {
    fn lay_over(&mut self, over: Self) {
        self.0.lay_over(over.0);
    }
}

/// `policy.listing`.
#[derive(Default)]
pub(crate) struct PartialListing(pub(crate) ListingTable);

impl Merge for PartialListing {
    fn lay_over(&mut self, over: Self) {
        self.0.lay_over(over.0);
    }
}

/// `groups.<name>.members[]`.
pub(crate) struct PartialMember(pub(crate) MemberTable);

/// Where a secret comes from.
pub(crate) enum SecretSource {
    /// From the file or variable that is being read.
    Plain(Secret),
    /// From a variable.
    Variable(String),
    /// From a file.
    File(PathBuf),
    /// From neither or both.
    Unclear,
}

impl From<SecretTable> for SecretSource {
    fn from(table: SecretTable) -> Self {
        match (table.env, table.file) {
            (Some(name), None) => Self::Variable(name.0),
            (None, Some(path)) => Self::File(path.0),
            _ => Self::Unclear,
        }
    }
}

/// A secret as text.
pub(crate) struct SecretText;

impl Scalar for SecretText {
    type Value = Secret;
    const EXPECTED: &'static str = "a text, or { env = \"NAME\" } or { file = \"/path\" }";
    const HIDDEN: bool = true;

    fn read(text: &str) -> Option<Secret> {
        (!text.is_empty()).then(|| Secret::new(text))
    }
}

/// A list; a text with commas counts as one, for the environment.
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData)).map(Self)
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<T>, E> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(|item| T::deserialize(de::value::StrDeserializer::new(item))).collect()
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(items)
    }
}

//! Single values as people write them. One reader serves all of them, so that text from the
//! environment, quoted text and bare numbers are understood alike and refused in the same words.

use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use url::Url;
use weir_core::Timestamp;

use crate::suggest::nearest;
use crate::{
    Address, Credentials, Driver, EcosystemId, Effect, IndexMode, KeyKind, ListingMode, LogFormat,
    OtlpProtocol, Secret, TokenRole, UnknownDate, WorkMode,
};

/// How one kind of value is read.
pub(crate) trait Scalar {
    /// What it is read into.
    type Value;
    /// The form, with examples, as it completes "expected …".
    const EXPECTED: &'static str;
    /// Whether a refused text must not be repeated in the message.
    const HIDDEN: bool = false;

    /// Reads a text; `None` when it is not of the form.
    fn read(text: &str) -> Option<Self::Value>;

    /// Reads a bare number.
    fn number(_number: u64) -> Option<Self::Value> {
        None
    }

    /// A remark on a refused text, such as a suggestion.
    fn remark(_text: &str) -> Option<String> {
        None
    }
}

/// A value of the kind `S`.
pub(crate) struct Parsed<S: Scalar>(pub(crate) S::Value);

impl<'de, S: Scalar> Deserialize<'de> for Parsed<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor::<S>(PhantomData)).map(Self)
    }
}

impl<S: Scalar> PartialEq for Parsed<S>
where
    S::Value: PartialEq,
{
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<S: Scalar> Eq for Parsed<S> where S::Value: Eq {}

impl<S: Scalar> PartialOrd for Parsed<S>
where
    S::Value: Ord,
{
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<S: Scalar> Ord for Parsed<S>
where
    S::Value: Ord,
{
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

struct ScalarVisitor<S>(PhantomData<S>);

impl<'de, S: Scalar> Visitor<'de> for ScalarVisitor<S> {
    type Value = S::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(S::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        S::read(text.trim()).ok_or_else(|| E::custom(refusal::<S>(text)))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        S::number(number).ok_or_else(|| E::custom(refusal::<S>(&number.to_string())))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        let read = u64::try_from(number).ok().and_then(S::number);
        read.ok_or_else(|| E::custom(refusal::<S>(&number.to_string())))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        Err(E::custom(refusal::<S>(&number.to_string())))
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Self::Value, E> {
        let text = if flag { "true" } else { "false" };
        S::read(text).ok_or_else(|| E::custom(refusal::<S>(text)))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        // TOML hands its native dates out as a map of one entry.
        let date = toml::value::Datetime::deserialize(de::value::MapAccessDeserializer::new(map));
        let text = date.map_or_else(|_| "a table".to_owned(), |date| date.to_string());
        S::read(&text).ok_or_else(|| de::Error::custom(refusal::<S>(&text)))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(de::Error::custom(refusal::<S>("a list")))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Err(E::custom(refusal::<S>("nothing")))
    }
}

fn refusal<S: Scalar>(text: &str) -> String {
    let remark = S::remark(text).map(|remark| format!(" ({remark})")).unwrap_or_default();
    if S::HIDDEN {
        return format!("expected {}{remark}", S::EXPECTED);
    }
    let shown: String = text.chars().take(80).collect();
    format!("found {shown:?}, expected {}{remark}", S::EXPECTED)
}

/// Plain text, such as a name.
pub(crate) struct Text;

impl Scalar for Text {
    type Value = String;
    const EXPECTED: &'static str = "a text that is not empty";

    fn read(text: &str) -> Option<String> {
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// A path of the file system.
pub(crate) struct FilePath;

impl Scalar for FilePath {
    type Value = PathBuf;
    const EXPECTED: &'static str = "a path such as /var/lib/weir";

    fn read(text: &str) -> Option<PathBuf> {
        (!text.is_empty()).then(|| PathBuf::from(text))
    }
}

/// Yes or no.
pub(crate) struct Flag;

impl Scalar for Flag {
    type Value = bool;
    const EXPECTED: &'static str = "true or false";

    fn read(text: &str) -> Option<bool> {
        match text {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }
}

/// A count.
pub(crate) struct Count;

impl Scalar for Count {
    type Value = u64;
    const EXPECTED: &'static str = "a whole number such as 64";

    fn read(text: &str) -> Option<u64> {
        text.parse().ok()
    }

    fn number(number: u64) -> Option<u64> {
        Some(number)
    }
}

/// A number of bytes.
pub(crate) struct Size;

impl Scalar for Size {
    type Value = u64;
    const EXPECTED: &'static str = "a size such as 10 GiB, 64 MB or 4096";

    fn read(text: &str) -> Option<u64> {
        text.parse::<bytesize::ByteSize>().ok().map(|size| size.as_u64())
    }

    fn number(number: u64) -> Option<u64> {
        Some(number)
    }
}

/// A length of time.
pub(crate) struct Span;

impl Scalar for Span {
    type Value = Duration;
    const EXPECTED: &'static str = "a duration such as 3d, 12h, 500ms or 0";

    fn read(text: &str) -> Option<Duration> {
        humantime::parse_duration(text).ok()
    }

    fn number(number: u64) -> Option<Duration> {
        (number == 0).then_some(Duration::ZERO)
    }

    fn remark(text: &str) -> Option<String> {
        text.parse::<u64>().ok().map(|number| format!("of what unit? {number}d are {number} days"))
    }
}

/// A day or an instant.
pub(crate) struct Instant;

impl Scalar for Instant {
    type Value = Timestamp;
    const EXPECTED: &'static str = "a day or an instant such as 2030-01-31 or 2030-01-31T12:00:00Z";

    fn read(text: &str) -> Option<Timestamp> {
        Timestamp::parse_rfc3339(text)
            .or_else(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")))
    }
}

/// A status of a refusal.
pub(crate) struct Status;

impl Scalar for Status {
    type Value = u16;
    const EXPECTED: &'static str = "an HTTP status of an error such as 403";

    fn read(text: &str) -> Option<u16> {
        text.parse().ok().filter(|status| (400..600).contains(status))
    }

    fn number(number: u64) -> Option<u16> {
        u16::try_from(number).ok().filter(|status| (400..600).contains(status))
    }
}

/// Where to listen.
pub(crate) struct Listen;

impl Scalar for Listen {
    type Value = SocketAddr;
    const EXPECTED: &'static str =
        "an address and a port such as 127.0.0.1:8080, [::1]:8080, or :8080 for all interfaces";

    fn read(text: &str) -> Option<SocketAddr> {
        let port = |text: &str| text.parse::<u16>().ok();
        if let Some(rest) = text.strip_prefix(':') {
            return port(rest).map(|port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
        }
        if let Some(rest) = text.strip_prefix("localhost:") {
            return port(rest).map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        }
        text.parse().ok()
    }
}

/// A network, or one address.
pub(crate) struct Network;

impl Scalar for Network {
    type Value = IpNet;
    const EXPECTED: &'static str = "a network or an address such as 10.0.0.0/8 or 192.0.2.7";

    fn read(text: &str) -> Option<IpNet> {
        text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
    }
}

/// A page or site on the web, without credentials.
pub(crate) struct WebUrl;

impl Scalar for WebUrl {
    type Value = Url;
    const EXPECTED: &'static str = "an address such as https://packages.example.org";

    fn read(text: &str) -> Option<Url> {
        let url = web_url(text)?;
        (url.username().is_empty() && url.password().is_none()).then_some(url)
    }
}

fn web_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// A place for bytes.
pub(crate) struct StorageUrl;

impl Scalar for StorageUrl {
    type Value = Url;
    const EXPECTED: &'static str = "an address such as file:///var/lib/weir/cache or s3://bucket?region=eu-west-1, without \
         credentials (those come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)";
    const HIDDEN: bool = true;

    fn read(text: &str) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        let known = match url.scheme() {
            "file" => url.to_file_path().is_ok(),
            "s3" => url.has_host(),
            _ => false,
        };
        (known && url.username().is_empty() && url.password().is_none()).then_some(url)
    }
}

/// The address of a registry; user information in it becomes credentials.
pub(crate) struct RegistryUrl;

impl Scalar for RegistryUrl {
    type Value = Address;
    const EXPECTED: &'static str =
        "an address with http or https such as https://registry.example/npm";
    const HIDDEN: bool = true;

    fn read(text: &str) -> Option<Address> {
        let mut url = web_url(text.strip_prefix("sparse+").unwrap_or(text))?;
        if url.query().is_some() || url.fragment().is_some() {
            return None;
        }
        let open = url.username().is_empty() && url.password().is_none();
        let credentials = if open { None } else { Some(take_credentials(&mut url)?) };
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Some(Address { url, credentials })
    }
}

/// Moves user information out of an address that has some. `None` when it is not valid
/// percent-encoded text.
fn take_credentials(url: &mut Url) -> Option<Credentials> {
    let user = percent_decoded(url.username())?;
    let password = Secret::new(percent_decoded(url.password().unwrap_or_default())?);
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(Credentials::Basic { user, password })
}

fn percent_decoded(text: &str) -> Option<String> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

/// The level of logs.
pub(crate) struct Level;

impl Scalar for Level {
    type Value = String;
    const EXPECTED: &'static str =
        "error, warn, info, debug, trace or off, also per target as in info,weir_upstream=debug";

    fn read(text: &str) -> Option<String> {
        let known = |level: &str| {
            let level = level.trim().to_ascii_lowercase();
            matches!(level.as_str(), "error" | "warn" | "info" | "debug" | "trace" | "off")
        };
        let target = |name: &str| {
            !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-'))
        };
        let good = text.split(',').all(|part| match part.trim().split_once('=') {
            Some((name, level)) => target(name) && known(level),
            None => known(part),
        });
        good.then(|| text.to_owned())
    }
}

/// An ecosystem by id or alias.
pub(crate) struct Ecosystem;

impl Scalar for Ecosystem {
    type Value = EcosystemId;
    const EXPECTED: &'static str = "an ecosystem such as npm, pypi or cargo";

    fn read(text: &str) -> Option<EcosystemId> {
        EcosystemId::parse(text)
    }

    fn remark(text: &str) -> Option<String> {
        let words = EcosystemId::all().flat_map(|e| e.aliases().iter().copied().chain([e.id()]));
        nearest(text, words).map(|word| format!("did you mean {word}?"))
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident => $value:ty: $($word:literal => $variant:ident),+ ; $expected:literal) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl Scalar for $name {
            type Value = $value;
            const EXPECTED: &'static str = $expected;

            fn read(text: &str) -> Option<$value> {
                match text {
                    $($word => Some(<$value>::$variant),)+
                    _ => None,
                }
            }

            fn remark(text: &str) -> Option<String> {
                nearest(text, [$($word),+]).map(|word| format!("did you mean {word}?"))
            }
        }
    };
}

words! {
    /// A kind of database.
    DriverWord => Driver: "sqlite" => Sqlite, "postgres" => Postgres, "postgresql" => Postgres;
    "sqlite or postgres"
}
words! {
    /// The algorithm of a new signing key.
    KeyKindWord => KeyKind: "ed25519" => Ed25519, "rsa3072" => Rsa3072; "ed25519 or rsa3072"
}
words! {
    /// What the holder of a token may.
    TokenRoleWord => TokenRole: "client" => Client, "admin" => Admin; "client or admin"
}
words! {
    /// The form of a log line.
    LogFormatWord => LogFormat: "text" => Text, "json" => Json; "text or json"
}
words! {
    /// How a collector is spoken to.
    OtlpProtocolWord => OtlpProtocol: "http/protobuf" => Http, "grpc" => Grpc;
    "http/protobuf or grpc"
}
words! {
    /// What a version without a date counts as.
    UnknownWord => UnknownDate:
    "first_seen" => FirstSeen, "deny" => Deny, "allow" => Allow; "first_seen, deny or allow"
}
words! {
    /// How strict the gateway is.
    WorkModeWord => WorkMode:
    "warmup" => Warmup, "spectator" => Spectator, "moderate" => Moderate, "strict" => Strict,
    "strict_wait" => StrictWait;
    "warmup, spectator, moderate, strict or strict_wait"
}
words! {
    /// What happens to a withheld version in a listing.
    ListingWord => ListingMode: "remove" => Remove, "mark" => Mark; "remove or mark"
}
words! {
    /// What happens to a signed index.
    IndexWord => IndexMode:
    "passthrough" => Passthrough, "filter_resign" => FilterResign; "passthrough or filter_resign"
}
words! {
    /// What happens to what a rule matches.
    EffectWord => Effect: "deny" => Deny, "warn" => Warn, "allow" => Allow;
    "deny, warn or allow"
}

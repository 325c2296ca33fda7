//! What an operator can set about connections to registries.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderMap;
use tracing::Span;

/// Settings of a [`Client`](crate::Client), the same for all origins.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Longest time for name resolution, TCP, proxy tunnel and TLS together.
    pub connect_timeout: Duration,
    /// Longest time from handing over a request until its response headers have arrived,
    /// connecting included.
    pub header_timeout: Duration,
    /// Longest silence between two pieces of a body.
    pub read_timeout: Duration,
    /// Longest time that a socket may refuse to take more bytes of a request.
    pub write_timeout: Duration,
    /// Longest wait for a free connection slot and for the rate limit together.
    pub pool_timeout: Duration,
    /// How long an unused connection stays open.
    pub pool_idle_timeout: Duration,
    /// Longest time for a whole document, body included, in one attempt. Artifacts have no such
    /// limit, only [`read_timeout`](Self::read_timeout).
    pub document_timeout: Duration,
    /// Requests in flight to one host for one origin. A request holds its slot until its body
    /// has ended or was dropped. At least 1.
    pub max_connections_per_host: usize,
    /// Requests a second to one host for one origin, with bursts of the same number; `None` and 0
    /// set no limit.
    pub requests_per_second: Option<u32>,
    /// Attempts after the first one, for GET and HEAD; 0 turns retries off.
    pub retries: u32,
    /// Upper bound of the first pause between attempts; it doubles with each attempt, and the
    /// pause is a random part of it ("full jitter").
    pub retry_base: Duration,
    /// Largest pause between attempts. A registry that asks for more (`Retry-After`) is not
    /// asked again.
    pub retry_max: Duration,
    /// Failures in a row (transport errors and 5xx) after which a host is left alone; 0 turns the
    /// circuit breaker off.
    pub breaker_failures: u32,
    /// How long a host is left alone before one request may try it again.
    pub breaker_open: Duration,
    /// Redirects followed for one request.
    pub max_redirects: u8,
    /// Largest document in bytes, decoded.
    pub max_document: u64,
    /// Largest ratio of decoded to received bytes, looked at beyond the first MiB.
    pub max_ratio: u32,
    /// Largest response head in bytes; values below 8192 count as 8192.
    pub max_header_bytes: u32,
    /// Proxies.
    pub proxy: ProxySettings,
    /// PEM files with certificate authorities that are trusted beside the system's.
    pub extra_ca_files: Vec<PathBuf>,
    /// Addresses of host names, in place of DNS, like lines of a hosts file (names in lower
    /// case). They pass the address guard like any other answer.
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Adds what tells an origin's own host which trace a request belongs to.
    pub propagate: Option<fn(&Span, &mut HeaderMap)>,
    /// Open no connection at all.
    pub offline: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_mins(1),
            read_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            pool_timeout: Duration::from_secs(30),
            pool_idle_timeout: Duration::from_secs(90),
            document_timeout: Duration::from_mins(5),
            max_connections_per_host: 64,
            requests_per_second: None,
            retries: 3,
            retry_base: Duration::from_millis(200),
            retry_max: Duration::from_secs(5),
            breaker_failures: 8,
            breaker_open: Duration::from_secs(15),
            max_redirects: 5,
            max_document: 128 << 20,
            max_ratio: 1000,
            max_header_bytes: 128 << 10,
            proxy: ProxySettings::default(),
            extra_ca_files: Vec::new(),
            hosts: BTreeMap::new(),
            user_agent: concat!("weir/", env!("CARGO_PKG_VERSION")).to_owned(),
            propagate: None,
            offline: false,
        }
    }
}

/// Proxies in the form of the customary environment variables, handed in as values: this crate
/// reads no environment.
///
/// A proxy address is `http://[user:password@]host:port` or the same with `https`. Requests for
/// `https` addresses go through a CONNECT tunnel, requests for `http` addresses are relayed. The
/// names that a proxy resolves are out of sight of the address guard: through a proxy it checks
/// addresses that are written as numbers, and no others.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// The proxy for `http` addresses (`http_proxy`).
    pub http: Option<String>,
    /// The proxy for `https` addresses (`https_proxy`).
    pub https: Option<String>,
    /// Hosts that are reached directly (`no_proxy`): names (subdomains included), addresses and
    /// networks, separated by commas; `*` for all.
    pub no_proxy: Option<String>,
}

/// Prints which proxies are set, not their addresses: they may hold a password.
impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings")
            .field("http", &self.http.is_some())
            .field("https", &self.https.is_some())
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

//! The address guard: a document from a registry must not make the gateway talk to machines
//! inside the operator's network.
//!
//! A host that the operator wrote may have any address. Every other host may have public
//! addresses, and those that a written host has too: company mirrors answer for several registries
//! at one address. The check is made where names are resolved, on the very addresses that are then
//! connected to, so a name that changes its answer in between gains nothing.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::join_all;
use hyper_util::client::legacy::connect::dns::Name;
use thiserror::Error;
use tokio::time::Instant;
use tower::Service;

/// How long the addresses of a written host are remembered for comparison.
const REMEMBER: Duration = Duration::from_mins(1);

/// Why an address is not connected to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "expected a public address for {host}, found {address} ({class}); \
     naming the host in the configuration allows it"
)]
pub struct Refusal {
    /// The host as the link names it.
    pub host: Box<str>,
    /// The address that it stands for.
    pub address: IpAddr,
    /// What kind of address that is: `loopback`, `private`, …
    pub class: &'static str,
}

/// Judges addresses and resolves names.
#[derive(Debug)]
pub(crate) struct Guard {
    hosts: BTreeMap<String, Vec<IpAddr>>,
    written: Mutex<HashMap<Box<str>, Option<Known>>>,
}

#[derive(Clone, Debug)]
struct Known {
    since: Instant,
    addresses: Vec<IpAddr>,
}

impl Guard {
    /// A guard that resolves these names by itself and all others by the system.
    pub(crate) fn new(hosts: BTreeMap<String, Vec<IpAddr>>) -> Self {
        Self { hosts, written: Mutex::default() }
    }

    /// Notes that the operator wrote this host.
    pub(crate) fn trust(&self, host: &str) {
        let mut written = self.written();
        if !written.contains_key(host) {
            written.insert(host.into(), None);
        }
    }

    /// The addresses of a host that may be connected to; at least one.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, BoxError> {
        let found = self.resolve(host).await?;
        Ok(self.admit(host, found).await?)
    }

    /// Judges a host that is written as a number.
    pub(crate) async fn literal(&self, address: IpAddr) -> Result<(), Refusal> {
        self.admit(&address.to_string(), vec![address]).await.map(drop)
    }

    async fn admit(&self, host: &str, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, Refusal> {
        if self.note(host, &found) {
            return Ok(found);
        }
        let judge = |ip: &IpAddr| class(*ip).map(|class| (*ip, class));
        let Some((address, class)) = found.iter().find_map(judge) else {
            return Ok(found);
        };
        let shared = self.shared().await;
        let allowed: Vec<_> =
            found.into_iter().filter(|ip| judge(ip).is_none() || shared.contains(ip)).collect();
        if allowed.is_empty() {
            return Err(Refusal { host: host.into(), address, class });
        }
        Ok(allowed)
    }

    /// Remembers the addresses of a written host; false for others.
    fn note(&self, host: &str, found: &[IpAddr]) -> bool {
        let mut written = self.written();
        let Some(known) = written.get_mut(host) else { return false };
        *known = Some(Known { since: Instant::now(), addresses: found.to_vec() });
        true
    }

    /// The addresses of all written hosts.
    async fn shared(&self) -> Vec<IpAddr> {
        let stale: Vec<Box<str>> = self
            .written()
            .iter()
            .filter(|(_, known)| known.as_ref().is_none_or(|k| k.since.elapsed() > REMEMBER))
            .map(|(host, _)| host.clone())
            .collect();
        join_all(stale.iter().map(|host| async move {
            if let Ok(found) = self.resolve(host).await {
                self.note(host, &found);
            }
        }))
        .await;
        self.written().values().flatten().flat_map(|known| known.addresses.clone()).collect()
    }

    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found: Vec<_> = match self.hosts.get(host) {
            Some(addresses) => addresses.clone(),
            None => tokio::net::lookup_host((host, 0)).await?.map(|found| found.ip()).collect(),
        };
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        Ok(found)
    }

    fn written(&self) -> MutexGuard<'_, HashMap<Box<str>, Option<Known>>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is special about an address; `None` for public ones.
///
/// The ranges are those of the IANA special-purpose address registries that reach a machine nearby,
/// and addresses that carry such a one inside.
pub(crate) fn class(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => class_v4(v4),
        IpAddr::V6(v6) => class_v6(v6),
    }
}

fn class_v4(v4: Ipv4Addr) -> Option<&'static str> {
    let octets = v4.octets();
    match octets {
        _ if v4.is_loopback() => Some("loopback"),
        _ if v4.is_private() => Some("private"),
        _ if v4.is_link_local() => Some("link-local"),
        _ if v4.is_multicast() => Some("multicast"),
        _ if v4.is_broadcast() => Some("broadcast"),
        [0, ..] => Some("unspecified"),
        [100, 64..=127, ..] => Some("carrier-grade NAT"),
        // Protocol assignments (RFC 6890), among them cloud metadata services.
        [192, 0, 0, _] => Some("protocol assignment"),
        // The host agent of a large cloud, reachable from its virtual machines only.
        [168, 63, 129, 16] => Some("cloud platform"),
        [240..=255, ..] => Some("reserved"),
        _ => None,
    }
}

fn class_v6(v6: Ipv6Addr) -> Option<&'static str> {
    let segments = v6.segments();
    match segments {
        _ if v6.is_loopback() => Some("loopback"),
        _ if v6.is_unspecified() => Some("unspecified"),
        [0xfc00..=0xfdff, ..] => Some("unique local"),
        [0xfe80..=0xfebf, ..] => Some("link-local"),
        [0xfec0..=0xfeff, ..] => Some("site-local"),
        [0xff00..=0xffff, ..] => Some("multicast"),
        // Local-use NAT64 (RFC 8215): where the IPv4 address stands in it is the network's choice.
        [0x64, 0xff9b, 1, ..] => Some("local NAT64"),
        _ => embedded(segments).and_then(class_v4),
    }
}

/// The IPv4 address inside an IPv6 address.
fn embedded(segments: [u16; 8]) -> Option<Ipv4Addr> {
    let pair = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match segments {
        // IPv4-mapped, IPv4-compatible (RFC 4291) and IPv4-translated (RFC 2765); NAT64 (RFC 6052);
        // ISATAP (RFC 5214).
        [0, 0, 0, 0, 0, 0xffff | 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [_, _, _, _, 0 | 0x200, 0x5efe, high, low]
        // 6to4 (RFC 3056).
        | [0x2002, high, low, ..] => Some(pair(high, low)),
        // Teredo (RFC 4380): the client's address, inverted.
        [0x2001, 0, .., high, low] => Some(pair(!high, !low)),
        _ => None,
    }
}

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The guard as the resolver of a connector.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    guard: Arc<Guard>,
    /// Resolves without judging: for proxies, which the operator wrote.
    open: bool,
}

impl Resolver {
    pub(crate) fn guarded(guard: Arc<Guard>) -> Self {
        Self { guard, open: false }
    }

    pub(crate) fn open(guard: Arc<Guard>) -> Self {
        Self { guard, open: true }
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { guard, open } = self.clone();
        Box::pin(async move {
            let host = host_key(name.as_str());
            let addresses =
                if open { guard.resolve(&host).await? } else { guard.addresses(&host).await? };
            // The connector fills in the port.
            let sockets: Vec<_> =
                addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
            Ok(sockets.into_iter())
        })
    }
}

/// One spelling for each host: lower case, without brackets and without the root's dot.
pub(crate) fn host_key(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
#[path = "guard/tests.rs"]
mod tests;

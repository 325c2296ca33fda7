//! The public addresses that requests came with lately: nearly all of one client's come with one.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::HeaderValue;
use http::header::HOST;
use http::request::Parts;

use crate::PublicAddress;

/// How many are remembered.
const MOST: usize = 16;

/// Public address of the gateway, and of one of its fronts.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) origin: Arc<str>,
    /// With the front's path.
    pub(crate) base: Arc<str>,
}

/// Makes addresses, and remembers those that hang on the `Host` header alone.
pub(crate) struct Addresses {
    public: PublicAddress,
    known: ArcSwap<Vec<Known>>,
}

#[derive(Clone)]
struct Known {
    host: HeaderValue,
    path: Box<str>,
    address: Address,
}

impl Addresses {
    pub(crate) fn new(public: PublicAddress) -> Self {
        Self { public, known: ArcSwap::default() }
    }

    /// Whether it counts who the peer is.
    pub(crate) fn heed_peers(&self) -> bool {
        !self.public.trusted_proxies.is_empty()
    }

    /// The address of the gateway.
    pub(crate) fn origin(&self, parts: &Parts) -> Arc<str> {
        let peer = parts.extensions.get::<SocketAddr>().copied();
        self.public.of(&parts.uri, &parts.headers, peer)
    }

    /// The addresses as this request's client sees them, for a front at this path.
    pub(crate) fn of(&self, parts: &Parts, path: &str) -> Address {
        let host = self.deciding(parts);
        let known = self.known.load();
        let same = |known: &&Known| Some(&known.host) == host && *known.path == *path;
        if let Some(known) = known.iter().find(same) {
            return known.address.clone();
        }
        let origin = self.origin(parts);
        let address = Address { base: format!("{origin}/{path}").into(), origin };
        if let Some(host) = host {
            let known = Known { host: host.clone(), path: path.into(), address: address.clone() };
            self.remember(&known);
        }
        address
    }

    /// The header that decides, where it does so alone.
    fn deciding<'p>(&self, parts: &'p Parts) -> Option<&'p HeaderValue> {
        let alone = !self.heed_peers() && parts.uri.authority().is_none();
        parts.headers.get(HOST).filter(|_| alone)
    }

    fn remember(&self, one: &Known) {
        self.known.rcu(|known| {
            let recent = if known.len() < MOST { known.as_slice() } else { &[] };
            recent.iter().chain([one]).cloned().collect::<Vec<_>>()
        });
    }
}

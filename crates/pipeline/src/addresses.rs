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

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str) -> Parts {
        let request = http::Request::get("/npm/demo").header(HOST, host);
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn every_host_and_front_has_its_own_address_the_second_time_too() {
        let addresses = Addresses::new(PublicAddress::default());
        for _ in 0..2 {
            for (host, path) in [("a.example", "npm"), ("b.example", "npm"), ("a.example", "go")] {
                let address = addresses.of(&asked(host), path);
                assert_eq!(*address.origin, *format!("http://{host}"));
                assert_eq!(*address.base, *format!("http://{host}/{path}"));
            }
        }
    }

    #[test]
    fn invented_hosts_do_not_fill_the_memory() {
        let addresses = Addresses::new(PublicAddress::default());
        for n in 0..10 * MOST {
            let host = format!("{n}.example");
            assert_eq!(*addresses.of(&asked(&host), "npm").origin, *format!("http://{host}"));
        }
        assert!(addresses.known.load().len() <= MOST);
    }

    #[test]
    fn where_proxies_are_trusted_the_host_alone_decides_nothing() {
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let public = PublicAddress { trusted_proxies, ..PublicAddress::default() };
        let addresses = Addresses::new(public);
        let mut parts = asked("inner.example");
        let peer: SocketAddr = "10.1.1.1:1".parse().unwrap();
        parts.extensions.insert(peer);
        assert_eq!(*addresses.of(&parts, "npm").origin, *"http://inner.example");
        parts.headers.insert("x-forwarded-host", HeaderValue::from_static("outer.example"));
        assert_eq!(*addresses.of(&parts, "npm").origin, *"http://outer.example");
    }
}

//! The address under which clients see this gateway: what links are written with.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::header::HOST;
use http::{HeaderMap, Uri};
use ipnet::IpNet;

/// How the public address of a request is found.
#[derive(Clone, Debug, Default)]
pub struct PublicAddress {
    /// The configured address, without trailing slash; wins over everything.
    pub base_url: Option<String>,
    /// Peers whose forwarded headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether this gateway itself speaks TLS to clients.
    pub https: bool,
    /// Stands in for a `Host` that is missing or malformed: `127.0.0.1:8080`.
    pub listen: String,
}

impl PublicAddress {
    /// Scheme, host and port, maybe with a prefix, without trailing slash.
    pub fn of(&self, uri: &Uri, headers: &HeaderMap, peer: Option<SocketAddr>) -> Arc<str> {
        if let Some(base) = &self.base_url {
            return base.trim_end_matches('/').into();
        }
        let forwarded = |name: &str| {
            let trusted = peer.is_some_and(|peer| self.trusts(peer.ip()));
            let value = headers.get(name).filter(|_| trusted)?.to_str().ok()?;
            Some(value.split(',').next()?.trim())
        };
        let host = forwarded("x-forwarded-host")
            .or_else(|| headers.get(HOST)?.to_str().ok())
            .or_else(|| uri.authority().map(http::uri::Authority::as_str))
            .filter(|host| is_authority(host))
            .unwrap_or(&self.listen);
        let scheme = match forwarded("x-forwarded-proto") {
            Some("https") => "https",
            None if self.https => "https",
            _ => "http",
        };
        let prefix = forwarded("x-forwarded-prefix").filter(|prefix| is_prefix(prefix));
        format!("{scheme}://{host}{}", prefix.unwrap_or_default().trim_end_matches('/')).into()
    }

    /// Who asks: the peer of the connection, or whom trusted proxies forwarded it for, the last of
    /// `X-Forwarded-For` that is none of them.
    pub fn client(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let mut hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        while self.trusts(client)
            && let Some(before) = hops.next().and_then(|hop| address(hop.trim()))
        {
            client = before.to_canonical();
        }
        client
    }

    fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|net| net.contains(&peer.to_canonical()))
    }
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
}

/// Host name or address literal with an optional port, and nothing else: it ends up in documents.
fn is_authority(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_');
    if text.is_empty() || text.len() > 261 {
        return false;
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, port)) => {
                if host.parse::<std::net::Ipv6Addr>().is_err() {
                    return false;
                }
                ("v6", port.strip_prefix(':').or((port.is_empty()).then_some("0")))
            }
            None => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("0")),
        },
    };
    !host.is_empty() && host.bytes().all(plain) && port.is_some_and(|p| p.parse::<u16>().is_ok())
}

fn is_prefix(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_' | b'/' | b'~');
    text.starts_with('/') && !text.contains("..") && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<HeaderMap>()
    }

    fn address() -> PublicAddress {
        PublicAddress {
            https: false,
            base_url: None,
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            listen: "127.0.0.1:8080".into(),
        }
    }

    fn of(pairs: &[(&'static str, &'static str)], peer: &str) -> String {
        let peer = Some(peer.parse().unwrap());
        address().of(&Uri::from_static("/npm/x"), &headers(pairs), peer).to_string()
    }

    #[test]
    fn the_host_header_counts_when_it_is_one() {
        assert_eq!(of(&[("host", "weir.example:8080")], "1.2.3.4:5"), "http://weir.example:8080");
        assert_eq!(of(&[("host", "[::1]:8080")], "1.2.3.4:5"), "http://[::1]:8080");
        for hostile in ["evil.example/x", "a\"b", "a b", "user@h", "", "h:99999", "h:x", "[::1"] {
            assert_eq!(of(&[("host", hostile)], "1.2.3.4:5"), "http://127.0.0.1:8080", "{hostile}");
        }
    }

    #[test]
    fn a_gateway_that_speaks_tls_says_https() {
        let own = PublicAddress { https: true, ..address() };
        let base = own.of(&Uri::from_static("/npm/x"), &headers(&[("host", "w.example")]), None);
        assert_eq!(&*base, "https://w.example");
    }

    #[test]
    fn forwarded_headers_count_from_trusted_peers_only() {
        let pairs = [
            ("host", "inner.example"),
            ("x-forwarded-host", "outer.example, x"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-prefix", "/weir/"),
        ];
        assert_eq!(of(&pairs, "10.1.1.1:1"), "https://outer.example/weir");
        assert_eq!(of(&pairs, "11.1.1.1:1"), "http://inner.example");
    }

    #[test]
    fn the_client_is_the_last_that_no_trusted_proxy_is() {
        let client = |lines: &[&'static str], peer: &str| {
            let mut map = HeaderMap::new();
            for line in lines {
                map.append("x-forwarded-for", line.parse().unwrap());
            }
            address().client(&map, peer.parse().unwrap()).to_string()
        };
        assert_eq!(client(&[], "10.0.0.1"), "10.0.0.1");
        assert_eq!(client(&["1.2.3.4"], "10.0.0.1"), "1.2.3.4");
        assert_eq!(client(&["6.6.6.6, 1.2.3.4, 10.0.0.2"], "10.0.0.1"), "1.2.3.4");
        assert_eq!(client(&["6.6.6.6", "1.2.3.4:55, 10.0.0.2"], "10.0.0.1"), "1.2.3.4");
        assert_eq!(client(&["10.0.0.3, [2001:db8::1]:5"], "::ffff:10.0.0.1"), "2001:db8::1");
        assert_eq!(client(&["1.2.3.4, unknown"], "10.0.0.1"), "10.0.0.1");
        assert_eq!(client(&["1.2.3.4"], "11.0.0.1"), "11.0.0.1");
    }

    #[test]
    fn a_configured_address_wins() {
        let fixed = PublicAddress { base_url: Some("https://w.example/".into()), ..address() };
        let base = fixed.of(&Uri::from_static("/"), &headers(&[("host", "x")]), None);
        assert_eq!(&*base, "https://w.example");
    }
}

//! Who may hand out tokens for a registry, and who gets to see its credentials.
//!
//! The address of a token service comes from whoever answers for the registry. A registry that was
//! taken over, or a forged answer, could name a service of its own and be sent the operator's
//! password (CVE-2026-33540 in another implementation). So credentials go to the registry's own
//! host, to hosts of the same registrable domain, and to those that the operator wrote.

use url::{Host, Url};

use crate::address::{self, at, host_of, matches_host};
use crate::challenge::Bearer;
use crate::{Origin, UpstreamError};

/// A token service that may be asked.
#[derive(Debug)]
pub(crate) struct Realm {
    /// Its address, as the registry wrote it: maybe with a query.
    pub(crate) url: Url,
    /// The service as an origin: the registry's limits, and its credentials where it may see them.
    pub(crate) origin: Origin,
}

impl Realm {
    /// Judges the service that a registry names.
    pub(crate) fn of(registry: &Origin, challenge: &Bearer) -> Result<Self, UpstreamError> {
        let refuse = |reason: String| UpstreamError::Token {
            at: at(registry, &registry.base),
            status: None,
            reason,
        };
        let url = Url::parse(&challenge.realm)
            .map_err(|error| refuse(format!("expected the address of a token service: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("expected a token service without user information".to_owned()));
        }
        let written = is_written(registry, &url);
        let url = if written || is_related(registry, &url) {
            url
        } else if registry.credentials.is_none() {
            // Like any other address that a stranger wrote.
            address::follow(registry, &registry.base, url)?.url
        } else {
            return Err(refuse(format!(
                "its credentials are not sent to the token service {}; if that is right, add the \
                 host to token_realms",
                host_of(&url)
            )));
        };
        let mut base = url.clone();
        base.set_query(None);
        base.set_fragment(None);
        let origin = Origin {
            label: registry.label.clone(),
            base,
            credentials: registry.credentials.clone(),
            trusted: written,
            requests_per_second: registry.requests_per_second,
            max_connections: registry.max_connections,
            redirect_hosts: Some(Vec::new()),
            token_realms: None,
        };
        Ok(Self { url, origin })
    }
}

/// Whether the operator named this host, alone or with this port. Its scheme is the operator's
/// business as well.
fn is_written(registry: &Origin, realm: &Url) -> bool {
    if !matches!(realm.scheme(), "http" | "https") {
        return false;
    }
    let host = host_of(realm);
    let with_port = realm.port_or_known_default().map(|port| format!("{host}:{port}"));
    let named = |pattern: &String| {
        matches_host(pattern, &host) || with_port.as_ref() == Some(&pattern.to_ascii_lowercase())
    };
    registry.token_realms.iter().flatten().any(named)
}

/// Whether both belong to one owner, and the way there is as safe as to the registry: the same
/// host and port, or the same domain directly below a public suffix. Addresses and names such as
/// `localhost` have no owner that could be compared.
fn is_related(registry: &Origin, realm: &Url) -> bool {
    if realm.origin() == registry.base.origin() {
        return true;
    }
    let safe =
        realm.scheme() == "https" || realm.scheme() == "http" && registry.base.scheme() == "http";
    let domain = |url: &Url| match url.host() {
        Some(Host::Domain(_)) => psl::domain_str(&host_of(url)).map(ToOwned::to_owned),
        _ => None,
    };
    let own = domain(&registry.base);
    safe && own.is_some() && own == domain(realm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credentials, Secret};

    fn judged(
        registry: &str,
        allowed: &[&str],
        realm: &str,
        secret: bool,
    ) -> Result<Realm, String> {
        let mut origin = Origin::parse(registry).unwrap();
        origin.token_realms = Some(allowed.iter().map(|host| (*host).to_owned()).collect());
        let password = Secret::new("s3cret");
        origin.credentials = secret.then(|| Credentials::Basic { user: "ci".to_owned(), password });
        let challenge = Bearer { realm: realm.to_owned(), service: None, scope: None };
        Realm::of(&origin, &challenge).map_err(|error| error.to_string())
    }

    #[test]
    fn credentials_go_to_the_registry_itself_its_siblings_and_what_the_operator_wrote() {
        for (registry, allowed, realm) in [
            ("https://registry.example", &[][..], "https://registry.example/v2/token"),
            ("https://registry-1.images.example", &[], "https://auth.images.example/token?x=1"),
            ("https://r.images.co.uk", &[], "https://images.co.uk/token"),
            ("http://127.0.0.1:5000", &[], "http://127.0.0.1:5000/token"),
            ("http://127.0.0.1:5000", &["127.0.0.1:5001"], "http://127.0.0.1:5001/token"),
            ("https://registry.example", &["auth.other.test"], "https://AUTH.other.test/token"),
            ("https://registry.example", &["*.other.test"], "https://auth.other.test:8443/t"),
            ("https://registry.example", &["auth.inside.test"], "http://auth.inside.test/t"),
            ("http://registry.inside.test", &[], "http://auth.inside.test/t"),
        ] {
            let realm = judged(registry, allowed, realm, true).unwrap();
            assert!(realm.origin.credentials.is_some());
            assert!(realm.origin.token_realms.is_none(), "a token service is asked for no token");
        }
    }

    #[test]
    fn credentials_go_nowhere_else() {
        for (registry, allowed, realm) in [
            ("https://registry.example", &[][..], "https://evil.test/token"),
            ("https://registry.example", &[], "https://registry.example.evil.test/token"),
            ("https://registry.example", &["auth.test"], "https://auth.test.evil.test/token"),
            ("https://registry.example", &["auth.test:443"], "https://auth.test:8443/token"),
            // Two owners below one public suffix.
            ("https://images.co.uk", &[], "https://evil.co.uk/token"),
            ("https://images.github.io", &[], "https://evil.github.io/token"),
            ("https://registry.example", &[], "http://registry.example:80/token"),
            ("https://registry.images.example", &[], "http://auth.images.example/token"),
            ("http://127.0.0.1:5000", &[], "http://127.0.0.1:5001/token"),
            ("http://10.0.0.1", &[], "http://10.0.0.2/token"),
            ("http://localhost:5000", &[], "http://localhost:5001/token"),
            ("https://registry.example", &[], "https://user:pw@registry.example/token"),
            ("https://registry.example", &["*"], "file:///etc/passwd"),
            ("https://registry.example", &[], "//registry.example/token"),
            ("https://registry.example", &[], ""),
        ] {
            let refused = judged(registry, allowed, realm, true);
            assert!(refused.is_err(), "{registry} {allowed:?} {realm} {refused:?}");
        }
    }

    #[test]
    fn without_credentials_any_https_service_may_be_asked_like_a_link() {
        let other = |realm| judged("https://registry.example", &[], realm, false);
        assert!(other("https://tokens.test/token").unwrap().origin.credentials.is_none());
        assert!(other("http://tokens.test/token").is_err());
        assert!(other("ftp://tokens.test/token").is_err());
    }

    #[test]
    fn only_a_written_host_may_be_private_for_being_written() {
        let realm = |realm| judged("https://registry.example", &["auth.test"], realm, true);
        assert!(realm("https://auth.test/").unwrap().origin.trusted);
        assert!(!realm("https://registry.example/").unwrap().origin.trusted);
    }
}

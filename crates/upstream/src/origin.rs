//! Registries as the operator names them: an address, credentials and limits.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderName, HeaderValue, header};
use percent_encoding::percent_decode_str;
use thiserror::Error;
use url::Url;

/// A registry, or a folder of one.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The mount's name in messages and metrics.
    pub label: String,
    /// The address below which paths are asked for; counts as a folder, with or without a slash
    /// at its end. Never holds credentials, query or fragment.
    pub base: Url,
    /// Sent to the scheme, host and port of `base` and nowhere else.
    pub credentials: Option<Credentials>,
    /// The operator, or the settings of a client on this machine, wrote the host: it may have a
    /// private address, and so may hosts that share an address with it.
    pub trusted: bool,
    /// Replaces [`Settings::requests_per_second`](crate::Settings::requests_per_second).
    pub requests_per_second: Option<u32>,
    /// Replaces [`Settings::max_connections_per_host`](crate::Settings::max_connections_per_host).
    pub max_connections: Option<usize>,
    /// Hosts that redirects and links may lead to beside the origin's own: names, or `*.name` for
    /// its subdomains. With `None`, any host over `https`; with a list, only these, over `http`
    /// too when the step before was `http`.
    pub redirect_hosts: Option<Vec<String>>,
    /// Whether a challenge for a token is answered, as registries of the OCI distribution
    /// specification issue it. The hosts (`name`, `*.name` or `name:port`) are those of token
    /// services that may see basic credentials beside the registry's own host and domain.
    pub token_realms: Option<Vec<String>>,
}

impl Origin {
    /// Reads `https://[user[:password]@]host[:port][/path]`. The label is the host, the origin is
    /// not trusted.
    pub fn parse(address: &str) -> Result<Self, OriginError> {
        let mut base = Url::parse(address.trim()).map_err(|e| OriginError::Url(e.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(OriginError::Scheme(base.scheme().to_owned()));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(OriginError::Query);
        }
        let credentials = split_credentials(&mut base)?;
        let label = base.host_str().unwrap_or_default().to_owned();
        Ok(Self {
            label,
            base,
            credentials,
            trusted: false,
            requests_per_second: None,
            max_connections: None,
            redirect_hosts: None,
            token_realms: None,
        })
    }

    /// Sets the label.
    #[must_use]
    pub fn named(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Marks the host as written by the operator or a client's own settings.
    #[must_use]
    pub fn trust(mut self) -> Self {
        self.trusted = true;
        self
    }

    /// Sets the credentials.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Option<Credentials>) -> Self {
        self.credentials = credentials;
        self
    }
}

fn split_credentials(base: &mut Url) -> Result<Option<Credentials>, OriginError> {
    if base.username().is_empty() && base.password().is_none() {
        return Ok(None);
    }
    let decode = |text: &str| percent_decode_str(text).decode_utf8().map(String::from);
    let user = decode(base.username()).map_err(|_| OriginError::Credentials)?;
    let password =
        decode(base.password().unwrap_or_default()).map_err(|_| OriginError::Credentials)?;
    // These fail only for addresses without a host, which http and https addresses always have.
    let cleared = base.set_username("").and_then(|()| base.set_password(None));
    cleared.map_err(|()| OriginError::Credentials)?;
    Ok(Some(Credentials::Basic { user, password: Secret::new(password) }))
}

/// A text is not the address of a registry. No variant repeats the text: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OriginError {
    /// Not a URL.
    #[error("expected an address such as https://registry.example/path: {0}")]
    Url(String),
    /// Another scheme than `http` and `https`.
    #[error("expected an http or https address, found the scheme {0:?}")]
    Scheme(String),
    /// A query or a fragment.
    #[error("expected an address without query and fragment")]
    Query,
    /// User name or password are not UTF-8.
    #[error("expected user name and password in percent-encoded UTF-8")]
    Credentials,
}

/// How an origin knows us.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// HTTP Basic (RFC 7617).
    Basic {
        /// The user name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer(Secret),
    /// Any header, for registries that take a bare token.
    Header {
        /// The header's name.
        name: HeaderName,
        /// Its value.
        value: Secret,
    },
}

impl Credentials {
    /// The header to send, marked sensitive; `None` when the secret holds bytes that no header can.
    pub(crate) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        let (name, text) = match self {
            Self::Basic { user, password } => {
                let pair = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
                (header::AUTHORIZATION, format!("Basic {pair}"))
            }
            Self::Bearer(token) => (header::AUTHORIZATION, format!("Bearer {}", token.expose())),
            Self::Header { name, value } => (name.clone(), value.expose().to_owned()),
        };
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    }
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_split_off_and_never_printed() {
        let origin =
            Origin::parse("https://us%40er:p%3Aw@registry.example/repository/npm").unwrap();
        assert_eq!(origin.base.as_str(), "https://registry.example/repository/npm");
        assert_eq!(origin.label, "registry.example");
        let (name, value) = origin.credentials.as_ref().unwrap().header().unwrap();
        assert_eq!((name, value.as_bytes()), (header::AUTHORIZATION, &b"Basic dXNAZXI6cDp3"[..]));
        assert!(value.is_sensitive());
        assert!(!format!("{origin:?}").contains("p:w"), "{origin:?}");
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for text in ["registry.example", "ftp://u:pw@h/", "https://u:pw@h/?q=1", "https://u:pw@/"] {
            let error = Origin::parse(text).unwrap_err().to_string();
            assert!(!error.contains("pw"), "{error}");
        }
    }

    #[test]
    fn a_secret_that_no_header_can_hold_is_not_sent() {
        assert!(Credentials::Bearer(Secret::new("a\r\nb: c")).header().is_none());
    }
}

//! Who may ask: tokens of clients, what each opens, and what is refused without one.
//!
//! Tokens are kept and compared as digests, so the time that a comparison takes tells nothing of
//! them. A token arrives as a bearer token, as the password of any user (pip, apt, Maven, Go and
//! docker know nothing else), as a user without a password, or bare, as cargo sends it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Response, header};
use weir_api::Rights;
use weir_config::{ApiToken, Auth, Config, EcosystemId, TokenRole};
use weir_core::{Algorithm, Clock as _, Code, Denial, Digest, Hasher, SystemClock, Timestamp};
use weir_pipeline::Front;

/// End points that only administration has.
const ADMINISTRATION: &str = "/api/admin/";
/// Open to everyone: whether the gateway lives, and the public key of what it signs.
const OPEN: [&str; 2] = ["/health", "/keys"];

/// The tokens in force. They change when the configuration does.
#[derive(Debug)]
pub(crate) struct Gate(ArcSwap<Rules>);

#[derive(Debug, PartialEq, Eq)]
struct Rules {
    required: bool,
    metrics: bool,
    tokens: Vec<Held>,
}

/// A token without its text.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    name: Arc<str>,
    digest: Digest,
    admin: bool,
    /// Paths of the fronts that it opens; all when empty.
    paths: Vec<String>,
    until: Option<Timestamp>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The name of the caller's token.
    pub(crate) name: Option<Arc<str>>,
    /// What the caller may ask the gateway itself.
    pub(crate) rights: Rights,
}

impl Gate {
    /// The tokens of a configuration.
    pub(crate) fn new(config: &Config) -> Self {
        Self(ArcSwap::from_pointee(Rules::new(config)))
    }

    /// Everything is open, and nothing is administered.
    pub(crate) fn open() -> Self {
        let rules = Rules { required: false, metrics: false, tokens: Vec::new() };
        Self(ArcSwap::from_pointee(rules))
    }

    /// Takes the tokens of an edited configuration. Whether they are others than before.
    pub(crate) fn replace(&self, config: &Config) -> bool {
        let rules = Arc::new(Rules::new(config));
        let before = self.0.swap(Arc::clone(&rules));
        *before != *rules
    }

    /// Who sends a request for this path, or why it is refused. `front` is the mount or group that
    /// the path is below.
    pub(crate) fn admit(
        &self,
        path: &str,
        front: Option<&Front>,
        headers: &HeaderMap,
    ) -> Result<Caller, Denial> {
        let rules = self.0.load();
        let held = rules.held(headers, SystemClock.now());
        match front {
            Some(front) => rules.fetch(front, held)?,
            None => rules.ask(path, held)?,
        }
        let storage = rules.tokens.is_empty() || held.is_some_and(|held| held.admin);
        let name = held.map(|held| Arc::clone(&held.name));
        Ok(Caller { name, rights: Rights { storage } })
    }
}

impl Rules {
    fn new(config: &Config) -> Self {
        let Auth { required, metrics, tokens } = &config.auth;
        let tokens = tokens.iter().map(|(name, token)| Held::new(name, token, config)).collect();
        Self { required: *required, metrics: *metrics, tokens }
    }

    /// The token of a request, if it is one of ours and has not ended.
    fn held(&self, headers: &HeaderMap, now: Timestamp) -> Option<&Held> {
        if self.tokens.is_empty() {
            return None;
        }
        let sent = sent(headers.get(header::AUTHORIZATION)?.to_str().ok()?)?;
        let digest = digest(&sent);
        let held = self.tokens.iter().find(|held| held.digest == digest)?;
        held.until.is_none_or(|until| now < until).then_some(held)
    }

    /// Whether something below a mount may be fetched.
    fn fetch(&self, front: &Front, held: Option<&Held>) -> Result<(), Denial> {
        match held {
            Some(held) if !held.opens(&front.path) => Err(Denial::new(
                Code::Forbidden,
                format!("the token {} does not open /{}", held.name, front.path),
            )),
            None if self.required => Err(unauthenticated()),
            _ => Ok(()),
        }
    }

    /// Whether one of the gateway's own end points may be asked.
    fn ask(&self, path: &str, held: Option<&Held>) -> Result<(), Denial> {
        let is = |end: &str| {
            path.strip_prefix(end).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if path.starts_with(ADMINISTRATION) {
            return self.administer(held);
        }
        let needs =
            if is("/metrics") { self.metrics } else { self.required && !OPEN.into_iter().any(is) };
        if needs && held.is_none() { Err(unauthenticated()) } else { Ok(()) }
    }

    fn administer(&self, held: Option<&Held>) -> Result<(), Denial> {
        match held {
            Some(held) if held.admin => Ok(()),
            Some(held) => Err(Denial::new(
                Code::Forbidden,
                format!("the token {} may not administer: its role is client", held.name),
            )),
            None if self.tokens.iter().any(|held| held.admin) => Err(unauthenticated()),
            None => Err(Denial::new(
                Code::Forbidden,
                "administration needs a token, and there is none: add \
                 [auth.tokens.<name>] with role = \"admin\"",
            )),
        }
    }
}

impl Held {
    fn new(name: &str, token: &ApiToken, config: &Config) -> Self {
        Self {
            name: name.into(),
            digest: digest(token.token.reveal()),
            admin: token.role == TokenRole::Admin,
            paths: token.mounts.iter().filter_map(|mount| path_of(mount, config)).collect(),
            until: token.until,
        }
    }

    fn opens(&self, path: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|own| own == path)
    }
}

/// The path of a registry or group, as its front has it.
fn path_of(name: &str, config: &Config) -> Option<String> {
    let registry = config.registries.get(name).map(|registry| registry.path.clone());
    let path = registry
        .or_else(|| config.groups.get(name).map(|group| group.path.clone()))
        .or_else(|| Some(config.default_mount(EcosystemId::parse(name)?).path))?;
    Some(path.trim_matches('/').to_owned())
}

fn digest(token: &str) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(token.as_bytes());
    hasher.finish()
}

/// What a request sends as a token.
fn sent(value: &str) -> Option<String> {
    let (scheme, rest) = match value.trim().split_once(' ') {
        Some((scheme, rest)) => (scheme, rest.trim()),
        // Cargo sends the token alone.
        None => return Some(value.trim().to_owned()),
    };
    if !scheme.eq_ignore_ascii_case("basic") {
        return (scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token"))
            .then(|| rest.to_owned());
    }
    let pair = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    let (user, password) = pair.split_once(':').unwrap_or((&pair, ""));
    Some(if password.is_empty() { user.to_owned() } else { password.to_owned() })
}

fn unauthenticated() -> Denial {
    Denial::new(
        Code::Unauthenticated,
        "this gateway wants a token: send it as a bearer token, or as the password of any user",
    )
}

/// Tells a client how to send a token, where one would help. Clients that know the scheme ask
/// their user or their settings, and try again.
pub(crate) fn challenge<B>(mut response: Response<B>, code: Code) -> Response<B> {
    if code == Code::Unauthenticated {
        let basic = HeaderValue::from_static("Basic realm=\"weir\", charset=\"UTF-8\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_in_every_form_in_which_clients_send_it() {
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        for value in ["Bearer t0ken", "bearer  t0ken", "token t0ken", "t0ken"] {
            assert_eq!(sent(value).as_deref(), Some("t0ken"), "{value}");
        }
        for pair in ["anyone:t0ken", "t0ken:", "t0ken", ":t0ken"] {
            assert_eq!(sent(&basic(pair)).as_deref(), Some("t0ken"), "{pair}");
        }
        for value in ["Digest username=\"x\"", "Basic %%%", "Negotiate abc"] {
            assert_eq!(sent(value), None, "{value}");
        }
    }
}

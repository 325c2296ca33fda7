//! Tokens of registries that hand them out: asked for when a registry wants one, kept for as long
//! as they hold.
//!
//! The exchange is that of the Docker token protocol: a `401` with a challenge, a GET to the token
//! service it names with `service` and `scope`, a JSON answer with the token, the request again
//! with the token.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::Incoming;
use serde::Deserialize;
use tokio::time::Instant;
use weir_core::{Algorithm, Digest};

use crate::address::Target;
use crate::answer::Answer;
use crate::challenge::Bearer;
use crate::client::{Inner, Manner};
use crate::error::Phase;
use crate::limits::Entry;
use crate::realm::Realm;
use crate::{Ask, Credentials, Method, Origin, UpstreamError, Whither};

/// The largest answer of a token service, in bytes.
const MAX_ANSWER: u64 = 64 << 10;
/// The longest token: headers beyond that are refused by usual servers.
const MAX_TOKEN: usize = 16 << 10;
/// How long a token holds when its service does not say.
const LIFETIME: Duration = Duration::from_mins(1);
/// The longest time that a token is kept for, whatever its service says.
const MAX_LIFETIME: Duration = Duration::from_hours(1);
/// A token is not used in the last seconds of its life: it has a way to go.
const SLACK: Duration = Duration::from_secs(10);
/// Tokens that are remembered, and repositories whose challenge is.
const MAX_REMEMBERED: usize = 4096;
/// Requests for one answer: with a kept token, with one for a new challenge, with a fresh one.
const ATTEMPTS: usize = 3;
/// The longest body of a refusal that is read to keep its connection.
const MAX_REFUSAL: u64 = 16 << 10;

/// A token on its way in a header.
#[derive(Clone)]
pub(crate) struct Token {
    header: HeaderValue,
    fetched: Instant,
    until: Instant,
}

impl Token {
    /// The `Authorization` header, marked sensitive.
    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

/// What a client remembers of tokens.
#[derive(Default)]
pub(crate) struct Tokens {
    /// By service, scope and credentials. A lock is held while its token is fetched.
    slots: Mutex<HashMap<Digest, Arc<Slot>>>,
    /// What repositories asked for, so that they are asked with a token from the beginning.
    challenges: Mutex<HashMap<String, Bearer>>,
}

type Slot = tokio::sync::Mutex<State>;

#[derive(Default)]
enum State {
    #[default]
    Empty,
    Held(Token),
    /// Told to all who were waiting by then.
    Failed(Instant, UpstreamError),
}

/// Tokens are never printed.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    fn slot(&self, key: Digest) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        if slots.len() >= MAX_REMEMBERED && !slots.contains_key(&key) {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(key).or_default())
    }

    fn challenge(&self, place: &str) -> Option<Bearer> {
        lock(&self.challenges).get(place).cloned()
    }

    fn note(&self, place: &str, challenge: Bearer) {
        let mut challenges = lock(&self.challenges);
        if challenges.len() >= MAX_REMEMBERED && !challenges.contains_key(place) {
            challenges.clear();
        }
        challenges.insert(place.to_owned(), challenge);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    /// One hop, with a token where the registry asks for one.
    ///
    /// Basic credentials are sent to the registry as to any other, until it asks for a token. A
    /// registry that refuses a fresh token as well has spoken: its `401` is the answer. The rare
    /// ways are boxed, so that they make no request's future larger.
    pub(crate) async fn hop(
        &self,
        origin: &Origin,
        ask: &Ask<'_>,
        target: &Target,
        manner: &Manner,
    ) -> Result<(Response<Incoming>, Entry), UpstreamError> {
        if !takes_tokens(origin) || !target.is_own(origin) {
            return self.send(origin, ask, target, manner).await;
        }
        let (started, place) = (Instant::now(), place(origin, target));
        let mut manner = manner.clone();
        let mut met = self.tokens.challenge(&place);
        if let Some(known) = &met {
            manner.token = Some(Box::pin(self.token(origin, known, None)).await?);
        }
        for _ in 1..ATTEMPTS {
            let (response, entry) = self.send(origin, ask, target, &manner).await?;
            let fresh = manner.token.as_ref().is_some_and(|token| token.fetched >= started);
            let Some(challenge) = challenge(&response) else { return Ok((response, entry)) };
            if fresh && met.as_ref() == Some(&challenge) {
                return Ok((response, entry));
            }
            Box::pin(self.drain(response, entry, (ask.method, target, origin))).await;
            let token = self.token(origin, &challenge, manner.token.as_ref());
            manner.token = Some(Box::pin(token).await?);
            self.tokens.note(&place, challenge.clone());
            met = Some(challenge);
        }
        self.send(origin, ask, target, &manner).await
    }

    /// A token for a challenge, other than the one that was refused. Whoever needs the same one
    /// waits for the same fetch, and for its failure.
    async fn token(
        &self,
        registry: &Origin,
        challenge: &Bearer,
        refused: Option<&Token>,
    ) -> Result<Token, UpstreamError> {
        let realm = Realm::of(registry, challenge)?;
        let slot = self.tokens.slot(key(&realm, challenge));
        let asked = Instant::now();
        let mut state = slot.lock().await;
        match &*state {
            State::Held(token)
                if token.until > asked
                    && refused.is_none_or(|refused| refused.header != token.header) =>
            {
                return Ok(token.clone());
            }
            State::Failed(at, error) if *at >= asked => return Err(error.clone()),
            _ => {}
        }
        let fetched = self.fetch_token(&realm, challenge).await;
        *state = match &fetched {
            Ok(token) => State::Held(token.clone()),
            Err(error) => State::Failed(Instant::now(), error.clone()),
        };
        fetched
    }

    async fn fetch_token(&self, realm: &Realm, challenge: &Bearer) -> Result<Token, UpstreamError> {
        let mut url = realm.url.clone();
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = &challenge.service {
                query.append_pair("service", service);
            }
            for scope in challenge.scope.iter().flat_map(|scope| scope.split_whitespace()) {
                query.append_pair("scope", scope);
            }
        }
        if url.query() == Some("") {
            url.set_query(None);
        }
        let ask = Ask::get(Whither::Url(&url)).accept("application/json");
        let target = self.target(&realm.origin, &ask)?;
        let at = target.at(&realm.origin);
        let after = self.settings.header_timeout;
        let whole = async {
            let sent = Instant::now();
            let (response, entry) =
                self.send(&realm.origin, &ask, &target, &Manner::identity()).await?;
            let from = (ask.method, at.clone(), target.url.clone());
            let answer = Answer::new(response, entry, from, &self.settings);
            let (status, body) = answer.into_bytes(MAX_ANSWER).await?;
            read(status, &body, sent).map_err(|reason| UpstreamError::Token {
                at: at.clone(),
                status: Some(status),
                reason,
            })
        };
        let fetched = tokio::time::timeout(after, whole).await;
        fetched.unwrap_or_else(|_| {
            Err(UpstreamError::Timeout { at: at.clone(), phase: Phase::Document, after })
        })
    }

    /// Reads what came with a refusal, when it is short, so that its connection can be used again.
    async fn drain(
        &self,
        response: Response<Incoming>,
        entry: Entry,
        (method, target, origin): (Method, &Target, &Origin),
    ) {
        let length = response.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if method == Method::Head || length.is_some_and(|length| length <= MAX_REFUSAL) {
            let from = (method, target.at(origin), target.url.clone());
            let answer = Answer::new(response, entry, from, &self.settings);
            // Whatever becomes of it: the next request says what is wrong.
            let _ = answer.into_bytes(MAX_REFUSAL).await;
        } else {
            entry.pass.succeed();
        }
    }
}

/// Whether an origin's own credentials leave room for tokens: a fixed header does not.
fn takes_tokens(origin: &Origin) -> bool {
    origin.token_realms.is_some()
        && matches!(&origin.credentials, None | Some(Credentials::Basic { .. }))
}

fn challenge(response: &Response<Incoming>) -> Option<Bearer> {
    let refused = response.status() == StatusCode::UNAUTHORIZED;
    refused.then(|| Bearer::of(response.headers())).flatten()
}

/// The repository that a request concerns, with its registry: one challenge counts for it as a
/// whole. Read from the right, since names may hold the words of paths (distribution
/// specification, "Endpoints").
fn place(origin: &Origin, target: &Target) -> String {
    let path = target.uri.path();
    let ends = ["/manifests/", "/blobs/", "/tags/", "/referrers/"];
    let end = ends.iter().filter_map(|end| path.rfind(end)).max().unwrap_or(path.len());
    format!("{} {}{}", origin.label, origin.base.origin().ascii_serialization(), &path[..end])
}

/// Everything that a token depends on.
fn key(realm: &Realm, challenge: &Bearer) -> Digest {
    let login = match &realm.origin.credentials {
        Some(Credentials::Basic { user, password }) => Some((user.as_str(), password.expose())),
        _ => None,
    };
    // The form of a debug print separates the parts from each other.
    let text = format!("{:?}", (realm.url.as_str(), &challenge.service, &challenge.scope, login));
    Digest::of(Algorithm::Sha256, text.as_bytes())
}

/// The answer of a token service.
#[derive(Deserialize)]
struct Said {
    token: Option<String>,
    /// The same by the name that OAuth 2.0 gives it.
    access_token: Option<String>,
    expires_in: Option<serde_json::Number>,
}

fn read(status: StatusCode, body: &[u8], sent: Instant) -> Result<Token, String> {
    if status != StatusCode::OK {
        return Err(format!("the token service answered {status}"));
    }
    let said: Said = serde_json::from_slice(body)
        .map_err(|error| format!("expected a token in JSON, found something else: {error}"))?;
    let token = said.token.filter(|token| !token.is_empty()).or(said.access_token);
    let token = token.filter(|token| !token.is_empty()).ok_or("expected a token, found none")?;
    if token.len() > MAX_TOKEN {
        return Err(format!("expected a token of at most {MAX_TOKEN} bytes"));
    }
    let header = HeaderValue::try_from(format!("Bearer {token}"));
    let mut header = header.map_err(|_| "expected a token that fits into a header")?;
    header.set_sensitive(true);
    let lifetime = said.expires_in.map_or(LIFETIME, |seconds| {
        seconds.as_f64().map_or(Duration::ZERO, |s| {
            Duration::from_secs_f64(s.clamp(0.0, MAX_LIFETIME.as_secs_f64()))
        })
    });
    // A short life is not eaten up by the slack.
    let usable = lifetime.saturating_sub(SLACK.min(lifetime / 4));
    Ok(Token { header, fetched: Instant::now(), until: sent + usable })
}

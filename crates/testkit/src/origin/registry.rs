//! Container registries as upstreams: a way to a real registry that tests can look into and bend,
//! and a token service to put in front of it.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;

use super::answer::basic;
use super::{Answer, Origin, Seen};

/// The name under which registries are known to the token service.
const SERVICE: &str = "registry.example";
/// How long the registry behind may take for one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A token service of the Docker token protocol. Its tokens are opaque: who holds one knows
/// nothing of what it allows.
#[derive(Debug)]
pub struct TokenService {
    origin: Origin,
    issued: Issued,
}

/// Tokens, and the scopes that each allows.
type Issued = Arc<Mutex<HashMap<String, Vec<String>>>>;

impl TokenService {
    /// Starts a service that gives tokens to those who show this user name and password, or to
    /// everybody.
    ///
    /// # Panics
    /// When no loopback port is free.
    pub async fn start(login: Option<(&str, &str)>) -> Self {
        let origin = Origin::start().await;
        let issued = Issued::default();
        let wanted = login.map(|(user, password)| basic(user, password));
        let tokens = Arc::clone(&issued);
        origin.put_with("token", move |seen| issue(seen, wanted.as_deref(), &tokens));
        Self { origin, issued }
    }

    /// Host and port.
    pub fn address(&self) -> SocketAddr {
        self.origin.address()
    }

    /// How many tokens were asked for.
    pub fn count(&self) -> usize {
        self.origin.count("token")
    }

    /// Withdraws all tokens.
    pub fn withdraw(&self) {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Stops listening.
    pub fn stop(&self) {
        self.origin.stop();
    }

    fn challenge(&self) -> Challenge {
        let realm = format!("{}/token", self.origin.url());
        Challenge { realm, issued: Arc::clone(&self.issued) }
    }
}

/// Puts a registry behind an origin: what has no answer of its own is fetched from there. With a
/// token service, requests need one of its tokens for their repository.
pub fn registry_behind(front: &Origin, registry: SocketAddr, tokens: Option<&TokenService>) {
    let challenge = tokens.map(TokenService::challenge);
    if let Some(challenge) = challenge.clone() {
        front.before(move |seen| challenge.refusal(seen));
    }
    front.otherwise(move |seen| relay(registry, seen));
}

fn issue(seen: &Seen, wanted: Option<&str>, issued: &Issued) -> Answer {
    if wanted.is_some() && seen.header("authorization") != wanted {
        return refusal("UNAUTHORIZED", "wrong user name or password");
    }
    let pairs = seen.query().split('&').filter_map(|pair| pair.split_once('='));
    let decoded =
        |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs: Vec<_> = pairs.map(|(name, value)| (name, decoded(value))).collect();
    if !pairs.contains(&("service", SERVICE.to_owned())) {
        return Answer::status(400, "for which service?\n");
    }
    let scopes = pairs.into_iter().filter(|(name, _)| *name == "scope").map(|(_, scope)| scope);
    let mut issued = issued.lock().unwrap_or_else(PoisonError::into_inner);
    let token = format!("fixture-{}", issued.len());
    issued.insert(token.clone(), scopes.collect());
    Answer::json(&json!({ "token": token, "expires_in": 300 }))
}

fn refusal(code: &str, message: &str) -> Answer {
    let body = json!({ "errors": [{ "code": code, "message": message }] });
    Answer { status: 401, ..Answer::json(&body) }
}

#[derive(Clone)]
struct Challenge {
    realm: String,
    issued: Issued,
}

impl Challenge {
    /// The answer to a request without a token that allows it.
    fn refusal(&self, seen: &Seen) -> Option<Answer> {
        let scope = repository(&seen.resource()).map(|name| format!("repository:{name}:pull"));
        let token = seen.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let allowed = token.and_then(|token| issued.get(token));
        if allowed.is_some_and(|scopes| scope.as_ref().is_none_or(|scope| scopes.contains(scope))) {
            return None;
        }
        let scope = scope.map(|scope| format!(",scope=\"{scope}\"")).unwrap_or_default();
        let challenge = format!("Bearer realm=\"{}\",service=\"{SERVICE}\"{scope}", self.realm);
        Some(refusal("UNAUTHORIZED", "a token is needed").header("www-authenticate", &challenge))
    }
}

/// The repository of a path below `v2/`, read from the right: names may hold `manifests`.
fn repository(path: &str) -> Option<&str> {
    let path = path.strip_prefix("v2/")?;
    let words = ["/manifests/", "/blobs/", "/tags/", "/referrers/"];
    words.iter().filter_map(|word| path.rfind(word)).max().map(|end| &path[..end])
}

/// Fetches from the registry. HTTP/1.0 spares it and us the chunks.
fn relay(registry: SocketAddr, seen: &Seen) -> Answer {
    let fetched = fetch(registry, seen);
    let parsed = fetched.as_ref().ok().and_then(|bytes| parse(bytes));
    parsed.unwrap_or_else(|| Answer::status(502, format!("{registry}: {fetched:?}\n")))
}

fn fetch(registry: SocketAddr, seen: &Seen) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(registry)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let passed = |name: &str| matches!(name, "accept" | "if-none-match" | "range");
    let headers = seen.headers.iter().filter(|(name, _)| passed(name));
    let headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let path = seen.path.trim_start_matches('/');
    let head = format!("GET /{path} HTTP/1.0\r\nHost: {registry}\r\n{}\r\n", headers.concat());
    stream.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let (first, headers) = head.split_once("\r\n")?;
    let status = first.split(' ').nth(1)?.parse().ok()?;
    let mut answer = Answer::status(status, bytes[end + 4..].to_vec());
    for (name, value) in headers.split("\r\n").filter_map(|line| line.split_once(": ")) {
        let own = ["content-length", "connection", "date"];
        if !own.contains(&name.to_ascii_lowercase().as_str()) {
            answer = answer.header(name, value);
        }
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_read_from_the_right() {
        for (path, name) in [
            ("v2/a/b/manifests/1", Some("a/b")),
            ("v2/a/manifests/b/blobs/sha256:0", Some("a/manifests/b")),
            ("v2/a/tags/list", Some("a")),
            ("v2/", None),
        ] {
            assert_eq!(repository(path), name, "{path}");
        }
    }

    #[test]
    fn an_answer_of_a_registry_is_taken_apart() {
        let answer =
            parse(b"HTTP/1.1 404 Not Found\r\nContent-Type: a/b\r\nDate: x\r\n\r\nno").unwrap();
        assert_eq!((answer.status, &answer.body[..]), (404, &b"no"[..]));
        assert_eq!(answer.headers, [("Content-Type".to_owned(), "a/b".to_owned())]);
        assert!(parse(b"HTTP/1.1").is_none());
    }
}

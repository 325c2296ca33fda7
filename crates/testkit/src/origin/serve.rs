//! The server.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use percent_encoding::percent_decode_str;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::Answer;
use super::answer::{Declares, basic, refuses, unauthorized};
use super::body::{Never, Script};
use super::wire::{Wire, limited};

/// Request bodies are read up to this many bytes.
const MAX_BODY: usize = 16 << 20;

/// A request that an origin got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path as sent, with its query, below the origin's prefix and without leading slash;
    /// with leading slash when it is not below the prefix.
    pub path: String,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body as sent.
    pub body: Bytes,
}

impl Seen {
    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The path without query, percent-decoded: the key of the route table.
    pub fn resource(&self) -> String {
        key(self.path.split('?').next().unwrap_or(""))
    }

    /// The query without `?`.
    pub fn query(&self) -> &str {
        self.path.split_once('?').map_or("", |(_, query)| query)
    }
}

type Handler = Arc<dyn Fn(&Seen) -> Answer + Send + Sync>;
type Check = Arc<dyn Fn(&Seen) -> Option<Answer> + Send + Sync>;
type Bend = Arc<dyn Fn(&Seen, Answer) -> Answer + Send + Sync>;
type Wires = Arc<dyn Fn(usize) -> Wire + Send + Sync>;

#[derive(Clone)]
enum Route {
    Fixed(Box<Answer>),
    Computed(Handler),
}

impl Route {
    fn fixed(answer: Answer) -> Self {
        Self::Fixed(Box::new(answer))
    }
}

#[derive(Default)]
struct State {
    routes: HashMap<String, Route>,
    log: Vec<Seen>,
    /// Requests per route since it was set.
    served: HashMap<String, usize>,
    authorization: Option<String>,
    check: Option<Check>,
    fallback: Option<Handler>,
    bend: Option<Bend>,
    wires: Option<Wires>,
    connections: usize,
}

struct Shared {
    prefix: String,
    state: Mutex<State>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked elsewhere has its own message.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An HTTP/1.1 server on a free port of 127.0.0.1. It stops when dropped.
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Origin").field(&self.url()).finish()
    }
}

impl Origin {
    /// Starts an origin whose routes stand at its root.
    ///
    /// # Panics
    /// When no loopback port is free.
    pub async fn start() -> Self {
        Self::below("").await
    }

    /// Starts an origin whose routes stand below a prefix, as company repositories have it:
    /// `/repository/npm-proxy`, `/artifactory/api/npm/npm-remote`.
    ///
    /// # Panics
    /// When no loopback port is free.
    pub async fn below(prefix: &str) -> Self {
        Self::at("127.0.0.1:0", prefix).await
    }

    /// Starts an origin at an address, for origins that must come back where they were.
    ///
    /// # Panics
    /// When the address is not free.
    pub async fn at(address: &str, prefix: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap_or_else(|error| {
            panic!("the fixture origin cannot listen at {address}: {error}");
        });
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let prefix = prefix.trim_end_matches('/').to_owned();
        let shared = Arc::new(Shared { prefix, state: Mutex::default() });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Self { address, shared, task }
    }

    /// The address with prefix, without trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.shared.prefix)
    }

    /// Host and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the answer of a path below the prefix (decoded, without leading slash, without
    /// query). Its count of failures starts again.
    pub fn put(&self, path: &str, answer: Answer) {
        self.set(path, Route::fixed(answer));
    }

    /// Computes the answer of a path from the request.
    pub fn put_with(&self, path: &str, answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) {
        self.set(path, Route::Computed(Arc::new(answer)));
    }

    /// Computes the answers of all paths that have none.
    pub fn otherwise(&self, answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) {
        self.shared.state().fallback = Some(Arc::new(answer));
    }

    /// Looks at every request first; an answer of this check stands for all others.
    pub fn before(&self, check: impl Fn(&Seen) -> Option<Answer> + Send + Sync + 'static) {
        self.shared.state().check = Some(Arc::new(check));
    }

    /// Changes every answer on its way out; conditions and ranges have been honoured then.
    pub fn bend(&self, bend: impl Fn(&Seen, Answer) -> Answer + Send + Sync + 'static) {
        self.shared.state().bend = Some(Arc::new(bend));
    }

    /// Says what becomes of each connection, by its number since the start.
    pub fn wire(&self, wires: impl Fn(usize) -> Wire + Send + Sync + 'static) {
        self.shared.state().wires = Some(Arc::new(wires));
    }

    /// Changes the fixed answer of a path: `origin.change(path, |a| a.cut_after(10))`.
    ///
    /// # Panics
    /// When the path has no fixed answer.
    pub fn change(&self, path: &str, change: impl FnOnce(Answer) -> Answer) {
        let route = self.shared.state().routes.get(path).cloned();
        match route {
            Some(Route::Fixed(answer)) => self.put(path, change(*answer)),
            _ => panic!("the fixture origin has no fixed answer at {path:?}"),
        }
    }

    /// Forgets a path: 404 from now on.
    pub fn remove(&self, path: &str) {
        self.shared.state().routes.remove(path);
    }

    /// Wants these Basic credentials on every request.
    pub fn require_basic(&self, user: &str, password: &str) {
        self.shared.state().authorization = Some(basic(user, password));
    }

    /// Wants this bearer token on every request.
    pub fn require_bearer(&self, token: &str) {
        self.shared.state().authorization = Some(format!("Bearer {token}"));
    }

    /// All requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.state().log.clone()
    }

    /// How often a path (decoded, without query) was asked for, by any method.
    pub fn count(&self, path: &str) -> usize {
        self.shared.state().log.iter().filter(|seen| seen.resource() == path).count()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.shared.state().log.clear();
    }

    /// Stops listening and breaks all connections: from now on the address refuses.
    pub fn stop(&self) {
        self.task.abort();
    }

    fn set(&self, path: &str, route: Route) {
        let mut state = self.shared.state();
        state.served.remove(path);
        state.routes.insert(path.to_owned(), route);
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        connections.spawn(connection(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let wire = shared.state().next_wire();
    let stalls = matches!(wire, Wire::StallAfter(_));
    let Some(stream) = wire.take(stream).await else { return };
    let service = service_fn(|request| respond(request, Arc::clone(&shared)));
    let mut server = hyper::server::conn::http1::Builder::new();
    server.timer(TokioTimer::new());
    // Connections that break are part of the script.
    let serving = server.serve_connection(TokioIo::new(stream), service);
    limited(stalls, async { drop(serving.await) }).await;
}

async fn respond(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Script>, Never> {
    let seen = see(request, &shared.prefix).await;
    let (answer, earlier) = {
        let mut state = shared.state();
        state.log.push(seen.clone());
        state.find(&seen)
    };
    let answer = match answer {
        Route::Fixed(answer) => *answer,
        Route::Computed(handler) => handler(&seen),
    };
    let mut answer = answer.to(&seen, earlier);
    let bend = shared.state().bend.clone();
    if let Some(bend) = bend {
        answer = bend(&seen, answer);
    }
    if !answer.delay.is_zero() {
        tokio::time::sleep(answer.delay).await;
    }
    Ok(response(answer))
}

impl State {
    fn next_wire(&mut self) -> Wire {
        self.connections += 1;
        self.wires.as_ref().map_or(Wire::Sound, |wires| wires(self.connections - 1))
    }

    /// The route of a request, and how many requests it had before.
    fn find(&mut self, seen: &Seen) -> (Route, usize) {
        if refuses(self.authorization.as_deref(), seen) {
            return (Route::fixed(unauthorized(self.authorization.as_deref())), 0);
        }
        if let Some(answer) = self.check.as_ref().and_then(|check| check(seen)) {
            return (Route::fixed(answer), 0);
        }
        let path = seen.resource();
        let Some(route) = self.routes.get(&path) else {
            let nothing = || Route::fixed(Answer::status(404, "no such thing\n"));
            return (self.fallback.clone().map_or_else(nothing, Route::Computed), 0);
        };
        let served = self.served.entry(path).or_default();
        *served += 1;
        (route.clone(), *served - 1)
    }
}

async fn see(request: Request<Incoming>, prefix: &str) -> Seen {
    let (head, body) = request.into_parts();
    let full = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let below = full.strip_prefix(prefix).and_then(|path| path.strip_prefix('/'));
    let headers = head.headers.iter();
    let headers = headers
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    let path = below.unwrap_or(full).to_owned();
    let body = Limited::new(body, MAX_BODY).collect().await;
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Seen { method: head.method.to_string(), path, headers, body }
}

fn key(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

fn response(answer: Answer) -> Response<Script> {
    let declared = match answer.declares {
        Declares::Truth => Some(answer.body.len() as u64),
        Declares::Nothing => None,
        Declares::Length(length) => Some(length),
    };
    let mut response = Response::new(Script::new(&answer, declared));
    *response.status_mut() = answer.status.try_into().unwrap_or_default();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<hyper::header::HeaderName>(), value.parse()) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

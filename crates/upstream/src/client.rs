//! The client: one request after another until there is an answer.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::proxy::matcher::Matcher;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::address::{self, Target};
use crate::answer::Answer;
use crate::connect::{self, Http};
use crate::error::Phase;
use crate::guard::Guard;
use crate::limits::{Entry, Lanes};
use crate::retry::{self, Attempts};
use crate::token::{Token, Tokens};
use crate::{
    Ask, At, Document, Method, Origin, Quota, Settings, Streaming, UpstreamError, failure, tls,
};

/// Asks registries. Cheap to clone; clones share connections, limits and circuit breakers.
///
/// 2xx, 304 and 4xx are answers. 5xx, 408, 425 and 429 are asked again, and are
/// [`UpstreamError::Status`] in the end; so is what breaks on the way. A POST is never repeated.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) settings: Settings,
    guard: Arc<Guard>,
    proxies: Arc<Matcher>,
    lanes: Lanes,
    pub(crate) tokens: Tokens,
    http: Http,
}

/// How a request is sent, beside what is asked.
#[derive(Clone)]
pub(crate) struct Manner {
    codings: Codings,
    /// Stands in for the origin's credentials.
    pub(crate) token: Option<Token>,
}

impl Manner {
    /// Without content coding.
    pub(crate) fn identity() -> Self {
        Self { codings: Codings::Identity, token: None }
    }
}

/// Which content codings are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codings {
    /// Those that can be decoded.
    Any,
    /// None.
    Identity,
}

impl Codings {
    fn accept(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Any => "gzip, br, zstd",
            Self::Identity => "identity",
        })
    }
}

impl Client {
    /// Builds the stack: reads the certificate authorities, opens no connection. Must be used
    /// within a tokio runtime with timers and I/O.
    pub fn new(settings: Settings) -> Result<Self, UpstreamError> {
        if HeaderValue::from_str(&settings.user_agent).is_err() {
            return Err(UpstreamError::Setup("expected a printable user agent".to_owned()));
        }
        let guard = Arc::new(Guard::new(settings.hosts.clone()));
        let proxies = Arc::new(connect::proxies(&settings.proxy)?);
        let http = connect::http(&settings, tls::config(&settings)?, &guard, proxies.clone());
        let (lanes, tokens) = (Lanes::default(), Tokens::default());
        Ok(Self { inner: Arc::new(Inner { settings, guard, proxies, lanes, tokens, http }) })
    }

    /// The settings that the client was built with.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Notes that the operator, or a client's own settings, wrote the host of this origin, before
    /// it is asked for the first time: hosts that share an address with it may be private.
    /// Origins that are asked need no such call.
    pub fn trust(&self, origin: &Origin) {
        if origin.trusted {
            self.inner.guard.trust(&address::host_of(&origin.base));
        }
    }

    /// Fetches a whole document, decoded under the caps. A failure while the body arrives is
    /// retried like any other.
    pub async fn document(&self, origin: &Origin, ask: Ask<'_>) -> Result<Document, UpstreamError> {
        let target = self.inner.target(origin, &ask)?;
        let mut attempts = Attempts::new(&self.inner.settings, ask.method);
        loop {
            let error = match self.inner.document(origin, &ask, target.clone()).await {
                Ok(document) => return Ok(document),
                Err(error) => error,
            };
            pause(&mut attempts, error).await?;
        }
    }

    /// Starts to fetch an artifact. Its bytes come as they are stored: no coding is asked for, and
    /// a successful answer that has one is refused. Retries end with the headers.
    pub async fn stream(&self, origin: &Origin, ask: Ask<'_>) -> Result<Streaming, UpstreamError> {
        let target = self.inner.target(origin, &ask)?;
        let mut attempts = Attempts::new(&self.inner.settings, ask.method);
        loop {
            let answer = self.inner.exchange(origin, &ask, target.clone(), Codings::Identity);
            let error = match answer.await {
                Ok(answer) => return answer.into_streaming(),
                Err(error) => error,
            };
            pause(&mut attempts, error).await?;
        }
    }
}

/// Waits before the next attempt, or gives the error back when there is to be none.
async fn pause(attempts: &mut Attempts<'_>, error: UpstreamError) -> Result<(), UpstreamError> {
    let Some(pause) = attempts.pause_after(&error) else { return Err(error) };
    tracing::debug!(%error, ?pause, "asking again");
    tokio::time::sleep(pause).await;
    Ok(())
}

impl Inner {
    /// Where a request goes, when it may be sent at all.
    pub(crate) fn target(&self, origin: &Origin, ask: &Ask<'_>) -> Result<Target, UpstreamError> {
        let target = Target::of(origin, ask.to)?;
        if self.settings.offline {
            return Err(UpstreamError::Offline { at: target.at(origin) });
        }
        if origin.trusted {
            self.guard.trust(&address::host_of(&origin.base));
        }
        Ok(target)
    }

    async fn document(
        &self,
        origin: &Origin,
        ask: &Ask<'_>,
        target: Target,
    ) -> Result<Document, UpstreamError> {
        let at = target.at(origin);
        let codings = if ask.identity { Codings::Identity } else { Codings::Any };
        let after = self.settings.document_timeout;
        let whole = async {
            let answer = self.exchange(origin, ask, target, codings).await?;
            answer.into_document(&self.settings, ask.method).await
        };
        tokio::time::timeout(after, whole)
            .await
            .unwrap_or_else(|_| Err(UpstreamError::Timeout { at, phase: Phase::Document, after }))
    }

    /// One attempt: sends a request and follows redirects.
    async fn exchange(
        &self,
        origin: &Origin,
        ask: &Ask<'_>,
        mut target: Target,
        codings: Codings,
    ) -> Result<Answer, UpstreamError> {
        let manner = Manner { codings, token: None };
        for _ in 0..=self.settings.max_redirects {
            let (response, entry) = self.hop(origin, ask, &target, &manner).await?;
            if !response.status().is_redirection() || response.status() == StatusCode::NOT_MODIFIED
            {
                let from = (ask.method, target.at(origin), target.url);
                return Ok(Answer::new(response, entry, from, &self.settings));
            }
            entry.pass.succeed();
            target = redirect(origin, ask, &target, &response)?;
        }
        let reason = format!("expected at most {} redirects", self.settings.max_redirects);
        Err(UpstreamError::Redirect { at: target.at(origin), reason })
    }

    /// One hop: guard, limits, request, response headers.
    pub(crate) async fn send(
        &self,
        origin: &Origin,
        ask: &Ask<'_>,
        target: &Target,
        manner: &Manner,
    ) -> Result<(Response<Incoming>, Entry), UpstreamError> {
        let at = target.at(origin);
        if let Some(address) = address::literal(&target.uri) {
            let judged = self.guard.literal(address).await;
            judged.map_err(|refusal| UpstreamError::Refused { at: at.clone(), refusal })?;
        }
        let span = asking(ask, target);
        let mut request = self.request(origin, ask, target, manner)?;
        if let Some(propagate) = self.settings.propagate.filter(|_| target.is_own(origin)) {
            propagate(&span, request.headers_mut());
        }
        let lane = self.lanes.lane(&self.settings, origin, &at);
        let mut entry = lane.enter(&self.settings, &at).await?;
        let after = self.settings.header_timeout;
        let sent = tokio::time::timeout(after, self.http.request(request));
        let sent = sent.instrument(span.clone()).await;
        if let Ok(Ok(response)) = &sent {
            span.record("http.response.status_code", i64::from(response.status().as_u16()));
        }
        let outcome = match sent {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(failure::of_request(&error, at.clone(), &self.settings)),
            Err(_) => Err(UpstreamError::Timeout { at: at.clone(), phase: Phase::Headers, after }),
        };
        let outcome = outcome.and_then(|response| well(&at, response));
        // Without the query: it may hold a signature.
        let (path, status) = (target.uri.path(), outcome.as_ref().map(Response::status).ok());
        tracing::debug!(%at, path, method = ?ask.method, ?status, "asked");
        match outcome {
            Ok(response) => {
                entry.pass.answered();
                Ok((response, entry))
            }
            Err(error) => {
                span.record("otel.status_code", "ERROR").record("error.type", error.kind());
                if blames_host(&error) {
                    entry.pass.fail();
                }
                Err(error)
            }
        }
    }

    fn request(
        &self,
        origin: &Origin,
        ask: &Ask<'_>,
        target: &Target,
        manner: &Manner,
    ) -> Result<Request<Full<Bytes>>, UpstreamError> {
        let refuse = |reason| UpstreamError::Address { at: target.at(origin), reason };
        let body = ask.body.clone().unwrap_or_default();
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = ask.method.into();
        *request.uri_mut() = target.uri.clone();
        let headers = request.headers_mut();
        if target.is_own(origin) {
            headers.extend(ask.headers.clone());
            if let Some(token) = &manner.token {
                headers.insert(header::AUTHORIZATION, token.header());
            } else if let Some(credentials) = &origin.credentials {
                let (name, value) = credentials
                    .header()
                    .ok_or_else(|| refuse("expected credentials that fit into a header"))?;
                headers.insert(name, value);
            }
        }
        let text = |text: &str| {
            HeaderValue::from_str(text).map_err(|_| refuse("expected printable header values"))
        };
        headers.insert(header::ACCEPT, text(ask.accept)?);
        headers.insert(header::ACCEPT_ENCODING, manner.codings.accept());
        headers.insert(header::USER_AGENT, text(&self.settings.user_agent)?);
        for (name, value) in [
            (header::IF_NONE_MATCH, ask.if_none_match),
            (header::IF_MODIFIED_SINCE, ask.if_modified_since),
        ] {
            // A validator that cannot be sent back makes the request an unconditional one.
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
        if let Some(value) = connect::relay_authorization(&self.proxies, &target.uri) {
            headers.insert(header::PROXY_AUTHORIZATION, value);
        }
        Ok(request)
    }
}

/// The span of one hop until its headers, for who collects traces: `weir_trace` is the target that
/// they ask for. Without the query, which may hold a signature.
fn asking(ask: &Ask<'_>, target: &Target) -> Span {
    tracing::info_span!(
        target: "weir_trace",
        "upstream",
        otel.kind = "client",
        http.request.method = %http::Method::from(ask.method),
        server.address = target.uri.host(),
        url.path = target.uri.path(),
        http.response.status_code = Empty,
        otel.status_code = Empty,
        error.r#type = Empty,
    )
}

/// Passes a response on unless its status says that the registry is unwell.
fn well(at: &At, response: Response<Incoming>) -> Result<Response<Incoming>, UpstreamError> {
    let status = response.status();
    if retry::is_unwell(status) {
        let retry_after = retry::retry_after(response.headers());
        let quota = Quota::of(response.headers());
        return Err(UpstreamError::Status { at: at.clone(), status, retry_after, quota });
    }
    Ok(response)
}

/// Whether an error counts against the host in its circuit breaker.
fn blames_host(error: &UpstreamError) -> bool {
    match error {
        UpstreamError::Status { status, .. } => status.is_server_error(),
        UpstreamError::Connect { .. }
        | UpstreamError::Tls { .. }
        | UpstreamError::Timeout { .. }
        | UpstreamError::Transport { .. }
        | UpstreamError::TooLarge { .. } => true,
        _ => false,
    }
}

/// The next target.
fn redirect(
    origin: &Origin,
    ask: &Ask<'_>,
    target: &Target,
    response: &Response<Incoming>,
) -> Result<Target, UpstreamError> {
    let refuse = |reason: String| UpstreamError::Redirect { at: target.at(origin), reason };
    let status = response.status();
    let location = response.headers().get(header::LOCATION);
    let (301 | 302 | 303 | 307 | 308, Some(location)) = (status.as_u16(), location) else {
        return Err(refuse(format!("expected a redirect with Location, found {status}")));
    };
    let next = target.redirected(origin, location.as_bytes())?;
    if ask.method == Method::Post && !(matches!(status.as_u16(), 307 | 308) && next.is_own(origin))
    {
        return Err(refuse(format!("expected no redirect of a POST, found {status}")));
    }
    Ok(next)
}

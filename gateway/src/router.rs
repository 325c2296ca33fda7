//! Which part of the gateway a path belongs to.

use std::sync::Arc;

use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tower::ServiceExt as _;
use url::Url;
use weir_api::ApiError;
use weir_cache::CacheError;
use weir_config::EcosystemId;
use weir_core::{Code, Denial, Segments};
use weir_pipeline::{Front, Pipeline};

use crate::auth::{self, Gate};
use crate::server::Body;

/// The name of the token with which a request came, beside its answer.
#[derive(Clone, Debug)]
pub(crate) struct TokenName(pub(crate) Arc<str>);

/// Sends requests to mounts and to the gateway's own end points.
#[derive(Clone, Debug)]
pub(crate) struct Router {
    pipeline: Pipeline,
    fronts: Vec<Arc<Front>>,
    own: axum::Router,
    gate: Arc<Gate>,
    /// Whether a request may name the archive that a mount stands for, as clients ask proxies.
    proxy: bool,
}

impl Router {
    /// Routes to these fronts, longest path first, and everything else to `own`.
    pub(crate) fn new(pipeline: Pipeline, fronts: Vec<Arc<Front>>, own: axum::Router) -> Self {
        Self { pipeline, fronts, own, gate: Arc::new(Gate::open()), proxy: false }
    }

    /// Lets only those in whom this gate lets in.
    pub(crate) fn behind(mut self, gate: Arc<Gate>) -> Self {
        self.gate = gate;
        self
    }

    /// Is also the proxy of the archives that its mounts have, and of nothing else.
    pub(crate) fn being_proxy(mut self) -> Self {
        self.proxy = true;
        self
    }

    /// Whether an answer can depend on the peer of its connection.
    pub(crate) fn heeds_peers(&self) -> bool {
        self.pipeline.heeds_peers()
    }

    /// Where a whole address (RFC 9112 section 3.2.2) is below this gateway, when it is one of an
    /// archive's.
    fn proxied(&self, address: &Uri) -> Option<Uri> {
        let address = Url::parse(&address.to_string()).ok()?;
        let below = |front: &Arc<Front>| {
            let [member] = &front.members[..] else { return None };
            let mount = &member.mount;
            let base = mount.known_origins()?.get("primary")?.base.clone();
            let rest = address.path().strip_prefix(base.path().trim_end_matches('/'))?;
            let ours = mount.descriptor().signed
                && base.origin() == address.origin()
                && rest.starts_with('/');
            ours.then(|| (base.path().len(), format!("/{}{rest}", front.path)))
        };
        // The archive that lies deepest.
        let (_, path) = self.fronts.iter().filter_map(below).max()?;
        path.parse().ok()
    }

    /// Answers a request, if its client may ask.
    pub(crate) async fn handle(&self, mut request: Request<Incoming>) -> Response<Body> {
        if self.proxy
            && request.uri().authority().is_some()
            && let Some(own) = self.proxied(request.uri())
        {
            *request.uri_mut() = own;
        }
        let path = request.uri().path();
        let plain = path.strip_prefix('/').unwrap_or_default();
        let front = self.fronts.iter().find(|front| front.below(plain).is_some());
        let admitted = self.gate.admit(path, front.map(|front| &**front), request.headers());
        let caller = match admitted {
            Ok(caller) => caller,
            Err(denial) => return self.turn_away(front, request, denial),
        };
        let mut response = if let Some(front) = front {
            self.pipeline.handle_among(&self.fronts, front, request).await
        } else {
            request.extensions_mut().insert(caller.rights);
            Box::pin(self.elsewhere(request)).await
        };
        if let Some(name) = caller.name {
            response.extensions_mut().insert(TokenName(name));
        }
        response
    }

    /// Refuses a client, in the form that it understands.
    fn turn_away(
        &self,
        front: Option<&Arc<Front>>,
        request: Request<Incoming>,
        denial: Denial,
    ) -> Response<Body> {
        let (parts, _) = request.into_parts();
        let code = denial.code;
        let response = match front {
            Some(front) => self.pipeline.refuse_at(front, &parts, denial),
            None => ours(ApiError::new(code, denial.sentence).respond(true)),
        };
        auth::challenge(response, code)
    }

    /// What is below no mount.
    async fn elsewhere(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path();
        if let Some(place) = self.lost_prefix(&request) {
            return redirect(&place);
        }
        if let Some((ecosystem, sentence)) = not_built(path) {
            let denial = Denial::new(Code::BlockedRegistryNotConfigured, sentence);
            return self.pipeline.refuse(ecosystem, &request.into_parts().0, denial);
        }
        match self.own.clone().oneshot(request).await {
            Ok(response) => ours(response),
            Err(never) => match never {},
        }
    }

    /// Where a request belongs whose client dropped the mount's prefix.
    fn lost_prefix(&self, request: &Request<Incoming>) -> Option<String> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let raw = request.uri().path();
        let seen = weir_core::Request {
            method: weir_core::Method::Get,
            segments: Segments::parse(raw).ok()?,
            query: request.uri().query().unwrap_or(""),
            accept: "",
            body: &[],
            namespace: "",
        };
        let front = self.fronts.iter().find(|front| front.claims_lost(&seen))?;
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        Some(format!("/{}{raw}{query}", front.path))
    }
}

/// The known ecosystem whose mount this build does not have, and the sentence that says so.
fn not_built(path: &str) -> Option<(&'static str, String)> {
    let first = path.trim_start_matches('/').split('/').next()?;
    let ecosystem =
        EcosystemId::all().find(|ecosystem| ecosystem.mount().trim_matches('/') == first)?;
    let id = ecosystem.id();
    if crate::ecosystems::find(id).is_some() {
        return None;
    }
    let sentence = if crate::ecosystems::FEATURES.contains(&id) {
        format!("this build of weir does not serve {id}: its cargo feature `{id}` is off")
    } else {
        format!("this version of weir does not serve {id} yet")
    };
    Some((id, sentence))
}

/// An answer of the gateway's own end points.
fn ours(response: axum::response::Response) -> Response<Body> {
    response.map(|body| Body::other(body.map_err(unread)))
}

fn redirect(place: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    if let Ok(place) = HeaderValue::from_str(place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err calls")]
fn unread(error: axum::Error) -> CacheError {
    CacheError::Source(error.to_string())
}

//! The pipeline as a service: one request in, one response out.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::request::Parts;
use http::{Response, StatusCode};
use http_body::Body;
use weir_cache::{
    Artifacts, DocumentKey, Documents, Flights, Rendering, RenderingKey, Renderings, Stored,
};
use weir_catalog::Catalog;
use weir_core::{Clock, Code, Denial, Ecosystem, Purl, SidecarKind, Target, Unroutable};
use weir_policy::Policy;

use crate::addresses::{Address, Addresses};
use crate::artifact::Asked;
use crate::checksums;
use crate::contents::Contents;
use crate::doubts::Doubts;
use crate::generations::Generations;
use crate::joined;
use crate::outline::Outlined;
use crate::refused::Refused;
use crate::request::Said;
use crate::respond::{self, Conditions};
use crate::routes::{Routed, Routes};
use crate::visit::Visit;
use crate::{
    Event, Failure, Front, Mount, Observer, Outcome, PipelineSettings, PublicAddress, ResponseBody,
    Signer,
};

pub(crate) type Joined<T> = Result<Arc<T>, Failure>;
/// A rendering under a lens.
type RenderFlight = (RenderingKey, (u64, u64));

/// What a pipeline is made from.
#[derive(Debug)]
pub struct PipelineParts {
    /// Stored artifacts.
    pub artifacts: Artifacts,
    /// Stored documents.
    pub documents: Documents,
    /// The catalogue.
    pub catalog: Catalog,
    /// The first policy; [`Pipeline::set_policy`] replaces it.
    pub policy: Policy,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Who is told what happened.
    pub observer: Arc<dyn Observer>,
    /// How links get their address.
    pub public: PublicAddress,
    /// Bounds.
    pub settings: PipelineSettings,
    /// Who signs edited indexes.
    pub signer: Option<Arc<dyn Signer>>,
}

pub(crate) struct Core {
    pub(crate) artifacts: Artifacts,
    pub(crate) documents: Documents,
    pub(crate) renderings: Renderings,
    pub(crate) catalog: Catalog,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) settings: PipelineSettings,
    pub(crate) signer: Option<Arc<dyn Signer>>,
    pub(crate) document_flights: Flights<DocumentKey, Joined<Stored>>,
    /// Each with whether upstream was asked for it.
    pub(crate) render_flights: Flights<RenderFlight, (Joined<Rendering>, bool)>,
    pub(crate) records: Generations,
    pub(crate) doubts: Doubts,
    pub(crate) outlined: Outlined,
    pub(crate) contents: Contents,
    policy: ArcSwap<Policy>,
    addresses: Addresses,
    routes: Routes,
}

impl Core {
    pub(crate) fn policy(&self) -> Arc<Policy> {
        self.policy.load_full()
    }
}

/// Serves every mount. Cheap to clone.
#[derive(Clone)]
pub struct Pipeline {
    pub(crate) core: Arc<Core>,
}

impl Pipeline {
    /// Joins the parts.
    pub fn new(parts: PipelineParts) -> Self {
        Self {
            core: Arc::new(Core {
                artifacts: parts.artifacts,
                documents: parts.documents,
                renderings: Renderings::new(parts.settings.renderings),
                catalog: parts.catalog,
                clock: parts.clock,
                observer: parts.observer,
                settings: parts.settings,
                signer: parts.signer,
                document_flights: Flights::new(),
                render_flights: Flights::new(),
                records: Generations::new(),
                doubts: Doubts::new(),
                outlined: Outlined::new(),
                contents: Contents::new(),
                policy: ArcSwap::from_pointee(parts.policy),
                addresses: Addresses::new(parts.public),
                routes: Routes::new(),
            }),
        }
    }

    /// Replaces the policy; the next request is judged by the new one.
    pub fn set_policy(&self, policy: Policy) {
        self.core.policy.store(Arc::new(policy));
    }

    /// The policy in force.
    pub fn policy(&self) -> Arc<Policy> {
        self.core.policy()
    }

    /// Whether an answer can depend on the peer of its connection: then requests come with it, as an
    /// extension of type [`std::net::SocketAddr`].
    pub fn heeds_peers(&self) -> bool {
        self.core.addresses.heed_peers()
    }

    /// The public address of a request, as links are written with it.
    pub fn public_address(&self, parts: &Parts) -> Arc<str> {
        self.core.addresses.origin(parts)
    }

    /// The service of one front; mount it below its path.
    pub fn mounted(&self, front: Arc<Front>) -> Mounted {
        Mounted { pipeline: self.clone(), front }
    }

    /// Refuses a request to a mount of an ecosystem that the program has no plugin for, like every
    /// other refusal.
    pub fn refuse(
        &self,
        ecosystem: &'static str,
        parts: &Parts,
        denial: Denial,
    ) -> Response<ResponseBody> {
        let origin = self.public_address(parts);
        let refused = Refused {
            core: &self.core,
            parts,
            origin: &origin,
            base: &format!("{origin}/{ecosystem}"),
            ecosystem: None,
            told_as: Some((ecosystem, ecosystem)),
            mount: None,
            target: None,
        };
        refused.answer(&Failure::from_denial(denial))
    }

    /// Refuses a request to a front before anything of it is looked at.
    pub fn refuse_at(
        &self,
        front: &Front,
        parts: &Parts,
        denial: Denial,
    ) -> Response<ResponseBody> {
        let origin = self.public_address(parts);
        let mount = front.members.first().map(|member| &member.mount);
        let told_as = mount.map(|mount| (mount.descriptor().id, &*mount.name));
        let refused = Refused {
            core: &self.core,
            parts,
            origin: &origin,
            base: &format!("{origin}/{}", front.path),
            ecosystem: front.ecosystem(),
            told_as,
            mount: None,
            target: None,
        };
        refused.answer(&Failure::from_denial(denial))
    }

    /// Answers a request to a front. The URI still has the front's path.
    pub async fn handle<B>(
        &self,
        front: &Front,
        request: http::Request<B>,
    ) -> Response<ResponseBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        Exchange::new(self, front, &parts).run(body).await
    }
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("settings", &self.core.settings).finish_non_exhaustive()
    }
}

/// One front as a tower service.
#[derive(Clone, Debug)]
pub struct Mounted {
    pipeline: Pipeline,
    front: Arc<Front>,
}

impl<B> tower::Service<http::Request<B>> for Mounted
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let Self { pipeline, front } = self.clone();
        Box::pin(async move { Ok(pipeline.handle(&front, request).await) })
    }
}

/// One request and its answer.
pub(crate) struct Exchange<'a> {
    pub(crate) core: &'a Arc<Core>,
    pub(crate) front: &'a Front,
    parts: &'a Parts,
    accept: Cow<'a, str>,
    origin: Arc<str>,
    pub(crate) base: Arc<str>,
}

/// A response with what an observer wants to know of it.
pub(crate) struct Answered {
    pub(crate) response: Response<ResponseBody>,
    pub(crate) hit: bool,
    pub(crate) subject: Option<Purl>,
    pub(crate) withheld: usize,
    pub(crate) notice: Option<String>,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(pipeline: &'a Pipeline, front: &'a Front, parts: &'a Parts) -> Self {
        let Address { origin, base } = pipeline.core.addresses.of(parts, &front.path);
        let accept = crate::request::accept(parts);
        Self { core: &pipeline.core, front, parts, accept, origin, base }
    }

    /// Refuses a request that belongs to no registry.
    pub(crate) fn refuse(&self, failure: &Failure) -> Response<ResponseBody> {
        self.described(self.fail(None, None, failure), None)
    }

    fn described(
        &self,
        mut response: Response<ResponseBody>,
        target: Option<&Target>,
    ) -> Response<ResponseBody> {
        if let Some(ecosystem) = self.front.ecosystem() {
            respond::describe_content(&mut response, ecosystem.describe(), target);
        }
        response
    }

    async fn run<B>(&self, body: B) -> Response<ResponseBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut routed = None;
        let response = match self.route(body, &mut routed).await {
            Ok((mount, answered)) => self.tell(&mount, target_of(routed.as_ref()), answered),
            Err((mount, failure)) => {
                self.fail(mount.as_deref(), target_of(routed.as_ref()), &failure)
            }
        };
        self.described(response, target_of(routed.as_ref()))
    }

    async fn route<B>(
        &self,
        body: B,
        found: &mut Option<Arc<Routed>>,
    ) -> Result<(Arc<Mount>, Answered), (Option<Arc<Mount>>, Failure)>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let nowhere = |failure| (None, failure);
        let body = self.body(body).await.map_err(nowhere)?;
        let below = self.parts.uri.path().trim_start_matches('/');
        let below = below.strip_prefix(&*self.front.path).unwrap_or(below);
        let namespace = self.namespace().await;
        let routed = self.routed(below, &body, &namespace).map_err(nowhere)?;
        let routed = &*found.insert(routed);
        let target = &routed.target;
        let name = target.package().map(weir_core::Name::as_str);
        let members = self.front.candidates(name);
        let merge = self.front.ecosystem().and_then(|ecosystem| ecosystem.describe().merge);
        if let Some(merge) = merge.filter(|_| members.len() > 1)
            && let Some(document) = joined::joinable(merge, target)
        {
            return self.joined(merge, &members, document, target).boxed().await;
        }
        let mut last = None;
        for mount in members {
            let own = mount.namespace();
            let routed = if own == namespace {
                Arc::clone(routed)
            } else {
                self.routed(below, &body, &own).map_err(nowhere)?
            };
            let visit = Visit::new(self.core, mount, Arc::clone(&self.base), &body);
            match self.visit(&visit.concerning(&routed.target), &routed).await {
                Ok(answered) => return Ok((Arc::clone(mount), answered)),
                Err(failure) => {
                    // Where listings are joined, the first member that has a file serves it.
                    let absent = merge.is_some() && failure.code() == Code::NotFound;
                    let goes_on = absent || failure.goes_on();
                    last = Some((Some(Arc::clone(mount)), failure));
                    if !goes_on {
                        break;
                    }
                }
            }
        }
        Err(last.unwrap_or_else(|| (None, Failure::not_found("a registry for this name"))))
    }

    /// The request's body, where its method has one that counts.
    async fn body<B>(&self, body: B) -> Result<Bytes, Failure>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if self.parts.method != http::Method::POST {
            return Ok(Bytes::new());
        }
        let (cap, wait) = (self.core.settings.max_request_body, self.core.settings.request_wait);
        let body = tokio::time::timeout(wait, crate::request::body(self.parts, body, cap)).await;
        let late = || Failure::new(Code::BadRequest, "the request body did not arrive in time");
        body.unwrap_or_else(|_| Err(late()))
    }

    /// The namespace of names without one, at the first registry behind this front. Known when its
    /// address is.
    async fn namespace(&self) -> Arc<str> {
        let Some(first) = self.front.members.first() else { return "".into() };
        let descriptor = first.mount.descriptor();
        if descriptor.content.is_some() || descriptor.signed {
            first.mount.origins().await;
        }
        first.mount.namespace()
    }

    fn routed(&self, below: &str, body: &[u8], namespace: &str) -> Result<Arc<Routed>, Failure> {
        let Some(ecosystem) = self.front.ecosystem() else {
            return Err(Failure::not_found("a registry behind this path"));
        };
        let said = Said { accept: &self.accept, body, namespace };
        let question = said.question(ecosystem.describe().id, self.parts, below);
        if let Some(routed) = question.as_ref().and_then(|asked| self.core.routes.get(asked)) {
            return Ok(routed);
        }
        let request = crate::request::request(self.parts, below, said)?;
        let routed = |target| Routed::new(&**ecosystem, target);
        match ecosystem.route(&request) {
            Err(Unroutable::Unknown) => {
                let found = self.below_upstream(ecosystem, below, body);
                found.map(routed).ok_or_else(|| Unroutable::Unknown.into())
            }
            target => {
                let routed = target.map(routed)?;
                if let Some(question) = &question {
                    self.core.routes.put(question, &routed);
                }
                Ok(routed)
            }
        }
    }

    /// The target of a path that still has its registry's own path in front: npm replaces the
    /// host of the addresses in a lock file and keeps their paths.
    fn below_upstream(
        &self,
        ecosystem: &Arc<dyn Ecosystem>,
        below: &str,
        body: &[u8],
    ) -> Option<Target> {
        let below = below.trim_start_matches('/');
        self.front.members.iter().find_map(|member| {
            let origins = member.mount.known_origins()?;
            origins.values().find_map(|origin| {
                let path = origin.base.path().trim_matches('/');
                let rest = below.strip_prefix(path)?.strip_prefix('/')?;
                if path.is_empty() {
                    return None;
                }
                let said = Said { accept: &self.accept, body, namespace: "" };
                let request = crate::request::request(self.parts, rest, said).ok()?;
                ecosystem.route(&request).ok()
            })
        })
    }

    pub(crate) fn conditions(&self) -> Conditions<'_> {
        let head = self.parts.method == http::Method::HEAD;
        Conditions { headers: &self.parts.headers, head }
    }

    async fn visit(&self, visit: &Visit, routed: &Routed) -> Result<Answered, Failure> {
        let Routed { target, path } = routed;
        match target {
            Target::Artifact { file, role, .. } => {
                let asked = Asked { target, path, file, role: *role };
                self.file(visit, asked).await
            }
            Target::Sidecar { of, kind: SidecarKind::Checksum(algorithm) } => {
                self.checksum(visit, of, *algorithm).boxed().await
            }
            Target::Manifest { .. }
            | Target::Local(_)
            | Target::Relay { .. }
            | Target::Sidecar { kind: SidecarKind::Signature, .. } => {
                self.document(visit, target).await
            }
        }
    }

    async fn document(&self, visit: &Visit, target: &Target) -> Result<Answered, Failure> {
        let rendering = self.rendering(visit, target).await?;
        Ok(self.shown(target, &rendering, &visit.mount, !visit.has_asked()).await)
    }

    /// A document that may be shown.
    pub(crate) async fn rendering(
        &self,
        visit: &Visit,
        target: &Target,
    ) -> Result<Arc<Rendering>, Failure> {
        if let Target::Sidecar { of, kind: SidecarKind::Signature } = target {
            signed(visit, of).boxed().await?;
        }
        let rendering = visit.listing(target).await?;
        match visit.refuse_empty(target, &rendering) {
            Some(failure) => Err(failure),
            None => Ok(rendering),
        }
    }

    /// The answer that shows a document.
    pub(crate) async fn shown(
        &self,
        target: &Target,
        rendering: &Rendering,
        mount: &Mount,
        hit: bool,
    ) -> Answered {
        let response = respond::document(rendering, self.conditions()).await;
        let digest = |algorithm| Some(rendering.digest_in(algorithm));
        Answered {
            response: checksums::told(response, self.checksum_headers(), digest),
            hit,
            subject: rendering
                .subject(|| target.package().map(|name| mount.purl(name.as_str(), None))),
            withheld: rendering.counts.0 - rendering.counts.1,
            notice: rendering.edits.notice().map(ToOwned::to_owned),
        }
    }

    fn tell(
        &self,
        mount: &Mount,
        target: Option<&Target>,
        answered: Answered,
    ) -> Response<ResponseBody> {
        let mut response = answered.response;
        let length = response.headers().get(http::header::CONTENT_LENGTH);
        let bytes = length.and_then(|value| value.to_str().ok()?.parse().ok());
        let event = Event {
            ecosystem: mount.descriptor().id,
            mount: &mount.name,
            subject: answered.subject.as_ref(),
            artifact: matches!(target, Some(Target::Artifact { .. })),
            withheld: answered.withheld,
            notice: answered.notice.as_deref(),
            outcome: if answered.hit { Outcome::Hit } else { Outcome::Miss },
            bytes: bytes.filter(|_| {
                let unchanged = response.status() == StatusCode::NOT_MODIFIED;
                !unchanged && self.parts.method != http::Method::HEAD
            }),
        };
        self.core.tell(&event, &mut response);
        response
    }

    fn fail(
        &self,
        mount: Option<&Mount>,
        target: Option<&Target>,
        failure: &Failure,
    ) -> Response<ResponseBody> {
        let ecosystem = self.front.ecosystem();
        let name = mount.map_or(&*self.front.path, |mount| &mount.name);
        let refused = Refused {
            core: self.core,
            parts: self.parts,
            origin: &self.origin,
            base: &self.base,
            ecosystem,
            told_as: ecosystem.map(|ecosystem| (ecosystem.describe().id, name)),
            mount,
            target,
        };
        refused.answer(failure)
    }
}

fn target_of(routed: Option<&Arc<Routed>>) -> Option<&Target> {
    routed.map(|routed| &routed.target)
}

/// A signature is over the bytes as signed: it goes with them or not at all.
async fn signed(visit: &Visit, of: &Target) -> Result<(), Failure> {
    if let Target::Artifact { file, role, .. } = of {
        let path = visit.mount.ecosystem.path(of);
        visit.artifact(Asked { target: of, path: &path, file, role: *role }).await?;
    } else if !visit.listing(of).await?.edits.is_empty() {
        return Err(Failure::not_found("a signature over the edited document"));
    }
    Ok(())
}

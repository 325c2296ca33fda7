//! Requests that say whose registry they mean: containerd asks a mirror for `?ns=registry.example`
//! (OCI Distribution Specification, "Registry Proxying").

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use http_body::Body;
use weir_core::Request;

use crate::service::Exchange;
use crate::{Failure, Front, Mount, Pipeline, ResponseBody};

impl Pipeline {
    /// Answers a request to one of these fronts. When it stands at its ecosystem's default mount
    /// and the client names a registry, that registry's mount answers, and none in its place.
    pub async fn handle_among<B>(
        &self,
        fronts: &[Arc<Front>],
        front: &Front,
        request: http::Request<B>,
    ) -> Response<ResponseBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let Some((host, header)) = asked(front, request.uri().query().unwrap_or_default()) else {
            return self.handle(front, request).await;
        };
        let mut response = match Box::pin(registry_of(fronts, front, &host)).await {
            Some(mount) => {
                let front = Front::single(front.path.clone(), mount);
                Box::pin(self.handle(&front, request)).await
            }
            None => self.refuse_registry(front, &request.into_parts().0, &host),
        };
        if let Ok(host) = HeaderValue::from_str(&host) {
            response.headers_mut().insert(HeaderName::from_static(header), host);
        }
        response
    }

    fn refuse_registry(
        &self,
        front: &Front,
        parts: &http::request::Parts,
        host: &str,
    ) -> Response<ResponseBody> {
        let shown: String = host.chars().take(100).collect();
        let what = format!("a registry of this gateway for {shown}");
        Exchange::new(self, front, parts).refuse(&Failure::not_found(what))
    }
}

/// The host that a client names, and the header that says who answered.
fn asked(front: &Front, query: &str) -> Option<(String, &'static str)> {
    let descriptor = front.ecosystem()?.describe();
    let (parameter, header) = descriptor.content?.registry_parameter?;
    if front.path != descriptor.mount {
        return None;
    }
    let request = Request { query, ..Request::get("").ok()? };
    Some((request.param(parameter).filter(|host| !host.is_empty())?, header))
}

async fn registry_of(fronts: &[Arc<Front>], front: &Front, host: &str) -> Option<Arc<Mount>> {
    let id = front.ecosystem()?.describe().id;
    // The default mount first, then the others in the order of their paths.
    let all = front.members.iter().chain(fronts.iter().flat_map(|front| &front.members));
    for member in all.filter(|member| member.mount.descriptor().id == id) {
        member.mount.origins().await;
        if member.mount.stands_for(host) {
            return Some(Arc::clone(&member.mount));
        }
    }
    None
}

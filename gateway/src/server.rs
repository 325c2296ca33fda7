//! The listener: HTTP/1.1 (and HTTP/2 where it is switched on), limits, graceful shutdown.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;
use weir_cache::CacheError;
use weir_config::Config;
use weir_telemetry::{Active, Metrics};

use crate::router::Router;

/// The body of every response.
pub(crate) type Body = weir_pipeline::ResponseBody;

/// Bounds of the listener.
#[derive(Clone, Debug)]
pub(crate) struct ServerSettings {
    http2: bool,
    connections: usize,
    header_timeout: Duration,
    header_size: usize,
    header_count: usize,
    shutdown_timeout: Duration,
    metrics: Option<Metrics>,
}

impl From<&Config> for ServerSettings {
    fn from(config: &Config) -> Self {
        let limits = &config.limits;
        Self {
            http2: config.http2,
            connections: limits.connections as usize,
            header_timeout: limits.header_timeout,
            header_size: (limits.header_size as usize).max(8192),
            header_count: limits.header_count as usize,
            shutdown_timeout: limits.shutdown_timeout,
            metrics: None,
        }
    }
}

impl ServerSettings {
    /// Counts the requests that are being answered.
    pub(crate) fn counting(mut self, metrics: Metrics) -> Self {
        self.metrics = Some(metrics);
        self
    }
}

/// Binds an address, with an error that says what to do.
pub(crate) async fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).await.with_context(|| {
        format!("cannot listen on {listen}; another program may have it: choose one with --listen")
    })
}

/// Serves until `stop` resolves, then lets open requests end within the shutdown timeout.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Arc<Router>,
    settings: ServerSettings,
    stop: impl Future<Output = ()>,
) {
    let builder = builder(&settings);
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(settings.connections));
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut stop => break,
        };
        let Some((stream, peer, slot)) = accepted else { continue };
        let (router, metrics) = (Arc::clone(&router), settings.metrics.clone());
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let active = metrics.as_ref().map(Metrics::active);
            answer(Arc::clone(&router), request, peer, active)
        });
        let (builder, watcher) = (builder.clone(), graceful.watcher());
        tokio::spawn(async move {
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            // A client that goes away is no event of ours.
            let _ = watcher.watch(connection).await;
            drop(slot);
        });
    }
    drop(listener);
    if tokio::time::timeout(settings.shutdown_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were still open after limits.shutdown_timeout");
    }
}

type Slot = tokio::sync::OwnedSemaphorePermit;

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, SocketAddr, Slot)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, peer, slot))
        }
        Err(error) => {
            // Out of file descriptors, most likely: give connections time to end.
            tracing::warn!(%error, "a connection was not accepted");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

fn builder(settings: &ServerSettings) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    if !settings.http2 {
        builder = builder.http1_only();
    }
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_buf_size(settings.header_size)
        .max_headers(settings.header_count);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .max_header_list_size(settings.header_size as u32)
        .max_concurrent_streams(256);
    builder
}

/// One request. A panic in a handler costs that request only.
async fn answer(
    router: Arc<Router>,
    mut request: Request<Incoming>,
    peer: SocketAddr,
    active: Option<Active>,
) -> Result<Response<Body>, Infallible> {
    request.extensions_mut().insert(peer);
    let service = tower::service_fn(move |request| {
        let router = Arc::clone(&router);
        async move { Ok::<_, Infallible>(router.handle(request).await) }
    });
    let guarded = tower_http::catch_panic::CatchPanic::custom(service, panicked);
    let response = guarded.oneshot(request).await?;
    // Active until its last byte: the guard lives as long as the body.
    let until_the_end = move |frame| {
        let _ = &active;
        frame
    };
    Ok(response.map(|body| body.map_err(unread).map_frame(until_the_end).boxed_unsync()))
}

/// The two bodies of a guarded response fail in one way.
fn unread(error: impl std::fmt::Display) -> CacheError {
    CacheError::Source(error.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that CatchPanic calls")]
fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response<Full<Bytes>> {
    let text = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(panic = text, "a request handler panicked");
    let mut response = Response::new(Full::from("internal: the gateway failed; see its log\n"));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let plain = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

//! The listener: HTTP/1.1 (and HTTP/2 where it is switched on), limits, graceful shutdown.

use std::any::Any;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tracing::{Instrument as _, Span};
use weir_config::Config;
use weir_pipeline::Told;
use weir_telemetry::Metrics;

use crate::access::{Accessed, Lines};
use crate::crowd::{Place, Places};
use crate::patience::Patient;
use crate::router::Router;
use crate::under_way::{UnderWay, Watched};

/// The body of every response.
pub(crate) type Body = weir_pipeline::ResponseBody;

/// The number of headers that Hyper takes unless it is told another: it has room for these on the
/// stack, and makes a list for each request otherwise.
const USUAL_HEADERS: usize = 100;

/// Bounds of the listener.
#[derive(Clone)]
pub(crate) struct ServerSettings {
    http2: bool,
    connections: usize,
    header_timeout: Duration,
    send_timeout: Duration,
    header_size: usize,
    header_count: usize,
    shutdown_timeout: Duration,
    metrics: Option<Metrics>,
    access: Option<Arc<Lines>>,
    tls: Option<TlsAcceptor>,
}

impl From<&Config> for ServerSettings {
    fn from(config: &Config) -> Self {
        let limits = &config.limits;
        Self {
            http2: config.http2,
            connections: limits.connections as usize,
            header_timeout: limits.header_timeout,
            send_timeout: limits.send_timeout,
            header_size: (limits.header_size as usize).max(8192),
            header_count: limits.header_count as usize,
            shutdown_timeout: limits.shutdown_timeout,
            metrics: None,
            access: None,
            tls: None,
        }
    }
}

impl ServerSettings {
    /// Counts the requests that are being answered.
    pub(crate) fn counting(mut self, metrics: Metrics) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Writes a line for each request.
    pub(crate) fn logging(mut self, access: Option<Lines>) -> Self {
        self.access = access.map(Arc::new);
        self
    }

    /// Speaks TLS.
    pub(crate) fn over_tls(mut self, tls: Option<TlsAcceptor>) -> Self {
        self.tls = tls;
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
    let places = Places::new(settings.connections);
    let silent = settings.tls.is_some();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places, silent) => accepted,
            () = &mut stop => break,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        let service = Service { router: Arc::clone(&router), settings: settings.clone(), peer };
        let (builder, watcher) = (builder.clone(), graceful.watcher());
        tokio::spawn(async move {
            let tls = service.settings.tls.clone();
            match tls {
                None => drive(&builder, stream, service, watcher).await,
                Some(tls) => {
                    let limit = service.settings.header_timeout;
                    // A client that does not finish its handshake is no event of ours.
                    if let Ok(Ok(stream)) = tokio::time::timeout(limit, tls.accept(stream)).await {
                        drive(&builder, stream, service, watcher).await;
                    }
                }
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(settings.shutdown_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were still open after limits.shutdown_timeout");
    }
}

/// Answers the requests of one connection until it ends.
async fn drive<S>(
    builder: &auto::Builder<TokioExecutor>,
    stream: S,
    service: Service,
    watcher: Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    // What a client does not take for so long, it will not take.
    let ServerSettings { http2, header_timeout, send_timeout, .. } = service.settings;
    let mut stream = Patient::new(stream, send_timeout);
    if http2 {
        stream = stream.greeted_within(header_timeout);
    }
    let service = Arc::new(service);
    let service = service_fn(move |request| answer(Arc::clone(&service), request));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    // A client that goes away is no event of ours.
    let _ = watcher.watch(connection).await;
}

/// What answers the requests of a connection.
struct Service {
    router: Arc<Router>,
    settings: ServerSettings,
    peer: SocketAddr,
}

async fn accept(
    listener: &TcpListener,
    places: &Places,
    silent: bool,
) -> Option<(TcpStream, SocketAddr, Place)> {
    places.open().await;
    match listener.accept().await {
        Ok((stream, peer)) => {
            let _ = stream.set_nodelay(true);
            let (stream, place) = places.place(stream, silent)?;
            Some((stream, peer, place))
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
        .max_buf_size(settings.header_size);
    if settings.header_count != USUAL_HEADERS {
        builder.http1().max_headers(settings.header_count);
    }
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
    service: Arc<Service>,
    mut request: Request<Incoming>,
) -> Result<Response<Watched>, Infallible> {
    let Service { router, settings, peer } = &*service;
    let active = settings.metrics.as_ref().map(Metrics::active);
    let span = weir_telemetry::request_span(&request);
    let accessed = settings.access.as_ref().map(|log| Accessed::begin(log, &request, *peer));
    let mut under_way = UnderWay::new(active, span, accessed);
    if router.heeds_peers() {
        request.extensions_mut().insert(*peer);
    }
    // Boxed: the future of a whole request is too deep for the compiler to prove things of it
    // together with that of the connection.
    let handled = AssertUnwindSafe(router.handle(request)).catch_unwind().boxed();
    let handled = handled.instrument(under_way.span.clone()).await;
    let response = handled.unwrap_or_else(|cause| panicked(&*cause));
    traced(&under_way.span, &response);
    if let Some(accessed) = &mut under_way.accessed {
        accessed.answered(&response);
    }
    Ok(response.map(|body| Watched::new(body, under_way)))
}

/// What became of a request, for its trace.
fn traced<B>(span: &Span, response: &Response<B>) {
    if span.is_disabled() {
        return;
    }
    span.record("http.response.status_code", i64::from(response.status().as_u16()));
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    let Some(told) = response.extensions().get::<Told>() else { return };
    span.record("weir.mount", &*told.mount);
    span.record("weir.outcome", told.outcome);
    if let Some(subject) = &told.subject {
        span.record("weir.package", tracing::field::display(subject));
    }
    if let Some(code) = told.code {
        span.record("weir.code", code.as_str());
    }
}

fn panicked(cause: &(dyn Any + Send)) -> Response<Body> {
    let text = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(panic = text, "a request handler panicked");
    let mut response = Response::new(Body::full("internal: the gateway failed; see its log\n"));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let plain = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

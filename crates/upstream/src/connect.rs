//! Connections: resolver and guard, proxies, TLS, timeouts, pool.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Uri, uri::Scheme};
use http_body_util::Full;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower::Service;

use crate::guard::{BoxError, Guard, Resolver};
use crate::{ProxySettings, Settings, UpstreamError};

/// The HTTP client: a pool of connections by scheme, host and port.
pub(crate) type Http = Client<TimeoutConnector<HttpsConnector<Route>>, Full<Bytes>>;

/// The smallest response head that the HTTP/1 parser can be limited to.
const MIN_HEAD: u32 = 8192;
/// How far an HTTP/2 peer may send ahead of the reader of one body, in bytes.
const STREAM_WINDOW: u32 = 1 << 20;
/// A connection that does not answer a ping is given up, so that a body does not wait for the read
/// timeout on a path that has silently gone.
const PING_EVERY: Duration = Duration::from_secs(20);

/// Builds the client.
pub(crate) fn http(
    settings: &Settings,
    tls: ClientConfig,
    guard: &Arc<Guard>,
    proxies: Arc<Matcher>,
) -> Http {
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls.clone())
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(Route::new(tls, guard, proxies));
    let mut connector = TimeoutConnector::new(https);
    connector.set_connect_timeout(Some(settings.connect_timeout));
    // No read timeout here: it would end idle connections in the pool. Bodies have their own.
    connector.set_write_timeout(Some(settings.write_timeout));
    let slots = settings.max_connections_per_host.clamp(1, 512);
    let head = settings.max_header_bytes.max(MIN_HEAD);
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(settings.pool_idle_timeout)
        .pool_max_idle_per_host(slots)
        .http1_max_buf_size(head as usize)
        .http2_max_header_list_size(head)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        // Room for every body at once: those that nobody reads must not hold up the others.
        .http2_initial_connection_window_size(STREAM_WINDOW * slots as u32)
        .http2_keep_alive_interval(PING_EVERY)
        .http2_keep_alive_timeout(PING_EVERY)
        .build(connector)
}

/// Reads the proxy settings. What cannot be used is an error: traffic must not go around a proxy
/// because of a typing mistake.
pub(crate) fn proxies(settings: &ProxySettings) -> Result<Matcher, UpstreamError> {
    let http = proxy_address(settings.http.as_deref(), "http")?;
    let https = proxy_address(settings.https.as_deref(), "https")?;
    let no = settings.no_proxy.clone().unwrap_or_default();
    if no.split(',').any(|entry| entry.trim() == "*") {
        // The matcher takes the asterisk for names only, not for addresses.
        return Ok(Matcher::builder().build());
    }
    Ok(Matcher::builder().http(http).https(https).no(no).build())
}

fn proxy_address(text: Option<&str>, which: &str) -> Result<String, UpstreamError> {
    let text = text.unwrap_or_default().trim();
    let usable = text.parse::<Uri>().is_ok_and(|uri| {
        let scheme = uri.scheme().unwrap_or(&Scheme::HTTP);
        uri.host().is_some() && (*scheme == Scheme::HTTP || *scheme == Scheme::HTTPS)
    });
    if text.is_empty() || usable {
        return Ok(text.to_owned());
    }
    // The text is not repeated: it may hold a password.
    Err(UpstreamError::Setup(format!(
        "expected the proxy for {which} in the form http://[user:password@]host:port"
    )))
}

/// The header that a proxy wants on a relayed request; tunnels carry theirs in CONNECT.
pub(crate) fn relay_authorization(proxies: &Matcher, uri: &Uri) -> Option<HeaderValue> {
    if uri.scheme() != Some(&Scheme::HTTP) {
        return None;
    }
    proxies.intercept(uri)?.basic_auth().cloned()
}

/// Opens a connection to a host, or to the proxy in front of it.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    direct: HttpConnector<Resolver>,
    proxy: HttpsConnector<HttpConnector<Resolver>>,
    proxies: Arc<Matcher>,
}

impl Route {
    fn new(tls: ClientConfig, guard: &Arc<Guard>, proxies: Arc<Matcher>) -> Self {
        let proxy = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp(Resolver::open(guard.clone())));
        Self { direct: tcp(Resolver::guarded(guard.clone())), proxy, proxies }
    }
}

fn tcp(resolver: Resolver) -> HttpConnector<Resolver> {
    let mut connector = HttpConnector::new_with_resolver(resolver);
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector
}

impl Service<Uri> for Route {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // The connectors below are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let Some(proxy) = self.proxies.intercept(&to) else {
            let connecting = self.direct.call(to);
            return Box::pin(async move {
                Ok(Stream { io: MaybeHttpsStream::Http(connecting.await?), relayed: false })
            });
        };
        if to.scheme() == Some(&Scheme::HTTPS) {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), self.proxy.clone());
            if let Some(authorization) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(authorization.clone());
            }
            let connecting = tunnel.call(to);
            return Box::pin(async move { Ok(Stream { io: connecting.await?, relayed: false }) });
        }
        let connecting = self.proxy.call(proxy.uri().clone());
        Box::pin(async move { Ok(Stream { io: connecting.await?, relayed: true }) })
    }
}

/// A connection that knows whether requests on it must name the host in full.
#[derive(Debug)]
pub(crate) struct Stream {
    io: MaybeHttpsStream<TokioIo<TcpStream>>,
    relayed: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.relayed)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}

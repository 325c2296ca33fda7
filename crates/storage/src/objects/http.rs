//! The HTTP client of the object store.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector as Tcp};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

use crate::StorageSettings;

/// What a connection reads ahead of its reader, in bytes: by default it grows to six times as much, and a
/// client that reads a byte a second holds a connection.
const READ_AHEAD: usize = 64 << 10;

/// Makes the client. Its limits are the settings', not those of the object store's options.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connector {
    /// Certificates are not needed.
    plain: bool,
    connect_timeout: Duration,
    answer_timeout: Duration,
    idle_timeout: Duration,
}

impl Connector {
    pub(super) fn new(settings: &StorageSettings, plain: bool) -> Self {
        Self {
            plain,
            connect_timeout: settings.connect_timeout,
            answer_timeout: settings.answer_timeout,
            idle_timeout: settings.idle_timeout,
        }
    }

    fn tls(self) -> Result<ClientConfig, Box<dyn std::error::Error + Send + Sync>> {
        let builder = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()?;
        let rooted = if self.plain {
            builder.with_root_certificates(RootCertStore::empty())
        } else {
            builder.with_native_roots()?
        };
        Ok(rooted.with_no_client_auth())
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let mut tcp = Tcp::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(self.connect_timeout));
        let tls = self.tls().map_err(super::generic)?;
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let inner = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_mins(1))
            .http1_max_buf_size(READ_AHEAD)
            .build(https);
        Ok(HttpClient::new(Service { inner, limits: *self }))
    }
}

#[derive(Debug)]
struct Service {
    inner: Client<HttpsConnector<Tcp>, HttpRequestBody>,
    limits: Connector,
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = tokio::time::timeout(self.limits.answer_timeout, self.inner.request(request));
        let response = answer
            .await
            .map_err(|elapsed| HttpError::new(HttpErrorKind::Timeout, elapsed))?
            .map_err(|error| {
                let connect = error.is_connect();
                let kind = if connect { HttpErrorKind::Connect } else { HttpErrorKind::Request };
                HttpError::new(kind, error)
            })?;
        let idle = self.limits.idle_timeout;
        Ok(response.map(|body| HttpResponseBody::new(StreamBody::new(paused_at_most(body, idle)))))
    }
}

/// The frames of a body, with an error when the next one takes too long.
fn paused_at_most(
    body: Incoming,
    idle: Duration,
) -> impl stream::Stream<Item = Result<Frame<Bytes>, HttpError>> {
    stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        match tokio::time::timeout(idle, body.frame()).await {
            Ok(Some(Ok(frame))) => Some((Ok(frame), Some(body))),
            Ok(Some(Err(error))) => {
                Some((Err(HttpError::new(HttpErrorKind::Interrupted, error)), None))
            }
            Ok(None) => None,
            Err(elapsed) => Some((Err(HttpError::new(HttpErrorKind::Timeout, elapsed)), None)),
        }
    })
    // A body may be polled after its end, an unfolded stream must not.
    .fuse()
}

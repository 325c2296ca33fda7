//! An S3 server in this process, whose days are good or bad.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use weir_testkit::process::Start;

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "not-a-real-secret";
/// The bucket's name, and its folder's.
const BUCKET: &str = "bucket";

type Error = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, Error>;

/// How the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Well.
    Fair,
    /// It answers 503 to everything.
    Unwell,
    /// It thinks for so long before each answer.
    Slow(Duration),
    /// What it sends of an object breaks off half-way.
    Cut,
    /// It closes every connection.
    Away,
}

/// The server, with one bucket. It ends with this value.
#[derive(Debug)]
pub struct Bucket {
    address: String,
    folder: PathBuf,
    weather: Arc<Mutex<Weather>>,
    server: JoinHandle<()>,
}

impl Bucket {
    /// Starts it with its objects below a folder.
    pub async fn start(folder: &Path) -> Result<Self> {
        let objects = folder.join(BUCKET);
        std::fs::create_dir_all(&objects)?;
        let files = s3s_fs::FileSystem::new(folder);
        let files = files.map_err(|error| anyhow::anyhow!("{}: {error:?}", folder.display()))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ID, SECRET));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let weather = Arc::new(Mutex::new(Weather::Fair));
        let server = tokio::spawn(serve(listener, builder.build(), Arc::clone(&weather)));
        Ok(Self { address, folder: objects, weather, server })
    }

    /// From now on it is like this.
    pub fn turn(&self, weather: Weather) {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
    }

    /// Where the objects lie as files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Tells a gateway to store its objects here.
    pub fn keep_for(&self, start: &mut Start) {
        let query = "region=eu-west-1&disableSSL=true&s3ForcePathStyle=true";
        let url = format!("s3://{BUCKET}?endpoint={}&{query}", self.address);
        start.env.push(("WEIR_STORAGE__URL".into(), url));
        start.env.push(("AWS_ACCESS_KEY_ID".into(), ID.into()));
        start.env.push(("AWS_SECRET_ACCESS_KEY".into(), SECRET.into()));
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, service: S3Service, weather: Arc<Mutex<Weather>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (service, weather) = (service.clone(), Arc::clone(&weather));
        let now = move || *weather.lock().unwrap_or_else(PoisonError::into_inner);
        if now() == Weather::Away {
            continue;
        }
        let answer = service_fn(move |request| {
            let (service, now) = (service.clone(), now());
            async move {
                // An error closes the connection.
                let answered = answer(&service, now, request).await;
                answered.ok_or("the server is away")
            }
        });
        tokio::spawn(async move {
            let connection = auto::Builder::new(TokioExecutor::new());
            // A client that goes away is no fault of the server.
            let _ = connection.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn answer(
    service: &S3Service,
    weather: Weather,
    request: Request<Incoming>,
) -> Option<Response<Body>> {
    match weather {
        Weather::Away => return None,
        Weather::Slow(pause) => tokio::time::sleep(pause).await,
        Weather::Unwell => {
            let mut unwell = Response::new(whole(Bytes::from_static(b"Please slow down.")));
            *unwell.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return Some(unwell);
        }
        Weather::Fair | Weather::Cut => {}
    }
    let reads = request.method() == Method::GET;
    let response = service.call(request.map(s3s::Body::from)).await.ok()?;
    let (parts, body) = response.into_parts();
    if weather == Weather::Cut && reads && parts.status.is_success() {
        let bytes = body.collect().await.ok()?.to_bytes();
        let half = Frame::data(bytes.slice(..bytes.len() / 2));
        let broken = [Ok(half), Err(Error::from("cut"))];
        let body = StreamBody::new(futures_util::stream::iter(broken)).boxed_unsync();
        return Some(Response::from_parts(parts, body));
    }
    Some(Response::from_parts(parts, body.boxed_unsync()))
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never: Infallible| match never {}).boxed_unsync()
}

//! The S3 end, against a server in this process.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Credentials, Key, Spools, Storage, StorageError, StorageSettings};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;

use super::conformance::{self, open, pattern, put};

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "not-a-real-secret";

/// A server with one bucket; it counts the requests that it gets.
struct Server {
    address: String,
    requests: Arc<AtomicUsize>,
    folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("bucket")).unwrap();
        let service = service(folder.path());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(AtomicUsize::new(0));
        tokio::spawn(serve(listener, service, Arc::clone(&requests)));
        Self { address, requests, folder }
    }

    fn url(&self, bucket: &str) -> String {
        format!(
            "s3://{bucket}?region=eu-west-1&endpoint={}&disableSSL=true&s3ForcePathStyle=true",
            self.address
        )
    }

    fn open(&self, bucket: &str) -> Arc<dyn Storage> {
        crate::open(&self.url(bucket), &settings(SECRET)).unwrap()
    }
}

fn settings(secret: &str) -> StorageSettings {
    let credentials = Credentials {
        access_key_id: ID.to_owned(),
        secret_access_key: secret.to_owned(),
        session_token: None,
    };
    StorageSettings {
        credentials: Some(credentials),
        part_size: 5 * 1024 * 1024,
        retries: 0,
        ..StorageSettings::default()
    }
}

fn service(folder: &Path) -> S3Service {
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder).unwrap());
    builder.set_auth(SimpleAuth::from_single(ID, SECRET));
    builder.build()
}

async fn serve(listener: TcpListener, service: S3Service, requests: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (service, requests) = (service.clone(), Arc::clone(&requests));
        let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            requests.fetch_add(1, Ordering::SeqCst);
            let service = service.clone();
            async move { Ok::<_, Infallible>(service.call(request.map(s3s::Body::from)).await.unwrap()) }
        });
        tokio::spawn(async move {
            let connection = auto::Builder::new(TokioExecutor::new());
            // A client that goes away is no fault of the server.
            let _ = connection.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

#[tokio::test]
async fn a_bucket_keeps_every_promise() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let spools = Spools::open(data.path(), &StorageSettings::default()).unwrap();
    // This server answers 500 when an object goes away while it looks at it.
    let patient = StorageSettings { retries: 8, ..settings(SECRET) };
    let storage = crate::open(&server.url("bucket"), &patient).unwrap();
    conformance::all(storage, &spools).await;
}

#[tokio::test]
async fn a_prefix_keeps_two_users_of_a_bucket_apart() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let spools = Spools::open(data.path(), &StorageSettings::default()).unwrap();
    let key = Key::from_parts(["npm", "a"]);
    put(&*server.open("bucket/one"), &spools, &key, b"1").await;
    assert!(server.open("bucket/two").open(&key).await.unwrap().is_none());
    assert_eq!(conformance::keys(&*server.open("bucket/one"), "").await, ["npm/a"]);
    assert!(server.folder.path().join("bucket/one/npm/a").is_file());
}

#[tokio::test]
async fn opening_and_reading_a_whole_object_is_one_request() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let spools = Spools::open(data.path(), &StorageSettings::default()).unwrap();
    let (storage, key) = (server.open("bucket"), Key::from_parts(["npm", "a"]));
    put(&*storage, &spools, &key, &pattern(400_000)).await;
    let before = server.requests.load(Ordering::SeqCst);
    let opened = open(&*storage, &key).await;
    assert!(opened.all(u64::MAX).await.unwrap() == pattern(400_000));
    assert_eq!(server.requests.load(Ordering::SeqCst) - before, 1);
}

#[tokio::test]
async fn faults_of_the_configuration_are_named() {
    let server = Server::start().await;
    let key = Key::from_parts(["npm", "a"]);
    let wrong = crate::open(&server.url("bucket"), &settings("wrong")).unwrap();
    let denied = wrong.open(&key).await.unwrap_err();
    assert!(matches!(denied, StorageError::Denied { .. }), "{denied:?}");
    let silent = "s3://b?endpoint=127.0.0.1:1&disableSSL=true&s3ForcePathStyle=true";
    let silent = crate::open(silent, &settings(SECRET)).unwrap();
    let error = silent.open(&key).await.unwrap_err();
    assert!(matches!(error, StorageError::Remote { .. }) && error.is_transient(), "{error:?}");
}

/// Answers everything as S3 does when there is no such bucket.
async fn bucketless() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = service_fn(async |_: hyper::Request<hyper::body::Incoming>| {
                let body = "<Error><Code>NoSuchBucket</Code></Error>".to_owned();
                let response = hyper::Response::builder().status(404).body(body).unwrap();
                Ok::<_, Infallible>(response)
            });
            tokio::spawn(async move {
                let connection = auto::Builder::new(TokioExecutor::new());
                let _ = connection.serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn an_absent_bucket_is_a_fault_not_an_absent_object() {
    let address = bucketless().await;
    let url = format!("s3://gone?endpoint={address}&disableSSL=true&s3ForcePathStyle=true");
    let storage = crate::open(&url, &settings(SECRET)).unwrap();
    let error = storage.open(&Key::from_parts(["npm", "a"])).await.unwrap_err();
    assert!(matches!(error, StorageError::Remote { .. }), "{error:?}");
    assert!(error.to_string().contains("s3://gone/npm/a"), "{error}");
    assert!(storage.check().await.is_err());
}

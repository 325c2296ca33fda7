//! A gateway's own end points in process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use weir_api::{ApiState, Rights};
use weir_cache::{ArtifactSettings, Artifacts, Documents, Upkeep};
use weir_catalog::{ArtifactRow, Catalog, DatabaseSettings, Kind};
use weir_core::{Algorithm, Clock, Digest, Ecosystem as _, Role, Timestamp};
use weir_pipeline::{
    Event, Freshness, Front, Mount, MountSpec, Observer, Pipeline, PipelineParts, PipelineSettings,
    PublicAddress,
};
use weir_policy::{Effect, Policy, PolicySettings, RuleSettings};
use weir_signing::SigningKey;
use weir_storage::{Files, Spools, StorageSettings};
use weir_telemetry::Metrics;
use weir_testkit::origin::{Answer, NpmStyle, Origin, Package, PackageRelease, npm_registry};
use weir_upstream::{Client, Settings};

/// The instant of every test.
pub(crate) const BEGIN: &str = "2026-06-01T00:00:00Z";

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::parse_rfc3339(BEGIN).unwrap()
    }
}

#[derive(Debug)]
struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Event<'_>) {}
    fn upstream(&self, _: &'static str, _: f64, _: Option<&'static str>) {}
}

/// A gateway under test.
pub(crate) struct Gateway {
    pub(crate) catalog: Catalog,
    pub(crate) metrics: Metrics,
    router: axum::Router,
    origin: Origin,
    dir: tempfile::TempDir,
}

/// One npm mount; a cooldown of a week, and a rule against a scope.
pub(crate) async fn gateway() -> Gateway {
    gateway_with(None).await
}

/// The same with a key.
pub(crate) async fn gateway_with(signing_key: Option<Arc<SigningKey>>) -> Gateway {
    let origin = Origin::start().await;
    npm_registry(&origin, &packages(), &NpmStyle::default());
    let dir = tempfile::tempdir().unwrap();
    let settings = StorageSettings::default();
    let storage = Arc::new(Files::open(&dir.path().join("objects"), &settings).unwrap());
    let spools = Spools::open(dir.path(), &settings).unwrap();
    let database = dir.path().join("weir.db");
    let catalog = Catalog::open(&DatabaseSettings::sqlite(&database)).await.unwrap();
    let (clock, store) = (Arc::new(Stopped), storage.clone());
    let artifacts = Artifacts::new(
        storage.clone(),
        catalog.clone(),
        spools.clone(),
        clock.clone(),
        ArtifactSettings::default(),
    );
    let documents = Documents::new(storage, catalog.clone(), spools, clock.clone(), 1 << 20);
    let upkeep = Upkeep::new(artifacts.clone(), documents.clone());
    let pipeline = Pipeline::new(PipelineParts {
        artifacts,
        documents,
        catalog: catalog.clone(),
        policy: policy(),
        clock,
        observer: Arc::new(Silent),
        public: PublicAddress { listen: "127.0.0.1:8080".into(), ..PublicAddress::default() },
        settings: PipelineSettings::default(),
        signer: None,
    });
    let mount = Arc::new(mount(&origin));
    let metrics = Metrics::new().unwrap();
    let router = weir_api::router(ApiState {
        pipeline,
        mounts: vec![mount.clone()],
        fronts: vec![Arc::new(Front::single("npm", mount))],
        catalog: catalog.clone(),
        storage: store,
        upkeep,
        metrics: metrics.clone(),
        signing_key,
        database_path: database.display().to_string(),
    });
    Gateway { catalog, metrics, router, origin, dir }
}

fn packages() -> Vec<Package> {
    let old = "2020-01-01T00:00:00Z";
    let deprecated = |release: PackageRelease| PackageRelease {
        deprecated: Some("use <b>bold</b> instead".to_owned()),
        ..release
    };
    vec![
        Package::new("lodash")
            .release("4.17.20", "2020-08-13T00:00:00Z")
            .release("4.17.21", "2021-02-20T00:00:00Z")
            .release("4.18.0", "2026-05-30T00:00:00Z"),
        Package::new("@scope/tool").release("1.0.0", old),
        Package::new("marked").release_with("1.0.0", old, deprecated),
    ]
}

fn policy() -> Policy {
    let mut settings = PolicySettings::default();
    settings.cooldown.default = Duration::from_hours(7 * 24);
    let rule = RuleSettings::new("no-scope", Effect::Deny).purl("pkg:npm/@scope/*");
    settings.rules.push(rule.because("tools come from \"elsewhere\" & not from here"));
    Policy::new(settings, &[weir_npm::Npm.describe().into()]).unwrap()
}

fn mount(origin: &Origin) -> Mount {
    let upstream = Settings { retries: 0, breaker_failures: 0, ..Settings::default() };
    let mount = Mount::new(MountSpec {
        name: "npm".to_owned(),
        folder: "npm".to_owned(),
        ecosystem: Arc::new(weir_npm::Npm),
        freshness: Freshness::default(),
        upstream: Client::new(upstream).unwrap(),
        resign: Some(Arc::default()),
    });
    let address = weir_upstream::Origin::parse(&origin.url()).unwrap().named("npm").trust();
    mount.set_origins([("primary", address)].into());
    mount
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
    headers: axum::http::HeaderMap,
}

impl Answered {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        serde_json::from_str(&self.text).unwrap()
    }
}

impl Gateway {
    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.accepting(path, "*/*").await
    }

    pub(crate) async fn accepting(&self, path: &str, accept: &str) -> Answered {
        self.ask("GET", path, accept).await
    }

    /// From a caller who may see everything.
    pub(crate) async fn ask(&self, method: &str, path: &str, accept: &str) -> Answered {
        self.ask_with(Some(Rights { storage: true }), method, path, accept).await
    }

    /// From a caller with these rights.
    pub(crate) async fn ask_with(
        &self,
        rights: Option<Rights>,
        method: &str,
        path: &str,
        accept: &str,
    ) -> Answered {
        let request = axum::http::Request::builder().method(method).uri(path);
        let request = match rights {
            Some(rights) => request.extension(rights),
            None => request,
        };
        let request = request.header("host", "weir.example:8080").header("accept", accept);
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await;
        let (parts, body) = response.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answered { status: parts.status.as_u16(), text, bytes, headers: parts.headers }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.dir.path().join("weir.db")
    }

    pub(crate) fn objects(&self) -> PathBuf {
        self.dir.path().join("objects")
    }

    /// The registry fails when it is asked for this package.
    pub(crate) fn break_upstream(&self, package: &str) {
        self.origin.put(package, Answer::status(500, "out of order"));
    }

    /// A catalogue's row of one large file.
    pub(crate) async fn store_an_artifact(&self) {
        let at = Timestamp::parse_rfc3339(BEGIN).unwrap();
        let row = ArtifactRow {
            mount: "npm".to_owned(),
            path: "lodash/-/lodash-4.17.21.tgz".to_owned(),
            ecosystem: "npm".to_owned(),
            name: "lodash".to_owned(),
            version: "4.17.21".to_owned(),
            file: "lodash-4.17.21.tgz".to_owned(),
            storage_key: "npm/lodash/4.17.21/lodash-4.17.21.tgz".to_owned(),
            size: 523_456_789,
            sha256: Digest::of(Algorithm::Sha256, b"lodash"),
            promised: None,
            digests: Vec::new(),
            media: None,
            available: None,
            authored: None,
            first_seen: None,
            role: Role::Package,
            kind: Kind::Cached,
            source_host: None,
            created_at: at,
            last_used_at: at,
            hits: 0,
        };
        self.catalog.put_artifact(&row).await.unwrap();
    }
}

/// The text that a browser shows: without tags, entities decoded, white space folded.
pub(crate) fn plain(page: &str) -> String {
    let mut text = String::new();
    for part in page.split('<') {
        // The text before the first tag is empty here.
        if let Some((_, shown)) = part.split_once('>') {
            text.push_str(shown);
            text.push(' ');
        }
    }
    for (entity, character) in
        [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]
    {
        text = text.replace(entity, character);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

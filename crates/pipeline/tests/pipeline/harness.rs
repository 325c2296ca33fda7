//! A whole gateway in process: fixture origins, a temporary data folder, a clock that tests move.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use weir_cache::{ArtifactSettings, Artifacts, Documents, Upkeep};
use weir_catalog::{Catalog, DatabaseSettings};
use weir_core::{Clock, Ecosystem, Selection, Timestamp};
use weir_pipeline::{
    Freshness, Front, Identity, Member, Mount, MountSpec, Patterns, Pipeline, PipelineParts,
    PipelineSettings, PublicAddress, ResponseBody, Signer, Verifier,
};
use weir_policy::{EcosystemInfo, Policy, PolicySettings};
use weir_storage::{Spools, StorageSettings};
use weir_testkit::origin::{Origin, Package, toy_verify};
use weir_testkit::probes::{Chain, Content, Linked, Listed};
use weir_upstream::{Client, Settings};

use crate::recorder::Recorder;
use crate::slow_disk::Disk;

/// The instant at which every test begins.
pub(crate) const BEGIN: &str = "2026-06-01T00:00:00Z";
pub(crate) const DAY: Duration = Duration::from_hours(24);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);

pub(crate) const NPM_ABBREVIATED: &str = "application/vnd.npm.install-v1+json";
pub(crate) const PYPI_JSON: &str = "application/vnd.pypi.simple.v1+json";

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub(crate) struct Watch(AtomicI64);

impl Watch {
    fn new() -> Self {
        Self(AtomicI64::new(at(BEGIN).as_millis()))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
    }

    pub(crate) fn set(&self, to: Timestamp) {
        self.0.store(to.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

/// Believes what the fixtures sign.
#[derive(Debug)]
pub(crate) struct ToyKeys(pub(crate) &'static str);

impl Verifier for ToyKeys {
    fn verify(&self, document: &[u8], beside: Option<&[u8]>, _: Timestamp) -> Result<(), String> {
        let wrong = || "its signature is wrong".to_owned();
        toy_verify(document, beside).then_some(()).ok_or_else(wrong)
    }

    fn id(&self) -> String {
        self.0.to_owned()
    }
}

/// One member of a group: mount, included and excluded name patterns.
type MemberSetup = (String, Vec<String>, Vec<String>);

#[derive(Clone)]
struct MountSetup {
    name: String,
    ecosystem: Arc<dyn Ecosystem>,
    resign: Option<Arc<Selection>>,
    /// `None` while the addresses are being looked up.
    origins: Option<Vec<(&'static str, String)>>,
    path: String,
    identity: Identity,
}

/// How a gateway is made. Opening it twice is a restart on the same data folder.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) dir: Arc<tempfile::TempDir>,
    pub(crate) clock: Arc<Watch>,
    pub(crate) policy: PolicySettings,
    pub(crate) freshness: Freshness,
    pub(crate) settings: PipelineSettings,
    pub(crate) upstream: Settings,
    pub(crate) artifacts: ArtifactSettings,
    pub(crate) disk: Disk,
    signer: Option<Arc<dyn Signer>>,
    verifier: Option<Arc<dyn Verifier>>,
    mounts: Vec<MountSetup>,
    groups: Vec<(String, Vec<MemberSetup>)>,
}

pub(crate) fn setup() -> Setup {
    let upstream = Settings {
        retries: 0,
        breaker_failures: 0,
        connect_timeout: Duration::from_secs(2),
        header_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_secs(5),
        ..Settings::default()
    };
    Setup {
        dir: Arc::new(tempfile::tempdir().unwrap()),
        clock: Arc::new(Watch::new()),
        policy: PolicySettings::default(),
        freshness: Freshness::default(),
        settings: PipelineSettings::default(),
        upstream,
        artifacts: ArtifactSettings::default(),
        disk: Disk::new(),
        signer: None,
        verifier: Some(Arc::new(ToyKeys("archive"))),
        mounts: Vec::new(),
        groups: Vec::new(),
    }
}

impl Setup {
    fn mount(
        mut self,
        name: &str,
        ecosystem: impl Ecosystem,
        origins: Option<Vec<(&'static str, String)>>,
    ) -> Self {
        let ecosystem = Arc::new(ecosystem);
        let (name, path) = (name.to_owned(), name.to_owned());
        let identity = Identity::default();
        // Probes that are signed are edited, unless a test says otherwise.
        let resign = Some(Arc::default());
        self.mounts.push(MountSetup { name, ecosystem, resign, origins, path, identity });
        self
    }

    /// Image registries: the default one at `/v2`, others below it.
    pub(crate) fn images(self, name: &str, origin: &Origin) -> Self {
        self.images_of(name, origin, Identity::default())
    }

    pub(crate) fn images_of(self, name: &str, origin: &Origin, identity: Identity) -> Self {
        let origins = Some(vec![("primary", origin.url())]);
        let mut setup = self.mount(name, weir_container::Container, origins);
        if let Some(mount) = setup.mounts.last_mut() {
            mount.path = if name == "container" { "v2".into() } else { format!("v2/{name}") };
            mount.identity = identity;
        }
        setup
    }

    pub(crate) fn npm(self, origin: &Origin) -> Self {
        self.npm_as("npm", &origin.url())
    }

    pub(crate) fn npm_as(self, name: &str, address: &str) -> Self {
        self.mount(name, weir_npm::Npm, Some(vec![("primary", address.to_owned())]))
    }

    /// One of the testkit's probes. Its file hosts may be on loopback too.
    pub(crate) fn probe(self, name: &str, probe: impl Ecosystem, origin: &Origin) -> Self {
        self.mount(name, probe, Some(vec![("primary", origin.url())]))
    }

    /// npm, with addresses that are still being looked up.
    pub(crate) fn npm_pending(self) -> Self {
        self.mount("npm", weir_npm::Npm, None)
    }

    /// npm, without an address.
    pub(crate) fn npm_nowhere(self) -> Self {
        self.mount("npm", weir_npm::Npm, Some(Vec::new()))
    }

    pub(crate) fn pypi(self, index: &Origin) -> Self {
        let origins = vec![
            ("primary", format!("{}/simple", index.url())),
            ("api", format!("{}/pypi", index.url())),
        ];
        self.mount("pypi", weir_pypi::Pypi, Some(origins))
    }

    pub(crate) fn cargo(self, origin: &Origin) -> Self {
        self.cargo_at(&origin.url())
    }

    pub(crate) fn cargo_at(self, address: &str) -> Self {
        self.mount("cargo", weir_cargo::Cargo, Some(vec![("primary", address.to_owned())]))
    }

    /// A Debian archive, passed on as it is signed or edited.
    pub(crate) fn debian(self, origin: &Origin, resign: Option<Selection>) -> Self {
        let origins = Some(vec![("primary", origin.url())]);
        let mut setup = self.mount("debian", weir_debian::Debian, origins);
        if let Some(mount) = setup.mounts.last_mut() {
            mount.resign = resign.map(Arc::new);
        }
        setup
    }

    pub(crate) fn signed_by(mut self, signer: Arc<dyn Signer>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// Whose signatures over roots are believed.
    pub(crate) fn verified_by(mut self, verifier: Option<Arc<dyn Verifier>>) -> Self {
        self.verifier = verifier;
        self
    }

    /// A Go module proxy, and the checksum database that the mount knows.
    pub(crate) fn go(self, name: &str, proxy: &str, database: Option<&str>) -> Self {
        let database = database.map(|address| ("sumdb", address.to_owned()));
        let origins = [("primary", proxy.to_owned())].into_iter().chain(database);
        self.mount(name, weir_go::Go, Some(origins.collect()))
    }

    /// A group of mounts, each with the names that it alone is asked for.
    pub(crate) fn group(mut self, path: &str, members: &[(&str, &[&str])]) -> Self {
        let member = |(name, include): &(&str, &[&str])| {
            let include = include.iter().map(ToString::to_string).collect();
            ((*name).to_owned(), include, Vec::new())
        };
        self.groups.push((path.to_owned(), members.iter().map(member).collect()));
        self
    }

    pub(crate) fn policy(mut self, policy: PolicySettings) -> Self {
        self.policy = policy;
        self
    }

    /// A cooldown of so many days for everything.
    pub(crate) fn cooldown(mut self, days: u32) -> Self {
        self.policy.cooldown.default = DAY * days;
        self
    }

    pub(crate) fn offline(mut self) -> Self {
        self.settings.offline = true;
        self.upstream.offline = true;
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn objects(&self) -> PathBuf {
        self.dir.path().join("objects")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.dir.path().join("weir.db")
    }

    pub(crate) async fn open(&self) -> Gateway {
        let storage_settings = StorageSettings::default();
        let storage: Arc<dyn weir_storage::Storage> =
            Arc::new(weir_storage::Files::open(&self.objects(), &storage_settings).unwrap());
        let storage = self.disk.under(storage);
        let spools = Spools::open(self.dir.path(), &storage_settings).unwrap();
        let catalog = Catalog::open(&DatabaseSettings::sqlite(self.database())).await.unwrap();
        let clock: Arc<dyn Clock> = self.clock.clone();
        let artifacts = Artifacts::new(
            Arc::clone(&storage),
            catalog.clone(),
            spools.clone(),
            Arc::clone(&clock),
            self.artifacts,
        );
        let documents =
            Documents::new(storage, catalog.clone(), spools, Arc::clone(&clock), 32 << 20);
        let observer = Arc::new(Recorder::default());
        let pipeline = Pipeline::new(PipelineParts {
            artifacts: artifacts.clone(),
            documents: documents.clone(),
            catalog: catalog.clone(),
            policy: policy(&self.policy),
            clock,
            observer: observer.clone(),
            public: PublicAddress { listen: "127.0.0.1:8080".into(), ..PublicAddress::default() },
            settings: self.settings.clone(),
            signer: self.signer.clone(),
        });
        let upkeep = Upkeep::new(artifacts.clone(), documents);
        let client = Client::new(self.upstream.clone()).unwrap();
        let mounts: HashMap<String, Arc<Mount>> = self
            .mounts
            .iter()
            .map(|mount| (mount.name.clone(), Arc::new(self.made(mount, &client))))
            .collect();
        let fronts = self.fronts(&mounts);
        let setup = self.clone();
        Gateway { setup, pipeline, mounts, fronts, catalog, artifacts, upkeep, observer }
    }

    fn made(&self, setup: &MountSetup, client: &Client) -> Mount {
        let descriptor = setup.ecosystem.describe();
        let default = setup.name == descriptor.id;
        let mount = Mount::new(MountSpec {
            name: setup.name.clone(),
            folder: if default { descriptor.folder.to_owned() } else { setup.name.clone() },
            ecosystem: Arc::clone(&setup.ecosystem),
            freshness: self.freshness,
            upstream: client.clone(),
            resign: setup.resign.clone(),
        });
        mount.set_identity(setup.identity.clone());
        if let Some(verifier) = &self.verifier {
            mount.set_verifier(Arc::clone(verifier));
        }
        if let Some(origins) = &setup.origins {
            mount.set_origins(
                origins.iter().map(|(id, address)| (*id, origin(&setup.name, address))).collect(),
            );
        }
        mount
    }

    fn fronts(&self, mounts: &HashMap<String, Arc<Mount>>) -> HashMap<String, Arc<Front>> {
        let singles = self.mounts.iter().map(|mount| {
            let front = Front::single(mount.path.clone(), Arc::clone(&mounts[&mount.name]));
            (mount.path.clone(), Arc::new(front))
        });
        let groups = self.groups.iter().map(|(path, members)| {
            let members = members.iter().map(|(name, include, exclude)| Member {
                mount: Arc::clone(&mounts[name]),
                patterns: Patterns::new(include, exclude).unwrap(),
            });
            (path.clone(), Arc::new(Front { path: path.clone(), members: members.collect() }))
        });
        singles.chain(groups).collect()
    }
}

/// An upstream that the operator wrote.
pub(crate) fn origin(label: &str, address: &str) -> weir_upstream::Origin {
    let mut origin = weir_upstream::Origin::parse(address).unwrap().named(label).trust();
    origin.redirect_hosts = Some(vec!["127.0.0.1".into()]);
    origin
}

pub(crate) fn policy(settings: &PolicySettings) -> Policy {
    let known: Vec<EcosystemInfo<'_>> = vec![
        weir_npm::Npm.describe().into(),
        weir_pypi::Pypi.describe().into(),
        weir_cargo::Cargo.describe().into(),
        weir_container::Container.describe().into(),
        weir_debian::Debian.describe().into(),
        weir_go::Go.describe().into(),
        weir_maven::Maven.describe().into(),
        Chain.describe().into(),
        Content.describe().into(),
        Linked.describe().into(),
        Listed.describe().into(),
    ];
    Policy::new(settings.clone(), &known).unwrap()
}

/// A gateway under test.
pub(crate) struct Gateway {
    pub(crate) setup: Setup,
    pub(crate) pipeline: Pipeline,
    pub(crate) mounts: HashMap<String, Arc<Mount>>,
    pub(crate) fronts: HashMap<String, Arc<Front>>,
    pub(crate) catalog: Catalog,
    pub(crate) artifacts: Artifacts,
    pub(crate) upkeep: Upkeep,
    pub(crate) observer: Arc<Recorder>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) reason: Option<String>,
    pub(crate) body: Bytes,
    /// Why the transfer broke, when it did.
    pub(crate) broken: Option<String>,
}

impl Gateway {
    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.ask("GET", path, &[]).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answered {
        read(self.send(method, path, headers).await).await
    }

    pub(crate) async fn json(&self, path: &str, accept: &str) -> serde_json::Value {
        let answered = self.ask("GET", path, &[("accept", accept)]).await;
        assert_eq!(answered.status, 200, "{path}: {answered:?}");
        serde_json::from_slice(&answered.body).unwrap()
    }

    /// The response as it begins: its body has not been read.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Response<ResponseBody> {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("host", "weir.example:8080");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.handle(request.body(Full::default()).unwrap()).await
    }

    pub(crate) async fn handle(&self, request: Request<Full<Bytes>>) -> Response<ResponseBody> {
        let path = request.uri().path().trim_start_matches('/');
        let below = self.fronts.values().filter(|front| front.below(path).is_some());
        let front = below.max_by_key(|front| front.path.len()).unwrap();
        let all: Vec<Arc<Front>> = self.fronts.values().cloned().collect();
        self.pipeline.handle_among(&all, front, request).await
    }

    pub(crate) fn set_policy(&self, settings: &PolicySettings) {
        self.pipeline.set_policy(policy(settings));
    }

    pub(crate) fn clock(&self) -> &Watch {
        &self.setup.clock
    }

    /// The stored artifacts, as paths below the store.
    pub(crate) fn stored(&self) -> Vec<String> {
        let root = self.setup.objects();
        let mut found = Vec::new();
        walk(&root, &mut found);
        let mut names: Vec<String> = found
            .iter()
            .map(|path| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned())
            .filter(|name| !name.starts_with('~') && !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

/// Reads a response to its end, whichever end that is.
pub(crate) async fn read(response: Response<ResponseBody>) -> Answered {
    let (parts, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    let mut broken = None;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap()),
            Err(error) => {
                broken = Some(error.to_string());
                break;
            }
        }
    }
    let reason = parts.extensions.get::<hyper::ext::ReasonPhrase>();
    Answered {
        status: parts.status.as_u16(),
        headers: parts.headers,
        reason: reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned()),
        body: bytes.into(),
        broken,
    }
}

impl Answered {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body as text, archives included.
    pub(crate) fn text_lossy(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status, and nothing broke.
    pub(crate) fn is(&self, status: u16) -> bool {
        self.status == status && self.broken.is_none()
    }

    /// Whether it is a clear error: this status, a code, and no success.
    pub(crate) fn fails(&self, status: u16, code: &str) -> bool {
        self.status == status && self.header("x-weir-reason") == Some(code)
    }
}

/// The versions of a packument.
pub(crate) fn versions(packument: &serde_json::Value) -> Vec<String> {
    packument["versions"].as_object().into_iter().flatten().map(|(v, _)| v.clone()).collect()
}

/// `lodash` with two old releases and one of two days ago.
pub(crate) fn lodash() -> Package {
    Package::new("lodash")
        .release("4.17.20", "2020-08-13T00:00:00Z")
        .release("4.17.21", "2021-02-20T00:00:00Z")
        .release("4.18.0", "2026-05-30T00:00:00Z")
}

pub(crate) const LODASH: &str = "/npm/lodash/-/lodash-4.17.21.tgz";
pub(crate) const LODASH_UPSTREAM: &str = "lodash/-/lodash-4.17.21.tgz";

/// Waits for something that happens in the background.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen: {what}");
}

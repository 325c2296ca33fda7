//! Registries as they are found: refusing, failing, elsewhere, with credentials, mislabelled.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use serde_json::json;
use weir_core::{Code, Denial};
use weir_testkit::origin::{
    Answer, CargoStyle, NpmStyle, Origin, Package, PypiForm, PypiStyle, cargo_index, npm_registry,
    pypi_index,
};

use crate::harness::{
    LODASH, LODASH_UPSTREAM, NPM_ABBREVIATED, PYPI_JSON, lodash, origin as address, read, setup,
};

fn numpy() -> Package {
    Package::new("numpy").release("2.1.0", "2024-01-01T00:00:00Z")
}

fn serde() -> Package {
    Package::new("serde").release("1.0.193", "2024-01-01T00:00:00Z")
}

#[tokio::test]
async fn an_upstream_that_refuses_is_said_to_have_refused() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    for status in [401, 403, 451] {
        origin.put(LODASH_UPSTREAM, Answer::status(status, "<secret page>"));
        let refused = gateway.get(LODASH).await;
        assert!(refused.fails(403, "upstream_refused"), "{status}: {refused:?}");
        assert!(refused.text().contains("this is not a decision of this gateway"), "{refused:?}");
        assert!(!refused.text().contains("secret"));
    }
    assert_eq!(gateway.observer.last().outcome, "failed");
}

#[tokio::test]
async fn an_upstream_in_trouble_is_a_502_with_the_time_to_come_back() {
    let origin = Origin::start().await;
    origin.put("lodash", Answer::status(503, "").header("retry-after", "17"));
    let gateway = setup().npm(&origin).open().await;
    let failed = gateway.get("/npm/lodash").await;
    assert!(failed.fails(502, "upstream_unavailable"), "{failed:?}");
    assert_eq!(failed.header("retry-after"), Some("17"));
    origin.put("lodash", Answer::status(500, ""));
    let failed = gateway.get("/npm/lodash").await;
    assert!(failed.fails(502, "upstream_unavailable"), "{failed:?}");
    assert!(failed.header("retry-after").is_some(), "{failed:?}");
}

#[tokio::test]
async fn a_rate_limit_is_passed_on_as_one_and_what_is_kept_stays_served() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let left = |answer: Answer, left: &str| {
        answer.header("ratelimit-limit", "100;w=21600").header("ratelimit-remaining", left)
    };
    origin.change(LODASH_UPSTREAM, |answer| left(answer, "1;w=21600"));
    let gateway = setup().npm(&origin).open().await;
    for path in [LODASH, "/npm/lodash"] {
        assert!(gateway.get(path).await.is(200));
    }
    let limited = || left(Answer::status(429, "slow down").header("retry-after", "600"), "0");
    for path in ["lodash", "left-pad", LODASH_UPSTREAM] {
        origin.put(path, limited());
    }
    gateway.clock().advance(Duration::from_hours(24));
    for path in [LODASH, "/npm/lodash"] {
        let kept = gateway.get(path).await;
        assert!(kept.is(200), "{path}: {kept:?}");
    }
    let refused = gateway.get("/npm/left-pad").await;
    assert!(refused.fails(429, "upstream_limited"), "{refused:?}");
    assert_eq!(refused.header("retry-after"), Some("600"));
    let npm = |left: u64| ("npm".to_owned(), left);
    assert_eq!(gateway.observer.quotas(), [npm(1), npm(0), npm(0)]);
}

#[tokio::test]
async fn a_failing_upstream_is_tried_again() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    origin.change(LODASH_UPSTREAM, |answer| answer.failing(2, 503, None));
    let patient = setup().npm(&origin).with(|s| {
        s.upstream.retries = 3;
        s.upstream.retry_base = Duration::from_millis(1);
    });
    let gateway = patient.open().await;
    assert!(gateway.get(LODASH).await.is(200));
    assert_eq!(origin.count(LODASH_UPSTREAM), 3);
}

#[tokio::test]
async fn company_mirrors_have_paths() {
    let npm = Origin::below("/artifactory/api/npm/npm-remote").await;
    let python = Origin::below("/repository/pypi-proxy").await;
    let crates = Origin::below("/repository/cargo-proxy").await;
    let scoped = Package::new("@acme/ui").release("1.0.0", "2024-01-01T00:00:00Z");
    npm_registry(&npm, &[lodash(), scoped], &NpmStyle::default());
    let relative = PypiStyle { relative: true, ..PypiStyle::default() };
    pypi_index(&python, &python, &[numpy()], &relative);
    cargo_index(&crates, &[serde()], &CargoStyle::default());
    let gateway = setup().npm(&npm).pypi(&python).cargo(&crates).open().await;
    for path in [
        LODASH,
        "/npm/@acme%2fui",
        "/npm/@acme/ui/-/ui-1.0.0.tgz",
        // npm replaces the host of a lock file's addresses and keeps the registry's own path
        "/npm/artifactory/api/npm/npm-remote/@acme/ui/-/ui-1.0.0.tgz",
        "/pypi/simple/numpy/",
        "/pypi/files/numpy/numpy-2.1.0-py3-none-any.whl",
        "/pypi/pypi/numpy/json",
        "/cargo/config.json",
        "/cargo/se/rd/serde",
        "/cargo/crates/serde/1.0.193/download",
    ] {
        // (A readme may name the registry; the abbreviated form has none.)
        let answered = gateway.ask("GET", path, &[("accept", NPM_ABBREVIATED)]).await;
        assert!(answered.is(200), "{path}: {answered:?}");
        assert!(!answered.text_lossy().contains("/repository/"), "{path}");
        assert!(!answered.text_lossy().contains("/artifactory/"), "{path}");
    }
}

#[tokio::test]
async fn python_indexes_answer_in_the_form_that_they_know() {
    for form in [PypiForm::Negotiated, PypiForm::Json, PypiForm::Html, PypiForm::HtmlLabelledJson] {
        let (index, files) = (Origin::start().await, Origin::start().await);
        let style = PypiStyle { form, ..PypiStyle::default() };
        let built = pypi_index(&index, &files, &[numpy()], &style);
        let gateway = setup().pypi(&index).open().await;
        let page = gateway.json("/pypi/simple/numpy/", PYPI_JSON).await;
        assert_eq!(page["files"].as_array().unwrap().len(), 1, "{form:?}");
        let html = gateway.ask("GET", "/pypi/simple/numpy/", &[("accept", "text/html")]).await;
        assert!(html.text().contains("numpy-2.1.0-py3-none-any.whl</a>"), "{form:?}");
        assert!(html.header("content-type").unwrap().starts_with("text/html"));
        let file = gateway.get("/pypi/files/numpy/numpy-2.1.0-py3-none-any.whl").await;
        assert_eq!(file.body, built[0].bytes, "{form:?}");
        assert_eq!(index.count("simple/numpy/"), 1, "one document for both forms");
    }
}

#[tokio::test]
async fn crates_are_where_the_template_says() {
    for dl in [
        "{origin}/dl/{crate}/{version}/{sha256-checksum}",
        "{origin}/dl/{prefix}/{crate}-{version}.crate",
        "{origin}/static/crates",
    ] {
        let origin = Origin::start().await;
        let style = CargoStyle { dl: dl.to_owned(), ..CargoStyle::default() };
        let files = cargo_index(&origin, &[serde()], &style);
        let gateway = setup().cargo(&origin).open().await;
        let config = gateway.json("/cargo/config.json", "*/*").await;
        assert!(config["dl"].as_str().unwrap().starts_with("http://weir.example:8080/cargo/"));
        let answered = gateway.get("/cargo/crates/serde/1.0.193/download").await;
        assert_eq!(answered.body, files[0].bytes, "{dl}");
    }
}

#[tokio::test]
async fn tarballs_may_stand_on_another_host() {
    let (registry, files) = (Origin::start().await, Origin::start().await);
    let style = NpmStyle { tarball_base: Some(files.url()), ..NpmStyle::default() };
    let built = npm_registry(&registry, &[lodash()], &style);
    files.put(LODASH_UPSTREAM, Answer::ok(built[1].bytes.clone()));
    registry.require_basic("ada", "secret");
    let with_password = registry.url().replace("http://", "http://ada:secret@");
    let gateway = setup().npm_as("npm", &with_password).open().await;
    let answered = gateway.get(LODASH).await;
    assert!(answered.is(200), "{answered:?}");
    assert_eq!(answered.body, built[1].bytes);
    assert!(registry.requests().iter().all(|seen| seen.header("authorization").is_some()));
    assert_eq!(files.requests().len(), 1);
    assert!(files.requests()[0].header("authorization").is_none(), "credentials stay at home");
}

#[tokio::test]
async fn a_clients_credentials_never_go_upstream() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    let headers =
        [("authorization", "Bearer mine"), ("cookie", "a=b"), ("x-forwarded-for", "10.0.0.1")];
    for path in [LODASH, "/npm/lodash"] {
        assert!(gateway.ask("GET", path, &headers).await.is(200));
    }
    for seen in origin.requests() {
        for (name, _) in headers {
            assert_eq!(seen.header(name), None, "{name} of {seen:?}");
        }
    }
}

#[tokio::test]
async fn an_audit_is_relayed() {
    let origin = Origin::start().await;
    let bulk = "-/npm/v1/security/advisories/bulk";
    let advisory = json!({ "lodash": [{ "id": 1, "severity": "high", "title": "x" }] });
    origin.put(bulk, Answer::json(&advisory));
    let gateway = setup().npm(&origin).open().await;
    let asked = json!({ "lodash": ["4.17.20"] }).to_string();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(asked.as_bytes()).unwrap();
    for (body, coding) in
        [(Bytes::from(gzip.finish().unwrap()), "gzip"), (asked.clone().into(), "identity")]
    {
        let request = http::Request::post(format!("/npm/{bulk}"))
            .header("content-type", "application/json")
            .header("content-encoding", coding)
            .body(Full::new(body))
            .unwrap();
        let answered = read(gateway.handle(request).await).await;
        assert!(answered.is(200), "{answered:?}");
        assert_eq!(answered.json(), advisory);
        let seen = origin.requests().pop().unwrap();
        assert_eq!((seen.method.as_str(), &seen.body[..]), ("POST", asked.as_bytes()));
    }
    assert_eq!(origin.requests().len(), 2, "answers to a POST are not kept");
}

#[tokio::test]
async fn a_mount_without_an_address_says_which_line_to_add() {
    let gateway = setup().npm_nowhere().open().await;
    for path in ["/npm/lodash", LODASH, "/npm/-/v1/search?text=x"] {
        let refused = gateway.get(path).await;
        assert!(refused.fails(403, "blocked_registry_not_configured"), "{path}: {refused:?}");
        let said = refused.json()["error"].as_str().unwrap().to_owned();
        assert!(said.contains("upstream.npm = \"https://registry.example/\""), "{said}");
    }
}

#[tokio::test]
async fn settings_of_refusals_reach_a_mount_without_an_address_and_one_without_a_plugin() {
    let gateway = setup()
        .npm_nowhere()
        .with(|s| {
            s.policy.block_status = 451;
            s.policy.block_message = Some("{sentence}. Questions: #packages".into());
            s.policy.block_url = Some("https://intranet.example/packages".into());
        })
        .open()
        .await;
    let nowhere = gateway.get("/npm/lodash").await;
    let denial = Denial::new(Code::BlockedRegistryNotConfigured, "hex is not served");
    let parts = http::Request::get("/hex/packages/phoenix").body(()).unwrap().into_parts().0;
    let absent = read(gateway.pipeline.refuse("hex", &parts, denial)).await;
    for refused in [&nowhere, &absent] {
        assert!(refused.fails(451, "blocked_registry_not_configured"), "{refused:?}");
        assert_eq!(refused.header("x-weir-explain"), Some("https://intranet.example/packages"));
        assert_eq!(refused.header("cache-control"), Some("no-store"));
    }
    let said = nowhere.json()["error"].as_str().unwrap().to_owned();
    assert!(said.contains("upstream.npm = ") && said.ends_with(". Questions: #packages"), "{said}");
    assert_eq!(absent.body, "hex is not served. Questions: #packages\n");
    let told = gateway.observer.last();
    assert_eq!((told.outcome, told.subject), ("refused", None));
}

#[tokio::test]
async fn a_request_waits_for_addresses_that_are_being_looked_up() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm_pending().open().await;
    let early = gateway.get("/npm/lodash");
    let late = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        gateway.mounts["npm"].set_origins([("primary", address("npm", &origin.url()))].into());
    };
    let (answered, ()) = tokio::join!(early, late);
    assert!(answered.is(200), "{answered:?}");
}

#[tokio::test]
async fn another_spelling_of_a_name_is_sent_to_the_canonical_one() {
    let origin = Origin::start().await;
    pypi_index(&origin, &origin, &[numpy()], &PypiStyle::default());
    let gateway = setup().pypi(&origin).open().await;
    let moved = gateway.get("/pypi/simple/NumPy/?format=json").await;
    assert_eq!(moved.status, 301, "{moved:?}");
    let place = "http://weir.example:8080/pypi/simple/numpy/?format=json";
    assert_eq!(moved.header("location"), Some(place));
    assert_eq!(gateway.observer.all().len(), 0, "the request that matters comes next");
}

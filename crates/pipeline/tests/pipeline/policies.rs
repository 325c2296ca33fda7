//! Listings and downloads under policy: what is withheld is withheld in both, with a reason.

use serde_json::Value;
use weir_core::Timestamp;
use weir_policy::{Effect, Listing, PolicySettings, RuleSettings, WorkMode};
use weir_testkit::origin::{
    CargoStyle, NpmStyle, Origin, Package, PypiStyle, cargo_index, npm_registry, pypi_index,
};

use crate::harness::{
    DAY, Gateway, LODASH, LODASH_UPSTREAM, MINUTE, NPM_ABBREVIATED, PYPI_JSON, Setup, at, lodash,
    setup, versions,
};

const NEW: &str = "/npm/lodash/-/lodash-4.18.0.tgz";
const NEW_UPSTREAM: &str = "lodash/-/lodash-4.18.0.tgz";

/// An old release and one of two days ago.
fn demo() -> Package {
    Package::new("demo")
        .release("1.0.0", "2024-01-01T00:00:00Z")
        .release("1.1.0", "2026-05-30T00:00:00Z")
}

pub(crate) struct Registries {
    pub(crate) npm: Origin,
    pub(crate) pypi: Origin,
    pub(crate) cargo: Origin,
}

impl Registries {
    pub(crate) async fn start(package: &Package) -> Self {
        let (npm, pypi, cargo) =
            (Origin::start().await, Origin::start().await, Origin::start().await);
        let packages = std::slice::from_ref(package);
        npm_registry(&npm, packages, &NpmStyle::default());
        pypi_index(&pypi, &pypi, packages, &PypiStyle::default());
        cargo_index(&cargo, packages, &CargoStyle::default());
        Self { npm, pypi, cargo }
    }

    pub(crate) fn setup(&self) -> Setup {
        setup().npm(&self.npm).pypi(&self.pypi).cargo(&self.cargo)
    }
}

/// The file of a version of `demo`, in each ecosystem.
pub(crate) fn files(version: &str) -> [String; 3] {
    [
        format!("/npm/demo/-/demo-{version}.tgz"),
        format!("/pypi/files/demo/demo-{version}-py3-none-any.whl"),
        format!("/cargo/crates/demo/{version}/download"),
    ]
}

async fn cargo_lines(gateway: &Gateway) -> Vec<(String, bool)> {
    let index = gateway.get("/cargo/de/mo/demo").await;
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        (line["vers"].as_str().unwrap().to_owned(), line["yanked"] == true)
    };
    index.text().lines().map(line).collect()
}

#[tokio::test]
async fn a_cooldown_hides_and_refuses_alike() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).cooldown(7).open().await;

    for accept in ["application/json", NPM_ABBREVIATED] {
        let listing = gateway.json("/npm/lodash", accept).await;
        assert_eq!(versions(&listing), ["4.17.20", "4.17.21"]);
        assert_eq!(listing["dist-tags"]["latest"], "4.17.21");
        let said = listing["policyRestrictions"]["message"].as_str().unwrap();
        assert!(said.contains("withheld by cooldown (7 days) until 2026-06-06"), "{said}");
        assert!(listing["policyRestrictions"]["versions"]["4.18.0"].is_object());
    }
    let told = gateway.observer.last();
    assert_eq!(told.withheld, 1);
    assert!(told.notice.unwrap().contains("cooldown"));
    for view in ["/npm/lodash/4.18.0", NEW] {
        let refused = gateway.get(view).await;
        assert!(refused.fails(403, "blocked_by_policies"), "{view}: {refused:?}");
    }
    assert_eq!(origin.count(NEW_UPSTREAM), 0, "nothing of a refused file is asked for");
    assert!(gateway.get(LODASH).await.is(200));
}

#[tokio::test]
async fn a_refusal_says_why_in_every_channel() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).cooldown(7).open().await;
    let sentence = "lodash 4.18.0 withheld by cooldown (7 days) until 2026-06-06";
    let refused = gateway.get(NEW).await;
    assert!(refused.fails(403, "blocked_by_policies"));
    assert_eq!(refused.reason.as_deref(), Some(sentence));
    assert_eq!(refused.header("npm-notice"), Some(sentence));
    let explain = "http://weir.example:8080/why/pkg:npm/lodash@4.18.0";
    assert_eq!(refused.header("x-weir-explain"), Some(explain));
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    let body = refused.json();
    assert_eq!(body["error"], sentence);
    assert_eq!(body["reason"], "cooldown");
    assert_eq!(body["until"], "2026-06-06T00:00:00Z");
    let told = gateway.observer.last();
    assert_eq!((told.outcome, told.artifact), ("refused", true));
    assert_eq!(told.subject.as_deref(), Some("pkg:npm/lodash@4.18.0"));
    let head = gateway.ask("HEAD", NEW, &[]).await;
    assert!(head.fails(403, "blocked_by_policies") && head.body.is_empty());
}

#[tokio::test]
async fn status_message_and_address_of_a_refusal_are_settings() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup()
        .npm(&origin)
        .cooldown(7)
        .with(|s| {
            s.policy.block_status = 451;
            s.policy.block_message = Some("{name} {version} has to wait".into());
            s.policy.block_url = Some("https://intranet.example/packages".into());
        })
        .open()
        .await;
    let refused = gateway.get(NEW).await;
    assert!(refused.fails(451, "blocked_by_policies"), "{refused:?}");
    assert_eq!(refused.json()["error"], "lodash 4.18.0 has to wait");
    assert_eq!(refused.header("x-weir-explain"), Some("https://intranet.example/packages"));
}

#[tokio::test]
async fn a_listing_changes_at_the_very_instant() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).cooldown(7).open().await;
    let end = at("2026-06-06T00:00:00Z");
    gateway.clock().set(Timestamp::from_millis(end.as_millis() - 1));
    let before = gateway.get("/npm/lodash").await;
    assert_eq!(versions(&before.json()).len(), 2);
    assert!(gateway.get(NEW).await.fails(403, "blocked_by_policies"));
    origin.forget_requests();

    gateway.clock().set(end);
    let after = gateway.get("/npm/lodash").await;
    assert_eq!(versions(&after.json()).len(), 3);
    assert_eq!(after.json()["dist-tags"]["latest"], "4.18.0");
    assert_ne!(before.header("etag"), after.header("etag"));
    assert_eq!(origin.requests().len(), 0);
    assert!(gateway.get(NEW).await.is(200));
}

#[tokio::test]
async fn a_refused_lock_file_entry_is_refused_though_no_listing_was_asked_for() {
    let registries = Registries::start(&demo()).await;
    let gateway = registries.setup().cooldown(7).open().await;
    for path in files("1.1.0") {
        let refused = gateway.get(&path).await;
        assert!(refused.fails(403, "blocked_by_policies"), "{path}: {refused:?}");
        assert!(refused.text().contains("demo 1.1.0 withheld by cooldown (7 days)"), "{path}");
        assert!(refused.reason.unwrap().contains("withheld by cooldown"), "{path}");
    }
    for path in files("1.0.0") {
        assert!(gateway.get(&path).await.is(200), "{path}");
    }
    gateway.clock().advance(DAY * 7);
    for path in files("1.1.0") {
        let answered = gateway.get(&path).await;
        assert!(answered.is(200), "{path}: {answered:?}");
    }
}

#[tokio::test]
async fn a_file_stored_before_there_was_a_cooldown_is_judged_by_its_real_date() {
    let registries = Registries::start(&demo()).await;
    for restart in [false, true] {
        let setup = registries.setup();
        let mut gateway = setup.open().await;
        for path in files("1.0.0").into_iter().chain(files("1.1.0")) {
            assert!(gateway.get(&path).await.is(200), "{path}");
        }
        if restart {
            drop(gateway);
            gateway = setup.open().await;
        }
        let mut strict = PolicySettings::default();
        strict.cooldown.default = DAY * 7;
        gateway.set_policy(&strict);
        for path in files("1.1.0") {
            let refused = gateway.get(&path).await;
            assert!(refused.fails(403, "blocked_by_policies"), "{path}: {refused:?}");
        }
        for path in files("1.0.0") {
            let answered = gateway.get(&path).await;
            assert!(answered.is(200), "{path}: {answered:?}");
        }
        gateway.clock().advance(DAY * 7);
        for path in files("1.1.0") {
            assert!(gateway.get(&path).await.is(200), "{path}");
        }
    }
}

#[tokio::test]
async fn marks_stand_where_the_format_has_them() {
    let registries = Registries::start(&demo()).await;
    let gateway = registries.setup().cooldown(7).open().await;
    let sentence = "demo 1.1.0 withheld by cooldown (7 days) until 2026-06-06";
    let page = gateway.json("/pypi/simple/demo/", PYPI_JSON).await;
    assert_eq!(page["files"].as_array().unwrap().len(), 2);
    assert_eq!(page["files"][1]["yanked"], sentence);
    let html = gateway.ask("GET", "/pypi/simple/demo/", &[("accept", "text/html")]).await;
    assert!(html.text().contains(&format!("data-yanked=\"{sentence}\"")), "{}", html.text());
    let lines = cargo_lines(&gateway).await;
    assert_eq!(lines, [("1.0.0".to_owned(), false), ("1.1.0".to_owned(), true)]);
    for path in files("1.1.0") {
        assert!(gateway.get(&path).await.fails(403, "blocked_by_policies"), "{path}");
    }
}

#[tokio::test]
async fn versions_are_removed_where_that_is_configured() {
    let registries = Registries::start(&demo()).await;
    let removing = registries.setup().cooldown(7);
    let gateway = removing.with(|s| s.policy.listing = Some(Listing::Remove)).open().await;
    let page = gateway.json("/pypi/simple/demo/", PYPI_JSON).await;
    assert_eq!(page["files"].as_array().unwrap().len(), 1);
    assert_eq!(page["versions"], serde_json::json!(["1.0.0"]));
    let html = gateway.ask("GET", "/pypi/simple/demo/", &[("accept", "text/html")]).await;
    assert!(!html.text().contains("1.1.0"));
    assert_eq!(cargo_lines(&gateway).await, [("1.0.0".to_owned(), false)]);
}

#[tokio::test]
async fn a_package_of_which_nothing_is_left_is_refused_where_clients_print_that() {
    let new = Package::new("demo").release("1.1.0", "2026-05-30T00:00:00Z");
    let registries = Registries::start(&new).await;
    let gateway = registries
        .setup()
        .cooldown(7)
        .with(|s| s.policy.listing = Some(Listing::Remove))
        .open()
        .await;
    for path in ["/npm/demo", "/npm/-/package/demo/dist-tags", "/cargo/de/mo/demo"] {
        let refused = gateway.get(path).await;
        assert!(refused.fails(403, "blocked_by_policies"), "{path}: {refused:?}");
        assert!(refused.text().contains("demo 1.1.0 withheld by cooldown"), "{refused:?}");
    }
    let page = gateway.json("/pypi/simple/demo/", PYPI_JSON).await;
    assert_eq!(page["files"].as_array().unwrap().len(), 0);
    // A search is not a package.
    for path in ["/npm/-/v1/search?text=demo", "/cargo/api/v1/crates?q=demo"] {
        let found = gateway.get(path).await;
        assert!(found.is(200), "{path}: {found:?}");
        assert!(!found.text().contains("1.1.0"), "{path}: {}", found.text());
    }
    gateway.clock().advance(DAY * 7);
    assert_eq!(versions(&gateway.json("/npm/demo", "*/*").await), ["1.1.0"]);
}

#[tokio::test]
async fn rules_match_names_and_ranges_and_come_before_the_cooldown() {
    let registries = Registries::start(&demo()).await;
    let deny = RuleSettings::new("no-old-demo", Effect::Deny)
        .purl("pkg:npm/d*")
        .versions("<1.1.0")
        .because("it is broken");
    let allow = RuleSettings::new("we-need-it", Effect::Allow).purl("pkg:cargo/demo");
    let gateway =
        registries.setup().cooldown(7).with(|s| s.policy.rules = vec![deny, allow]).open().await;
    let [npm, pypi, cargo] = files("1.0.0");
    let refused = gateway.get(&npm).await;
    assert!(refused.fails(403, "blocked_by_policies"), "{refused:?}");
    let said = "demo 1.0.0 withheld by rule no-old-demo: it is broken";
    assert_eq!(refused.json()["error"], said);
    assert!(gateway.get(&pypi).await.is(200));
    assert!(gateway.get(&cargo).await.is(200));
    let [npm, pypi, cargo] = files("1.1.0");
    assert!(gateway.get(&npm).await.fails(403, "blocked_by_policies"), "the cooldown");
    assert!(gateway.get(&pypi).await.fails(403, "blocked_by_policies"));
    assert!(gateway.get(&cargo).await.is(200), "allowed before the cooldown");
    assert!(cargo_lines(&gateway).await.iter().all(|(_, yanked)| !yanked));
}

#[tokio::test]
async fn an_edited_policy_counts_from_the_next_request_on() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    assert_eq!(versions(&gateway.json("/npm/lodash", "*/*").await).len(), 3);
    assert!(gateway.get(LODASH).await.is(200));
    let rule = RuleSettings::new("no", Effect::Deny).purl("pkg:npm/lodash").versions("4.17.21");
    let deny = PolicySettings { rules: vec![rule], ..PolicySettings::default() };

    gateway.set_policy(&deny);
    assert_eq!(versions(&gateway.json("/npm/lodash", "*/*").await).len(), 2);
    assert!(gateway.get(LODASH).await.fails(403, "blocked_by_policies"), "stored, and refused");
    gateway.set_policy(&PolicySettings::default());
    assert_eq!(versions(&gateway.json("/npm/lodash", "*/*").await).len(), 3);
    assert!(gateway.get(LODASH).await.is(200));
    assert_eq!(origin.count(LODASH_UPSTREAM), 1);
}

#[tokio::test]
async fn a_rule_that_ends_lets_pass_from_its_end_on() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let end = at("2026-06-01T00:02:00Z");
    let rule = RuleSettings::new("no", Effect::Deny).purl("pkg:npm/lodash").until(end);
    let rules = setup().npm(&origin).with(|s| s.policy.rules = vec![rule]);
    let gateway = rules.open().await;
    let refused = gateway.get("/npm/lodash").await;
    assert!(refused.fails(403, "blocked_by_policies"), "{refused:?}");
    assert_eq!(refused.json()["until"], "2026-06-01T00:02:00Z");
    assert!(gateway.get(LODASH).await.fails(403, "blocked_by_policies"));
    gateway.clock().advance(MINUTE * 2);
    assert!(gateway.get("/npm/lodash").await.is(200));
    assert!(gateway.get(LODASH).await.is(200));
}

#[tokio::test]
async fn a_spectator_refuses_nothing() {
    let registries = Registries::start(&demo()).await;
    let spectator = registries.setup().cooldown(7);
    let gateway = spectator.with(|s| s.policy.work_mode = WorkMode::Spectator).open().await;
    for path in files("1.1.0") {
        assert!(gateway.get(&path).await.is(200), "{path}");
    }
    assert_eq!(versions(&gateway.json("/npm/demo", "*/*").await).len(), 2);
}

#[tokio::test]
async fn metadata_is_refused_only_by_an_explicit_rule() {
    let registries = Registries::start(&demo()).await;
    let gateway = registries.setup().cooldown(7).open().await;
    let metadata = "/pypi/files/demo/demo-1.1.0-py3-none-any.whl.metadata";
    assert!(gateway.get(metadata).await.is(200));
    let rule = RuleSettings::new("no", Effect::Deny).purl("pkg:pypi/demo");
    gateway.set_policy(&PolicySettings { rules: vec![rule], ..PolicySettings::default() });
    assert!(gateway.get(metadata).await.fails(403, "blocked_by_policies"));
}

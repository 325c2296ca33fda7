//! How current listings are, and what stands in when upstream does not.

use std::time::Duration;

use http_body_util::BodyExt as _;
use weir_testkit::origin::{
    Answer, CargoStyle, GoStyle, MavenStyle, NpmStyle, Origin, Package, PypiStyle, cargo_index,
    go_proxy, maven_repository, npm_registry, pypi_index,
};

use crate::harness::{
    DAY, Gateway, LODASH, LODASH_UPSTREAM, MINUTE, eventually, lodash, setup, versions,
};

const HOUR: Duration = Duration::from_hours(1);
const INDEX: &str = "se/rd/serde";

fn serde() -> Package {
    Package::new("serde").release("1.0.193", "2024-01-01T00:00:00Z")
}

/// The place of the served bytes in memory: a rendering that was made anew has another one.
async fn place(gateway: &Gateway, path: &str) -> *const u8 {
    let mut body = gateway.send("GET", path, &[]).await.into_body();
    body.frame().await.unwrap().unwrap().into_data().unwrap().as_ptr()
}

/// Serves an index file, lets it expire, and expects that it is confirmed.
async fn confirms(validators: impl FnOnce(Answer) -> Answer, conditional: Option<&str>) {
    let origin = Origin::start().await;
    cargo_index(&origin, &[serde()], &CargoStyle::default());
    origin.change(INDEX, |answer| validators(Answer::ok(answer.body().clone())));
    let gateway = setup().cargo(&origin).open().await;
    let path = "/cargo/se/rd/serde";
    let first = place(&gateway, path).await;
    gateway.clock().advance(MINUTE * 4);
    assert_eq!(place(&gateway, path).await, first);
    assert_eq!(origin.count(INDEX), 1);

    gateway.clock().advance(DAY);
    assert_eq!(place(&gateway, path).await, first, "it was rendered anew");
    assert_eq!(gateway.observer.last().outcome, "miss");
    assert_eq!(origin.count(INDEX), 2);
    if let Some(name) = conditional {
        assert!(origin.requests().last().unwrap().header(name).is_some());
    }
    gateway.clock().advance(MINUTE * 4);
    assert_eq!(place(&gateway, path).await, first);
    assert_eq!(origin.count(INDEX), 2, "a confirmed listing is current again");
}

#[tokio::test]
async fn a_listing_is_confirmed_by_its_entity_tag() {
    confirms(|answer| answer.etag("\"a\""), Some("if-none-match")).await;
}

#[tokio::test]
async fn a_listing_is_confirmed_by_its_date() {
    let date = "Mon, 01 Jan 2024 00:00:00 GMT";
    confirms(|answer| answer.last_modified(date), Some("if-modified-since")).await;
}

#[tokio::test]
async fn a_listing_without_validators_is_confirmed_by_its_bytes() {
    confirms(|answer| answer, None).await;
}

#[tokio::test]
async fn confirmation_outlives_a_restart() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let setup = setup().npm(&origin);
    let gateway = setup.open().await;
    gateway.get("/npm/lodash").await;
    gateway.clock().advance(DAY);
    gateway.get("/npm/lodash").await;
    assert_eq!(origin.requests().len(), 2);
    drop(gateway);
    let gateway = setup.open().await;
    assert!(gateway.get("/npm/lodash").await.is(200));
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test]
async fn a_stale_listing_is_served_while_it_is_revalidated() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    assert_eq!(versions(&gateway.json("/npm/lodash", "*/*").await).len(), 3);
    let newer = lodash().release("4.19.0", "2026-06-01T00:01:00Z");
    npm_registry(&origin, &[newer], &NpmStyle::default());
    gateway.clock().advance(MINUTE * 6);

    assert_eq!(versions(&gateway.json("/npm/lodash", "*/*").await).len(), 3);
    assert_eq!(gateway.observer.last().outcome, "hit");
    eventually("upstream is asked", || origin.count("lodash") == 2).await;
    for _ in 0..100 {
        if versions(&gateway.json("/npm/lodash", "*/*").await).len() == 4 {
            assert_eq!(origin.count("lodash"), 2);
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the newer listing was not served");
}

#[tokio::test]
async fn a_listing_too_stale_for_that_is_revalidated_first() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    gateway.get("/npm/lodash").await;
    let newer = lodash().release("4.19.0", "2026-06-01T00:01:00Z");
    npm_registry(&origin, &[newer], &NpmStyle::default());
    gateway.clock().advance(MINUTE * 16);
    assert_eq!(versions(&gateway.json("/npm/lodash", "*/*").await).len(), 4);
}

#[tokio::test]
async fn a_stale_listing_stands_in_for_an_upstream_that_fails() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    let fresh = gateway.get("/npm/lodash").await;
    gateway.clock().advance(DAY);
    for status in [500, 503, 429] {
        origin.put("lodash", Answer::status(status, "broken"));
        let stale = gateway.get("/npm/lodash").await;
        assert!(stale.is(200), "{status}: {stale:?}");
        assert_eq!(stale.body, fresh.body);
    }
    origin.stop();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let stale = gateway.get("/npm/lodash").await;
    assert!(stale.is(200), "{stale:?}");
    gateway.clock().advance(DAY * 31);
    let too_old = gateway.get("/npm/lodash").await;
    assert!(too_old.fails(502, "upstream_unavailable"), "{too_old:?}");
}

#[tokio::test]
async fn a_good_listing_stands_in_for_one_that_cannot_be_read() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let setup = setup().npm(&origin);
    let gateway = setup.open().await;
    let fresh = gateway.get("/npm/lodash").await;
    gateway.clock().advance(DAY);
    origin.put("lodash", Answer::ok("<html>Please log in to the hotel's network</html>"));
    for _ in 0..2 {
        let stale = gateway.get("/npm/lodash").await;
        assert!(stale.is(200), "{stale:?}");
        assert_eq!(stale.body, fresh.body);
    }
    drop(gateway);
    let gateway = setup.offline().open().await;
    assert_eq!(gateway.get("/npm/lodash").await.body, fresh.body);
}

#[tokio::test]
async fn a_404_is_remembered_for_a_short_time() {
    let origin = Origin::start().await;
    let gateway = setup().npm(&origin).open().await;
    for _ in 0..3 {
        assert!(gateway.get("/npm/lodash").await.fails(404, "not_found"));
    }
    assert_eq!(origin.count("lodash"), 1);
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    gateway.clock().advance(MINUTE / 2);
    assert!(gateway.get("/npm/lodash").await.is(404));
    gateway.clock().advance(MINUTE);
    assert!(gateway.get("/npm/lodash").await.is(200));
    assert_eq!(origin.count("lodash"), 2);
}

#[tokio::test]
async fn validators_of_a_404_confirm_nothing() {
    let origin = Origin::start().await;
    origin.put(INDEX, Answer::status(404, "no").etag("\"a\""));
    let gateway = setup().cargo(&origin).open().await;
    assert!(gateway.get("/cargo/se/rd/serde").await.is(404));
    cargo_index(&origin, &[serde()], &CargoStyle::default());
    origin.change(INDEX, |answer| Answer::ok(answer.body().clone()).etag("\"a\""));
    gateway.clock().advance(DAY);
    assert!(gateway.get("/cargo/se/rd/serde").await.is(200));
}

#[tokio::test]
async fn new_validators_of_the_same_bytes_are_used_from_then_on() {
    let origin = Origin::start().await;
    cargo_index(&origin, &[serde()], &CargoStyle::default());
    let gateway = setup().cargo(&origin).open().await;
    let first = place(&gateway, "/cargo/se/rd/serde").await;
    origin.change(INDEX, |answer| Answer::ok(answer.body().clone()).etag("\"rotated\""));
    for _ in 0..2 {
        gateway.clock().advance(DAY);
        assert_eq!(place(&gateway, "/cargo/se/rd/serde").await, first, "it was rendered anew");
    }
    let asked = origin.requests().pop().unwrap();
    assert_eq!(asked.header("if-none-match"), Some("\"rotated\""));
}

#[tokio::test]
async fn a_withdrawn_package_keeps_its_stored_files() {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).cooldown(3).open().await;
    assert!(gateway.get(LODASH).await.is(200));
    assert!(gateway.get("/npm/lodash").await.is(200));
    origin.remove("lodash");
    gateway.clock().advance(DAY);
    assert!(gateway.get("/npm/lodash").await.fails(404, "not_found"));
    assert_eq!(gateway.get(LODASH).await.body, files[1].bytes);
}

#[tokio::test]
async fn requests_for_unlisted_files_ask_upstream_once_in_a_while() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).cooldown(3).open().await;
    gateway.get("/npm/lodash").await;
    gateway.clock().advance(MINUTE * 2);
    for n in 0..20 {
        let answered = gateway.get(&format!("/npm/lodash/-/lodash-9.9.{n}.tgz")).await;
        assert!(answered.fails(404, "not_found"), "{answered:?}");
    }
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test]
async fn a_listed_file_that_upstream_lacks_is_asked_for_once_in_a_while() {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    origin.remove(LODASH_UPSTREAM);
    let gateway = setup().npm(&origin).open().await;
    for method in ["GET", "HEAD", "GET"] {
        assert!(gateway.ask(method, LODASH, &[]).await.fails(404, "not_found"), "{method}");
    }
    assert_eq!(origin.count(LODASH_UPSTREAM), 1);
    origin.put(LODASH_UPSTREAM, Answer::ok(files[1].bytes.clone()));
    gateway.clock().advance(MINUTE);
    assert!(gateway.get(LODASH).await.is(200));
}

#[tokio::test]
async fn a_file_of_a_release_newer_than_the_kept_listing_is_found() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).cooldown(1).open().await;
    gateway.get("/npm/lodash").await;
    let newer = lodash().release("4.17.22", "2022-01-01T00:00:00Z");
    npm_registry(&origin, &[newer], &NpmStyle::default());
    gateway.clock().advance(MINUTE * 2);
    assert!(gateway.get("/npm/lodash/-/lodash-4.17.22.tgz").await.is(200));
}

#[tokio::test]
async fn a_file_that_may_be_newer_than_the_kept_listing_is_not_denied_while_upstream_is_away() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).cooldown(1).open().await;
    gateway.get("/npm/lodash").await;
    gateway.clock().advance(MINUTE * 2);
    origin.stop();
    let unknown = gateway.get("/npm/lodash/-/lodash-4.17.22.tgz").await;
    assert!(unknown.fails(502, "upstream_unavailable"), "{unknown:?}");
}

#[tokio::test]
async fn offline_serves_what_is_kept_and_says_what_is_not() {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let setup = setup().npm(&origin);
    let gateway = setup.open().await;
    gateway.get(LODASH).await;
    let listing = gateway.get("/npm/lodash").await;
    assert!(gateway.get("/npm/no-such-thing").await.is(404));
    drop(gateway);
    origin.forget_requests();

    setup.clock.advance(DAY * 400);
    let gateway = setup.offline().open().await;
    let again = gateway.get("/npm/lodash").await;
    assert!(again.is(200), "{again:?}");
    assert_eq!(again.body, listing.body);
    assert_eq!(gateway.get(LODASH).await.body, files[1].bytes);
    assert!(gateway.get("/npm/no-such-thing").await.fails(404, "not_found"));
    for path in ["/npm/express", "/npm/lodash/-/lodash-4.17.20.tgz", "/npm/-/v1/search?text=x"] {
        let never = gateway.get(path).await;
        assert!(never.fails(504, "not_cached"), "{path}: {never:?}");
        assert!(never.text().contains("the gateway works offline"), "{never:?}");
    }
    assert_eq!(origin.requests().len(), 0);
}

#[tokio::test]
async fn policy_holds_offline() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let setup = setup().npm(&origin);
    let gateway = setup.open().await;
    let file = "/npm/lodash/-/lodash-4.18.0.tgz";
    assert!(gateway.get(file).await.is(200));
    let accept = [("accept", "application/json")];
    assert!(gateway.ask("GET", "/npm/lodash", &accept).await.is(200));
    drop(gateway);
    let gateway = setup.offline().cooldown(7).open().await;
    assert!(gateway.get(file).await.fails(403, "blocked_by_policies"));
    assert_eq!(versions(&gateway.json("/npm/lodash", "*/*").await), ["4.17.20", "4.17.21"]);
    assert_eq!(origin.count(LODASH_UPSTREAM), 0);
}

/// What a captive portal, or a mirror in trouble, answers to everything.
fn portal() -> Answer {
    Answer::ok("<html><body>Please sign in</body></html>").media("text/html")
}

/// A document of the module below that never changes.
const INFO: &str = "go.example/demo/@v/v1.0.0.info";

/// A proxy of one module, whose information is a portal's page.
async fn broken_module() -> Origin {
    let origin = Origin::start().await;
    heal(&origin);
    origin.put(INFO, portal());
    origin
}

/// The module as it should be.
fn heal(origin: &Origin) {
    let module = Package::new("go.example/demo").release("v1.0.0", "2024-01-01T00:00:00Z");
    let style = GoStyle { database: None, ..GoStyle::default() };
    go_proxy(origin, &[module], &style);
}

/// A document that never changes and came broken, with a 200, is no document that never changes.
#[tokio::test]
async fn what_never_changes_and_came_unreadable_is_asked_for_again() {
    let origin = broken_module().await;
    let setup = setup().go("go", &origin.url(), None);
    let gateway = setup.open().await;
    let path = format!("/go/{INFO}");
    assert!(gateway.get(&path).await.fails(502, "unreadable_document"));
    assert!(gateway.get(&path).await.fails(502, "unreadable_document"));
    assert_eq!(origin.count(INFO), 1, "asked once within the time of a 404");

    heal(&origin);
    gateway.clock().advance(MINUTE * 2);
    assert!(gateway.get(&path).await.is(200));
    assert_eq!(origin.count(INFO), 2);
    gateway.clock().advance(DAY * 30);
    assert!(gateway.get(&path).await.is(200));
    assert_eq!(origin.count(INFO), 2, "kept for good from then on");
}

#[tokio::test]
async fn what_was_kept_unreadable_before_a_restart_is_asked_for_again() {
    let origin = broken_module().await;
    let setup = setup().go("go", &origin.url(), None);
    let gateway = setup.open().await;
    let path = format!("/go/{INFO}");
    assert!(gateway.get(&path).await.fails(502, "unreadable_document"));
    drop(gateway);

    heal(&origin);
    let gateway = setup.open().await;
    gateway.clock().advance(MINUTE * 2);
    assert!(gateway.get(&path).await.fails(502, "unreadable_document"), "as it is kept");
    assert!(gateway.get(&path).await.is(200));
}

#[tokio::test]
async fn a_first_listing_that_is_unreadable_is_no_listing_for_its_whole_life() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    origin.put("lodash", portal());
    let gateway = setup().npm(&origin).open().await;
    assert!(gateway.get("/npm/lodash").await.fails(502, "unreadable_document"));
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    gateway.clock().advance(MINUTE * 2);
    assert!(gateway.get("/npm/lodash").await.is(200));
}

/// A portal that answers with the form, and one that leads to it.
fn portals() -> [Answer; 2] {
    let link = "<html><body>\n<a href=\"/login\">Please sign in</a>\n</body></html>\n";
    [portal(), Answer::ok(link).media("text/html")]
}

/// In lines and links a page of something else is no error of grammar.
#[tokio::test]
async fn the_page_of_a_portal_takes_the_place_of_no_listing() {
    let origin = Origin::start().await;
    let numpy = Package::new("numpy").release("2.0.0", "2024-06-16T00:00:00Z");
    pypi_index(&origin, &origin, &[numpy], &PypiStyle::default());
    cargo_index(&origin, &[serde()], &CargoStyle::default());
    let demo = Package::new("org.acme:demo").release("1.0.0", "2024-01-01T00:00:00Z");
    maven_repository(&origin, &[demo], &MavenStyle::default());
    heal(&origin);
    let setup = setup().pypi(&origin).cargo(&origin).go("go", &origin.url(), None);
    let setup = setup.probe("maven", weir_maven::Maven, &origin);
    let gateway = setup.open().await;
    for (mount, path, unseen) in [
        ("pypi", "simple/numpy/", "simple/unseen/"),
        ("cargo", INDEX, "un/se/unseen"),
        ("go", "go.example/demo/@v/list", "go.example/unseen/@v/list"),
        ("maven", "org/acme/demo/maven-metadata.xml", "org/acme/unseen/maven-metadata.xml"),
    ] {
        let asked = format!("/{mount}/{path}");
        let fresh = gateway.get(&asked).await;
        assert!(fresh.is(200), "{fresh:?}");
        for (hours, portal) in (1..).zip(portals()) {
            gateway.clock().advance(HOUR * hours);
            origin.put(path, portal.clone());
            let stale = gateway.get(&asked).await;
            assert_eq!((stale.status, &stale.body), (200, &fresh.body), "{asked}: {stale:?}");
            origin.put(unseen, portal);
            let unseen = gateway.get(&format!("/{mount}/{unseen}")).await;
            assert!(unseen.fails(502, "unreadable_document"), "{unseen:?}");
        }
    }
}

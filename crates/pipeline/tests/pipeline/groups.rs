//! Several registries behind one path: the first that lists a package owns it.

use weir_policy::PolicySettings;
use weir_testkit::origin::{Answer, NpmStyle, Origin, Package, npm_registry};

use crate::harness::{DAY, Gateway, setup, versions};

struct Group {
    inner: Origin,
    outer: Origin,
    gateway: Gateway,
}

fn package(name: &str, versions: &[&str]) -> Package {
    let all = versions.iter();
    all.fold(Package::new(name), |package, v| package.release(v, "2024-01-01T00:00:00Z"))
}

/// `inner` before `outer`, at `/all`; names of `@acme` are asked of `inner` alone.
async fn group() -> Group {
    let (inner, outer) = (Origin::start().await, Origin::start().await);
    let ours = [package("both", &["1.0.0"]), package("@acme/ui", &["1.0.0"])];
    npm_registry(&inner, &ours, &NpmStyle::default());
    let theirs = [
        package("both", &["1.0.0", "2.0.0"]),
        package("theirs", &["1.0.0"]),
        package("@acme/spoof", &["9.0.0"]),
    ];
    npm_registry(&outer, &theirs, &NpmStyle::default());
    let members = [("inner", &[][..]), ("outer", &[][..]), ("private", &["@acme/*"][..])];
    let gateway = setup()
        .npm_as("inner", &inner.url())
        .npm_as("outer", &outer.url())
        .npm_as("private", &inner.url())
        .group("all", &members)
        .open()
        .await;
    Group { inner, outer, gateway }
}

#[tokio::test]
async fn the_first_that_lists_a_package_owns_it_files_included() {
    let Group { inner: _inner, outer, gateway } = group().await;
    let both = gateway.json("/all/both", "*/*").await;
    assert_eq!(versions(&both), ["1.0.0"]);
    let link = both["versions"]["1.0.0"]["dist"]["tarball"].as_str().unwrap();
    assert_eq!(link, "http://weir.example:8080/all/both/-/both-1.0.0.tgz");
    assert!(gateway.get("/all/both/-/both-1.0.0.tgz").await.is(200));
    // The second has it, but is not asked: the package is the first one's.
    let unlisted = gateway.get("/all/both/-/both-2.0.0.tgz").await;
    assert!(unlisted.fails(404, "not_found"), "{unlisted:?}");
    assert_eq!(outer.requests().len(), 0);
    assert_eq!(gateway.stored(), ["inner/both/1.0.0/both-1.0.0.tgz"]);
}

#[tokio::test]
async fn a_package_that_the_first_does_not_list_is_the_next_ones() {
    let Group { inner, outer: _outer, gateway } = group().await;
    let theirs = gateway.json("/all/theirs", "*/*").await;
    let link = theirs["versions"]["1.0.0"]["dist"]["tarball"].as_str().unwrap();
    assert!(link.starts_with("http://weir.example:8080/all/"), "{link}");
    assert!(gateway.get("/all/theirs/-/theirs-1.0.0.tgz").await.is(200));
    assert_eq!(gateway.stored(), ["outer/theirs/1.0.0/theirs-1.0.0.tgz"]);
    assert_eq!(gateway.observer.last().mount, "outer");
    assert!(inner.count("theirs") > 0);
    assert!(gateway.get("/all/nobodys").await.fails(404, "not_found"));
}

#[tokio::test]
async fn only_a_404_goes_on_to_the_next() {
    let Group { inner, outer, gateway } = group().await;
    for (status, code) in
        [(403, "upstream_refused"), (401, "upstream_refused"), (500, "upstream_unavailable")]
    {
        inner.put("theirs", Answer::status(status, ""));
        let answered = gateway.get("/all/theirs").await;
        assert_eq!(answered.header("x-weir-reason"), Some(code), "{status}: {answered:?}");
    }
    inner.stop();
    let gone = gateway.get("/all/theirs").await;
    assert!(gone.fails(502, "upstream_unavailable"), "{gone:?}");
    assert_eq!(outer.requests().len(), 0);
}

#[tokio::test]
async fn a_refusal_of_policy_does_not_go_on() {
    let Group { inner: _inner, outer, gateway } = group().await;
    let mut strict = PolicySettings::default();
    strict.cooldown.default = DAY * 3650;
    gateway.set_policy(&strict);
    for path in ["/all/both", "/all/both/-/both-1.0.0.tgz"] {
        assert!(gateway.get(path).await.fails(403, "blocked_by_policies"), "{path}");
    }
    assert_eq!(outer.requests().len(), 0);
}

#[tokio::test]
async fn a_listed_file_that_upstream_does_not_serve_is_final() {
    let Group { inner, outer, gateway } = group().await;
    inner.remove("both/-/both-1.0.0.tgz");
    assert!(gateway.get("/all/both/-/both-1.0.0.tgz").await.fails(404, "not_found"));
    assert_eq!(outer.requests().len(), 0);
}

#[tokio::test]
async fn an_internal_name_never_goes_upstream() {
    let Group { inner, outer, gateway } = group().await;
    assert!(gateway.get("/all/@acme/ui").await.is(200));
    for path in ["/all/@acme/spoof", "/all/@acme%2fspoof", "/all/@acme/spoof/-/spoof-9.0.0.tgz"] {
        assert!(gateway.get(path).await.fails(404, "not_found"), "{path}");
    }
    assert!(inner.requests().iter().any(|seen| seen.path.contains("spoof")));
    assert_eq!(outer.requests().len(), 0);
    assert_eq!(gateway.observer.last().mount, "private");
}

#[tokio::test]
async fn the_same_package_through_a_group_and_through_its_member_is_stored_once() {
    let Group { inner, outer: _outer, gateway } = group().await;
    assert!(gateway.get("/all/both/-/both-1.0.0.tgz").await.is(200));
    assert!(gateway.get("/inner/both/-/both-1.0.0.tgz").await.is(200));
    assert_eq!(inner.count("both/-/both-1.0.0.tgz"), 1);
    let link = |listing: serde_json::Value| {
        listing["versions"]["1.0.0"]["dist"]["tarball"].as_str().unwrap().to_owned()
    };
    let all = link(gateway.json("/all/both", "*/*").await);
    let one = link(gateway.json("/inner/both", "*/*").await);
    assert!(all.contains("/all/") && one.contains("/inner/"), "{all} {one}");
}

//! Misses become hits, and stay hits after a restart.

use weir_testkit::origin::{
    CargoStyle, NpmStyle, Origin, Package, PypiStyle, cargo_index, npm_registry, pypi_index,
};

use crate::harness::{DAY, LODASH, LODASH_UPSTREAM, lodash, setup};

/// Too young for a cooldown of a week.
const WITHHELD: &str = "/npm/lodash/-/lodash-4.18.0.tgz";

#[tokio::test]
async fn a_second_request_asks_nothing_upstream() {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;

    let first = gateway.get(LODASH).await;
    assert!(first.is(200), "{first:?}");
    assert_eq!(first.body, files[1].bytes);
    assert_eq!(gateway.observer.last().outcome, "miss");
    let listing = gateway.get("/npm/lodash").await;
    assert!(listing.is(200), "{listing:?}");
    origin.forget_requests();

    let second = gateway.get(LODASH).await;
    assert!(second.is(200));
    assert_eq!((second.body, second.headers.get("etag")), (first.body, first.headers.get("etag")));
    assert_eq!(gateway.observer.last().outcome, "hit");
    let told = gateway.observer.last();
    assert_eq!(told.subject.as_deref(), Some("pkg:npm/lodash@4.17.21"));
    let again = gateway.get("/npm/lodash").await;
    assert_eq!((again.body, again.headers), (listing.body, listing.headers));
    assert_eq!(gateway.observer.last().outcome, "hit");
    assert_eq!(origin.requests().len(), 0);
}

#[tokio::test]
async fn what_is_kept_outlives_a_restart() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let setup = setup().npm(&origin);
    let (file, listing) = {
        let gateway = setup.open().await;
        (gateway.get(LODASH).await, gateway.get("/npm/lodash").await)
    };
    origin.forget_requests();

    let gateway = setup.open().await;
    let again = gateway.get("/npm/lodash").await;
    assert_eq!((again.body, again.headers), (listing.body, listing.headers));
    assert_eq!(gateway.observer.last().outcome, "hit");
    let again = gateway.get(LODASH).await;
    assert!(again.is(200));
    assert_eq!((again.body, again.headers.get("etag")), (file.body, file.headers.get("etag")));
    assert_eq!(gateway.observer.last().outcome, "hit");
    assert_eq!(origin.requests().len(), 0);
}

#[tokio::test]
async fn files_lie_where_people_look_for_them() {
    let (npm, python, crates) =
        (Origin::start().await, Origin::start().await, Origin::start().await);
    let scoped = Package::new("@acme/ui").release("1.0.0", "2024-01-01T00:00:00Z");
    npm_registry(&npm, &[lodash(), scoped], &NpmStyle::default());
    let numpy = Package::new("numpy").release("2.1.0", "2024-01-01T00:00:00Z");
    pypi_index(&python, &python, &[numpy], &PypiStyle::default());
    let serde = Package::new("serde").release("1.0.193", "2024-01-01T00:00:00Z");
    cargo_index(&crates, &[serde], &CargoStyle::default());
    let gateway = setup().npm(&npm).pypi(&python).cargo(&crates).open().await;

    for path in [
        LODASH,
        "/npm/@acme/ui/-/ui-1.0.0.tgz",
        "/pypi/files/numpy/numpy-2.1.0-py3-none-any.whl",
        "/pypi/files/numpy/numpy-2.1.0-py3-none-any.whl.metadata",
        "/cargo/crates/serde/1.0.193/download",
    ] {
        let answered = gateway.get(path).await;
        assert!(answered.is(200), "{path}: {answered:?}");
    }
    let stored = gateway.stored();
    for expected in [
        "cargo/serde/1.0.193/serde-1.0.193.crate",
        "npm/lodash/4.17.21/lodash-4.17.21.tgz",
        "pypi/numpy/2.1.0/numpy-2.1.0-py3-none-any.whl",
        "pypi/numpy/2.1.0/numpy-2.1.0-py3-none-any.whl.metadata",
    ] {
        assert!(stored.iter().any(|name| name == expected), "{expected} is not in {stored:?}");
    }
    assert_eq!(stored.len(), 5);
}

#[tokio::test]
async fn two_mounts_never_mix() {
    let (public, private) = (Origin::start().await, Origin::start().await);
    let theirs = npm_registry(&public, &[lodash()], &NpmStyle::default());
    let other = Package::new("lodash").release_with("4.17.21", "2021-02-20T00:00:00Z", |release| {
        weir_testkit::origin::PackageRelease { licence: "Proprietary".into(), ..release }
    });
    let ours = npm_registry(&private, &[other], &NpmStyle::default());
    assert_ne!(theirs[1].bytes, ours[0].bytes);
    let setup = setup().npm(&public).npm_as("acme", &private.url());

    for _restart in 0..2 {
        let gateway = setup.open().await;
        for _again in 0..2 {
            assert_eq!(gateway.get(LODASH).await.body, theirs[1].bytes);
            let answered = gateway.get("/acme/lodash/-/lodash-4.17.21.tgz").await;
            assert_eq!(answered.body, ours[0].bytes);
            let listing = gateway.get("/acme/lodash").await;
            assert!(listing.text().contains("http://weir.example:8080/acme/lodash/-/"));
            assert!(!listing.text().contains("4.18.0"), "{}", listing.text());
            assert!(gateway.get("/npm/lodash").await.text().contains("4.18.0"));
        }
        assert_eq!(
            gateway.stored(),
            ["acme/lodash/4.17.21/lodash-4.17.21.tgz", "npm/lodash/4.17.21/lodash-4.17.21.tgz"]
        );
    }
    assert_eq!(public.count(LODASH_UPSTREAM), 1);
    assert_eq!(private.count(LODASH_UPSTREAM), 1);
}

#[tokio::test]
async fn a_file_removed_by_hand_is_fetched_again() {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let setup = setup().npm(&origin).with(|s| s.artifacts.hot_bytes = 0);
    let gateway = setup.open().await;
    gateway.get(LODASH).await;
    gateway.get("/npm/lodash").await;
    std::fs::remove_dir_all(setup.objects().join("npm")).unwrap();

    let running = gateway.get(LODASH).await;
    assert!(running.is(200), "{running:?}");
    assert_eq!(running.body, files[1].bytes);
    drop(gateway);
    std::fs::remove_dir_all(setup.objects()).unwrap();
    let gateway = setup.open().await;
    let restarted = gateway.get(LODASH).await;
    assert!(restarted.is(200), "{restarted:?}");
    assert_eq!(restarted.body, files[1].bytes);
    assert!(gateway.get("/npm/lodash").await.is(200));
    assert_eq!(origin.count(LODASH_UPSTREAM), 3);
    assert_eq!(gateway.stored(), ["npm/lodash/4.17.21/lodash-4.17.21.tgz"]);
}

#[tokio::test]
async fn a_lost_database_costs_fetches_and_nothing_else() {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let setup = setup().npm(&origin);
    let gateway = setup.open().await;
    gateway.get(LODASH).await;
    gateway.get("/npm/lodash").await;
    gateway.catalog.close().await.unwrap();
    drop(gateway);
    for suffix in ["", "-wal", "-shm"] {
        let file = setup.dir.path().join(format!("weir.db{suffix}"));
        let _ = std::fs::remove_file(file);
    }
    assert!(!setup.database().exists());

    let gateway = setup.open().await;
    let answered = gateway.get(LODASH).await;
    assert_eq!((answered.status, answered.body), (200, files[1].bytes.clone()));
    assert!(gateway.get("/npm/lodash").await.is(200));
    assert_eq!(gateway.get(LODASH).await.body, files[1].bytes);
    assert_eq!(origin.count(LODASH_UPSTREAM), 2);
}

#[tokio::test]
async fn hits_are_counted() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    for _ in 0..4 {
        gateway.get(LODASH).await;
    }
    gateway.clock().advance(DAY);
    gateway.artifacts.flush_hits().await.unwrap();
    let path = "lodash/-/lodash-4.17.21.tgz";
    let row = gateway.catalog.artifact("npm", path).await.unwrap().unwrap();
    assert_eq!((row.hits, row.size), (3, gateway.get(LODASH).await.body.len() as u64));
    assert_eq!(row.last_used_at, row.created_at.plus(DAY));
    gateway.artifacts.flush_hits().await.unwrap();
    let row = gateway.catalog.artifact("npm", path).await.unwrap().unwrap();
    assert_eq!(row.hits, 4);
}

#[tokio::test]
async fn a_hit_touches_no_database_and_no_upstream() {
    let (npm, python) = (Origin::start().await, Origin::start().await);
    npm_registry(&npm, &[lodash()], &NpmStyle::default());
    let numpy = Package::new("numpy").release("2.1.0", "");
    let undated = PypiStyle { dates: false, ..PypiStyle::default() };
    pypi_index(&python, &python, &[numpy], &undated);
    let gateway = setup().npm(&npm).pypi(&python).cooldown(7).open().await;
    let paths = [
        LODASH,
        "/npm/lodash",
        "/pypi/files/numpy/numpy-2.1.0-py3-none-any.whl",
        "/pypi/simple/numpy/",
    ];
    for _ in 0..2 {
        for path in paths {
            assert!(gateway.get(path).await.is(200), "{path}");
        }
        assert!(gateway.get(WITHHELD).await.is(403));
    }
    npm.stop();
    python.stop();
    gateway.catalog.close().await.unwrap();
    assert!(gateway.catalog.check().await.is_err());
    for path in paths {
        let answered = gateway.get(path).await;
        assert!(answered.is(200), "{path}: {answered:?}");
        assert_eq!(gateway.observer.last().outcome, "hit", "{path}");
    }
    let refused = gateway.get(WITHHELD).await;
    assert!(refused.is(403), "{refused:?}");
}

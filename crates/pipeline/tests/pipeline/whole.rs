//! Whole or nothing: what does not agree with what the registry promised is never stored and
//! never ends as a clean answer.

use weir_testkit::origin::{
    Answer, CargoStyle, NpmStyle, Origin, Package, PypiStyle, cargo_index, npm_registry, pypi_index,
};

use crate::harness::{Gateway, LODASH, LODASH_UPSTREAM, eventually, lodash, setup};

/// Breaks a file in one way, asks for it, mends it and asks again.
async fn breaks_and_mends(name: &str, break_it: impl FnOnce(Answer) -> Answer) {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let whole = Answer::ok(files[1].bytes.clone());
    origin.change(LODASH_UPSTREAM, break_it);
    let gateway = setup().npm(&origin).open().await;

    let answered = gateway.get(LODASH).await;
    assert!(answered.broken.is_some() || answered.status == 502, "{name}: {answered:?}");
    assert!(answered.body.len() < files[1].bytes.len() || answered.status != 200, "{name}");
    assert_eq!(gateway.stored(), Vec::<String>::new(), "{name}");
    nothing_is_spooled(&gateway).await;

    origin.put(LODASH_UPSTREAM, whole);
    let answered = gateway.get(LODASH).await;
    assert!(answered.is(200), "{name}: {answered:?}");
    assert_eq!(answered.body, files[1].bytes, "{name}");
}

async fn nothing_is_spooled(gateway: &Gateway) {
    let spools = gateway.setup.dir.path().join(".weir-spool");
    let left = || -> usize {
        let folders = std::fs::read_dir(&spools).into_iter().flatten().flatten();
        let folders = folders.filter(|entry| entry.path().is_dir());
        folders.map(|folder| std::fs::read_dir(folder.path()).unwrap().count()).sum()
    };
    eventually("the spool folder is empty", || left() == 0).await;
}

#[tokio::test]
async fn other_bytes_of_the_right_length() {
    breaks_and_mends("corrupted", Answer::corrupted).await;
    breaks_and_mends("corrupted, chunked", |a| a.corrupted().chunked()).await;
}

#[tokio::test]
async fn too_few_bytes() {
    breaks_and_mends("cut", |a| a.cut_after(50)).await;
    breaks_and_mends("cut, chunked", |a| a.chunked().cut_after(50)).await;
    breaks_and_mends("short", |a| a.claiming_length(60)).await;
    breaks_and_mends("empty", |_| Answer::ok("")).await;
}

#[tokio::test]
async fn too_many_bytes() {
    breaks_and_mends("claims more than it has", |a| a.claiming_length(1_000_000)).await;
    breaks_and_mends("has more", |a| {
        let mut long = a.body().to_vec();
        long.extend(b"more");
        Answer::ok(long)
    })
    .await;
    breaks_and_mends("has more, chunked", |a| {
        let mut long = a.body().to_vec();
        long.extend(b"more");
        Answer::ok(long).chunked()
    })
    .await;
}

#[tokio::test]
async fn an_endless_file_ends_at_the_limit() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    origin.put(LODASH_UPSTREAM, Answer::ok(vec![b'x'; 4096]).endless());
    let gateway = setup().npm(&origin).with(|s| s.settings.max_artifact = 100_000).open().await;
    let answered = gateway.get(LODASH).await;
    assert!(answered.broken.is_some(), "{answered:?}");
    assert!(answered.body.len() <= 100_000);
    assert!(gateway.stored().is_empty());
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_before_its_bytes() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).with(|s| s.settings.max_artifact = 10).open().await;
    let answered = gateway.get(LODASH).await;
    assert!(answered.fails(502, "unreadable_document"), "{answered:?}");
    assert!(answered.text().contains("limits.artifact"), "{answered:?}");
}

#[tokio::test]
async fn the_digests_of_every_registry_are_verified() {
    let (python, crates) = (Origin::start().await, Origin::start().await);
    let numpy = Package::new("numpy").release("2.1.0", "2024-01-01T00:00:00Z");
    let wheels = pypi_index(&python, &python, &[numpy], &PypiStyle::default());
    let serde = Package::new("serde").release("1.0.193", "2024-01-01T00:00:00Z");
    let archives = cargo_index(&crates, &[serde], &CargoStyle::default());
    let gateway = setup().pypi(&python).cargo(&crates).open().await;
    let wheel = "/pypi/files/numpy/numpy-2.1.0-py3-none-any.whl";
    for (origin, upstream, path) in [
        (&python, wheels[0].path.clone(), wheel.to_owned()),
        (&python, format!("{}.metadata", wheels[0].path), format!("{wheel}.metadata")),
        (&crates, archives[0].path.clone(), "/cargo/crates/serde/1.0.193/download".to_owned()),
    ] {
        origin.change(&upstream, Answer::corrupted);
        let answered = gateway.get(&path).await;
        assert!(!answered.is(200), "{path}");
        origin.change(&upstream, Answer::corrupted);
        let answered = gateway.get(&path).await;
        assert!(answered.is(200), "{path}: {answered:?}");
    }
    assert_eq!(gateway.stored().len(), 3);
}

#[tokio::test]
async fn a_store_that_fails_is_an_error_and_heals() {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    let in_the_way = gateway.setup.objects().join("npm");
    std::fs::write(&in_the_way, "a file where a folder should be").unwrap();
    let range = [("range", "bytes=0-1")];
    let answered = gateway.ask("GET", LODASH, &range).await;
    assert!(answered.fails(503, "internal"), "{answered:?}");
    let folder = gateway.setup.dir.path().to_string_lossy();
    assert!(!answered.text().contains(&*folder), "{answered:?}");
    let answered = gateway.get(LODASH).await;
    assert!(!answered.is(200), "{answered:?}");
    std::fs::remove_file(&in_the_way).unwrap();
    let answered = gateway.get(LODASH).await;
    assert!(answered.is(200), "{answered:?}");
    assert_eq!(answered.body, files[1].bytes);
}

#[tokio::test]
async fn a_database_that_fails_is_an_error_with_a_code() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = setup().npm(&origin).open().await;
    gateway.catalog.close().await.unwrap();
    for path in [LODASH, "/npm/lodash"] {
        let answered = gateway.get(path).await;
        assert!(answered.fails(503, "internal"), "{path}: {answered:?}");
        assert!(answered.header("retry-after").is_some(), "{answered:?}");
        let folder = gateway.setup.dir.path().to_string_lossy();
        assert!(!answered.text().contains(&*folder), "{answered:?}");
    }
}

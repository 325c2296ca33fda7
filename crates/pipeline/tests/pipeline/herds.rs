//! One upstream fetch per missing thing, and bytes as they arrive.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use http_body_util::BodyExt as _;
use weir_testkit::origin::{Answer, NpmStyle, Origin, Package, npm_registry};

use crate::harness::{Answered, Gateway, LODASH, LODASH_UPSTREAM, eventually, lodash, setup};

const HERD: usize = 64;

async fn herd(gateway: &Arc<Gateway>, path: &'static str) -> Vec<Answered> {
    let asked: Vec<_> = (0..HERD)
        .map(|_| {
            let gateway = Arc::clone(gateway);
            tokio::spawn(async move { gateway.get(path).await })
        })
        .collect();
    let mut answers = Vec::new();
    for one in asked {
        answers.push(one.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_herd_for_a_missing_file_is_one_fetch() {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    origin.change(LODASH_UPSTREAM, |answer| answer.delayed(Duration::from_millis(100)));
    let gateway = Arc::new(setup().npm(&origin).open().await);

    for answered in herd(&gateway, LODASH).await {
        assert!(answered.is(200), "{answered:?}");
        assert_eq!(answered.body, files[1].bytes);
    }
    assert_eq!(origin.count(LODASH_UPSTREAM), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_herd_for_a_failing_file_gets_errors_and_the_next_request_asks_again() {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    origin.put(LODASH_UPSTREAM, Answer::ok(files[1].bytes.clone()).corrupted());
    let gateway = Arc::new(setup().npm(&origin).open().await);
    for answered in herd(&gateway, LODASH).await {
        assert!(!answered.is(200), "{answered:?}");
    }
    origin.put(LODASH_UPSTREAM, Answer::ok(files[1].bytes.clone()));
    for answered in herd(&gateway, LODASH).await {
        assert!(answered.is(200), "{answered:?}");
        assert_eq!(answered.body, files[1].bytes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_herd_for_a_listing_is_one_fetch_and_one_rendering() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let gateway = Arc::new(setup().npm(&origin).open().await);
    let answers = herd(&gateway, "/npm/lodash").await;
    for answered in &answers {
        assert!(answered.is(200), "{answered:?}");
        // The same bytes in memory, so they were written once.
        assert_eq!(answered.body, answers[0].body);
        assert_eq!(answered.headers, answers[0].headers);
    }
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn bytes_arrive_before_upstream_has_ended() {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    origin.change(LODASH_UPSTREAM, |answer| answer.stalling_after(100));
    let gateway = setup().npm(&origin).open().await;

    let response = gateway.send("GET", LODASH, &[]).await;
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, files[1].bytes.slice(..first.len()));
    assert!(!first.is_empty() && first.len() <= 100);
}

#[tokio::test]
async fn a_transfer_goes_on_when_its_client_leaves() {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    let pause = Duration::from_millis(30);
    origin.change(LODASH_UPSTREAM, |answer| answer.trickling(40, pause));
    let gateway = setup().npm(&origin).open().await;

    let mut body = gateway.send("GET", LODASH, &[]).await.into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    eventually("the file is stored", || gateway.stored().len() == 1).await;
    let answered = gateway.get(LODASH).await;
    assert_eq!(answered.body, files[1].bytes);
    assert_eq!(origin.count(LODASH_UPSTREAM), 1);
}

#[tokio::test]
async fn a_transfer_goes_on_when_its_client_leaves_before_the_head() {
    let origin = Origin::start().await;
    npm_registry(&origin, &[lodash()], &NpmStyle::default());
    origin.change(LODASH_UPSTREAM, |answer| answer.delayed(Duration::from_secs(2)));
    let gateway = setup().npm(&origin).open().await;
    // The listing first, so that only the file is slow.
    gateway.ask("HEAD", LODASH, &[]).await;
    let hasty = gateway.send("GET", LODASH, &[]);
    assert!(tokio::time::timeout(Duration::from_secs(1), hasty).await.is_err());
    eventually("the file is stored", || gateway.stored().len() == 1).await;
    assert_eq!(
        origin.requests().iter().filter(|r| r.method == "GET" && r.path == LODASH_UPSTREAM).count(),
        1
    );
}

#[tokio::test]
async fn those_who_come_later_join_from_the_first_byte() {
    let origin = Origin::start().await;
    let files = npm_registry(&origin, &[lodash()], &NpmStyle::default());
    origin.change(LODASH_UPSTREAM, |answer| answer.trickling(60, Duration::from_millis(20)));
    let gateway = Arc::new(setup().npm(&origin).open().await);
    let mut early = gateway.send("GET", LODASH, &[]).await.into_body();
    early.frame().await.unwrap().unwrap();
    let late = gateway.get(LODASH).await;
    assert!(late.is(200));
    assert_eq!(late.body, files[1].bytes);
    assert_eq!(origin.count(LODASH_UPSTREAM), 1);
}

/// Many clients, many files, some of which come broken at first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_load_every_answer_is_whole_or_an_error() {
    let origin = Origin::start().await;
    let packages: Vec<_> = (0..20)
        .map(|n| Package::new(&format!("p{n}")).release("1.0.0", "2024-01-01T00:00:00Z"))
        .collect();
    let files = npm_registry(&origin, &packages, &NpmStyle::default());
    for (n, file) in files.iter().enumerate() {
        let good = Answer::ok(file.bytes.clone());
        let served = AtomicUsize::new(0);
        origin.put_with(&file.path, move |_| match (n % 4, served.fetch_add(1, SeqCst)) {
            (0, 0) => good.clone().corrupted(),
            (1, 0) => good.clone().cut_after(30),
            (2, 0..2) => Answer::status(503, ""),
            _ => good.clone().trickling(100, Duration::from_millis(1)),
        });
    }
    let gateway = Arc::new(setup().npm(&origin).open().await);
    let clients: Vec<_> = (0..16)
        .map(|client| {
            let (gateway, files) = (Arc::clone(&gateway), files.clone());
            tokio::spawn(async move {
                for n in 0..files.len() {
                    let file = &files[(n + client) % files.len()];
                    let path = format!("/npm/{}", file.path);
                    let mut tries = 0;
                    loop {
                        let answered = gateway.get(&path).await;
                        if answered.is(200) {
                            assert_eq!(answered.body, file.bytes, "{path}");
                            break;
                        }
                        assert!(
                            answered.broken.is_some() || answered.status == 502,
                            "{answered:?}"
                        );
                        tries += 1;
                        assert!(tries < 5, "{path} does not recover: {answered:?}");
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    for (n, file) in files.iter().enumerate() {
        assert_eq!(origin.count(&file.path), [2, 2, 3, 1][n % 4], "{}", file.path);
    }
    assert_eq!(gateway.stored().len(), files.len());
}

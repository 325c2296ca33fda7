//! A store that is too small: what goes, and what stays.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use weir_testkit::origin::{Package, PackageRelease};

use super::Day;

/// Bytes of the file that is read slowly: more than the system holds for a connection.
const LONG: usize = 24 << 20;
const SHORT: usize = 2 << 20;
/// The long file and four short ones, with their listings.
const ROOM: &str = "[storage]\nmax_size = \"33 MiB\"\nscrub = \"0\"\n[limits]\nmemory = \"0\"\n";

fn package(name: &str, ballast: usize) -> Package {
    let heavy = |release| PackageRelease { ballast, ..release };
    Package::new(name).release_with("1.0.0", "2025-01-01T00:00:00Z", heavy)
}

/// Whether a package's file lies in the store.
fn is_stored(day: &Day, name: &str) -> bool {
    let file = format!("data/cache/npm/{name}/1.0.0/{name}-1.0.0.tgz");
    day.folder.path().join(file).is_file()
}

async fn until(what: &str, mut happens: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(2);
    while !happens() {
        assert!(Instant::now() < deadline, "{what}: it does not happen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Reads a few KiB a second until it is told to go on; then everything.
async fn slowly(port: u16, path: String, go_on: tokio::sync::oneshot::Receiver<()>) -> Vec<u8> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    let mut stream = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut answer, mut piece) = (Vec::new(), [0; 1024]);
    let mut slow = std::pin::pin!(go_on);
    loop {
        let count = stream.read(&mut piece).await.unwrap();
        answer.extend_from_slice(&piece[..count]);
        let pause = tokio::time::sleep(Duration::from_millis(200));
        tokio::select! {
            _ = &mut slow => break,
            () = pause => {}
        }
    }
    stream.read_to_end(&mut answer).await.unwrap();
    let body = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    answer.split_off(body)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_slowly_stays_and_what_was_used_least_recently_goes() {
    let shorts = ["one", "two", "three", "four", "five"].map(|name| package(name, SHORT));
    let packages = [vec![package("long", LONG)], shorts.to_vec()].concat();
    let mut day = Day::with(ROOM, &packages).await;
    day.begin();
    assert!(day.serves("long", "1.0.0").await);
    let path = format!("/npm/{}", day.file("long", "1.0.0").path);
    let (go_on, told) = tokio::sync::oneshot::channel();
    let reader = tokio::spawn(slowly(day.gateway().port, path, told));
    for name in ["one", "two", "three", "four", "one"] {
        assert!(day.serves(name, "1.0.0").await);
        // Uses are told apart by the millisecond.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(["long", "one", "two", "three", "four"].iter().all(|name| is_stored(&day, name)));
    assert!(day.serves("five", "1.0.0").await);
    until("the least recently used go", || !is_stored(&day, "two") && !is_stored(&day, "three"))
        .await;
    for name in ["long", "one", "four", "five"] {
        assert!(is_stored(&day, name), "{name} went");
    }
    go_on.send(()).unwrap();
    let read = reader.await.unwrap();
    assert!(read == day.file("long", "1.0.0").bytes, "every byte: {} of them", read.len());
    for (name, fetched) in [("long", 1), ("one", 1), ("two", 2)] {
        assert!(day.serves(name, "1.0.0").await);
        assert_eq!(day.origin.count(&day.file(name, "1.0.0").path), fetched, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_count_and_go_when_no_file_is_left_to_go() {
    let many = |name: &str| {
        (0..400).fold(Package::new(name), |package, patch| {
            package.release(&format!("1.0.{patch}"), "2025-01-01T00:00:00Z")
        })
    };
    let config = "[storage]\nmax_size = \"64 KiB\"\nscrub = \"0\"\n";
    let mut day = Day::with(config, &[many("many"), many("more")]).await;
    day.begin();
    let documents = day.folder.path().join("data/cache/~documents");
    let bytes = || {
        let mut files = Vec::new();
        weir_chaos::walk(&documents, &mut files);
        files.iter().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum::<u64>()
    };
    for name in ["many", "more"] {
        assert_eq!(day.get(&format!("/npm/{name}")).await.status, 200);
    }
    until("listings go", || bytes() < 64 << 10).await;
    for name in ["many", "more"] {
        assert_eq!(day.get(&format!("/npm/{name}")).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_used_for_too_long_is_retired_listings_included() {
    let config = "[storage]\nmax_age = \"2s\"\nscrub = \"0\"\n";
    let mut day = Day::with(config, &[package("one", 100)]).await;
    day.begin();
    assert!(day.serves("one", "1.0.0").await);
    assert!(is_stored(&day, "one"));
    day.gateway.take().unwrap().stop();
    tokio::time::sleep(Duration::from_millis(2200)).await;
    day.begin();
    until("it is retired", || !is_stored(&day, "one")).await;
    let mut left = Vec::new();
    until("its listing is retired", || {
        left.clear();
        weir_chaos::walk(&day.folder.path().join("data/cache"), &mut left);
        left.is_empty()
    })
    .await;
    assert!(day.serves("one", "1.0.0").await);
    assert_eq!(day.origin.count(&day.file("one", "1.0.0").path), 2, "fetched again");
}

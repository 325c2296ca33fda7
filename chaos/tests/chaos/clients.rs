//! Clients that are slow, many, or gone.

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use weir_chaos::{Ask, End, Manner, ask};

use super::{Day, is_honest, slow_readers};

const HALF: &[u8] = b"GET /npm/small HTTP/1.1\r\nhost: weir.exam";

/// Bytes in a MiB.
const MIB: u64 = 1 << 20;

async fn connect(day: &Day) -> TcpStream {
    TcpStream::connect(("127.0.0.1", day.gateway().port)).await.unwrap()
}

/// Whether the other side closes the connection within this time.
async fn is_closed(stream: &mut TcpStream, within: Duration) -> bool {
    let mut rest = Vec::new();
    timeout(within, stream.read_to_end(&mut rest)).await.is_ok()
}

/// This process may have so many connections; false where the system does not allow it.
fn may_open(files: u64) -> bool {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    raised.is_ok() && maximum.is_none_or(|maximum| maximum >= files)
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_and_an_idle_connection_are_closed_after_their_time() {
    let day = Day::begun("[limits]\nheader_timeout = \"1s\"\n").await;
    let mut halves = Vec::new();
    for _ in 0..50 {
        let mut stream = connect(&day).await;
        stream.write_all(HALF).await.unwrap();
        halves.push(stream);
    }
    let mut idle = connect(&day).await;
    idle.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut slow_body = connect(&day).await;
    let head = b"POST /npm/-/npm/v1/security/advisories/bulk HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{";
    slow_body.write_all(head).await.unwrap();
    assert!(day.serves("small", "1.0.0").await);
    for stream in halves.iter_mut().chain([&mut idle, &mut slow_body]) {
        assert!(is_closed(stream, Duration::from_secs(30)).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_preface_of_http2_and_silence_are_closed_after_their_time() {
    let day = Day::begun("http2 = true\n[limits]\nheader_timeout = \"1s\"\n").await;
    let mut halves = Vec::new();
    for begun in [&b""[..], b"PRI * HTTP/2.0\r\n", HALF] {
        let mut stream = connect(&day).await;
        stream.write_all(begun).await.unwrap();
        halves.push(stream);
    }
    assert!(day.serves("small", "1.0.0").await);
    for stream in &mut halves {
        assert!(is_closed(stream, Duration::from_secs(30)).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_idle_connections_cost_little_and_stop_nobody() {
    const COUNT: u64 = 5000;
    if !may_open(COUNT * 2 + 500) {
        println!("SKIPPED: too few open files are allowed");
        return;
    }
    let config = format!("[limits]\nconnections = {}\nheader_timeout = \"1m\"\n", COUNT + 100);
    let day = Day::begun(&config).await;
    assert!(day.serves("small", "1.0.0").await);
    let before = day.gateway().memory();
    let mut idle = Vec::new();
    for number in 0..COUNT {
        let mut stream = connect(&day).await;
        let begun: &[u8] = match number % 3 {
            0 => b"",
            1 => HALF,
            _ => b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n",
        };
        stream.write_all(begun).await.unwrap();
        idle.push(stream);
    }
    assert!(day.serves("heavy", "1.0.0").await);
    if let (Some(before), Some(after)) = (before, day.gateway().memory()) {
        println!("{COUNT} connections: {} MiB became {} MiB", before / MIB, after / MIB);
        assert!(after - before < 150 * MIB);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_beyond_the_places_are_told_when_to_come_back() {
    let day = Day::begun("[limits]\nconnections = 3\n").await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(&day).await;
        stream.write_all(HALF).await.unwrap();
        idle.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let got = day.get("/npm/small").await;
    assert!(got.status == 503 && is_honest(&got), "{got:?}");
    assert_eq!(got.header("x-weir-reason"), Some("overloaded"));
    drop(idle);
    let until = Instant::now() + Duration::from_secs(30);
    while !day.serves("small", "1.0.0").await {
        assert!(Instant::now() < until, "their places stay taken");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn misses_beyond_what_upstream_takes_are_told_when_to_come_back() {
    let limits = "[limits.upstream]\nconnections = 2\npool_timeout = \"300ms\"\nretries = 0\n";
    let day = Day::begun(limits).await;
    day.origin.bend(|_, answer| answer.delayed(Duration::from_secs(1)));
    let port = day.gateway().port;
    let asking = (0..40).map(|number| {
        tokio::spawn(async move { ask(port, &Ask::get(format!("/npm/unknown-{number}"))).await })
    });
    let mut overloaded = 0;
    for asked in asking.collect::<Vec<_>>() {
        let got = asked.await.unwrap().unwrap();
        let says = got.header("x-weir-reason");
        assert!(got.status == 404 || got.status == 503 && is_honest(&got), "{got:?}");
        overloaded += usize::from(says == Some("overloaded"));
    }
    assert!(overloaded > 20, "{overloaded}");
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_unknown_names_and_of_misses_keep_memory_bounded() {
    let day = Day::begun("").await;
    assert!(day.serves("small", "1.0.0").await);
    let before = day.gateway().memory();
    let port = day.gateway().port;
    let clients = (0..32).map(|client| {
        tokio::spawn(async move {
            for number in 0..100 {
                let path = match number % 3 {
                    0 => format!("/npm/no-such-{client}-{number}"),
                    1 => format!("/npm/small/-/small-9.{client}.{number}.tgz"),
                    _ => format!("/nowhere/{client}/{number}"),
                };
                let got = ask(port, &Ask::get(&path)).await.unwrap();
                assert!(got.status == 404 || is_honest(&got), "{path}: {got:?}");
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    if let (Some(before), Some(after)) = (before, day.gateway().memory()) {
        println!("3,200 misses: {} MiB became {} MiB", before / MIB, after / MIB);
        assert!(after.saturating_sub(before) < 100 * MIB);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_clients_vanish_in_the_midst_of_a_fetch_it_and_the_others_go_on() {
    let day = Day::begun("").await;
    let upstream = &day.file("heavy", "1.0.0").path;
    day.origin.change(upstream, |a| a.trickling(super::HEAVY / 20, Duration::from_millis(50)));
    let (port, path) = (day.gateway().port, format!("/npm/{upstream}"));
    let get = Ask::get(&path);
    let staying = tokio::spawn(async move { ask(port, &get).await.unwrap() });
    for bytes in [1, 1000, super::HEAVY / 10] {
        let left = ask(port, &Ask::get(&path).manner(Manner::Vanishes(bytes))).await.unwrap();
        assert_eq!(left.end, End::Left);
    }
    assert!(!staying.is_finished(), "they left in its midst");
    let stayed = staying.await.unwrap();
    assert!(stayed.end == End::Whole && stayed.body == day.file("heavy", "1.0.0").bytes);
    assert!(day.serves("heavy", "1.0.0").await);
    assert_eq!(day.origin.count(upstream), 1, "one fetch for all");
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_clients_that_read_a_byte_a_second_cost_little_and_stop_nobody() {
    const COUNT: usize = 400;
    if !may_open(COUNT as u64 * 2 + 500) {
        println!("SKIPPED: too few open files are allowed");
        return;
    }
    let day = Day::begun("[limits]\nmemory = \"0\"\n").await;
    assert!(day.serves("heavy", "1.0.0").await);
    let before = day.gateway().memory();
    let path = format!("/npm/{}", day.file("heavy", "1.0.0").path);
    let mut readers = slow_readers(&day, &path, COUNT).await;
    for second in 0..3 {
        for (number, reader) in readers.iter_mut().enumerate() {
            let read = timeout(Duration::from_mins(1), reader.read_u8()).await;
            assert_eq!(read.unwrap().unwrap(), b"HTTP/1.1 200"[second], "{number}");
        }
        assert!(day.serves("small", "1.0.0").await);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    if let (Some(before), Some(after)) = (before, day.gateway().memory()) {
        println!("{COUNT} slow readers: {} MiB became {} MiB", before / MIB, after / MIB);
        assert!(after.saturating_sub(before) < 80 * MIB, "{before} {after}");
    }
    assert!(day.serves("heavy", "1.1.0").await, "others go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_is_given_up() {
    let day = Day::begun("[limits]\nsend_timeout = \"1s\"\n").await;
    assert!(day.serves("heavy", "1.0.0").await);
    let mut stuck = connect(&day).await;
    let path = format!("/npm/{}", day.file("heavy", "1.0.0").path);
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stuck.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut received = Vec::new();
    let ended = timeout(Duration::from_secs(5), stuck.read_to_end(&mut received)).await;
    assert!(ended.is_ok() && received.len() < super::HEAVY, "{ended:?} {}", received.len());
}

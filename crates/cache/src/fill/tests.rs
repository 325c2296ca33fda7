//! What followers of a transfer see.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use weir_core::{Algorithm, Digest};
use weir_storage::{Spools, StorageSettings};

use super::{Fill, Leader, Promise};
use crate::CacheError;
use crate::testing::admitted;

const TEXT: &[u8] = b"all or nothing";

fn promise() -> Promise {
    let digests = vec![Digest::of(Algorithm::Sha512, TEXT)];
    Promise { length: Some(TEXT.len() as u64), digests, wanted: Vec::new(), limit: 1000 }
}

struct Begun {
    _folder: tempfile::TempDir,
    fill: Fill,
    leader: Leader,
}

async fn begin(promise: Promise) -> Begun {
    let folder = tempfile::tempdir().unwrap();
    let spools = Spools::open(folder.path(), &StorageSettings::default()).unwrap();
    let spool = spools.create().await.unwrap();
    let (fill, leader) = Fill::begin(spool, promise, "".into());
    Begun { _folder: folder, fill, leader }
}

fn source(
    parts: &[&'static [u8]],
) -> impl stream::Stream<Item = Result<Bytes, Infallible>> + Unpin {
    let parts: Vec<_> = parts.iter().map(|part| Ok(Bytes::from_static(part))).collect();
    stream::iter(parts)
}

/// What a follower gets until it would have to wait.
fn available(fill: &Fill, start: u64) -> Vec<u8> {
    let mut body = fill.body(admitted(), start);
    let mut got = Vec::new();
    while let Some(next) = futures_util::FutureExt::now_or_never(body.next()).flatten() {
        got.extend_from_slice(&next.unwrap());
    }
    got
}

#[tokio::test]
async fn the_last_byte_is_held_until_the_whole_is_stored() {
    let Begun { _folder, fill, leader } = begin(promise()).await;
    let received = leader.receive(source(&[&TEXT[..5], &TEXT[5..]])).await;
    assert!(received.result.is_ok());
    assert_eq!(available(&fill, 0), &TEXT[..TEXT.len() - 1]);
    assert_eq!(available(&fill, 5), &TEXT[5..TEXT.len() - 1]);
    assert_eq!(available(&fill, TEXT.len() as u64 - 1), b"");
}

#[tokio::test]
async fn a_transfer_of_unknown_length_holds_its_end() {
    let Begun { _folder, fill, leader } = begin(Promise { length: None, ..promise() }).await;
    let received = leader.receive(source(&[TEXT])).await;
    assert!(received.result.is_ok());
    let mut body = fill.body(admitted(), 0);
    assert_eq!(body.next().await.unwrap().unwrap(), TEXT);
    let end = futures_util::FutureExt::now_or_never(body.next());
    assert!(end.is_none(), "the end waits for the commit");
}

#[tokio::test]
async fn followers_hear_how_it_failed() {
    let other: &[u8] = b"all or nothinG";
    let cases: [(&str, Vec<&'static [u8]>); 4] = [
        ("received sha512:", vec![other]),
        ("received 3", vec![b"all"]),
        ("received 19", vec![TEXT, b" more"]),
        ("received 0", vec![]),
    ];
    for (said, parts) in cases {
        let Begun { _folder, fill, leader } = begin(promise()).await;
        let (ending, result) = leader.receive(source(&parts)).await.split();
        let error = Arc::new(result.err().unwrap());
        ending.tell(Err(Arc::clone(&error)));
        assert!(error.to_string().contains(said), "{error}");
        assert!(error.to_string().ends_with("nothing was stored"), "{error}");
        assert!(fill.finished().await.is_err());
        let last = fill.body(admitted(), 0).collect::<Vec<_>>().await.pop().unwrap();
        assert!(matches!(last, Err(CacheError::Fill(_))), "{last:?}");
    }
}

#[tokio::test]
async fn a_source_that_breaks_is_a_failure_of_the_source() {
    let Begun { _folder, leader, .. } = begin(promise()).await;
    let broken = stream::iter([Ok(Bytes::from_static(b"all")), Err("reset")]);
    let result = leader.receive(broken).await.result;
    assert!(matches!(result.err(), Some(CacheError::Source(reason)) if reason == "reset"));
}

#[tokio::test]
async fn what_is_longer_than_the_limit_is_not_taken() {
    let Begun { _folder, leader, .. } =
        begin(Promise { length: None, digests: Vec::new(), limit: 10, ..promise() }).await;
    let result = leader.receive(source(&[TEXT])).await.result;
    assert!(matches!(result.err(), Some(CacheError::TooLarge { limit: 10 })));
}

#[tokio::test]
async fn a_transfer_that_is_given_up_is_an_error_for_those_who_wait() {
    let Begun { _folder, fill, leader } = begin(promise()).await;
    let waiting = tokio::spawn({
        let fill = fill.clone();
        async move { fill.finished().await.err() }
    });
    drop(leader);
    assert!(matches!(&*waiting.await.unwrap().unwrap(), CacheError::Abandoned));
    let last = fill.body(admitted(), 0).collect::<Vec<_>>().await.pop().unwrap();
    assert!(matches!(last, Err(CacheError::Abandoned)));
}

#[tokio::test]
async fn without_a_promise_the_own_digest_is_kept() {
    let Begun { _folder, leader, .. } =
        begin(Promise { length: None, digests: Vec::new(), ..promise() }).await;
    let verified = leader.receive(source(&[TEXT])).await.result.unwrap();
    assert_eq!(verified.size, TEXT.len() as u64);
    assert_eq!(verified.sha256, Digest::of(Algorithm::Sha256, TEXT));
}

/// A zip file of nothing: the end of a central directory (PKWARE APPNOTE 6.3.10, section 4.3.16).
const ARCHIVE: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn archived(content: &Digest) -> Promise {
    let digests = vec![content.clone()];
    Promise { length: Some(ARCHIVE.len() as u64), digests, wanted: Vec::new(), limit: 1000 }
}

fn h1_of_nothing() -> Digest {
    let nothing = Digest::of(Algorithm::Sha256, b"");
    Digest::from_bytes(Algorithm::GoZip, nothing.bytes()).unwrap()
}

#[tokio::test]
async fn what_is_promised_of_the_content_is_checked_before_the_last_byte_leaves() {
    let Begun { _folder, fill, leader } = begin(archived(&h1_of_nothing())).await;
    let received = leader.receive(source(&[ARCHIVE])).await;
    assert!(received.result.is_ok());
    assert_eq!(available(&fill, 0).len(), ARCHIVE.len() - 1);

    let other = Digest::from_bytes(Algorithm::GoZip, &[7; 32]).unwrap();
    let Begun { _folder, leader, .. } = begin(archived(&other)).await;
    let wrong = leader.receive(source(&[ARCHIVE])).await.result.err();
    assert!(
        matches!(&wrong, Some(CacheError::WrongDigest { found, .. }) if *found == h1_of_nothing())
    );
}

#[tokio::test]
async fn bytes_that_are_no_archive_cannot_be_what_was_promised() {
    let promise = Promise { length: None, ..archived(&h1_of_nothing()) };
    let Begun { _folder, leader, .. } = begin(promise).await;
    let wrong = leader.receive(source(&[TEXT])).await.result.err();
    assert!(matches!(wrong, Some(CacheError::Unhashable { .. })));
}

/// A runtime in which work that may wait for a disk has one thread.
fn one_disk() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap()
}

#[test]
fn while_the_disk_stands_still_upstream_waits_and_little_is_held_in_memory() {
    const CHUNK: usize = 64 << 10;
    const CHUNKS: usize = 320;
    one_disk().block_on(async {
        let endless = Promise { length: None, digests: Vec::new(), limit: u64::MAX, ..promise() };
        let Begun { _folder, fill, leader } = begin(endless).await;
        let taken = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&taken);
        let source = stream::iter(0..CHUNKS).map(move |_| {
            counted.fetch_add(CHUNK, Ordering::SeqCst);
            Ok::<_, Infallible>(Bytes::from(vec![7; CHUNK]))
        });
        let (go_on, stands_still) = std::sync::mpsc::channel::<()>();
        let disk = tokio::task::spawn_blocking(move || stands_still.recv());
        let receiving = tokio::spawn(leader.receive(source));
        for _ in 0..10 * CHUNKS {
            tokio::task::yield_now().await;
        }
        let held = taken.load(Ordering::SeqCst);
        assert!(held > 0 && held <= StorageSettings::default().write_size + CHUNK, "{held}");
        assert!(available(&fill, 0).len() <= held && !receiving.is_finished());
        drop(go_on);
        disk.await.unwrap().unwrap_err();
        let verified = receiving.await.unwrap().result.unwrap();
        assert_eq!(verified.size, (CHUNK * CHUNKS) as u64);
    });
}

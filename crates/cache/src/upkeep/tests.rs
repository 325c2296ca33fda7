//! What upkeep removes, and what it leaves alone.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use weir_core::Timestamp;

use super::{Collecting, Evicted, FaultKind, Retention, Scrub};
use crate::testing::{Kept, Open, admitted, content, read, store, wanted};
use crate::{CacheError, DocumentKey, Entry, Fetched, Wanted};

/// Stores files one minute after another.
async fn stored(kept: &Kept, names: &[&str]) -> (Open, Vec<Arc<Entry>>) {
    let open = kept.open().await;
    let mut entries = Vec::new();
    for (minute, name) in (0..).zip(names) {
        kept.clock.set(minutes(minute));
        entries.push(store(&open, wanted(name), content(name)).await);
    }
    (open, entries)
}

fn minutes(count: u64) -> Timestamp {
    Timestamp::EPOCH.plus(Duration::from_mins(count))
}

async fn document(open: &Open, request: &str, text: &'static str) {
    let fetched = Fetched {
        body: Some(Bytes::from_static(text.as_bytes())),
        media: "application/json".into(),
        url: "https://registry.example/x".into(),
        etag: None,
        last_modified: None,
        headers: Vec::new(),
        scope: "x".into(),
    };
    let key = DocumentKey { mount: "npm".into(), request: request.into() };
    open.documents.put(&key, fetched).await.unwrap();
}

fn names(kept: &Kept) -> Vec<String> {
    let name = |path: &std::path::PathBuf| path.file_name()?.to_str().map(ToOwned::to_owned);
    kept.files().iter().filter_map(name).collect()
}

fn at_most(max_size: u64) -> Retention {
    Retention { max_size: Some(max_size), max_age: None }
}

#[tokio::test]
async fn what_was_used_least_recently_goes_first() {
    let kept = Kept::new();
    let (open, entries) = stored(&kept, &["a", "b", "c", "d"]).await;
    kept.clock.set(minutes(9));
    read(&open, &entries[0]).await.unwrap();
    let evicted = open.upkeep.evict(&at_most(300)).await.unwrap();
    assert_eq!(evicted, Evicted { artifacts: 2, documents: 0, bytes: 200 });
    assert_eq!(names(&kept), ["a-1.0.0.tgz", "d-1.0.0.tgz"]);
    assert!(open.artifacts.entry(&"npm".into(), &entries[1].path).await.unwrap().is_none());
    assert_eq!(open.upkeep.evict(&at_most(300)).await.unwrap(), Evicted::default());
}

#[tokio::test]
async fn nothing_goes_without_a_limit_or_below_it() {
    let kept = Kept::new();
    let (open, _) = stored(&kept, &["a", "b"]).await;
    assert_eq!(open.upkeep.evict(&Retention::default()).await.unwrap(), Evicted::default());
    assert_eq!(open.upkeep.evict(&at_most(200)).await.unwrap(), Evicted::default());
    assert!(!open.upkeep.is_over(200).await.unwrap());
    assert!(open.upkeep.is_over(199).await.unwrap());
}

#[tokio::test]
async fn what_this_process_stores_counts_at_once() {
    let kept = Kept::new();
    let (open, _) = stored(&kept, &["a"]).await;
    assert!(!open.upkeep.is_over(150).await.unwrap());
    store(&open, wanted("b"), content("b")).await;
    assert!(open.upkeep.is_over(150).await.unwrap());
}

#[tokio::test]
async fn what_is_being_read_stays() {
    let kept = Kept::new();
    let (open, entries) = stored(&kept, &["a", "b"]).await;
    let body = open.artifacts.open(admitted(), &entries[0], 0..100).await.unwrap();
    kept.clock.set(minutes(9));
    read(&open, &entries[1]).await.unwrap();
    kept.clock.set(minutes(99));
    let evicted = open.upkeep.evict(&at_most(0)).await.unwrap();
    assert_eq!((evicted.artifacts, names(&kept)), (1, vec!["a-1.0.0.tgz".to_owned()]));
    drop(body);
    assert_eq!(open.upkeep.evict(&at_most(0)).await.unwrap().artifacts, 1);
    assert!(kept.files().is_empty());
}

#[tokio::test]
async fn bytes_that_two_records_share_stay_until_the_last_record_goes() {
    let kept = Kept::new();
    let (open, _) = stored(&kept, &["a"]).await;
    kept.clock.set(minutes(5));
    let shared = Wanted { path: "other/path".into(), ..wanted("a") };
    let entry = store(&open, shared, content("a")).await;
    let older = Retention { max_size: None, max_age: Some(Duration::from_mins(1)) };
    let evicted = open.upkeep.evict(&older).await.unwrap();
    assert_eq!(evicted, Evicted { artifacts: 1, documents: 0, bytes: 0 });
    assert_eq!(read(&open, &entry).await.unwrap(), content("a"));
}

#[tokio::test]
async fn what_nobody_has_used_for_too_long_goes_listings_included() {
    let kept = Kept::new();
    let (open, _) = stored(&kept, &["a"]).await;
    document(&open, "old", "{}").await;
    kept.clock.set(minutes(30));
    store(&open, wanted("b"), content("b")).await;
    document(&open, "young", "[]").await;
    let older = Retention { max_size: None, max_age: Some(Duration::from_mins(10)) };
    let evicted = open.upkeep.evict(&older).await.unwrap();
    assert_eq!(evicted, Evicted { artifacts: 1, documents: 1, bytes: 102 });
    let key = |request: &str| DocumentKey { mount: "npm".into(), request: request.into() };
    assert!(open.documents.get(&key("old")).await.unwrap().is_none());
    assert!(open.documents.get(&key("young")).await.unwrap().is_some());
}

#[tokio::test]
async fn absences_are_remembered_for_as_long_as_listings_are() {
    let kept = Kept::new();
    let open = kept.open().await;
    let key = |request: &str| DocumentKey { mount: "npm".into(), request: request.into() };
    let absent = Fetched { body: None, ..Fetched::note("x".into(), String::new()) };
    for (minute, name) in [(0, "old"), (30, "young")] {
        kept.clock.set(minutes(minute));
        open.documents.put(&key(name), absent.clone()).await.unwrap();
    }
    open.upkeep.evict(&Retention::default()).await.unwrap();
    let known = async |name| kept.open().await.documents.get(&key(name)).await.unwrap().is_some();
    assert_eq!([known("old").await, known("young").await], [true; 2]);
    let older = Retention { max_size: None, max_age: Some(Duration::from_mins(10)) };
    open.upkeep.evict(&older).await.unwrap();
    assert_eq!([known("old").await, known("young").await], [false, true]);
}

/// A document with a scope, fetched at this minute.
async fn scoped(kept: &Kept, open: &Open, at: u64, (request, scope): (&str, &str)) {
    kept.clock.set(minutes(at));
    let fetched = Fetched { scope: scope.into(), ..Fetched::note("x".into(), String::new()) };
    let key = DocumentKey { mount: "debian".into(), request: request.into() };
    open.documents.put(&key, fetched).await.unwrap();
}

#[tokio::test]
async fn what_was_read_from_an_index_stays_as_long_as_its_root() {
    let kept = Kept::new();
    let open = kept.open().await;
    scoped(&kept, &open, 0, ("index @1", "index")).await;
    let index = DocumentKey { mount: "debian".into(), request: "index @1".into() };
    let table = crate::FactsBuilder::default().build();
    open.documents.put_facts(&index, table, weir_core::Coding::Identity).await.unwrap();
    scoped(&kept, &open, 30, ("root", "~root")).await;
    let older = Retention { max_size: None, max_age: Some(Duration::from_mins(10)) };
    assert_eq!(open.upkeep.evict(&older).await.unwrap().documents, 1);
    assert_eq!(open.documents.facts(&"debian".into()).await.unwrap().len(), 1);
    kept.clock.set(minutes(99));
    assert_eq!(open.upkeep.evict(&older).await.unwrap().documents, 2);
    assert_eq!(open.documents.facts(&"debian".into()).await.unwrap().len(), 0);
}

#[tokio::test]
async fn that_there_was_a_root_is_remembered_when_its_bytes_are_gone() {
    let kept = Kept::new();
    let open = kept.open().await;
    scoped(&kept, &open, 0, ("root", "~root")).await;
    let roots = async || {
        let rows = open.catalog.documents_of("debian", "~root").await.unwrap();
        rows.iter().filter(|row| row.digest.is_some()).count()
    };
    let key = DocumentKey { mount: "debian".into(), request: "root".into() };
    std::fs::remove_file(&kept.files()[0]).unwrap();
    assert_eq!(open.upkeep.verify(false, |_| {}).await.unwrap().faults.len(), 1);
    assert_eq!(open.upkeep.verify(false, |_| {}).await.unwrap().faults, []);
    assert_eq!((open.documents.get(&key).await.unwrap().is_none(), roots().await), (true, 1));
    scoped(&kept, &open, 1, ("root", "~root")).await;
    assert!(open.documents.get(&key).await.unwrap().is_some());
    assert_eq!(open.upkeep.evict(&at_most(0)).await.unwrap().documents, 1);
    assert_eq!((kept.files().len(), roots().await), (0, 1));
    assert_eq!(open.catalog.volume().await.unwrap().bytes(), 0);
}

#[tokio::test]
async fn listings_count_and_go_when_no_file_is_left_to_go() {
    let kept = Kept::new();
    let (open, _) = stored(&kept, &["a"]).await;
    document(&open, "one", "0123456789").await;
    assert!(open.upkeep.is_over(109).await.unwrap());
    let evicted = open.upkeep.evict(&at_most(5)).await.unwrap();
    assert_eq!(evicted, Evicted { artifacts: 1, documents: 1, bytes: 110 });
}

#[tokio::test]
async fn listings_stay_while_files_are_only_in_use_unless_they_alone_are_too_much() {
    let kept = Kept::new();
    let (open, entries) = stored(&kept, &["a"]).await;
    document(&open, "one", "0123456789").await;
    let body = open.artifacts.open(admitted(), &entries[0], 0..100).await.unwrap();
    assert_eq!(open.upkeep.evict(&at_most(20)).await.unwrap(), Evicted::default());
    let evicted = open.upkeep.evict(&at_most(5)).await.unwrap();
    assert_eq!(evicted, Evicted { artifacts: 0, documents: 1, bytes: 10 });
    drop(body);
    assert_eq!(open.upkeep.evict(&at_most(5)).await.unwrap().artifacts, 1);
}

#[tokio::test]
async fn an_evicted_file_is_fetched_again() {
    let kept = Kept::new();
    let (open, entries) = stored(&kept, &["a"]).await;
    open.upkeep.evict(&at_most(0)).await.unwrap();
    assert!(matches!(read(&open, &entries[0]).await, Err(CacheError::Missing { .. })));
    let entry = store(&open, wanted("a"), content("a")).await;
    assert_eq!(read(&open, &entry).await.unwrap(), content("a"));
}

#[tokio::test]
async fn objects_that_no_record_names_are_collected_after_a_grace_time() {
    let kept = Kept::new();
    let (open, _) = stored(&kept, &["a"]).await;
    document(&open, "one", "{}").await;
    let orphan = kept.objects().join("npm/gone/1.0.0/gone-1.0.0.tgz");
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, "left over").unwrap();
    let half = kept.objects().join(".weir-incoming/.tmpAbCdEf");
    std::fs::create_dir_all(half.parent().unwrap()).unwrap();
    std::fs::write(&half, "half-way").unwrap();
    // Files have the time of the machine.
    kept.clock.set(weir_core::Clock::now(&weir_core::SystemClock));
    let young = open.upkeep.collect(Collecting::default(), |_| {}).await.unwrap();
    assert_eq!((young.seen, young.orphans, young.young), (3, 0, 1));
    kept.clock.set(weir_core::Clock::now(&weir_core::SystemClock).plus(Duration::from_hours(2)));
    let counting = Collecting { dry_run: true, ..Collecting::default() };
    let counted = open.upkeep.collect(counting, |_| {}).await.unwrap();
    assert_eq!((counted.orphans, counted.bytes, orphan.exists()), (1, 9, true));
    let mut steps = 0;
    let done = open.upkeep.collect(Collecting::default(), |_| steps += 1).await.unwrap();
    assert_eq!((done.orphans, done.bytes, orphan.exists(), steps), (2, 9, false, 1));
    assert_eq!((kept.files().len(), half.exists()), (2, false));
}

#[tokio::test]
async fn changed_bytes_are_found_removed_and_reported() {
    let kept = Kept::new();
    let (open, _) = stored(&kept, &["a", "b", "c", "d"]).await;
    document(&open, "one", "{}").await;
    let path = |name: &str| kept.objects().join(format!("npm/{name}/1.0.0/{name}-1.0.0.tgz"));
    std::fs::write(path("a"), content("x")).unwrap();
    std::fs::write(path("b"), "short").unwrap();
    std::fs::remove_file(path("c")).unwrap();
    let mut steps = Vec::new();
    let kept_ones = open.upkeep.verify(true, |so_far| steps.push(so_far.checked)).await.unwrap();
    assert_eq!(steps, [1, 2, 3, 4, 5], "progress is told after each");
    assert!(kept_ones.faults.len() == 3 && kept_ones.faults.iter().all(|fault| !fault.removed));
    let verified = open.upkeep.verify(false, |_| {}).await.unwrap();
    assert_eq!((verified.checked, verified.bytes), (5, 202));
    let kinds: Vec<_> = verified.faults.iter().map(|fault| &fault.kind).collect();
    assert!(matches!(
        kinds[..],
        [
            FaultKind::WrongDigest { .. },
            FaultKind::WrongLength { expected: 100, found: 5 },
            FaultKind::Missing
        ]
    ));
    assert!(verified.faults.iter().all(|fault| fault.removed));
    assert_eq!(open.upkeep.verify(false, |_| {}).await.unwrap().faults, []);
    assert_eq!(open.catalog.volume().await.unwrap().artifacts, 1);
}

#[tokio::test]
async fn a_scrub_comes_to_everything_and_begins_anew() {
    let kept = Kept::new();
    let (open, _) = stored(&kept, &["a", "b", "c"]).await;
    let mut scrub = Scrub::default();
    let mut checked = 0;
    for _ in 0..4 {
        checked += open.upkeep.scrub(&mut scrub, 1).await.unwrap().checked;
    }
    assert_eq!(checked, 3);
    let rotten = kept.objects().join("npm/a/1.0.0/a-1.0.0.tgz");
    std::fs::write(rotten, content("x")).unwrap();
    assert_eq!(open.upkeep.scrub(&mut scrub, 1).await.unwrap().faults.len(), 1);
}

//! What every storage promises, whichever end it is.

use std::sync::Arc;

use crate::{Key, Opened, Spools, Storage, StorageError, Stored};
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{StreamExt, TryStreamExt};

/// Runs all promises over one storage, which is empty before and after.
pub(super) async fn all(storage: Arc<dyn Storage>, spools: &Spools) {
    storage.check().await.unwrap();
    assert_eq!(keys(&*storage, "").await, [""; 0], "a check leaves no object");
    what_is_committed_is_read_back(&*storage, spools).await;
    ranges_are_cut_to_the_object(&*storage, spools).await;
    odd_names_are_kept_apart(&*storage, spools).await;
    listing_goes_by_whole_components(&*storage, spools).await;
    a_large_object_is_whole(&*storage, spools).await;
    an_open_object_is_never_mixed_with_its_successor(&*storage, spools).await;
    the_last_of_many_commits_is_whole(&storage, spools).await;
    assert_eq!(keys(&*storage, "").await, [""; 0]);
}

pub(super) async fn put(storage: &dyn Storage, spools: &Spools, key: &Key, bytes: &[u8]) {
    let mut spool = spools.create().await.unwrap();
    for chunk in bytes.chunks(70_000) {
        spool.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    assert_eq!(storage.commit(key, spool).await.unwrap(), bytes.len() as u64);
}

pub(super) async fn open(storage: &dyn Storage, key: &Key) -> Opened {
    storage.open(key).await.unwrap().unwrap()
}

async fn range(opened: &Opened, range: std::ops::Range<u64>) -> Vec<u8> {
    let chunks: Vec<Bytes> = opened.read(range).try_collect().await.unwrap();
    chunks.concat()
}

pub(super) async fn keys(storage: &dyn Storage, prefix: &str) -> Vec<String> {
    let listed: Vec<Stored> = storage.list(prefix).try_collect().await.unwrap();
    let mut keys: Vec<String> = listed.iter().map(|one| one.key.to_string()).collect();
    keys.sort();
    keys
}

/// Bytes of which no two stretches are alike.
pub(super) fn pattern(length: usize) -> Vec<u8> {
    (0..length.div_ceil(4) as u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .take(length)
        .collect()
}

async fn what_is_committed_is_read_back(storage: &dyn Storage, spools: &Spools) {
    let key = Key::from_parts(["npm", "@scope/name", "1.0.0", "f.tgz"]);
    assert!(storage.open(&key).await.unwrap().is_none());
    put(storage, spools, &key, b"first").await;
    let opened = open(storage, &key).await;
    assert_eq!((opened.size, &opened.all(5).await.unwrap()[..]), (5, &b"first"[..]));
    assert!(matches!(opened.all(4).await, Err(StorageError::TooLarge { size: 5, cap: 4 })));
    put(storage, spools, &key, b"").await;
    let empty = open(storage, &key).await;
    assert_eq!((empty.size, empty.all(0).await.unwrap().len()), (0, 0));
    assert!(storage.delete(&key).await.unwrap());
    assert!(!storage.delete(&key).await.unwrap());
    assert!(storage.open(&key).await.unwrap().is_none());
}

async fn ranges_are_cut_to_the_object(storage: &dyn Storage, spools: &Spools) {
    let key = Key::from_parts(["generic", "ranges"]);
    let bytes = pattern(700_000);
    put(storage, spools, &key, &bytes).await;
    let opened = open(storage, &key).await;
    assert_eq!(range(&opened, 0..700_000).await, bytes);
    assert_eq!(range(&opened, 0..700_000).await, bytes, "a second read is a read");
    assert_eq!(range(&opened, 1..3).await, bytes[1..3]);
    assert_eq!(range(&opened, 262_143..600_001).await, bytes[262_143..600_001]);
    assert_eq!(range(&opened, 699_999..u64::MAX).await, bytes[699_999..]);
    assert_eq!(range(&opened, 700_000..700_001).await, b"");
    let mut reading = opened.read(10..20);
    assert_eq!(reading.remaining(), 10);
    while reading.next().await.is_some() {}
    assert_eq!(reading.remaining(), 0);
    assert!(reading.next().await.is_none());
    storage.delete(&key).await.unwrap();
}

async fn odd_names_are_kept_apart(storage: &dyn Storage, spools: &Spools) {
    let long = "x".repeat(3000);
    let lists: [&[&str]; 9] = [
        &["odd", "a/b", "1"],
        &["odd", "a", "b", "1"],
        &["odd", "a%2Fb", "1"],
        &["odd", "..", "1"],
        &["odd", ".weir-health", "1"],
        &["odd", "é\u{7f}\\ +~=&?#", "1"],
        &["odd", "", "1"],
        &["odd", &long, "1"],
        &["odd", "@a/b", "1"],
    ];
    for (number, list) in lists.iter().enumerate() {
        put(storage, spools, &Key::from_parts(*list), number.to_string().as_bytes()).await;
    }
    let listed: Vec<Stored> = storage.list("odd").try_collect().await.unwrap();
    assert_eq!(listed.len(), lists.len());
    for (number, list) in lists.iter().enumerate() {
        let key = Key::from_parts(*list);
        assert!(listed.iter().any(|one| one.key == key), "{key}");
        assert_eq!(open(storage, &key).await.all(9).await.unwrap(), number.to_string());
        assert!(storage.delete(&key).await.unwrap());
    }
}

async fn listing_goes_by_whole_components(storage: &dyn Storage, spools: &Spools) {
    let names = [["npm", "a", "1"], ["npm", "ab", "1"], ["npmx", "a", "1"]];
    for name in names {
        put(storage, spools, &Key::from_parts(name), b"12345").await;
    }
    assert_eq!(keys(storage, "npm").await, ["npm/a/1", "npm/ab/1"]);
    assert_eq!(keys(storage, "npm/a/").await, ["npm/a/1"]);
    assert_eq!(keys(storage, "nothing/here").await, [""; 0]);
    let listed: Vec<Stored> = storage.list("").try_collect().await.unwrap();
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|one| one.size == 5 && one.modified.as_millis() > 0));
    for name in names {
        storage.delete(&Key::from_parts(name)).await.unwrap();
    }
}

async fn a_large_object_is_whole(storage: &dyn Storage, spools: &Spools) {
    let key = Key::from_parts(["generic", "large"]);
    let bytes = pattern(11 * 1024 * 1024 + 7);
    put(storage, spools, &key, &bytes).await;
    let opened = open(storage, &key).await;
    assert_eq!(opened.size, bytes.len() as u64);
    assert!(opened.all(u64::MAX).await.unwrap() == bytes);
    storage.delete(&key).await.unwrap();
}

/// Old bytes or an error, but never the new ones under the old length.
async fn an_open_object_is_never_mixed_with_its_successor(storage: &dyn Storage, spools: &Spools) {
    let key = Key::from_parts(["generic", "replaced"]);
    let (old, new) = (vec![b'o'; 600_000], vec![b'n'; 600_000]);
    put(storage, spools, &key, &old).await;
    let opened = open(storage, &key).await;
    let start = range(&opened, 0..1000).await;
    assert_eq!(start, old[..1000]);
    put(storage, spools, &key, &new).await;
    let rest: Result<Vec<Bytes>, _> = opened.read(1000..600_000).try_collect().await;
    assert!(rest.is_err() || rest.is_ok_and(|rest| rest.concat() == old[1000..]));
    storage.delete(&key).await.unwrap();
}

async fn the_last_of_many_commits_is_whole(storage: &Arc<dyn Storage>, spools: &Spools) {
    let key = Key::from_parts(["generic", "contended", "file"]);
    let tasks = (0..12_u8).map(|n| {
        let (storage, spools, key) = (Arc::clone(storage), spools.clone(), key.clone());
        tokio::spawn(async move {
            put(&*storage, &spools, &key, &vec![n; 50_000]).await;
            // The folder may vanish between another's making of it and its rename.
            if n % 3 == 0 {
                storage.delete(&key).await.unwrap();
            }
        })
    });
    for done in join_all(tasks).await {
        done.unwrap();
    }
    put(&**storage, spools, &key, &vec![99; 50_000]).await;
    let bytes = open(&**storage, &key).await.all(u64::MAX).await.unwrap();
    assert_eq!(bytes, vec![99; 50_000]);
    storage.delete(&key).await.unwrap();
}

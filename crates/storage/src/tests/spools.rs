//! Spools: filling, following, and what a dead process leaves.

use std::fs;

use crate::{Key, Spools, StorageSettings};
use bytes::Bytes;

use super::conformance::pattern;

fn small() -> StorageSettings {
    StorageSettings { write_size: 1000, read_size: 300, ..StorageSettings::default() }
}

#[tokio::test]
async fn a_follower_reads_whatever_has_been_written() {
    let folder = tempfile::tempdir().unwrap();
    let spools = Spools::open(folder.path(), &small()).unwrap();
    let mut spool = spools.create().await.unwrap();
    let reader = spool.reader();
    let bytes = pattern(10_000);
    assert!(reader.read_at(0, 10).await.unwrap().is_empty());
    let (mut read, mut length) = (Vec::new(), 0);
    for (n, chunk) in bytes.chunks(137).enumerate() {
        spool.write(Bytes::copy_from_slice(chunk)).await.unwrap();
        length += chunk.len() as u64;
        assert_eq!((spool.len(), reader.len()), (length, length));
        // Sometimes the follower lags behind what has reached the file.
        while n % 11 == 0 && (read.len() as u64) < reader.len() {
            read.extend_from_slice(&reader.read_at(read.len() as u64, 500).await.unwrap());
        }
    }
    while (read.len() as u64) < reader.len() {
        read.extend_from_slice(&reader.read_at(read.len() as u64, 77).await.unwrap());
    }
    assert!(read == bytes);
    assert!(reader.read_at(99_999, 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_write_that_was_given_up_leaves_the_spool_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let spools = Spools::open(folder.path(), &small()).unwrap();
    let mut spool = spools.create().await.unwrap();
    let bytes = pattern(60_000);
    for chunk in bytes.chunks(1500) {
        let mut write = Box::pin(spool.write(Bytes::copy_from_slice(chunk)));
        // Polled once and dropped: the bytes are in, and a write may be under way.
        let _ = futures_util::poll!(&mut write);
    }
    let finished = spool.finish().await.unwrap();
    assert_eq!(finished.length(), 60_000);
    assert!(fs::read(finished.path()).unwrap() == bytes);
}

#[tokio::test]
async fn a_follower_reads_on_after_the_spool_was_committed_or_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let spools = Spools::open(folder.path(), &small()).unwrap();
    let storage = crate::open(&format!("file://{}", folder.path().display()), &small()).unwrap();
    let bytes = pattern(2500);
    for commit in [true, false] {
        let mut spool = spools.create().await.unwrap();
        spool.write(bytes.clone().into()).await.unwrap();
        let reader = spool.reader();
        if commit {
            storage.commit(&Key::from_parts(["a"]), spool).await.unwrap();
        } else {
            drop(spool);
        }
        assert_eq!(reader.read_at(2400, 500).await.unwrap(), bytes[2400..]);
    }
}

#[tokio::test]
async fn a_spool_that_is_dropped_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let spools = Spools::open(folder.path(), &small()).unwrap();
    let mut spool = spools.create().await.unwrap();
    spool.write(Bytes::from(pattern(5000))).await.unwrap();
    assert_eq!(fs::read_dir(spools.folder()).unwrap().count(), 1);
    drop(spool);
    assert_eq!(fs::read_dir(spools.folder()).unwrap().count(), 0);
    let own = spools.folder().to_owned();
    drop(spools);
    assert!(!own.exists());
}

#[tokio::test]
async fn only_the_folders_of_dead_processes_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let living = Spools::open(folder.path(), &small()).unwrap();
    let spool = living.create().await.unwrap();
    let all = folder.path().join(".weir-spool");
    // What a killed process leaves: its files, and a lock that nobody holds; or not even that.
    for name in ["pdead1", "pdead2"] {
        fs::create_dir(all.join(name)).unwrap();
        fs::write(all.join(name).join("half"), "half").unwrap();
    }
    fs::write(all.join("pdead1.lock"), "").unwrap();
    let second = Spools::open(folder.path(), &small()).unwrap();
    assert!(!all.join("pdead1").exists() && !all.join("pdead2").exists());
    assert!(living.folder().exists() && second.folder().exists());
    drop(second);
    drop(living);
    assert_eq!(spool.finish().await.unwrap().length(), 0, "a spool outlives its maker");
    let left: Vec<_> = fs::read_dir(&all).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["gate.lock"]);
}

#[tokio::test]
async fn a_data_folder_that_takes_no_spools_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let error = Spools::open(&folder.path().join("file"), &small()).unwrap_err();
    assert!(error.to_string().contains("prepare the spool folder"), "{error}");
}

//! A store in a bucket, on a server that is unwell.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use weir_chaos::{Bucket, End, Weather};
use weir_testkit::origin::{Package, PackageRelease};

use super::{Day, is_honest, slow_readers};

/// Nothing is held in memory: every hit has to ask the bucket.
const COLD: &str = "[limits]\nmemory = \"0\"\n";

struct Stored {
    day: Day,
    bucket: Bucket,
    _objects: tempfile::TempDir,
}

/// A gateway with `small` and `heavy` in version 1.0.0 in the bucket.
async fn stored(config: &str) -> Stored {
    let objects = tempfile::tempdir().unwrap();
    let bucket = Bucket::start(objects.path()).await.unwrap();
    let mut day = Day::prepared(config).await;
    bucket.keep_for(&mut day.start);
    day.begin();
    assert!(day.serves("small", "1.0.0").await && day.serves("heavy", "1.0.0").await);
    assert!(bucket.folder().join("npm/heavy/1.0.0/heavy-1.0.0.tgz").is_file());
    Stored { day, bucket, _objects: objects }
}

impl Stored {
    /// What is stored and what is not: right, or an error that says so.
    async fn answers_honestly(&self) -> bool {
        let mut failed = false;
        for (name, version) in
            [("small", "1.0.0"), ("heavy", "1.0.0"), ("small", "1.1.0"), ("heavy", "1.1.0")]
        {
            let file = self.day.file(name, version);
            let got = self.day.get(&format!("/npm/{}", file.path)).await;
            let right = got.status == 200 && got.end == End::Whole && got.body == file.bytes;
            let broken = got.status == 200 && got.end == End::Broken;
            assert!(right || broken || is_honest(&got), "{name}: {} {:?}", got.status, got.end);
            failed |= !right;
        }
        failed
    }

    /// Everything is well again, and nothing that was stored has been fetched twice.
    async fn recovers(&self) {
        self.bucket.turn(Weather::Fair);
        for (name, version) in [("small", "1.0.0"), ("heavy", "1.0.0")] {
            assert!(self.day.serves(name, version).await, "{name} {version}");
            let path = &self.day.file(name, version).path;
            assert_eq!(self.day.origin.count(path), 1, "{path} was lost");
        }
        for (name, version) in [("small", "1.1.0"), ("heavy", "1.1.0")] {
            assert!(self.day.serves(name, version).await, "{name} {version}");
        }
        self.day.is_ready_again().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_answers_503_is_an_honest_503_until_it_is_well() {
    let stored = stored(COLD).await;
    stored.bucket.turn(Weather::Unwell);
    let got = stored.day.get(&format!("/npm/{}", stored.day.file("small", "1.0.0").path)).await;
    assert!(got.status == 503 && is_honest(&got), "{got:?}");
    assert!(stored.answers_honestly().await);
    assert_eq!(stored.day.get("/health/ready").await.status, 503);
    stored.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_away_is_an_honest_503_until_it_is_back() {
    let stored = stored(COLD).await;
    stored.bucket.turn(Weather::Away);
    let got = stored.day.get(&format!("/npm/{}", stored.day.file("small", "1.0.0").path)).await;
    assert!(got.status == 503 && is_honest(&got), "{got:?}");
    assert!(stored.answers_honestly().await);
    stored.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_cut_is_never_served_as_whole_nor_taken_for_lost() {
    let stored = stored(COLD).await;
    stored.bucket.turn(Weather::Cut);
    assert!(stored.answers_honestly().await);
    stored.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_bucket_costs_time_and_nothing_else_and_what_is_held_in_memory_not_even_that() {
    let stored = stored("").await;
    assert!(stored.day.serves("small", "1.0.0").await);
    assert_eq!(stored.day.get("/npm/small").await.status, 200);
    stored.bucket.turn(Weather::Slow(Duration::from_secs(2)));
    assert!(!stored.answers_honestly().await, "all of it is right");
    stored.bucket.turn(Weather::Away);
    assert!(stored.day.serves("small", "1.0.0").await, "nobody asks the bucket");
    let listing = stored.day.get("/npm/small").await;
    assert_eq!(listing.status, 200, "{listing:?}");
    stored.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_take_nothing_of_what_is_in_a_bucket_cost_little() {
    const COUNT: usize = 150;
    const MIB: u64 = 1 << 20;
    let stored = stored(COLD).await;
    let before = stored.day.gateway().memory();
    let path = format!("/npm/{}", stored.day.file("heavy", "1.0.0").path);
    let mut readers = slow_readers(&stored.day, &path, COUNT).await;
    for reader in &mut readers {
        let read = tokio::time::timeout(Duration::from_mins(1), reader.read_u8()).await;
        assert_eq!(read.unwrap().unwrap(), b'H');
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    if let (Some(before), Some(after)) = (before, stored.day.gateway().memory()) {
        println!("{COUNT} slow readers: {} MiB became {} MiB", before / MIB, after / MIB);
        assert!(after.saturating_sub(before) < 60 * MIB, "{before} {after}");
    }
    assert!(stored.day.serves("small", "1.0.0").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_large_files_on_their_way_into_a_slow_bucket_are_not_held_in_memory() {
    const COUNT: usize = 14;
    const MIB: u64 = 1 << 20;
    let objects = tempfile::tempdir().unwrap();
    let bucket = Bucket::start(objects.path()).await.unwrap();
    let large = |release| PackageRelease { ballast: 6 << 20, ..release };
    let package = |number| {
        let package = Package::new(&format!("large-{number}"));
        package.release_with("1.0.0", "2025-01-01T00:00:00Z", large)
    };
    let packages: Vec<Package> = (0..COUNT).map(package).collect();
    let mut day = Day::with(COLD, &packages).await;
    bucket.keep_for(&mut day.start);
    day.begin();
    assert!(day.serves("large-0", "1.0.0").await);
    let before = day.gateway().memory();
    bucket.turn(Weather::Slow(Duration::from_millis(500)));
    let day = Arc::new(day);
    let asking = (1..COUNT).map(|number| {
        let day = Arc::clone(&day);
        tokio::spawn(async move { day.serves(&format!("large-{number}"), "1.0.0").await })
    });
    let asking: Vec<_> = asking.collect();
    let mut most = None;
    while asking.iter().any(|asked| !asked.is_finished()) {
        most = most.max(day.gateway().memory());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for asked in asking {
        assert!(asked.await.unwrap());
    }
    if let (Some(before), Some(most)) = (before, most) {
        println!("{COUNT} slow uploads: {} MiB became {} MiB", before / MIB, most / MIB);
        assert!(most.saturating_sub(before) < 62 * MIB, "{before} {most}");
    }
}

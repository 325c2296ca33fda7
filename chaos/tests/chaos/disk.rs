//! Disks that are full, or rot.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use weir_chaos::{Frozen, Small};
use weir_testkit::process::command;

use super::{Day, is_honest};

const HASTE: &str = "[freshness]\nttl = \"0s\"\nstale_while_revalidate = \"0s\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_what_is_kept_goes_on_being_served() {
    let mut day = Day::prepared(HASTE).await;
    let data = day.folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let Some(small) = Small::mount(&data, 32 << 20) else {
        println!("SKIPPED: only root can mount a small disk");
        return;
    };
    day.begin();
    assert!(day.serves("small", "1.0.0").await);
    assert_eq!(day.get("/npm/small").await.status, 200);
    small.fill();
    let got = day.get(&format!("/npm/{}", day.file("heavy", "1.0.0").path)).await;
    assert!(is_honest(&got) || got.end != weir_chaos::End::Whole, "{got:?}");
    for _ in 0..10 {
        assert!(day.serves("small", "1.0.0").await);
        assert_eq!(day.get("/npm/small").await.status, 200, "a kept listing stands in");
        let got = day.get("/npm/heavy/-/heavy-1.1.0.tgz").await;
        assert!(is_honest(&got) || got.end != weir_chaos::End::Whole, "{}", got.status);
    }
    assert_eq!(day.get("/health/ready").await.status, 503);
    small.relieve();
    assert!(day.serves("heavy", "1.0.0").await && day.serves("heavy", "1.1.0").await);
    day.is_ready_again().await;
    day.gateway.take().unwrap().stop();
    drop(small);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_takes_no_writes_goes_on_serving_what_it_has() {
    let day = Day::begun(HASTE).await;
    assert!(day.serves("small", "1.0.0").await);
    assert_eq!(day.get("/npm/small").await.status, 200);
    let Some(frozen) = Frozen::freeze(&day.folder.path().join("data/cache")) else {
        println!("SKIPPED: only root can make a folder read-only for itself");
        return;
    };
    for _ in 0..5 {
        assert!(day.serves("small", "1.0.0").await);
        assert_eq!(day.get("/npm/small").await.status, 200);
        let got = day.get("/npm/small/-/small-1.1.0.tgz").await;
        assert!(is_honest(&got) || got.end != weir_chaos::End::Whole, "{}", got.status);
    }
    drop(frozen);
    assert!(day.serves("small", "1.1.0").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_not_grow_so_far_is_an_error_and_nothing_is_stored() {
    let mut day = Day::prepared("").await;
    // A shell's blocks have 512 or 1024 bytes: 2 or 4 MiB.
    day.start.before = "trap '' XFSZ\nulimit -f 4096".to_owned();
    day.begin();
    let got = day.get("/npm/heavy/-/heavy-1.0.0.tgz").await;
    assert!(is_honest(&got) || got.end != weir_chaos::End::Whole, "{}", got.status);
    assert!(day.serves("small", "1.0.0").await);
    assert!(stored(&day, "heavy").is_empty());
}

/// The stored files of a package.
fn stored(day: &Day, name: &str) -> Vec<PathBuf> {
    let folder = day.folder.path().join("data/cache/npm").join(name);
    let versions = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files =
        versions.flat_map(|version| std::fs::read_dir(version.path()).into_iter().flatten());
    files.flatten().map(|file| file.path()).collect()
}

fn rot(file: &PathBuf) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[20] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

/// What `weir ARGUMENTS` prints about the data of a day, and whether it ended well.
fn weir(day: &Day, arguments: &[&str]) -> (String, bool) {
    let mut command = command(day.folder.path(), false);
    command.args(arguments).arg("--data-dir").arg(day.folder.path().join("data"));
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&text).into_owned(), output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotten_file_is_never_served_and_verify_names_it() {
    let mut day = Day::begun("[storage]\nscrub = \"0\"\n[limits]\nmemory = \"0\"\n").await;
    assert!(day.serves("small", "1.0.0").await && day.serves("heavy", "1.0.0").await);
    for name in ["small", "heavy"] {
        rot(&stored(&day, name)[0]);
    }
    assert!(day.serves("small", "1.0.0").await, "fetched again");
    let broken = day.serves("heavy", "1.0.0").await;
    assert!(!broken, "its bytes were on their way when the digest was known");
    assert!(day.serves("heavy", "1.0.0").await, "fetched again");
    rot(&stored(&day, "small")[0]);
    let (text, ok) = weir(&day, &["verify"]);
    assert!(!ok && text.contains("small-1.0.0.tgz has the digest"), "{text}");
    let (text, ok) = weir(&day, &["verify"]);
    assert!(ok && text.contains(" 0 wrong"), "{text}");
    day.gateway.take().unwrap().stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scrub_finds_a_rotten_file_that_nobody_asks_for() {
    let day = Day::begun("[storage]\nscrub = \"2s\"\n").await;
    assert!(day.serves("small", "1.0.0").await);
    rot(&stored(&day, "small")[0]);
    let until = Instant::now() + Duration::from_mins(1);
    while !day.gateway().log().contains("small-1.0.0.tgz has the digest") {
        assert!(Instant::now() < until, "{}", day.gateway().log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(day.serves("small", "1.0.0").await);
}

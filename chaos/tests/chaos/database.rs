//! Databases that are locked or gone.

use sea_orm::{ConnectionTrait as _, Database};

use weir_chaos::{Ask, ask};

use super::{Day, is_honest};

const HASTE: &str = "[freshness]\nttl = \"0s\"\nstale_while_revalidate = \"0s\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn while_another_process_locks_the_database_hits_go_on() {
    let day = Day::begun(HASTE).await;
    assert!(day.serves("small", "1.0.0").await);
    assert_eq!(day.get("/npm/small").await.status, 200);
    let path = day.folder.path().join("data/weir.db");
    let mut options = sea_orm::ConnectOptions::new(format!("sqlite://{}", path.display()));
    let other = Database::connect(options.max_connections(1).to_owned()).await.unwrap();
    other.execute_unprepared("BEGIN EXCLUSIVE").await.unwrap();
    for _ in 0..20 {
        assert!(day.serves("small", "1.0.0").await, "a hit touches no table");
    }
    let (miss, listing) =
        tokio::join!(day.get("/npm/small/-/small-1.1.0.tgz"), day.get("/npm/small"),);
    assert_eq!(listing.status, 200, "confirmed by upstream, though it cannot be recorded");
    assert!(is_honest(&miss) || miss.end != weir_chaos::End::Whole, "{}", miss.status);
    other.execute_unprepared("ROLLBACK").await.unwrap();
    assert!(day.serves("small", "1.1.0").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_hits_go_on_and_afterwards_everything_does() {
    let mut day = Day::prepared("").await;
    let folder = day.folder.path().canonicalize().unwrap();
    let [here, away] = ["here", "away"].map(|name| folder.join(name));
    let path = here.join("weir.db");
    day.start.config.insert_str(0, &format!("[database]\npath = {path:?}\n"));
    day.begin();
    assert!(day.serves("small", "1.0.0").await);
    assert_eq!(day.get("/npm/small").await.status, 200);
    let port = day.gateway().port;
    // Many at once: more connections to the database than were open before.
    let misses = async |round: u8| {
        let asking = (0..20).map(|n| {
            let get = Ask::get(format!("/npm/none-{round}-{n}"));
            tokio::spawn(async move { ask(port, &get).await })
        });
        let mut answers = Vec::new();
        for asked in asking.collect::<Vec<_>>() {
            answers.push(asked.await.unwrap().unwrap());
        }
        answers
    };
    for round in 0..2 {
        std::fs::rename(&here, &away).unwrap();
        for _ in 0..5 {
            assert!(day.serves("small", "1.0.0").await, "a hit touches no table");
            assert_eq!(day.get("/npm/small").await.status, 200);
        }
        for got in misses(round).await {
            assert!(got.status == 503 && is_honest(&got), "{got:?}");
        }
        assert_eq!(day.get("/health/ready").await.status, 503);
        assert!(!here.exists(), "no other is begun in its place");
        std::fs::rename(&away, &here).unwrap();
        assert_eq!(day.get("/health/ready").await.status, 200);
        for got in misses(round).await {
            assert_eq!(got.status, 404, "{got:?}");
        }
        assert!(day.serves("small", "1.1.0").await);
    }
    day.gateway.take().unwrap().stop();
    day.start.offline = true;
    day.begin();
    assert!(
        day.serves("small", "1.0.0").await && day.serves("small", "1.1.0").await,
        "all is kept"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_or_without_its_files_it_starts_and_serves() {
    let mut day = Day::begun("").await;
    assert!(day.serves("small", "1.0.0").await && day.serves("heavy", "1.0.0").await);
    day.gateway.take().unwrap().stop();
    for name in ["weir.db", "weir.db-wal", "weir.db-shm"] {
        let _ = std::fs::remove_file(day.folder.path().join("data").join(name));
    }
    day.begin();
    assert!(day.serves("small", "1.0.0").await && day.serves("heavy", "1.0.0").await);
    day.gateway.take().unwrap().stop();
    std::fs::remove_dir_all(day.folder.path().join("data/cache")).unwrap();
    day.begin();
    assert!(day.serves("small", "1.0.0").await && day.serves("heavy", "1.0.0").await);
    assert_eq!(day.get("/health/ready").await.status, 200);
    for name in ["small", "heavy"] {
        let fetched = day.origin.count(&day.file(name, "1.0.0").path);
        assert_eq!(fetched, 3, "{name}: at first, without the database, without the files");
    }
}

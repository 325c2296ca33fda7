//! What the operator is told.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Database};
use weir_core::{Algorithm, Coordinates, Digest, Listed, Timestamp};

use crate::{Catalog, CatalogError, DatabaseSettings, Driver, Sights};

use super::behaviour::artifact;
use super::database::server;

async fn refused(settings: &DatabaseSettings) -> CatalogError {
    Catalog::open(settings).await.unwrap_err()
}

#[tokio::test]
async fn a_locked_file_is_named_after_the_time_that_was_set() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weir.db");
    let settings = DatabaseSettings {
        busy_timeout: Duration::from_millis(50),
        ..DatabaseSettings::sqlite(&path)
    };
    let catalog = Catalog::open(&settings).await.unwrap();
    let mut options = sea_orm::ConnectOptions::new(format!("sqlite://{}", path.display()));
    let other = Database::connect(options.max_connections(1).to_owned()).await.unwrap();
    other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let error = catalog.put_artifact(&artifact("a", "1", 1)).await.unwrap_err();
    assert!(matches!(error, CatalogError::Locked { .. }), "{error:?}");
    assert!(error.is_transient() && error.to_string().contains("weir.db is locked by another"));
    assert!(catalog.check().await.is_err());
    assert_eq!(catalog.contact("npm", "a").await.unwrap(), None, "readers go on");
    other.execute_unprepared("ROLLBACK").await.unwrap();
    catalog.check().await.unwrap();
}

/// SQLite ends a transaction by itself when the disk is full; a trigger does the same.
#[tokio::test]
async fn a_transaction_that_the_database_ended_spoils_no_later_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weir.db");
    let settings = DatabaseSettings {
        busy_timeout: Duration::from_millis(500),
        ..DatabaseSettings::sqlite(&path)
    };
    let catalog = Catalog::open(&settings).await.unwrap();
    let mut options = sea_orm::ConnectOptions::new(format!("sqlite://{}", path.display()));
    let other = Database::connect(options.max_connections(1).to_owned()).await.unwrap();
    let full =
        "CREATE TRIGGER full BEFORE INSERT ON artifacts BEGIN SELECT RAISE(ROLLBACK, 'full'); END";
    other.execute_unprepared(full).await.unwrap();
    for _ in 0..20 {
        catalog.put_artifact(&artifact("a", "1", 1)).await.unwrap_err();
    }
    other.execute_unprepared("DROP TRIGGER full").await.unwrap();
    for _ in 0..20 {
        catalog.put_artifact(&artifact("a", "1", 1)).await.unwrap();
        catalog.check().await.unwrap();
    }
}

/// Records the first contact with a package.
async fn meet(catalog: &Catalog) {
    let sights = Sights { scope: "a".into(), ..Sights::default() };
    catalog.record_sights("npm", &sights, Timestamp::EPOCH).await.unwrap();
}

/// Asks several times at once, so that connections are made anew.
async fn contacts(catalog: &Catalog) -> Vec<Result<bool, CatalogError>> {
    let asking = (0..20).map(|_| catalog.contact("npm", "a"));
    let answers = futures_util::future::join_all(asking).await;
    answers.into_iter().map(|answer| answer.map(|contact| contact.is_some())).collect()
}

#[tokio::test]
async fn a_file_that_is_away_for_a_while_is_used_again_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let [here, away] = ["here", "away"].map(|name| folder.path().join(name));
    let path = here.join("weir.db");
    let catalog = Catalog::open(&DatabaseSettings::sqlite(&path)).await.unwrap();
    meet(&catalog).await;
    for _ in 0..3 {
        assert!(contacts(&catalog).await.iter().all(|answer| matches!(answer, Ok(true))));
        std::fs::rename(&here, &away).unwrap();
        for answer in contacts(&catalog).await {
            let error = answer.unwrap_err();
            assert!(error.is_transient() && error.to_string().contains("put a file"), "{error}");
        }
        catalog.put_artifact(&artifact("a", "1", 1)).await.unwrap_err();
        catalog.check().await.unwrap_err();
        assert!(!path.exists(), "none is begun in its place");
        std::fs::rename(&away, &here).unwrap();
        catalog.put_artifact(&artifact("a", "1", 1)).await.unwrap();
        catalog.check().await.unwrap();
    }
    assert!(contacts(&catalog).await.iter().all(|answer| matches!(answer, Ok(true))));
}

#[tokio::test]
async fn another_file_in_the_place_of_the_database_is_used_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let [here, other] = ["here", "other"].map(|name| folder.path().join(name));
    let settings = |folder: &std::path::Path| DatabaseSettings::sqlite(folder.join("weir.db"));
    let other_catalog = Catalog::open(&settings(&other)).await.unwrap();
    meet(&other_catalog).await;
    other_catalog.close().await.unwrap();
    let catalog = Catalog::open(&settings(&here)).await.unwrap();
    assert!(contacts(&catalog).await.iter().all(|answer| matches!(answer, Ok(false))));
    std::fs::rename(&here, folder.path().join("before")).unwrap();
    std::fs::rename(&other, &here).unwrap();
    assert!(contacts(&catalog).await.iter().all(|answer| matches!(answer, Ok(true))));
}

/// A catalogue in a file, and another connection to it that can make its writes fail.
async fn breakable(folder: &std::path::Path) -> (Catalog, sea_orm::DatabaseConnection) {
    let path = folder.join("weir.db");
    let catalog = Catalog::open(&DatabaseSettings::sqlite(&path)).await.unwrap();
    let mut options = sea_orm::ConnectOptions::new(format!("sqlite://{}", path.display()));
    (catalog, Database::connect(options.max_connections(1).to_owned()).await.unwrap())
}

async fn fail_inserts(other: &sea_orm::DatabaseConnection, table: &str) {
    let trigger = format!(
        "CREATE TRIGGER failing BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END"
    );
    other.execute_unprepared(&trigger).await.unwrap();
}

#[tokio::test]
async fn sights_are_recorded_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (catalog, other) = breakable(folder.path()).await;
    let sights = Sights {
        scope: "a".to_owned(),
        fresh: [("a".to_owned(), vec![("2".to_owned(), String::new())])].into(),
        outline: Some(b"named".to_vec()),
    };
    for table in ["contacts", "first_seen", "outlines"] {
        fail_inserts(&other, table).await;
        catalog.record_sights("npm", &sights, Timestamp::EPOCH).await.unwrap_err();
        assert_eq!(catalog.contact("npm", "a").await.unwrap(), None, "{table}");
        assert_eq!(catalog.first_seen("npm", "a").await.unwrap(), [], "{table}");
        assert_eq!(catalog.outline("npm", "a").await.unwrap(), None, "{table}");
        other.execute_unprepared("DROP TRIGGER failing").await.unwrap();
    }
    catalog.record_sights("npm", &sights, Timestamp::EPOCH).await.unwrap();
    assert_eq!(catalog.first_seen("npm", "a").await.unwrap().len(), 1);
    assert_eq!(catalog.outline("npm", "a").await.unwrap(), Some(b"named".to_vec()));
}

#[tokio::test]
async fn steps_to_content_are_recorded_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (catalog, other) = breakable(folder.path()).await;
    let step = |to: &str| Listed {
        release: Coordinates::new("demo", "1.0"),
        file: to.into(),
        digest: Some(Digest::of(Algorithm::Sha256, to.as_bytes())),
        size: None,
        published: None,
    };
    let record = async |to| {
        let steps = [step(to)];
        catalog.record_steps("oci", "demo", &steps, Timestamp::EPOCH).await
    };
    let known = async || catalog.known_by_file("oci", "one").await.unwrap().len();
    fail_inserts(&other, "contacts").await;
    record("one").await.unwrap_err();
    assert_eq!(known().await, 0, "a step without the contact would be refused for its date");
    other.execute_unprepared("DROP TRIGGER failing").await.unwrap();
    assert!(record("one").await.unwrap());
    assert_eq!((known().await, catalog.contact("oci", "demo").await.unwrap().is_some()), (1, true));
    fail_inserts(&other, "first_seen").await;
    record("two").await.unwrap_err();
    assert_eq!(
        catalog.known_by_file("oci", "two").await.unwrap().len(),
        0,
        "it would count as old"
    );
    other.execute_unprepared("DROP TRIGGER failing").await.unwrap();
    assert!(record("two").await.unwrap(), "it is still new");
    assert_eq!(catalog.first_seen("oci", "demo").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weir.db");
    std::fs::write(&path, "not a database, but somebody's letter".repeat(50)).unwrap();
    let error = refused(&DatabaseSettings::sqlite(&path)).await;
    assert!(matches!(error, CatalogError::Damaged { .. }), "{error:?}");
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("not a database"));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = refused(&DatabaseSettings::sqlite(folder.path().join("file/weir.db"))).await;
    assert!(matches!(error, CatalogError::Folder { .. }), "{error:?}");
    let error = refused(&DatabaseSettings::sqlite(folder.path())).await;
    assert!(matches!(error, CatalogError::Gone { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named_without_its_password() {
    let url = "postgres://weir:s3cret@127.0.0.1:1/packages?sslmode=disable";
    let settings = DatabaseSettings {
        acquire_timeout: Duration::from_secs(1),
        ..DatabaseSettings::postgres(url)
    };
    let error = refused(&settings).await;
    assert!(matches!(error, CatalogError::Gone { .. }), "{error:?}");
    let shown = format!("{error} {error:?} {settings:?}");
    assert!(error.to_string().contains("postgres://weir@127.0.0.1:1/packages"), "{error}");
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_repeating_it() {
    let error = refused(&DatabaseSettings::postgres("postgres://u:s3cret@ho st/x")).await;
    insta::assert_snapshot!(error, @"database.url: expected postgres://user:password@host:5432/name?sslmode=…");
    assert!(!format!("{error:?}").contains("s3cret"));
    let missing = DatabaseSettings { driver: Driver::Postgres, ..DatabaseSettings::default() };
    insta::assert_snapshot!(refused(&missing).await, @"database.url: the driver postgres needs postgres://user:password@host:5432/name");
    insta::assert_snapshot!("mysql".parse::<Driver>().unwrap_err(), @r#"database.driver: expected sqlite or postgres, found "mysql""#);
}

#[tokio::test]
async fn a_wrong_database_name_or_password_says_so() {
    let Some(url) = server() else {
        eprintln!("SKIPPED: WEIR_TEST_POSTGRES_URL is not set");
        return;
    };
    let (server, _) = url.rsplit_once('/').unwrap();
    let error = refused(&DatabaseSettings::postgres(format!("{server}/no_such_database"))).await;
    assert!(error.to_string().ends_with("create that database"), "{error}");
}

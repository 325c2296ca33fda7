//! A fresh database for each test.

use crate::{Catalog, DatabaseSettings};
use sea_orm::{ConnectionTrait, Database};

/// Runs a test on every kind of database that is at hand, each time on an empty one.
pub(super) async fn on_each(name: &str, test: impl AsyncFn(&DatabaseSettings)) {
    let folder = tempfile::tempdir().unwrap();
    test(&DatabaseSettings::sqlite(folder.path().join("deep/er/weir.db"))).await;
    match server() {
        Some(url) => on_postgres(&url, name, test).await,
        None => eprintln!("SKIPPED on Postgres: WEIR_TEST_POSTGRES_URL is not set ({name})"),
    }
}

/// Runs a test on one open catalogue.
pub(super) async fn with_catalog(name: &str, test: impl AsyncFn(&Catalog)) {
    on_each(name, async |settings| {
        let catalog = Catalog::open(settings).await.unwrap();
        test(&catalog).await;
        catalog.close().await.unwrap();
    })
    .await;
}

#[expect(clippy::disallowed_methods, reason = "a test asks where its server is")]
pub(super) fn server() -> Option<String> {
    std::env::var("WEIR_TEST_POSTGRES_URL").ok()
}

async fn on_postgres(url: &str, name: &str, test: impl AsyncFn(&DatabaseSettings)) {
    let database = format!("weir_test_{name}");
    let admin = Database::connect(url).await.unwrap();
    admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {database}")).await.unwrap();
    admin.execute_unprepared(&format!("CREATE DATABASE {database}")).await.unwrap();
    let (server, _) = url.rsplit_once('/').unwrap();
    test(&DatabaseSettings::postgres(format!("{server}/{database}"))).await;
    admin.execute_unprepared(&format!("DROP DATABASE {database} WITH (FORCE)")).await.unwrap();
}

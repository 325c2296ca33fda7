//! Connections to SQLite and Postgres.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sea_orm::sqlx::{ConnectOptions as _, Connection as _, Error as SqlxError, SqliteConnection};
use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};

use crate::CatalogError;
use crate::away::Watch;

/// Which database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Driver {
    /// A file.
    #[default]
    Sqlite,
    /// A server.
    Postgres,
}

impl FromStr for Driver {
    type Err = CatalogError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "sqlite" | "sqlite3" => Ok(Self::Sqlite),
            "postgres" | "postgresql" => Ok(Self::Postgres),
            _ => Err(CatalogError::Settings {
                key: "driver",
                reason: format!("expected sqlite or postgres, found {text:?}"),
            }),
        }
    }
}

/// Which database, and how it is used. `Debug` does not show the address, which may hold a
/// password.
#[derive(Clone)]
pub struct DatabaseSettings {
    /// Which database.
    pub driver: Driver,
    /// The file of SQLite.
    pub path: PathBuf,
    /// The address of Postgres: `postgres://user:password@host:5432/name`.
    pub url: Option<String>,
    /// The most connections that are open at once.
    pub max_connections: u32,
    /// How long a connection is waited for.
    pub acquire_timeout: Duration,
    /// How long SQLite waits for another process's write to end.
    pub busy_timeout: Duration,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self {
            driver: Driver::Sqlite,
            path: PathBuf::from("weir.db"),
            url: None,
            max_connections: 8,
            acquire_timeout: Duration::from_secs(10),
            busy_timeout: Duration::from_secs(10),
        }
    }
}

impl DatabaseSettings {
    /// An SQLite file with default limits.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }

    /// A Postgres server with default limits.
    pub fn postgres(url: impl Into<String>) -> Self {
        Self { driver: Driver::Postgres, url: Some(url.into()), ..Self::default() }
    }
}

impl fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseSettings")
            .field("driver", &self.driver)
            .field("path", &self.path)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

type Connected = (DatabaseConnection, Arc<str>);

pub(crate) async fn connect(settings: &DatabaseSettings) -> Result<Connected, CatalogError> {
    match settings.driver {
        Driver::Sqlite => sqlite(settings).await,
        Driver::Postgres => postgres(settings).await,
    }
}

async fn sqlite(settings: &DatabaseSettings) -> Result<Connected, CatalogError> {
    let path = settings.path.clone();
    let folder = path.parent().filter(|folder| *folder != Path::new("")).map(Path::to_owned);
    if let Some(folder) = folder {
        tokio::fs::create_dir_all(&folder)
            .await
            .map_err(|source| CatalogError::Folder { path: folder, source })?;
    }
    let place: Arc<str> = path.to_string_lossy().into();
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        // With WAL: a power cut may lose the last transactions, and never damages the file. What
        // is lost is found again upstream.
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(settings.busy_timeout)
        .disable_statement_logging();
    create(&options).await.map_err(|error| unreached(&place, error))?;
    let watch = Arc::new(Watch::begin(&path));
    let pool = SqlitePoolOptions::new()
        .max_connections(settings.max_connections.max(1))
        .acquire_timeout(settings.acquire_timeout)
        .before_acquire(move |_, connection| {
            let current = watch.is_current(connection.age);
            Box::pin(async move { Ok(current) })
        })
        .after_release(|connection, _| Box::pin(is_clean(connection)))
        .connect_with(options)
        .await
        .map_err(|error| unreached(&place, error))?;
    Ok((pool.into(), place))
}

/// Makes the file where there is none. Only here: a file that is away for a while must not be taken for
/// a new one without tables.
async fn create(options: &SqliteConnectOptions) -> Result<(), SqlxError> {
    let options = options.clone().create_if_missing(true);
    SqliteConnection::connect_with(&options).await?.close().await
}

/// Whether a connection may be used again. When the disk is full, SQLite ends a transaction by itself
/// (<https://www.sqlite.org/lang_transaction.html>, "Response To Errors Within A Transaction"). The
/// driver still counts it as open then, and would refuse to begin another one on this connection.
async fn is_clean(connection: &mut SqliteConnection) -> Result<bool, SqlxError> {
    // A roll-back that was only asked for has happened when this is answered.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

async fn postgres(settings: &DatabaseSettings) -> Result<Connected, CatalogError> {
    let wrong = |reason: String| CatalogError::Settings { key: "url", reason };
    let url = settings.url.as_deref().ok_or_else(|| {
        wrong("the driver postgres needs postgres://user:password@host:5432/name".to_owned())
    })?;
    // The driver's own text could repeat parts of the address.
    let options = PgConnectOptions::from_str(url).map_err(|_| {
        wrong("expected postgres://user:password@host:5432/name?sslmode=…".to_owned())
    })?;
    let options = options.application_name("weir").disable_statement_logging();
    let place: Arc<str> = describe(&options).into();
    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections.max(1))
        .acquire_timeout(settings.acquire_timeout)
        .connect_with(options)
        .await
        .map_err(|error| unreached(&place, error))?;
    Ok((pool.into(), place))
}

/// The address without password and parameters.
fn describe(options: &PgConnectOptions) -> String {
    let (user, host, port) = (options.get_username(), options.get_host(), options.get_port());
    let database = options.get_database().unwrap_or(user);
    format!("postgres://{user}@{host}:{port}/{database}")
}

fn unreached(place: &str, error: SqlxError) -> CatalogError {
    CatalogError::sort("connect", place, DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))))
}

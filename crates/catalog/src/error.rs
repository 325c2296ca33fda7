//! What can go wrong with the catalogue, in the variants that a caller acts on.

use std::io::ErrorKind;
use std::path::PathBuf;

use sea_orm::sqlx::Error as SqlxError;
use sea_orm::{DbErr, RuntimeErr};
use thiserror::Error;

/// A catalogue operation failed. Each text names the database, never its password, and what the
/// operator can do.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// The settings name no usable database.
    #[error("database.{key}: {reason}")]
    Settings {
        /// The key below `database`.
        key: &'static str,
        /// What is expected.
        reason: String,
    },
    /// The folder of the database file cannot be made.
    #[error("cannot create the folder {} for the database: {source}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process holds the database for longer than this one waits.
    #[error(
        "cannot {doing}: the database {place} is locked by another process; end it, or raise \
         database.busy_timeout"
    )]
    Locked {
        /// The verb.
        doing: &'static str,
        /// The database.
        place: String,
        /// What the driver said.
        source: DbErr,
    },
    /// The database cannot be reached or opened.
    #[error("cannot {doing}: the database {place} cannot be reached: {source}; {hint}")]
    Gone {
        /// The verb.
        doing: &'static str,
        /// The database.
        place: String,
        /// What to look at.
        hint: &'static str,
        /// What the driver said.
        source: DbErr,
    },
    /// The file was deleted while it was open.
    #[error("the database file {place} is gone; put it back or start Weir again for a new one")]
    Missing {
        /// The file.
        place: String,
    },
    /// The file cannot be written, or the disk is full.
    #[error(
        "cannot {doing}: the database {place} takes no writes: {source}; free space, and give the \
         user that runs Weir write access"
    )]
    Unwritable {
        /// The verb.
        doing: &'static str,
        /// The database.
        place: String,
        /// What the driver said.
        source: DbErr,
    },
    /// The file is no database, or a damaged one.
    #[error(
        "cannot {doing}: {place} is not a database that can be read: {source}; move it away, and a \
         new one is begun (cached files are fetched again)"
    )]
    Damaged {
        /// The verb.
        doing: &'static str,
        /// The database.
        place: String,
        /// What the driver said.
        source: DbErr,
    },
    /// A row holds what this version cannot read.
    #[error("the database {place} holds a value that this version cannot read: {what}")]
    Unreadable {
        /// The database.
        place: String,
        /// Table, column and value.
        what: String,
    },
    /// Any other refusal of the database.
    #[error("cannot {doing} in the database {place}: {source}")]
    Query {
        /// The verb.
        doing: &'static str,
        /// The database.
        place: String,
        /// What the driver said.
        source: DbErr,
    },
}

impl CatalogError {
    /// Whether a later attempt may succeed without anybody's help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::Gone { .. })
    }

    pub(crate) fn sort(doing: &'static str, place: &str, source: DbErr) -> Self {
        let place = place.to_owned();
        match kind(&source) {
            Fault::Locked => Self::Locked { doing, place, source },
            Fault::Gone(hint) => Self::Gone { doing, place, hint, source },
            Fault::Unwritable => Self::Unwritable { doing, place, source },
            Fault::Damaged => Self::Damaged { doing, place, source },
            Fault::Other => Self::Query { doing, place, source },
        }
    }
}

enum Fault {
    Locked,
    Gone(&'static str),
    Unwritable,
    Damaged,
    Other,
}

const UNREACHED: &str = "check database.url, and that the server runs";
const UNTRUSTED: &str =
    "check sslmode and sslrootcert in database.url, and the server's certificate";
const AWAY: &str = "check that its folder can be entered; put a file that was moved away back, or start Weir \
                    again for a new one";
const NO_FILE: &str =
    "check the files that database.url names: sslrootcert, sslcert, sslkey, a socket";

fn kind(error: &DbErr) -> Fault {
    let (DbErr::Conn(runtime) | DbErr::Exec(runtime) | DbErr::Query(runtime)) = error else {
        return match error {
            DbErr::ConnectionAcquire(_) => {
                Fault::Gone("raise database.max_connections, or check its load")
            }
            _ => Fault::Other,
        };
    };
    let RuntimeErr::SqlxError(sqlx) = runtime else { return Fault::Other };
    match &**sqlx {
        SqlxError::Database(database) => code_kind(database.code().as_deref().unwrap_or_default()),
        SqlxError::PoolTimedOut => {
            Fault::Gone("check that the server runs, or raise database.max_connections")
        }
        SqlxError::Tls(_) => Fault::Gone(UNTRUSTED),
        SqlxError::Io(error) if error.kind() == ErrorKind::NotFound => Fault::Gone(NO_FILE),
        SqlxError::Io(_) | SqlxError::PoolClosed | SqlxError::WorkerCrashed => {
            Fault::Gone(UNREACHED)
        }
        _ => Fault::Other,
    }
}

/// SQLite's result codes are numbers of which the low byte is the class
/// (<https://www.sqlite.org/rescode.html>); Postgres has five letters or digits, of which the
/// first two are the class (its manual, appendix A).
fn code_kind(code: &str) -> Fault {
    if code.len() == 5 {
        return match &code[..2] {
            "08" | "57" => Fault::Gone(UNREACHED),
            "28" => Fault::Gone("check user and password in database.url"),
            "3D" => Fault::Gone("create that database"),
            "53" | "25" => Fault::Unwritable,
            "55" | "40" => Fault::Locked,
            _ => Fault::Other,
        };
    }
    match code.parse::<u32>().map(|number| number & 0xff) {
        Ok(5 | 6) => Fault::Locked,
        Ok(14) => Fault::Gone(AWAY),
        Ok(8 | 10 | 13 | 3 | 23) => Fault::Unwritable,
        Ok(11 | 26) => Fault::Damaged,
        _ => Fault::Other,
    }
}

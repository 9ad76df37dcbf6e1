//! The store in one SQLite file: the default.
//!
//! `store.db` in the data directory, in write-ahead-log mode with `synchronous=FULL`: a commit is one sync of the
//! write-ahead log. One connection writes; readers have read-only connections of their own, also in other processes.

mod definition;
mod health;
mod operations;
mod reader;
mod schema;
mod whole;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

pub use reader::SqliteReader;
pub use writer::SqliteStore;

use crate::error::StoreError;

/// The file in the data directory.
pub const FILE_NAME: &str = "store.db";

/// How long a connection waits for a lock inside the store. Only recovery and checkpoints hold one that stops others,
/// both for milliseconds; the rest of the time is for a disk that is slow.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Statements that stay prepared per connection: more than the backend has.
const STATEMENTS_MAX: usize = 64;

fn path_in(directory: &Path) -> PathBuf {
    directory.join(FILE_NAME)
}

/// Opens a connection with the settings that writer and readers share.
fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed("cannot open the store"))?;
    connection.busy_timeout(BUSY_WAIT).map_err(failed("cannot set up the store"))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // A plan that may follow the values of parameters is made anew whenever one is bound: prepared statements would be
    // compiled at each use.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(failed("cannot set up the store"))?;
    Ok(connection)
}

/// Returns the file of a connection, for errors.
fn locate(connection: &Connection) -> String {
    connection.path().unwrap_or(FILE_NAME).to_owned()
}

/// Turns an error of SQLite into one of the store; `doing` begins with "cannot".
fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| {
        let code = error.sqlite_error_code();
        match code {
            Some(ErrorCode::DiskFull) => StoreError::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::damaged(error.to_string(), FILE_NAME)
            }
            Some(ErrorCode::TooBig) => StoreError::Bounds { what: format!("{doing}: {error}") },
            // The other codes are of a foreign enum and mean the same to a caller: it did not work.
            _ => match error {
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..) => StoreError::damaged(error.to_string(), FILE_NAME),
                _ => StoreError::Io { doing: doing.to_owned(), source: std::io::Error::other(error) },
            },
        }
    }
}

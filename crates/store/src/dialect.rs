//! The only file that knows which database it is: how to connect, how a transaction begins, and what its error codes mean.
//!
//! `SQLite` so far. What differs for another database is added here and nowhere else.

use crate::errors::{Error, Result};
use domain::ids::OwnerId;
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnAcquireErr, ConnectOptions, DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr, SqlErr, SqliteTransactionMode, SqlxError,
    TransactionOptions, TransactionTrait,
};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The database's file in its folder.
pub(crate) const FILE: &str = "planner.db";

/// How long to wait for a lock, a connection or a turn to write.
const PATIENCE: Duration = Duration::from_secs(10);

/// One writes, the others read.
const CONNECTIONS: u32 = 8;

/// A pool of connections, and the line in which writers wait.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pool: DatabaseConnection,
    /// `SQLite` lets one writer in and has the others poll; a line is fair and leaves the connections to readers.
    line: Arc<Semaphore>,
}

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Only read: begins DEFERRED, waits for nobody.
    Read,
    /// Read and write: begins IMMEDIATE, so that it cannot fail half-way for want of the lock.
    Write,
}

/// A transaction that has begun, with its place at the head of the line if it writes.
#[derive(Debug)]
pub(crate) struct Begun {
    /// Comes first, so that it is rolled back before the next writer is let in.
    pub tx: DatabaseTransaction,
    /// Given back when dropped.
    #[expect(dead_code, reason = "held, never looked at")]
    turn: Option<OwnedSemaphorePermit>,
}

/// Connects to the database in a folder; makes both if they are missing.
pub(crate) async fn open_folder(dir: &Path) -> Result<Database> {
    tokio::fs::create_dir_all(dir).await.map_err(|fault| folder_fault(dir, fault.kind(), &fault.to_string()))?;
    let file = dir.join(FILE);
    let mut options = ConnectOptions::new("sqlite://planner.db");
    options
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .sqlx_logging(false)
        // The path is set here and not in the address, where some characters have a meaning.
        .map_sqlx_sqlite_opts(move |options| {
            options
                .filename(&file)
                .create_if_missing(true)
                .foreign_keys(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Normal)
                .busy_timeout(PATIENCE)
        });
    let pool = connect(options).await.map_err(|fault| Error::from(fault).at_opening(dir))?;
    Ok(Database { pool, line: Arc::new(Semaphore::new(1)) })
}

/// Connects, and tries again while somebody else is at it: the switch of a new file to its write-ahead log does not wait for a lock.
async fn connect(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let since = Instant::now();
    loop {
        match sea_orm::Database::connect(options.clone()).await {
            Err(fault) if kind(&fault) == Kind::Busy && since.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(20)).await,
            connected => return connected,
        }
    }
}

impl Database {
    /// The pool, for what needs no transaction.
    pub(crate) const fn pool(&self) -> &DatabaseConnection {
        &self.pool
    }

    /// Begins a transaction for one owner; `None` is the program itself, at start-up.
    ///
    /// It begins in a task of its own: a `begin` that is cancelled half-way can leave its connection inside a transaction. When the
    /// caller goes away the task still ends, and what it began is rolled back.
    pub(crate) async fn begin(&self, _owner: Option<OwnerId>, access: Access) -> Result<Begun> {
        let database = self.clone();
        #[expect(clippy::disallowed_methods, reason = "awaited on the next line; it only outlives a caller that was cancelled")]
        let begun = tokio::spawn(async move { database.begin_here(access).await });
        begun.await.unwrap_or_else(|died| Err(Error::Database(DbErr::Custom(format!("beginning a transaction failed: {died}")))))
    }

    async fn begin_here(self, access: Access) -> Result<Begun> {
        let (turn, mode) = match access {
            Access::Read => (None, SqliteTransactionMode::Deferred),
            Access::Write => (Some(self.turn().await?), SqliteTransactionMode::Immediate),
        };
        let options = TransactionOptions { sqlite_transaction_mode: Some(mode), ..TransactionOptions::default() };
        Ok(Begun { tx: self.pool.begin_with_options(options).await?, turn })
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        let busy = || Error::Unavailable(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout));
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.line).acquire_owned()).await.map_err(|_| busy())?;
        turn.map_err(|_| busy())
    }
}

/// What an error of the database is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A key is taken, or a key it refers to is missing.
    Conflict,
    /// Locked, or no connection to be had.
    Busy,
    /// No room on the disk.
    Full,
    /// It may only be read.
    ReadOnly,
    /// There is no way to open it.
    CannotOpen,
    /// The file is something else, or damaged.
    NotADatabase,
    /// Anything else.
    Other,
}

/// Tells what an error is about.
pub(crate) fn kind(fault: &DbErr) -> Kind {
    if let Some(SqlErr::UniqueConstraintViolation(_) | SqlErr::ForeignKeyConstraintViolation(_)) = fault.sql_err() {
        return Kind::Conflict;
    }
    match fault {
        DbErr::ConnectionAcquire(_) => Kind::Busy,
        DbErr::Conn(RuntimeErr::SqlxError(fault))
        | DbErr::Exec(RuntimeErr::SqlxError(fault))
        | DbErr::Query(RuntimeErr::SqlxError(fault)) => sqlite_kind(fault),
        _ => Kind::Other,
    }
}

/// `SQLite`'s result codes (`sqlite3.h`); the low byte of an extended code is the plain one.
fn sqlite_kind(fault: &SqlxError) -> Kind {
    match fault {
        SqlxError::PoolTimedOut => return Kind::Busy,
        SqlxError::Io(fault) if fault.kind() == ErrorKind::StorageFull => return Kind::Full,
        _ => {}
    }
    let code = fault.as_database_error().and_then(DatabaseError::code).and_then(|code| code.parse::<u32>().ok());
    match code.map(|code| code & 0xff) {
        Some(5 | 6) => Kind::Busy,
        Some(13) => Kind::Full,
        Some(8) => Kind::ReadOnly,
        Some(14) => Kind::CannotOpen,
        Some(11 | 26) => Kind::NotADatabase,
        _ => Kind::Other,
    }
}

fn folder_fault(dir: &Path, kind: ErrorKind, text: &str) -> Error {
    let reason = match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => return Error::Full,
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => "is not a folder, or lies below a file; choose another path".to_owned(),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "cannot be written to; make it writable for this user, or choose another folder".to_owned()
        }
        _ => format!("cannot be made ({text}); choose another path"),
    };
    Error::Folder { path: dir.to_owned(), reason }
}

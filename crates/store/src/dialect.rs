//! The only place that knows which database it is: how to connect, how a transaction begins, the few statements that only one of
//! them has, how a queue wakes up, and what error codes mean. What is the same on both is written once, everywhere else.

mod postgres;
mod sqlite;
mod walls;

pub(crate) use sqlite::FILE;

use crate::errors::{Error, Result};
use crate::measures::Measures;
use crate::settings::{Place, Settings};
use domain::ids::OwnerId;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, SqlErr, SqlxError,
    TransactionOptions, TransactionTrait,
};
use secrecy::SecretString;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// A pool of connections, and what is particular to the database behind it.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pool: DatabaseConnection,
    engine: Engine,
    patience: Duration,
}

#[derive(Debug, Clone)]
enum Engine {
    /// It lets one writer in and has the others poll; a line is fair and leaves the connections to readers.
    Sqlite {
        line: Arc<Semaphore>,
    },
    Postgres {
        statement_timeout: Duration,
    },
}

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Only read: sees one moment throughout and waits for nobody.
    Read,
    /// Read and write; on `SQLite` it begins IMMEDIATE, so that it cannot fail half-way for want of the lock.
    Write,
}

/// On whose behalf a transaction acts; on Postgres row-level security holds it to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// What belongs to one owner.
    Tenant(OwnerId),
    /// The queue and the schedules, which belong to the program.
    Program,
    /// What belongs to one owner, and the program's own tables beside it: to take somebody out of both at once.
    Erasing(OwnerId),
    /// All tables, to change or to copy them: only a user who owns them may.
    Owner,
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

/// Connects to the database the program works with, and says what it can be migrated with.
pub(crate) async fn open(settings: &Settings, measures: &Arc<Measures>) -> Result<(Database, Database)> {
    match &settings.place {
        Place::Folder(dir) => {
            let database = sqlite::open(dir, settings, measures).await?;
            Ok((database.clone(), database))
        }
        Place::Server { url, owner } => {
            let database = postgres::open(url, settings, settings.connections, measures).await?;
            let owner: Option<&SecretString> = owner.as_ref();
            let owning = match owner {
                Some(owner) => postgres::open(owner, settings, 2, measures).await?,
                None => database.clone(),
            };
            Ok((database, owning))
        }
    }
}

impl Database {
    /// The pool, for what needs no transaction.
    pub(crate) const fn pool(&self) -> &DatabaseConnection {
        &self.pool
    }

    /// Whether it is a server that several processes share.
    pub(crate) const fn is_server(&self) -> bool {
        matches!(self.engine, Engine::Postgres { .. })
    }

    /// Begins a transaction.
    ///
    /// It begins in a task of its own: a `begin` that is cancelled half-way can leave its connection inside a transaction. When the
    /// caller goes away the task still ends, and what it began is rolled back.
    pub(crate) async fn begin(&self, scope: Scope, access: Access) -> Result<Begun> {
        let database = self.clone();
        #[expect(clippy::disallowed_methods, reason = "awaited on the next line; it only outlives a caller that was cancelled")]
        let begun = tokio::spawn(async move { database.begin_here(scope, access).await });
        begun.await.unwrap_or_else(|died| Err(Error::Database(DbErr::Custom(format!("beginning a transaction failed: {died}")))))
    }

    async fn begin_here(self, scope: Scope, access: Access) -> Result<Begun> {
        match &self.engine {
            Engine::Sqlite { line } => {
                let turn = if access == Access::Write { Some(self.turn(line).await?) } else { None };
                let mode = Some(sqlite::mode(access));
                let options = TransactionOptions { sqlite_transaction_mode: mode, ..TransactionOptions::default() };
                Ok(Begun { tx: self.pool.begin_with_options(options).await?, turn })
            }
            Engine::Postgres { statement_timeout } => {
                let tx = self.pool.begin().await?;
                tx.execute_unprepared(&postgres::preamble(scope, access, *statement_timeout)).await?;
                Ok(Begun { tx, turn: None })
            }
        }
    }

    async fn turn(&self, line: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
        let busy = || Error::Unavailable(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout));
        let turn = tokio::time::timeout(self.patience, Arc::clone(line).acquire_owned()).await.map_err(|_| busy())?;
        turn.map_err(|_| busy())
    }

    /// Keeps two processes that start together from changing the tables at once.
    pub(crate) async fn lock_schema(&self, tx: &DatabaseTransaction) -> Result<()> {
        if self.is_server() {
            postgres::lock_schema(tx).await?;
        }
        Ok(())
    }

    /// Refuses a user who cannot act as the program's role, which row-level security holds.
    pub(crate) async fn check_role(&self) -> Result<()> {
        if self.is_server() { postgres::check_role(&self.pool).await } else { Ok(()) }
    }

    /// Refuses a user who does not own the tables, and would copy none of their rows.
    pub(crate) async fn check_owner(&self) -> Result<()> {
        if self.is_server() { postgres::check_owner(&self.pool).await } else { Ok(()) }
    }

    /// Tells other processes that jobs have been added, once the transaction is committed. A folder has no other process.
    pub(crate) async fn announce_jobs(&self, tx: &DatabaseTransaction) -> Result<()> {
        if self.is_server() {
            postgres::announce_jobs(tx).await?;
        }
        Ok(())
    }

    /// Wakes `bell` whenever another process announces jobs, until it is dropped. `None` where there is no other process.
    pub(crate) async fn hear_jobs(&self, bell: Arc<Notify>) -> Result<Option<impl Future<Output = ()> + Send + use<>>> {
        if self.is_server() { postgres::hear_jobs(&self.pool, bell).await.map(Some) } else { Ok(None) }
    }
}

/// Puts the second wall around tables that have an `owner_id`; only Postgres has one.
pub(crate) async fn wall_in<C: ConnectionTrait>(connection: &C, tables: &[&str]) -> Result<(), DbErr> {
    if is_postgres(connection) { walls::wall_in(connection, tables).await } else { Ok(()) }
}

/// Lets the program itself see all rows of tables that it has to look through, such as the queue.
pub(crate) async fn wall_in_shared<C: ConnectionTrait>(connection: &C, tables: &[&str]) -> Result<(), DbErr> {
    if is_postgres(connection) { walls::wall_in_shared(connection, tables).await } else { Ok(()) }
}

/// Puts the second wall around tables that are the program's own, and no member's.
pub(crate) async fn wall_in_program<C: ConnectionTrait>(connection: &C, tables: &[&str]) -> Result<(), DbErr> {
    if is_postgres(connection) { walls::wall_in_program(connection, tables).await } else { Ok(()) }
}

/// Has the database itself refuse a venture that the owner's tier has no room for; only Postgres knows for whom a statement is.
pub(crate) async fn hold_to_tiers<C: ConnectionTrait>(connection: &C) -> Result<(), DbErr> {
    if is_postgres(connection) { walls::hold_to_tiers(connection).await } else { Ok(()) }
}

/// Makes the audit log append-only: from now on no line of it is changed or removed.
pub(crate) async fn seal_audit<C: ConnectionTrait>(connection: &C) -> Result<(), DbErr> {
    if is_postgres(connection) { walls::seal_audit(connection).await } else { sqlite::seal_audit(connection).await }
}

/// Lets the audit log be emptied within this transaction, by who owns the tables. On Postgres the owner may anyway.
pub(crate) async fn unseal_audit(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    if is_postgres(tx) { Ok(()) } else { sqlite::unseal_audit(tx).await }
}

/// Ends what [`unseal_audit`] began.
pub(crate) async fn reseal_audit(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    if is_postgres(tx) { Ok(()) } else { sqlite::seal_audit(tx).await }
}

fn is_postgres<C: ConnectionTrait>(connection: &C) -> bool {
    connection.get_database_backend() == DbBackend::Postgres
}

/// Prepares a new database for everything that follows: the role, its rights, vectors.
pub(crate) async fn prepare<C: ConnectionTrait>(connection: &C) -> Result<(), DbErr> {
    if is_postgres(connection) { postgres::prepare(connection).await } else { Ok(()) }
}

/// The type of a column that holds a vector of 384 numbers, and the index over it.
pub(crate) async fn add_vectors<C: ConnectionTrait>(connection: &C) -> Result<(), DbErr> {
    match connection.get_database_backend() {
        DbBackend::Postgres => postgres::add_vectors(connection).await,
        _ => sqlite::add_vectors(connection).await,
    }
}

/// A vector as a value.
pub(crate) fn vector<C: ConnectionTrait>(connection: &C, numbers: &[f32]) -> SimpleExpr {
    match connection.get_database_backend() {
        DbBackend::Postgres => postgres::vector(numbers),
        _ => sqlite::vector(numbers),
    }
}

/// The cosine distance of the column `embedding` from a vector.
pub(crate) fn distance<C: ConnectionTrait>(connection: &C, numbers: &[f32]) -> SimpleExpr {
    match connection.get_database_backend() {
        DbBackend::Postgres => postgres::distance(numbers),
        _ => sqlite::distance(numbers),
    }
}

/// The column `embedding` as a text that loses nothing.
pub(crate) fn vector_as_text<C: ConnectionTrait>(connection: &C) -> SimpleExpr {
    match connection.get_database_backend() {
        DbBackend::Postgres => postgres::vector_as_text(),
        _ => sqlite::vector_as_text(),
    }
}

/// The numbers of such a text; `None` when it is none.
pub(crate) fn vector_from_text<C: ConnectionTrait>(connection: &C, text: &str) -> Option<Vec<f32>> {
    match connection.get_database_backend() {
        DbBackend::Postgres => serde_json::from_str(text).ok(),
        _ => sqlite::vector_from_text(text),
    }
}

/// What an error of the database is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A key is taken, or a key it refers to is missing.
    Conflict,
    /// Locked, no connection to be had, or the server is away.
    Busy,
    /// No room on the disk.
    Full,
    /// It may only be read.
    ReadOnly,
    /// There is no way to open it.
    CannotOpen,
    /// The file is something else, or damaged.
    NotADatabase,
    /// The user has no right to do this.
    Forbidden,
    /// There is no such table.
    NoTable,
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
        | DbErr::Query(RuntimeErr::SqlxError(fault)) => driver_kind(fault),
        _ => Kind::Other,
    }
}

fn driver_kind(fault: &SqlxError) -> Kind {
    match fault {
        SqlxError::Io(fault) if fault.kind() == ErrorKind::StorageFull => return Kind::Full,
        // Only a server is reached over a connection that can break.
        SqlxError::PoolTimedOut | SqlxError::WorkerCrashed | SqlxError::Io(_) => return Kind::Busy,
        _ => {}
    }
    let code = fault.as_database_error().and_then(DatabaseError::code).unwrap_or_default();
    // An SQLSTATE has five characters and SQLite's codes at most four.
    if code.len() == 5 { postgres::kind(&code) } else { sqlite::kind(&code) }
}

//! A database in a folder.

use super::{Access, Database, Engine, Kind};
use crate::errors::{Error, Result};
use crate::measures::Measures;
use crate::settings::Settings;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbErr, SqliteTransactionMode};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// The database's file in its folder.
pub(crate) const FILE: &str = "planner.db";

/// One writes, the others read.
const CONNECTIONS: u32 = 8;

/// What keeps the audit log as it is, and against what.
const AUDIT_TRIGGERS: [(&str, &str); 2] = [("audit_is_never_changed", "UPDATE"), ("audit_is_never_removed", "DELETE")];

/// Has every connection know the functions over vectors. Once a process, before the first connection.
#[expect(unsafe_code, reason = "the one way to register an extension that is linked in; both sides are from the same SQLite")]
fn register_vectors() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    type Entry = unsafe extern "C" fn(
        *mut libsqlite3_sys::sqlite3,
        *mut *mut std::os::raw::c_char,
        *const libsqlite3_sys::sqlite3_api_routines,
    ) -> std::os::raw::c_int;
    ONCE.call_once(|| {
        // SAFETY: the function has the signature of an extension's entry point; the binding only hides it.
        let code = unsafe {
            let entry = std::mem::transmute::<*const (), Entry>(sqlite_vec::sqlite3_vec_init as *const ());
            libsqlite3_sys::sqlite3_auto_extension(Some(entry))
        };
        if code != 0 {
            tracing::error!(code, "the functions over vectors cannot be registered; searching by meaning will fail");
        }
    });
}

/// Connects to the database in a folder; makes both if they are missing.
pub(super) async fn open(dir: &Path, settings: &Settings, measures: &Arc<Measures>) -> Result<Database> {
    tokio::fs::create_dir_all(dir).await.map_err(|fault| folder_fault(dir, fault.kind(), &fault.to_string()))?;
    register_vectors();
    let file = dir.join(FILE);
    let patience = settings.patience;
    let mut options = ConnectOptions::new("sqlite://planner.db");
    options
        .max_connections(CONNECTIONS)
        .acquire_timeout(patience)
        .sqlx_logging(false)
        // The path is set here and not in the address, where some characters have a meaning.
        .map_sqlx_sqlite_opts(move |options| {
            options
                .filename(&file)
                .create_if_missing(true)
                .foreign_keys(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Normal)
                .busy_timeout(patience)
        });
    let mut pool = connect(options, patience).await.map_err(|fault| Error::from(fault).at_opening(dir))?;
    measures.watch(&mut pool);
    Ok(Database { pool, engine: Engine::Sqlite { line: Arc::new(Semaphore::new(1)) }, patience })
}

/// Connects, and tries again while somebody else is at it: the switch of a new file to its write-ahead log does not wait for a lock.
async fn connect(options: ConnectOptions, patience: Duration) -> Result<DatabaseConnection, DbErr> {
    let since = Instant::now();
    loop {
        match sea_orm::Database::connect(options.clone()).await {
            Err(fault) if super::kind(&fault) == Kind::Busy && since.elapsed() < patience => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            connected => return connected,
        }
    }
}

pub(super) const fn mode(access: Access) -> SqliteTransactionMode {
    match access {
        Access::Read => SqliteTransactionMode::Deferred,
        Access::Write => SqliteTransactionMode::Immediate,
    }
}

/// Vectors as 384 little-endian `f32`; what belongs to one owner is few enough to be compared one by one.
pub(super) async fn add_vectors<C: ConnectionTrait>(connection: &C) -> Result<(), DbErr> {
    connection.execute_unprepared("ALTER TABLE embeddings ADD COLUMN embedding blob CHECK (length(embedding) = 1536)").await.map(drop)
}

/// A file has no users, so the table itself refuses.
pub(super) async fn seal_audit<C: ConnectionTrait>(connection: &C) -> Result<(), DbErr> {
    for (name, change) in AUDIT_TRIGGERS {
        let refuse =
            format!("CREATE TRIGGER {name} BEFORE {change} ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END");
        connection.execute_unprepared(&refuse).await?;
    }
    Ok(())
}

pub(super) async fn unseal_audit<C: ConnectionTrait>(connection: &C) -> Result<(), DbErr> {
    for (name, _) in AUDIT_TRIGGERS {
        connection.execute_unprepared(&format!("DROP TRIGGER {name}")).await?;
    }
    Ok(())
}

/// Little-endian `f32`.
pub(super) fn vector(numbers: &[f32]) -> SimpleExpr {
    Expr::val(numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
}

pub(super) fn distance(numbers: &[f32]) -> SimpleExpr {
    Expr::cust_with_exprs("vec_distance_cosine(?, ?)", [Expr::col("embedding"), vector(numbers)])
}

pub(super) fn vector_as_text() -> SimpleExpr {
    Expr::cust("hex(embedding)")
}

pub(super) fn vector_from_text(text: &str) -> Option<Vec<f32>> {
    let bytes = hex::decode(text).ok()?;
    Some(bytes.as_chunks::<4>().0.iter().map(|number| f32::from_le_bytes(*number)).collect())
}

/// `SQLite`'s result codes (`sqlite3.h`); the low byte of an extended code is the plain one.
pub(super) fn kind(code: &str) -> Kind {
    match code.parse::<u32>().ok().map(|code| code & 0xff) {
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

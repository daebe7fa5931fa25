//! What can go wrong in the store, told apart by what the caller does next.

use crate::dialect::{self, Kind};
use sea_orm::DbErr;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A result of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The cause of an error of another kind.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It exists already, or what it refers to does not exist for this owner. Load again, then decide.
    #[error("the record exists already, or what it belongs to is not there any more; load it again and repeat the step")]
    Conflict,
    /// Try again in a moment.
    #[error("the database is busy or cannot be reached: another process may hold its lock; try again in a moment")]
    Unavailable(#[source] DbErr),
    /// A row breaks a rule of the product. Nothing was changed; somebody has to look at it.
    #[error("row {id} of the table {table} breaks a rule of the product and was not used; restore it from a backup, or remove it")]
    Corrupt {
        /// The table it is in.
        table: &'static str,
        /// The row, or the generation or venture it is a part of.
        id: Uuid,
        /// The rule it breaks.
        #[source]
        why: Cause,
    },
    /// The database was written by a newer version of this program. Update the program.
    #[error("the database was written by a newer version of this program (it has \"{found}\"); install that version or a later one")]
    NewerSchema {
        /// The change to the tables that this version does not know.
        found: String,
    },
    /// The database lacks changes to its tables, and this user may not make them.
    #[error(
        "the database lacks {missing} of this version's changes to its tables; run `planner migrate up` as a user who owns the tables (DATABASE_OWNER_URL)"
    )]
    OlderSchema {
        /// How many.
        missing: usize,
    },
    /// The address of the database server, or the server, is not right.
    #[error("the database server cannot be used: its {part} {reason}")]
    Server {
        /// Which part of the address is concerned.
        part: &'static str,
        /// What is wrong with it and what to do; reads on after the part.
        reason: String,
    },
    /// The job is not this worker's any more: its lease ran out and somebody else has it, or it was cancelled. Nothing was changed.
    #[error("this job is not this worker's any more")]
    LeaseLost,
    /// The folder, or the database in it, cannot be used. Choose another, or mend this one.
    #[error("the data folder cannot be used: {} {reason}", path.display())]
    Folder {
        /// The folder or the file in it.
        path: PathBuf,
        /// What is wrong with it and what to do; reads on after the path.
        reason: String,
    },
    /// A copy of everything cannot be made or brought back; nothing was changed.
    #[error("{} {reason}", path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do; reads on after the path.
        reason: String,
    },
    /// There is no room left to write. Make room and repeat.
    #[error("the disk is full; make room, then repeat the step")]
    Full,
    /// A fault of the database, or of this program.
    #[error("the database could not do what was asked")]
    Database(#[source] DbErr),
}

impl Error {
    /// Turns what is wrong with a row into [`Error::Corrupt`].
    pub(crate) fn corrupt<C: Into<Cause>>(table: &'static str, id: Uuid) -> impl Fn(C) -> Self {
        move |why| Self::Corrupt { table, id, why: why.into() }
    }

    /// What a fault means while a folder is being opened: there most of them are about the folder.
    pub(crate) fn at_opening(self, dir: &Path) -> Self {
        let Self::Database(fault) = self else { return self };
        let file = dir.join(dialect::FILE);
        let reason = match dialect::kind(&fault) {
            Kind::ReadOnly => "cannot be written to; make it writable for this user, or choose another folder",
            Kind::CannotOpen => "cannot be opened; check that this user may read and write it and its folder",
            Kind::NotADatabase => "is not a database or is damaged; move it away to start afresh, or restore it from a backup",
            _ => return Self::Database(fault),
        };
        Self::Folder { path: file, reason: reason.to_owned() }
    }
}

impl From<DbErr> for Error {
    fn from(fault: DbErr) -> Self {
        match dialect::kind(&fault) {
            Kind::Conflict => Self::Conflict,
            Kind::Busy => Self::Unavailable(fault),
            Kind::Full => Self::Full,
            Kind::ReadOnly | Kind::CannotOpen | Kind::NotADatabase | Kind::Forbidden | Kind::NoTable | Kind::Other => Self::Database(fault),
        }
    }
}

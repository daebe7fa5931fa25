//! Where the database is and how much of it this process may use.

use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the database is.
    pub place: Place,
    /// Most connections this process keeps to a server. A folder has its own few.
    pub connections: u32,
    /// How long to wait for a connection, a lock or a turn to write before saying that the database is busy.
    pub patience: Duration,
    /// How long one statement may take on a server.
    pub statement_timeout: Duration,
    /// Whether missing changes to the tables are made while opening; where not, opening refuses and says what to run.
    pub migrate: bool,
    /// Whether statements stay prepared on a connection; not possible behind a pooler that changes connections between transactions.
    pub prepared_statements: bool,
    /// A statement that takes longer is logged with its name.
    pub slow: Duration,
}

/// Where the database is.
#[derive(Debug, Clone)]
pub enum Place {
    /// `SQLite`, in this folder.
    Folder(PathBuf),
    /// Postgres.
    Server {
        /// `postgres://user:password@host:port/database`.
        url: SecretString,
        /// The same database for a user that owns the tables; the first address is used for both when missing.
        owner: Option<SecretString>,
    },
}

impl Settings {
    /// The defaults for a database in this place.
    pub const fn at(place: Place) -> Self {
        Self {
            place,
            connections: 20,
            patience: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(30),
            migrate: true,
            prepared_statements: true,
            slow: Duration::from_millis(250),
        }
    }
}

impl From<&Path> for Settings {
    fn from(dir: &Path) -> Self {
        Self::at(Place::Folder(dir.to_owned()))
    }
}

impl From<&PathBuf> for Settings {
    fn from(dir: &PathBuf) -> Self {
        Self::from(dir.as_path())
    }
}

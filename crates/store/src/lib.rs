//! Everything that is remembered, and all SQL there is: one [`Store`], and a [`TenantTx`] for each piece of work of one owner.
//!
//! A transaction belongs to one owner and every statement in it names that owner, so what belongs to somebody else is simply not
//! found. The keys of the tables repeat the wall: a row can only point to rows of the same owner. Queries are written once for every
//! database; only `dialect.rs` knows which one it is. This room holds no rule of the business: what is read back goes through the
//! domain's own parsers, and a row they refuse is [`Error::Corrupt`].

mod columns;
mod dialect;
mod errors;
mod generations;
mod migrations;
mod runs;
mod sections;
mod spans;
mod tenants;
mod usage;
mod ventures;

pub use errors::{Error, Result};
pub use runs::Run;
pub use tenants::TenantTx;

use dialect::{Access, Database};
use domain::ids::OwnerId;
use std::path::Path;

/// The database. Cheap to clone; all clones share one pool of connections.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
}

impl Store {
    /// Opens the database in a folder, making the folder and the database if they are missing, and brings its tables up to date.
    ///
    /// Other processes may have the same folder open: writers wait for each other, readers wait for nobody.
    ///
    /// # Errors
    /// [`Error::Folder`] when the folder or the file in it cannot be used, [`Error::Full`] when there is no room,
    /// [`Error::NewerSchema`] when a newer version of this program has written it, [`Error::Unavailable`] when another process keeps
    /// it locked.
    pub async fn open(dir: &Path) -> Result<Self> {
        let database = dialect::open_folder(dir).await?;
        migrations::apply(&database).await.map_err(|fault| fault.at_opening(dir))?;
        Ok(Self { database })
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<()> {
        Ok(self.database.pool().ping().await?)
    }

    /// Begins a transaction that reads and writes what belongs to one owner. Dropped without a commit, it leaves no trace.
    ///
    /// Keep it short and never hold two at once: on `SQLite` one writer at a time is let in, and the others wait in line for it.
    pub async fn tenant(&self, owner: OwnerId) -> Result<TenantTx> {
        TenantTx::begin(&self.database, owner, Access::Write).await
    }

    /// Begins a transaction that only reads; it waits for no writer and sees one moment of the database throughout.
    pub async fn tenant_read(&self, owner: OwnerId) -> Result<TenantTx> {
        TenantTx::begin(&self.database, owner, Access::Read).await
    }
}

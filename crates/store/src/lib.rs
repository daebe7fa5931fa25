//! Everything that is remembered, and all SQL there is: one [`Store`], and a [`TenantTx`] for each piece of work of one owner.
//!
//! A transaction belongs to one owner and every statement in it names that owner, so what belongs to somebody else is simply not
//! found. The keys of the tables repeat the wall: a row can only point to rows of the same owner. Queries are written once for every
//! database; only `dialect` knows which one it is. This room holds no rule of the business: what is read back goes through the
//! domain's own parsers, and a row they refuse is [`Error::Corrupt`].

mod accounts;
mod alerts;
mod archives;
mod audit;
mod backup;
mod calls;
mod columns;
mod decisions;
mod deployments;
mod dialect;
mod embeddings;
mod erasing;
mod errors;
mod evals;
mod events;
mod generations;
mod guests;
mod idempotency;
mod identities;
mod jobs;
mod keyring;
mod links;
mod mails;
mod measures;
mod migrations;
mod proposals;
mod queue;
mod releases;
mod runs;
mod scores;
mod sections;
mod sessions;
mod settings;
mod spans;
mod takes;
mod tenants;
mod tiers;
mod tokens;
mod usage;
mod ventures;

pub use archives::Archive;
pub use audit::AuditSearch;
pub use backup::{Copied, Overwrite};
pub use calls::OpenCall;
pub use deployments::Stamp;
pub use embeddings::{DIMENSIONS, Near};
pub use errors::{Error, Result};
pub use evals::CasesOf;
pub use events::RunEvent;
pub use idempotency::Kept;
pub use jobs::{LetGo, Wanted};
pub use measures::QueryTimes;
pub use migrations::Change;
pub use queue::{QueueState, Standing};
pub use runs::Run;
pub use scores::{DayOfScores, Scored};
pub use settings::{Place, Settings};
pub use takes::Take;
pub use tenants::{TeamTx, TenantTx};

use dialect::{Access, Begun, Database, Scope};
use domain::ids::OwnerId;
use measures::Measures;
use std::sync::Arc;
use tokio::sync::Notify;

/// The database. Cheap to clone; all clones share one pool of connections.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
    /// The same for a user who owns the tables.
    owning: Database,
    measures: Arc<Measures>,
    /// Rung when jobs may be waiting.
    bell: Arc<Notify>,
}

impl Store {
    /// Opens the database and brings its tables up to date. A folder and the database in it are made if they are missing.
    ///
    /// Other processes may have the same database open. In a folder writers wait for each other, readers wait for nobody.
    ///
    /// # Errors
    /// [`Error::Folder`] or [`Error::Server`] when it cannot be used, [`Error::Full`] when there is no room, [`Error::NewerSchema`] when
    /// a newer version of this program has written it, [`Error::OlderSchema`] when changes to the tables are missing that this user may
    /// not make, [`Error::Unavailable`] when another process keeps it locked.
    pub async fn open(settings: impl Into<Settings>) -> Result<Self> {
        let settings: Settings = settings.into();
        let store = Self::connect(&settings).await?;
        let at_opening = |fault: Error| match &settings.place {
            Place::Folder(dir) => fault.at_opening(dir),
            Place::Server { .. } => fault,
        };
        let missing = store.changes().await.map_err(at_opening)?.iter().filter(|change| !change.applied).count();
        if missing > 0 && !settings.migrate {
            return Err(Error::OlderSchema { missing });
        }
        if missing > 0 {
            store.migrate().await.map_err(at_opening)?;
        }
        store.database.check_role().await?;
        Ok(store)
    }

    /// Connects without a look at the tables: only [`Store::changes`] and [`Store::migrate`] are sure to work.
    pub async fn connect(settings: &Settings) -> Result<Self> {
        let measures = Measures::new(settings.slow);
        let (database, owning) = dialect::open(settings, &measures).await?;
        Ok(Self { database, owning, measures, bell: Arc::new(Notify::new()) })
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<()> {
        Ok(self.database.pool().ping().await?)
    }

    /// Whether it is a server that several processes share.
    pub const fn is_shared(&self) -> bool {
        self.database.is_server()
    }

    /// How long this process's statements have taken, by name.
    pub fn query_times(&self) -> Vec<QueryTimes> {
        self.measures.times()
    }

    /// Begins a transaction that reads and writes what belongs to one owner. Dropped without a commit, it leaves no trace.
    ///
    /// Keep it short and never hold two at once: on `SQLite` one writer at a time is let in, and the others wait in line for it.
    pub async fn tenant(&self, owner: OwnerId) -> Result<TenantTx> {
        TenantTx::begin(self, owner, Access::Write).await
    }

    /// Begins a transaction that only reads; it waits for no writer and sees one moment of the database throughout.
    pub async fn tenant_read(&self, owner: OwnerId) -> Result<TenantTx> {
        TenantTx::begin(self, owner, Access::Read).await
    }

    /// Begins a transaction that reads and writes what belongs to the team.
    pub async fn team(&self) -> Result<TeamTx> {
        TeamTx::begin(self, Access::Write).await
    }

    /// Begins a transaction that only reads what belongs to the team.
    pub async fn team_read(&self) -> Result<TeamTx> {
        TeamTx::begin(self, Access::Read).await
    }

    /// Begins a transaction over what belongs to the program, and over what it has to look through.
    async fn program(&self, access: Access) -> Result<Begun> {
        self.database.begin(Scope::Program, access).await
    }
}

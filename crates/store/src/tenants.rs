//! Transactions, of one owner or of the team: how they begin and end, and the wall around them. What they can ask stands beside each
//! noun.

use crate::Store;
use crate::dialect::{Access, Begun, Scope};
use crate::errors::{Error, Result};
use domain::ids::OwnerId;
use sea_orm::{DatabaseTransaction, DbErr};
use std::sync::atomic::{AtomicBool, Ordering};
use uuid::Uuid;

/// What every transaction has.
#[derive(Debug)]
pub(crate) struct Tx {
    begun: Begun,
    access: Access,
    store: Store,
    /// Whether a worker should look once this is committed.
    enqueued: AtomicBool,
}

impl Tx {
    async fn begin(store: &Store, scope: Scope, access: Access) -> Result<Self> {
        let begun = store.database.begin(scope, access).await?;
        Ok(Self { begun, access, store: store.clone(), enqueued: AtomicBool::new(false) })
    }

    async fn commit(self) -> Result<()> {
        let enqueued = self.enqueued.load(Ordering::Relaxed);
        if enqueued {
            self.store.database.announce_jobs(&self.begun.tx).await?;
        }
        self.begun.tx.commit().await?;
        if enqueued {
            self.store.bell.notify_waiters();
        }
        Ok(())
    }

    /// Has workers look for jobs once this is committed.
    pub(crate) fn ring_after_commit(&self) {
        self.enqueued.store(true, Ordering::Relaxed);
    }

    /// Where to read.
    pub(crate) const fn reading(&self) -> &DatabaseTransaction {
        &self.begun.tx
    }

    /// Where to write, if this transaction may.
    pub(crate) fn writing(&self) -> Result<&DatabaseTransaction> {
        match self.access {
            Access::Write => Ok(&self.begun.tx),
            Access::Read => Err(Error::Database(DbErr::Custom("a transaction that was begun to read cannot write".into()))),
        }
    }
}

/// A piece of work on what belongs to one owner: all of it is kept, or nothing.
#[derive(Debug)]
pub struct TenantTx {
    tx: Tx,
    owner: OwnerId,
}

impl TenantTx {
    pub(crate) async fn begin(store: &Store, owner: OwnerId, access: Access) -> Result<Self> {
        Ok(Self { tx: Tx::begin(store, Scope::Tenant(owner), access).await?, owner })
    }

    /// Keeps everything that was written. Without it nothing is kept.
    pub async fn commit(self) -> Result<()> {
        self.tx.commit().await
    }

    pub(crate) fn ring_after_commit(&self) {
        self.tx.ring_after_commit();
    }

    /// The owner, as every statement names it.
    pub(crate) const fn owner(&self) -> Uuid {
        self.owner.0
    }

    pub(crate) const fn reading(&self) -> &DatabaseTransaction {
        self.tx.reading()
    }

    pub(crate) fn writing(&self) -> Result<&DatabaseTransaction> {
        self.tx.writing()
    }

    /// Where to write something that says whose it is; refuses what belongs to somebody else.
    pub(crate) fn writing_for(&self, owner: OwnerId) -> Result<&DatabaseTransaction> {
        if owner == self.owner { self.writing() } else { Err(Error::Conflict) }
    }
}

/// A piece of work on what belongs to the team: proposals, releases, where environments point, evals. All of it is kept, or nothing.
#[derive(Debug)]
pub struct TeamTx(Tx);

impl TeamTx {
    pub(crate) async fn begin(store: &Store, access: Access) -> Result<Self> {
        Ok(Self(Tx::begin(store, Scope::Program, access).await?))
    }

    /// Keeps everything that was written. Without it nothing is kept.
    pub async fn commit(self) -> Result<()> {
        self.0.commit().await
    }

    pub(crate) fn ring_after_commit(&self) {
        self.0.ring_after_commit();
    }

    pub(crate) const fn reading(&self) -> &DatabaseTransaction {
        self.0.reading()
    }

    pub(crate) fn writing(&self) -> Result<&DatabaseTransaction> {
        self.0.writing()
    }
}

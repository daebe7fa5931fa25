//! A transaction of one owner: how it begins and ends, and the wall around it. What it can ask stands beside each noun.

use crate::Store;
use crate::dialect::{Access, Begun, Scope};
use crate::errors::{Error, Result};
use domain::ids::OwnerId;
use sea_orm::{DatabaseTransaction, DbErr};
use std::sync::atomic::{AtomicBool, Ordering};
use uuid::Uuid;

/// A piece of work on what belongs to one owner: all of it is kept, or nothing.
#[derive(Debug)]
pub struct TenantTx {
    begun: Begun,
    owner: OwnerId,
    access: Access,
    store: Store,
    /// Whether a worker should look once this is committed.
    enqueued: AtomicBool,
}

impl TenantTx {
    pub(crate) async fn begin(store: &Store, owner: OwnerId, access: Access) -> Result<Self> {
        let begun = store.database.begin(Scope::Tenant(owner), access).await?;
        Ok(Self { begun, owner, access, store: store.clone(), enqueued: AtomicBool::new(false) })
    }

    /// Keeps everything that was written. Without it nothing is kept.
    pub async fn commit(self) -> Result<()> {
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

    /// The owner, as every statement names it.
    pub(crate) const fn owner(&self) -> Uuid {
        self.owner.0
    }

    /// Where to read.
    pub(crate) const fn reading(&self) -> &DatabaseTransaction {
        &self.begun.tx
    }

    /// Where to write, if this transaction may.
    pub(crate) fn writing(&self) -> Result<&DatabaseTransaction> {
        match self.access {
            Access::Write => Ok(&self.begun.tx),
            Access::Read => Err(Error::Database(DbErr::Custom("a transaction begun with `tenant_read` cannot write".into()))),
        }
    }

    /// Where to write something that says whose it is; refuses what belongs to somebody else.
    pub(crate) fn writing_for(&self, owner: OwnerId) -> Result<&DatabaseTransaction> {
        if owner == self.owner { self.writing() } else { Err(Error::Conflict) }
    }
}

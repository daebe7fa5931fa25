//! A transaction of one owner: how it begins and ends, and the wall around it. What it can ask stands beside each noun.

use crate::dialect::{Access, Begun, Database};
use crate::errors::{Error, Result};
use domain::ids::OwnerId;
use sea_orm::{DatabaseTransaction, DbErr};
use uuid::Uuid;

/// A piece of work on what belongs to one owner: all of it is kept, or nothing.
#[derive(Debug)]
pub struct TenantTx {
    begun: Begun,
    owner: OwnerId,
    access: Access,
}

impl TenantTx {
    pub(crate) async fn begin(database: &Database, owner: OwnerId, access: Access) -> Result<Self> {
        Ok(Self { begun: database.begin(Some(owner), access).await?, owner, access })
    }

    /// Keeps everything that was written. Without it nothing is kept.
    pub async fn commit(self) -> Result<()> {
        Ok(self.begun.tx.commit().await?)
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

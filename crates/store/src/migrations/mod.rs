//! The shape of the tables, as a list of changes. Forward only: a change that has been released is never edited.

mod m0001_ventures;
mod m0002_durable_runs;
mod m0003_walls;
mod m0004_accounts;
mod m0005_account_walls;
mod m0006_archives;
mod m0007_releases;
mod m0008_scores;
mod tables;

use crate::Store;
use crate::dialect::{self, Access, Database, Kind, Scope};
use crate::errors::{Error, Result};
use sea_orm::sea_query::{Order, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use sea_orm_migration::{MigrationTrait, MigratorTrait, SchemaManager};

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_ventures::Migration),
            Box::new(m0002_durable_runs::Migration),
            Box::new(m0003_walls::Migration),
            Box::new(m0004_accounts::Migration),
            Box::new(m0005_account_walls::Migration),
            Box::new(m0006_archives::Migration),
            Box::new(m0007_releases::Migration),
            Box::new(m0008_scores::Migration),
        ]
    }
}

/// One change to the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its name, such as `m0001_ventures`.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

impl Store {
    /// Every change to the tables that this version knows, in order.
    ///
    /// # Errors
    /// [`Error::NewerSchema`] when the database has one that this version does not know.
    pub async fn changes(&self) -> Result<Vec<Change>> {
        let begun = self.owning.begin(Scope::Owner, Access::Read).await?;
        let applied = applied(&begun.tx).await?;
        drop(begun);
        Ok(known().into_iter().map(|name| Change { applied: applied.contains(&name), name }).collect())
    }

    /// Makes the changes that are missing, all or none, and says how many. Two processes that start together do not get in each
    /// other's way.
    pub async fn migrate(&self) -> Result<usize> {
        up(&self.owning).await.map_err(|fault| match fault {
            Error::Database(cause) if dialect::kind(&cause) == Kind::Forbidden => {
                tracing::warn!(error = %cause, "the tables could not be changed");
                Error::OlderSchema { missing: known().len() }
            }
            other => other,
        })
    }
}

async fn up(database: &Database) -> Result<usize> {
    let begun = database.begin(Scope::Owner, Access::Write).await?;
    database.lock_schema(&begun.tx).await?;
    let missing = known().len() - applied(&begun.tx).await?.len();
    if missing > 0 {
        Migrator::up(&begun.tx, None).await?;
    }
    begun.tx.commit().await?;
    Ok(missing)
}

/// The names of the changes the database has; none where it is new.
async fn applied(tx: &DatabaseTransaction) -> Result<Vec<String>> {
    if !SchemaManager::new(tx).has_table("seaql_migrations").await? {
        return Ok(Vec::new());
    }
    // The migrator's own list would make its table first, which not everybody may.
    let asked = Query::select().column("version").from("seaql_migrations").order_by("version", Order::Asc).to_owned();
    let rows = tx.query_all(&asked).await?;
    let applied = rows.iter().map(|row| row.try_get("", "version")).collect::<Result<Vec<String>, _>>()?;
    match applied.iter().find(|name| !known().contains(name)) {
        Some(unknown) => Err(Error::NewerSchema { found: unknown.clone() }),
        None => Ok(applied),
    }
}

fn known() -> Vec<String> {
    Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect()
}

//! The shape of the tables, as a list of changes. Forward only: a change that has been released is never edited.

mod m0001_ventures;

use crate::dialect::{Access, Database};
use crate::errors::{Error, Result};
use sea_orm_migration::{MigrationTrait, MigratorTrait};

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_ventures::Migration)]
    }
}

/// Brings the tables up to date in one transaction, so that two processes that start together do not get in each other's way.
pub(crate) async fn apply(database: &Database) -> Result<()> {
    let begun = database.begin(None, Access::Write).await?;
    let known: Vec<String> = Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let applied = Migrator::get_migration_models(&begun.tx).await?;
    if let Some(unknown) = applied.into_iter().find(|applied| !known.contains(&applied.version)) {
        return Err(Error::NewerSchema { found: unknown.version });
    }
    Migrator::up(&begun.tx, None).await?;
    Ok(begun.tx.commit().await?)
}

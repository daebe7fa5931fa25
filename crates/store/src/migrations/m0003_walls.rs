//! What only one database has: on Postgres the program's role, row-level security and an index over vectors.

use crate::dialect;
use sea_orm::{DbErr, DeriveMigrationName};
use sea_orm_migration::{MigrationTrait, SchemaManager};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        let connection = schema.get_connection();
        dialect::prepare(connection).await?;
        dialect::add_vectors(connection).await?;
        let tables = [
            "ventures",
            "runs",
            "generations",
            "usage",
            "spans",
            "sections",
            "run_events",
            "open_calls",
            "idempotency_keys",
            "embeddings",
            "jobs",
        ];
        dialect::wall_in(connection, &tables).await?;
        dialect::wall_in_shared(connection, &["jobs", "open_calls", "idempotency_keys"]).await
    }
}

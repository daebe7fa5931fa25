//! What only one database has around accounts: on Postgres row-level security that knows the tier; and the audit log is sealed.

use crate::dialect;
use sea_orm::{DbErr, DeriveMigrationName};
use sea_orm_migration::{MigrationTrait, SchemaManager};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        let connection = schema.get_connection();
        // The program looks through all of them: to sign somebody in, to tidy up, for the team.
        let tables = ["accounts", "sessions", "api_tokens", "links", "identities", "guests", "takes", "alerts", "mails"];
        dialect::wall_in(connection, &tables).await?;
        dialect::wall_in_shared(connection, &tables).await?;
        dialect::wall_in_program(connection, &["keyring", "tier_limits", "retired_usage"]).await?;
        dialect::seal_audit(connection).await?;
        dialect::hold_to_tiers(connection).await
    }
}

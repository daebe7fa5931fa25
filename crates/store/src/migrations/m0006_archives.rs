//! What members take along.

use super::tables::index;
use crate::dialect;
use sea_orm::sea_query::{ColumnDef, Table};
use sea_orm::{DbErr, DeriveMigrationName};
use sea_orm_migration::{MigrationTrait, SchemaManager};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("archives")
            .col(ColumnDef::new("id").uuid().not_null().primary_key())
            .col(ColumnDef::new("owner_id").uuid().not_null())
            .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
            .col(ColumnDef::new("packed_at").timestamp_with_time_zone())
            .col(ColumnDef::new("content").text())
            .to_owned();
        schema.create_table(table).await?;
        index(schema, "archives", "archives_of_owner", &["owner_id", "id"], false).await?;
        index(schema, "archives", "archives_by_age", &["created_at"], false).await?;
        let connection = schema.get_connection();
        dialect::wall_in(connection, &["archives"]).await?;
        dialect::wall_in_shared(connection, &["archives"]).await
    }
}

//! Quality: what generations were worth by the rubric, and what was decided about it.
//!
//! A score belongs to the owner of its generation and goes with it; who of the team gave it is forgotten with their account. Points are in
//! tenths. `week` and `lot` are there where the generation can be drawn for the weekly review.

use super::tables::{index, reference};
use crate::dialect;
use sea_orm::sea_query::{ColumnDef, ForeignKey, ForeignKeyAction, ForeignKeyCreateStatement, Table};
use sea_orm::{DbErr, DeriveMigrationName};
use sea_orm_migration::{MigrationTrait, SchemaManager};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        scores(schema).await?;
        decisions(schema).await?;
        let connection = schema.get_connection();
        dialect::wall_in(connection, &["scores"]).await?;
        dialect::wall_in_shared(connection, &["scores"]).await?;
        dialect::wall_in_program(connection, &["decisions"]).await
    }
}

async fn scores(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("scores")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("owner_id").uuid().not_null())
        .col(ColumnDef::new("generation_id").uuid().not_null())
        .col(ColumnDef::new("section").text().not_null())
        .col(ColumnDef::new("prompt_version").text().not_null())
        .col(ColumnDef::new("template_hash").text().not_null())
        .col(ColumnDef::new("model").text().not_null())
        .col(ColumnDef::new("scorer").text().not_null())
        .col(ColumnDef::new("account_id").uuid())
        .col(ColumnDef::new("by_model").text())
        .col(ColumnDef::new("correctness").integer())
        .col(ColumnDef::new("relevance").integer())
        .col(ColumnDef::new("format").integer())
        .col(ColumnDef::new("voice").integer())
        .col(ColumnDef::new("actionability").integer())
        .col(ColumnDef::new("total").integer().not_null())
        .col(ColumnDef::new("reasons").json_binary().not_null())
        .col(ColumnDef::new("note").text())
        .col(ColumnDef::new("day").date().not_null())
        .col(ColumnDef::new("week").text())
        .col(ColumnDef::new("lot").big_integer())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .foreign_key(&mut reference("scores", &["owner_id", "generation_id"], "generations", &["owner_id", "id"]))
        .foreign_key(&mut account("scores", "account_id"))
        .to_owned();
    schema.create_table(table).await?;
    // One person scores a generation once; without an account there is nobody it could be twice.
    index(schema, "scores", "scores_of_generation", &["generation_id", "scorer", "account_id"], true).await?;
    index(schema, "scores", "scores_of_owner", &["owner_id", "generation_id"], false).await?;
    index(schema, "scores", "scores_by_day", &["day", "section"], false).await?;
    index(schema, "scores", "scores_by_lot", &["week", "lot"], false).await?;
    index(schema, "scores", "scores_of_account", &["account_id"], false).await
}

async fn decisions(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("decisions")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("found").text().not_null())
        .col(ColumnDef::new("evidence").json_binary().not_null())
        .col(ColumnDef::new("decision").text().not_null())
        .col(ColumnDef::new("account_id").uuid())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .foreign_key(&mut account("decisions", "account_id"))
        .to_owned();
    schema.create_table(table).await?;
    index(schema, "decisions", "decisions_of_account", &["account_id"], false).await
}

/// Somebody of the team, who is forgotten here when their account goes.
fn account(from: &'static str, column: &'static str) -> ForeignKeyCreateStatement {
    let mut key = ForeignKey::create();
    key.from_tbl(from).to_tbl("accounts").on_delete(ForeignKeyAction::SetNull).from_col(column).to_col("owner_id");
    key
}

//! The first tables: ventures, their runs, generations with usage and spans, and the current sections.
//!
//! A foreign key names the owner too, and what it points to has a unique index that begins with the owner. So no row can point into
//! another owner's rows, and the same index answers the queries, which all begin with the owner.

use super::tables::{index, reference};
use sea_orm::sea_query::{ColumnDef, Expr, ExprTrait, Index, Table};
use sea_orm::{DbErr, DeriveMigrationName};
use sea_orm_migration::{MigrationTrait, SchemaManager};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        ventures(schema).await?;
        runs(schema).await?;
        generations(schema).await?;
        usage(schema).await?;
        spans(schema).await?;
        sections(schema).await
    }
}

async fn ventures(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("ventures")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("owner_id").uuid().not_null())
        .col(ColumnDef::new("idea").text().not_null())
        .col(ColumnDef::new("voice").text().not_null())
        .col(ColumnDef::new("persona").text())
        .col(ColumnDef::new("experience").text().not_null())
        .col(ColumnDef::new("target_market").text())
        .col(ColumnDef::new("price_range").text())
        .col(ColumnDef::new("language").text().not_null())
        .col(ColumnDef::new("currency").text().not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .to_owned();
    schema.create_table(table).await?;
    index(schema, "ventures", "ventures_of_owner", &["owner_id", "id"], true).await
}

async fn runs(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("runs")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("owner_id").uuid().not_null())
        .col(ColumnDef::new("venture_id").uuid().not_null())
        .col(ColumnDef::new("sections").json_binary().not_null())
        .col(ColumnDef::new("state").text().not_null())
        .col(ColumnDef::new("state_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("failed").json_binary().not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .foreign_key(&mut reference("runs", &["owner_id", "venture_id"], "ventures", &["owner_id", "id"]))
        .to_owned();
    schema.create_table(table).await?;
    index(schema, "runs", "runs_of_venture", &["owner_id", "venture_id", "id"], true).await?;
    index(schema, "runs", "runs_by_state", &["state", "id"], false).await
}

async fn generations(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("generations")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("owner_id").uuid().not_null())
        .col(ColumnDef::new("venture_id").uuid())
        .col(ColumnDef::new("run_id").uuid())
        .col(ColumnDef::new("section").text().not_null())
        .col(ColumnDef::new("prompt_version").text().not_null())
        .col(ColumnDef::new("template_hash").text().not_null())
        .col(ColumnDef::new("model").text().not_null())
        .col(ColumnDef::new("draft_model").boolean().not_null())
        .col(ColumnDef::new("status").text().not_null())
        .col(ColumnDef::new("confidence").text().not_null())
        .col(ColumnDef::new("input").json_binary().not_null())
        .col(ColumnDef::new("output").json_binary().not_null())
        .col(ColumnDef::new("issues").json_binary().not_null())
        .col(ColumnDef::new("sources").json_binary().not_null())
        .col(ColumnDef::new("input_tokens").big_integer().not_null())
        .col(ColumnDef::new("cached_tokens").big_integer().not_null())
        .col(ColumnDef::new("output_tokens").big_integer().not_null())
        .col(ColumnDef::new("thought_tokens").big_integer().not_null())
        .col(ColumnDef::new("calls").big_integer().not_null())
        .col(ColumnDef::new("cost_micro_usd").big_integer())
        .col(ColumnDef::new("trace_id").uuid().not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("duration_ms").big_integer().not_null())
        // A key with a part that is null is not looked up, so a run without its venture would pass unchecked.
        .check(Expr::col("run_id").is_null().or(Expr::col("venture_id").is_not_null()))
        .foreign_key(&mut reference("generations", &["owner_id", "venture_id"], "ventures", &["owner_id", "id"]))
        .foreign_key(&mut reference("generations", &["owner_id", "venture_id", "run_id"], "runs", &["owner_id", "venture_id", "id"]))
        .to_owned();
    schema.create_table(table).await?;
    index(schema, "generations", "generations_of_owner", &["owner_id", "id"], true).await?;
    index(schema, "generations", "generations_of_section", &["owner_id", "venture_id", "section", "id"], true).await?;
    index(schema, "generations", "generations_of_run", &["owner_id", "run_id", "id"], false).await
}

async fn usage(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("usage")
        .col(ColumnDef::new("generation_id").uuid().not_null())
        .col(ColumnDef::new("position").integer().not_null())
        .col(ColumnDef::new("owner_id").uuid().not_null())
        .col(ColumnDef::new("provider").text().not_null())
        .col(ColumnDef::new("model").text().not_null())
        .col(ColumnDef::new("outcome").text().not_null())
        .col(ColumnDef::new("input_tokens").big_integer().not_null())
        .col(ColumnDef::new("cached_tokens").big_integer().not_null())
        .col(ColumnDef::new("output_tokens").big_integer().not_null())
        .col(ColumnDef::new("thought_tokens").big_integer().not_null())
        .col(ColumnDef::new("search_queries").big_integer().not_null())
        .col(ColumnDef::new("cost_micro_usd").big_integer())
        .col(ColumnDef::new("started_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("duration_ms").big_integer().not_null())
        .primary_key(Index::create().col("generation_id").col("position"))
        .foreign_key(&mut reference("usage", &["owner_id", "generation_id"], "generations", &["owner_id", "id"]))
        .to_owned();
    schema.create_table(table).await
}

async fn spans(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("spans")
        .col(ColumnDef::new("generation_id").uuid().not_null())
        .col(ColumnDef::new("position").integer().not_null())
        .col(ColumnDef::new("owner_id").uuid().not_null())
        .col(ColumnDef::new("name").text().not_null())
        .col(ColumnDef::new("started_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("duration_us").big_integer().not_null())
        .col(ColumnDef::new("attributes").json_binary().not_null())
        .primary_key(Index::create().col("generation_id").col("position"))
        .foreign_key(&mut reference("spans", &["owner_id", "generation_id"], "generations", &["owner_id", "id"]))
        .to_owned();
    schema.create_table(table).await
}

async fn sections(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let of_section = ["owner_id", "venture_id", "section", "id"];
    let table = Table::create()
        .table("sections")
        .col(ColumnDef::new("venture_id").uuid().not_null())
        .col(ColumnDef::new("name").text().not_null())
        .col(ColumnDef::new("owner_id").uuid().not_null())
        .col(ColumnDef::new("generation_id").uuid().not_null())
        .col(ColumnDef::new("stale").boolean().not_null())
        .col(ColumnDef::new("updated_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("venture_id").col("name"))
        .foreign_key(&mut reference("sections", &["owner_id", "venture_id"], "ventures", &["owner_id", "id"]))
        .foreign_key(&mut reference("sections", &["owner_id", "venture_id", "name", "generation_id"], "generations", &of_section))
        .to_owned();
    schema.create_table(table).await
}

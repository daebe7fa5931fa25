//! What makes runs durable: jobs, events, calls under way, keys of repeated requests.

use super::tables::{index, reference};
use sea_orm::sea_query::{ColumnDef, Index, Table};
use sea_orm::{DbErr, DeriveMigrationName};
use sea_orm_migration::{MigrationTrait, SchemaManager};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        added_columns(schema).await?;
        jobs(schema).await?;
        run_events(schema).await?;
        open_calls(schema).await?;
        idempotency_keys(schema).await?;
        embeddings(schema).await
    }
}

async fn added_columns(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        ("ventures", ColumnDef::new("archived_at").timestamp_with_time_zone().take()),
        ("runs", ColumnDef::new("last_event").big_integer().not_null().default(0).take()),
        ("usage", ColumnDef::new("call_id").uuid().take()),
        ("generations", ColumnDef::new("cached").boolean().not_null().default(false).take()),
    ];
    for (table, mut column) in columns {
        schema.alter_table(Table::alter().table(table).add_column(&mut column).to_owned()).await?;
    }
    Ok(())
}

async fn jobs(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("jobs")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("kind").text().not_null())
        .col(ColumnDef::new("owner_id").uuid())
        .col(ColumnDef::new("unique_key").text().not_null())
        .col(ColumnDef::new("payload").json_binary().not_null())
        .col(ColumnDef::new("state").text().not_null())
        .col(ColumnDef::new("rank").integer().not_null())
        .col(ColumnDef::new("turn_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("attempts").integer().not_null())
        .col(ColumnDef::new("deaths").integer().not_null())
        .col(ColumnDef::new("run_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("lease").uuid())
        .col(ColumnDef::new("lease_until").timestamp_with_time_zone())
        .col(ColumnDef::new("reason").text())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("started_at").timestamp_with_time_zone())
        .col(ColumnDef::new("ended_at").timestamp_with_time_zone())
        .to_owned();
    schema.create_table(table).await?;
    index(schema, "jobs", "jobs_once", &["kind", "unique_key"], true).await?;
    index(schema, "jobs", "jobs_in_line", &["state", "rank", "turn_at", "id"], false).await?;
    index(schema, "jobs", "jobs_by_lease", &["state", "lease_until"], false).await?;
    index(schema, "jobs", "jobs_of_owner", &["owner_id", "state", "turn_at"], false).await?;
    index(schema, "jobs", "jobs_by_end", &["kind", "state", "ended_at"], false).await?;
    let paused = Table::create()
        .table("paused_kinds")
        .col(ColumnDef::new("kind").text().not_null().primary_key())
        .col(ColumnDef::new("since").timestamp_with_time_zone().not_null())
        .to_owned();
    schema.create_table(paused).await
}

async fn run_events(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("run_events")
        .col(ColumnDef::new("run_id").uuid().not_null())
        .col(ColumnDef::new("number").big_integer().not_null())
        .col(ColumnDef::new("owner_id").uuid().not_null())
        .col(ColumnDef::new("venture_id").uuid().not_null())
        .col(ColumnDef::new("event").json_binary().not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("run_id").col("number"))
        .foreign_key(&mut reference("run_events", &["owner_id", "venture_id", "run_id"], "runs", &["owner_id", "venture_id", "id"]))
        .to_owned();
    schema.create_table(table).await
}

async fn open_calls(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("open_calls")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("owner_id").uuid().not_null())
        .col(ColumnDef::new("generation_id").uuid().not_null())
        .col(ColumnDef::new("venture_id").uuid())
        .col(ColumnDef::new("run_id").uuid())
        .col(ColumnDef::new("section").text().not_null())
        .col(ColumnDef::new("prompt_version").text().not_null())
        .col(ColumnDef::new("template_hash").text().not_null())
        .col(ColumnDef::new("provider").text().not_null())
        .col(ColumnDef::new("model").text().not_null())
        .col(ColumnDef::new("input_tokens").big_integer().not_null())
        .col(ColumnDef::new("cost_micro_usd").big_integer())
        .col(ColumnDef::new("started_at").timestamp_with_time_zone().not_null())
        .foreign_key(&mut reference("open_calls", &["owner_id", "venture_id"], "ventures", &["owner_id", "id"]))
        .to_owned();
    schema.create_table(table).await?;
    index(schema, "open_calls", "open_calls_of_generation", &["owner_id", "generation_id"], false).await?;
    index(schema, "open_calls", "open_calls_of_run", &["owner_id", "run_id"], false).await?;
    index(schema, "open_calls", "open_calls_by_start", &["started_at"], false).await
}

async fn idempotency_keys(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("idempotency_keys")
        .col(ColumnDef::new("owner_id").uuid().not_null())
        .col(ColumnDef::new("key").text().not_null())
        .col(ColumnDef::new("fingerprint").text().not_null())
        .col(ColumnDef::new("resource_id").uuid())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("owner_id").col("key"))
        .to_owned();
    schema.create_table(table).await?;
    index(schema, "idempotency_keys", "idempotency_keys_by_age", &["created_at"], false).await
}

/// The meaning of a section's content; the vector itself is added where the walls are, because its type is not the same everywhere.
async fn embeddings(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("embeddings")
        .col(ColumnDef::new("venture_id").uuid().not_null())
        .col(ColumnDef::new("section").text().not_null())
        .col(ColumnDef::new("owner_id").uuid().not_null())
        .col(ColumnDef::new("model").text().not_null())
        .primary_key(Index::create().col("venture_id").col("section"))
        .foreign_key(&mut reference("embeddings", &["owner_id", "venture_id"], "ventures", &["owner_id", "id"]))
        .to_owned();
    schema.create_table(table).await?;
    index(schema, "embeddings", "embeddings_of_owner", &["owner_id", "venture_id"], false).await
}

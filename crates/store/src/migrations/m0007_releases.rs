//! What belongs to the team: proposals, the releases they become, where environments point, and evals.
//!
//! Whoever wrote or decided something is named by the id of their account, without a key to it: what was decided stays when they leave.

use super::tables::{index, json, moment, moment_or_none, number, reference, table, text, uuid};
use crate::dialect;
use sea_orm::sea_query::{ColumnDef, Index};
use sea_orm::{ConnectionTrait as _, DbErr, DeriveMigrationName};
use sea_orm_migration::{MigrationTrait, SchemaManager};

/// All of them.
const TABLES: [&str; 10] = [
    "proposals",
    "proposal_files",
    "proposal_comments",
    "releases",
    "release_texts",
    "release_turns",
    "deployments",
    "servings",
    "evals",
    "eval_cases",
];

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        proposals(schema).await?;
        releases(schema).await?;
        evals(schema).await?;
        index(schema, "accounts", "accounts_by_role", &["role"], false).await?;
        dialect::wall_in_program(schema.get_connection(), &TABLES).await
    }
}

fn text_or_none(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().take()
}

fn id_or_none(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().take()
}

async fn proposals(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        uuid("id").primary_key().take(),
        text("title"),
        text("why"),
        text("version"),
        text("base"),
        text("author"),
        json("writers"),
        text("state"),
        json("standing"),
        number("revision"),
        moment("created_at"),
        moment("updated_at"),
    ];
    schema.create_table(table("proposals", columns)).await?;
    index(schema, "proposals", "proposals_by_state", &["state", "id"], false).await?;
    let mut files = table("proposal_files", [uuid("proposal_id"), number("revision"), text("path"), text("text")]);
    files.primary_key(Index::create().col("proposal_id").col("revision").col("path"));
    files.foreign_key(&mut reference("proposal_files", &["proposal_id"], "proposals", &["id"]));
    schema.create_table(files).await?;
    let columns = [
        uuid("id").primary_key().take(),
        uuid("proposal_id"),
        number("revision"),
        text("author"),
        moment("at"),
        text_or_none("step"),
        text("text"),
    ];
    let mut comments = table("proposal_comments", columns);
    comments.foreign_key(&mut reference("proposal_comments", &["proposal_id"], "proposals", &["id"]));
    schema.create_table(comments).await?;
    index(schema, "proposal_comments", "comments_of_proposal", &["proposal_id", "id"], false).await
}

/// What is done to releases and environments is counted in one row, which whoever does something locks: numbers tell what came last,
/// whatever the clocks of those who did it say. The texts of a release's files are kept once, however many releases have them.
async fn releases(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        uuid("id").primary_key().take(),
        text("version").unique_key().take(),
        text("content"),
        uuid("proposal_id"),
        number("revision"),
        text("over"),
        text("over_content"),
        json("files"),
        number("number").unique_key().take(),
        moment("at"),
    ];
    let mut releases = table("releases", columns);
    releases.foreign_key(&mut reference("releases", &["proposal_id"], "proposals", &["id"]));
    schema.create_table(releases).await?;
    schema.create_table(table("release_texts", [text("hash").primary_key().take(), text("text")])).await?;
    schema.create_table(table("release_turns", [text("name").primary_key().take(), number("number")])).await?;
    let columns = [
        uuid("id").primary_key().take(),
        text("environment"),
        text("version"),
        text("content"),
        text("previous"),
        text("previous_content"),
        text("kind"),
        text("actor"),
        moment("at"),
        id_or_none("eval_id"),
        text_or_none("reason"),
        number("number"),
    ];
    schema.create_table(table("deployments", columns)).await?;
    index(schema, "deployments", "deployments_of_environment", &["environment", "number"], true).await?;
    let columns = [text("environment").primary_key().take(), uuid("process"), text("models"), moment("since"), moment("seen_at")];
    schema.create_table(table("servings", columns)).await
}

async fn evals(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        uuid("id").primary_key().take(),
        text("version"),
        id_or_none("proposal_id"),
        text("content"),
        text("models"),
        text("suite"),
        text("actor"),
        text("progress"),
        text_or_none("reason"),
        number("cases"),
        json("sections"),
        json("total"),
        moment("created_at"),
        moment_or_none("ended_at"),
    ];
    schema.create_table(table("evals", columns)).await?;
    index(schema, "evals", "evals_by_content", &["content", "id"], false).await?;
    index(schema, "evals", "evals_of_proposal", &["proposal_id", "id"], false).await?;
    // Of the same thing one at a time.
    let running = "CREATE UNIQUE INDEX evals_running ON evals (content, models, suite) WHERE progress = 'running'";
    schema.get_connection().execute_unprepared(running).await?;
    let columns = [
        uuid("eval_id"),
        number("number"),
        text("section"),
        text("description"),
        text("outcome"),
        ColumnDef::new("score").double().not_null().take(),
        ColumnDef::new("quality").double().take(),
        number("latency_ms"),
        number("input_tokens"),
        number("cached_tokens"),
        number("output_tokens"),
        number("thought_tokens"),
        ColumnDef::new("cost_micro_usd").big_integer().take(),
        json("reasons"),
        json("vars"),
        json("output"),
    ];
    let mut cases = table("eval_cases", columns);
    cases.primary_key(Index::create().col("eval_id").col("number"));
    cases.foreign_key(&mut reference("eval_cases", &["eval_id"], "evals", &["id"]));
    schema.create_table(cases).await?;
    index(schema, "eval_cases", "eval_cases_of_section", &["eval_id", "section", "number"], false).await
}

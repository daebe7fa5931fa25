//! Accounts and what belongs to them, what the team looks at, and what is left of members who were forgotten.
//!
//! An account's id is its owner's, so a guest who becomes a member keeps what they made. Links, guests and takes have no key to an
//! account: they are of owners who have none, or none yet.

use super::tables::{index, json, moment, moment_or_none, number, reference, table, text, uuid};
use sea_orm::sea_query::{ColumnDef, Index, TableCreateStatement};
use sea_orm::{DbErr, DeriveMigrationName};
use sea_orm_migration::{MigrationTrait, SchemaManager};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        accounts(schema).await?;
        sessions(schema).await?;
        api_tokens(schema).await?;
        links(schema).await?;
        identities(schema).await?;
        guests(schema).await?;
        takes(schema).await?;
        alerts(schema).await?;
        audit(schema).await?;
        mails(schema).await?;
        kept_by_the_program(schema).await
    }
}

/// The same for what belongs to an account and goes with it.
fn table_of_account<const N: usize>(name: &'static str, columns: [ColumnDef; N]) -> TableCreateStatement {
    let mut table = table(name, columns);
    table.col(uuid("owner_id")).foreign_key(&mut reference(name, &["owner_id"], "accounts", &["owner_id"]));
    table
}

async fn accounts(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        uuid("owner_id").primary_key().take(),
        text("email"),
        text("email_key").unique_key().take(),
        ColumnDef::new("password_hash").text().take(),
        text("tier"),
        ColumnDef::new("role").text().take(),
        moment_or_none("verified_at"),
        ColumnDef::new("second_factor_secret").text().take(),
        moment_or_none("second_factor_at"),
        number("second_factor_step").default(0).take(),
        moment_or_none("limited_until"),
        moment_or_none("leaving_at"),
        moment("created_at"),
    ];
    schema.create_table(table("accounts", columns)).await?;
    index(schema, "accounts", "accounts_by_leaving", &["leaving_at"], false).await
}

async fn sessions(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        uuid("id").primary_key().take(),
        text("hash").unique_key().take(),
        ColumnDef::new("second_factor").boolean().not_null().take(),
        moment("created_at"),
        moment("seen_at"),
        moment("expires_at"),
        text("address"),
        text("agent"),
    ];
    schema.create_table(table_of_account("sessions", columns)).await?;
    index(schema, "sessions", "sessions_of_owner", &["owner_id", "id"], false).await?;
    index(schema, "sessions", "sessions_by_end", &["expires_at"], false).await
}

async fn api_tokens(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        uuid("id").primary_key().take(),
        text("hash").unique_key().take(),
        text("name"),
        json("scopes"),
        moment("created_at"),
        moment_or_none("expires_at"),
        moment_or_none("used_at"),
        moment_or_none("revoked_at"),
    ];
    schema.create_table(table_of_account("api_tokens", columns)).await?;
    index(schema, "api_tokens", "api_tokens_of_owner", &["owner_id", "id"], false).await
}

/// The link for the first tech lead names an owner who has no account yet.
async fn links(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        text("hash").primary_key().take(),
        uuid("owner_id"),
        text("purpose"),
        ColumnDef::new("email").text().take(),
        moment("created_at"),
        moment("expires_at"),
        moment_or_none("used_at"),
    ];
    schema.create_table(table("links", columns)).await?;
    index(schema, "links", "links_of_owner", &["owner_id", "purpose"], false).await?;
    index(schema, "links", "links_by_end", &["expires_at"], false).await
}

async fn identities(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = table_of_account("identities", [text("provider"), text("subject"), moment("created_at")]);
    table.primary_key(Index::create().col("provider").col("subject"));
    schema.create_table(table).await?;
    index(schema, "identities", "identities_of_owner", &["owner_id"], false).await
}

async fn guests(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [uuid("owner_id").primary_key().take(), moment("created_at"), moment("seen_at")];
    schema.create_table(table("guests", columns)).await?;
    index(schema, "guests", "guests_by_visit", &["seen_at"], false).await
}

async fn takes(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        uuid("id").primary_key().take(),
        uuid("owner_id"),
        ColumnDef::new("run_id").uuid().take(),
        moment("taken_at"),
        ColumnDef::new("units").integer().not_null().take(),
        ColumnDef::new("settled").boolean().not_null().take(),
        ColumnDef::new("cost_micro_usd").big_integer().take(),
    ];
    schema.create_table(table("takes", columns)).await?;
    index(schema, "takes", "takes_of_owner", &["owner_id", "taken_at"], false).await?;
    index(schema, "takes", "takes_of_run", &["owner_id", "run_id"], false).await?;
    index(schema, "takes", "takes_by_age", &["taken_at"], false).await
}

/// `open_key` is there while an alert is open, so that one of a kind and subject is open at a time.
async fn alerts(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        uuid("id").primary_key().take(),
        text("kind"),
        ColumnDef::new("owner_id").uuid().take(),
        text("subject"),
        json("detail"),
        moment("opened_at"),
        moment_or_none("acknowledged_at"),
        moment_or_none("closed_at"),
        ColumnDef::new("open_key").text().unique_key().take(),
    ];
    schema.create_table(table("alerts", columns)).await?;
    index(schema, "alerts", "alerts_of_owner", &["owner_id"], false).await
}

/// No `owner_id`: what was done belongs to the program, and stays when whoever did it is forgotten.
async fn audit(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        uuid("id").primary_key().take(),
        moment("at"),
        text("actor_kind"),
        ColumnDef::new("actor_id").uuid().take(),
        text("action"),
        text("subject_kind"),
        text("subject"),
        ColumnDef::new("network").text().take(),
        json("before"),
        json("after"),
        ColumnDef::new("reason").text().take(),
    ];
    schema.create_table(table("audit", columns)).await?;
    for (name, column) in [("audit_by_actor", "actor_id"), ("audit_by_subject", "subject"), ("audit_by_action", "action")] {
        index(schema, "audit", name, &[column, "id"], false).await?;
    }
    Ok(())
}

async fn mails(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        uuid("id").primary_key().take(),
        uuid("owner_id"),
        text("kind"),
        text("unique_key").unique_key().take(),
        text("recipient"),
        text("subject"),
        text("text"),
        text("html"),
        moment("created_at"),
        moment_or_none("sent_at"),
    ];
    schema.create_table(table("mails", columns)).await?;
    index(schema, "mails", "mails_of_owner", &["owner_id"], false).await?;
    index(schema, "mails", "mails_by_age", &["created_at"], false).await
}

async fn kept_by_the_program(schema: &SchemaManager<'_>) -> Result<(), DbErr> {
    let keyring = [text("name").primary_key().take(), text("secret"), moment("created_at")];
    schema.create_table(table("keyring", keyring)).await?;
    let limits = [text("tier").primary_key().take(), ColumnDef::new("ventures").big_integer().take()];
    schema.create_table(table("tier_limits", limits)).await?;
    let sums = [
        ColumnDef::new("day").date().not_null().take(),
        text("section"),
        text("model"),
        number("generations"),
        number("input_tokens"),
        number("output_tokens"),
        number("cost_micro_usd"),
    ];
    let mut retired = table("retired_usage", sums);
    retired.primary_key(Index::create().col("day").col("section").col("model"));
    schema.create_table(retired).await
}

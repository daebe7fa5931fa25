//! Usage: one row for every call to a model, in the order the calls of a generation were made.

use crate::columns::{count, moment, read_count, read_tokens};
use crate::errors::{Cause, Error, Result};
use crate::tenants::TenantTx;
use domain::generations::{Generation, ModelCall};
use domain::ids::CallId;
use domain::usage::MicroDollars;
use row::{Column, Entity, Model};
use sea_orm::prelude::Uuid;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use std::collections::HashMap;

/// Adds the calls of a generation.
pub(crate) async fn insert(tx: &TenantTx, generation: &Generation) -> Result<()> {
    let rows: Vec<_> =
        (0_i32..).zip(&generation.calls).map(|(position, call)| row(generation, position, call).into_active_model()).collect();
    if !rows.is_empty() {
        Entity::insert_many(rows).exec_without_returning(tx.writing()?).await?;
    }
    Ok(())
}

/// The calls of several generations in one query.
pub(crate) async fn of(tx: &TenantTx, generations: impl IntoIterator<Item = Uuid>) -> Result<HashMap<Uuid, Vec<ModelCall>>> {
    let rows = Entity::find()
        .filter(Column::OwnerId.eq(tx.owner()))
        .filter(Column::GenerationId.is_in(generations))
        .order_by_asc(Column::GenerationId)
        .order_by_asc(Column::Position)
        .all(tx.reading())
        .await?;
    let mut calls: HashMap<Uuid, Vec<ModelCall>> = HashMap::new();
    for row in rows {
        let id = row.generation_id;
        calls.entry(id).or_default().push(read(row).map_err(Error::corrupt("usage", id))?);
    }
    Ok(calls)
}

fn row(generation: &Generation, position: i32, call: &ModelCall) -> Model {
    Model {
        generation_id: generation.id.0,
        position,
        owner_id: generation.owner.0,
        call_id: Some(call.id.0),
        provider: call.provider.clone(),
        model: call.model.clone(),
        outcome: call.outcome.clone(),
        input_tokens: count(call.tokens.input),
        cached_tokens: count(call.tokens.cached),
        output_tokens: count(call.tokens.output),
        thought_tokens: count(call.tokens.thoughts),
        search_queries: i64::from(call.search_queries),
        cost_micro_usd: call.cost.map(|cost| cost.0),
        started_at: moment(call.started),
        duration_ms: count(call.duration_ms),
    }
}

fn read(row: Model) -> Result<ModelCall, Cause> {
    let tokens = read_tokens([row.input_tokens, row.cached_tokens, row.output_tokens, row.thought_tokens])?;
    Ok(ModelCall {
        id: CallId(row.call_id.unwrap_or_default()),
        provider: row.provider,
        model: row.model,
        outcome: row.outcome,
        tokens,
        search_queries: read_count(row.search_queries)?,
        cost: row.cost_micro_usd.map(MicroDollars),
        started: row.started_at,
        duration_ms: read_count(row.duration_ms)?,
    })
}

/// A row of `usage`.
#[expect(clippy::struct_field_names, reason = "columns are named after what they hold, also when that is a model")]
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "usage")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub generation_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i32,
        pub owner_id: Uuid,
        pub call_id: Option<Uuid>,
        pub provider: String,
        pub model: String,
        pub outcome: String,
        pub input_tokens: i64,
        pub cached_tokens: i64,
        pub output_tokens: i64,
        pub thought_tokens: i64,
        pub search_queries: i64,
        pub cost_micro_usd: Option<i64>,
        pub started_at: DateTimeUtc,
        pub duration_ms: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

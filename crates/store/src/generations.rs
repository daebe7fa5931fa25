//! Generations: finished attempts, each kept with its calls and spans and never changed afterwards.

use crate::columns::{count, list, moment, read_count, read_list, read_name, read_tokens};
use crate::errors::{Cause, Error, Result};
use crate::tenants::TenantTx;
use crate::{spans, usage};
use domain::generations::{Confidence, Generation, ModelCall, Span, Status};
use domain::ids::{GenerationId, OwnerId, RunId, TraceId, VentureId};
use domain::sections::SectionName;
use domain::usage::{MicroDollars, Usage};
use row::{Column, Entity, Model};
use sea_orm::prelude::Uuid;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

impl TenantTx {
    /// Adds a generation with its calls and spans. Its venture and its run must be this owner's, and the run one of the venture.
    pub async fn insert_generation(&self, generation: &Generation) -> Result<()> {
        let tx = self.writing_for(generation.owner)?;
        Entity::insert(row(generation)?.into_active_model()).exec_without_returning(tx).await?;
        usage::insert(self, generation).await?;
        spans::insert(self, generation).await
    }

    /// A generation of this owner, with its calls and spans.
    pub async fn generation(&self, id: GenerationId) -> Result<Option<Generation>> {
        let found = Entity::find_by_id(id.0).filter(Column::OwnerId.eq(self.owner())).one(self.reading()).await?;
        let Some(row) = found else { return Ok(None) };
        let calls = usage::of(self, [id.0]).await?.remove(&id.0).unwrap_or_default();
        let spans = spans::of(self, id.0).await?;
        read(row, calls, spans).map(Some)
    }

    /// What was kept for a section of a venture, newest first, with calls and without spans; the next page is what comes `before` the
    /// last of this one.
    pub async fn versions(
        &self,
        venture: VentureId,
        section: &SectionName,
        limit: u64,
        before: Option<GenerationId>,
    ) -> Result<Vec<Generation>> {
        let mut query = Entity::find()
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::VentureId.eq(venture.0))
            .filter(Column::Section.eq(section.as_str()))
            .filter(Column::Status.ne(Status::Failed.key()));
        if let Some(before) = before {
            query = query.filter(Column::Id.lt(before.0));
        }
        let rows = query.order_by_desc(Column::Id).limit(limit).all(self.reading()).await?;
        with_calls(self, rows).await
    }

    /// What was made for this owner, newest first, with calls and without spans.
    pub async fn latest_generations(&self, limit: u64) -> Result<Vec<Generation>> {
        let rows =
            Entity::find().filter(Column::OwnerId.eq(self.owner())).order_by_desc(Column::Id).limit(limit).all(self.reading()).await?;
        with_calls(self, rows).await
    }

    /// Everything a run has made so far, oldest first, with calls and without spans.
    pub async fn generations_of_run(&self, run: RunId) -> Result<Vec<Generation>> {
        let rows = Entity::find()
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::RunId.eq(run.0))
            .order_by_asc(Column::Id)
            .all(self.reading())
            .await?;
        with_calls(self, rows).await
    }
}

/// Several generations of this owner in any order, with calls and without spans.
pub(crate) async fn of_ids(tx: &TenantTx, ids: impl IntoIterator<Item = Uuid>) -> Result<Vec<Generation>> {
    let rows = Entity::find().filter(Column::OwnerId.eq(tx.owner())).filter(Column::Id.is_in(ids)).all(tx.reading()).await?;
    with_calls(tx, rows).await
}

async fn with_calls(tx: &TenantTx, rows: Vec<Model>) -> Result<Vec<Generation>> {
    let mut calls = usage::of(tx, rows.iter().map(|row| row.id)).await?;
    rows.into_iter()
        .map(|row| {
            let calls = calls.remove(&row.id).unwrap_or_default();
            read(row, calls, Vec::new())
        })
        .collect()
}

fn row(generation: &Generation) -> Result<Model> {
    let Usage { tokens, calls, cost } = generation.usage;
    Ok(Model {
        id: generation.id.0,
        owner_id: generation.owner.0,
        venture_id: generation.venture.map(|id| id.0),
        run_id: generation.run.map(|id| id.0),
        section: generation.section.as_str().to_owned(),
        prompt_version: generation.prompt_version.clone(),
        template_hash: generation.template_hash.clone(),
        model: generation.model.clone(),
        draft_model: generation.draft_model,
        cached: generation.cached,
        status: generation.status.key().to_owned(),
        confidence: generation.confidence.key().to_owned(),
        input: generation.input.clone(),
        output: generation.output.clone(),
        issues: list(&generation.issues)?,
        sources: list(&generation.sources)?,
        input_tokens: count(tokens.input),
        cached_tokens: count(tokens.cached),
        output_tokens: count(tokens.output),
        thought_tokens: count(tokens.thoughts),
        calls: i64::from(calls),
        cost_micro_usd: cost.map(|cost| cost.0),
        trace_id: generation.trace.0,
        created_at: moment(generation.created),
        duration_ms: count(generation.duration_ms),
    })
}

fn read(row: Model, calls: Vec<ModelCall>, spans: Vec<Span>) -> Result<Generation> {
    let id = row.id;
    read_parts(row, calls, spans).map_err(Error::corrupt("generations", id))
}

fn read_parts(row: Model, calls: Vec<ModelCall>, spans: Vec<Span>) -> Result<Generation, Cause> {
    let tokens = read_tokens([row.input_tokens, row.cached_tokens, row.output_tokens, row.thought_tokens])?;
    let status = Status::from_key(&row.status).ok_or_else(|| format!("\"{}\" is not a status", row.status))?;
    let confidence = Confidence::from_key(&row.confidence).ok_or_else(|| format!("\"{}\" is not a confidence", row.confidence))?;
    Ok(Generation {
        id: GenerationId(row.id),
        owner: OwnerId(row.owner_id),
        venture: row.venture_id.map(VentureId),
        run: row.run_id.map(RunId),
        section: read_name(&row.section)?,
        prompt_version: row.prompt_version,
        template_hash: row.template_hash,
        model: row.model,
        draft_model: row.draft_model,
        cached: row.cached,
        status,
        confidence,
        input: row.input,
        output: row.output,
        issues: read_list(row.issues)?,
        sources: read_list(row.sources)?,
        usage: Usage { tokens, calls: read_count(row.calls)?, cost: row.cost_micro_usd.map(MicroDollars) },
        calls,
        trace: TraceId(row.trace_id),
        spans,
        created: row.created_at,
        duration_ms: read_count(row.duration_ms)?,
    })
}

/// A row of `generations`. Its usage is kept with it, so that a list of generations need not add up their calls.
#[expect(clippy::struct_field_names, reason = "columns are named after what they hold, also when that is a model")]
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "generations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub owner_id: Uuid,
        pub venture_id: Option<Uuid>,
        pub run_id: Option<Uuid>,
        pub section: String,
        pub prompt_version: String,
        pub template_hash: String,
        pub model: String,
        pub draft_model: bool,
        pub cached: bool,
        pub status: String,
        pub confidence: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub input: Json,
        #[sea_orm(column_type = "JsonBinary")]
        pub output: Json,
        #[sea_orm(column_type = "JsonBinary")]
        pub issues: Json,
        #[sea_orm(column_type = "JsonBinary")]
        pub sources: Json,
        pub input_tokens: i64,
        pub cached_tokens: i64,
        pub output_tokens: i64,
        pub thought_tokens: i64,
        pub calls: i64,
        pub cost_micro_usd: Option<i64>,
        pub trace_id: Uuid,
        pub created_at: DateTimeUtc,
        pub duration_ms: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

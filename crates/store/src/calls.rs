//! Calls to models that are under way. Each is written down before it is made, so that one whose process died is accounted for too.

use crate::Store;
use crate::columns::{count, moment, read_count, read_name};
use crate::dialect::Access;
use crate::errors::{Cause, Error, Result};
use crate::tenants::TenantTx;
use domain::Timestamp;
use domain::ids::{CallId, GenerationId, OwnerId, RunId, VentureId};
use domain::sections::SectionName;
use domain::usage::MicroDollars;
use row::{Column, Entity, Model};
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

/// A call that has begun and of which nothing is known yet.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenCall {
    /// Its id, which the provider was told.
    pub id: CallId,
    /// Who asked.
    pub owner: OwnerId,
    /// The generation it is made for, which is stored when it ends.
    pub generation: GenerationId,
    /// The generation's venture.
    pub venture: Option<VentureId>,
    /// The generation's run.
    pub run: Option<RunId>,
    /// The section.
    pub section: SectionName,
    /// Release the template came from.
    pub prompt_version: String,
    /// SHA-256 of the template's content.
    pub template_hash: String,
    /// `gemini`, `openai`, ...
    pub provider: String,
    /// The model.
    pub model: String,
    /// The prompt's tokens, estimated.
    pub input_tokens: u64,
    /// What the prompt costs, estimated; `None` when the model has no price.
    pub cost: Option<MicroDollars>,
    /// When it began.
    pub started: Timestamp,
}

impl TenantTx {
    /// Writes down that a call begins.
    pub async fn open_call(&self, call: &OpenCall) -> Result<()> {
        let tx = self.writing_for(call.owner)?;
        Entity::insert(row(call).into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    }

    /// The calls of a run of which nothing is known yet, in the order they began.
    pub async fn open_calls(&self, run: RunId) -> Result<Vec<OpenCall>> {
        let rows = Entity::find()
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::RunId.eq(run.0))
            .order_by_asc(Column::Id)
            .all(self.reading())
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// Strikes out the open calls of a generation, because they are settled with it; those that were open.
    pub async fn close_calls(&self, generation: GenerationId) -> Result<Vec<OpenCall>> {
        let tx = self.writing()?;
        let theirs = || Condition::all().add(Column::OwnerId.eq(self.owner())).add(Column::GenerationId.eq(generation.0));
        let open = Entity::find().filter(theirs()).order_by_asc(Column::Id).all(tx).await?;
        if !open.is_empty() {
            Entity::delete_many().filter(theirs()).exec(tx).await?;
        }
        open.into_iter().map(read).collect()
    }
}

impl Store {
    /// Calls that began before this moment and were never settled: their process died, and nobody took up its work.
    pub async fn lost_calls(&self, before: Timestamp, limit: u64) -> Result<Vec<OpenCall>> {
        let begun = self.program(Access::Read).await?;
        let rows =
            Entity::find().filter(Column::StartedAt.lt(moment(before))).order_by_asc(Column::StartedAt).limit(limit).all(&begun.tx).await?;
        rows.into_iter().map(read).collect()
    }
}

fn row(call: &OpenCall) -> Model {
    Model {
        id: call.id.0,
        owner_id: call.owner.0,
        generation_id: call.generation.0,
        venture_id: call.venture.map(|id| id.0),
        run_id: call.run.map(|id| id.0),
        section: call.section.as_str().to_owned(),
        prompt_version: call.prompt_version.clone(),
        template_hash: call.template_hash.clone(),
        provider: call.provider.clone(),
        model: call.model.clone(),
        input_tokens: count(call.input_tokens),
        cost_micro_usd: call.cost.map(|cost| cost.0),
        started_at: moment(call.started),
    }
}

fn read(row: Model) -> Result<OpenCall> {
    let corrupt = Error::corrupt::<Cause>("open_calls", row.id);
    Ok(OpenCall {
        id: CallId(row.id),
        owner: OwnerId(row.owner_id),
        generation: GenerationId(row.generation_id),
        venture: row.venture_id.map(VentureId),
        run: row.run_id.map(RunId),
        section: read_name(&row.section).map_err(&corrupt)?,
        prompt_version: row.prompt_version,
        template_hash: row.template_hash,
        provider: row.provider,
        model: row.model,
        input_tokens: read_count::<u64>(row.input_tokens).map_err(&corrupt)?,
        cost: row.cost_micro_usd.map(MicroDollars),
        started: row.started_at,
    })
}

/// A row of `open_calls`.
#[expect(clippy::struct_field_names, reason = "columns are named after what they hold, also when that is a model")]
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "open_calls")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub owner_id: Uuid,
        pub generation_id: Uuid,
        pub venture_id: Option<Uuid>,
        pub run_id: Option<Uuid>,
        pub section: String,
        pub prompt_version: String,
        pub template_hash: String,
        pub provider: String,
        pub model: String,
        pub input_tokens: i64,
        pub cost_micro_usd: Option<i64>,
        pub started_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

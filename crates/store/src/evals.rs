//! Evals and their cases. Cases are added as they get their verdict, so one that was interrupted goes on with those it lacks.

use crate::columns::{actor, count, list, moment, page_before, read_actor, read_count, read_list, read_name, read_tokens, read_version};
use crate::errors::{Cause, Error, Result};
use crate::tenants::TeamTx;
use domain::Timestamp;
use domain::evals::{CaseTexts, CaseVerdict, Eval, Outcome, Progress, Subject};
use domain::ids::{EvalId, ProposalId};
use domain::sections::SectionName;
use domain::usage::MicroDollars;
use row::{Column, Entity, Model};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel, JsonValue, PaginatorTrait as _, QueryFilter, QueryOrder,
    QuerySelect, Select,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Which cases of an eval are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CasesOf<'a> {
    /// Those of one template; without one, of all.
    pub section: Option<&'a SectionName>,
    /// Only those that do not pass.
    pub failing: bool,
}

impl TeamTx {
    /// Adds an eval that has no cases yet.
    ///
    /// # Errors
    /// [`Error::Conflict`] when one of the same content, models and tests is running.
    pub async fn insert_eval(&self, eval: &Eval) -> Result<()> {
        let row = Model {
            id: eval.id.0,
            version: eval.subject.version.to_string(),
            proposal_id: eval.subject.proposal.map(|proposal| proposal.0),
            content: eval.subject.content.clone(),
            models: eval.subject.models.clone(),
            suite: eval.subject.suite.clone(),
            actor: actor(eval.by),
            progress: eval.progress.key().to_owned(),
            reason: eval.reason.clone(),
            cases: eval.cases.into(),
            sections: document(&eval.sections)?,
            total: document(&eval.total)?,
            created_at: moment(eval.created),
            ended_at: eval.ended.map(moment),
        };
        Entity::insert(row.into_active_model()).exec_without_returning(self.writing()?).await?;
        Ok(())
    }

    /// Keeps how an eval ended. One that has ended stays as it is: false.
    pub async fn end_eval(&self, eval: &Eval, now: Timestamp) -> Result<bool> {
        let ended = Entity::update_many()
            .col_expr(Column::Progress, Expr::value(eval.progress.key()))
            .col_expr(Column::Reason, Expr::value(eval.reason.clone()))
            .col_expr(Column::Cases, Expr::value(i64::from(eval.cases)))
            .col_expr(Column::Sections, Expr::value(document(&eval.sections)?))
            .col_expr(Column::Total, Expr::value(document(&eval.total)?))
            .col_expr(Column::EndedAt, Expr::value(moment(now)))
            .filter(Column::Id.eq(eval.id.0))
            .filter(Column::Progress.eq(Progress::Running.key()))
            .exec(self.writing()?)
            .await?;
        Ok(ended.rows_affected == 1)
    }

    /// An eval.
    pub async fn eval(&self, id: EvalId) -> Result<Option<Eval>> {
        Entity::find_by_id(id.0).one(self.reading()).await?.map(read).transpose()
    }

    /// The newest eval of this content with these models and tests that is in a state.
    pub async fn eval_of(&self, subject: &Subject, progress: Progress) -> Result<Option<Eval>> {
        of(subject, progress).order_by_desc(Column::Id).one(self.reading()).await?.map(read).transpose()
    }

    /// How often this content was evaluated to the end with these models and tests.
    pub async fn times_evaluated(&self, subject: &Subject) -> Result<u64> {
        Ok(of(subject, Progress::Finished).count(self.reading()).await?)
    }

    /// Evals, newest first, of one proposal or of all; the next page is what comes `before` the last of this one.
    pub async fn evals(&self, proposal: Option<ProposalId>, limit: u64, before: Option<EvalId>) -> Result<Vec<Eval>> {
        let page = Entity::find().filter(Column::Id.lt(page_before(before.map(|id| id.0)))).order_by_desc(Column::Id).limit(limit);
        let page = match proposal {
            Some(proposal) => page.filter(Column::ProposalId.eq(proposal.0)),
            None => page,
        };
        page.all(self.reading()).await?.into_iter().map(read).collect()
    }

    /// Adds a case's verdict, once: false when it has one.
    pub async fn insert_case(&self, eval: EvalId, case: &CaseVerdict, texts: &CaseTexts) -> Result<bool> {
        let row = case::Model {
            eval_id: eval.0,
            number: case.number.into(),
            section: case.section.to_string(),
            description: case.description.clone(),
            outcome: case.outcome.key().to_owned(),
            score: case.score,
            quality: case.quality,
            latency_ms: count(case.latency_ms),
            input_tokens: count(case.tokens.input),
            cached_tokens: count(case.tokens.cached),
            output_tokens: count(case.tokens.output),
            thought_tokens: count(case.tokens.thoughts),
            cost_micro_usd: case.cost.map(|cost| cost.0),
            reasons: list(&case.reasons)?,
            vars: texts.vars.clone(),
            output: texts.output.clone(),
        };
        let once = OnConflict::columns([case::Column::EvalId, case::Column::Number]).do_nothing().to_owned();
        Ok(case::Entity::insert(row.into_active_model()).on_conflict(once).exec_without_returning(self.writing()?).await? > 0)
    }

    /// The cases of an eval that have their verdict, by number.
    pub async fn judged(&self, eval: EvalId) -> Result<BTreeSet<u32>> {
        let numbers = case::Entity::find()
            .select_only()
            .column(case::Column::Number)
            .filter(case::Column::EvalId.eq(eval.0))
            .into_tuple::<i64>()
            .all(self.reading())
            .await?;
        let corrupt = Error::corrupt::<Cause>("eval_cases", eval.0);
        numbers.into_iter().map(|number| read_count(number).map_err(&corrupt)).collect()
    }

    /// Cases of an eval, by number, without their texts; the next page is what comes `after` the last of this one.
    pub async fn cases(&self, eval: EvalId, of: CasesOf<'_>, limit: u64, after: Option<u32>) -> Result<Vec<CaseVerdict>> {
        let mut page = case::Entity::find().select_only().columns(VERDICT).filter(case::Column::EvalId.eq(eval.0));
        if let Some(section) = of.section {
            page = page.filter(case::Column::Section.eq(section.as_str()));
        }
        if of.failing {
            page = page.filter(case::Column::Outcome.ne(Outcome::Pass.key()));
        }
        if let Some(after) = after {
            page = page.filter(case::Column::Number.gt(i64::from(after)));
        }
        let rows = page.order_by_asc(case::Column::Number).limit(limit).into_model::<VerdictRow>().all(self.reading()).await?;
        rows.into_iter().map(read_case).collect()
    }

    /// What these cases of an eval asked, and what came back, by number.
    pub async fn case_texts(&self, eval: EvalId, numbers: &[u32]) -> Result<BTreeMap<u32, CaseTexts>> {
        let found = case::Entity::find()
            .select_only()
            .columns([case::Column::Number, case::Column::Vars, case::Column::Output])
            .filter(case::Column::EvalId.eq(eval.0))
            .filter(case::Column::Number.is_in(numbers.iter().copied().map(i64::from)))
            .into_tuple::<(i64, JsonValue, JsonValue)>()
            .all(self.reading())
            .await?;
        let corrupt = Error::corrupt::<Cause>("eval_cases", eval.0);
        let read = |(number, vars, output)| Ok((read_count(number).map_err(&corrupt)?, CaseTexts { vars, output }));
        found.into_iter().map(read).collect()
    }
}

fn of(subject: &Subject, progress: Progress) -> Select<Entity> {
    Entity::find()
        .filter(Column::Content.eq(subject.content.as_str()))
        .filter(Column::Models.eq(subject.models.as_str()))
        .filter(Column::Suite.eq(subject.suite.as_str()))
        .filter(Column::Progress.eq(progress.key()))
}

fn document<T: Serialize>(value: &T) -> Result<JsonValue, DbErr> {
    serde_json::to_value(value).map_err(|fault| DbErr::Json(fault.to_string()))
}

fn read(row: Model) -> Result<Eval> {
    let corrupt = Error::corrupt::<Cause>("evals", row.id);
    Ok(Eval {
        id: EvalId(row.id),
        subject: Subject {
            version: read_version(&row.version).map_err(&corrupt)?,
            proposal: row.proposal_id.map(ProposalId),
            content: row.content,
            models: row.models,
            suite: row.suite,
        },
        by: read_actor(&row.actor).map_err(&corrupt)?,
        progress: Progress::from_key(&row.progress).ok_or_else(|| corrupt(format!("\"{}\" is no progress", row.progress).into()))?,
        reason: row.reason,
        cases: read_count(row.cases).map_err(&corrupt)?,
        sections: serde_json::from_value(row.sections).map_err(|fault| corrupt(fault.into()))?,
        total: serde_json::from_value(row.total).map_err(|fault| corrupt(fault.into()))?,
        created: row.created_at,
        ended: row.ended_at,
    })
}

/// The columns of a verdict: all but the texts.
const VERDICT: [case::Column; 14] = [
    case::Column::EvalId,
    case::Column::Number,
    case::Column::Section,
    case::Column::Description,
    case::Column::Outcome,
    case::Column::Score,
    case::Column::Quality,
    case::Column::LatencyMs,
    case::Column::InputTokens,
    case::Column::CachedTokens,
    case::Column::OutputTokens,
    case::Column::ThoughtTokens,
    case::Column::CostMicroUsd,
    case::Column::Reasons,
];

#[derive(FromQueryResult)]
struct VerdictRow {
    eval_id: uuid::Uuid,
    number: i64,
    section: String,
    description: String,
    outcome: String,
    score: f64,
    quality: Option<f64>,
    latency_ms: i64,
    input_tokens: i64,
    cached_tokens: i64,
    output_tokens: i64,
    thought_tokens: i64,
    cost_micro_usd: Option<i64>,
    reasons: JsonValue,
}

fn read_case(row: VerdictRow) -> Result<CaseVerdict> {
    let corrupt = Error::corrupt::<Cause>("eval_cases", row.eval_id);
    let tokens = [row.input_tokens, row.cached_tokens, row.output_tokens, row.thought_tokens];
    Ok(CaseVerdict {
        number: read_count(row.number).map_err(&corrupt)?,
        section: read_name(&row.section).map_err(&corrupt)?,
        description: row.description,
        outcome: Outcome::from_key(&row.outcome).ok_or_else(|| corrupt(format!("\"{}\" is no outcome", row.outcome).into()))?,
        score: row.score,
        quality: row.quality,
        latency_ms: read_count(row.latency_ms).map_err(&corrupt)?,
        tokens: read_tokens(tokens).map_err(&corrupt)?,
        cost: row.cost_micro_usd.map(MicroDollars),
        reasons: read_list(row.reasons).map_err(&corrupt)?,
    })
}

/// A row of `evals`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "evals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub version: String,
        pub proposal_id: Option<Uuid>,
        pub content: String,
        pub models: String,
        pub suite: String,
        pub actor: String,
        pub progress: String,
        pub reason: Option<String>,
        pub cases: i64,
        #[sea_orm(column_type = "JsonBinary")]
        pub sections: Json,
        #[sea_orm(column_type = "JsonBinary")]
        pub total: Json,
        pub created_at: DateTimeUtc,
        pub ended_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A row of `eval_cases`.
pub(crate) mod case {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "eval_cases")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub eval_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub section: String,
        pub description: String,
        pub outcome: String,
        pub score: f64,
        pub quality: Option<f64>,
        pub latency_ms: i64,
        pub input_tokens: i64,
        pub cached_tokens: i64,
        pub output_tokens: i64,
        pub thought_tokens: i64,
        pub cost_micro_usd: Option<i64>,
        #[sea_orm(column_type = "JsonBinary")]
        pub reasons: Json,
        #[sea_orm(column_type = "JsonBinary")]
        pub vars: Json,
        #[sea_orm(column_type = "JsonBinary")]
        pub output: Json,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

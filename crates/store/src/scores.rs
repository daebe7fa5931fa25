//! Scores: what a generation was worth by the rubric, and to whom. Points are kept in tenths, so sums are exact on every database.

use crate::Store;
use crate::columns::{moment, read_name};
use crate::dialect::Access;
use crate::errors::{Cause, Error, Result};
use crate::tenants::TenantTx;
use chrono::NaiveDate;
use domain::Timestamp;
use domain::generations::Generation;
use domain::ids::{GenerationId, OwnerId, ScoreId};
use domain::reviews::{Candidate, Variant, Week, lot};
use domain::rubric::{Criterion, Points, Reasons, Score, Scorer};
use domain::sections::SectionName;
use row::{Column, Entity, Model};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, Select};
use std::collections::BTreeMap;

/// One judgement of one generation.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Its id.
    pub id: ScoreId,
    /// Whose generation it is.
    pub owner: OwnerId,
    /// The generation.
    pub generation: GenerationId,
    /// Its section.
    pub section: SectionName,
    /// What wrote it.
    pub variant: Variant,
    /// SHA-256 of the template's content.
    pub template_hash: String,
    /// Who judged.
    pub scorer: Scorer,
    /// Which person, while they have an account.
    pub account: Option<OwnerId>,
    /// Which model judged, as `provider:model`, where one did.
    pub by_model: Option<String>,
    /// The points.
    pub score: Score,
    /// Why, by criterion.
    pub reasons: Reasons,
    /// What a person, or the judge, says of it as a whole.
    pub note: Option<String>,
    /// The week in which the generation can be drawn for review; `None` where it cannot.
    pub week: Option<Week>,
    /// The day what is judged was made: figures over time are of what was made, whenever somebody looked at it.
    pub day: NaiveDate,
    /// When it was judged.
    pub created: Timestamp,
}

impl Scored {
    /// A judgement of this generation at this moment, by nobody in particular.
    pub fn of(generation: &Generation, scorer: Scorer, (score, reasons): (Score, Reasons), created: Timestamp) -> Self {
        Self {
            id: ScoreId::new(),
            owner: generation.owner,
            generation: generation.id,
            section: generation.section.clone(),
            variant: Variant { prompt_version: generation.prompt_version.clone(), model: generation.model.clone() },
            template_hash: generation.template_hash.clone(),
            scorer,
            account: None,
            by_model: None,
            score,
            reasons,
            note: None,
            week: None,
            day: generation.created.date_naive(),
            created,
        }
    }
}

/// Sums of what was made on one day for one section, variant and kind of scorer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayOfScores {
    /// The day (UTC).
    pub day: NaiveDate,
    /// The section.
    pub section: SectionName,
    /// What wrote it.
    pub variant: Variant,
    /// Who judged.
    pub scorer: Scorer,
    /// How many.
    pub count: u64,
    /// Their totals together, in tenths of a hundred.
    pub total: u64,
    /// By criterion: how many were judged, and their points together in tenths.
    pub criteria: [(u64, u64); 5],
}

impl TenantTx {
    /// Adds a score of one of this owner's generations.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the generation is not theirs, or this person has scored it before.
    pub async fn insert_score(&self, scored: &Scored) -> Result<()> {
        let tx = self.writing_for(scored.owner)?;
        Entity::insert(row(scored)?.into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    }

    /// The scores of one of this owner's generations, oldest first.
    pub async fn scores_of(&self, generation: GenerationId) -> Result<Vec<Scored>> {
        let theirs = Entity::find().filter(Column::OwnerId.eq(self.owner())).filter(Column::GenerationId.eq(generation.0));
        theirs.order_by_asc(Column::Id).all(self.reading()).await?.into_iter().map(read).collect()
    }
}

impl Store {
    /// The scores of what was made from this day on, by day, section, variant and kind of scorer; oldest day first.
    pub async fn score_series(&self, from: NaiveDate) -> Result<Vec<DayOfScores>> {
        let begun = self.program(Access::Read).await?;
        let by = [Column::Day, Column::Section, Column::PromptVersion, Column::Model, Column::Scorer];
        // A sum has a type of its own on some databases.
        let sum = |column: Column| Expr::col(column).sum().cast_as("bigint");
        let mut query =
            Entity::find().select_only().columns(by).column_as(Column::Id.count(), "count").column_as(sum(Column::Total), "total");
        for criterion in Criterion::ALL {
            let column = column_of(criterion);
            query = query
                .column_as(column.count(), format!("{}_count", criterion.key()))
                .column_as(sum(column), format!("{}_sum", criterion.key()));
        }
        for column in by {
            query = query.group_by(column);
        }
        let rows = query.filter(Column::Day.gte(from)).order_by_asc(Column::Day).into_model::<Sums>().all(&begun.tx).await?;
        rows.into_iter().map(Sums::read).collect()
    }

    /// What can be drawn for the review of a week, lowest lots first.
    pub async fn review_candidates(&self, week: Week, limit: u64) -> Result<Vec<Candidate>> {
        let begun = self.program(Access::Read).await?;
        let drawn = drawable().filter(Column::Week.eq(week.key())).order_by_asc(Column::Lot).limit(limit);
        drawn.into_model::<Drawn>().all(&begun.tx).await?.into_iter().map(Drawn::read).collect()
    }

    /// One generation as it can be drawn; `None` where it cannot.
    pub async fn review_candidate(&self, generation: GenerationId) -> Result<Option<Candidate>> {
        let begun = self.program(Access::Read).await?;
        let this = drawable().filter(Column::GenerationId.eq(generation.0)).filter(Column::Scorer.eq(Scorer::Automatic.key()));
        this.filter(Column::Week.is_not_null()).into_model::<Drawn>().one(&begun.tx).await?.map(Drawn::read).transpose()
    }

    /// The scores with these ids, of whomever; those that are gone are left out.
    pub async fn scores_by_id(&self, ids: &[ScoreId]) -> Result<Vec<Scored>> {
        let begun = self.program(Access::Read).await?;
        let found = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).order_by_asc(Column::Id);
        found.all(&begun.tx).await?.into_iter().map(read).collect()
    }

    /// What the program, people and the judge said of these generations, by generation, oldest first.
    pub async fn judgements(&self, generations: &[GenerationId]) -> Result<BTreeMap<GenerationId, Vec<Scored>>> {
        let begun = self.program(Access::Read).await?;
        let of = Entity::find().filter(Column::GenerationId.is_in(generations.iter().map(|id| id.0))).order_by_asc(Column::Id);
        let mut by_generation: BTreeMap<GenerationId, Vec<Scored>> = BTreeMap::new();
        for row in of.all(&begun.tx).await? {
            let scored = read(row)?;
            by_generation.entry(scored.generation).or_default().push(scored);
        }
        Ok(by_generation)
    }
}

#[derive(FromQueryResult)]
struct Sums {
    day: NaiveDate,
    section: String,
    prompt_version: String,
    model: String,
    scorer: String,
    count: i64,
    total: i64,
    correctness_count: i64,
    correctness_sum: Option<i64>,
    relevance_count: i64,
    relevance_sum: Option<i64>,
    format_count: i64,
    format_sum: Option<i64>,
    voice_count: i64,
    voice_sum: Option<i64>,
    actionability_count: i64,
    actionability_sum: Option<i64>,
}

impl Sums {
    fn read(self) -> Result<DayOfScores> {
        let corrupt = Error::corrupt::<Cause>("scores", uuid::Uuid::nil());
        let parts = || {
            let number = |number: i64| u64::try_from(number);
            let judged = |count: i64, sum: Option<i64>| Ok::<_, Cause>((number(count)?, number(sum.unwrap_or_default())?));
            Ok::<_, Cause>(DayOfScores {
                day: self.day,
                section: read_name(&self.section)?,
                variant: Variant { prompt_version: self.prompt_version, model: self.model },
                scorer: read_scorer(&self.scorer)?,
                count: number(self.count)?,
                total: number(self.total)?,
                criteria: [
                    judged(self.correctness_count, self.correctness_sum)?,
                    judged(self.relevance_count, self.relevance_sum)?,
                    judged(self.format_count, self.format_sum)?,
                    judged(self.voice_count, self.voice_sum)?,
                    judged(self.actionability_count, self.actionability_sum)?,
                ],
            })
        };
        parts().map_err(corrupt)
    }
}

const fn column_of(criterion: Criterion) -> Column {
    match criterion {
        Criterion::Correctness => Column::Correctness,
        Criterion::Relevance => Column::Relevance,
        Criterion::Format => Column::Format,
        Criterion::Voice => Column::Voice,
        Criterion::Actionability => Column::Actionability,
    }
}

fn row(scored: &Scored) -> Result<Model> {
    let points = |criterion| scored.score.get(criterion).map(|points| i32::from(points.tenths()));
    let total = scored.score.total().ok_or_else(|| DbErr::Custom("a score without any points cannot be kept".into()))?;
    Ok(Model {
        id: scored.id.0,
        owner_id: scored.owner.0,
        generation_id: scored.generation.0,
        section: scored.section.as_str().to_owned(),
        prompt_version: scored.variant.prompt_version.clone(),
        template_hash: scored.template_hash.clone(),
        model: scored.variant.model.clone(),
        scorer: scored.scorer.key().to_owned(),
        account_id: scored.account.map(|account| account.0),
        by_model: scored.by_model.clone(),
        correctness: points(Criterion::Correctness),
        relevance: points(Criterion::Relevance),
        format: points(Criterion::Format),
        voice: points(Criterion::Voice),
        actionability: points(Criterion::Actionability),
        total: i32::from(total.tenths()),
        reasons: serde_json::to_value(&scored.reasons).map_err(|fault| DbErr::Json(fault.to_string()))?,
        note: scored.note.clone(),
        day: scored.day,
        week: scored.week.map(Week::key),
        lot: scored.week.map(|_| i64::from(lot(scored.generation))),
        created_at: moment(scored.created),
    })
}

fn read(row: Model) -> Result<Scored> {
    let id = row.id;
    read_parts(row).map_err(Error::corrupt("scores", id))
}

fn read_parts(row: Model) -> Result<Scored, Cause> {
    let points = |tenths: Option<i32>| tenths.map(read_points).transpose();
    let score =
        Score::of([points(row.correctness)?, points(row.relevance)?, points(row.format)?, points(row.voice)?, points(row.actionability)?]);
    if score.total().map(|total| i32::from(total.tenths())) != Some(row.total) {
        return Err(format!("{} is not the total of its points", row.total).into());
    }
    let week = row.week.map(|week| Week::from_key(&week).ok_or_else(|| format!("\"{week}\" is not a week")));
    Ok(Scored {
        id: ScoreId(row.id),
        owner: OwnerId(row.owner_id),
        generation: GenerationId(row.generation_id),
        section: read_name(&row.section)?,
        variant: Variant { prompt_version: row.prompt_version, model: row.model },
        template_hash: row.template_hash,
        scorer: read_scorer(&row.scorer)?,
        account: row.account_id.map(OwnerId),
        by_model: row.by_model,
        score,
        reasons: serde_json::from_value(row.reasons)?,
        note: row.note,
        week: week.transpose()?,
        day: row.day,
        created: row.created_at,
    })
}

fn read_points(tenths: i32) -> Result<Points, Cause> {
    let points = u8::try_from(tenths).ok().and_then(Points::of_tenths);
    points.ok_or_else(|| format!("{tenths} tenths are not points of 0 to 10").into())
}

fn read_scorer(key: &str) -> Result<Scorer, Cause> {
    Scorer::from_key(key).ok_or_else(|| format!("\"{key}\" is not a scorer").into())
}

/// What a candidate needs of its row: of thousands, the reasons would be most of what is read.
fn drawable() -> Select<Entity> {
    let columns = [Column::Id, Column::OwnerId, Column::GenerationId, Column::Section, Column::PromptVersion, Column::Model, Column::Week];
    Entity::find().select_only().columns(columns)
}

#[derive(FromQueryResult)]
struct Drawn {
    id: uuid::Uuid,
    owner_id: uuid::Uuid,
    generation_id: uuid::Uuid,
    section: String,
    prompt_version: String,
    model: String,
    week: Option<String>,
}

impl Drawn {
    fn read(self) -> Result<Candidate> {
        let corrupt = Error::corrupt::<Cause>("scores", self.id);
        let week = self.week.as_deref().and_then(Week::from_key);
        let generation = GenerationId(self.generation_id);
        Ok(Candidate {
            generation,
            owner: OwnerId(self.owner_id),
            section: read_name(&self.section).map_err(&corrupt)?,
            variant: Variant { prompt_version: self.prompt_version, model: self.model },
            week: week.ok_or_else(|| corrupt(format!("it can be drawn, and {:?} is no week", self.week).into()))?,
            lot: lot(generation),
        })
    }
}

/// A row of `scores`.
#[expect(clippy::struct_field_names, reason = "columns are named after what they hold, also when that is a model")]
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "scores")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub owner_id: Uuid,
        pub generation_id: Uuid,
        pub section: String,
        pub prompt_version: String,
        pub template_hash: String,
        pub model: String,
        pub scorer: String,
        pub account_id: Option<Uuid>,
        pub by_model: Option<String>,
        pub correctness: Option<i32>,
        pub relevance: Option<i32>,
        pub format: Option<i32>,
        pub voice: Option<i32>,
        pub actionability: Option<i32>,
        pub total: i32,
        #[sea_orm(column_type = "JsonBinary")]
        pub reasons: Json,
        pub note: Option<String>,
        pub day: Date,
        pub week: Option<String>,
        pub lot: Option<i64>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

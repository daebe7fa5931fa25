//! The queue seen and steered from outside: who stands where, what is paused, what was given up.

use crate::Store;
use crate::columns::moment;
use crate::dialect::Access;
use crate::errors::Result;
use crate::jobs::row::{Column, Entity, Model};
use crate::jobs::{CANCELLED, DEAD, DONE, RUNNING, STOPPING, WAITING};
use domain::Timestamp;
use domain::ids::JobId;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

/// Jobs whose time in work the expected wait is worked out from.
const SAMPLE: u64 = 20;

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// In line.
    Waiting {
        /// Jobs that come first.
        ahead: u64,
        /// When it will probably begin; `None` while nothing is known about how long jobs take.
        expected_ms: Option<u64>,
    },
    /// A worker has it.
    Running,
    /// It has ended: done, dead or cancelled.
    Ended,
}

/// The queue at a glance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueState {
    /// In line.
    pub waiting: u64,
    /// In work.
    pub running: u64,
    /// Given up.
    pub dead: u64,
    /// Kinds that nobody claims for now.
    pub paused: Vec<String>,
}

impl Store {
    /// Where a job stands in line, by its kind and key; `None` when there is none.
    pub async fn standing(&self, kind: &str, unique_key: &str, now: Timestamp) -> Result<Option<Standing>> {
        let begun = self.program(Access::Read).await?;
        let tx = &begun.tx;
        let job = Entity::find().filter(Column::Kind.eq(kind)).filter(Column::UniqueKey.eq(unique_key)).one(tx).await?;
        let Some(job) = job else { return Ok(None) };
        match job.state.as_str() {
            WAITING => {}
            RUNNING | STOPPING => return Ok(Some(Standing::Running)),
            _ => return Ok(Some(Standing::Ended)),
        }
        let same_rank = Condition::any()
            .add(Column::TurnAt.lt(job.turn_at))
            .add(Condition::all().add(Column::TurnAt.eq(job.turn_at)).add(Column::Id.lt(job.id)));
        let before = Condition::any().add(Column::Rank.lt(job.rank)).add(Condition::all().add(Column::Rank.eq(job.rank)).add(same_rank));
        let due = Column::RunAt.lte(moment(now));
        let ahead = Entity::find().filter(Column::State.eq(WAITING)).filter(due).filter(before).count(tx).await?;
        let running = Entity::find().filter(Column::State.eq(RUNNING)).count(tx).await?;
        let recent = Entity::find()
            .filter(Column::Kind.eq(kind))
            .filter(Column::State.eq(DONE))
            .order_by_desc(Column::EndedAt)
            .limit(SAMPLE)
            .all(tx)
            .await?;
        let taken: Vec<u64> = recent.iter().filter_map(time_in_work).collect();
        let usual = (!taken.is_empty()).then(|| taken.iter().sum::<u64>() / taken.len() as u64);
        Ok(Some(Standing::Waiting { ahead, expected_ms: usual.map(|usual| usual * (ahead + 1) / Ord::max(running, 1)) }))
    }

    /// The queue at a glance.
    pub async fn queue(&self) -> Result<QueueState> {
        let begun = self.program(Access::Read).await?;
        let count = async |state: &str| Entity::find().filter(Column::State.eq(state)).count(&begun.tx).await;
        Ok(QueueState {
            waiting: count(WAITING).await?,
            running: count(RUNNING).await?,
            dead: count(DEAD).await?,
            paused: paused(&begun.tx).await?,
        })
    }

    /// Has nobody claim jobs of this kind until they are let on; those in work are finished.
    pub async fn pause_jobs(&self, kind: &str, now: Timestamp) -> Result<()> {
        let begun = self.program(Access::Write).await?;
        let row = pause::Model { kind: kind.to_owned(), since: moment(now) };
        let once = OnConflict::column(pause::Column::Kind).do_nothing().to_owned();
        pause::Entity::insert(row.into_active_model()).on_conflict(once).exec_without_returning(&begun.tx).await?;
        Ok(begun.tx.commit().await?)
    }

    /// Lets jobs of this kind be claimed again.
    pub async fn let_jobs_on(&self, kind: &str) -> Result<()> {
        let begun = self.program(Access::Write).await?;
        pause::Entity::delete_by_id(kind).exec(&begun.tx).await?;
        self.database.announce_jobs(&begun.tx).await?;
        begun.tx.commit().await?;
        self.bell.notify_waiters();
        Ok(())
    }

    /// Jobs that were given up, newest first, with the reason.
    pub async fn dead_jobs(&self, limit: u64) -> Result<Vec<(JobId, String, String)>> {
        let begun = self.program(Access::Read).await?;
        let dead = Entity::find().filter(Column::State.eq(DEAD)).order_by_desc(Column::Id).limit(limit).all(&begun.tx).await?;
        Ok(dead.into_iter().map(|row| (JobId(row.id), row.kind, row.reason.unwrap_or_default())).collect())
    }

    /// Puts a dead job back in line as if new; false when it is not dead.
    pub async fn revive_job(&self, job: JobId, now: Timestamp) -> Result<bool> {
        let begun = self.program(Access::Write).await?;
        let revived = Entity::update_many()
            .col_expr(Column::State, Expr::value(WAITING))
            .col_expr(Column::Attempts, Expr::value(0))
            .col_expr(Column::Deaths, Expr::value(0))
            .col_expr(Column::RunAt, Expr::value(moment(now)))
            .filter(Column::Id.eq(job.0))
            .filter(Column::State.eq(DEAD))
            .exec(&begun.tx)
            .await?;
        begun.tx.commit().await?;
        self.bell.notify_waiters();
        Ok(revived.rows_affected > 0)
    }

    /// Removes jobs that ended, and are not dead, before this moment.
    pub async fn forget_jobs(&self, before: Timestamp) -> Result<u64> {
        let begun = self.program(Access::Write).await?;
        let gone = Entity::delete_many()
            .filter(Column::State.is_in([DONE, CANCELLED]))
            .filter(Column::EndedAt.lt(moment(before)))
            .exec(&begun.tx)
            .await?;
        begun.tx.commit().await?;
        Ok(gone.rows_affected)
    }
}

/// Kinds that nobody claims for now.
pub(crate) async fn paused(tx: &DatabaseTransaction) -> Result<Vec<String>> {
    Ok(pause::Entity::find().all(tx).await?.into_iter().map(|row| row.kind).collect())
}

fn time_in_work(row: &Model) -> Option<u64> {
    let taken = row.ended_at? - row.started_at?;
    u64::try_from(taken.num_milliseconds()).ok()
}

/// A row of `paused_kinds`.
pub(crate) mod pause {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "paused_kinds")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        pub since: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

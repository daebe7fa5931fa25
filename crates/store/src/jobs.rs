//! The queue: one table, claimed with leases. A job is put in line in the transaction that makes it true.
//!
//! Whoever claims a job holds a lease on it and renews it. When the lease runs out, because its process died or hangs, the job goes to
//! somebody else, and what the first one still brings is refused.

use crate::Store;
use crate::columns::{moment, read_count};
use crate::dialect::Access;
use crate::errors::{Cause, Error, Result};
use crate::tenants::TenantTx;
use chrono::TimeDelta;
use domain::Timestamp;
use domain::ids::{JobId, OwnerId};
use domain::jobs::{self, Claimed, Lease, NewJob, Priority, Verdict};
use row::{Column, Entity, Model};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    UpdateMany,
};
use std::sync::Arc;
use tokio::sync::Notify;

const WAITING: &str = "waiting";
const RUNNING: &str = "running";
/// In work, and its worker was asked to stop.
const STOPPING: &str = "stopping";
const DONE: &str = "done";
const DEAD: &str = "dead";
const CANCELLED: &str = "cancelled";

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

/// Why a worker has to let go of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetGo {
    /// Somebody else has it: what is still made for it is refused.
    Lost,
    /// Its owner stopped it: settle, then end the attempt.
    Stop,
}

/// What a worker wants to claim.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Jobs of these kinds.
    pub kinds: &'a [&'a str],
    /// Of this owner only, if one is named.
    pub owner: Option<OwnerId>,
    /// At most so many.
    pub most: u64,
    /// Until when they are the worker's, if it does not renew.
    pub lease_for: TimeDelta,
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

impl TenantTx {
    /// Puts a job of this owner in line, once: false when there has been one with its key. Workers hear of it at the commit.
    pub async fn enqueue(&self, job: &NewJob) -> Result<bool> {
        let tx = self.writing()?;
        if job.owner.map(|owner| owner.0) != Some(self.owner()) {
            return Err(Error::Conflict);
        }
        let open = [WAITING, RUNNING, STOPPING];
        let last = Entity::find()
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::State.is_in(open))
            .order_by_desc(Column::TurnAt)
            .one(tx)
            .await?;
        let added = insert(tx, job, last.map(|last| last.turn_at)).await?;
        if added {
            self.ring_after_commit();
        }
        Ok(added)
    }

    /// Makes sure that this lease still holds, and that it does until this transaction ends.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] when somebody else has the job, or nobody any more.
    pub async fn hold(&self, lease: &Lease) -> Result<()> {
        self.held(lease, Entity::update_many().col_expr(Column::Lease, Expr::value(lease.token))).await
    }

    /// The same, and says that the job got on: however often it failed, or processes died over it, before counts no more.
    pub async fn advance(&self, lease: &Lease) -> Result<()> {
        let afresh = Entity::update_many().col_expr(Column::Attempts, Expr::value(0)).col_expr(Column::Deaths, Expr::value(0));
        self.held(lease, afresh).await
    }

    async fn held(&self, lease: &Lease, touch: UpdateMany<Entity>) -> Result<()> {
        let held = touch.filter(Column::OwnerId.eq(self.owner())).filter(mine(lease)).exec(self.writing()?).await?;
        if held.rows_affected == 1 { Ok(()) } else { Err(Error::LeaseLost) }
    }

    /// Takes a job of this owner out of the line. One that is in work stays its worker's, who is asked to stop and settle.
    pub async fn cancel_job(&self, kind: &str, unique_key: &str, now: Timestamp) -> Result<()> {
        let this = |state: &str| {
            let key = Condition::all().add(Column::Kind.eq(kind)).add(Column::UniqueKey.eq(unique_key));
            key.add(Column::OwnerId.eq(self.owner())).add(Column::State.eq(state))
        };
        Entity::update_many()
            .col_expr(Column::State, Expr::value(CANCELLED))
            .col_expr(Column::EndedAt, Expr::value(moment(now)))
            .filter(this(WAITING))
            .exec(self.writing()?)
            .await?;
        Entity::update_many().col_expr(Column::State, Expr::value(STOPPING)).filter(this(RUNNING)).exec(self.writing()?).await?;
        Ok(())
    }
}

impl Store {
    /// Puts a job of the program itself in line, once: false when there has been one with its key, from whichever process.
    pub async fn enqueue_own(&self, job: &NewJob) -> Result<bool> {
        let begun = self.program(Access::Write).await?;
        let added = insert(&begun.tx, job, None).await?;
        if added {
            self.database.announce_jobs(&begun.tx).await?;
        }
        begun.tx.commit().await?;
        if added {
            self.bell.notify_waiters();
        }
        Ok(added)
    }

    /// Claims jobs that are due: the program's first, then paying members', then in turns between owners.
    pub async fn claim(&self, wanted: &Wanted<'_>, now: Timestamp) -> Result<Vec<Claimed>> {
        let begun = self.program(Access::Write).await?;
        let paused = paused(&begun.tx).await?;
        let kinds: Vec<&str> = wanted.kinds.iter().copied().filter(|kind| !paused.iter().any(|paused| paused == kind)).collect();
        let due = Condition::all().add(Column::State.eq(WAITING)).add(Column::RunAt.lte(moment(now)));
        let found = Entity::find()
            .filter(due.add_option(wanted.owner.map(|owner| Column::OwnerId.eq(owner.0))))
            .filter(Column::Kind.is_in(kinds))
            .order_by_asc(Column::Rank)
            .order_by_asc(Column::TurnAt)
            .order_by_asc(Column::Id)
            .limit(wanted.most)
            // Where several write at once they pass each other's rows; SQLite has one writer and leaves this out.
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .all(&begun.tx)
            .await?;
        let mut claimed = Vec::new();
        for row in found {
            let token = Uuid::new_v4();
            Entity::update_many()
                .col_expr(Column::State, Expr::value(RUNNING))
                .col_expr(Column::Lease, Expr::value(token))
                .col_expr(Column::LeaseUntil, Expr::value(moment(now + wanted.lease_for)))
                .col_expr(Column::StartedAt, Expr::value(moment(now)))
                .filter(Column::Id.eq(row.id))
                .exec(&begun.tx)
                .await?;
            claimed.push(read(row, token)?);
        }
        begun.tx.commit().await?;
        Ok(claimed)
    }

    /// Where the line of this priority has got to: the turn of its first job that waits.
    pub async fn head_of_line(&self, priority: Priority) -> Result<Option<Timestamp>> {
        let begun = self.program(Access::Read).await?;
        let first = Entity::find()
            .filter(Column::State.eq(WAITING))
            .filter(Column::Rank.eq(priority.rank()))
            .order_by_asc(Column::TurnAt)
            .one(&begun.tx)
            .await?;
        Ok(first.map(|first| first.turn_at))
    }

    /// Renews leases, and says which of them to let go of. The clock is read when the database's turn has come, however long that took.
    pub async fn renew(&self, leases: &[Lease], now: impl Fn() -> Timestamp, lease_for: TimeDelta) -> Result<Vec<(Lease, LetGo)>> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        let begun = self.program(Access::Write).await?;
        let mine = || {
            let held = Condition::all().add(Column::Id.is_in(leases.iter().map(|lease| lease.job.0)));
            held.add(Column::Lease.is_in(leases.iter().map(|lease| lease.token))).add(Column::State.is_in([RUNNING, STOPPING]))
        };
        Entity::update_many().col_expr(Column::LeaseUntil, Expr::value(moment(now() + lease_for))).filter(mine()).exec(&begun.tx).await?;
        let rows = Entity::find().filter(mine()).all(&begun.tx).await?;
        begun.tx.commit().await?;
        let let_go =
            leases.iter().filter_map(|lease| match rows.iter().find(|row| row.id == lease.job.0 && row.lease == Some(lease.token)) {
                None => Some((*lease, LetGo::Lost)),
                Some(row) if row.state == STOPPING => Some((*lease, LetGo::Stop)),
                Some(_) => None,
            });
        Ok(let_go.collect())
    }

    /// Ends an attempt. False when the lease did not hold any more: then nothing is changed.
    pub async fn end_attempt(&self, lease: &Lease, verdict: &Verdict, now: Timestamp) -> Result<bool> {
        let begun = self.program(Access::Write).await?;
        let found = Entity::find().filter(mine(lease)).lock_exclusive().one(&begun.tx).await?;
        let Some(row) = found else { return Ok(false) };
        // What it counts up to is read here: it began anew whenever the job got on.
        let failed = u32::try_from(row.attempts).unwrap_or(u32::MAX).saturating_add(1);
        let again = |run_at: Timestamp, attempts: i32, reason: Option<&String>| {
            Entity::update_many()
                .col_expr(Column::State, Expr::value(WAITING))
                .col_expr(Column::RunAt, Expr::value(moment(run_at)))
                .col_expr(Column::Attempts, Expr::value(attempts))
                .col_expr(Column::Reason, Expr::value(reason.cloned()))
        };
        let over = |state: &str, reason: Option<&String>| {
            Entity::update_many()
                .col_expr(Column::State, Expr::value(state))
                .col_expr(Column::Reason, Expr::value(reason.cloned()))
                .col_expr(Column::EndedAt, Expr::value(moment(now)))
        };
        let update = match verdict {
            Verdict::Done => over(DONE, None),
            Verdict::Dead(reason) => over(DEAD, Some(reason)),
            Verdict::Failed(reason) => again(now + jobs::backoff(failed, lease.token), row.attempts + 1, Some(reason)),
            Verdict::Later(reason) => again(now + jobs::backoff(2, lease.token), row.attempts, Some(reason)),
            Verdict::HandedBack => again(now, row.attempts, None),
        };
        let ended = update.col_expr(Column::Lease, Expr::value(Option::<Uuid>::None)).filter(mine(lease)).exec(&begun.tx).await?;
        if matches!(verdict, Verdict::HandedBack) {
            self.database.announce_jobs(&begun.tx).await?;
        }
        begun.tx.commit().await?;
        Ok(ended.rows_affected == 1)
    }

    /// Puts jobs whose lease ran out back in line; how many there were.
    pub async fn reap(&self, now: Timestamp) -> Result<u64> {
        let begun = self.program(Access::Write).await?;
        let late = |state: &str| Condition::all().add(Column::State.eq(state)).add(Column::LeaseUntil.lt(moment(now)));
        let back = Entity::update_many()
            .col_expr(Column::State, Expr::value(WAITING))
            .col_expr(Column::Deaths, Expr::col(Column::Deaths).add(1))
            .col_expr(Column::Reason, Expr::value("the process that worked on it ended"))
            .col_expr(Column::RunAt, Expr::value(moment(now)))
            .col_expr(Column::Lease, Expr::value(Option::<Uuid>::None))
            .filter(late(RUNNING))
            .exec(&begun.tx)
            .await?;
        let stopped = Entity::update_many()
            .col_expr(Column::State, Expr::value(CANCELLED))
            .col_expr(Column::EndedAt, Expr::value(moment(now)))
            .filter(late(STOPPING))
            .exec(&begun.tx)
            .await?;
        begun.tx.commit().await?;
        Ok(back.rows_affected + stopped.rows_affected)
    }

    /// Where a job stands in line, by its kind and key; `None` when there is none.
    pub async fn standing(&self, kind: &str, unique_key: &str) -> Result<Option<Standing>> {
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
        let ahead = Entity::find().filter(Column::State.eq(WAITING)).filter(before).count(tx).await?;
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

    /// Rung when jobs may be waiting, from this process or another; look again every now and then all the same.
    pub fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }

    /// Work that rings the bell for other processes' jobs; `None` where there are no others. Run it as long as jobs are wanted.
    pub async fn hear(&self) -> Result<Option<impl Future<Output = ()> + Send + use<>>> {
        self.database.hear_jobs(self.bell()).await
    }
}

/// The job, as long as this lease holds.
fn mine(lease: &Lease) -> Condition {
    Condition::all().add(Column::Id.eq(lease.job.0)).add(Column::State.is_in([RUNNING, STOPPING])).add(Column::Lease.eq(lease.token))
}

async fn insert(tx: &DatabaseTransaction, job: &NewJob, last_turn: Option<Timestamp>) -> Result<bool> {
    let row = Model {
        id: JobId::new().0,
        kind: job.kind.to_owned(),
        owner_id: job.owner.map(|owner| owner.0),
        unique_key: job.unique_key.clone(),
        payload: job.payload.clone(),
        state: WAITING.to_owned(),
        rank: job.priority.rank(),
        turn_at: moment(jobs::turn(job.now, job.head, last_turn)),
        attempts: 0,
        deaths: 0,
        run_at: moment(job.run_at),
        lease: None,
        lease_until: None,
        reason: None,
        created_at: moment(job.now),
        started_at: None,
        ended_at: None,
    };
    let once = OnConflict::columns([Column::Kind, Column::UniqueKey]).do_nothing().to_owned();
    Ok(Entity::insert(row.into_active_model()).on_conflict(once).exec_without_returning(tx).await? > 0)
}

async fn paused(tx: &DatabaseTransaction) -> Result<Vec<String>> {
    Ok(pause::Entity::find().all(tx).await?.into_iter().map(|row| row.kind).collect())
}

fn time_in_work(row: &Model) -> Option<u64> {
    let taken = row.ended_at? - row.started_at?;
    u64::try_from(taken.num_milliseconds()).ok()
}

fn read(row: Model, token: Uuid) -> Result<Claimed> {
    let corrupt = Error::corrupt::<Cause>("jobs", row.id);
    let attempts: u32 = read_count(i64::from(row.attempts)).map_err(&corrupt)?;
    let deaths = read_count(i64::from(row.deaths)).map_err(&corrupt)?;
    Ok(Claimed {
        lease: Lease { job: JobId(row.id), token },
        kind: row.kind,
        owner: row.owner_id.map(OwnerId),
        payload: row.payload,
        attempt: attempts + 1,
        deaths,
    })
}

/// A row of `jobs`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "jobs")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub kind: String,
        pub owner_id: Option<Uuid>,
        pub unique_key: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub payload: Json,
        pub state: String,
        pub rank: i32,
        pub turn_at: DateTimeUtc,
        pub attempts: i32,
        pub deaths: i32,
        pub run_at: DateTimeUtc,
        pub lease: Option<Uuid>,
        pub lease_until: Option<DateTimeUtc>,
        pub reason: Option<String>,
        pub created_at: DateTimeUtc,
        pub started_at: Option<DateTimeUtc>,
        pub ended_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
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

//! The queue: one table, claimed with leases. A job is put in line in the transaction that makes it true.
//!
//! Whoever claims a job holds a lease on it and renews it. When the lease runs out, because its process died or hangs, the job goes to
//! somebody else, and what the first one still brings is refused.

use crate::Store;
use crate::columns::{moment, read_count};
use crate::dialect::Access;
use crate::errors::{Cause, Error, Result};
use crate::queue;
use crate::tenants::{TeamTx, TenantTx};
use chrono::TimeDelta;
use domain::Timestamp;
use domain::ids::{JobId, OwnerId};
use domain::jobs::{self, Claimed, Lease, NewJob, Priority, Verdict};
use row::{Column, Entity, Model};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, UpdateMany,
};
use std::sync::Arc;
use tokio::sync::Notify;

pub(crate) const WAITING: &str = "waiting";
pub(crate) const RUNNING: &str = "running";
/// In work, and its worker was asked to stop.
pub(crate) const STOPPING: &str = "stopping";
pub(crate) const DONE: &str = "done";
pub(crate) const DEAD: &str = "dead";
pub(crate) const CANCELLED: &str = "cancelled";

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
            // What nobody waits for delays nobody.
            .filter(Column::Rank.eq(job.priority.rank()))
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
        let own = Condition::all().add(Column::OwnerId.eq(self.owner()));
        cancel(self.writing()?, &own.add(Column::Kind.eq(kind)).add(Column::UniqueKey.eq(unique_key)), now).await
    }
}

impl TenantTx {
    /// Has this owner's jobs of one kind that wait for a later moment tried now.
    pub async fn hurry_jobs(&self, kind: &str, now: Timestamp) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::RunAt, Expr::value(moment(now)))
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::Kind.eq(kind))
            .filter(Column::State.eq(WAITING))
            .filter(Column::RunAt.gt(moment(now)))
            .exec(self.writing()?)
            .await?;
        self.ring_after_commit();
        Ok(())
    }
}

impl TeamTx {
    /// Puts a job of the program itself in line, once: false when there has been one with its key. Workers hear of it at the commit.
    pub async fn enqueue(&self, job: &NewJob) -> Result<bool> {
        let added = insert(self.writing()?, job, None).await?;
        if added {
            self.ring_after_commit();
        }
        Ok(added)
    }

    /// Makes sure that the lease on a job of the program still holds, until this transaction ends, and that the job got on.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] when somebody else has the job, or nobody any more.
    pub async fn advance(&self, lease: &Lease) -> Result<()> {
        let afresh = Entity::update_many().col_expr(Column::Attempts, Expr::value(0)).col_expr(Column::Deaths, Expr::value(0));
        let held = afresh.filter(Column::OwnerId.is_null()).filter(mine(lease)).exec(self.writing()?).await?;
        if held.rows_affected == 1 { Ok(()) } else { Err(Error::LeaseLost) }
    }

    /// Takes a job of the program itself out of the line. One that is in work stays its worker's, who is asked to stop.
    pub async fn cancel_job(&self, kind: &str, unique_key: &str, now: Timestamp) -> Result<()> {
        let own = Condition::all().add(Column::OwnerId.is_null());
        cancel(self.writing()?, &own.add(Column::Kind.eq(kind)).add(Column::UniqueKey.eq(unique_key)), now).await
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
        let paused = queue::paused(&begun.tx).await?;
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

    /// Where the line of this priority has got to: the turn of its first job that waits for nothing but its turn.
    pub async fn head_of_line(&self, priority: Priority, now: Timestamp) -> Result<Option<Timestamp>> {
        let begun = self.program(Access::Read).await?;
        let first = Entity::find()
            .filter(Column::State.eq(WAITING))
            .filter(Column::Rank.eq(priority.rank()))
            .filter(Column::RunAt.lte(moment(now)))
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
            Verdict::At { at, reason } => again(*at, row.attempts, Some(reason)),
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

async fn cancel(tx: &DatabaseTransaction, jobs: &Condition, now: Timestamp) -> Result<()> {
    let these = |state: &str| jobs.clone().add(Column::State.eq(state));
    Entity::update_many()
        .col_expr(Column::State, Expr::value(CANCELLED))
        .col_expr(Column::EndedAt, Expr::value(moment(now)))
        .filter(these(WAITING))
        .exec(tx)
        .await?;
    Entity::update_many().col_expr(Column::State, Expr::value(STOPPING)).filter(these(RUNNING)).exec(tx).await?;
    Ok(())
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

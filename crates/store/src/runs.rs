//! Runs over the sections of a venture: which sections were asked for, and where the run stands.

use crate::columns::{list, moment, read_list};
use crate::errors::{Cause, Error, Result};
use crate::tenants::TenantTx;
use domain::Timestamp;
use domain::ids::{OwnerId, RunId, VentureId};
use domain::runs::VentureRun;
use domain::sections::SectionName;
use row::{Column, Entity, Model};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

const QUEUED: &str = "queued";
const RUNNING: &str = "running";
const FINISHED: &str = "finished";
const CANCELLED: &str = "cancelled";

/// A run as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Whose it is.
    pub owner: OwnerId,
    /// The venture it is about.
    pub venture: VentureId,
    /// The sections that were asked for.
    pub sections: Vec<SectionName>,
    /// Where it stands.
    pub state: VentureRun,
    /// When it was asked for.
    pub created: Timestamp,
}

impl TenantTx {
    /// Adds a run of a venture of this owner.
    pub async fn insert_run(&self, run: &Run) -> Result<()> {
        let tx = self.writing_for(run.owner)?;
        let (state, state_at, failed) = state_columns(&run.state);
        let row = Model {
            id: run.id.0,
            owner_id: run.owner.0,
            venture_id: run.venture.0,
            sections: list(&run.sections)?,
            state: state.to_owned(),
            state_at,
            failed: list(failed)?,
            created_at: moment(run.created),
            last_event: 0,
        };
        Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    }

    /// A run of this owner.
    pub async fn run(&self, id: RunId) -> Result<Option<Run>> {
        let found = Entity::find_by_id(id.0).filter(Column::OwnerId.eq(self.owner())).one(self.reading()).await?;
        found.map(read).transpose()
    }

    /// The newest run of a venture.
    pub async fn latest_run(&self, venture: VentureId) -> Result<Option<Run>> {
        let found = Entity::find()
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::VentureId.eq(venture.0))
            .order_by_desc(Column::Id)
            .one(self.reading())
            .await?;
        found.map(read).transpose()
    }

    /// Runs of a venture, newest first; the next page is what comes `before` the last of this one.
    pub async fn runs(&self, venture: VentureId, limit: u64, before: Option<RunId>) -> Result<Vec<Run>> {
        let mut query = Entity::find().filter(Column::OwnerId.eq(self.owner())).filter(Column::VentureId.eq(venture.0));
        if let Some(before) = before {
            query = query.filter(Column::Id.lt(before.0));
        }
        let found = query.order_by_desc(Column::Id).limit(limit).all(self.reading()).await?;
        found.into_iter().map(read).collect()
    }

    /// Says where a run stands now. False when there is no such run or it has ended: how a run ended is never written over, so of a
    /// stop and a finish at the same time the first one counts.
    pub async fn set_run_state(&self, id: RunId, state: &VentureRun) -> Result<bool> {
        let (state, state_at, failed) = state_columns(state);
        let done = Entity::update_many()
            .col_expr(Column::State, Expr::value(state))
            .col_expr(Column::StateAt, Expr::value(state_at))
            .col_expr(Column::Failed, Expr::value(list(failed)?))
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::Id.eq(id.0))
            .filter(Column::State.is_in([QUEUED, RUNNING]))
            .exec(self.writing()?)
            .await?;
        Ok(done.rows_affected > 0)
    }
}

/// The number of the next event of a run, and the run's venture.
pub(crate) struct Counted {
    pub number: i64,
    pub venture: Uuid,
}

/// Counts one more event of a run of this owner; whoever counts at the same time waits.
pub(crate) async fn next_event(tx: &TenantTx, run: RunId) -> Result<Counted> {
    let counted = Entity::update_many()
        .col_expr(Column::LastEvent, Expr::col(Column::LastEvent).add(1))
        .filter(Column::OwnerId.eq(tx.owner()))
        .filter(Column::Id.eq(run.0))
        .exec_with_returning(tx.writing()?)
        .await?;
    let row = counted.into_iter().next().ok_or(Error::Conflict)?;
    Ok(Counted { number: row.last_event, venture: row.venture_id })
}

fn state_columns(state: &VentureRun) -> (&'static str, Timestamp, &[SectionName]) {
    match state {
        VentureRun::Queued { since } => (QUEUED, moment(*since), &[]),
        VentureRun::Running { since } => (RUNNING, moment(*since), &[]),
        VentureRun::Finished { at, failed } => (FINISHED, moment(*at), failed),
        VentureRun::Cancelled { at } => (CANCELLED, moment(*at), &[]),
    }
}

fn read(row: Model) -> Result<Run> {
    let corrupt = Error::corrupt::<Cause>("runs", row.id);
    let failed = read_list(row.failed).map_err(&corrupt)?;
    let state = match row.state.as_str() {
        QUEUED => VentureRun::Queued { since: row.state_at },
        RUNNING => VentureRun::Running { since: row.state_at },
        FINISHED => VentureRun::Finished { at: row.state_at, failed },
        CANCELLED => VentureRun::Cancelled { at: row.state_at },
        unknown => return Err(corrupt(format!("\"{unknown}\" is not a state of a run").into())),
    };
    let sections = read_list(row.sections).map_err(&corrupt)?;
    Ok(Run {
        id: RunId(row.id),
        owner: OwnerId(row.owner_id),
        venture: VentureId(row.venture_id),
        sections,
        state,
        created: row.created_at,
    })
}

/// A row of `runs`. `state_at` is the moment its state carries: when it started, ended or was stopped.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "runs")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub owner_id: Uuid,
        pub venture_id: Uuid,
        #[sea_orm(column_type = "JsonBinary")]
        pub sections: Json,
        pub state: String,
        pub state_at: DateTimeUtc,
        #[sea_orm(column_type = "JsonBinary")]
        pub failed: Json,
        pub created_at: DateTimeUtc,
        pub last_event: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

//! What happened in a run, numbered from one, so that whoever lost the connection goes on where they were.

use crate::columns::moment;
use crate::errors::{Cause, Error, Result};
use crate::runs;
use crate::tenants::TenantTx;
use domain::Timestamp;
use domain::ids::RunId;
use domain::runs::Happening;
use row::{Column, Entity, Model};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEvent {
    /// Its number in the run, from one.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
}

impl TenantTx {
    /// Adds what happened in a run of this owner. [`Error::Conflict`] when there is no such run.
    pub async fn add_event(&self, run: RunId, at: Timestamp, what: &Happening) -> Result<()> {
        let tx = self.writing()?;
        let counted = runs::next_event(self, run).await?;
        let row = Model {
            run_id: run.0,
            number: counted.number,
            owner_id: self.owner(),
            venture_id: counted.venture,
            event: serde_json::to_value(what).map_err(|fault| sea_orm::DbErr::Json(fault.to_string()))?,
            created_at: moment(at),
        };
        Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    }

    /// What happened in a run after the event of this number, in order, at most `limit` of it.
    pub async fn events_after(&self, run: RunId, number: u64, limit: u64) -> Result<Vec<RunEvent>> {
        let rows = Entity::find()
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::RunId.eq(run.0))
            .filter(Column::Number.gt(i64::try_from(number).unwrap_or(i64::MAX)))
            .order_by_asc(Column::Number)
            .limit(limit)
            .all(self.reading())
            .await?;
        rows.into_iter().map(read).collect()
    }
}

fn read(row: Model) -> Result<RunEvent> {
    let corrupt = Error::corrupt::<Cause>("run_events", row.run_id);
    let what = serde_json::from_value(row.event).map_err(|fault| corrupt(fault.into()))?;
    Ok(RunEvent { number: u64::try_from(row.number).map_err(|fault| corrupt(fault.into()))?, at: row.created_at, what })
}

/// A row of `run_events`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "run_events")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub run_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub owner_id: Uuid,
        pub venture_id: Uuid,
        #[sea_orm(column_type = "JsonBinary")]
        pub event: Json,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

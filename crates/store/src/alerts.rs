//! Alerts: opened for a member in the transaction that finds the cause, looked at by the team. Of a kind and subject one is open at a
//! time, whoever opens it.

use crate::Store;
use crate::columns::{moment, page_before};
use crate::dialect::Access;
use crate::errors::{Error, Result};
use crate::tenants::{TeamTx, TenantTx};
use domain::Timestamp;
use domain::alerts::Alert;
use domain::ids::{AlertId, OwnerId};
use row::{Column, Entity, Model};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

impl TenantTx {
    /// Opens an alert about this owner; false when one of its kind and subject is open.
    pub async fn open_alert(&self, alert: &Alert) -> Result<bool> {
        let tx = self.writing_for(alert.owner.ok_or(Error::Conflict)?)?;
        let once = OnConflict::column(Column::OpenKey).do_nothing().to_owned();
        Ok(Entity::insert(row(alert).into_active_model()).on_conflict(once).exec_without_returning(tx).await? > 0)
    }

    /// Closes what is open about this owner of a kind and subject; how many.
    pub async fn close_alerts(&self, kind: &str, subject: &str, now: Timestamp) -> Result<u64> {
        let closed = Entity::update_many()
            .col_expr(Column::ClosedAt, Expr::value(moment(now)))
            .col_expr(Column::OpenKey, Expr::value(Option::<String>::None))
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::OpenKey.eq(open_key(kind, subject)))
            .exec(self.writing()?)
            .await?;
        Ok(closed.rows_affected)
    }
}

impl TeamTx {
    /// Opens an alert that is about no member; false when one of its kind and subject is open.
    pub async fn open_team_alert(&self, alert: &Alert) -> Result<bool> {
        if alert.owner.is_some() {
            return Err(Error::Conflict);
        }
        let once = OnConflict::column(Column::OpenKey).do_nothing().to_owned();
        Ok(Entity::insert(row(alert).into_active_model()).on_conflict(once).exec_without_returning(self.writing()?).await? > 0)
    }

    /// Closes what is open about no member of a kind and subject; how many.
    pub async fn close_team_alerts(&self, kind: &str, subject: &str, now: Timestamp) -> Result<u64> {
        let closed = Entity::update_many()
            .col_expr(Column::ClosedAt, Expr::value(moment(now)))
            .col_expr(Column::OpenKey, Expr::value(Option::<String>::None))
            .filter(Column::OwnerId.is_null())
            .filter(Column::OpenKey.eq(open_key(kind, subject)))
            .exec(self.writing()?)
            .await?;
        Ok(closed.rows_affected)
    }
}

impl Store {
    /// Alerts, open and closed, newest first; the next page is what comes `before` the last of this one.
    pub async fn alerts(&self, limit: u64, before: Option<AlertId>) -> Result<Vec<Alert>> {
        let begun = self.program(Access::Read).await?;
        let page = Entity::find().filter(Column::Id.lt(page_before(before.map(|id| id.0))));
        Ok(page.order_by_desc(Column::Id).limit(limit).all(&begun.tx).await?.into_iter().map(read).collect())
    }

    /// Says that somebody looks at an alert; false when there is none, or somebody did before.
    pub async fn acknowledge_alert(&self, id: AlertId, now: Timestamp) -> Result<bool> {
        let begun = self.program(Access::Write).await?;
        let done = Entity::update_many()
            .col_expr(Column::AcknowledgedAt, Expr::value(moment(now)))
            .filter(Column::Id.eq(id.0))
            .filter(Column::AcknowledgedAt.is_null())
            .exec(&begun.tx)
            .await?;
        begun.tx.commit().await?;
        Ok(done.rows_affected > 0)
    }
}

/// What an open alert has to itself.
fn open_key(kind: &str, subject: &str) -> String {
    format!("{kind}:{subject}")
}

fn row(alert: &Alert) -> Model {
    Model {
        id: alert.id.0,
        kind: alert.kind.clone(),
        owner_id: alert.owner.map(|owner| owner.0),
        subject: alert.subject.clone(),
        detail: alert.detail.clone(),
        opened_at: moment(alert.opened),
        acknowledged_at: alert.acknowledged.map(moment),
        closed_at: alert.closed.map(moment),
        open_key: alert.closed.is_none().then(|| open_key(&alert.kind, &alert.subject)),
    }
}

fn read(row: Model) -> Alert {
    Alert {
        id: AlertId(row.id),
        kind: row.kind,
        owner: row.owner_id.map(OwnerId),
        subject: row.subject,
        detail: row.detail,
        opened: row.opened_at,
        acknowledged: row.acknowledged_at,
        closed: row.closed_at,
    }
}

/// A row of `alerts`. `open_key` is kind and subject while it is open.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "alerts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub kind: String,
        pub owner_id: Option<Uuid>,
        pub subject: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub detail: Json,
        pub opened_at: DateTimeUtc,
        pub acknowledged_at: Option<DateTimeUtc>,
        pub closed_at: Option<DateTimeUtc>,
        pub open_key: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

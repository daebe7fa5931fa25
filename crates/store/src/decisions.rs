//! The decision log of quality. Lines are added with their line in the audit log, and never changed.

use crate::Store;
use crate::audit;
use crate::columns::{moment, page_before};
use crate::dialect::Access;
use crate::errors::{Error, Result};
use domain::audit::Entry;
use domain::decisions::Decision;
use domain::ids::{DecisionId, OwnerId};
use row::{Column, Entity, Model};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

impl Store {
    /// Adds a decision, and says so in the audit log.
    pub async fn insert_decision(&self, decision: &Decision, entry: &Entry) -> Result<()> {
        let begun = self.program(Access::Write).await?;
        Entity::insert(row(decision)?.into_active_model()).exec_without_returning(&begun.tx).await?;
        audit::insert(&begun.tx, entry).await?;
        Ok(begun.tx.commit().await?)
    }

    /// Decisions, newest first; the next page is what comes `before` the last of this one.
    pub async fn decisions(&self, limit: u64, before: Option<DecisionId>) -> Result<Vec<Decision>> {
        let begun = self.program(Access::Read).await?;
        let page = Entity::find().filter(Column::Id.lt(page_before(before.map(|id| id.0)))).order_by_desc(Column::Id).limit(limit);
        page.all(&begun.tx).await?.into_iter().map(read).collect()
    }
}

fn row(decision: &Decision) -> Result<Model> {
    Ok(Model {
        id: decision.id.0,
        found: decision.found.clone(),
        evidence: serde_json::to_value(&decision.evidence).map_err(|fault| DbErr::Json(fault.to_string()))?,
        decision: decision.decision.clone(),
        account_id: decision.by.map(|by| by.0),
        created_at: moment(decision.at),
    })
}

fn read(row: Model) -> Result<Decision> {
    let evidence = serde_json::from_value(row.evidence).map_err(Error::corrupt("decisions", row.id))?;
    Ok(Decision {
        id: DecisionId(row.id),
        found: row.found,
        evidence,
        decision: row.decision,
        by: row.account_id.map(OwnerId),
        at: row.created_at,
    })
}

/// A row of `decisions`, which belongs to the team.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "decisions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub found: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub evidence: Json,
        pub decision: String,
        pub account_id: Option<Uuid>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

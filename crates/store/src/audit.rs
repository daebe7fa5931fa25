//! The audit log: lines are added, in the transaction that does what they say, and read by the team. Nothing changes or removes one;
//! the database itself refuses that.

use crate::Store;
use crate::columns::{beginning, moment, page_before, part};
use crate::dialect::Access;
use crate::errors::{Cause, Error, Result};
use crate::tenants::{TeamTx, TenantTx};
use domain::audit::{Actor, Entry};
use domain::ids::{AuditId, OwnerId};
use row::{Column, Entity, Model};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

/// What is looked for in the log; lines that fit all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditSearch {
    /// The subject, the beginning of the action, or a part of the reason.
    pub text: Option<String>,
    /// Who did it.
    pub actor: Option<OwnerId>,
    /// What was done.
    pub action: Option<String>,
}

impl TenantTx {
    /// Adds a line about what this transaction does.
    pub async fn audit(&self, entry: &Entry) -> Result<()> {
        insert(self.writing()?, entry).await
    }
}

impl TeamTx {
    /// Adds a line about what this transaction does.
    pub async fn audit(&self, entry: &Entry) -> Result<()> {
        insert(self.writing()?, entry).await
    }
}

impl Store {
    /// Adds a line about what belongs to no owner.
    pub async fn audit(&self, entry: &Entry) -> Result<()> {
        let begun = self.program(Access::Write).await?;
        insert(&begun.tx, entry).await?;
        Ok(begun.tx.commit().await?)
    }

    /// Lines of the log, newest first; the next page is what comes `before` the last of this one.
    pub async fn audit_log(&self, search: &AuditSearch, limit: u64, before: Option<AuditId>) -> Result<Vec<Entry>> {
        let begun = self.program(Access::Read).await?;
        let wanted = Condition::all()
            .add(Column::Id.lt(page_before(before.map(|id| id.0))))
            .add_option(search.actor.map(|actor| Column::ActorId.eq(actor.0)))
            .add_option(search.action.as_deref().map(|action| Column::Action.eq(action)))
            .add_option(search.text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(has));
        let rows = Entity::find().filter(wanted).order_by_desc(Column::Id).limit(limit).all(&begun.tx).await?;
        rows.into_iter().map(read).collect()
    }
}

/// Adds a line with the rest of a transaction.
pub(crate) async fn insert(tx: &DatabaseTransaction, entry: &Entry) -> Result<()> {
    let row = Model {
        id: entry.id.0,
        at: moment(entry.at),
        actor_kind: entry.actor.key().to_owned(),
        actor_id: entry.actor.account().map(|owner| owner.0),
        action: entry.action.clone(),
        subject_kind: entry.subject_kind.clone(),
        subject: entry.subject.clone(),
        network: entry.network.clone(),
        before: entry.before.clone(),
        after: entry.after.clone(),
        reason: entry.reason.clone(),
    };
    Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// The text in one of the columns it is looked for in; large and small letters are the same in a reason.
fn has(text: &str) -> Condition {
    let reason = Expr::expr(Func::lower(Expr::col(Column::Reason))).like(part(&text.to_lowercase()));
    Condition::any().add(Column::Subject.eq(text)).add(Column::Action.like(beginning(text))).add(reason)
}

fn read(row: Model) -> Result<Entry> {
    let corrupt = Error::corrupt::<Cause>("audit", row.id);
    let actor = Actor::from_parts(&row.actor_kind, row.actor_id.map(OwnerId));
    Ok(Entry {
        id: AuditId(row.id),
        at: row.at,
        actor: actor.ok_or_else(|| corrupt(format!("\"{}\" is not an actor, with or without an account", row.actor_kind).into()))?,
        action: row.action,
        subject_kind: row.subject_kind,
        subject: row.subject,
        network: row.network,
        before: row.before,
        after: row.after,
        reason: row.reason,
    })
}

/// A row of `audit`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "audit")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub at: DateTimeUtc,
        pub actor_kind: String,
        pub actor_id: Option<Uuid>,
        pub action: String,
        pub subject_kind: String,
        pub subject: String,
        pub network: Option<String>,
        #[sea_orm(column_type = "JsonBinary")]
        pub before: Json,
        #[sea_orm(column_type = "JsonBinary")]
        pub after: Json,
        pub reason: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

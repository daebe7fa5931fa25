//! Sessions: who is signed in, in which browser. Found by the hash of a cookie; the cookie itself is not kept.

use crate::Store;
use crate::accounts;
use crate::columns::moment;
use crate::dialect::Access;
use crate::errors::Result;
use crate::tenants::TenantTx;
use domain::Timestamp;
use domain::accounts::{Account, Session};
use domain::ids::{OwnerId, SessionId};
use row::{Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, JoinType, QueryFilter, QueryOrder, QuerySelect};

impl TenantTx {
    /// Adds a session of this owner, who has an account.
    pub async fn insert_session(&self, session: &Session) -> Result<()> {
        let tx = self.writing_for(session.owner)?;
        Entity::insert(row(session).into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    }

    /// The owner's sessions, newest first, also those that have ended by themselves and are not forgotten yet.
    pub async fn sessions(&self) -> Result<Vec<Session>> {
        let mine = Entity::find().filter(Column::OwnerId.eq(self.owner()));
        Ok(mine.order_by_desc(Column::Id).all(self.reading()).await?.into_iter().map(read).collect())
    }

    /// Ends a session; false when there is none.
    pub async fn end_session(&self, id: SessionId) -> Result<bool> {
        let this = Entity::delete_many().filter(Column::OwnerId.eq(self.owner())).filter(Column::Id.eq(id.0));
        Ok(this.exec(self.writing()?).await?.rows_affected > 0)
    }

    /// Ends all sessions of this owner, except for one if it is named; how many.
    pub async fn end_sessions(&self, except: Option<SessionId>) -> Result<u64> {
        let others = Condition::all().add_option(except.map(|id| Column::Id.ne(id.0)));
        let these = Entity::delete_many().filter(Column::OwnerId.eq(self.owner())).filter(others);
        Ok(these.exec(self.writing()?).await?.rows_affected)
    }

    /// Says that a second factor was shown in a session.
    pub async fn set_session_second_factor(&self, id: SessionId) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::SecondFactor, Expr::value(true))
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::Id.eq(id.0))
            .exec(self.writing()?)
            .await?;
        Ok(())
    }
}

impl Store {
    /// The session whose cookie has this hash, with its account. It may have ended by itself: that is for the caller to see.
    pub async fn session(&self, hash: &str) -> Result<Option<(Session, Account)>> {
        let begun = self.program(Access::Read).await?;
        let account = Entity::belongs_to(accounts::row::Entity).from(Column::OwnerId).to(accounts::row::Column::OwnerId);
        let found = Entity::find()
            .filter(Column::Hash.eq(hash))
            .join(JoinType::InnerJoin, account.into())
            .select_also(accounts::row::Entity)
            .one(&begun.tx)
            .await?;
        let Some((session, Some(account))) = found else { return Ok(None) };
        Ok(Some((read(session), accounts::read(&account)?)))
    }

    /// Says when somebody was last here.
    pub async fn touch_session(&self, id: SessionId, now: Timestamp) -> Result<()> {
        let begun = self.program(Access::Write).await?;
        let seen = Entity::update_many().col_expr(Column::SeenAt, Expr::value(moment(now)));
        seen.filter(Column::Id.eq(id.0)).exec(&begun.tx).await?;
        Ok(begun.tx.commit().await?)
    }

    /// Forgets sessions that ended by themselves before this moment; how many.
    pub async fn forget_sessions(&self, before: Timestamp) -> Result<u64> {
        let begun = self.program(Access::Write).await?;
        let gone = Entity::delete_many().filter(Column::ExpiresAt.lt(moment(before))).exec(&begun.tx).await?;
        begun.tx.commit().await?;
        Ok(gone.rows_affected)
    }
}

fn row(session: &Session) -> Model {
    Model {
        id: session.id.0,
        owner_id: session.owner.0,
        hash: session.hash.clone(),
        second_factor: session.second_factor,
        created_at: moment(session.created),
        seen_at: moment(session.seen),
        expires_at: moment(session.expires),
        address: session.address.clone(),
        agent: session.agent.clone(),
    }
}

fn read(row: Model) -> Session {
    Session {
        id: SessionId(row.id),
        owner: OwnerId(row.owner_id),
        hash: row.hash,
        second_factor: row.second_factor,
        created: row.created_at,
        seen: row.seen_at,
        expires: row.expires_at,
        address: row.address,
        agent: row.agent,
    }
}

/// A row of `sessions`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "sessions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub owner_id: Uuid,
        pub hash: String,
        pub second_factor: bool,
        pub created_at: DateTimeUtc,
        pub seen_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        pub address: String,
        pub agent: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

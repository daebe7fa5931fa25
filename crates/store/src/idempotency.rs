//! Keys of requests that create something: the same request again finds what the first one made.

use crate::Store;
use crate::columns::moment;
use crate::dialect::Access;
use crate::errors::Result;
use crate::tenants::TenantTx;
use domain::Timestamp;
use row::{Column, Entity, Model};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is new, and kept from now on.
    New,
    /// The same request came before and is still at work, or its process died.
    Begun {
        /// When it came.
        since: Timestamp,
    },
    /// The same request came before and made this.
    Made(Uuid),
    /// The key was used for another request.
    Other,
}

impl TenantTx {
    /// Keeps a key with the fingerprint of its request, or says what is known of it.
    pub async fn keep_key(&self, key: &str, fingerprint: &str, now: Timestamp) -> Result<Kept> {
        let tx = self.writing()?;
        let row = Model {
            owner_id: self.owner(),
            key: key.to_owned(),
            fingerprint: fingerprint.to_owned(),
            resource_id: None,
            created_at: moment(now),
        };
        let once = OnConflict::columns([Column::OwnerId, Column::Key]).do_nothing().to_owned();
        if Entity::insert(row.into_active_model()).on_conflict(once).exec_without_returning(tx).await? > 0 {
            return Ok(Kept::New);
        }
        let known = Entity::find().filter(Column::OwnerId.eq(self.owner())).filter(Column::Key.eq(key)).one(tx).await?;
        Ok(match known {
            Some(known) if known.fingerprint != fingerprint => Kept::Other,
            Some(Model { resource_id: Some(made), .. }) => Kept::Made(made),
            Some(known) => Kept::Begun { since: known.created_at },
            None => Kept::New,
        })
    }

    /// Takes over the key of a request that died, as it was begun then; false when somebody else was first.
    pub async fn take_key_over(&self, key: &str, since: Timestamp, now: Timestamp) -> Result<bool> {
        let taken = Entity::update_many()
            .col_expr(Column::CreatedAt, Expr::value(moment(now)))
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::Key.eq(key))
            .filter(Column::CreatedAt.eq(moment(since)))
            .exec(self.writing()?)
            .await?;
        Ok(taken.rows_affected == 1)
    }

    /// Says what the request of a key has made.
    pub async fn answer_key(&self, key: &str, made: Uuid) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::ResourceId, Expr::value(made))
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::Key.eq(key))
            .exec(self.writing()?)
            .await?;
        Ok(())
    }

    /// Forgets a key whose request made nothing.
    pub async fn drop_key(&self, key: &str) -> Result<()> {
        Entity::delete_many()
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::Key.eq(key))
            .filter(Column::ResourceId.is_null())
            .exec(self.writing()?)
            .await?;
        Ok(())
    }
}

impl Store {
    /// Forgets keys that were kept before this moment; how many.
    pub async fn forget_keys(&self, before: Timestamp) -> Result<u64> {
        let begun = self.program(Access::Write).await?;
        let gone = Entity::delete_many().filter(Column::CreatedAt.lt(moment(before))).exec(&begun.tx).await?;
        begun.tx.commit().await?;
        Ok(gone.rows_affected)
    }
}

/// A row of `idempotency_keys`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "idempotency_keys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub fingerprint: String,
        pub resource_id: Option<Uuid>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

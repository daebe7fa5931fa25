//! Tokens of the API, found by their hash; a token itself is not kept. One that was revoked stays, so that its owner sees it.

use crate::Store;
use crate::accounts;
use crate::columns::{list, moment, read_list};
use crate::dialect::Access;
use crate::errors::{Error, Result};
use crate::tenants::TenantTx;
use domain::Timestamp;
use domain::accounts::{Account, ApiToken};
use domain::ids::{OwnerId, TokenId};
use row::{Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, JoinType, QueryFilter, QueryOrder, QuerySelect, UpdateMany};

impl TenantTx {
    /// Adds a token of this owner, who has an account.
    pub async fn insert_token(&self, token: &ApiToken, hash: &str) -> Result<()> {
        let tx = self.writing_for(token.owner)?;
        let row = Model {
            id: token.id.0,
            owner_id: token.owner.0,
            hash: hash.to_owned(),
            name: token.name.clone(),
            scopes: list(&token.scopes)?,
            created_at: moment(token.created),
            expires_at: token.expires.map(moment),
            used_at: token.used.map(moment),
            revoked_at: token.revoked.map(moment),
        };
        Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    }

    /// The owner's tokens, newest first, also those that open nothing any more.
    pub async fn tokens(&self) -> Result<Vec<ApiToken>> {
        let mine = Entity::find().filter(Column::OwnerId.eq(self.owner()));
        mine.order_by_desc(Column::Id).all(self.reading()).await?.into_iter().map(read).collect()
    }

    /// Revokes a token; false when there is none, or it was revoked before.
    pub async fn revoke_token(&self, id: TokenId, now: Timestamp) -> Result<bool> {
        Ok(self.revoked(now).filter(Column::Id.eq(id.0)).exec(self.writing()?).await?.rows_affected > 0)
    }

    /// Revokes all tokens of this owner.
    pub async fn revoke_tokens(&self, now: Timestamp) -> Result<()> {
        self.revoked(now).exec(self.writing()?).await?;
        Ok(())
    }

    fn revoked(&self, now: Timestamp) -> UpdateMany<Entity> {
        Entity::update_many()
            .col_expr(Column::RevokedAt, Expr::value(moment(now)))
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::RevokedAt.is_null())
    }
}

impl Store {
    /// The token with this hash, with its account. Whether it opens anything is for the caller to see.
    pub async fn token(&self, hash: &str) -> Result<Option<(ApiToken, Account)>> {
        let begun = self.program(Access::Read).await?;
        let account = Entity::belongs_to(accounts::row::Entity).from(Column::OwnerId).to(accounts::row::Column::OwnerId);
        let found = Entity::find()
            .filter(Column::Hash.eq(hash))
            .join(JoinType::InnerJoin, account.into())
            .select_also(accounts::row::Entity)
            .one(&begun.tx)
            .await?;
        let Some((token, Some(account))) = found else { return Ok(None) };
        Ok(Some((read(token)?, accounts::read(&account)?)))
    }

    /// Says when a token was last used.
    pub async fn touch_token(&self, id: TokenId, now: Timestamp) -> Result<()> {
        let begun = self.program(Access::Write).await?;
        let used = Entity::update_many().col_expr(Column::UsedAt, Expr::value(moment(now)));
        used.filter(Column::Id.eq(id.0)).exec(&begun.tx).await?;
        Ok(begun.tx.commit().await?)
    }
}

fn read(row: Model) -> Result<ApiToken> {
    Ok(ApiToken {
        id: TokenId(row.id),
        owner: OwnerId(row.owner_id),
        name: row.name,
        scopes: read_list(row.scopes).map_err(Error::corrupt("api_tokens", row.id))?,
        created: row.created_at,
        expires: row.expires_at,
        used: row.used_at,
        revoked: row.revoked_at,
    })
}

/// A row of `api_tokens`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "api_tokens")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub owner_id: Uuid,
        pub hash: String,
        pub name: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub scopes: Json,
        pub created_at: DateTimeUtc,
        pub expires_at: Option<DateTimeUtc>,
        pub used_at: Option<DateTimeUtc>,
        pub revoked_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

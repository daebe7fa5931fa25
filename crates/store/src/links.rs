//! Links that work once, found by their hash; what a link has in it is not kept. Its owner need not have an account yet.

use crate::Store;
use crate::columns::{moment, read_email};
use crate::dialect::Access;
use crate::errors::{Cause, Error, Result};
use crate::tenants::TenantTx;
use domain::Timestamp;
use domain::accounts::{Link, Purpose};
use domain::ids::OwnerId;
use row::{Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};

impl TenantTx {
    /// Adds a link for this owner.
    pub async fn insert_link(&self, link: &Link) -> Result<()> {
        let tx = self.writing_for(link.owner)?;
        let row = Model {
            hash: link.hash.clone(),
            owner_id: link.owner.0,
            purpose: link.purpose.key().to_owned(),
            email: link.email.as_ref().map(|email| email.as_str().to_owned()),
            created_at: moment(link.created),
            expires_at: moment(link.expires),
            used_at: link.used.map(moment),
        };
        Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    }

    /// Uses up a link: true once, for whoever comes first, and never after it has ended by itself.
    pub async fn use_link(&self, hash: &str, now: Timestamp) -> Result<bool> {
        let used = Entity::update_many()
            .col_expr(Column::UsedAt, Expr::value(moment(now)))
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::Hash.eq(hash))
            .filter(Column::UsedAt.is_null())
            .filter(Column::ExpiresAt.gt(moment(now)))
            .exec(self.writing()?)
            .await?;
        Ok(used.rows_affected > 0)
    }

    /// Drops all links of this owner for one purpose.
    pub async fn drop_links(&self, purpose: Purpose) -> Result<()> {
        let these = Entity::delete_many().filter(Column::OwnerId.eq(self.owner())).filter(Column::Purpose.eq(purpose.key()));
        these.exec(self.writing()?).await?;
        Ok(())
    }
}

impl Store {
    /// The link with this hash, also one that was used or has ended.
    pub async fn link(&self, hash: &str) -> Result<Option<Link>> {
        let begun = self.program(Access::Read).await?;
        Entity::find_by_id(hash).one(&begun.tx).await?.map(read).transpose()
    }

    /// Forgets links that ended by themselves before this moment; how many.
    pub async fn forget_links(&self, before: Timestamp) -> Result<u64> {
        let begun = self.program(Access::Write).await?;
        let gone = Entity::delete_many().filter(Column::ExpiresAt.lt(moment(before))).exec(&begun.tx).await?;
        begun.tx.commit().await?;
        Ok(gone.rows_affected)
    }
}

fn read(row: Model) -> Result<Link> {
    let corrupt = Error::corrupt::<Cause>("links", row.owner_id);
    let purpose = Purpose::from_key(&row.purpose).ok_or_else(|| corrupt(format!("\"{}\" is not a purpose", row.purpose).into()))?;
    Ok(Link {
        hash: row.hash,
        owner: OwnerId(row.owner_id),
        purpose,
        email: row.email.as_deref().map(read_email).transpose().map_err(&corrupt)?,
        created: row.created_at,
        expires: row.expires_at,
        used: row.used_at,
    })
}

/// A row of `links`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "links")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub hash: String,
        pub owner_id: Uuid,
        pub purpose: String,
        pub email: Option<String>,
        pub created_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        pub used_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

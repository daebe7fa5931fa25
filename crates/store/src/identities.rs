//! Who somebody is elsewhere: a subject that a provider vouches for signs in to one account.

use crate::Store;
use crate::columns::moment;
use crate::dialect::Access;
use crate::errors::Result;
use crate::tenants::TenantTx;
use domain::Timestamp;
use domain::ids::OwnerId;
use row::{Column, Entity, Model};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};

impl TenantTx {
    /// Lets a provider vouch for this owner, who has an account. [`crate::Error::Conflict`] when the subject signs in to one already.
    pub async fn insert_identity(&self, provider: &str, subject: &str, now: Timestamp) -> Result<()> {
        let row = Model { provider: provider.to_owned(), subject: subject.to_owned(), owner_id: self.owner(), created_at: moment(now) };
        Entity::insert(row.into_active_model()).exec_without_returning(self.writing()?).await?;
        Ok(())
    }

    /// The providers that vouch for this owner, each with the subject they know them by, in the order they were added.
    pub async fn identities(&self) -> Result<Vec<(String, String)>> {
        let mine = Entity::find().filter(Column::OwnerId.eq(self.owner()));
        let rows = mine.order_by_asc(Column::CreatedAt).order_by_asc(Column::Provider).all(self.reading()).await?;
        Ok(rows.into_iter().map(|row| (row.provider, row.subject)).collect())
    }
}

impl Store {
    /// Whose account a subject signs in to.
    pub async fn identity(&self, provider: &str, subject: &str) -> Result<Option<OwnerId>> {
        let begun = self.program(Access::Read).await?;
        let found = Entity::find_by_id((provider.to_owned(), subject.to_owned())).one(&begun.tx).await?;
        Ok(found.map(|row| OwnerId(row.owner_id)))
    }
}

/// A row of `identities`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "identities")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub provider: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject: String,
        pub owner_id: Uuid,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

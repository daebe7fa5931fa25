//! The limits of the tiers, as far as the database itself holds owners to them: on Postgres it refuses a venture too many.

use crate::Store;
use crate::dialect::Access;
use crate::errors::Result;
use domain::tiers::Tier;
use row::{Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, IntoActiveModel};

impl Store {
    /// Says how many ventures that are not archived each of these tiers has room for; `None` for as many as they like.
    pub async fn set_tier_limits(&self, limits: &[(Tier, Option<u32>)]) -> Result<()> {
        let begun = self.program(Access::Write).await?;
        for (tier, ventures) in limits {
            let row = Model { tier: tier.key().to_owned(), ventures: ventures.map(i64::from) };
            let replace = OnConflict::column(Column::Tier).update_column(Column::Ventures).to_owned();
            Entity::insert(row.into_active_model()).on_conflict(replace).exec_without_returning(&begun.tx).await?;
        }
        Ok(begun.tx.commit().await?)
    }
}

/// A row of `tier_limits`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "tier_limits")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tier: String,
        pub ventures: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

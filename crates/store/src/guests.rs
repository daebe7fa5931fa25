//! Guests: owners without an account, and when they were last here, so that what they left behind can be tidied up.

use crate::Store;
use crate::columns::moment;
use crate::dialect::Access;
use crate::errors::Result;
use crate::tenants::TenantTx;
use domain::Timestamp;
use domain::ids::OwnerId;
use row::{Column, Entity, Model};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

impl TenantTx {
    /// Keeps that this owner is a guest, and is here now.
    pub async fn keep_guest(&self, now: Timestamp) -> Result<()> {
        let row = Model { owner_id: self.owner(), created_at: moment(now), seen_at: moment(now) };
        let again = OnConflict::column(Column::OwnerId).update_column(Column::SeenAt).to_owned();
        Entity::insert(row.into_active_model()).on_conflict(again).exec_without_returning(self.writing()?).await?;
        Ok(())
    }

    /// Whether this owner is a guest; nobody else can say that they are here, or no guest any more, until this transaction ends.
    pub async fn locked_guest(&self) -> Result<bool> {
        Ok(Entity::find_by_id(self.owner()).lock_exclusive().one(self.writing()?).await?.is_some())
    }

    /// When this guest was last here.
    pub async fn guest_seen(&self) -> Result<Option<Timestamp>> {
        Ok(Entity::find_by_id(self.owner()).one(self.reading()).await?.map(|guest| guest.seen_at))
    }

    /// Says that this owner is no guest any more.
    pub async fn end_guest(&self) -> Result<()> {
        Entity::delete_by_id(self.owner()).exec(self.writing()?).await?;
        Ok(())
    }
}

impl Store {
    /// Guests who were last here before this moment, longest ago first.
    pub async fn abandoned_guests(&self, before: Timestamp, limit: u64) -> Result<Vec<OwnerId>> {
        let begun = self.program(Access::Read).await?;
        let owners = Entity::find()
            .select_only()
            .column(Column::OwnerId)
            .filter(Column::SeenAt.lt(moment(before)))
            .order_by_asc(Column::SeenAt)
            .limit(limit)
            .into_tuple::<Uuid>()
            .all(&begun.tx)
            .await?;
        Ok(owners.into_iter().map(OwnerId).collect())
    }
}

/// A row of `guests`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "guests")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner_id: Uuid,
        pub created_at: DateTimeUtc,
        pub seen_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

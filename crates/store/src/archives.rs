//! What members take along: everything of theirs, packed into one file by a job, for a while.

use crate::Store;
use crate::columns::moment;
use crate::dialect::Access;
use crate::errors::{Error, Result};
use crate::tenants::TenantTx;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;
use domain::ids::ArchiveId;
use row::{Column, Entity, Model};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

/// One file with everything of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Its id.
    pub id: ArchiveId,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it was packed.
    pub packed: Option<Timestamp>,
}

impl TenantTx {
    /// Writes down that an archive is asked for.
    pub async fn insert_archive(&self, id: ArchiveId, now: Timestamp) -> Result<()> {
        let row = Model { id: id.0, owner_id: self.owner(), created_at: moment(now), packed_at: None, content: None };
        Entity::insert(row.into_active_model()).exec_without_returning(self.writing()?).await?;
        Ok(())
    }

    /// Fills an archive; false when it is gone.
    pub async fn fill_archive(&self, id: ArchiveId, content: &[u8], now: Timestamp) -> Result<bool> {
        let filled = Entity::update_many()
            .col_expr(Column::PackedAt, Expr::value(moment(now)))
            .col_expr(Column::Content, Expr::value(STANDARD.encode(content)))
            .filter(Column::Id.eq(id.0))
            .filter(Column::OwnerId.eq(self.owner()))
            .exec(self.writing()?)
            .await?;
        Ok(filled.rows_affected == 1)
    }

    /// The last archive that was asked for, without what is in it.
    pub async fn archive(&self) -> Result<Option<Archive>> {
        let last = Entity::find()
            .select_only()
            .columns([Column::Id, Column::CreatedAt, Column::PackedAt])
            .filter(Column::OwnerId.eq(self.owner()))
            .order_by_desc(Column::Id)
            .into_tuple::<(Uuid, Timestamp, Option<Timestamp>)>()
            .one(self.reading())
            .await?;
        Ok(last.map(|(id, created, packed)| Archive { id: ArchiveId(id), created, packed }))
    }

    /// What is in an archive, once it is packed.
    pub async fn archive_content(&self, id: ArchiveId) -> Result<Option<Vec<u8>>> {
        let found = Entity::find_by_id(id.0).filter(Column::OwnerId.eq(self.owner())).one(self.reading()).await?;
        let content = found.and_then(|row| row.content).map(|content| STANDARD.decode(content));
        content.transpose().map_err(Error::corrupt("archives", id.0))
    }
}

impl Store {
    /// Forgets archives that were asked for before this moment; how many.
    pub async fn forget_archives(&self, before: Timestamp) -> Result<u64> {
        let begun = self.program(Access::Write).await?;
        let gone = Entity::delete_many().filter(Column::CreatedAt.lt(moment(before))).exec(&begun.tx).await?;
        begun.tx.commit().await?;
        Ok(gone.rows_affected)
    }
}

/// A row of `archives`. The content is base64, which every database keeps and every backup copies alike.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "archives")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub owner_id: Uuid,
        pub created_at: DateTimeUtc,
        pub packed_at: Option<DateTimeUtc>,
        pub content: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

//! Ventures: a brief is kept by the keys of its parts and read back through the domain's own readers.

use crate::columns::moment;
use crate::errors::{Error, Result};
use crate::tenants::TenantTx;
use domain::Timestamp;
use domain::ids::{OwnerId, VentureId};
use domain::ventures::{Brief, RawBrief, Venture};
use row::{Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

impl TenantTx {
    /// Adds a venture.
    pub async fn insert_venture(&self, venture: &Venture) -> Result<()> {
        let tx = self.writing_for(venture.owner)?;
        Entity::insert(row(venture).into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    }

    /// A venture of this owner.
    pub async fn venture(&self, id: VentureId) -> Result<Option<Venture>> {
        let found = Entity::find_by_id(id.0).filter(Column::OwnerId.eq(self.owner())).one(self.reading()).await?;
        found.map(read).transpose()
    }

    /// Puts a venture away, or takes it up again with `None`; false when there is none.
    pub async fn set_archived(&self, id: VentureId, at: Option<Timestamp>) -> Result<bool> {
        let done = Entity::update_many()
            .col_expr(Column::ArchivedAt, Expr::value(at.map(moment)))
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::Id.eq(id.0))
            .exec(self.writing()?)
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// A venture of this owner, which nobody else can change or make a run of until this transaction ends.
    pub async fn locked_venture(&self, id: VentureId) -> Result<Option<Venture>> {
        let found = Entity::find_by_id(id.0).filter(Column::OwnerId.eq(self.owner())).lock_exclusive().one(self.writing()?).await?;
        found.map(read).transpose()
    }

    /// How many ventures the owner has that are not archived.
    pub async fn count_ventures(&self) -> Result<u64> {
        let mine = Entity::find().filter(Column::OwnerId.eq(self.owner())).filter(Column::ArchivedAt.is_null());
        Ok(mine.count(self.reading()).await?)
    }

    /// The owner's ventures, newest first; the next page is what comes `before` the last of this one.
    pub async fn ventures(&self, limit: u64, before: Option<VentureId>) -> Result<Vec<Venture>> {
        let mut query = Entity::find().filter(Column::OwnerId.eq(self.owner()));
        if let Some(before) = before {
            query = query.filter(Column::Id.lt(before.0));
        }
        // Ids made later sort later.
        let found = query.order_by_desc(Column::Id).limit(limit).all(self.reading()).await?;
        found.into_iter().map(read).collect()
    }
}

fn row(venture: &Venture) -> Model {
    let brief = &venture.brief;
    Model {
        id: venture.id.0,
        owner_id: venture.owner.0,
        idea: brief.idea.as_str().to_owned(),
        voice: brief.voice.key().to_owned(),
        persona: brief.persona.map(|persona| persona.key.to_owned()),
        experience: brief.experience.key().to_owned(),
        target_market: brief.target_market.clone(),
        price_range: brief.price_range.clone(),
        language: brief.language.code.to_owned(),
        currency: brief.currency.code.to_owned(),
        created_at: moment(venture.created),
        archived_at: venture.archived.map(moment),
    }
}

fn read(row: Model) -> Result<Venture> {
    let raw = RawBrief {
        idea: row.idea,
        voice: Some(row.voice),
        persona: row.persona,
        experience: Some(row.experience),
        target_market: row.target_market,
        price_range: row.price_range,
        language: Some(row.language),
        currency: Some(row.currency),
    };
    let brief = Brief::kept(&raw).map_err(Error::corrupt("ventures", row.id))?;
    Ok(Venture { id: VentureId(row.id), owner: OwnerId(row.owner_id), brief, created: row.created_at, archived: row.archived_at })
}

/// A row of `ventures`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "ventures")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub owner_id: Uuid,
        pub idea: String,
        pub voice: String,
        pub persona: Option<String>,
        pub experience: String,
        pub target_market: Option<String>,
        pub price_range: Option<String>,
        pub language: String,
        pub currency: String,
        pub created_at: DateTimeUtc,
        pub archived_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

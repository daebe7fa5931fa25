//! Sections: which generation is the current one of each section of a venture, and whether it has gone stale.

use crate::columns::moment;
use crate::errors::{Error, Result};
use crate::generations;
use crate::tenants::TenantTx;
use domain::Timestamp;
use domain::ids::{GenerationId, VentureId};
use domain::sections::SectionName;
use domain::ventures::CurrentSection;
use row::{Column, Entity, Model};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use std::collections::HashMap;

impl TenantTx {
    /// Makes a generation the current one of its section; it is fresh then. The generation must be of this venture and section.
    pub async fn make_current(&self, venture: VentureId, section: &SectionName, generation: GenerationId, now: Timestamp) -> Result<()> {
        let row = Model {
            venture_id: venture.0,
            name: section.as_str().to_owned(),
            owner_id: self.owner(),
            generation_id: generation.0,
            stale: false,
            updated_at: moment(now),
        };
        // The condition is the wall: without it somebody who knows the ids could choose among another owner's generations.
        let replace = OnConflict::columns([Column::VentureId, Column::Name])
            .update_columns([Column::GenerationId, Column::Stale, Column::UpdatedAt])
            .action_and_where(Column::OwnerId.eq(self.owner()))
            .to_owned();
        let written = Entity::insert(row.into_active_model()).on_conflict(replace).exec_without_returning(self.writing()?).await?;
        if written == 0 { Err(Error::Conflict) } else { Ok(()) }
    }

    /// Says that something these sections were built from has changed. A section without a current generation stays without one.
    pub async fn mark_stale(&self, venture: VentureId, sections: &[SectionName]) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::Stale, Expr::value(true))
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::VentureId.eq(venture.0))
            .filter(Column::Name.is_in(sections.iter().map(SectionName::as_str)))
            .exec(self.writing()?)
            .await?;
        Ok(())
    }

    /// The sections of a venture as they stand, by name; their generations with calls and without spans. Three queries, however many
    /// sections there are.
    pub async fn current_sections(&self, venture: VentureId) -> Result<Vec<CurrentSection>> {
        let rows = Entity::find()
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::VentureId.eq(venture.0))
            .order_by_asc(Column::Name)
            .all(self.reading())
            .await?;
        let found = generations::of_ids(self, rows.iter().map(|row| row.generation_id)).await?;
        let mut found: HashMap<Uuid, _> = found.into_iter().map(|generation| (generation.id.0, generation)).collect();
        rows.into_iter()
            .map(|row| {
                let missing = || Error::corrupt("sections", row.venture_id)("its current generation is missing");
                let current = found.remove(&row.generation_id).ok_or_else(missing)?;
                Ok(CurrentSection { current, stale: row.stale })
            })
            .collect()
    }
}

/// A row of `sections`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "sections")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub venture_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub owner_id: Uuid,
        pub generation_id: Uuid,
        pub stale: bool,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

//! Spans: the timed steps of a generation, in the order they were recorded.

use crate::columns::{count, moment, read_count};
use crate::errors::{Cause, Error, Result};
use crate::tenants::TenantTx;
use domain::generations::{Generation, Span};
use row::{Column, Entity, Model};
use sea_orm::prelude::Uuid;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};

/// Adds the spans of a generation.
pub(crate) async fn insert(tx: &TenantTx, generation: &Generation) -> Result<()> {
    let rows: Vec<_> =
        (0_i32..).zip(&generation.spans).map(|(position, span)| row(generation, position, span).into_active_model()).collect();
    if !rows.is_empty() {
        Entity::insert_many(rows).exec_without_returning(tx.writing()?).await?;
    }
    Ok(())
}

/// The spans of one generation.
pub(crate) async fn of(tx: &TenantTx, generation: Uuid) -> Result<Vec<Span>> {
    let rows = Entity::find()
        .filter(Column::OwnerId.eq(tx.owner()))
        .filter(Column::GenerationId.eq(generation))
        .order_by_asc(Column::Position)
        .all(tx.reading())
        .await?;
    rows.into_iter().map(|row| read(row).map_err(Error::corrupt("spans", generation))).collect()
}

fn row(generation: &Generation, position: i32, span: &Span) -> Model {
    Model {
        generation_id: generation.id.0,
        position,
        owner_id: generation.owner.0,
        name: span.name.clone(),
        started_at: moment(span.started),
        duration_us: count(span.duration_us),
        attributes: span.attributes.clone(),
    }
}

fn read(row: Model) -> Result<Span, Cause> {
    Ok(Span { name: row.name, started: row.started_at, duration_us: read_count(row.duration_us)?, attributes: row.attributes })
}

/// A row of `spans`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "spans")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub generation_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i32,
        pub owner_id: Uuid,
        pub name: String,
        pub started_at: DateTimeUtc,
        pub duration_us: i64,
        #[sea_orm(column_type = "JsonBinary")]
        pub attributes: Json,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

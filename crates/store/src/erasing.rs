//! Forgetting an owner: every row of theirs goes, and what they used stays as sums that name nobody.

use crate::Store;
use crate::dialect::{Access, Scope};
use crate::errors::Result;
use crate::generations;
use chrono::NaiveDate;
use domain::Timestamp;
use domain::ids::OwnerId;
use futures::TryStreamExt as _;
use row::{Column, Entity, Model};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use std::collections::BTreeMap;

/// Tables whose rows of an owner are removed; what belongs to these rows goes with them. The audit log names nobody and stays.
const ROOTS: [&str; 12] = [
    "ventures",
    "generations",
    "open_calls",
    "idempotency_keys",
    "jobs",
    "accounts",
    "archives",
    "links",
    "guests",
    "takes",
    "alerts",
    "mails",
];

/// What was used of one model for one section on one day.
#[derive(Default)]
struct Used {
    generations: i64,
    input_tokens: i64,
    output_tokens: i64,
    cost_micro_usd: i64,
}

type Sums = BTreeMap<(NaiveDate, String, String), Used>;

impl Store {
    /// Removes everything that belongs to an owner, after its usage was added to what is left of members who were forgotten; all or
    /// nothing. Whoever is at work for them finds that what they worked on is gone.
    pub async fn erase_owner(&self, owner: OwnerId) -> Result<()> {
        let begun = self.database.begin(Scope::Erasing(owner), Access::Write).await?;
        for (key, used) in usage_of(&begun.tx, owner).await? {
            retire(&begun.tx, key, used).await?;
        }
        for table in ROOTS {
            let theirs = Query::delete().from_table(table).and_where(Expr::col("owner_id").eq(owner.0)).to_owned();
            begun.tx.execute(&theirs).await?;
        }
        Ok(begun.tx.commit().await?)
    }
}

async fn usage_of(tx: &DatabaseTransaction, owner: OwnerId) -> Result<Sums> {
    use generations::row::{Column, Entity};
    let columns = [Column::CreatedAt, Column::Section, Column::Model, Column::InputTokens, Column::OutputTokens, Column::CostMicroUsd];
    let mut rows = Entity::find()
        .select_only()
        .columns(columns)
        .filter(Column::OwnerId.eq(owner.0))
        .into_tuple::<(Timestamp, String, String, i64, i64, Option<i64>)>()
        .stream(tx)
        .await?;
    let mut sums = Sums::new();
    while let Some((created, section, model, input, output, cost)) = rows.try_next().await? {
        let used = sums.entry((created.date_naive(), section, model)).or_default();
        used.generations += 1;
        used.input_tokens += input;
        used.output_tokens += output;
        used.cost_micro_usd += cost.unwrap_or_default();
    }
    Ok(sums)
}

async fn retire(tx: &DatabaseTransaction, (day, section, model): (NaiveDate, String, String), used: Used) -> Result<()> {
    let Used { generations, input_tokens, output_tokens, cost_micro_usd } = used;
    let row = Model { day, section, model, generations, input_tokens, output_tokens, cost_micro_usd };
    let mut add = OnConflict::columns([Column::Day, Column::Section, Column::Model]);
    for column in ["generations", "input_tokens", "output_tokens", "cost_micro_usd"] {
        add.value(column, Expr::col(("retired_usage", column)).add(Expr::col(("excluded", column))));
    }
    Entity::insert(row.into_active_model()).on_conflict(add).exec_without_returning(tx).await?;
    Ok(())
}

/// A row of `retired_usage`, which has no owner.
#[expect(clippy::struct_field_names, reason = "columns are named after what they hold, also when that is a model")]
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "retired_usage")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub day: Date,
        #[sea_orm(primary_key, auto_increment = false)]
        pub section: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub model: String,
        pub generations: i64,
        pub input_tokens: i64,
        pub output_tokens: i64,
        pub cost_micro_usd: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

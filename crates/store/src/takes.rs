//! Takes: what somebody took out of their quota, from the moment a generation begins. When it ends, its take is settled: it counts,
//! or is given back, and what it cost is known.

use crate::Store;
use crate::columns::moment;
use crate::dialect::Access;
use crate::errors::Result;
use crate::tenants::TenantTx;
use domain::Timestamp;
use domain::ids::{GenerationId, OwnerId, RunId};
use domain::usage::MicroDollars;
use row::{Column, Entity, Model};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

/// One generation taken out of the quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// The generation that begins.
    pub id: GenerationId,
    /// Out of whose quota.
    pub owner: OwnerId,
    /// The generation's run.
    pub run: Option<RunId>,
    /// When.
    pub at: Timestamp,
}

impl TenantTx {
    /// Takes one out of the owner's quota; it counts until it is settled otherwise.
    pub async fn insert_take(&self, take: &Take) -> Result<()> {
        let tx = self.writing_for(take.owner)?;
        let row = Model {
            id: take.id.0,
            owner_id: take.owner.0,
            run_id: take.run.map(|run| run.0),
            taken_at: moment(take.at),
            units: 1,
            settled: false,
            cost_micro_usd: None,
        };
        Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    }

    /// When the owner took what counts, from this moment on, oldest first.
    pub async fn takes_since(&self, at: Timestamp) -> Result<Vec<Timestamp>> {
        let taken = Entity::find()
            .select_only()
            .column(Column::TakenAt)
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::TakenAt.gte(moment(at)))
            .filter(Column::Units.gt(0))
            .order_by_asc(Column::TakenAt)
            .into_tuple::<Timestamp>();
        Ok(taken.all(self.reading()).await?)
    }

    /// Settles a take: whether it counts, and what its generation cost as far as that is known. False when there is none.
    pub async fn settle_take(&self, id: GenerationId, counts: bool, cost: Option<MicroDollars>) -> Result<bool> {
        let settled = Entity::update_many()
            .col_expr(Column::Units, Expr::value(i32::from(counts)))
            .col_expr(Column::Settled, Expr::value(true))
            .col_expr(Column::CostMicroUsd, Expr::value(cost.map(|cost| cost.0)))
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::Id.eq(id.0))
            .exec(self.writing()?)
            .await?;
        Ok(settled.rows_affected > 0)
    }

    /// Gives back the takes of a run that were not settled, because it ended before them.
    pub async fn give_back_takes_of_run(&self, run: RunId) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::Units, Expr::value(0))
            .col_expr(Column::Settled, Expr::value(true))
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::RunId.eq(run.0))
            .filter(Column::Settled.eq(false))
            .exec(self.writing()?)
            .await?;
        Ok(())
    }

    /// How many takes of this owner are not settled: what is under way for them.
    pub async fn open_takes(&self) -> Result<u64> {
        let open = Entity::find().filter(Column::OwnerId.eq(self.owner())).filter(Column::Settled.eq(false));
        Ok(open.count(self.reading()).await?)
    }

    /// What the takes since this moment cost, those included that were given back: the calls were made.
    pub async fn spent_since(&self, at: Timestamp) -> Result<MicroDollars> {
        // A sum of large numbers has a type of its own on some databases.
        let sum = Expr::col(Column::CostMicroUsd).sum().cast_as("bigint");
        let spent = Entity::find()
            .select_only()
            .column_as(sum, "spent")
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::TakenAt.gte(moment(at)))
            .into_tuple::<Option<i64>>();
        Ok(MicroDollars(spent.one(self.reading()).await?.flatten().unwrap_or_default()))
    }
}

impl TenantTx {
    /// Counts nothing any more of what the takes until now cost.
    pub async fn forgive_spending(&self) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::CostMicroUsd, Expr::value(Option::<i64>::None))
            .filter(Column::OwnerId.eq(self.owner()))
            .exec(self.writing()?)
            .await?;
        Ok(())
    }
}

impl Store {
    /// Forgets takes from before this moment; how many.
    pub async fn forget_takes(&self, before: Timestamp) -> Result<u64> {
        let begun = self.program(Access::Write).await?;
        let gone = Entity::delete_many().filter(Column::TakenAt.lt(moment(before))).exec(&begun.tx).await?;
        begun.tx.commit().await?;
        Ok(gone.rows_affected)
    }
}

/// A row of `takes`. `units` is what counts of it: one, or nothing where it was given back.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "takes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub owner_id: Uuid,
        pub run_id: Option<Uuid>,
        pub taken_at: DateTimeUtc,
        pub units: i32,
        pub settled: bool,
        pub cost_micro_usd: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

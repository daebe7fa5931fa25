//! Where environments point: deployments, the last of which holds; and what they are served with, as their processes say.

use crate::Store;
use crate::columns::{actor, count, moment, read_actor, read_count, read_version};
use crate::dialect::Access;
use crate::errors::{Cause, Error, Result};
use crate::releases;
use crate::tenants::TeamTx;
use domain::ids::{DeploymentId, EvalId};
use domain::releases::{Deployment, GONE_AFTER, Move, Serving};
use domain::roles::Environment;
use row::{Column, Entity, Model};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, Select};

/// The one turn there is.
const TURN: &str = "releases";

/// What was last done to environments and to the library: as long as it is the same, nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// The number of the last deployment of the environment.
    pub deployment: Option<u64>,
    /// The number of the last deployment of production, which releases are made over.
    pub production: Option<u64>,
    /// The number of the last release that was made from a proposal.
    pub release: Option<u64>,
}

impl Store {
    /// What was last done to this environment and to the library. Asked often.
    pub async fn stamp(&self, environment: Environment) -> Result<Stamp> {
        stamp(&self.program(Access::Read).await?.tx, environment).await
    }
}

impl Store {
    /// Keeps what a process serves its environment with when it begins: it is the one that counts from now on.
    pub async fn begin_serving(&self, serving: &Serving) -> Result<()> {
        self.write_serving(serving, replaces()).await
    }

    /// The same again while it serves, which changes nothing where another process began since, unless that one is gone.
    pub async fn keep_serving(&self, serving: &Serving) -> Result<()> {
        let known = |column| Expr::col((serving::Entity, column));
        let own = known(serving::Column::Process).eq(serving.process);
        let gone = known(serving::Column::SeenAt).lt(moment(serving.seen - GONE_AFTER));
        self.write_serving(serving, replaces().action_and_where(own.or(gone)).to_owned()).await
    }

    async fn write_serving(&self, serving: &Serving, replaces: OnConflict) -> Result<()> {
        let row = serving::Model {
            environment: serving.environment.key().to_owned(),
            process: serving.process,
            models: serving.models.clone(),
            since: moment(serving.since),
            seen_at: moment(serving.seen),
        };
        let begun = self.program(Access::Write).await?;
        serving::Entity::insert(row.into_active_model()).on_conflict(replaces).exec_without_returning(&begun.tx).await?;
        Ok(begun.tx.commit().await?)
    }
}

/// What a process says takes the place of what was known of its environment.
fn replaces() -> OnConflict {
    let all = [serving::Column::Process, serving::Column::Models, serving::Column::Since, serving::Column::SeenAt];
    OnConflict::column(serving::Column::Environment).update_columns(all).to_owned()
}

async fn stamp(tx: &DatabaseTransaction, environment: Environment) -> Result<Stamp> {
    let last = async |environment| last(newest(environment).select_only().column(Column::Number), tx).await;
    let deployment = last(environment).await?;
    let production = if environment == Environment::Production { deployment } else { last(Environment::Production).await? };
    Ok(Stamp { deployment, production, release: releases::last(tx).await? })
}

/// The one number that is asked for.
pub(crate) async fn last<E: EntityTrait>(asked: Select<E>, tx: &DatabaseTransaction) -> Result<Option<u64>> {
    let found = asked.into_tuple::<i64>().one(tx).await?;
    Ok(found.map(|number| number.try_into().unwrap_or_default()))
}

impl TeamTx {
    /// What was last done, as this transaction sees it: nothing more is done before it ends, once it has taken its turn.
    pub async fn stamp(&self, environment: Environment) -> Result<Stamp> {
        stamp(self.reading(), environment).await
    }

    /// Takes the turn to change what is served, and says the number of what is done with it. Whoever else takes it waits until this
    /// transaction ends, and then sees what it did.
    pub async fn take_turn(&self) -> Result<u64> {
        let tx = self.writing()?;
        let first = turn::Model { name: TURN.to_owned(), number: 1 }.into_active_model();
        let next = Expr::col((turn::Entity, turn::Column::Number)).add(1);
        let counted = OnConflict::column(turn::Column::Name).value(turn::Column::Number, next).to_owned();
        turn::Entity::insert(first).on_conflict(counted).exec_without_returning(tx).await?;
        let taken = turn::Entity::find_by_id(TURN).one(tx).await?.ok_or(Error::Conflict)?;
        read_count(taken.number).map_err(Error::corrupt("release_turns", uuid::Uuid::nil()))
    }

    /// What an environment is served with, as the process said that counts; none where none has ever.
    pub async fn serving(&self, environment: Environment) -> Result<Option<Serving>> {
        let found = serving::Entity::find_by_id(environment.key()).one(self.reading()).await?;
        let read =
            |row: serving::Model| Serving { environment, process: row.process, models: row.models, since: row.since, seen: row.seen_at };
        Ok(found.map(read))
    }

    /// Points an environment at a release from the commit on.
    pub async fn insert_deployment(&self, deployment: &Deployment) -> Result<()> {
        let row = Model {
            id: deployment.id.0,
            environment: deployment.environment.key().to_owned(),
            version: deployment.version.to_string(),
            content: deployment.content.clone(),
            previous: deployment.previous.to_string(),
            previous_content: deployment.previous_content.clone(),
            kind: deployment.kind.key().to_owned(),
            actor: actor(deployment.by),
            at: moment(deployment.at),
            eval_id: deployment.eval.map(|eval| eval.0),
            reason: deployment.reason.clone(),
            number: count(deployment.number),
        };
        Entity::insert(row.into_active_model()).exec_without_returning(self.writing()?).await?;
        Ok(())
    }

    /// A deployment.
    pub async fn deployment(&self, id: DeploymentId) -> Result<Option<Deployment>> {
        Entity::find_by_id(id.0).one(self.reading()).await?.map(read).transpose()
    }

    /// Deployments of an environment, newest first; the next page is what comes before the number of the last of this one.
    pub async fn deployments(&self, environment: Environment, limit: u64, before: Option<u64>) -> Result<Vec<Deployment>> {
        let page = newest(environment).filter(Column::Number.lt(before.map_or(i64::MAX, count))).limit(limit);
        page.all(self.reading()).await?.into_iter().map(read).collect()
    }
}

fn newest(environment: Environment) -> Select<Entity> {
    Entity::find().filter(Column::Environment.eq(environment.key())).order_by_desc(Column::Number)
}

fn read(row: Model) -> Result<Deployment> {
    let corrupt = Error::corrupt::<Cause>("deployments", row.id);
    let unknown = |what: &str| corrupt(format!("\"{what}\" is not known").into());
    Ok(Deployment {
        id: DeploymentId(row.id),
        number: read_count(row.number).map_err(&corrupt)?,
        environment: Environment::from_key(&row.environment).ok_or_else(|| unknown(&row.environment))?,
        version: read_version(&row.version).map_err(&corrupt)?,
        content: row.content,
        previous: read_version(&row.previous).map_err(&corrupt)?,
        previous_content: row.previous_content,
        kind: Move::from_key(&row.kind).ok_or_else(|| unknown(&row.kind))?,
        by: read_actor(&row.actor).map_err(&corrupt)?,
        at: row.at,
        eval: row.eval_id.map(EvalId),
        reason: row.reason,
    })
}

/// A row of `deployments`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "deployments")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub environment: String,
        pub version: String,
        pub content: String,
        pub previous: String,
        pub previous_content: String,
        pub kind: String,
        pub actor: String,
        pub at: DateTimeUtc,
        pub eval_id: Option<Uuid>,
        pub reason: Option<String>,
        pub number: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A row of `release_turns`.
pub(crate) mod turn {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "release_turns")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub number: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A row of `servings`.
pub(crate) mod serving {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "servings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub environment: String,
        pub process: Uuid,
        pub models: String,
        pub since: DateTimeUtc,
        pub seen_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

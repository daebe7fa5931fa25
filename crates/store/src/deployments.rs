//! Where environments point: deployments, the last of which holds.

use crate::Store;
use crate::columns::{actor, moment, page_before, read_actor, read_version};
use crate::dialect::Access;
use crate::errors::{Cause, Error, Result};
use crate::releases;
use crate::tenants::TeamTx;
use domain::ids::{DeploymentId, EvalId};
use domain::releases::{Deployment, Move};
use domain::roles::Environment;
use row::{Column, Entity, Model};
use sea_orm::prelude::Uuid;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

/// What was last done to an environment and to the library: as long as it is the same, nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// The last deployment of the environment.
    pub deployment: Option<DeploymentId>,
    /// The last release that was made from a proposal.
    pub release: Option<Uuid>,
}

impl Store {
    /// What was last done to this environment and to the library. Asked often.
    pub async fn stamp(&self, environment: Environment) -> Result<Stamp> {
        let begun = self.program(Access::Read).await?;
        let deployment = newest(environment).select_only().column(Column::Id).into_tuple::<Uuid>().one(&begun.tx).await?;
        let release = releases::row::Entity::find()
            .select_only()
            .column(releases::row::Column::Id)
            .filter(releases::row::Column::Id.lt(page_before(None)))
            .order_by_desc(releases::row::Column::Id)
            .into_tuple::<Uuid>()
            .one(&begun.tx)
            .await?;
        Ok(Stamp { deployment: deployment.map(DeploymentId), release })
    }
}

impl TeamTx {
    /// Points an environment at a release from the commit on.
    pub async fn insert_deployment(&self, deployment: &Deployment) -> Result<()> {
        let row = Model {
            id: deployment.id.0,
            environment: deployment.environment.key().to_owned(),
            version: deployment.version.to_string(),
            content: deployment.content.clone(),
            previous: deployment.previous.to_string(),
            kind: deployment.kind.key().to_owned(),
            actor: actor(deployment.by),
            at: moment(deployment.at),
            eval_id: deployment.eval.map(|eval| eval.0),
            reason: deployment.reason.clone(),
        };
        Entity::insert(row.into_active_model()).exec_without_returning(self.writing()?).await?;
        Ok(())
    }

    /// The deployment that holds in an environment; nobody else changes it until this transaction ends, if it writes.
    pub async fn locked_deployment(&self, environment: Environment) -> Result<Option<Deployment>> {
        newest(environment).lock_exclusive().one(self.writing()?).await?.map(read).transpose()
    }

    /// Deployments of an environment, newest first; the next page is what comes `before` the last of this one.
    pub async fn deployments(&self, environment: Environment, limit: u64, before: Option<DeploymentId>) -> Result<Vec<Deployment>> {
        let page = newest(environment).filter(Column::Id.lt(page_before(before.map(|id| id.0)))).limit(limit);
        page.all(self.reading()).await?.into_iter().map(read).collect()
    }
}

fn newest(environment: Environment) -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::Environment.eq(environment.key())).order_by_desc(Column::Id)
}

fn read(row: Model) -> Result<Deployment> {
    let corrupt = Error::corrupt::<Cause>("deployments", row.id);
    let unknown = |what: &str| corrupt(format!("\"{what}\" is not known").into());
    Ok(Deployment {
        id: DeploymentId(row.id),
        environment: Environment::from_key(&row.environment).ok_or_else(|| unknown(&row.environment))?,
        version: read_version(&row.version).map_err(&corrupt)?,
        content: row.content,
        previous: read_version(&row.previous).map_err(&corrupt)?,
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
        pub kind: String,
        pub actor: String,
        pub at: DateTimeUtc,
        pub eval_id: Option<Uuid>,
        pub reason: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

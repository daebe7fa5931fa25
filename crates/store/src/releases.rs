//! Releases that were made from proposals. Their files are the proposal's, of one revision, and never change.

use crate::columns::{moment, page_before, read_count, read_version};
use crate::errors::{Error, Result};
use crate::tenants::TeamTx;
use domain::ids::ProposalId;
use domain::releases::Released;
use row::{Column, Entity, Model};
use sea_orm::prelude::Uuid;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use semver::Version;

impl TeamTx {
    /// Adds a release; [`Error::Conflict`] when its version is taken.
    pub async fn insert_release(&self, release: &Released) -> Result<()> {
        let row = Model {
            id: Uuid::now_v7(),
            version: release.version.to_string(),
            content: release.content.clone(),
            proposal_id: release.proposal.0,
            revision: release.revision.into(),
            at: moment(release.at),
        };
        Entity::insert(row.into_active_model()).exec_without_returning(self.writing()?).await?;
        Ok(())
    }

    /// Every release that was made from a proposal, newest first.
    pub async fn releases(&self) -> Result<Vec<Released>> {
        let found = Entity::find().filter(Column::Id.lt(page_before(None))).order_by_desc(Column::Id);
        found.all(self.reading()).await?.into_iter().map(read).collect()
    }

    /// The release of this version, if one was made from a proposal.
    pub async fn release(&self, version: &Version) -> Result<Option<Released>> {
        Entity::find().filter(Column::Version.eq(version.to_string())).one(self.reading()).await?.map(read).transpose()
    }
}

fn read(row: Model) -> Result<Released> {
    let corrupt = Error::corrupt("releases", row.id);
    Ok(Released {
        version: read_version(&row.version).map_err(&corrupt)?,
        content: row.content,
        proposal: ProposalId(row.proposal_id),
        revision: read_count(row.revision).map_err(&corrupt)?,
        at: row.at,
    })
}

/// A row of `releases`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "releases")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub version: String,
        pub content: String,
        pub proposal_id: Uuid,
        pub revision: i64,
        pub at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

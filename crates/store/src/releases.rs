//! Releases that were made from proposals: which text each of their files has, and the texts, each kept once. Neither ever changes.

use crate::columns::{count, moment, read_count, read_version};
use crate::deployments;
use crate::errors::{Error, Result};
use crate::tenants::TeamTx;
use domain::ids::ProposalId;
use domain::releases::Released;
use row::{Column, Entity, Model};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};

/// Texts that are asked for in one query.
const MOST_AT_ONCE: usize = 500;

impl TeamTx {
    /// Adds a release, which is the one of this number; [`Error::Conflict`] when its version is taken. `texts` are those of its files by
    /// their hash; one that is kept already may be among them.
    pub async fn insert_release(&self, release: &Released, number: u64, texts: &BTreeMap<String, String>) -> Result<()> {
        let row = Model {
            id: Uuid::now_v7(),
            version: release.version.to_string(),
            content: release.content.clone(),
            proposal_id: release.proposal.0,
            revision: release.revision.into(),
            over: release.over.to_string(),
            over_content: release.over_content.clone(),
            files: serde_json::to_value(&release.files).map_err(|fault| DbErr::Json(fault.to_string()))?,
            number: count(number),
            at: moment(release.at),
        };
        let tx = self.writing()?;
        Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
        let texts = texts.iter().map(|(hash, text)| text::Model { hash: hash.clone(), text: text.clone() }.into_active_model());
        let once = OnConflict::column(text::Column::Hash).do_nothing().to_owned();
        text::Entity::insert_many(texts).on_conflict(once).exec_without_returning(tx).await?;
        Ok(())
    }

    /// Every release that was made from a proposal, newest first.
    pub async fn releases(&self) -> Result<Vec<Released>> {
        let found = Entity::find().filter(Column::Number.lt(i64::MAX)).order_by_desc(Column::Number);
        found.all(self.reading()).await?.into_iter().map(read).collect()
    }

    /// The release of this version, if one was made from a proposal.
    pub async fn release(&self, version: &Version) -> Result<Option<Released>> {
        Entity::find().filter(Column::Version.eq(version.to_string())).one(self.reading()).await?.map(read).transpose()
    }

    /// The texts of the files of releases that were made from proposals, by their hash: those of these hashes.
    pub async fn release_texts(&self, hashes: &BTreeSet<&str>) -> Result<BTreeMap<String, String>> {
        let mut found = BTreeMap::new();
        let hashes: Vec<&str> = hashes.iter().copied().collect();
        for some in hashes.chunks(MOST_AT_ONCE) {
            let rows = text::Entity::find().filter(text::Column::Hash.is_in(some.iter().copied())).all(self.reading()).await?;
            found.extend(rows.into_iter().map(|row| (row.hash, row.text)));
        }
        Ok(found)
    }
}

/// The number of the last release.
pub(crate) async fn last(tx: &DatabaseTransaction) -> Result<Option<u64>> {
    let newest = Entity::find().select_only().column(Column::Number).filter(Column::Number.lt(i64::MAX)).order_by_desc(Column::Number);
    deployments::last(newest, tx).await
}

fn read(row: Model) -> Result<Released> {
    let corrupt = Error::corrupt("releases", row.id);
    Ok(Released {
        version: read_version(&row.version).map_err(&corrupt)?,
        content: row.content,
        proposal: ProposalId(row.proposal_id),
        revision: read_count(row.revision).map_err(&corrupt)?,
        over: read_version(&row.over).map_err(&corrupt)?,
        over_content: row.over_content,
        files: serde_json::from_value(row.files).map_err(|fault| corrupt(fault.into()))?,
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
        pub over: String,
        pub over_content: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub files: Json,
        pub number: i64,
        pub at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A row of `release_texts`.
pub(crate) mod text {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "release_texts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub hash: String,
        pub text: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

//! Changes to the template library on their way through review: their files by revision, and what was said of them.

use crate::columns::{actor, list, moment, page_before, read_actor, read_count, read_list, read_version};
use crate::errors::{Cause, Error, Result};
use crate::tenants::TeamTx;
use domain::audit::Actor;
use domain::ids::{CommentId, ProposalId};
use domain::proposals::{Comment, Proposal, ProposedFile};
use row::{Column, Entity, Model};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, IntoActiveModel, JsonValue, QueryFilter, QueryOrder, QuerySelect};
use std::collections::BTreeMap;

/// So much of what was said about one proposal is read.
const COMMENTS: u64 = 1_000;

impl TeamTx {
    /// Adds a proposal with the files of its first revision.
    pub async fn insert_proposal(&self, proposal: &Proposal, files: &[ProposedFile]) -> Result<()> {
        let row = Model {
            id: proposal.id.0,
            title: proposal.title.clone(),
            why: proposal.why.clone(),
            version: proposal.version.to_string(),
            base: proposal.base.to_string(),
            author: actor(proposal.author),
            writers: writers(proposal)?,
            state: proposal.state.key().to_owned(),
            standing: standing(proposal)?,
            revision: proposal.revision.into(),
            created_at: moment(proposal.created),
            updated_at: moment(proposal.updated),
        };
        Entity::insert(row.into_active_model()).exec_without_returning(self.writing()?).await?;
        self.insert_files(proposal, files).await
    }

    /// Keeps what became of a proposal that this transaction has locked.
    pub async fn update_proposal(&self, proposal: &Proposal) -> Result<()> {
        let updated = Entity::update_many()
            .col_expr(Column::Title, Expr::value(proposal.title.as_str()))
            .col_expr(Column::Why, Expr::value(proposal.why.as_str()))
            .col_expr(Column::Version, Expr::value(proposal.version.to_string()))
            .col_expr(Column::Base, Expr::value(proposal.base.to_string()))
            .col_expr(Column::Writers, Expr::value(writers(proposal)?))
            .col_expr(Column::State, Expr::value(proposal.state.key()))
            .col_expr(Column::Standing, Expr::value(standing(proposal)?))
            .col_expr(Column::Revision, Expr::value(i64::from(proposal.revision)))
            .col_expr(Column::UpdatedAt, Expr::value(moment(proposal.updated)))
            .filter(Column::Id.eq(proposal.id.0))
            .exec(self.writing()?)
            .await?;
        if updated.rows_affected == 1 { Ok(()) } else { Err(Error::Conflict) }
    }

    /// Adds the files of a proposal's revision; those of earlier ones stay.
    pub async fn insert_files(&self, proposal: &Proposal, files: &[ProposedFile]) -> Result<()> {
        let rows = files.iter().map(|file| file::Model {
            proposal_id: proposal.id.0,
            revision: proposal.revision.into(),
            path: file.path.clone(),
            text: file.text.clone(),
        });
        file::Entity::insert_many(rows.map(IntoActiveModel::into_active_model)).exec_without_returning(self.writing()?).await?;
        Ok(())
    }

    /// A proposal.
    pub async fn proposal(&self, id: ProposalId) -> Result<Option<Proposal>> {
        Entity::find_by_id(id.0).one(self.reading()).await?.map(read).transpose()
    }

    /// The same; nobody else changes it until this transaction ends.
    pub async fn locked_proposal(&self, id: ProposalId) -> Result<Option<Proposal>> {
        Entity::find_by_id(id.0).lock_exclusive().one(self.writing()?).await?.map(read).transpose()
    }

    /// Proposals, newest first; the next page is what comes `before` the last of this one.
    pub async fn proposals(&self, limit: u64, before: Option<ProposalId>) -> Result<Vec<Proposal>> {
        let page = Entity::find().filter(Column::Id.lt(page_before(before.map(|id| id.0)))).order_by_desc(Column::Id).limit(limit);
        page.all(self.reading()).await?.into_iter().map(read).collect()
    }

    /// So many proposals in these states, by their keys, oldest first.
    pub async fn proposals_in(&self, states: &[&str], limit: u64) -> Result<Vec<Proposal>> {
        let found = Entity::find().filter(Column::State.is_in(states.iter().copied())).order_by_asc(Column::Id).limit(limit);
        found.all(self.reading()).await?.into_iter().map(read).collect()
    }

    /// Where the files of these proposals stand, as they are now, without what is in them.
    pub async fn paths(&self, proposals: &[Proposal]) -> Result<Vec<(ProposalId, String)>> {
        let found = file::Entity::find()
            .select_only()
            .columns([file::Column::ProposalId, file::Column::Revision, file::Column::Path])
            .filter(file::Column::ProposalId.is_in(proposals.iter().map(|proposal| proposal.id.0)))
            .order_by_asc(file::Column::ProposalId)
            .order_by_asc(file::Column::Path)
            .into_tuple::<(Uuid, i64, String)>()
            .all(self.reading())
            .await?;
        let now: BTreeMap<Uuid, i64> = proposals.iter().map(|proposal| (proposal.id.0, proposal.revision.into())).collect();
        Ok(found
            .into_iter()
            .filter(|(id, revision, _)| now.get(id) == Some(revision))
            .map(|(id, _, path)| (ProposalId(id), path))
            .collect())
    }

    /// The files of a revision, by path.
    pub async fn files(&self, id: ProposalId, revision: u32) -> Result<Vec<ProposedFile>> {
        let found = file::Entity::find()
            .filter(file::Column::ProposalId.eq(id.0))
            .filter(file::Column::Revision.eq(i64::from(revision)))
            .order_by_asc(file::Column::Path)
            .all(self.reading())
            .await?;
        Ok(found.into_iter().map(|row| ProposedFile { path: row.path, text: row.text }).collect())
    }

    /// Adds what somebody said.
    pub async fn insert_comment(&self, comment: &Comment) -> Result<()> {
        let row = comment::Model {
            id: comment.id.0,
            proposal_id: comment.proposal.0,
            revision: comment.revision.into(),
            author: actor(comment.by),
            at: moment(comment.at),
            step: comment.step.clone(),
            text: comment.text.clone(),
        };
        comment::Entity::insert(row.into_active_model()).exec_without_returning(self.writing()?).await?;
        Ok(())
    }

    /// What was said about a proposal, oldest first; of a very long talk its newest part.
    pub async fn comments(&self, id: ProposalId) -> Result<Vec<Comment>> {
        let newest =
            comment::Entity::find().filter(comment::Column::ProposalId.eq(id.0)).order_by_desc(comment::Column::Id).limit(COMMENTS);
        newest.all(self.reading()).await?.into_iter().rev().map(read_comment).collect()
    }
}

fn standing(proposal: &Proposal) -> Result<JsonValue, DbErr> {
    serde_json::to_value(&proposal.state).map_err(|fault| DbErr::Json(fault.to_string()))
}

fn writers(proposal: &Proposal) -> Result<JsonValue, DbErr> {
    let names: Vec<String> = proposal.writers.iter().map(|by| actor(*by)).collect();
    list(&names)
}

fn read(row: Model) -> Result<Proposal> {
    let corrupt = Error::corrupt("proposals", row.id);
    Ok(Proposal {
        id: ProposalId(row.id),
        title: row.title,
        why: row.why,
        version: read_version(&row.version).map_err(&corrupt)?,
        base: read_version(&row.base).map_err(&corrupt)?,
        author: read_actor(&row.author).map_err(&corrupt)?,
        writers: read_writers(row.writers).map_err(&corrupt)?,
        state: serde_json::from_value(row.standing).map_err(|fault| corrupt(fault.into()))?,
        revision: read_count(row.revision).map_err(&corrupt)?,
        created: row.created_at,
        updated: row.updated_at,
    })
}

fn read_writers(column: JsonValue) -> Result<Vec<Actor>, Cause> {
    read_list::<String>(column)?.iter().map(|name| read_actor(name)).collect()
}

fn read_comment(row: comment::Model) -> Result<Comment> {
    let corrupt = Error::corrupt("proposal_comments", row.id);
    Ok(Comment {
        id: CommentId(row.id),
        proposal: ProposalId(row.proposal_id),
        revision: read_count(row.revision).map_err(&corrupt)?,
        by: read_actor(&row.author).map_err(&corrupt)?,
        at: row.at,
        step: row.step,
        text: row.text,
    })
}

/// A row of `proposals`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "proposals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub title: String,
        pub why: String,
        pub version: String,
        pub base: String,
        pub author: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub writers: Json,
        pub state: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub standing: Json,
        pub revision: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A row of `proposal_files`.
pub(crate) mod file {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "proposal_files")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub proposal_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub revision: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub path: String,
        pub text: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A row of `proposal_comments`.
pub(crate) mod comment {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "proposal_comments")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub proposal_id: Uuid,
        pub revision: i64,
        pub author: String,
        pub at: DateTimeUtc,
        pub step: Option<String>,
        pub text: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

//! Mail to members: written in the transaction that is its reason, read by the job that sends it.

use crate::Store;
use crate::columns::{moment, page_before, read_email};
use crate::dialect::Access;
use crate::errors::{Error, Result};
use crate::tenants::TenantTx;
use domain::Timestamp;
use domain::ids::{MailId, OwnerId};
use domain::mails::Mail;
use row::{Column, Entity, Model};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

impl TenantTx {
    /// Writes a mail to this owner; false when there has been one with its key.
    pub async fn insert_mail(&self, mail: &Mail) -> Result<bool> {
        let tx = self.writing_for(mail.owner)?;
        let once = OnConflict::column(Column::UniqueKey).do_nothing().to_owned();
        Ok(Entity::insert(row(mail).into_active_model()).on_conflict(once).exec_without_returning(tx).await? > 0)
    }
}

impl TenantTx {
    /// Every mail that was written to this owner.
    pub async fn own_mails(&self) -> Result<Vec<Mail>> {
        let rows = Entity::find().filter(Column::OwnerId.eq(self.owner())).order_by_asc(Column::Id).all(self.reading()).await?;
        rows.into_iter().map(read).collect()
    }
}

impl Store {
    /// A mail.
    pub async fn mail(&self, id: MailId) -> Result<Option<Mail>> {
        let begun = self.program(Access::Read).await?;
        Entity::find_by_id(id.0).one(&begun.tx).await?.map(read).transpose()
    }

    /// Mails, sent and waiting, newest first; the next page is what comes `before` the last of this one.
    pub async fn mails(&self, limit: u64, before: Option<MailId>) -> Result<Vec<Mail>> {
        let begun = self.program(Access::Read).await?;
        let page = Entity::find().filter(Column::Id.lt(page_before(before.map(|id| id.0))));
        page.order_by_desc(Column::Id).limit(limit).all(&begun.tx).await?.into_iter().map(read).collect()
    }

    /// Says when a mail was sent, and erases both its parts if they are not needed any more.
    pub async fn set_mail_sent(&self, id: MailId, now: Timestamp, erase: bool) -> Result<()> {
        let begun = self.program(Access::Write).await?;
        let mut sent = Entity::update_many().col_expr(Column::SentAt, Expr::value(moment(now)));
        if erase {
            sent = sent.col_expr(Column::Text, Expr::value("")).col_expr(Column::Html, Expr::value(""));
        }
        sent.filter(Column::Id.eq(id.0)).exec(&begun.tx).await?;
        Ok(begun.tx.commit().await?)
    }

    /// Forgets mails that were written before this moment; how many.
    pub async fn forget_mails(&self, before: Timestamp) -> Result<u64> {
        let begun = self.program(Access::Write).await?;
        let gone = Entity::delete_many().filter(Column::CreatedAt.lt(moment(before))).exec(&begun.tx).await?;
        begun.tx.commit().await?;
        Ok(gone.rows_affected)
    }
}

fn row(mail: &Mail) -> Model {
    Model {
        id: mail.id.0,
        owner_id: mail.owner.0,
        kind: mail.kind.clone(),
        unique_key: mail.unique_key.clone(),
        recipient: mail.to.as_str().to_owned(),
        subject: mail.subject.clone(),
        text: mail.text.clone(),
        html: mail.html.clone(),
        created_at: moment(mail.created),
        sent_at: mail.sent.map(moment),
    }
}

fn read(row: Model) -> Result<Mail> {
    Ok(Mail {
        id: MailId(row.id),
        owner: OwnerId(row.owner_id),
        kind: row.kind,
        unique_key: row.unique_key,
        to: read_email(&row.recipient).map_err(Error::corrupt("mails", row.id))?,
        subject: row.subject,
        text: row.text,
        html: row.html,
        created: row.created_at,
        sent: row.sent_at,
    })
}

/// A row of `mails`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "mails")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub owner_id: Uuid,
        pub kind: String,
        pub unique_key: String,
        pub recipient: String,
        pub subject: String,
        pub text: String,
        pub html: String,
        pub created_at: DateTimeUtc,
        pub sent_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

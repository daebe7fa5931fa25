//! Secrets that the program makes for itself once and all its processes share.

use crate::Store;
use crate::columns::moment;
use crate::dialect::Access;
use crate::errors::{Error, Result};
use row::{Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, IntoActiveModel};

impl Store {
    /// The secret of this name; where there is none, `fresh` is kept and is it from now on. Processes that ask at once get the same.
    pub async fn secret(&self, name: &str, fresh: &str) -> Result<String> {
        let begun = self.program(Access::Write).await?;
        // When it was made is for whoever looks at the table; nothing asks for it.
        let row = Model { name: name.to_owned(), secret: fresh.to_owned(), created_at: moment(chrono::Utc::now()) };
        let once = OnConflict::column(Column::Name).do_nothing().to_owned();
        Entity::insert(row.into_active_model()).on_conflict(once).exec_without_returning(&begun.tx).await?;
        let kept = Entity::find_by_id(name).one(&begun.tx).await?.ok_or(Error::Conflict)?;
        begun.tx.commit().await?;
        Ok(kept.secret)
    }
}

/// A row of `keyring`.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "keyring")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub secret: String,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

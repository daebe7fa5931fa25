//! Accounts: one an owner, found by its address too, with what proves that somebody is its owner.
//!
//! What proves it is read on its own, so that nothing that passes an account on can pass on a secret.

use crate::Store;
use crate::columns::{moment, page_before, part, read_email};
use crate::dialect::Access;
use crate::errors::{Cause, Error, Result};
use crate::tenants::TenantTx;
use domain::Timestamp;
use domain::accounts::{Account, Email, SecondFactor};
use domain::ids::OwnerId;
use domain::roles::Role;
use domain::tiers::Tier;
use row::{Column, Entity, Model};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, UpdateMany};

impl TenantTx {
    /// Adds the account of this owner. Whether it has a password, and a second factor, is said by what is kept of them, and not by the
    /// account.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the owner has one, or the address is taken.
    pub async fn insert_account(&self, account: &Account, password_hash: Option<&str>) -> Result<()> {
        let tx = self.writing_for(account.owner)?;
        Entity::insert(row(account, password_hash).into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    }

    /// The owner's account; guests have none.
    pub async fn account(&self) -> Result<Option<Account>> {
        Entity::find_by_id(self.owner()).one(self.reading()).await?.as_ref().map(read).transpose()
    }

    /// The owner's account, which nobody else can change or lock until this transaction ends: what is counted under it holds.
    pub async fn locked_account(&self) -> Result<Option<Account>> {
        Entity::find_by_id(self.owner()).lock_exclusive().one(self.writing()?).await?.as_ref().map(read).transpose()
    }

    /// What is kept of the owner's password, if they have one.
    pub async fn password_hash(&self) -> Result<Option<String>> {
        Ok(Entity::find_by_id(self.owner()).one(self.reading()).await?.and_then(|row| row.password_hash))
    }

    /// Replaces what is kept of the password. Of this and all the following: [`Error::Conflict`] when the owner has no account.
    pub async fn set_password_hash(&self, hash: Option<&str>) -> Result<()> {
        self.change(Entity::update_many().col_expr(Column::PasswordHash, Expr::value(hash))).await
    }

    /// Replaces the address, and says when it was proven. [`Error::Conflict`] also when it is taken.
    pub async fn set_email(&self, email: &Email, verified: Option<Timestamp>) -> Result<()> {
        let change = Entity::update_many()
            .col_expr(Column::Email, Expr::value(email.as_str()))
            .col_expr(Column::EmailKey, Expr::value(email.key()))
            .col_expr(Column::VerifiedAt, Expr::value(verified.map(moment)));
        self.change(change).await
    }

    /// Says when the address was proven.
    pub async fn set_verified(&self, at: Timestamp) -> Result<()> {
        self.change(Entity::update_many().col_expr(Column::VerifiedAt, Expr::value(moment(at)))).await
    }

    /// Gives the account another tier.
    pub async fn set_tier(&self, tier: Tier) -> Result<()> {
        self.change(Entity::update_many().col_expr(Column::Tier, Expr::value(tier.key()))).await
    }

    /// Gives its owner a place in the team, or takes it.
    pub async fn set_role(&self, role: Option<Role>) -> Result<()> {
        self.change(Entity::update_many().col_expr(Column::Role, Expr::value(role.map(Role::key)))).await
    }

    /// Says until when they may not generate.
    pub async fn set_limited_until(&self, until: Option<Timestamp>) -> Result<()> {
        self.change(Entity::update_many().col_expr(Column::LimitedUntil, Expr::value(until.map(moment)))).await
    }

    /// Says when they asked to be forgotten, or that they stay.
    pub async fn set_leaving(&self, at: Option<Timestamp>) -> Result<()> {
        self.change(Entity::update_many().col_expr(Column::LeavingAt, Expr::value(at.map(moment)))).await
    }

    /// The second factor, also one that is not confirmed yet.
    pub async fn second_factor(&self) -> Result<Option<SecondFactor>> {
        let Some(row) = Entity::find_by_id(self.owner()).one(self.reading()).await? else { return Ok(None) };
        let (confirmed, last_step) = (row.second_factor_at, row.second_factor_step);
        Ok(row.second_factor_secret.map(|secret| SecondFactor { secret, confirmed, last_step }))
    }

    /// Replaces the second factor, or takes it away.
    pub async fn set_second_factor(&self, factor: Option<&SecondFactor>) -> Result<()> {
        let change = Entity::update_many()
            .col_expr(Column::SecondFactorSecret, Expr::value(factor.map(|factor| factor.secret.as_str())))
            .col_expr(Column::SecondFactorAt, Expr::value(factor.and_then(|factor| factor.confirmed).map(moment)))
            .col_expr(Column::SecondFactorStep, Expr::value(factor.map_or(0, |factor| factor.last_step)));
        self.change(change).await
    }

    /// Uses up the code of a step. False when it, or a later one, was used before: of two that bring the same code one gets in.
    pub async fn use_second_factor_step(&self, step: i64) -> Result<bool> {
        let used = Entity::update_many()
            .col_expr(Column::SecondFactorStep, Expr::value(step))
            .filter(Column::OwnerId.eq(self.owner()))
            .filter(Column::SecondFactorSecret.is_not_null())
            .filter(Column::SecondFactorStep.lt(step))
            .exec(self.writing()?)
            .await?;
        Ok(used.rows_affected > 0)
    }

    async fn change(&self, change: UpdateMany<Entity>) -> Result<()> {
        let changed = change.filter(Column::OwnerId.eq(self.owner())).exec(self.writing()?).await?;
        if changed.rows_affected > 0 { Ok(()) } else { Err(Error::Conflict) }
    }
}

impl Store {
    /// The account with this address, however it is spelled.
    pub async fn account_by_email(&self, email: &Email) -> Result<Option<Account>> {
        let begun = self.program(Access::Read).await?;
        Entity::find().filter(Column::EmailKey.eq(email.key())).one(&begun.tx).await?.as_ref().map(read).transpose()
    }

    /// The account of an owner.
    pub async fn account_of(&self, owner: OwnerId) -> Result<Option<Account>> {
        let begun = self.program(Access::Read).await?;
        Entity::find_by_id(owner.0).one(&begun.tx).await?.as_ref().map(read).transpose()
    }

    /// Accounts whose address has this in it, newest first; all where it is empty. The next page is what comes `before` the last of
    /// this one.
    pub async fn accounts(&self, search: &str, limit: u64, before: Option<OwnerId>) -> Result<Vec<Account>> {
        let begun = self.program(Access::Read).await?;
        let search = search.trim().to_lowercase();
        let wanted = (!search.is_empty()).then(|| Column::EmailKey.like(part(&search)));
        let found = Entity::find()
            .filter(Column::OwnerId.lt(page_before(before.map(|owner| owner.0))))
            .filter(Condition::all().add_option(wanted))
            .order_by_desc(Column::OwnerId)
            .limit(limit)
            .all(&begun.tx)
            .await?;
        found.iter().map(read).collect()
    }

    /// Everybody who has a role, oldest first.
    pub async fn team_members(&self) -> Result<Vec<Account>> {
        let begun = self.program(Access::Read).await?;
        let found =
            Entity::find().filter(Column::Role.is_in(Role::ALL.map(Role::key))).order_by_asc(Column::OwnerId).all(&begun.tx).await?;
        found.iter().map(read).collect()
    }

    /// Whether anybody has this role.
    pub async fn has_role(&self, role: Role) -> Result<bool> {
        let begun = self.program(Access::Read).await?;
        Ok(Entity::find().filter(Column::Role.eq(role.key())).limit(1).one(&begun.tx).await?.is_some())
    }

    /// Who asked to be forgotten before this moment, longest ago first.
    pub async fn leaving_accounts(&self, before: Timestamp, limit: u64) -> Result<Vec<OwnerId>> {
        let begun = self.program(Access::Read).await?;
        let owners = Entity::find()
            .select_only()
            .column(Column::OwnerId)
            .filter(Column::LeavingAt.lt(moment(before)))
            .order_by_asc(Column::LeavingAt)
            .limit(limit)
            .into_tuple::<Uuid>()
            .all(&begun.tx)
            .await?;
        Ok(owners.into_iter().map(OwnerId).collect())
    }
}

fn row(account: &Account, password_hash: Option<&str>) -> Model {
    Model {
        owner_id: account.owner.0,
        email: account.email.as_str().to_owned(),
        email_key: account.email.key(),
        password_hash: password_hash.map(str::to_owned),
        tier: account.tier.key().to_owned(),
        role: account.role.map(|role| role.key().to_owned()),
        verified_at: account.verified.map(moment),
        second_factor_secret: None,
        second_factor_at: None,
        second_factor_step: 0,
        limited_until: account.limited_until.map(moment),
        leaving_at: account.leaving.map(moment),
        created_at: moment(account.created),
    }
}

/// An account out of its row.
pub(crate) fn read(row: &Model) -> Result<Account> {
    let corrupt = Error::corrupt::<Cause>("accounts", row.owner_id);
    let tier = Tier::from_key(&row.tier).ok_or_else(|| corrupt(format!("\"{}\" is not a tier", row.tier).into()))?;
    let read_role = |key: &str| Role::from_key(key).ok_or_else(|| corrupt(format!("\"{key}\" is not a role").into()));
    Ok(Account {
        owner: OwnerId(row.owner_id),
        email: read_email(&row.email).map_err(&corrupt)?,
        tier,
        role: row.role.as_deref().map(read_role).transpose()?,
        verified: row.verified_at,
        has_password: row.password_hash.is_some(),
        has_second_factor: row.second_factor_secret.is_some() && row.second_factor_at.is_some(),
        limited_until: row.limited_until,
        leaving: row.leaving_at,
        created: row.created_at,
    })
}

/// A row of `accounts`. `email_key` is what two spellings of one address have in common.
pub(crate) mod row {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "accounts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner_id: Uuid,
        pub email: String,
        pub email_key: String,
        pub password_hash: Option<String>,
        pub tier: String,
        pub role: Option<String>,
        pub verified_at: Option<DateTimeUtc>,
        pub second_factor_secret: Option<String>,
        pub second_factor_at: Option<DateTimeUtc>,
        pub second_factor_step: i64,
        pub limited_until: Option<DateTimeUtc>,
        pub leaving_at: Option<DateTimeUtc>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

//! What the team does with accounts: tiers and roles, a look at a customer, lifting what holds one back. Every act is written down.

use super::tokens::{self, NewToken};
use super::{passwords, sign_up};
use crate::App;
use crate::audit::{self, Act};
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::{judging, runs};
use domain::accounts::{Account, Email, Scope};
use domain::alerts::Alert;
use domain::audit::reason;
use domain::faults::Faults;
use domain::generations::Generation;
use domain::ids::{AlertId, GenerationId, OwnerId};
use domain::quotas::Quota;
use domain::roles::{Right, Role};
use domain::tiers::Tier;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use store::TenantTx;

/// An account that the team makes.
#[derive(Clone, Default)]
pub struct NewAccount {
    /// Its address; the team vouches for it.
    pub email: String,
    /// Free if not given.
    pub tier: Option<Tier>,
    /// None if not given.
    pub role: Option<Role>,
    /// Without one, its owner sets it with a link they ask for.
    pub password: Option<String>,
}

/// What is to change about an account.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change {
    /// Another tier.
    pub tier: Option<Tier>,
    /// Another role, or none.
    pub role: Option<Option<Role>>,
    /// Takes the second factor away, for who has lost it.
    pub reset_second_factor: bool,
}

/// A customer, as those who help them see them: no cost, no prompts.
#[derive(Debug, Clone)]
pub struct Customer {
    /// Their account.
    pub account: Account,
    /// Where they stand.
    pub quota: Quota,
    /// What was made for them lately.
    pub generations: Vec<Made>,
}

/// A generation without cost and prompts.
#[derive(Debug, Clone)]
pub struct Made {
    /// Its id.
    pub id: GenerationId,
    /// Its section.
    pub section: String,
    /// How it ended.
    pub status: domain::generations::Status,
    /// How far to rely on it.
    pub confidence: domain::generations::Confidence,
    /// What was wrong with it.
    pub issues: Vec<String>,
    /// When it began.
    pub created: domain::Timestamp,
}

/// Makes an account.
pub async fn add(app: &App, who: &Caller, new: &NewAccount) -> Result<Account> {
    who.may(app, Right::Administer)?;
    let mut faults = Faults::default();
    let email = faults.take(Email::parse(&new.email));
    if let Some(password) = &new.password {
        faults.take(passwords::check("password", password, &new.email));
    }
    let Some(email) = email.filter(|_| faults.is_empty()) else { return Err(faults.into()) };
    let hash = match &new.password {
        Some(password) => Some(passwords::hash(password).await?),
        None => None,
    };
    let account = Account {
        tier: new.tier.unwrap_or(Tier::Free),
        role: new.role,
        verified: Some(app.now()),
        has_password: hash.is_some(),
        ..sign_up::new_account(app, OwnerId::new(), email)
    };
    let tx = app.store.tenant(account.owner).await?;
    match tx.insert_account(&account, hash.as_deref()).await {
        Err(store::Error::Conflict) => return Err(Error::conflict("this address has an account already", uuid::Uuid::nil())),
        other => other?,
    }
    let after = json!({"tier": account.tier, "role": account.role});
    audit::write(app, &tx, who, Act::on(account.owner, "account.added").change(Value::Null, after)).await?;
    tx.commit().await?;
    Ok(account)
}

/// The account with this address.
pub async fn find(app: &App, who: &Caller, email: &str) -> Result<Account> {
    who.may(app, Right::Administer)?;
    app.store.account_by_email(&Email::parse(email)?).await?.ok_or(Error::NotFound("an account with this address"))
}

/// The addresses of those of these accounts that still exist, for reading the log.
pub async fn addresses(app: &App, who: &Caller, owners: &BTreeSet<OwnerId>) -> Result<BTreeMap<OwnerId, Email>> {
    who.may(app, Right::Administer)?;
    let mut found = BTreeMap::new();
    for owner in owners {
        if let Some(account) = app.store.account_of(*owner).await? {
            found.insert(*owner, account.email);
        }
    }
    Ok(found)
}

/// Gives and takes tiers and roles. It holds from the next request on; who loses a role loses the tokens that used it.
pub async fn set(app: &App, who: &Caller, owner: OwnerId, change: Change) -> Result<Account> {
    who.may(app, Right::Administer)?;
    if who.owner == owner && change.role.is_some() {
        return Err(Error::forbidden("nobody changes their own role; another tech lead can"));
    }
    if who.owner == owner && change.reset_second_factor {
        return Err(Error::forbidden("nobody takes their own second factor away like this; do it on the account page, with a code"));
    }
    let tx = app.store.tenant(owner).await?;
    let before = tx.locked_account().await?.ok_or(Error::NotFound("this account"))?;
    if let Some(tier) = change.tier.filter(|tier| *tier != before.tier) {
        tx.set_tier(tier).await?;
        // Who pays is not held back by what is for those who do not.
        if tier.is_paid() && before.limited_until.is_some() {
            tx.set_limited_until(None).await?;
            tx.close_alerts(Alert::MEMBER_COST, &owner.to_string(), app.now()).await?;
        }
        // A run that waits for the quota of before asks again.
        tx.hurry_jobs(runs::KIND, app.now()).await?;
        let act = Act::on(owner, "account.tier").change(json!({"tier": before.tier}), json!({"tier": tier}));
        audit::write(app, &tx, who, act).await?;
    }
    if let Some(role) = change.role.filter(|role| *role != before.role) {
        tx.set_role(role).await?;
        if role.is_none() {
            for token in tx.tokens().await?.into_iter().filter(|token| token.scopes.contains(&Scope::Staff)) {
                tx.revoke_token(token.id, app.now()).await?;
            }
        }
        let act = Act::on(owner, "account.role").change(json!({"role": before.role}), json!({"role": role}));
        audit::write(app, &tx, who, act).await?;
    }
    if change.reset_second_factor && before.has_second_factor {
        tx.set_second_factor(None).await?;
        tx.end_sessions(None).await?;
        audit::write(app, &tx, who, Act::on(owner, "account.second-factor-reset")).await?;
    }
    let after = tx.account().await?.ok_or(Error::NotFound("this account"))?;
    tx.commit().await?;
    Ok(after)
}

/// Accounts, newest first, whose address has this in it; the next page is what comes `before` the last of this one.
pub async fn list(app: &App, who: &Caller, search: &str, limit: u64, before: Option<OwnerId>) -> Result<Vec<Account>> {
    who.may(app, Right::ViewCustomers)?;
    Ok(app.store.accounts(search, limit, before).await?)
}

/// A look at a customer, which is written down.
pub async fn customer(app: &App, who: &Caller, owner: OwnerId) -> Result<Customer> {
    who.may(app, Right::ViewCustomers)?;
    let tx = app.store.tenant(owner).await?;
    let account = tx.account().await?.ok_or(Error::NotFound("this account"))?;
    let (now, allowed) = (app.now(), app.desk.entitled(&account).generations_per_hour);
    let quota = Quota::standing(allowed, &tx.takes_since(now - domain::quotas::WINDOW).await?, now);
    let generations = tx.latest_generations(50).await?.into_iter().filter(|made| !judging::is_asking(made)).map(made).collect();
    audit::write(app, &tx, who, Act::on(owner, "customer.viewed")).await?;
    tx.commit().await?;
    Ok(Customer { account, quota, generations })
}

fn made(generation: Generation) -> Made {
    Made {
        id: generation.id,
        section: generation.section.to_string(),
        status: generation.status,
        confidence: generation.confidence,
        issues: generation.issues.into_iter().map(|issue| issue.message).collect(),
        created: generation.created,
    }
}

/// Overrides safety: lifts what holds a member back who has cost too much, with a reason.
pub async fn lift_limit(app: &App, who: &Caller, owner: OwnerId, why: &str) -> Result<()> {
    who.may(app, Right::OverrideSafety)?;
    let why = reason(why)?;
    let tx = app.store.tenant(owner).await?;
    let account = tx.locked_account().await?.ok_or(Error::NotFound("this account"))?;
    let Some(until) = account.limited_until.filter(|until| *until > app.now()) else {
        return Err(Error::conflict("nothing holds this member back", uuid::Uuid::nil()));
    };
    lift(app, &tx, owner).await?;
    let act = Act::on(owner, "safety.overridden").change(json!({"limitedUntil": until}), Value::Null).because(Some(why));
    audit::write(app, &tx, who, act).await?;
    Ok(tx.commit().await?)
}

async fn lift(app: &App, tx: &TenantTx, owner: OwnerId) -> Result<()> {
    tx.set_limited_until(None).await?;
    tx.close_alerts(Alert::MEMBER_COST, &owner.to_string(), app.now()).await?;
    // What they have cost until now has been looked at: the guard counts from here on.
    tx.forgive_spending().await?;
    tx.hurry_jobs(runs::KIND, app.now()).await?;
    Ok(())
}

/// A token for an account, made on the command line.
pub async fn add_token(app: &App, who: &Caller, owner: OwnerId, name: &str, scopes: &[String], days: Option<i64>) -> Result<NewToken> {
    who.may(app, Right::Administer)?;
    if !who.is_operator() {
        return Err(Error::forbidden("tokens are made by their owners; on the command line the operator can make one for them"));
    }
    let tx = app.store.tenant(owner).await?;
    let account = tx.account().await?.ok_or(Error::NotFound("this account"))?;
    let made = tokens::add(app, &tx, who, &account, (name, scopes, days)).await?;
    tx.commit().await?;
    Ok(made)
}

/// Alerts, newest first; the next page is what comes `before` the last of this one.
pub async fn alerts(app: &App, who: &Caller, limit: u64, before: Option<AlertId>) -> Result<Vec<Alert>> {
    who.may(app, Right::ViewMetrics)?;
    Ok(app.store.alerts(limit, before).await?)
}

/// Says that somebody looks at an alert.
pub async fn acknowledge(app: &App, who: &Caller, id: AlertId) -> Result<()> {
    who.may(app, Right::ViewMetrics)?;
    if app.store.acknowledge_alert(id, app.now()).await? { Ok(()) } else { Err(Error::NotFound("this alert")) }
}

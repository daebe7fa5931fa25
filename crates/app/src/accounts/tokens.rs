//! Tokens of the API: made once, shown once, good for what their owner said.

use super::secrets;
use crate::App;
use crate::audit::{self, Act};
use crate::callers::{Caller, Credential};
use crate::error::{Error, Result};
use chrono::TimeDelta;
use domain::accounts::{Account, ApiToken, Scope};
use domain::faults::Faults;
use domain::ids::TokenId;
use serde_json::{Value, json};
use store::TenantTx;

/// What every token begins with, so that one that was lost is known for what it is.
pub const PREFIX: &str = "planner_";
/// Most tokens one account may have at a time.
const MOST: usize = 50;
/// Longest name.
const LONGEST_NAME: usize = 80;
/// Longest life, in days.
const LONGEST_LIFE: i64 = 3650;
/// How exactly is kept when one was last used.
const USED: TimeDelta = TimeDelta::minutes(1);

/// A token that was just made.
#[derive(Clone)]
pub struct NewToken {
    /// What is kept of it.
    pub token: ApiToken,
    /// The token itself; nowhere else is it kept.
    pub secret: String,
}

/// Makes a token. `days` is how long it is good for; without it, until it is revoked.
pub async fn create_token(app: &App, who: &Caller, name: &str, scopes: &[String], days: Option<i64>) -> Result<NewToken> {
    let account = who.verified_in_person()?;
    if scopes.iter().any(|scope| scope == Scope::Staff.key()) && !who.has_shown_enough(app) {
        return Err(Error::SecondFactor);
    }
    let tx = app.store.tenant(who.owner).await?;
    let made = add(app, &tx, who, account, (name, scopes, days)).await?;
    tx.commit().await?;
    Ok(made)
}

/// Adds a token to an account, or names every fault of what it is to be.
pub(super) async fn add(
    app: &App,
    tx: &TenantTx,
    who: &Caller,
    account: &Account,
    (name, scopes, days): (&str, &[String], Option<i64>),
) -> Result<NewToken> {
    let mut faults = Faults::default();
    let scopes = faults.take(Scope::parse_all(scopes)).unwrap_or_default();
    let (owner, name) = (account.owner, name.trim());
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        faults.add("name", format!("must have 1 to {LONGEST_NAME} characters, such as \"nightly export\""));
    }
    if days.is_some_and(|days| !(1..=LONGEST_LIFE).contains(&days)) {
        faults.add("days", format!("must be between 1 and {LONGEST_LIFE}"));
    }
    if scopes.contains(&Scope::Staff) && account.role.is_none() {
        faults.add("scopes", "cannot have \"staff\": there is no role in the team to use");
    }
    if tx.tokens().await?.iter().filter(|token| token.is_valid(app.now())).count() >= MOST {
        faults.add("name", format!("would be the token after {MOST}; revoke one first"));
    }
    if !faults.is_empty() {
        return Err(faults.into());
    }
    let (secret, now) = (secrets::fresh(PREFIX), app.now());
    let expires = days.map(|days| now + TimeDelta::days(days));
    let token = ApiToken { id: TokenId::new(), owner, name: name.to_owned(), scopes, created: now, expires, used: None, revoked: None };
    tx.insert_token(&token, &secrets::hash(&secret)).await?;
    let after = json!({"token": token.id, "scopes": token.scopes, "expires": token.expires});
    audit::write(app, tx, who, Act::on(owner, "token.created").change(Value::Null, after)).await?;
    Ok(NewToken { token, secret })
}

/// Their tokens, newest first, those that have ended too.
pub async fn tokens(app: &App, who: &Caller) -> Result<Vec<ApiToken>> {
    who.signed_in()?;
    who.may_read()?;
    Ok(app.store.tenant_read(who.owner).await?.tokens().await?)
}

/// Revokes a token of theirs, at once and everywhere.
pub async fn revoke_token(app: &App, who: &Caller, id: TokenId) -> Result<()> {
    who.signed_in()?;
    who.may_write()?;
    let tx = app.store.tenant(who.owner).await?;
    if !tx.revoke_token(id, app.now()).await? {
        return Err(Error::NotFound("this token"));
    }
    audit::write(app, &tx, who, Act::on(who.owner, "token.revoked").change(json!({"token": id}), Value::Null)).await?;
    Ok(tx.commit().await?)
}

/// For whom a token acts, or why it does not.
pub async fn by_token(app: &App, secret: &str) -> Result<Caller> {
    let now = app.now();
    let refused = |why: &'static str| {
        tracing::info!(why, "a token was refused");
        Error::NotSignedIn(why)
    };
    let Some((token, account)) = app.store.token(&secrets::hash(secret)).await? else {
        return Err(refused("this token is not known; make one on the account page"));
    };
    if token.revoked.is_some() {
        return Err(refused("this token was revoked; make another on the account page"));
    }
    if !token.is_valid(now) {
        return Err(refused("this token has expired; make another on the account page"));
    }
    if token.used.is_none_or(|used| now - used > USED) {
        app.store.touch_token(token.id, now).await?;
    }
    Ok(Caller::member(account, Credential::Token { id: token.id, scopes: token.scopes }))
}

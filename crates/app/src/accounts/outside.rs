//! Others who vouch for people: identity providers in the browser, a Supabase project for bearers of its tokens.

use super::inside::{close_ways_in, notice};
use super::sign_in::{SignedIn, first_step_done};
use super::sign_up::new_account;
use super::{From, count, give_back, mails, place};
use crate::App;
use crate::audit::{self, Act};
use crate::callers::{Caller, Credential};
use crate::error::{Error, Result};
use domain::accounts::{Account, Email};
use domain::ids::OwnerId;
use integrations::sign_in::{Fault, Person};
pub use integrations::sign_in::{Pending, Provider};
use integrations::supabase::{self, Refusal};
use serde_json::{Value, json};
use std::time::Duration;

/// How Supabase is called among those who vouch.
const SUPABASE: &str = "supabase";

/// Where a browser has to go to sign in elsewhere, with what has to come back.
pub async fn begin_with(app: &App, provider: Provider) -> Result<(String, String, Pending)> {
    let begun = app.desk.providers.begin(provider).await.map_err(refused)?;
    Ok((begun.url, begun.state, Pending { nonce: begun.nonce, pkce_verifier: begun.pkce_verifier }))
}

/// Signs in whom the provider vouches for; who has no account gets one, with what they made as a guest.
pub async fn finish_with(app: &App, who: &Caller, from: &From, provider: Provider, code: &str, pending: &Pending) -> Result<SignedIn> {
    count(app, mails(app), &place(from.address)).await?;
    let person = app.desk.providers.finish(provider, code, pending).await.map_err(refused)?;
    let owner = match app.store.identity(provider.key(), &person.subject).await? {
        Some(owner) => owner,
        None => join(app, who, provider, &person).await?,
    };
    give_back(app, mails(app), &place(from.address)).await;
    let tx = app.store.tenant(owner).await?;
    let account = tx.locked_account().await?.ok_or(Error::NotFound("this account"))?;
    let signed_in = first_step_done(app, &tx, account, from).await?;
    tx.commit().await?;
    Ok(signed_in)
}

/// The account of somebody who comes from this provider for the first time.
async fn join(app: &App, who: &Caller, provider: Provider, person: &Person) -> Result<OwnerId> {
    if !person.email_verified {
        return Err(Error::Forbidden(format!(
            "{} has not confirmed your e-mail address; confirm it there, then try again",
            provider.name()
        )));
    }
    if let Some(known) = app.store.account_by_email(&person.email).await? {
        return adopt(app, &known, provider.key(), &person.subject).await;
    }
    let owner = if who.account().is_some() { OwnerId::new() } else { who.owner };
    found(app, owner, person.email.clone(), provider.key(), &person.subject).await
}

/// Joins an identity to the account that has its address. Where that address was never proven, whoever made the account is not
/// necessarily whom the provider vouches for: what let them in does so no more.
async fn adopt(app: &App, known: &Account, provider: &str, subject: &str) -> Result<OwnerId> {
    let tx = app.store.tenant(known.owner).await?;
    let account = tx.locked_account().await?.ok_or(Error::NotFound("this account"))?;
    if account.email.key() != known.email.key() {
        return Err(Error::conflict("the address of this account was just changed; sign in again", uuid::Uuid::nil()));
    }
    if account.verified.is_none() {
        tx.set_password_hash(None).await?;
        tx.set_second_factor(None).await?;
        close_ways_in(&tx).await?;
        tx.end_sessions(None).await?;
        tx.revoke_tokens(app.now()).await?;
        tx.set_verified(app.now()).await?;
    }
    tx.insert_identity(provider, subject, app.now()).await?;
    joined(app, &tx, &account, provider).await?;
    notice(app, &tx, &account, &format!("From now on you can also sign in with {provider}.")).await?;
    tx.commit().await?;
    Ok(known.owner)
}

async fn found(app: &App, owner: OwnerId, email: Email, provider: &str, subject: &str) -> Result<OwnerId> {
    let now = app.now();
    let account = Account { verified: Some(now), has_password: false, ..new_account(app, owner, email) };
    let tx = app.store.tenant(owner).await?;
    match tx.insert_account(&account, None).await {
        Err(store::Error::Conflict) => {
            return Err(Error::conflict("somebody has just made this account; sign in again", uuid::Uuid::nil()));
        }
        other => other?,
    }
    tx.end_guest().await?;
    tx.insert_identity(provider, subject, now).await?;
    joined(app, &tx, &account, provider).await?;
    tx.commit().await?;
    Ok(owner)
}

async fn joined(app: &App, tx: &store::TenantTx, account: &Account, provider: &str) -> Result<()> {
    let act = Act::on(account.owner, "account.identity").change(Value::Null, json!({"provider": provider}));
    audit::write(app, tx, &Caller::member(account.clone(), Credential::Vouched), act).await
}

fn refused(fault: Fault) -> Error {
    match fault {
        Fault::Away(reason) => Error::NoModel { reason, retry_after: Duration::from_secs(10) },
        Fault::Refused(reason) => Error::Forbidden(reason),
    }
}

/// Whom a Supabase token vouches for; `None` for the project's public key, which is nobody's. Who comes for the first time gets an
/// account.
pub async fn by_jwt(app: &App, token: &str) -> Result<Option<Caller>> {
    let Some(verifier) = &app.desk.supabase else {
        // A front end that nobody is signed in to sends its project's public key, which is nobody's wherever it comes from.
        if supabase::says_anonymous(token) {
            return Ok(None);
        }
        return Err(Error::NotSignedIn("tokens of another service are not taken here; use a token from the account page"));
    };
    let claims = verifier.verify(token, app.now()).await.map_err(|refusal| {
        tracing::info!(%refusal, "a token of another service was refused");
        match refusal {
            Refusal::KeysAway => Error::NoModel { reason: refusal.to_string(), retry_after: Duration::from_secs(10) },
            _ => Error::TokenRefused(refusal.to_string()),
        }
    })?;
    if claims.role == "anon" {
        return Ok(None);
    }
    if claims.role != "authenticated" || claims.anonymous {
        return Err(Error::TokenRefused("this token is not of somebody who is signed in".into()));
    }
    let owner = match app.store.identity(SUPABASE, &claims.subject).await? {
        Some(owner) => owner,
        None => first_seen(app, &claims.subject, claims.email).await?,
    };
    let account = app.store.account_of(owner).await?.ok_or(Error::NotSignedIn("this account is gone"))?;
    Ok(Some(Caller::member(account, Credential::Vouched)))
}

async fn first_seen(app: &App, subject: &str, email: Option<Email>) -> Result<OwnerId> {
    let email = email.ok_or_else(|| Error::TokenRefused("this token names no e-mail address, so no account can be made for it".into()))?;
    if app.store.account_by_email(&email).await?.is_some() {
        return Err(Error::conflict("this address has an account here already; sign in to it here instead", uuid::Uuid::nil()));
    }
    match found(app, OwnerId::new(), email, SUPABASE, subject).await {
        // Two first requests at once: the other one made it.
        Err(Error::Conflict { .. }) => app.store.identity(SUPABASE, subject).await?.ok_or(Error::NotSignedIn("ask again in a moment")),
        other => other,
    }
}

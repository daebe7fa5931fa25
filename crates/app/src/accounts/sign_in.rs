//! Signing in with a password, and with a second factor where there is one.

use super::sessions::{self, NewSession};
use super::sign_up::{good_link, link, use_up};
use super::{Counted, From, count, give_back, passwords, place, second_factor};
use crate::App;
use crate::audit::{self, Act};
use crate::callers::{Caller, Credential};
use crate::error::{Error, Result};
use chrono::TimeDelta;
use domain::accounts::{Account, Email, Purpose};
use store::TenantTx;

/// How long somebody may take for the second step.
const SECOND_STEP: TimeDelta = TimeDelta::minutes(10);

/// What came of a first step.
#[derive(Clone)]
pub enum SignedIn {
    /// They are in.
    Done(Box<NewSession>),
    /// A second factor is asked for; this secret is the right to show it.
    SecondStep(String),
}

/// The same for an address nobody has, a wrong password, and an account without one.
const WRONG: Error = Error::NotSignedIn("the e-mail address or the password is not right");

fn per_account(app: &App) -> Counted {
    let reason = "too many attempts to sign in to this account; wait a while, or set a new password";
    Counted { name: "sign-in-account", per_hour: app.desk.policy.sign_ins_per_account, reason }
}

fn per_address(app: &App) -> Counted {
    let reason = "too many attempts to sign in from this address; wait a while";
    Counted { name: "sign-in-address", per_hour: app.desk.policy.sign_ins_per_address, reason }
}

/// Signs in. Attempts that fail are limited by account and by address; one that succeeds costs nothing.
pub async fn sign_in(app: &App, from: &From, email: &str, password: &str) -> Result<SignedIn> {
    let (address, email) = (place(from.address), Email::parse(email).map_err(|_| WRONG)?);
    count(app, per_address(app), &address).await?;
    count(app, per_account(app), &email.key()).await?;
    let account = app.store.account_by_email(&email).await?;
    let kept = match &account {
        Some(account) => app.store.tenant_read(account.owner).await?.password_hash().await?,
        None => None,
    };
    let right = passwords::verify(password, kept.clone()).await?;
    let Some(account) = account.filter(|_| right) else {
        tracing::info!(address, "signing in failed");
        return Err(WRONG);
    };
    give_back(app, per_address(app), &address).await;
    give_back(app, per_account(app), &email.key()).await;
    let tx = app.store.tenant(account.owner).await?;
    // Between the look at the hash and here the password may have been changed.
    let account = tx.locked_account().await?.ok_or(WRONG)?;
    if tx.password_hash().await? != kept {
        return Err(WRONG);
    }
    let signed_in = first_step_done(app, &tx, account, from).await?;
    tx.commit().await?;
    Ok(signed_in)
}

/// Lets somebody in who has shown who they are, or asks for their second factor first.
pub(super) async fn first_step_done(app: &App, tx: &TenantTx, account: Account, from: &From) -> Result<SignedIn> {
    if account.has_second_factor {
        return Ok(SignedIn::SecondStep(link(app, tx, account.owner, Purpose::SecondFactor, None, SECOND_STEP).await?));
    }
    Ok(SignedIn::Done(Box::new(sessions::begin(app, tx, account, from, false).await?)))
}

/// The second step: a code of the second factor, by whoever took the first. Wrong codes count as failed attempts.
pub async fn second_step(app: &App, from: &From, secret: &str, code: &str) -> Result<NewSession> {
    let link = good_link(app, secret, Purpose::SecondFactor).await.map_err(|_| Error::NotSignedIn("that took too long; sign in again"))?;
    count(app, per_account(app), &link.owner.to_string()).await?;
    let tx = app.store.tenant(link.owner).await?;
    let account = tx.locked_account().await?.ok_or(WRONG)?;
    if !second_factor::is_right(app, &tx, &account, code).await? {
        let who = Caller::member(account, Credential::Vouched).from(from.address);
        audit::write(app, &tx, &who, Act::on(link.owner, "account.second-factor-refused")).await?;
        tx.commit().await?;
        return Err(Error::NotSignedIn("this code is not right, or was used before; wait for the next one"));
    }
    use_up(app, &tx, &link).await?;
    let signed_in = sessions::begin(app, &tx, account, from, true).await?;
    tx.commit().await?;
    give_back(app, per_account(app), &link.owner.to_string()).await;
    Ok(signed_in)
}

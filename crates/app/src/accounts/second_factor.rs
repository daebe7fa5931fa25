//! The second factor: codes that an app on the phone shows (RFC 6238). Each works once.

use super::{count, give_back, guesses, passwords, sessions};
use crate::App;
use crate::audit::{self, Act};
use crate::callers::Caller;
use crate::error::{Error, Result};
use domain::accounts::{Account, SecondFactor};
use domain::faults::Fault;
use store::TenantTx;
use totp_rs::{Builder, Secret, Totp};

/// Who the app on the phone says it is for.
const ISSUER: &str = "E-commerce Planner";

/// A second factor that waits to be shown for the first time.
#[derive(Clone)]
pub struct Enrolment {
    /// The secret in base32, to be typed in.
    pub secret: String,
    /// The same as an `otpauth://` address, to be scanned.
    pub url: String,
}

fn totp(secret: &str, account: &Account) -> Result<Totp> {
    let broken = |fault: String| Error::Internal(format!("second factor: {fault}"));
    let secret = Secret::try_from_base32(secret).map_err(|fault| broken(fault.to_string()))?;
    let name = account.email.as_str().replace(':', " ");
    let builder = Builder::new().with_secret(secret).with_account_name(name).with_issuer(Some(ISSUER));
    builder.build().map_err(|fault| broken(fault.to_string()))
}

/// Begins to set one up, or shows the one that waits. One that is in use has to be removed first.
pub async fn enrol(app: &App, who: &Caller) -> Result<Enrolment> {
    let account = who.verified_in_person()?;
    let tx = app.store.tenant(who.owner).await?;
    let secret = match tx.second_factor().await? {
        Some(SecondFactor { confirmed: Some(_), .. }) => {
            return Err(Error::conflict("a second factor is in use; remove it before setting up another", uuid::Uuid::nil()));
        }
        Some(waiting) => waiting.secret,
        None => {
            let secret = Secret::generate().to_base32();
            tx.set_second_factor(Some(&SecondFactor { secret: secret.clone(), confirmed: None, last_step: 0 })).await?;
            secret
        }
    };
    tx.commit().await?;
    let url = totp(&secret, account)?.to_url().map_err(|fault| Error::Internal(format!("second factor: {fault}")))?;
    Ok(Enrolment { secret, url })
}

/// Puts it to use, with the first code it shows. This session has shown it then; all others end.
pub async fn confirm_second_factor(app: &App, who: &Caller, code: &str) -> Result<()> {
    let account = who.verified_in_person()?;
    let tx = app.store.tenant(who.owner).await?;
    let waiting = tx.second_factor().await?.filter(|factor| factor.confirmed.is_none());
    let waiting = waiting.ok_or(Error::NotFound("a second factor that waits for its first code"))?;
    let Some(step) = step(app, &waiting.secret, account, code)? else { return Err(wrong_code()) };
    tx.set_second_factor(Some(&SecondFactor { confirmed: Some(app.now()), last_step: step, ..waiting })).await?;
    if let Some(here) = sessions::here(who) {
        tx.set_session_second_factor(here).await?;
        tx.end_sessions(Some(here)).await?;
    }
    audit::write(app, &tx, who, Act::on(who.owner, "account.second-factor-on")).await?;
    Ok(tx.commit().await?)
}

/// Takes it away, with the password and a code.
pub async fn remove_second_factor(app: &App, who: &Caller, password: &str, code: &str) -> Result<()> {
    let account = who.verified_in_person()?;
    count(app, guesses(app), &who.owner.to_string()).await?;
    let kept = app.store.tenant_read(who.owner).await?.password_hash().await?;
    if kept.is_some() && !passwords::verify(password, kept).await? {
        return Err(Error::Invalid(Fault::new("password", "is not right").into()));
    }
    let tx = app.store.tenant(who.owner).await?;
    if !is_right(app, &tx, account, code).await? {
        return Err(wrong_code());
    }
    give_back(app, guesses(app), &who.owner.to_string()).await;
    tx.set_second_factor(None).await?;
    // What was signed in to with it has shown nothing any more.
    tx.end_sessions(sessions::here(who)).await?;
    audit::write(app, &tx, who, Act::on(who.owner, "account.second-factor-off")).await?;
    Ok(tx.commit().await?)
}

fn wrong_code() -> Error {
    Error::Invalid(Fault::new("code", "is not right, or was used before; wait for the next one").into())
}

/// Whether a code is right now and was not used before; it is used then.
pub(super) async fn is_right(app: &App, tx: &TenantTx, account: &Account, code: &str) -> Result<bool> {
    let Some(factor) = tx.second_factor().await?.filter(|factor| factor.confirmed.is_some()) else { return Ok(false) };
    match step(app, &factor.secret, account, code)? {
        Some(step) => Ok(tx.use_second_factor_step(step).await?),
        None => Ok(false),
    }
}

fn step(app: &App, secret: &str, account: &Account, code: &str) -> Result<Option<i64>> {
    let code: String = code.chars().filter(char::is_ascii_digit).take(8).collect();
    let seconds = u64::try_from(app.now().timestamp()).unwrap_or(0);
    Ok(totp(secret, account)?.check(&code, seconds).and_then(|step| i64::try_from(step).ok()))
}

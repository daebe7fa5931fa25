//! Changing what lets somebody in: password and address, and a new password for who has forgotten theirs.

use super::sign_up::{good_link, link, taken, use_up};
use super::{From, count, give_back, guesses, mails, passwords, place, resets, secrets, sessions};
use crate::App;
use crate::audit::{self, Act};
use crate::callers::{Caller, Credential};
use crate::error::{Error, Result};
use crate::mails::{self as post, Letter};
use chrono::TimeDelta;
use domain::accounts::{Account, Email, Purpose};
use domain::faults::{Fault, Faults};
use std::time::Duration;
use store::TenantTx;
use tokio::time::Instant;

/// How long a link to a new password works.
const RESET: TimeDelta = TimeDelta::hours(1);
/// When a request for a new password is answered, whatever came of it.
const ANSWERED_AFTER: Duration = Duration::from_millis(250);
/// How long a link to a new address works.
const CHANGE: TimeDelta = TimeDelta::hours(24);

/// Sends a link to a new password, if there is such an account. Nobody learns whether there is.
pub async fn request_reset(app: &App, from: &From, email: &str) -> Result<()> {
    let email = Email::parse(email)?;
    count(app, mails(app), &place(from.address)).await?;
    // How long it takes tells nobody either.
    let until = Instant::now() + ANSWERED_AFTER;
    let sent = send_reset(app, &email).await;
    tokio::time::sleep_until(until).await;
    sent
}

async fn send_reset(app: &App, email: &Email) -> Result<()> {
    let Some(account) = app.store.account_by_email(email).await? else { return Ok(()) };
    // Others must not be able to fill somebody's letter box; whoever asks learns nothing of it.
    if count(app, resets(app), &account.owner.to_string()).await.is_err() {
        return Ok(());
    }
    let tx = app.store.tenant(account.owner).await?;
    let secret = link(app, &tx, account.owner, Purpose::Reset, Some(account.email.clone()), RESET).await?;
    let letter = Letter::Reset { link: format!("{}/reset/{secret}", app.desk.public_url) };
    post::post(app, &tx, &account, &letter, &secrets::hash(&secret)).await?;
    Ok(tx.commit().await?)
}

/// Sets a new password with such a link. Whoever was signed in is not any more, and the address is proven by it.
pub async fn reset(app: &App, from: &From, secret: &str, password: &str) -> Result<()> {
    let link = good_link(app, secret, Purpose::Reset).await?;
    let account = app.store.account_of(link.owner).await?.ok_or(Error::NotFound("this account"))?;
    passwords::check("password", password, account.email.as_str())?;
    let hash = passwords::hash(password).await?;
    let tx = app.store.tenant(link.owner).await?;
    use_up(app, &tx, &link).await?;
    let account = tx.locked_account().await?.ok_or(Error::NotFound("this account"))?;
    tx.set_password_hash(Some(&hash)).await?;
    if account.verified.is_none() && link.email.as_ref() == Some(&account.email) {
        tx.set_verified(app.now()).await?;
    }
    tx.end_sessions(None).await?;
    close_ways_in(&tx).await?;
    let who = Caller::member(account.clone(), Credential::Vouched).from(from.address);
    audit::write(app, &tx, &who, Act::on(link.owner, "account.password-reset")).await?;
    notice(app, &tx, &account, "Your password was set anew, and every session was ended.").await?;
    Ok(tx.commit().await?)
}

/// Ends every link that was sent and would still change who may come in: one of them may be with somebody else.
pub(super) async fn close_ways_in(tx: &TenantTx) -> Result<()> {
    for purpose in [Purpose::Reset, Purpose::ChangeEmail, Purpose::SecondFactor] {
        tx.drop_links(purpose).await?;
    }
    Ok(())
}

/// Tells somebody that their account has changed.
pub(super) async fn notice(app: &App, tx: &TenantTx, account: &Account, what: &str) -> Result<()> {
    let letter = Letter::Notice { what: what.to_owned(), link: format!("{}/reset", app.desk.public_url) };
    post::post(app, tx, account, &letter, &domain::ids::MailId::new().to_string()).await
}

/// Holds them to their password, if they have one.
pub(super) async fn password_is_right(app: &App, who: &Caller, password: &str) -> Result<()> {
    let Some(kept) = app.store.tenant_read(who.owner).await?.password_hash().await? else { return Ok(()) };
    // A session that was stolen must not become an account that was stolen.
    count(app, guesses(app), &who.owner.to_string()).await?;
    if !passwords::verify(password, Some(kept)).await? {
        return Err(Error::Invalid(Fault::new("currentPassword", "is not right").into()));
    }
    give_back(app, guesses(app), &who.owner.to_string()).await;
    Ok(())
}

/// Sets another password, or a first one. All other sessions end.
pub async fn change_password(app: &App, who: &Caller, current: &str, password: &str) -> Result<()> {
    let account = who.in_person()?;
    let mut faults = Faults::default();
    faults.take(passwords::check("password", password, account.email.as_str()));
    if !faults.is_empty() {
        return Err(faults.into());
    }
    password_is_right(app, who, current).await?;
    let hash = passwords::hash(password).await?;
    let tx = app.store.tenant(who.owner).await?;
    tx.set_password_hash(Some(&hash)).await?;
    tx.end_sessions(sessions::here(who)).await?;
    close_ways_in(&tx).await?;
    audit::write(app, &tx, who, Act::on(who.owner, "account.password")).await?;
    notice(app, &tx, account, "Your password was changed, and every other session was ended.").await?;
    Ok(tx.commit().await?)
}

/// Asks for another address: it is theirs once they open the link that is sent there.
pub async fn change_email(app: &App, who: &Caller, current: &str, email: &str) -> Result<()> {
    let account = who.in_person()?;
    let email = Email::parse(email)?;
    password_is_right(app, who, current).await?;
    count(app, mails(app), &who.owner.to_string()).await?;
    let tx = app.store.tenant(who.owner).await?;
    tx.drop_links(Purpose::ChangeEmail).await?;
    let secret = link(app, &tx, who.owner, Purpose::ChangeEmail, Some(email.clone()), CHANGE).await?;
    let there = Account { email, ..account.clone() };
    let letter = Letter::ChangeEmail { link: format!("{}/email/{secret}", app.desk.public_url) };
    post::post(app, &tx, &there, &letter, &secrets::hash(&secret)).await?;
    audit::write(app, &tx, who, Act::on(who.owner, "account.email-asked")).await?;
    Ok(tx.commit().await?)
}

/// Makes another address theirs, with the link that was sent there. The old one is told.
pub async fn confirm_email(app: &App, secret: &str) -> Result<()> {
    let link = good_link(app, secret, Purpose::ChangeEmail).await?;
    let Some(email) = link.email.clone() else { return Err(Error::NotFound("this address")) };
    let tx = app.store.tenant(link.owner).await?;
    use_up(app, &tx, &link).await?;
    let account = tx.locked_account().await?.ok_or(Error::NotFound("this account"))?;
    match tx.set_email(&email, Some(app.now())).await {
        Err(store::Error::Conflict) => return Err(taken()),
        other => other?,
    }
    // Links that were sent to the old address must not open the account any more.
    tx.drop_links(Purpose::Reset).await?;
    tx.drop_links(Purpose::Verify).await?;
    // To the address of before.
    let letter = Letter::EmailChanged { link: app.desk.public_url.clone() };
    post::post(app, &tx, &account, &letter, &link.hash).await?;
    let who = Caller::member(account, Credential::Vouched);
    audit::write(app, &tx, &who, Act::on(link.owner, "account.email")).await?;
    Ok(tx.commit().await?)
}

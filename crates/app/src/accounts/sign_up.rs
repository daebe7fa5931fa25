//! Making an account, and proving that its address is theirs.

use super::sessions::{self, NewSession};
use super::{From, count, mails, passwords, place, secrets};
use crate::App;
use crate::audit::{self, Act};
use crate::callers::{Caller, Credential};
use crate::error::{Error, Result};
use crate::mails::{self as post, Letter};
use chrono::TimeDelta;
use domain::accounts::{Account, Email, Link, Purpose};
use domain::faults::{Fault, Faults};
use domain::ids::OwnerId;
use domain::roles::Role;
use domain::tiers::Tier;
use serde_json::{Value, json};
use store::TenantTx;

/// How long an address can be proven with one link.
const VERIFY: TimeDelta = TimeDelta::days(3);
/// How long the first tech lead may take.
const FIRST_LEAD: TimeDelta = TimeDelta::days(7);

/// An account as it begins.
pub(super) fn new_account(app: &App, owner: OwnerId, email: Email) -> Account {
    Account {
        owner,
        email,
        tier: Tier::Free,
        role: None,
        verified: None,
        has_password: true,
        has_second_factor: false,
        limited_until: None,
        leaving: None,
        created: app.now(),
    }
}

/// Makes an account and signs in. What a guest has made is theirs from then on.
pub async fn sign_up(app: &App, who: &Caller, from: &From, email: &str, password: &str) -> Result<NewSession> {
    if who.account().is_some() {
        return Err(Error::conflict("you are signed in already; sign out to make another account", uuid::Uuid::nil()));
    }
    let email = sound(email, password)?;
    count(app, mails(app), &place(from.address)).await?;
    let hash = passwords::hash(password).await?;
    let account = new_account(app, who.owner, email.clone());
    let tx = app.store.tenant(who.owner).await?;
    match tx.insert_account(&account, Some(&hash)).await {
        Err(store::Error::Conflict) => return Err(taken()),
        other => other?,
    }
    // From here on the guest's cookie opens nothing: the account does.
    tx.end_guest().await?;
    verification(app, &tx, &account).await?;
    let signed_in = sessions::begin(app, &tx, account, from, false).await?;
    audit::write(app, &tx, &signed_in.caller, Act::on(who.owner, "account.sign-up")).await?;
    tx.commit().await?;
    Ok(signed_in)
}

/// The address, if it and the password may be kept; else every fault of both.
fn sound(email: &str, password: &str) -> Result<Email> {
    let mut faults = Faults::default();
    let read = faults.take(Email::parse(email));
    faults.take(passwords::check("password", password, email));
    match read {
        Some(email) if faults.is_empty() => Ok(email),
        _ => Err(faults.into()),
    }
}

pub(super) fn taken() -> Error {
    let fault = Fault::new("email", "has an account here already; sign in, or set a new password if you have forgotten yours");
    Error::Invalid(fault.into())
}

async fn verification(app: &App, tx: &TenantTx, account: &Account) -> Result<()> {
    tx.drop_links(Purpose::Verify).await?;
    let secret = link(app, tx, account.owner, Purpose::Verify, Some(account.email.clone()), VERIFY).await?;
    let letter = Letter::Verify { link: format!("{}/verify/{secret}", app.desk.public_url) };
    post::post(app, tx, account, &letter, &secrets::hash(&secret)).await
}

/// Makes a link that works once; its secret.
pub(super) async fn link(
    app: &App,
    tx: &TenantTx,
    owner: OwnerId,
    purpose: Purpose,
    email: Option<Email>,
    lasts: TimeDelta,
) -> Result<String> {
    let (secret, now) = (secrets::fresh(""), app.now());
    let link = Link { hash: secrets::hash(&secret), owner, purpose, email, created: now, expires: now + lasts, used: None };
    tx.insert_link(&link).await?;
    Ok(secret)
}

/// A link that has not been used and has not ended.
pub(super) async fn good_link(app: &App, secret: &str, purpose: Purpose) -> Result<Link> {
    let found = app.store.link(&secrets::hash(secret)).await?;
    found.filter(|link| link.purpose == purpose && link.used.is_none() && link.expires > app.now()).ok_or_else(|| {
        tracing::info!(purpose = purpose.key(), "a link was tried that does not work");
        GONE
    })
}

const GONE: Error = Error::NotFound("a link that still works (each works once, and only for a while)");

/// Whether a link still works, before somebody presses the button on its page or thinks of a password.
pub async fn link_is_good(app: &App, secret: &str, purpose: Purpose) -> Result<()> {
    good_link(app, secret, purpose).await?;
    // Once there is a tech lead, nobody becomes the first any more.
    if purpose == Purpose::FirstLead && app.store.has_role(Role::TechLead).await? {
        return Err(GONE);
    }
    Ok(())
}

/// Uses a link up, in the transaction that does what it is for.
pub(super) async fn use_up(app: &App, tx: &TenantTx, link: &Link) -> Result<()> {
    if tx.use_link(&link.hash, app.now()).await? { Ok(()) } else { Err(GONE) }
}

/// Sends the link that proves their address once more.
pub async fn send_verification(app: &App, who: &Caller) -> Result<()> {
    let account = who.in_person()?;
    if account.verified.is_some() {
        return Ok(());
    }
    count(app, mails(app), &who.owner.to_string()).await?;
    let tx = app.store.tenant(who.owner).await?;
    verification(app, &tx, account).await?;
    Ok(tx.commit().await?)
}

/// Proves an address with the link that was sent to it. Whoever has the link may do so, signed in or not.
pub async fn verify(app: &App, secret: &str) -> Result<()> {
    let link = good_link(app, secret, Purpose::Verify).await?;
    let tx = app.store.tenant(link.owner).await?;
    use_up(app, &tx, &link).await?;
    let account = tx.locked_account().await?.ok_or(Error::NotFound("this account"))?;
    // A link proves the address it was sent to, which may have been changed since.
    if link.email.as_ref() != Some(&account.email) {
        return Err(Error::NotFound("a link for the address this account has now"));
    }
    tx.set_verified(app.now()).await?;
    let who = Caller::member(account, Credential::Vouched);
    audit::write(app, &tx, &who, Act::on(link.owner, "account.verified")).await?;
    Ok(tx.commit().await?)
}

/// A link that makes the first tech lead of a new place; `None` once there is one.
pub async fn first_lead_link(app: &App) -> Result<Option<String>> {
    if app.store.has_role(Role::TechLead).await? {
        return Ok(None);
    }
    let owner = OwnerId::new();
    let tx = app.store.tenant(owner).await?;
    let secret = link(app, &tx, owner, Purpose::FirstLead, None, FIRST_LEAD).await?;
    tx.commit().await?;
    Ok(Some(format!("{}/setup/{secret}", app.desk.public_url)))
}

/// Makes the first tech lead with such a link. Nobody can once there is one, whatever links there are.
pub async fn create_first_lead(app: &App, from: &From, secret: &str, email: &str, password: &str) -> Result<NewSession> {
    let link = good_link(app, secret, Purpose::FirstLead).await?;
    if app.store.has_role(Role::TechLead).await? {
        return Err(Error::NotFound("a link that still works: this place has its first tech lead"));
    }
    let email = sound(email, password)?;
    let hash = passwords::hash(password).await?;
    let now = app.now();
    let account = Account { role: Some(Role::TechLead), verified: Some(now), ..new_account(app, link.owner, email) };
    let tx = app.store.tenant(link.owner).await?;
    use_up(app, &tx, &link).await?;
    match tx.insert_account(&account, Some(&hash)).await {
        Err(store::Error::Conflict) => return Err(taken()),
        other => other?,
    }
    let signed_in = sessions::begin(app, &tx, account, from, false).await?;
    let act = Act::on(link.owner, "account.role").change(Value::Null, json!({"role": Role::TechLead}));
    audit::write(app, &tx, &signed_in.caller, act).await?;
    tx.commit().await?;
    Ok(signed_in)
}

//! Accounts: making one, getting in, staying in, and everything that proves who somebody is.
//!
//! Secrets that people carry (cookies, tokens, links) are random, shown once, and kept only as a hash. Whoever signs in
//! or asks for a new password is never told whether there is an account with the address.

pub mod admin;
mod inside;
mod leaving;
mod outside;
mod passwords;
mod second_factor;
mod secrets;
mod sessions;
mod sign_in;
mod sign_up;
mod team;
mod tokens;

pub use inside::{change_email, change_password, confirm_email, request_reset, reset};
pub(crate) use leaving::{ARCHIVE, ERASE, erase_due, make_archive, really_erase};
pub use leaving::{Archive, archive, archive_content, keep_account, leave, request_archive};
pub use outside::{Pending, Provider, begin_with, by_jwt, finish_with};
pub use second_factor::{Enrolment, confirm_second_factor, enrol, remove_second_factor};
pub use sessions::{NewSession, by_session, end_other_sessions, end_session, sessions, sign_out};
pub use sign_in::{SignedIn, second_step, sign_in};
pub use sign_up::{create_first_lead, first_lead_link, link_is_good, send_verification, sign_up, verify};
pub use team::team;
pub use tokens::{NewToken, PREFIX as TOKEN_PREFIX, by_token, create_token, revoke_token, tokens};

use crate::App;
use crate::error::{Error, Result};
use chrono::TimeDelta;
use domain::Timestamp;
use domain::ids::OwnerId;
use hub::Limit;
use std::net::IpAddr;
use std::time::Duration;

/// How exactly is kept when somebody was last here: a write an hour is enough.
const SEEN: TimeDelta = TimeDelta::hours(1);

/// Where somebody comes from, and with which browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From {
    /// The address, as far as it is believed.
    pub address: IpAddr,
    /// The browser, as it says.
    pub agent: String,
}

/// What is counted an hour, for an address or an account.
#[derive(Debug, Clone, Copy)]
struct Counted {
    name: &'static str,
    per_hour: u32,
    reason: &'static str,
}

/// Whether a guest's cookie may still act for this owner: once there is an account, only what belongs to the account does.
///
/// A guest who is here is not forgotten.
pub async fn is_guest(app: &App, owner: OwnerId) -> Result<bool> {
    let tx = app.store.tenant_read(owner).await?;
    if tx.account().await?.is_some() {
        return Ok(false);
    }
    let (seen, now) = (tx.guest_seen().await?, app.now());
    drop(tx);
    if seen.is_some_and(|seen| now - seen > SEEN) {
        let tx = app.store.tenant(owner).await?;
        tx.keep_guest(now).await?;
        tx.commit().await?;
    }
    Ok(true)
}

/// Who else vouches for people here.
pub fn providers(app: &App) -> Vec<Provider> {
    app.desk.providers.providers()
}

/// How long an account that is to be deleted can be kept.
pub fn grace(app: &App) -> TimeDelta {
    app.desk.policy.grace
}

/// Takes one of what is counted, or says when to come back.
async fn count(app: &App, what: Counted, who: &str) -> Result<()> {
    let taken = app.hub.take(what.name, who, Limit { per_hour: what.per_hour }).await;
    if taken.allowed {
        return Ok(());
    }
    let retry_after = Duration::from_secs(taken.retry_after_seconds);
    let until: Timestamp = app.now() + retry_after;
    Err(Error::TooMuch { reason: what.reason.to_owned(), until, retry_after, quota: None })
}

async fn give_back(app: &App, what: Counted, who: &str) {
    app.hub.give_back(what.name, who, Limit { per_hour: what.per_hour }).await;
}

/// Guesses at what somebody who is signed in has to show again.
fn guesses(app: &App) -> Counted {
    let reason = "too many attempts; wait a while, or set a new password";
    Counted { name: "guesses-account", per_hour: app.desk.policy.sign_ins_per_account, reason }
}

/// Links to a new password that one account is sent.
const fn resets(_: &App) -> Counted {
    Counted { name: "resets-account", per_hour: 5, reason: "enough links were sent for now" }
}

/// Where somebody comes from, as what is counted by address takes it: of a long address the part that a provider gives one customer.
pub fn place(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// Mails that somebody asks for from one address, which others would have to read.
fn mails(app: &App) -> Counted {
    let reason = "too many accounts and mails were asked for from this address; try again later";
    Counted { name: "mails-address", per_hour: app.desk.policy.mails_per_address, reason }
}

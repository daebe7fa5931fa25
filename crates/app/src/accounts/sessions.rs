//! Sessions: being signed in, in one browser.

use super::{From, SEEN, secrets};
use crate::App;
use crate::audit::{self, Act};
use crate::callers::{Caller, Credential};
use crate::error::{Error, Result};
use chrono::TimeDelta;
use domain::accounts::{Account, Session};
use domain::ids::SessionId;
use std::fmt;
use store::TenantTx;

/// Longest description of a browser that is kept.
const LONGEST_AGENT: usize = 200;

/// Somebody has just signed in.
#[derive(Clone)]
pub struct NewSession {
    /// Them, from now on.
    pub caller: Caller,
    /// The cookie; nowhere else is it kept.
    pub cookie: String,
    /// How long it is good for.
    pub lasts: TimeDelta,
}

impl fmt::Debug for NewSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSession").field("owner", &self.caller.owner).finish_non_exhaustive()
    }
}

/// Begins a session within a transaction of its owner.
pub(super) async fn begin(app: &App, tx: &TenantTx, account: Account, from: &From, second_factor: bool) -> Result<NewSession> {
    let (now, lasts, cookie) = (app.now(), app.desk.policy.session, secrets::fresh(""));
    let session = Session {
        id: SessionId::new(),
        owner: account.owner,
        hash: secrets::hash(&cookie),
        second_factor,
        created: now,
        seen: now,
        expires: now + lasts,
        address: from.address.to_string(),
        agent: from.agent.chars().filter(|c| !c.is_control()).take(LONGEST_AGENT).collect(),
    };
    tx.insert_session(&session).await?;
    let caller = Caller::member(account, Credential::Session { id: session.id, second_factor }).from(from.address);
    audit::write(app, tx, &caller, Act::on(caller.owner, "account.sign-in")).await?;
    Ok(NewSession { caller, cookie, lasts })
}

/// Who a session's cookie belongs to; nobody's when it has ended.
pub async fn by_session(app: &App, cookie: &str) -> Result<Option<Caller>> {
    let now = app.now();
    let Some((session, account)) = app.store.session(&secrets::hash(cookie)).await? else { return Ok(None) };
    if session.expires <= now {
        return Ok(None);
    }
    if now - session.seen > SEEN {
        app.store.touch_session(session.id, now).await?;
    }
    Ok(Some(Caller::member(account, Credential::Session { id: session.id, second_factor: session.second_factor })))
}

/// Where they are signed in, newest first.
pub async fn sessions(app: &App, who: &Caller) -> Result<Vec<Session>> {
    who.in_person()?;
    let now = app.now();
    let mut sessions = app.store.tenant_read(who.owner).await?.sessions().await?;
    sessions.retain(|session| session.expires > now);
    Ok(sessions)
}

/// Ends the session they ask in.
pub async fn sign_out(app: &App, who: &Caller) -> Result<()> {
    match who.credential() {
        Credential::Session { id, .. } => end(app, who, *id, "account.sign-out").await,
        _ => Ok(()),
    }
}

/// Ends another session of theirs.
pub async fn end_session(app: &App, who: &Caller, id: SessionId) -> Result<()> {
    who.in_person()?;
    end(app, who, id, "account.session-ended").await
}

async fn end(app: &App, who: &Caller, id: SessionId, action: &str) -> Result<()> {
    let tx = app.store.tenant(who.owner).await?;
    if !tx.end_session(id).await? {
        return Err(Error::NotFound("this session"));
    }
    audit::write(app, &tx, who, Act::on(who.owner, action)).await?;
    Ok(tx.commit().await?)
}

/// Ends all their sessions but the one they ask in; how many.
pub async fn end_other_sessions(app: &App, who: &Caller) -> Result<u64> {
    who.in_person()?;
    let tx = app.store.tenant(who.owner).await?;
    let ended = tx.end_sessions(here(who)).await?;
    audit::write(app, &tx, who, Act::on(who.owner, "account.sessions-ended")).await?;
    tx.commit().await?;
    Ok(ended)
}

/// The session they ask in.
pub(super) const fn here(who: &Caller) -> Option<SessionId> {
    match who.credential() {
        Credential::Session { id, .. } => Some(*id),
        _ => None,
    }
}

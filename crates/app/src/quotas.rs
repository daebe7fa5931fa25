//! How much somebody may generate: reserved before, settled after, in the same transactions that hold the work itself; and the guard
//! over what it costs.
//!
//! An owner without an account and without a guest's row is the operator, or came with nothing at all: the limit per address holds
//! the latter. Everybody else is held to a sliding window over the rows they took, read and written under a lock on their own row, so
//! that a hundred requests at once and any number of replicas count the same.

use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::{App, audit, runs};
use chrono::TimeDelta;
use domain::Timestamp;
use domain::accounts::Account;
use domain::alerts::Alert;
use domain::generations::Generation;
use domain::ids::{AlertId, GenerationId, OwnerId, RunId};
use domain::jobs::Priority;
use domain::quotas::{Quota, WINDOW, moment_of};
use domain::tiers::{Entitlements, Tier};
use domain::usage::MicroDollars;
use serde_json::json;
use std::time::Duration;
use store::{Take, TenantTx};

/// The day that the cost guard looks at.
const DAY: TimeDelta = TimeDelta::hours(24);

/// A generation that may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// The generation it was reserved for.
    pub id: GenerationId,
    /// Whether the reasoning models may be asked.
    pub reasoning: bool,
}

/// What making so many sections would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// Where they stand now.
    pub quota: Quota,
    /// Sections that can be made at once.
    pub now: u32,
    /// Sections that have to wait.
    pub later: u32,
    /// When the first of those can be made.
    pub from: Option<Timestamp>,
}

/// Whom a quota holds, as their row says at this moment.
enum Held {
    Member(Box<Account>),
    Guest,
}

impl Held {
    fn entitlements<'a>(&self, app: &'a App) -> &'a Entitlements {
        match self {
            Self::Member(account) => app.desk.entitled(account),
            Self::Guest => &app.desk.tiers.guest,
        }
    }
}

/// Reserves one generation of this owner, or says when the next may begin. Their row stays locked until the transaction ends.
pub(crate) async fn reserve(app: &App, tx: &TenantTx, owner: OwnerId, run: Option<RunId>) -> Result<Reserved> {
    let id = GenerationId::new();
    let Some(held) = held(tx).await? else { return Ok(Reserved { id, reasoning: true }) };
    let now = app.now();
    if let Held::Member(account) = &held {
        refuse_limited(account, now)?;
    }
    let entitled = held.entitlements(app);
    let taken = tx.takes_since(now - WINDOW).await?;
    let at = moment_of(now, taken.last().copied());
    let quota = Quota::standing(entitled.generations_per_hour, &taken, at);
    if !quota.allows_one() {
        return Err(used_up(quota, quota.next_at(&taken, at).unwrap_or(at + WINDOW), now));
    }
    tx.insert_take(&Take { id, owner, run, at }).await?;
    Ok(Reserved { id, reasoning: entitled.reasoning_models })
}

async fn held(tx: &TenantTx) -> Result<Option<Held>> {
    if let Some(account) = tx.locked_account().await? {
        return Ok(Some(Held::Member(Box::new(account))));
    }
    Ok(tx.locked_guest().await?.then_some(Held::Guest))
}

fn refuse_limited(account: &Account, now: Timestamp) -> Result<()> {
    match account.limited_until.filter(|until| *until > now) {
        None => Ok(()),
        Some(until) => Err(Error::TooMuch {
            reason: format!(
                "Your plans cost more to write in one day than the free tier covers, so nothing new is written until {}. What you have stays yours.",
                spoken(until)
            ),
            until,
            retry_after: wait(until, now),
            quota: None,
        }),
    }
}

fn used_up(quota: Quota, until: Timestamp, now: Timestamp) -> Error {
    let reason = format!("you have used your {} generations this hour; the next is free at {}", quota.allowed, spoken(until));
    Error::TooMuch { reason, until, retry_after: wait(until, now), quota: Some(quota) }
}

fn wait(until: Timestamp, now: Timestamp) -> Duration {
    (until - now).to_std().unwrap_or_default().max(Duration::from_secs(1))
}

/// A moment as sentences have it.
pub(crate) fn spoken(at: Timestamp) -> String {
    at.format("%H:%M UTC on %-d %B").to_string()
}

/// Settles what was reserved for a generation: it counts if something new came of it. Then looks at what its owner has cost today.
pub(crate) async fn settle(app: &App, tx: &TenantTx, generation: &Generation) -> Result<()> {
    use domain::generations::Status;
    let counts = generation.status != Status::Failed && !generation.cached;
    if !tx.settle_take(generation.id, counts, generation.usage.cost).await? {
        return Ok(());
    }
    if !counts {
        // What came back is there for a run that waits.
        tx.hurry_jobs(runs::KIND, app.now()).await?;
    }
    match generation.usage.cost {
        Some(cost) if cost > MicroDollars::default() => guard(app, tx).await,
        _ => Ok(()),
    }
}

/// Holds a free member back who has cost more than they may in a day, and says so to the team.
async fn guard(app: &App, tx: &TenantTx) -> Result<()> {
    let Some(account) = tx.account().await? else { return Ok(()) };
    let now = app.now();
    if account.tier != Tier::Free || account.is_limited(now) {
        return Ok(());
    }
    let (spent, most) = (tx.spent_since(now - DAY).await?, app.desk.policy.free_member_daily_cost);
    if spent <= most {
        return Ok(());
    }
    let until = now + app.desk.policy.limited_for;
    tx.set_limited_until(Some(until)).await?;
    let detail = json!({"spentMicroUsd": spent, "allowedMicroUsd": most, "limitedUntil": until});
    let alert = Alert {
        id: AlertId::new(),
        kind: Alert::MEMBER_COST.into(),
        owner: Some(account.owner),
        subject: account.owner.to_string(),
        detail: detail.clone(),
        opened: now,
        acknowledged: None,
        closed: None,
    };
    // One that is still open is of a day that is over.
    tx.close_alerts(Alert::MEMBER_COST, &alert.subject, now).await?;
    tx.open_alert(&alert).await?;
    audit::by_program(tx, now, "account.limited", account.owner, detail).await
}

/// Where somebody stands; `None` when nothing holds them.
pub async fn standing(app: &App, who: &Caller) -> Result<Option<Quota>> {
    who.may_read()?;
    let Some(entitled) = who.entitlements(app) else { return Ok(None) };
    let (tx, now) = (app.store.tenant_read(who.owner).await?, app.now());
    Ok(Some(Quota::standing(entitled.generations_per_hour, &tx.takes_since(now - WINDOW).await?, now)))
}

/// What making so many sections would take of somebody's quota; `None` when nothing holds them.
pub async fn forecast(app: &App, who: &Caller, sections: usize) -> Result<Option<Forecast>> {
    who.may_read()?;
    let Some(entitled) = who.entitlements(app) else { return Ok(None) };
    let (tx, now) = (app.store.tenant_read(who.owner).await?, app.now());
    let taken = tx.takes_since(now - WINDOW).await?;
    let quota = Quota::standing(entitled.generations_per_hour, &taken, now);
    let sections = u32::try_from(sections).unwrap_or(u32::MAX);
    let at_once = quota.left().map_or(sections, |left| left.min(sections));
    let from = if at_once < sections { quota.next_at(&taken, now).or(Some(now + WINDOW)) } else { None };
    Ok(Some(Forecast { quota, now: at_once, later: sections - at_once, from }))
}

/// Who comes first in line.
pub(crate) fn priority(who: &Caller) -> Priority {
    if who.account().is_some_and(|account| account.tier.is_paid()) { Priority::Paid } else { Priority::Free }
}

/// What room is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// For a venture that is made.
    New,
    /// For one that is taken up again.
    Again,
}

/// Refuses one venture more than they may have, under a lock on their row; a guest has one from here on.
pub(crate) async fn make_room_for_venture(app: &App, tx: &TenantTx, who: &Caller, room: Room) -> Result<()> {
    if who.is_operator() {
        return Ok(());
    }
    if who.is_guest() {
        tx.keep_guest(app.now()).await?;
    }
    let Some(held) = held(tx).await? else { return Ok(()) };
    let allowed = held.entitlements(app).ventures;
    // Putting one away makes no room before there is an account that is somebody's.
    let counted = match &held {
        Held::Member(account) if account.verified.is_some() => tx.count_ventures().await?,
        _ if room == Room::Again => return Ok(()),
        _ => tx.ventures(u64::from(allowed.most().unwrap_or_default()) + 1, None).await?.len() as u64,
    };
    if allowed.allows_beside(counted) {
        return Ok(());
    }
    Err(Error::Forbidden(match held {
        Held::Guest => {
            "Your first plan needs no account; for the next one, sign up. It costs nothing, and the plan you have comes along.".into()
        }
        Held::Member(account) if account.verified.is_none() => {
            "Confirm your e-mail address to make more plans: open the link that was sent to you.".into()
        }
        Held::Member(account) => {
            format!("The {} tier has room for {allowed} ventures; archive one, or take a larger tier.", account.tier.name())
        }
    }))
}

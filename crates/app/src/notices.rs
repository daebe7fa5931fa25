//! Whoever of the team has to act is told by mail: by a job, so that it is true when it is sent and nobody waits for it.

use crate::App;
use crate::error::{Error, Result};
use crate::mails::{self, Letter};
use domain::Timestamp;
use domain::accounts::Account;
use domain::audit::Actor;
use domain::ids::ProposalId;
use domain::jobs::{Claimed, NewJob, Priority, Verdict};
use domain::proposals::{Proposal, State};
use domain::roles::{Environment, Right};
use serde_json::json;
use store::TeamTx;

/// The kind of the job that tells the team of a proposal.
pub(crate) const KIND: &str = "notice";

/// What is said of a release that does worse.
const FALLEN: &str = "The quality of its outputs has fallen. Look at the figures, and roll back if this is the prompt.";

/// Has whoever must act on a proposal told of it, once for each state of each revision.
pub(crate) async fn enqueue(tx: &TeamTx, proposal: &Proposal, now: Timestamp) -> Result<()> {
    put(tx, proposal, (key(proposal), false), now).await
}

/// Has them told that a release in production does worse than what was there before, once.
pub(crate) async fn enqueue_alarm(tx: &TeamTx, proposal: &Proposal, now: Timestamp) -> Result<()> {
    put(tx, proposal, (format!("{}:fallen", key(proposal)), true), now).await
}

async fn put(tx: &TeamTx, proposal: &Proposal, (unique_key, alarm): (String, bool), now: Timestamp) -> Result<()> {
    let payload = json!({"proposal": proposal.id, "key": key(proposal), "alarm": alarm});
    let priority = Priority::Program;
    tx.enqueue(&NewJob { kind: KIND, owner: None, unique_key, payload, priority, run_at: now, now, head: None }).await?;
    Ok(())
}

fn key(proposal: &Proposal) -> String {
    format!("{}:{}:{}", proposal.id, proposal.revision, proposal.state.key())
}

/// Writes the mails of a job.
pub(crate) async fn tell(app: &App, job: &Claimed) -> Result<Verdict> {
    let id = job.payload.get("proposal").and_then(|id| serde_json::from_value::<ProposalId>(id.clone()).ok());
    let Some(id) = id else { return Ok(Verdict::Dead("it names no proposal".into())) };
    let tx = app.store.team_read().await?;
    let Some(proposal) = tx.proposal(id).await? else { return Ok(Verdict::Done) };
    drop(tx);
    let key = key(&proposal);
    let job_key = format!("{key}:fallen");
    // Somebody was faster: what is in line for the state it has by now tells the rest.
    if job.payload.get("key").is_some_and(|told| *told != json!(key)) {
        return Ok(Verdict::Done);
    }
    let alarm = job.payload.get("alarm") == Some(&json!(true));
    let link = format!("{}/staff/prompts/proposals/{}", app.desk.public_url, proposal.id);
    for account in app.store.team_members().await?.into_iter().filter(|account| concerns(&proposal, account, alarm)) {
        let letter = Letter::Proposal {
            title: proposal.title.clone(),
            version: proposal.version.to_string(),
            state: proposal.state.name(),
            next: if alarm { FALLEN } else { proposal.state.next() },
            link: link.clone(),
        };
        let tx = app.store.tenant(account.owner).await?;
        mails::post(app, &tx, &account, &letter, if alarm { &job_key } else { &key }).await?;
        tx.commit().await.map_err(Error::from)?;
    }
    Ok(Verdict::Done)
}

/// Whether somebody has to act on a proposal, or it is theirs and somebody has acted.
fn concerns(proposal: &Proposal, account: &Account, alarm: bool) -> bool {
    let Some(role) = account.role.filter(|_| account.verified.is_some() && account.leaving.is_none()) else { return false };
    let own = proposal.author == Actor::Account(account.owner);
    match &proposal.state {
        State::Draft => false,
        State::InReview { .. } => !own && role.may(Right::Deploy(Environment::Staging)),
        State::Approved { .. } => own || role.may(Right::Deploy(Environment::Staging)),
        State::Staged { .. } => !own && role.may(Right::ViewPrompts),
        State::Accepted { .. } => own || role.may(Right::Deploy(Environment::Production)),
        State::Live { .. } if alarm => own || role.may(Right::Deploy(Environment::Production)),
        State::ChangesRequested { .. } | State::Live { .. } | State::Settled { .. } | State::Rejected { .. } | State::Withdrawn { .. } => {
            own
        }
        State::RolledBack { .. } => own || role.may(Right::Deploy(Environment::Production)),
    }
}

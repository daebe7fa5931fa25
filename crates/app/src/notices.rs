//! Whoever of the team has to act is told by mail: by a job, so that it is true when it is sent and nobody waits for it.

use crate::App;
use crate::error::{Error, Result};
use crate::mails::{self, Letter};
use domain::Timestamp;
use domain::accounts::Account;
use domain::audit::Actor;
use domain::ids::{EvalId, ProposalId};
use domain::jobs::{Claimed, NewJob, Priority, Verdict};
use domain::proposals::{Proposal, State};
use domain::roles::{Environment, Right};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::TeamTx;

/// The kind of the job that tells the team of a proposal.
pub(crate) const KIND: &str = "notice";

/// What is said of a release that does worse.
const FALLEN: &str = "The quality of its outputs has fallen. Look at the figures, and roll back if this is the prompt.";

/// What is said of an eval that has ended.
const EVALUATED: &str = "Its eval has ended. The gate on its page says whether it may go to staging.";

/// What there is to say about a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum About {
    /// A step was taken.
    Step,
    /// In production it does worse than what was there before.
    Fallen,
    /// Its eval has ended.
    Evaluated,
}

/// Has whoever must act on a proposal told of it, once for each step.
pub(crate) async fn enqueue(tx: &TeamTx, proposal: &Proposal, now: Timestamp) -> Result<()> {
    put(tx, proposal, (key(proposal), About::Step), now).await
}

/// Has them told that a release in production does worse than what was there before, once.
pub(crate) async fn enqueue_alarm(tx: &TeamTx, proposal: &Proposal, now: Timestamp) -> Result<()> {
    put(tx, proposal, (format!("{}:fallen", key(proposal)), About::Fallen), now).await
}

/// Has them told that its eval has ended, once for each eval.
pub(crate) async fn enqueue_evaluated(tx: &TeamTx, proposal: &Proposal, eval: EvalId, now: Timestamp) -> Result<()> {
    put(tx, proposal, (format!("{}:{eval}", key(proposal)), About::Evaluated), now).await
}

async fn put(tx: &TeamTx, proposal: &Proposal, (unique_key, about): (String, About), now: Timestamp) -> Result<()> {
    let payload = json!({"proposal": proposal.id, "key": key(proposal), "about": about, "told": unique_key});
    let priority = Priority::Program;
    tx.enqueue(&NewJob { kind: KIND, owner: None, unique_key, payload, priority, run_at: now, now, head: None }).await?;
    Ok(())
}

/// What such a job has to say.
#[derive(Debug, Deserialize)]
struct Told {
    proposal: ProposalId,
    /// The step that was taken last by then.
    key: String,
    about: About,
    /// Its own key, under which nobody gets the same mail twice.
    #[serde(rename = "told")]
    unique: String,
}

/// A step: the same state can come again without another revision, as when somebody answers in the talk and submits it once more.
fn key(proposal: &Proposal) -> String {
    let since = proposal.state.since().unwrap_or(proposal.created).timestamp_micros();
    format!("{}:{}:{}:{since}", proposal.id, proposal.revision, proposal.state.key())
}

/// Writes the mails of a job.
pub(crate) async fn tell(app: &App, job: &Claimed) -> Result<Verdict> {
    let Ok(told) = serde_json::from_value::<Told>(job.payload.clone()) else { return Ok(Verdict::Dead("it names no proposal".into())) };
    let tx = app.store.team_read().await?;
    let Some(proposal) = tx.proposal(told.proposal).await? else { return Ok(Verdict::Done) };
    drop(tx);
    // Somebody was faster: what is in line for the state it has by now tells the rest.
    if told.key != key(&proposal) {
        return Ok(Verdict::Done);
    }
    let next = match told.about {
        About::Step => proposal.state.next(),
        About::Fallen => FALLEN,
        About::Evaluated => EVALUATED,
    };
    let link = format!("{}/staff/prompts/proposals/{}", app.desk.public_url, proposal.id);
    for account in app.store.team_members().await?.into_iter().filter(|account| concerns(&proposal, account, told.about)) {
        let (title, version) = (proposal.title.clone(), proposal.version.to_string());
        let letter = Letter::Proposal { title, version, state: proposal.state.name(), next, link: link.clone() };
        let tx = app.store.tenant(account.owner).await?;
        mails::post(app, &tx, &account, &letter, &told.unique).await?;
        tx.commit().await.map_err(Error::from)?;
    }
    Ok(Verdict::Done)
}

/// Whether somebody has to act on a proposal, or it is theirs and somebody has acted.
fn concerns(proposal: &Proposal, account: &Account, about: About) -> bool {
    let Some(role) = account.role.filter(|_| account.verified.is_some() && account.leaving.is_none()) else { return false };
    let own = proposal.is_by(Actor::Account(account.owner));
    let (stages, promotes) = (role.may(Right::Deploy(Environment::Staging)), role.may(Right::Deploy(Environment::Production)));
    match &proposal.state {
        _ if about == About::Evaluated => own || (matches!(proposal.state, State::Approved { .. }) && stages),
        State::Draft => false,
        State::InReview { .. } => !own && stages,
        State::Approved { .. } => own || stages,
        State::Staged { .. } => !own && role.may(Right::ViewPrompts),
        State::Accepted { .. } | State::RolledBack { .. } => own || promotes,
        State::Live { .. } => own || (promotes && about == About::Fallen),
        State::ChangesRequested { .. } | State::Settled { .. } | State::Rejected { .. } | State::Withdrawn { .. } => own,
    }
}

//! The watch over a release in production: for 24 hours its outputs are compared with those before; then it is settled.
//!
//! What is compared is what the rubric gives every output that is stored, of the templates that came with the release. A fall is said in
//! the proposal's conversation and by mail; to roll back is a person's decision.

use crate::App;
use crate::audit::{self, Act};
use crate::error::Result;
use crate::{notices, shelf};
use chrono::TimeDelta;
use domain::Timestamp;
use domain::audit::Actor;
use domain::ids::{CommentId, ProposalId};
use domain::jobs::{Claimed, NewJob, Priority, Verdict};
use domain::proposals::{Comment, Proposal, State};
use domain::rubric::{Scorer, Total};
use serde_json::json;
use store::{DayOfScores, TeamTx};

/// The kind of the job that watches.
pub(crate) const KIND: &str = "watch";

/// How often the figures are looked at.
const LOOK: TimeDelta = TimeDelta::hours(1);
/// How far back the outputs are that a release is compared with.
const BEFORE: TimeDelta = TimeDelta::days(7);
/// With fewer outputs on either side nothing is said of a fall.
const ENOUGH: u64 = 20;
/// A fall of the mean that is worth saying, in tenths of a point of 100.
const FALL: u16 = 50;
/// The step of the comment that tells of a fall.
const FALLEN: &str = "watch";

/// The mean of what the rubric gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mean {
    count: u64,
    total: Option<Total>,
}

/// Begins the watch, with the transaction that takes the release to production.
pub(crate) async fn begin(tx: &TeamTx, proposal: &Proposal, now: Timestamp) -> Result<()> {
    let State::Live { watched_until, .. } = proposal.state else { return Ok(()) };
    let unique_key = format!("{}:{}", proposal.id, watched_until.timestamp());
    let (payload, priority) = (json!({"proposal": proposal.id}), Priority::Program);
    tx.enqueue(&NewJob { kind: KIND, owner: None, unique_key, payload, priority, run_at: now + LOOK, now, head: None }).await?;
    Ok(())
}

/// Looks at the figures, and ends the watch when its time has come.
pub(crate) async fn look(app: &App, job: &Claimed) -> Result<Verdict> {
    let id = job.payload.get("proposal").and_then(|id| serde_json::from_value::<ProposalId>(id.clone()).ok());
    let Some(id) = id else { return Ok(Verdict::Dead("it names no proposal".into())) };
    let Some(watched) = app.store.team_read().await?.proposal(id).await? else { return Ok(Verdict::Done) };
    let State::Live { at, watched_until, .. } = watched.state else { return Ok(Verdict::Done) };
    let (now, before) = figures(app, &watched, at).await?;
    let tx = app.store.team().await?;
    // It may have been rolled back meanwhile.
    let Some(proposal) = tx.locked_proposal(id).await?.filter(|proposal| matches!(proposal.state, State::Live { .. })) else {
        return Ok(Verdict::Done);
    };
    if app.now() >= watched_until {
        settle(app, &tx, proposal, &said(&watched, now, before)).await?;
        tx.commit().await?;
        return Ok(Verdict::Done);
    }
    let told = tx.comments(id).await?.iter().any(|comment| comment.step.as_deref() == Some(FALLEN) && comment.at >= at);
    if has_fallen(now, before) && !told {
        let text = format!("Quality has fallen. {} Roll back on the page of releases if this is the prompt.", said(&watched, now, before));
        tx.insert_comment(&remark(app, &proposal, FALLEN, text)).await?;
        notices::enqueue_alarm(&tx, &proposal, app.now()).await?;
        tx.commit().await?;
    }
    Ok(Verdict::At { at: watched_until.min(app.now() + LOOK), reason: "it is watched".into() })
}

async fn settle(app: &App, tx: &TeamTx, before: Proposal, figures: &str) -> Result<()> {
    let after = before.clone().settle(app.now())?;
    tx.update_proposal(&after).await?;
    tx.insert_comment(&remark(app, &after, after.state.key(), format!("The watch is over. {figures}"))).await?;
    let state = |proposal: &Proposal| json!({"state": proposal.state.key()});
    let act = Act::about("proposal", after.id, "proposal.settled").change(state(&before), state(&after));
    audit::team_by_program(tx, app.now(), act).await?;
    notices::enqueue(tx, &after, app.now()).await
}

fn remark(app: &App, proposal: &Proposal, step: &str, text: String) -> Comment {
    let (id, at, step) = (CommentId::new(), app.now(), Some(step.to_owned()));
    Comment { id, proposal: proposal.id, revision: proposal.revision, by: Actor::Program, at, step, text }
}

/// The means since the day on which the release went to production, and of the days before, of the templates that came with it. What it
/// made before that day it made in staging, for those who tried it.
async fn figures(app: &App, proposal: &Proposal, since: Timestamp) -> Result<(Mean, Mean)> {
    let version = proposal.version.to_string();
    let library = app.library();
    let release = shelf::named(&library, &proposal.version);
    let came = |day: &DayOfScores| release.as_ref().and_then(|r| r.template(&day.section)).is_some_and(|t| t.version == proposal.version);
    let days = app.store.score_series((since - BEFORE).date_naive()).await?;
    let days: Vec<_> = days.into_iter().filter(|day| day.scorer == Scorer::Automatic && came(day)).collect();
    let mean = |new: bool| {
        let within = |day: &DayOfScores| if new { day.day >= since.date_naive() } else { day.day <= since.date_naive() };
        let these = days.iter().filter(|day| (day.variant.prompt_version == version) == new && within(day));
        let (count, tenths) = these.fold((0, 0), |(count, tenths), day| (count + day.count, tenths + day.total));
        Mean { count, total: Total::mean(count, tenths) }
    };
    Ok((mean(true), mean(false)))
}

fn has_fallen(now: Mean, before: Mean) -> bool {
    let enough = now.count >= ENOUGH && before.count >= ENOUGH;
    let totals = now.total.zip(before.total);
    enough && totals.is_some_and(|(now, before)| now.tenths() + FALL < before.tenths())
}

fn said(proposal: &Proposal, now: Mean, before: Mean) -> String {
    let words = |mean: Mean| match mean.total {
        Some(total) => format!("{total} of 100 over {} outputs", mean.count),
        None => "no outputs".to_owned(),
    };
    format!("The rubric gave {} {}, and {} in the week before.", proposal.version, words(now), words(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(count: u64, tenths: u16) -> Mean {
        Mean { count, total: Total::of_tenths(tenths) }
    }

    #[test]
    fn a_fall_is_told_where_there_is_enough_to_see_it() {
        assert!(has_fallen(mean(20, 799), mean(400, 850)));
        assert!(!has_fallen(mean(20, 800), mean(400, 850)), "five points are the border");
        assert!(!has_fallen(mean(19, 100), mean(400, 850)));
        assert!(!has_fallen(mean(400, 100), mean(3, 850)));
    }
}

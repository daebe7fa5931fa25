//! The decision log of quality: what the team found in what was made, what shows it, and what they decided.

use crate::App;
use crate::audit;
use crate::callers::Caller;
use crate::error::Result;
use crate::reviews;
use domain::accounts::Email;
use domain::decisions::{Decision, Evidence, NewDecision, RawDecision};
use domain::faults::{Fault, Faults};
use domain::ids::{DecisionId, GenerationId, OwnerId, ScoreId};
use domain::roles::Right;
use std::collections::BTreeMap;

/// Decisions read at once for the export.
const PAGE: u64 = 200;

/// A decision with what people want to know about it.
#[derive(Debug, Clone)]
pub struct Told {
    /// The line itself.
    pub decision: Decision,
    /// Who decided, while they have an account.
    pub by: Option<Email>,
    /// The scores it rests on that still exist, with the generations they are about.
    pub scores: Vec<(ScoreId, GenerationId)>,
    /// Scores that went with their owner.
    pub gone: usize,
    /// Version and scores are left out: they are about something that who asks may still have to score without knowing them.
    pub held_back: bool,
}

/// Adds a line to the log. Scores it points to have to exist.
pub async fn add(app: &App, who: &Caller, raw: &RawDecision) -> Result<Decision> {
    may_decide(app, who)?;
    let NewDecision { found, evidence, decision } = NewDecision::parse(raw)?;
    let known = app.store.scores_by_id(&evidence.scores).await?;
    if let Some(unknown) = evidence.scores.iter().find(|id| known.iter().all(|scored| scored.id != **id)) {
        return Err(Faults::from(Fault::new("scores", format!("has {unknown} in it, which is no score that there is"))).into());
    }
    let by = who.account().map(|account| account.owner);
    let decision = Decision { id: DecisionId::new(), found, evidence, decision, by, at: app.now() };
    app.store.insert_decision(&decision, &audit::about_decision(app, who, &decision)).await?;
    Ok(decision)
}

/// The log, newest first; the next page is what comes `before` the last of this one.
pub async fn list(app: &App, who: &Caller, limit: u64, before: Option<DecisionId>) -> Result<Vec<Told>> {
    may_decide(app, who)?;
    let decisions = app.store.decisions(limit, before).await?;
    let ids: Vec<ScoreId> = decisions.iter().flat_map(|decision| decision.evidence.scores.iter().copied()).collect();
    let scores: BTreeMap<ScoreId, GenerationId> =
        app.store.scores_by_id(&ids).await?.into_iter().map(|scored| (scored.id, scored.generation)).collect();
    let blind = reviews::unseen(app, who, &scores.values().copied().collect::<Vec<_>>()).await?;
    let mut names: BTreeMap<OwnerId, Email> = BTreeMap::new();
    for owner in decisions.iter().filter_map(|decision| decision.by) {
        if !names.contains_key(&owner)
            && let Some(account) = app.store.account_of(owner).await?
        {
            names.insert(owner, account.email);
        }
    }
    let told = |mut decision: Decision| {
        let found: Vec<(ScoreId, GenerationId)> = decision.evidence.scores.iter().filter_map(|id| Some((*id, *scores.get(id)?))).collect();
        let held_back = found.iter().any(|(_, generation)| blind.contains(generation));
        let gone = decision.evidence.scores.len() - found.len();
        if held_back {
            decision.evidence = Evidence { section: decision.evidence.section, ..Evidence::default() };
        }
        Told {
            by: decision.by.and_then(|owner| names.get(&owner).cloned()),
            scores: if held_back { Vec::new() } else { found },
            held_back,
            gone,
            decision,
        }
    };
    Ok(decisions.into_iter().map(told).collect())
}

/// The whole log as Markdown, oldest first.
pub async fn export(app: &App, who: &Caller) -> Result<String> {
    may_decide(app, who)?;
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = list(app, who, PAGE, before).await?;
        before = page.last().map(|told| told.decision.id);
        let more = page.len() as u64 == PAGE;
        all.extend(page);
        if !more {
            break;
        }
    }
    all.reverse();
    let lines = all.iter().map(|told| (&told.decision, told.by.as_ref().map(Email::as_str)));
    Ok(export::decisions(&lines.collect::<Vec<_>>()))
}

fn may_decide(app: &App, who: &Caller) -> Result<()> {
    who.may(app, Right::ViewPrompts)?;
    who.may(app, Right::ViewMetrics)
}

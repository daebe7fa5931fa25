//! Evals that decide something: asked for by the team, done by a job, kept with every case.

mod work;

pub(crate) use work::{execute, give_up, suite};

use crate::App;
use crate::audit::{self, Act};
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::{gates, notices, proposals, releases, shelf};
use domain::evals::{CaseVerdict, Eval, Figures, Progress, Subject};
use domain::ids::{EvalId, ProposalId};
use domain::jobs::{NewJob, Priority};
use domain::roles::{Environment, Right};
use domain::sections::SectionName;
use prompts::{Library, Release};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use store::{CasesOf, TeamTx};
use work::count;

/// The kind of the job that does one.
pub(crate) const KIND: &str = "eval";

/// Cases that are read at once.
const PAGE: u64 = 200;

/// What the job of an eval needs to find its templates and tests again.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    eval: EvalId,
    #[serde(flatten)]
    asked: Asked,
}

/// By which tests.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Asked {
    /// The proposal's revision whose files, and tests, are among the library's.
    proposal: Option<(ProposalId, u32)>,
    /// The templates that are tested.
    tested: BTreeSet<SectionName>,
    /// Their cases together.
    cases: u32,
}

/// Evals that were asked for, or were there.
#[derive(Debug, Clone)]
pub struct Begun {
    /// Of the proposal or release.
    pub eval: Eval,
    /// Of what is deployed in production, by the same tests: the gate compares the two. None where they are the same.
    pub baseline: Option<Eval>,
    /// The same again where staging and production are served with different models: each has a gate of its own.
    pub also: Vec<Eval>,
}

/// Has a proposal evaluated, as the release it would be; and what is deployed in production by the same tests, where that was not done
/// yet, because the gate compares the two. One that is running already is answered with. When only the baseline is missing, only that is
/// asked for; when nothing is, both are evaluated once more, side by side: who measures one again measures the other too.
pub async fn ask_for_proposal(app: &App, who: &Caller, id: ProposalId) -> Result<Begun> {
    who.may(app, Right::EditPrompts)?;
    app.look().await?;
    let whole = proposals::get(app, who, id).await?;
    let (library, release) = proposals::candidate(app, &whole.proposal, &whole.files)?;
    begin(app, who, &library, &release, Some((id, whole.proposal.revision))).await
}

/// The same for a release of the library.
pub async fn ask_for_release(app: &App, who: &Caller, version: &str) -> Result<Begun> {
    who.may(app, Right::EditPrompts)?;
    let (library, release) = releases::named(app, who, version).await?;
    // One that was made from a proposal has its tests.
    let made = app.store.team_read().await?.release(&release.version).await?;
    begin(app, who, &library, &release, made.map(|made| (made.proposal, made.revision))).await
}

async fn begin(app: &App, who: &Caller, library: &Library, release: &Release, proposal: Option<(ProposalId, u32)>) -> Result<Begun> {
    let tx = app.store.team().await?;
    let deployed = releases::standing(app, &tx, Environment::Production).await?.version;
    let before = shelf::named(library, &deployed);
    let tested = gates::tested(release, before.as_ref());
    let names = tested.iter().map(|template| template.name.clone()).collect();
    let cases = count(library, tested.iter().map(AsRef::as_ref))?;
    let asked = Asked { proposal, tested: names, cases };
    let mut begun: Option<Begun> = None;
    for models in gates::all_models(app, &tx).await? {
        let candidate = gates::subject(&models.route, library, release, proposal.map(|(id, _)| id), tested.iter().copied());
        let (eval, baseline) = begin_one(app, &tx, who, (candidate, before.as_ref()), &asked).await?;
        match &mut begun {
            None => begun = Some(Begun { eval, baseline, also: Vec::new() }),
            Some(begun) => begun.also.extend(std::iter::once(eval).chain(baseline)),
        }
    }
    tx.commit().await?;
    begun.ok_or_else(|| Error::Internal("no environment is served with any models".into()))
}

/// Of one environment's models: the eval of the candidate, and the one it is compared with.
async fn begin_one(
    app: &App,
    tx: &TeamTx,
    who: &Caller,
    (candidate, before): (Subject, Option<&Release>),
    asked: &Asked,
) -> Result<(Eval, Option<Eval>)> {
    let baseline = before.filter(|before| before.content() != candidate.content).map(|before| gates::baseline_of(&candidate, before));
    let finished = tx.eval_of(&candidate, Progress::Finished).await?;
    let (mut compared, mut missing) = (None, false);
    if let Some(subject) = baseline {
        compared = tx.eval_of(&subject, Progress::Finished).await?;
        missing = compared.is_none();
        if missing || finished.is_some() {
            compared = Some(enqueue(app, tx, who, subject, asked).await?);
        }
    }
    let eval = match finished.filter(|_| missing) {
        Some(finished) => finished,
        None => enqueue(app, tx, who, candidate, asked).await?,
    };
    Ok((eval, compared))
}

async fn enqueue(app: &App, tx: &TeamTx, who: &Caller, subject: Subject, asked: &Asked) -> Result<Eval> {
    if let Some(running) = tx.eval_of(&subject, Progress::Running).await? {
        return Ok(running);
    }
    let now = app.now();
    let eval = Eval {
        id: EvalId::new(),
        subject,
        by: who.actor(),
        progress: Progress::Running,
        reason: None,
        cases: asked.cases,
        sections: BTreeMap::new(),
        total: Figures::default(),
        created: now,
        ended: None,
    };
    tx.insert_eval(&eval).await.map_err(|error| match error {
        store::Error::Conflict => Error::Conflict { reason: "an eval of exactly this was begun at the same moment".into(), id: None },
        other => other.into(),
    })?;
    let payload = json!(Order { eval: eval.id, asked: asked.clone() });
    // It takes minutes: whoever waits for a plan or a mail comes first.
    let (unique_key, priority) = (eval.id.to_string(), Priority::Background);
    tx.enqueue(&NewJob { kind: KIND, owner: None, unique_key, payload, priority, run_at: now, now, head: None }).await?;
    let act = Act::about("eval", eval.id, "eval.begun").change(Value::Null, json!({"version": eval.subject.version}));
    audit::write_team(app, tx, who, act).await?;
    Ok(eval)
}

/// An eval.
pub async fn get(app: &App, who: &Caller, id: EvalId) -> Result<Eval> {
    who.may(app, Right::ViewPrompts)?;
    app.store.team_read().await?.eval(id).await?.ok_or(Error::NotFound("this eval"))
}

/// Evals, newest first, of one proposal or of all; the next page is what comes `before` the last of this one.
pub async fn list(app: &App, who: &Caller, proposal: Option<ProposalId>, limit: u64, before: Option<EvalId>) -> Result<Vec<Eval>> {
    who.may(app, Right::ViewPrompts)?;
    Ok(app.store.team_read().await?.evals(proposal, limit, before).await?)
}

/// Stops an eval; what it has decides nothing.
pub async fn stop(app: &App, who: &Caller, id: EvalId) -> Result<()> {
    who.may(app, Right::EditPrompts)?;
    let tx = app.store.team().await?;
    let eval = tx.eval(id).await?.ok_or(Error::NotFound("this eval"))?;
    if !end(app, &tx, eval, Progress::Stopped, Some("somebody of the team stopped it".into())).await? {
        return Err(Error::conflict("this eval has ended already", id.0));
    }
    // Whoever is at it is told with the next renewal of the lease, and asks nobody any more.
    tx.cancel_job(KIND, &id.to_string(), app.now()).await?;
    audit::write_team(app, &tx, who, Act::about("eval", id, "eval.stopped")).await?;
    Ok(tx.commit().await?)
}

/// Every case by number, without what it asked and what came back.
pub(super) async fn all_cases(tx: &TeamTx, id: EvalId) -> Result<Vec<CaseVerdict>> {
    let mut all: Vec<CaseVerdict> = Vec::new();
    loop {
        let page = tx.cases(id, CasesOf::default(), PAGE, all.last().map(|case| case.number)).await?;
        let last = (page.len() as u64) < PAGE;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}

/// The figures of cases by template, and of all.
pub(super) fn figures(cases: &[CaseVerdict]) -> (BTreeMap<SectionName, Figures>, Figures) {
    let names: BTreeSet<&SectionName> = cases.iter().map(|case| &case.section).collect();
    let of = |name: &SectionName| Figures::of(cases.iter().filter(|case| case.section == *name));
    (names.into_iter().map(|name| (name.clone(), of(name))).collect(), Figures::of(cases))
}

/// Ends an eval with the figures of the cases it has; false when it has ended before.
async fn end(app: &App, tx: &TeamTx, eval: Eval, progress: Progress, reason: Option<String>) -> Result<bool> {
    let cases = all_cases(tx, eval.id).await?;
    let count = u32::try_from(cases.len()).unwrap_or(u32::MAX);
    let (sections, total) = figures(&cases);
    let (id, proposal) = (eval.id, eval.subject.proposal);
    let ended = tx.end_eval(&Eval { progress, reason, cases: count, sections, total, ..eval }, app.now()).await?;
    if let Some(proposal) = proposal.filter(|_| ended && progress == Progress::Finished)
        && let Some(proposal) = tx.proposal(proposal).await?
    {
        notices::enqueue_evaluated(tx, &proposal, id, app.now()).await?;
    }
    Ok(ended)
}

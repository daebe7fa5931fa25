//! Evals that decide something: asked for by the team, done by a job, kept with every case.

use super::Bench;
use super::verdicts::verdict;
use crate::App;
use crate::audit::{self, Act};
use crate::callers::Caller;
use crate::error::{Error, Result};
use crate::{gates, proposals, releases, shelf};
use ::evals::{CaseResult, Config, Options, Sink};
use domain::evals::{CaseVerdict, Eval, Figures, Progress, Subject};
use domain::ids::{EvalId, ProposalId};
use domain::jobs::{Claimed, Lease, NewJob, Priority, Verdict};
use domain::roles::{Environment, Right};
use domain::sections::SectionName;
use futures::channel::mpsc;
use futures::{StreamExt as _, future};
use prompts::{FileFault, Library, Release, Template};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use store::TeamTx;
use tokio_util::sync::CancellationToken;

/// The kind of the job that does one.
pub(crate) const KIND: &str = "eval";

/// Questions at a time, where the models are somebody else's.
const AT_ONCE: usize = 8;
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
}

/// Has a proposal evaluated, as the release it would be; and what is deployed in production by the same tests, where that was not done
/// yet, because the gate compares the two. One that is running already is answered with.
pub async fn ask_for_proposal(app: &App, who: &Caller, id: ProposalId) -> Result<Eval> {
    who.may(app, Right::EditPrompts)?;
    app.look().await?;
    let whole = proposals::get(app, who, id).await?;
    let (library, release) = proposals::candidate(app, &whole.proposal, &whole.files)?;
    begin(app, who, &library, &release, Some((id, whole.proposal.revision))).await
}

/// The same for a release of the library.
pub async fn ask_for_release(app: &App, who: &Caller, version: &str) -> Result<Eval> {
    who.may(app, Right::EditPrompts)?;
    let (library, release) = releases::named(app, who, version).await?;
    // One that was made from a proposal has its tests.
    let made = app.store.team_read().await?.release(&release.version).await?;
    begin(app, who, &library, &release, made.map(|made| (made.proposal, made.revision))).await
}

async fn begin(app: &App, who: &Caller, library: &Library, release: &Release, proposal: Option<(ProposalId, u32)>) -> Result<Eval> {
    let tx = app.store.team().await?;
    let deployed = releases::standing(app, &tx, Environment::Production).await?.version;
    let before = shelf::named(library, &deployed);
    let tested = gates::tested(release, before.as_ref());
    let candidate = gates::subject(app, library, release, proposal.map(|(id, _)| id), tested.iter().copied());
    let asked = Asked { proposal, tested: tested.iter().map(|template| template.name.clone()).collect() };
    let eval = enqueue(app, &tx, who, candidate.clone(), &asked).await?;
    if let Some(before) = before.filter(|before| before.content() != candidate.content) {
        let baseline = gates::baseline_of(&candidate, &before);
        if tx.eval_of(&baseline, Progress::Finished).await?.is_none() {
            enqueue(app, &tx, who, baseline, &asked).await?;
        }
    }
    tx.commit().await?;
    Ok(eval)
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
        cases: 0,
        sections: BTreeMap::new(),
        total: Figures::default(),
        created: now,
        ended: None,
    };
    tx.insert_eval(&eval).await?;
    let payload = json!(Order { eval: eval.id, asked: asked.clone() });
    let (unique_key, priority) = (eval.id.to_string(), Priority::Program);
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

/// Every case of an eval that has its verdict by now, by number, of one section or of all.
pub async fn cases(app: &App, who: &Caller, id: EvalId, section: Option<&SectionName>) -> Result<Vec<CaseVerdict>> {
    who.may(app, Right::ViewPrompts)?;
    let tx = app.store.team_read().await?;
    tx.eval(id).await?.ok_or(Error::NotFound("this eval"))?;
    all_cases(&tx, id, section).await
}

/// Stops an eval; what it has decides nothing.
pub async fn stop(app: &App, who: &Caller, id: EvalId) -> Result<()> {
    who.may(app, Right::EditPrompts)?;
    let tx = app.store.team().await?;
    let eval = tx.eval(id).await?.ok_or(Error::NotFound("this eval"))?;
    if !end(app, &tx, eval, Progress::Stopped, Some("somebody of the team stopped it".into())).await? {
        return Err(Error::conflict("this eval has ended already", id.0));
    }
    audit::write_team(app, &tx, who, Act::about("eval", id, "eval.stopped")).await?;
    Ok(tx.commit().await?)
}

async fn all_cases(tx: &TeamTx, id: EvalId, section: Option<&SectionName>) -> Result<Vec<CaseVerdict>> {
    let mut all: Vec<CaseVerdict> = Vec::new();
    loop {
        let page = tx.cases(id, section, PAGE, all.last().map(|case| case.number)).await?;
        let last = (page.len() as u64) < PAGE;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}

/// Ends an eval with the figures of the cases it has; false when it has ended before.
async fn end(app: &App, tx: &TeamTx, eval: Eval, progress: Progress, reason: Option<String>) -> Result<bool> {
    let cases = all_cases(tx, eval.id, None).await?;
    let names: BTreeSet<&SectionName> = cases.iter().map(|case| &case.section).collect();
    let of = |name: &SectionName| Figures::of(cases.iter().filter(|case| case.section == *name));
    let sections = names.into_iter().map(|name| (name.clone(), of(name))).collect();
    let count = u32::try_from(cases.len()).unwrap_or(u32::MAX);
    let total = Figures::of(&cases);
    Ok(tx.end_eval(&Eval { progress, reason, cases: count, sections, total, ..eval }, app.now()).await?)
}

/// Does the eval of a job: every section whose cases do not all have their verdict.
pub(crate) async fn execute(app: &App, job: &Claimed, cancel: &CancellationToken) -> Result<Verdict> {
    let Ok(order) = serde_json::from_value::<Order>(job.payload.clone()) else { return Ok(Verdict::Dead("it names no eval".into())) };
    let tx = app.store.team_read().await?;
    let Some(eval) = tx.eval(order.eval).await?.filter(|eval| eval.progress == Progress::Running) else { return Ok(Verdict::Done) };
    drop(tx);
    let found = match material(app, &eval, &order).await {
        Ok(found) => found,
        Err(Error::Internal(why)) => return give_up_because(app, eval, why).await,
        Err(other) => return Err(other),
    };
    let bench = Bench::over(app, &found.0, &found.1).map_err(Error::Internal)?;
    let work = Work { app, eval: &eval, lease: job.lease, bench, tested: &order.asked.tested };
    let Some(done) = cancel.run_until_cancelled(work.sections(&found)).await else { return Ok(Verdict::HandedBack) };
    if let Some(why) = done? {
        return give_up_because(app, eval, why).await;
    }
    let tx = app.store.team().await?;
    tx.advance(&job.lease).await?;
    end(app, &tx, eval, Progress::Finished, None).await?;
    tx.commit().await?;
    Ok(Verdict::Done)
}

async fn give_up_because(app: &App, eval: Eval, why: String) -> Result<Verdict> {
    let tx = app.store.team().await?;
    end(app, &tx, eval, Progress::Stopped, Some(why.clone())).await?;
    tx.commit().await?;
    Ok(Verdict::Dead(why))
}

/// Ends the eval of a job that is given up.
pub(crate) async fn give_up(app: &App, job: &Claimed) -> Result<()> {
    let Ok(order) = serde_json::from_value::<Order>(job.payload.clone()) else { return Ok(()) };
    let tx = app.store.team().await?;
    tx.advance(&job.lease).await?;
    if let Some(eval) = tx.eval(order.eval).await? {
        end(app, &tx, eval, Progress::Stopped, Some("it failed again and again".into())).await?;
    }
    Ok(tx.commit().await?)
}

/// The library and the release an eval is about, if they still are what they were when it was asked for.
async fn material(app: &App, eval: &Eval, order: &Order) -> Result<(Arc<Library>, Arc<Release>)> {
    app.look().await?;
    let gone = |why: &str| Error::Internal(format!("{why} since this eval was asked for; ask for it again"));
    let library = match order.asked.proposal {
        Some((id, revision)) => proposals::library_with(app, id, revision).await?,
        None => Library::clone(&app.library()),
    };
    let release = shelf::named(&library, &eval.subject.version).ok_or_else(|| gone("the release has gone"))?;
    let templates: Vec<_> = order.asked.tested.iter().filter_map(|name| library.versions(name).last().cloned()).collect();
    let now = gates::subject(app, &library, &release, None, &templates);
    if now.content != eval.subject.content || now.suite != eval.subject.suite {
        return Err(gone("the files have changed"));
    }
    if now.models != eval.subject.models {
        return Err(gone("the models have changed"));
    }
    Ok((Arc::new(library), Arc::new(release)))
}

/// An eval under way.
struct Work<'a> {
    app: &'a App,
    eval: &'a Eval,
    lease: Lease,
    bench: Bench,
    tested: &'a BTreeSet<SectionName>,
}

impl Work<'_> {
    /// Every section in turn; why it cannot go on, if it cannot.
    async fn sections(&self, (library, release): &(Arc<Library>, Arc<Release>)) -> Result<Option<String>> {
        let judged = self.app.store.team_read().await?.judged(self.eval.id).await?;
        let mut first = 0;
        for template in release.templates().filter(|template| self.tested.contains(&template.name)) {
            let Some(tests) = library.tests(&template.name) else { continue };
            let config = match suite(template, &tests.cases) {
                Ok(config) => config,
                Err(why) => return Ok(Some(why)),
            };
            let count = u32::try_from(config.cases().count()).unwrap_or(u32::MAX);
            if !(first..first + count).all(|number| judged.contains(&number)) {
                self.section(template, &config, first).await?;
            }
            first += count;
        }
        Ok(None)
    }

    /// Asks and judges the cases of one section; each is kept as it comes.
    async fn section(&self, template: &Template, config: &Config, first: u32) -> Result<()> {
        let at_once = if self.app.keeps_own_pace() { 1 } else { AT_ONCE };
        let options = Options { concurrency: Some(at_once), ..Options::default() };
        let (sender, mut results) = mpsc::unbounded();
        let run = async {
            let mut sink = Channel(sender);
            ::evals::run(config, &self.bench, &options, &mut sink).await
        };
        let keep = async {
            while let Some(result) = results.next().await {
                let tx = self.app.store.team().await?;
                tx.advance(&self.lease).await?;
                tx.insert_case(self.eval.id, &verdict(template, first, &result)).await?;
                tx.commit().await?;
            }
            Ok::<_, Error>(())
        };
        let (ran, kept) = future::join(Box::pin(run), keep).await;
        kept?;
        ran.map(drop).map_err(|fault| Error::Internal(fault.to_string()))
    }
}

/// Results on their way to the store.
struct Channel(mpsc::UnboundedSender<CaseResult>);

impl Sink for Channel {
    fn take(&mut self, result: &CaseResult) -> std::io::Result<()> {
        self.0.unbounded_send(result.clone()).map_err(std::io::Error::other)
    }
}

/// The first place in test cases that points out of their file: on a server they stand by themselves, because whoever may propose them may
/// not read its files.
pub(crate) fn points_elsewhere(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text.as_str()).filter(|text| text.contains("file://")),
        Value::Array(items) => items.iter().find_map(points_elsewhere),
        Value::Object(fields) => {
            fields.iter().find_map(|(key, inner)| points_elsewhere(inner).or_else(|| key.contains("file://").then_some(key.as_str())))
        }
        _ => None,
    }
}

/// The test cases of one template as a config.
fn suite(template: &Template, cases: &[Value]) -> std::result::Result<Config, String> {
    let name = &template.name;
    // A case is what it says; one that is a text names a file.
    if let Some(place) = cases.iter().find_map(|case| points_elsewhere(case).or_else(|| case.as_str())) {
        return Err(format!("the tests of {name} name another file (\"{place}\"), which a server does not read; write it into the case"));
    }
    // What is asked is the template's matter; the prompt only has a name.
    let whole = json!({"prompts": [name.as_str()], "providers": [format!("planner:{name}")], "tests": cases});
    let broken = |faults: Vec<FileFault>| format!("the tests of {name} cannot be read: {}", faults[0]);
    Config::of(Path::new(&format!("tests/{name}.yaml")), whole).map_err(broken)
}

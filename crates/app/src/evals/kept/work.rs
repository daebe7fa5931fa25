//! The job of an eval: asks and judges what has no verdict yet, and keeps each as it comes.

use super::{Order, end};
use crate::App;
use crate::error::{Error, Result};
use crate::evals::Bench;
use crate::evals::verdicts::{texts, verdict};
use crate::{gates, proposals, shelf};
use ::evals::{CaseResult, Config, Filter, Helpers, Options, RunError, Sink};
use chrono::TimeDelta;
use domain::evals::{Eval, Progress};
use domain::faults::Fault;
use domain::jobs::{Claimed, Lease, Verdict};
use domain::releases::GONE_AFTER;
use domain::roles::Environment;
use domain::sections::SectionName;
use futures::StreamExt as _;
use futures::channel::mpsc;
use futures::future::{self, Either};
use prompts::{FileFault, Library, Release, Template};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Questions at a time, where the models are somebody else's.
const AT_ONCE: usize = 8;
/// How long one waits while another is at work in this process.
const TURN: TimeDelta = TimeDelta::seconds(5);
/// How long an eval waits that this process cannot do, and from when until when this one then takes up none: whoever can do it looks
/// meanwhile, or the one that looks first, and cannot, would have it for ever. Before that it does others, which stand behind it in line.
const ELSEWHERE: TimeDelta = TimeDelta::seconds(20);
const ABSTAINS: [Duration; 2] = [Duration::from_secs(18), Duration::from_secs(30)];
/// How long after it was asked for an eval waits for a process that can do it: this one may have other files or models than the one that was
/// asked, as during an update.
const PATIENCE: TimeDelta = TimeDelta::minutes(30);

/// Does the eval of a job: every case that has no verdict yet. Two at a time in a process, one where the models are its own, so that hands are left for what
/// people wait for.
pub(crate) async fn execute(app: &App, job: &Claimed, cancel: &CancellationToken) -> Result<Verdict> {
    let Ok(order) = serde_json::from_value::<Order>(job.payload.clone()) else { return Ok(Verdict::Dead("it names no eval".into())) };
    let tx = app.store.team_read().await?;
    let Some(eval) = tx.eval(order.eval).await?.filter(|eval| eval.progress == Progress::Running) else { return Ok(Verdict::Done) };
    drop(tx);
    let has = gates::own_models(app);
    if has != eval.subject.models {
        // Another process may have them: the environment's own.
        let about = &eval.subject.models;
        let why =
            format!("no process asked the models this eval is about, {about} (this one has {has}); start one that has them, or ask again");
        let served = is_served(app, &eval.subject.models).await?;
        return elsewhere(app, eval, why, served).await;
    }
    let Ok(_turn) = app.evaluating.try_acquire_many(if app.keeps_own_pace() { 2 } else { 1 }) else {
        return Ok(Verdict::At { at: app.now() + TURN, reason: "other evals are at work".into() });
    };
    let found = match material(app, &eval, &order).await {
        Ok(found) => found,
        Err(Error::Internal(why)) => return elsewhere(app, eval, why, false).await,
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

/// Whether a process is there that serves an environment with these models.
async fn is_served(app: &App, models: &str) -> Result<bool> {
    let tx = app.store.team_read().await?;
    for environment in Environment::ALL {
        let serving = tx.serving(environment).await?;
        if serving.is_some_and(|serving| serving.models == models && serving.seen + GONE_AFTER > app.now()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Leaves an eval to a process that can do it; ends it when none did for long, unless one is known that will.
async fn elsewhere(app: &App, eval: Eval, why: String, one_will: bool) -> Result<Verdict> {
    if !one_will && app.now() >= eval.created + PATIENCE {
        return give_up_because(app, eval, why).await;
    }
    app.leave_evals(ABSTAINS);
    Ok(Verdict::At { at: app.now() + ELSEWHERE, reason: why })
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
    if release.content() != eval.subject.content || library.suite(&templates) != eval.subject.suite {
        return Err(gone("the files have changed"));
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
            // Numbers go on from section to section, so that a case keeps its own when the job is done again.
            let open: BTreeSet<usize> = (0..count).filter(|at| !judged.contains(&(first + at))).map(|at| at as usize).collect();
            if !open.is_empty()
                && let Some(why) = self.section(template, &config, first, open).await?
            {
                return Ok(Some(why));
            }
            first += count;
        }
        Ok(None)
    }

    /// Asks and judges the open cases of one section; each is kept as it comes. Why it cannot be done, if it cannot.
    async fn section(&self, template: &Template, config: &Config, first: u32, open: BTreeSet<usize>) -> Result<Option<String>> {
        let at_once = if self.app.keeps_own_pace() { 1 } else { AT_ONCE };
        let options = Options {
            concurrency: Some(at_once),
            filter: Filter { only: Some(open), ..Filter::default() },
            // Nothing outside is asked for the sake of a proposed test.
            helpers: Helpers { embedder: Some(&self.bench), grader: Some(&self.bench), webhook: None },
            ..Options::default()
        };
        let (sender, mut results) = mpsc::unbounded();
        let run = async {
            let mut sink = Channel(sender);
            match ::evals::run(config, &self.bench, &options, &mut sink).await {
                // The other half says why it takes no more.
                Ok(_) | Err(RunError::Sink(_)) => Ok(None),
                Err(fault) => Ok(Some(format!("the tests of {}: {fault}", template.name))),
            }
        };
        let keep = async {
            while let Some(result) = results.next().await {
                if let Some(why) = result.error.as_deref().filter(|why| why.contains(::evals::LOST)) {
                    // Each of these costs a thread, and the rest of the suite is not worth more of them.
                    return Ok(Err(format!("a script of {} never came to an end: {why}", template.name)));
                }
                let tx = self.app.store.team().await?;
                // What is judged does not get the job on when it was judged before.
                if tx.insert_case(self.eval.id, &verdict(template, first, &result), &texts(&result)).await? {
                    tx.advance(&self.lease).await?;
                }
                tx.commit().await?;
            }
            Ok::<_, Error>(Ok(()))
        };
        // When the results are kept no longer, nobody is asked any more.
        let (mut run, keep) = (Box::pin(run), std::pin::pin!(keep));
        match future::select(keep, &mut run).await {
            Either::Left((kept, run)) => match kept? {
                Ok(()) => run.await,
                Err(why) => Ok(Some(why)),
            },
            Either::Right((ran, keep)) => match keep.await? {
                Ok(()) => ran,
                Err(why) => Ok(Some(why)),
            },
        }
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
fn points_elsewhere(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text.as_str()).filter(|text| text.contains("file://")),
        Value::Array(items) => items.iter().find_map(points_elsewhere),
        Value::Object(fields) => {
            fields.iter().find_map(|(key, inner)| points_elsewhere(inner).or_else(|| key.contains("file://").then_some(key.as_str())))
        }
        _ => None,
    }
}

/// How many cases these templates have together, or what is wrong with them: then nothing is asked at all.
pub(super) fn count<'a>(library: &Library, templates: impl Iterator<Item = &'a Template>) -> Result<u32> {
    let mut all = 0_u32;
    for template in templates {
        let Some(tests) = library.tests(&template.name) else { continue };
        let config = suite(template, &tests.cases).map_err(|why| Error::Invalid(Fault::new("tests", why).into()))?;
        all = all.saturating_add(u32::try_from(config.cases().count()).unwrap_or(u32::MAX));
    }
    Ok(all)
}

/// The test cases of one template as a config.
pub(crate) fn suite(template: &Template, cases: &[Value]) -> std::result::Result<Config, String> {
    let name = &template.name;
    // A case is what it says; one that is a text names a file.
    if let Some(place) = cases.iter().find_map(|case| points_elsewhere(case).or_else(|| case.as_str())) {
        return Err(format!("the tests of {name} name another file (\"{place}\"), which a server does not read; write it into the case"));
    }
    // What is asked is the template's matter; the prompt only has a name.
    let whole = json!({"prompts": [name.as_str()], "providers": [format!("planner:{name}")], "tests": cases});
    let broken = |faults: Vec<FileFault>| format!("the tests of {name} cannot be read: {}", faults[0]);
    Config::of(Path::new(&format!("tests/{name}.yaml")), &whole).map_err(broken)
}

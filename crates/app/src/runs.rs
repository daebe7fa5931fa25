//! A venture run: its sections as a graph, each as soon as what it depends on has ended, each kept at once.

use crate::error::{Error, Result};
use crate::generations::{self, Order};
use crate::ventures;
use crate::{App, Guest};
use domain::faults::Faults;
use domain::generations::{Confidence, Generation, Status};
use domain::ids::{RunId, VentureId};
use domain::runs::{Graph, VentureRun};
use domain::sections::SectionName;
use domain::ventures::{Brief, CurrentSection};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use store::Run;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Something that happened in a run.
#[derive(Debug, Clone)]
pub enum Event {
    /// A section is being written.
    Started {
        /// Which.
        section: SectionName,
    },
    /// A section has ended and is kept.
    Ended {
        /// Which.
        section: SectionName,
        /// How.
        status: Status,
        /// How far to rely on it.
        confidence: Confidence,
        /// Who wrote it.
        model: String,
        /// What went wrong, in the words of the first issue.
        reason: Option<String>,
        /// How long it took.
        duration_ms: u64,
    },
    /// The run is over.
    Finished {
        /// Sections without content.
        failed: Vec<SectionName>,
    },
}

/// Who is listening and what is being written; in memory, because the store has the truth.
#[derive(Clone, Default)]
pub(crate) struct Live(Arc<Mutex<HashMap<RunId, LiveRun>>>);

struct LiveRun {
    events: broadcast::Sender<Event>,
    writing: HashSet<SectionName>,
    cancel: CancellationToken,
}

impl Live {
    fn with<T>(&self, run: RunId, work: impl FnOnce(&mut LiveRun) -> T) -> T {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(runs.entry(run).or_insert_with(|| LiveRun {
            events: broadcast::channel(256).0,
            writing: HashSet::new(),
            cancel: CancellationToken::new(),
        }))
    }

    fn send(&self, run: RunId, event: Event) {
        self.with(run, |live| {
            match &event {
                Event::Started { section } => drop(live.writing.insert(section.clone())),
                Event::Ended { section, .. } => drop(live.writing.remove(section)),
                Event::Finished { .. } => {}
            }
            // Nobody listening is fine: the page reads the store when it comes.
            let _ = live.events.send(event);
        });
    }

    fn forget(&self, run: RunId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
    }

    fn existing<T>(&self, run: RunId, work: impl FnOnce(&LiveRun) -> T) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&run).map(work)
    }
}

pub(crate) fn is_writing(app: &App, run: RunId, section: &SectionName) -> bool {
    app.live.existing(run, |live| live.writing.contains(section)).unwrap_or(false)
}

/// The sections asked for, or all; unknown ones are named with what there is.
pub fn choose(app: &App, wanted: &[String]) -> Result<Vec<SectionName>> {
    let known: Vec<SectionName> = app.release().sections().iter().map(|t| t.name.clone()).collect();
    if wanted.is_empty() {
        return Ok(known);
    }
    let mut faults = Faults::default();
    for name in wanted {
        if !known.iter().any(|k| k.as_str() == name) {
            let names: Vec<&str> = known.iter().map(SectionName::as_str).collect();
            faults.add(
                "sections",
                format!("\"{}\" is not a section; there are {}", name.chars().take(60).collect::<String>(), names.join(", ")),
            );
        }
    }
    if faults.is_empty() { Ok(known.into_iter().filter(|k| wanted.iter().any(|w| w == k.as_str())).collect()) } else { Err(faults.into()) }
}

/// Starts a run over a venture of theirs and returns at once; the run goes on by itself.
///
/// A venture has one run at a time: while one is going on, that one is returned, and driven on if nothing drives it any more.
pub async fn start(app: &App, who: &Guest, venture: VentureId, sections: Vec<SectionName>) -> Result<Run> {
    if app.stopping.is_cancelled() {
        return Err(Error::Stopping);
    }
    let tx = app.store.tenant(who.owner).await?;
    tx.venture(venture).await?.ok_or(Error::NotFound("this venture"))?;
    if let Some(run) = tx.latest_run(venture).await?.filter(|r| matches!(r.state, VentureRun::Running { .. })) {
        if app.live.existing(run.id, |_| ()).is_none() {
            drive(app, run.clone());
        }
        return Ok(run);
    }
    let now = app.now();
    let run = Run { id: RunId::new(), owner: who.owner, venture, sections, state: VentureRun::Running { since: now }, created: now };
    tx.insert_run(&run).await?;
    tx.commit().await?;
    drive(app, run.clone());
    Ok(run)
}

/// Takes up every run that was going on when the program last ended; what was finished stays.
pub async fn resume_all(app: &App) -> Result<usize> {
    let runs = app.store.unfinished_runs().await?;
    let count = runs.len();
    for run in runs {
        drive(app, run);
    }
    Ok(count)
}

/// What happens in a run from now on; `None` when it is not going on.
pub fn listen(app: &App, run: RunId) -> Option<broadcast::Receiver<Event>> {
    app.live.existing(run, |live| live.events.subscribe())
}

/// Stops a run of theirs: no further section starts, running calls are cancelled and settled, finished sections stay.
pub async fn cancel(app: &App, who: &Guest, venture: VentureId) -> Result<()> {
    let tx = app.store.tenant(who.owner).await?;
    tx.venture(venture).await?.ok_or(Error::NotFound("this venture"))?;
    let Some(run) = tx.latest_run(venture).await?.filter(|r| matches!(r.state, VentureRun::Running { .. })) else { return Ok(()) };
    tx.set_run_state(run.id, &VentureRun::Cancelled { at: app.now() }).await?;
    tx.commit().await?;
    app.live.existing(run.id, |live| live.cancel.cancel());
    Ok(())
}

fn drive(app: &App, run: Run) {
    let cancel = app.live.with(run.id, |live| live.cancel.clone());
    let app = app.clone();
    let tasks = app.tasks.clone();
    tasks.spawn(async move {
        let id = run.id;
        if let Err(error) = execute(&app, run, &cancel).await {
            // The run stays unfinished in the store and is taken up at the next start.
            tracing::error!(run = %id, %error, "run interrupted");
        }
        app.live.forget(id);
    });
}

async fn execute(app: &App, run: Run, cancel: &CancellationToken) -> Result<()> {
    let who = Guest { owner: run.owner };
    let plan = ventures::plan(app, &who, run.venture).await?;
    let mut graph =
        Graph::new(run.sections.iter().filter_map(|name| app.release().section(name)).map(|t| (t.name.clone(), t.depends_on.clone())));
    let mut failed = Vec::new();
    let attempts = app.store.tenant_read(run.owner).await?.generations_of_run(run.id).await?;
    for attempt in attempts.into_iter().filter(|attempt| !attempt.was_stopped()) {
        graph.end(&attempt.section);
        if attempt.status == Status::Failed {
            failed.push(attempt.section);
        }
    }
    let both = app.stopping.child_token();
    let mut working = JoinSet::new();
    let mut fault = None;
    loop {
        if !both.is_cancelled() && !cancel.is_cancelled() {
            for section in graph.take_ready() {
                app.live.send(run.id, Event::Started { section: section.clone() });
                working.spawn(one(app.clone(), who, run.clone(), plan.venture.brief.clone(), section, both.clone()));
            }
        }
        let ended = tokio::select! {
            ended = working.join_next() => ended,
            () = cancel.cancelled(), if !both.is_cancelled() => { both.cancel(); continue }
        };
        let Some(ended) = ended else { break };
        let generation = match ended.map_err(|error| Error::Internal(error.to_string())).and_then(|(_, generation)| generation) {
            Ok(generation) => generation,
            // What runs beside it is stopped and settled, not dropped: its calls are paid for.
            Err(error) => {
                both.cancel();
                fault.get_or_insert(error);
                continue;
            }
        };
        let section = generation.section.clone();
        if generation.was_stopped() {
            continue;
        }
        if generation.status == Status::Failed {
            failed.push(section.clone());
        }
        graph.end(&section);
        app.live.send(run.id, ended_event(&generation));
    }
    match fault {
        Some(error) => Err(error),
        None => finish(app, &run, &graph, failed, cancel).await,
    }
}

async fn finish(app: &App, run: &Run, graph: &Graph, failed: Vec<SectionName>, cancel: &CancellationToken) -> Result<()> {
    if graph.is_done() && !cancel.is_cancelled() {
        let tx = app.store.tenant(run.owner).await?;
        tx.set_run_state(run.id, &VentureRun::Finished { at: app.now(), failed: failed.clone() }).await?;
        tx.mark_stale(run.venture, &left_behind(app, run, &failed)).await?;
        tx.commit().await?;
    } else if !cancel.is_cancelled() {
        // Shutting down: the run stays as it is and goes on at the next start.
        return Ok(());
    }
    app.live.send(run.id, Event::Finished { failed });
    Ok(())
}

/// Sections outside of the run that were built from what the run made anew.
fn left_behind(app: &App, run: &Run, failed: &[SectionName]) -> Vec<SectionName> {
    let made = run.sections.iter().filter(|name| !failed.contains(name));
    let mut behind: Vec<SectionName> =
        made.flat_map(|name| app.release().dependents(name)).filter(|name| !run.sections.contains(name)).collect();
    behind.sort();
    behind.dedup();
    behind
}

/// Generates one section from what the venture holds by now.
async fn one(
    app: App,
    who: Guest,
    run: Run,
    brief: Brief,
    section: SectionName,
    cancel: CancellationToken,
) -> (SectionName, Result<Generation>) {
    let result = async {
        let earlier = earlier(&app, &who, run.venture, &section).await?;
        let seed = u64::from(run.venture.0.as_fields().0) ^ run.id.0.as_u64_pair().1;
        let order =
            Order { section: section.clone(), brief, venture: Some(run.venture), run: Some(run.id), earlier, feedback: Vec::new(), seed };
        generations::generate(&app, &who, order, &cancel).await
    };
    let result = result.await;
    (section, result)
}

/// The current outputs of the sections this one depends on, by camelCase name.
pub(crate) async fn earlier(app: &App, who: &Guest, venture: VentureId, section: &SectionName) -> Result<Map<String, Value>> {
    let template = app.release().section(section).ok_or(Error::NotFound("this section"))?;
    let tx = app.store.tenant_read(who.owner).await?;
    let current = tx.current_sections(venture).await?;
    // Prompts rely on the form of what they are given: content that broke its schema is shown to people only.
    let usable = |s: &CurrentSection| !s.current.issues.iter().any(|issue| issue.rule == "schema");
    let wanted = current.into_iter().filter(|s| template.depends_on.contains(&s.current.section) && usable(s));
    Ok(wanted.map(|s| (s.current.section.camel(), s.current.output)).collect())
}

fn ended_event(generation: &Generation) -> Event {
    Event::Ended {
        section: generation.section.clone(),
        status: generation.status,
        confidence: generation.confidence,
        model: generation.model.clone(),
        reason: generation.issues.first().map(|issue| issue.message.clone()),
        duration_ms: generation.duration_ms,
    }
}

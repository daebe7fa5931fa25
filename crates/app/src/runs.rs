//! A venture run: its sections as a graph, each as soon as what it depends on has ended, each kept at once.
//!
//! A run is a job: it is put in line with the transaction that makes it, done by whichever worker claims it, and taken up by another
//! one when that worker's process dies. What has happened in it is kept and numbered, so that anybody can follow it from anywhere.

mod work;

pub(crate) use work::{execute, give_up};

use crate::error::{Error, Result};
use crate::keys::{self, RequestKey};
use crate::{App, Caller, quotas};
use domain::Timestamp;
use domain::faults::Faults;
use domain::generations::{Generation, Issue, Status};
use domain::ids::{RunId, VentureId};
use domain::jobs::NewJob;
use domain::runs::{Happening, VentureRun};
use domain::sections::SectionName;
use domain::ventures::{Brief, CurrentSection, Venture};
use futures::{Stream, StreamExt as _};
use serde_json::{Map, Value, json};
use std::time::Duration;
use store::TenantTx;
pub use store::{Run, RunEvent, Standing};

/// The kind of a run's job.
pub(crate) const KIND: &str = "run";

/// How often the place in line is looked at.
const LINE_LOOK: Duration = Duration::from_secs(2);
/// Events read at once.
const PAGE: u64 = 500;

/// A run, and whether it waits for its turn.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The run.
    pub run: Run,
    /// Its place in line while it waits.
    pub standing: Option<Standing>,
    /// Sections somebody began to write, those that have ended since included.
    pub started: Vec<SectionName>,
    /// Sections that have ended, each with how.
    pub ended: Vec<(SectionName, Status)>,
    /// The number of its latest event.
    pub last_event: u64,
    /// When it goes on, while it waits for its owner's quota.
    pub waits_until: Option<Timestamp>,
}

/// When a run goes on of which these are the latest news, while it waits for its owner's quota.
pub(crate) fn waits_until(latest: Option<&RunEvent>, now: Timestamp) -> Option<Timestamp> {
    match latest?.what {
        Happening::Waiting { until } if until > now => Some(until),
        _ => None,
    }
}

/// What a follower is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// It still waits for its turn, at this place in line.
    Queued(Standing),
    /// Something happened in it.
    Happened(RunEvent),
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

/// Puts a run over a venture of theirs in line and returns at once; it goes on by itself, whatever becomes of this process.
///
/// A venture has one run at a time: while one is open, [`Error::Conflict`] names it.
pub async fn start(app: &App, who: &Caller, venture: VentureId, sections: Vec<SectionName>, key: Option<&RequestKey>) -> Result<Run> {
    who.may_write()?;
    if app.stopping.is_cancelled() {
        return Err(Error::Stopping);
    }
    let head = app.store.head_of_line(quotas::priority(who), app.now()).await?;
    let tx = app.store.tenant(who.owner).await?;
    let found = tx.locked_venture(venture).await?.ok_or(Error::NotFound("this venture"))?;
    if let Some(made) = keys::keep(&tx, key, app.now()).await? {
        return tx.run(RunId(made)).await?.ok_or(Error::NotFound("this run"));
    }
    if found.archived.is_some() {
        return Err(Error::conflict("this venture is archived; take it up again before anything is made for it", venture.0));
    }
    if let Some(run) = tx.latest_run(venture).await?.filter(|run| run.state.is_open()) {
        return Err(Error::conflict("a run of this venture is going on; wait for its end, or cancel it", run.id.0));
    }
    let run = put_in_line(app, &tx, (who, venture), sections, head).await?;
    keys::answer(&tx, key, run.id.0).await?;
    tx.commit().await?;
    Ok(run)
}

/// Makes a venture from a brief and puts the run over all its sections in line, both or neither.
pub async fn start_new(app: &App, who: &Caller, brief: Brief) -> Result<Run> {
    who.may_write()?;
    if app.stopping.is_cancelled() {
        return Err(Error::Stopping);
    }
    let venture = Venture { id: VentureId::new(), owner: who.owner, brief, created: app.now(), archived: None };
    let head = app.store.head_of_line(quotas::priority(who), app.now()).await?;
    let tx = app.store.tenant(who.owner).await?;
    quotas::make_room_for_venture(app, &tx, who, quotas::Room::New).await?;
    tx.insert_venture(&venture).await?;
    let run = put_in_line(app, &tx, (who, venture.id), choose(app, &[])?, head).await?;
    tx.commit().await?;
    Ok(run)
}

async fn put_in_line(
    app: &App,
    tx: &TenantTx,
    (who, venture): (&Caller, VentureId),
    sections: Vec<SectionName>,
    head: Option<Timestamp>,
) -> Result<Run> {
    let now = app.now();
    let run = Run { id: RunId::new(), owner: who.owner, venture, sections, state: VentureRun::Queued { since: now }, created: now };
    tx.insert_run(&run).await?;
    let (payload, unique_key) = (json!({"run": run.id}), run.id.to_string());
    let job = NewJob { kind: KIND, owner: Some(who.owner), unique_key, payload, priority: quotas::priority(who), run_at: now, now, head };
    tx.enqueue(&job).await?;
    Ok(run)
}

/// A run of theirs as it stands.
pub async fn see(app: &App, who: &Caller, id: RunId) -> Result<Seen> {
    who.may_read()?;
    let tx = app.store.tenant_read(who.owner).await?;
    let run = tx.run(id).await?.ok_or(Error::NotFound("this run"))?;
    let events = tx.events_after(id, 0, PAGE).await?;
    drop(tx);
    let standing = standing(app, &run).await?;
    let last_event = events.last().map_or(0, |event| event.number);
    let waits_until = waits_until(events.last(), app.now()).filter(|_| run.state.is_open());
    let (mut started, mut ended) = (Vec::new(), Vec::new());
    for event in events {
        match event.what {
            Happening::Started { section } => started.push(section),
            Happening::Ended { section, status, .. } => ended.push((section, status)),
            Happening::Waiting { .. } | Happening::Finished { .. } => {}
        }
    }
    Ok(Seen { run, standing, started, ended, last_event, waits_until })
}

/// The place in line of a run that waits.
pub(crate) async fn standing(app: &App, run: &Run) -> Result<Option<Standing>> {
    if !matches!(run.state, VentureRun::Queued { .. }) {
        return Ok(None);
    }
    Ok(app.store.standing(KIND, &run.id.to_string(), app.now()).await?)
}

/// Their runs of a venture, newest first; the next page is what comes `before` the last of this one.
pub async fn list(app: &App, who: &Caller, venture: VentureId, limit: u64, before: Option<RunId>) -> Result<Vec<Run>> {
    who.may_read()?;
    let tx = app.store.tenant_read(who.owner).await?;
    tx.venture(venture).await?.ok_or(Error::NotFound("this venture"))?;
    Ok(tx.runs(venture, limit, before).await?)
}

/// What happens in a run of theirs after the event of this number, until the run is over. It may be asked for again at any moment,
/// from any process, and misses nothing.
pub async fn follow(app: &App, who: &Caller, id: RunId, after: u64) -> Result<impl Stream<Item = Result<RunEvent>> + Send + use<>> {
    who.may_read()?;
    app.store.tenant_read(who.owner).await?.run(id).await?.ok_or(Error::NotFound("this run"))?;
    let (app, owner) = (app.clone(), who.owner);
    let listener = app.live.listen(id);
    let state = (app, listener, after, Vec::<RunEvent>::new().into_iter(), false);
    Ok(futures::stream::unfold(state, move |(app, mut listener, mut after, mut ready, over)| async move {
        if over {
            return None;
        }
        loop {
            if let Some(event) = ready.next() {
                after = event.number;
                let over = matches!(event.what, Happening::Finished { .. });
                return Some((Ok(event), (app, listener, after, ready, over)));
            }
            match news(&app, owner, id, after).await {
                Ok(News::Events(events)) => ready = events.into_iter(),
                // A run that is over has told so, unless what it told was before `after`.
                Ok(News::Over) => return None,
                Ok(News::None) => app.live.worth_a_look(&mut listener).await,
                Err(error) => return Some((Err(error), (app, listener, after, ready, true))),
            }
        }
    }))
}

/// The place in line of a run of theirs whenever it changes, until its turn comes.
fn places(app: &App, who: &Caller, id: RunId) -> impl Stream<Item = Standing> + Send + use<> {
    let (app, who) = (app.clone(), who.clone());
    futures::stream::unfold((app, who, None), move |(app, who, told)| async move {
        loop {
            // A store that is away is no news about the line.
            let standing = place(&app, &who, id).await.ok()?;
            match standing.filter(|standing| matches!(standing, Standing::Waiting { .. })) {
                None => return None,
                Some(standing) if told.as_ref() == Some(&standing) => tokio::time::sleep(LINE_LOOK).await,
                Some(standing) => return Some((standing.clone(), (app, who, Some(standing)))),
            }
        }
    })
}

async fn place(app: &App, who: &Caller, id: RunId) -> Result<Option<Standing>> {
    let run = app.store.tenant_read(who.owner).await?.run(id).await?.ok_or(Error::NotFound("this run"))?;
    standing(app, &run).await
}

enum News {
    Events(Vec<RunEvent>),
    None,
    Over,
}

async fn news(app: &App, owner: domain::ids::OwnerId, id: RunId, after: u64) -> Result<News> {
    let tx = app.store.tenant_read(owner).await?;
    let events = tx.events_after(id, after, PAGE).await?;
    if !events.is_empty() {
        return Ok(News::Events(events));
    }
    let open = tx.run(id).await?.is_some_and(|run| run.state.is_open());
    Ok(if open { News::None } else { News::Over })
}

/// Whether a run of theirs is over and nothing has happened in it after the event of this number.
pub async fn is_told(app: &App, who: &Caller, id: RunId, after: u64) -> Result<bool> {
    who.may_read()?;
    let tx = app.store.tenant_read(who.owner).await?;
    let run = tx.run(id).await?.ok_or(Error::NotFound("this run"))?;
    Ok(!run.state.is_open() && tx.events_after(id, after, 1).await?.is_empty())
}

/// Like [`follow`], and while the run waits for its turn also its place in line, whenever that has changed.
pub async fn watch(app: &App, who: &Caller, id: RunId, after: u64) -> Result<impl Stream<Item = Result<Told>> + Send + use<>> {
    let events = Box::pin(follow(app, who, id, after).await?);
    let places = Some(Box::pin(places(app, who, id).fuse()));
    Ok(futures::stream::unfold((events, places), |(mut events, mut places)| async move {
        let place = async {
            match places.as_mut() {
                Some(places) => places.next().await,
                None => None,
            }
        };
        tokio::select! {
            // What has happened is told first, and then nobody waits any more.
            biased;
            event = events.next() => event.map(|event| (event.map(Told::Happened), (events, None))),
            Some(place) = place => Some((Ok(Told::Queued(place)), (events, places))),
        }
    }))
}

/// Stops a run of theirs: no further section starts, running calls are cancelled and settled, finished sections stay. One that has
/// ended stays as it is.
pub async fn cancel(app: &App, who: &Caller, id: RunId) -> Result<Run> {
    who.may_write()?;
    let tx = app.store.tenant(who.owner).await?;
    let run = tx.run(id).await?.ok_or(Error::NotFound("this run"))?;
    if !run.state.is_open() {
        return Ok(run);
    }
    let now = app.now();
    // The job first, then the run, as workers do: in another order the two would wait for each other.
    tx.cancel_job(KIND, &id.to_string(), now).await?;
    if tx.set_run_state(id, &VentureRun::Cancelled { at: now }).await? {
        work::mark_left_behind(app, &tx, &run).await?;
        // What is being written is settled once more when it has stopped.
        tx.give_back_takes_of_run(id).await?;
        tx.add_event(id, now, &Happening::Finished { failed: Vec::new(), cancelled: true }).await?;
        let run = tx.run(id).await?.ok_or(Error::NotFound("this run"))?;
        tx.commit().await?;
        app.live.stop(id);
        app.live.ring(id);
        return Ok(run);
    }
    tx.run(id).await?.ok_or(Error::NotFound("this run"))
}

/// Stops the newest run of a venture of theirs, if it is open.
pub async fn cancel_latest(app: &App, who: &Caller, venture: VentureId) -> Result<()> {
    who.may_write()?;
    let tx = app.store.tenant_read(who.owner).await?;
    tx.venture(venture).await?.ok_or(Error::NotFound("this venture"))?;
    let run = tx.latest_run(venture).await?.filter(|run| run.state.is_open());
    drop(tx);
    if let Some(run) = run {
        cancel(app, who, run.id).await?;
    }
    Ok(())
}

/// The current outputs of the sections this one depends on, by camelCase name.
pub(crate) async fn earlier(app: &App, who: &Caller, venture: VentureId, section: &SectionName) -> Result<Map<String, Value>> {
    usable(app, section, app.store.tenant_read(who.owner).await?.current_sections(venture).await?)
}

fn usable(app: &App, section: &SectionName, current: Vec<CurrentSection>) -> Result<Map<String, Value>> {
    let release = app.release();
    let template = release.section(section).ok_or(Error::NotFound("this section"))?;
    // Prompts rely on the form of what they are given: content that broke its schema is shown to people only.
    let usable = |s: &CurrentSection| !s.current.issues.iter().any(|issue| issue.rule == "schema");
    let wanted = current.into_iter().filter(|s| template.depends_on.contains(&s.current.section) && usable(s));
    Ok(wanted.map(|s| (s.current.section.camel(), s.current.output)).collect())
}

/// What is told of a section that has ended.
pub(crate) fn ended(generation: &Generation) -> Happening {
    Happening::Ended {
        section: generation.section.clone(),
        generation: generation.id,
        status: generation.status,
        confidence: generation.confidence,
        model: generation.model.clone(),
        reason: generation.issues.iter().find(|issue| issue.rule != Issue::STOPPED).map(|issue| issue.message.clone()),
        duration_ms: generation.duration_ms,
    }
}

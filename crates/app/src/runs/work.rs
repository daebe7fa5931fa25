//! A run in a worker's hands: everything that is not done yet, under the lease of its job.

use super::usable;
use crate::error::{Error, Result};
use crate::generations::{self, Order};
use crate::lost_calls;
use crate::quotas::{self, Reserved};
use crate::{App, Caller};
use domain::Timestamp;
use domain::generations::{Generation, Status};
use domain::ids::RunId;
use domain::jobs::{Claimed, Lease, Verdict};
use domain::runs::{Graph, Happening, VentureRun};
use domain::sections::SectionName;
use domain::ventures::Brief;
use serde_json::Map;
use store::{Run, TenantTx};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Does a run's job: everything that is not done yet.
pub(crate) async fn execute(app: &App, job: &Claimed, cancel: &CancellationToken) -> Result<Verdict> {
    let Some((run, who)) = named(job) else { return Ok(Verdict::Dead("it names no run".into())) };
    let work = Work { app, who, lease: job.lease, cancel };
    let _working = app.live.working(run, cancel);
    match work.run(run).await {
        Ok(Left::Nothing) => Ok(Verdict::Done),
        Ok(Left::ForSomebodyElse) => Ok(Verdict::HandedBack),
        Ok(Left::ForLater(at)) => Ok(Verdict::At { at, reason: "its owner's quota is used up until then".into() }),
        Err(Error::NotFound(what)) => Ok(Verdict::Dead(format!("{what} was not found"))),
        Err(error) => Err(error),
    }
}

fn named(job: &Claimed) -> Option<(RunId, Caller)> {
    let run = serde_json::from_value(job.payload.get("run")?.clone()).ok()?;
    Some((run, Caller::operator(job.owner?)))
}

/// Ends the run of a job that is given up: what is not there by now has failed, and what was finished stays.
pub(crate) async fn give_up(app: &App, job: &Claimed) -> Result<()> {
    let Some((id, who)) = named(job) else { return Ok(()) };
    let lost = app.store.tenant_read(who.owner).await?.open_calls(id).await?;
    lost_calls::settle(app, lost, Some(&job.lease)).await?;
    let tx = app.store.tenant(who.owner).await?;
    tx.hold(&job.lease).await?;
    tx.give_back_takes_of_run(id).await?;
    let Some(run) = tx.run(id).await? else { return Ok(()) };
    let made = made_by(&tx, id).await?;
    let failed: Vec<SectionName> = run.sections.iter().filter(|name| !made.contains(name)).cloned().collect();
    let now = app.now();
    if tx.set_run_state(id, &VentureRun::Finished { at: now, failed: failed.clone() }).await? {
        mark_left_behind(app, &tx, &run).await?;
        tx.add_event(id, now, &Happening::Finished { failed, cancelled: false }).await?;
    }
    tx.commit().await?;
    app.live.ring(id);
    Ok(())
}

/// The sections a run has content of its own for.
async fn made_by(tx: &TenantTx, run: RunId) -> Result<Vec<SectionName>> {
    let made = tx.generations_of_run(run).await?.into_iter().filter(|made| made.status != Status::Failed);
    Ok(made.map(|made| made.section).collect())
}

/// Says of every section that was built from what the run made anew, and that the run did not make as well, that it is out of date.
pub(super) async fn mark_left_behind(app: &App, tx: &TenantTx, run: &Run) -> Result<()> {
    let made = made_by(tx, run.id).await?;
    let mut behind: Vec<SectionName> =
        made.iter().flat_map(|name| app.release().dependents(name)).filter(|name| !made.contains(name)).collect();
    behind.sort();
    behind.dedup();
    Ok(tx.mark_stale(run.venture, &behind).await?)
}

/// What is left of a run's work when a worker lets go of it.
enum Left {
    Nothing,
    /// It was stopped here and has to go on.
    ForSomebodyElse,
    /// Its owner may have nothing generated before this moment.
    ForLater(Timestamp),
}

/// A run in a worker's hands.
struct Work<'a> {
    app: &'a App,
    who: Caller,
    lease: Lease,
    cancel: &'a CancellationToken,
}

impl Work<'_> {
    async fn run(&self, id: RunId) -> Result<Left> {
        let Some((run, brief, mut graph, mut failed)) = self.take_up(id).await? else { return Ok(Left::Nothing) };
        let mut working = JoinSet::new();
        let (mut fault, mut later) = (None, None);
        // What runs beside a section that could not be kept is stopped and settled, not dropped: its calls are paid for.
        let halt = self.cancel.child_token();
        loop {
            if !halt.is_cancelled() && later.is_none() {
                for section in graph.take_ready() {
                    let reserved = match self.begin_section(&run, &section).await {
                        Ok(reserved) => reserved,
                        Err(Error::TooMuch { until, .. }) => {
                            later = Some(until);
                            break;
                        }
                        Err(error) => {
                            halt.cancel();
                            fault.get_or_insert(error);
                            break;
                        }
                    };
                    let order = self.order(&run, brief.clone(), section, reserved);
                    working.spawn(one(self.app.clone(), self.who.clone(), order, halt.clone()));
                }
            }
            let Some(ended) = working.join_next().await else { break };
            match ended.map_err(|died| Error::Internal(died.to_string())).and_then(|generation| generation) {
                Ok(generation) if generation.was_stopped() => {}
                Ok(generation) => {
                    graph.end(&generation.section);
                    if generation.status == Status::Failed {
                        failed.push(generation.section);
                    }
                }
                Err(error) => {
                    halt.cancel();
                    fault.get_or_insert(error);
                }
            }
        }
        match fault {
            Some(error) => Err(error),
            None if graph.is_done() => self.finish(&run, failed).await.map(|()| Left::Nothing),
            None if self.was_cancelled(id).await? => Ok(Left::Nothing),
            None => match later.filter(|_| !self.cancel.is_cancelled()) {
                Some(until) => self.wait(&run, until).await,
                None => Ok(Left::ForSomebodyElse),
            },
        }
    }

    /// Takes a run over: settles calls of a process that died over it, and reads what is done already. `None` when it has ended.
    async fn take_up(&self, id: RunId) -> Result<Option<(Run, Brief, Graph, Vec<SectionName>)>> {
        let app = self.app;
        let tx = app.store.tenant(self.who.owner).await?;
        tx.hold(&self.lease).await?;
        let run = tx.run(id).await?.ok_or(Error::NotFound("this run"))?;
        let lost = tx.open_calls(id).await?;
        // What a died process had reserved and not begun; what it had begun is settled with its calls.
        tx.give_back_takes_of_run(id).await?;
        if run.state.is_open() {
            tx.set_run_state(id, &VentureRun::Running { since: app.now() }).await?;
        }
        tx.commit().await?;
        lost_calls::settle(app, lost, Some(&self.lease)).await?;
        if !run.state.is_open() {
            return Ok(None);
        }
        let tx = app.store.tenant_read(self.who.owner).await?;
        let venture = tx.venture(run.venture).await?.ok_or(Error::NotFound("this venture"))?;
        let release = app.release();
        let templates = run.sections.iter().filter_map(|name| release.section(name));
        let mut graph = Graph::new(templates.map(|t| (t.name.clone(), t.depends_on.clone())));
        let mut failed = Vec::new();
        for attempt in tx.generations_of_run(id).await?.into_iter().filter(|attempt| !attempt.was_stopped()) {
            graph.end(&attempt.section);
            if attempt.status == Status::Failed {
                failed.push(attempt.section);
            }
        }
        app.live.ring(id);
        Ok(Some((run, venture.brief, graph, failed)))
    }

    /// Reserves a section and says that it begins, both or neither.
    async fn begin_section(&self, run: &Run, section: &SectionName) -> Result<Reserved> {
        let tx = self.app.store.tenant(self.who.owner).await?;
        tx.hold(&self.lease).await?;
        let reserved = quotas::reserve(self.app, &tx, self.who.owner, Some(run.id)).await?;
        tx.add_event(run.id, self.app.now(), &Happening::Started { section: section.clone() }).await?;
        tx.commit().await?;
        self.app.live.ring(run.id);
        Ok(reserved)
    }

    /// Says until when the run waits.
    async fn wait(&self, run: &Run, until: Timestamp) -> Result<Left> {
        let tx = self.app.store.tenant(self.who.owner).await?;
        tx.hold(&self.lease).await?;
        tx.add_event(run.id, self.app.now(), &Happening::Waiting { until }).await?;
        tx.commit().await?;
        self.app.live.ring(run.id);
        Ok(Left::ForLater(until))
    }

    fn order(&self, run: &Run, brief: Brief, section: SectionName, reserved: Reserved) -> Order {
        let seed = u64::from(run.venture.0.as_fields().0) ^ run.id.0.as_u64_pair().1;
        let (venture, run, lease) = (Some(run.venture), Some(run.id), Some(self.lease));
        let (earlier, feedback, reserved) = (Map::new(), Vec::new(), Some(reserved));
        Order { section, brief, venture, run, lease, earlier, feedback, seed, key: None, fresh: false, reserved }
    }

    async fn finish(&self, run: &Run, failed: Vec<SectionName>) -> Result<()> {
        let app = self.app;
        let tx = app.store.tenant(self.who.owner).await?;
        tx.hold(&self.lease).await?;
        let now = app.now();
        if tx.set_run_state(run.id, &VentureRun::Finished { at: now, failed: failed.clone() }).await? {
            mark_left_behind(app, &tx, run).await?;
            tx.add_event(run.id, now, &Happening::Finished { failed, cancelled: false }).await?;
        }
        tx.commit().await?;
        app.live.ring(run.id);
        Ok(())
    }

    async fn was_cancelled(&self, id: RunId) -> Result<bool> {
        let run = self.app.store.tenant_read(self.who.owner).await?.run(id).await?;
        Ok(run.is_none_or(|run| !run.state.is_open()))
    }
}

/// Generates one section from what the venture holds by now. Whoever asks for a section that is there wants another one.
async fn one(app: App, who: Caller, order: Order, cancel: CancellationToken) -> Result<Generation> {
    let Some(venture) = order.venture else { return Box::pin(generations::generate(&app, &who, order, &cancel)).await };
    let current = app.store.tenant_read(who.owner).await?.current_sections(venture).await?;
    let fresh = current.iter().any(|there| there.current.section == order.section && !there.stale);
    let earlier = usable(&app, &order.section, current)?;
    Box::pin(generations::generate(&app, &who, Order { earlier, fresh, ..order }, &cancel)).await
}

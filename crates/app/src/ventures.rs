//! Ventures: made from a brief, seen as they stand.

use crate::error::{Error, Result};
use crate::keys::{self, RequestKey};
use crate::runs;
use crate::{App, Caller, quotas};
use domain::Timestamp;
use domain::faults::Faults;
use domain::generations::{Generation, Status};
use domain::ids::{GenerationId, VentureId};
use domain::runs::{Happening, VentureRun};
use domain::sections::SectionName;
use domain::ventures::{Brief, CurrentSection, RawBrief, Venture};
use export::Document;
use prompts::Template;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Run, Standing};

/// A venture with everything made for it, as the page and the export show it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The venture.
    pub venture: Venture,
    /// Its sections in the order people meet them.
    pub sections: Vec<PlanSection>,
    /// Its newest run.
    pub run: Option<Run>,
    /// The run's place in line while it waits.
    pub standing: Option<Standing>,
    /// The number of the run's latest event, to be followed from.
    pub last_event: u64,
    /// When the run goes on that waits for its owner's quota.
    pub waits_until: Option<Timestamp>,
}

/// A section of a plan.
#[derive(Debug, Clone)]
pub struct PlanSection {
    /// What it is.
    pub template: Arc<Template>,
    /// Where it stands.
    pub state: SectionState,
    /// What is kept of it, while it is made anew too.
    pub current: Option<CurrentSection>,
}

/// Where a section stands.
#[derive(Debug, Clone)]
pub enum SectionState {
    /// Nobody asked for it yet.
    NotAsked,
    /// Its turn comes later in the run.
    Waiting,
    /// It is being written now.
    Writing,
    /// It is there.
    Ready {
        /// What was kept.
        generation: Generation,
        /// Something it was built from has changed since.
        stale: bool,
    },
    /// It could not be made; the generation says why.
    Failed {
        /// The attempt.
        generation: Generation,
    },
}

impl Plan {
    /// Whether something is still being made.
    pub fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.state.is_open())
    }

    /// When the run that is going on began, or was put in line.
    pub fn running_since(&self) -> Option<Timestamp> {
        match self.run.as_ref()?.state {
            VentureRun::Running { since } | VentureRun::Queued { since } => Some(since),
            _ => None,
        }
    }

    /// Sections that are not there or out of date: what a run would have to make.
    pub fn missing(&self) -> Vec<SectionName> {
        let wanting = |s: &&PlanSection| {
            matches!(s.state, SectionState::NotAsked | SectionState::Failed { .. } | SectionState::Ready { stale: true, .. })
        };
        self.sections.iter().filter(wanting).map(|s| s.template.name.clone()).collect()
    }

    /// Sections that are there, and sections in all.
    pub fn progress(&self) -> (usize, usize) {
        let asked = self.sections.iter().filter(|s| !matches!(s.state, SectionState::NotAsked));
        let ended = asked.clone().filter(|s| matches!(s.state, SectionState::Ready { .. } | SectionState::Failed { .. }));
        (ended.count(), asked.count())
    }

    /// The plan as exports draw it: sections that were tried.
    pub fn document(&self) -> Document<'_> {
        let sections = self.sections.iter().map(|s| export::Section {
            template: &s.template,
            generation: match &s.state {
                SectionState::Ready { generation, .. } | SectionState::Failed { generation } => Some(generation),
                _ => None,
            },
        });
        Document { venture: &self.venture, sections: sections.collect() }
    }
}

/// What somebody typed as a brief, or every fault of it. It costs nothing and needs no model.
pub fn read(raw: &RawBrief) -> std::result::Result<Brief, Faults> {
    Brief::parse(raw)
}

/// Makes a venture from what somebody typed, or names every fault.
pub async fn create(app: &App, who: &Caller, raw: &RawBrief, key: Option<&RequestKey>) -> Result<Venture> {
    who.may_write()?;
    let venture = Venture { id: VentureId::new(), owner: who.owner, brief: read(raw)?, created: app.now(), archived: None };
    let tx = app.store.tenant(who.owner).await?;
    if let Some(made) = keys::keep(&tx, key, app.now()).await? {
        return tx.venture(VentureId(made)).await?.ok_or(Error::NotFound("this venture"));
    }
    quotas::make_room_for_venture(app, &tx, who, quotas::Room::New).await?;
    tx.insert_venture(&venture).await?;
    keys::answer(&tx, key, venture.id.0).await?;
    tx.commit().await?;
    Ok(venture)
}

/// Makes what is missing or out of date in a venture of theirs; a run that is going on is left to it.
pub async fn complete(app: &App, who: &Caller, id: VentureId) -> Result<()> {
    let missing = plan(app, who, id).await?.missing();
    if missing.is_empty() {
        return Ok(());
    }
    match runs::start(app, who, id, missing, None).await {
        Ok(_) | Err(Error::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A venture of theirs.
pub async fn get(app: &App, who: &Caller, id: VentureId) -> Result<Venture> {
    who.may_read()?;
    app.store.tenant_read(who.owner).await?.venture(id).await?.ok_or(Error::NotFound("this venture"))
}

/// Puts a venture of theirs away, or takes it up again. One that a run is going on for cannot be put away.
pub async fn archive(app: &App, who: &Caller, id: VentureId, away: bool) -> Result<Venture> {
    who.may_write()?;
    let tx = app.store.tenant(who.owner).await?;
    let venture = tx.locked_venture(id).await?.ok_or(Error::NotFound("this venture"))?;
    if let Some(run) = tx.latest_run(id).await?.filter(|run| away && run.state.is_open()) {
        return Err(Error::conflict("a run of this venture is going on; wait for its end, or cancel it", run.id.0));
    }
    if !away && venture.archived.is_some() {
        quotas::make_room_for_venture(app, &tx, who, quotas::Room::Again).await?;
    }
    let archived = away.then(|| venture.archived.unwrap_or_else(|| app.now()));
    tx.set_archived(id, archived).await?;
    tx.commit().await?;
    Ok(Venture { archived, ..venture })
}

/// Their ventures, newest first; the next page is what comes `before` the last of this one.
pub async fn list(app: &App, who: &Caller, limit: u64, before: Option<VentureId>) -> Result<Vec<Venture>> {
    who.may_read()?;
    let tx = app.store.tenant_read(who.owner).await?;
    Ok(tx.ventures(limit, before).await?)
}

/// What was kept for a section of a venture of theirs, newest first.
pub async fn versions(
    app: &App,
    who: &Caller,
    id: VentureId,
    section: &SectionName,
    limit: u64,
    before: Option<GenerationId>,
) -> Result<Vec<Generation>> {
    who.may_read()?;
    let tx = app.store.tenant_read(who.owner).await?;
    tx.venture(id).await?.ok_or(Error::NotFound("this venture"))?;
    app.release().section(section).ok_or(Error::NotFound("this section"))?;
    let Some(most) = who.entitlements(app).and_then(|entitled| entitled.history.most()) else {
        return Ok(tx.versions(id, section, limit, before).await?);
    };
    let mut visible = tx.versions(id, section, most.into(), None).await?;
    visible.retain(|version| before.is_none_or(|before| version.id < before));
    visible.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(visible)
}

/// A venture as it stands, to be taken along in this form, named by the ending of its file.
pub async fn export(app: &App, who: &Caller, id: VentureId, ending: &str) -> Result<Plan> {
    let plan = plan(app, who, id).await?;
    match who.entitlements(app).filter(|entitled| !entitled.exports.iter().any(|known| known == ending)) {
        None => Ok(plan),
        Some(entitled) => {
            let forms = entitled.exports.join(", ");
            Err(Error::Forbidden(format!("your tier takes plans along as {forms}; for {ending} take a larger one")))
        }
    }
}

/// Makes an earlier version of a section the current one again; what was built from it is stale then.
pub async fn restore(app: &App, who: &Caller, id: VentureId, section: &SectionName, version: GenerationId) -> Result<Generation> {
    who.may_write()?;
    let tx = app.store.tenant(who.owner).await?;
    tx.locked_venture(id).await?.ok_or(Error::NotFound("this venture"))?;
    let kept = tx.generation(version).await?;
    // Of the versions further back than the tier shows none can be taken back.
    let oldest = match who.entitlements(app).and_then(|entitled| entitled.history.most()) {
        Some(most) => tx.versions(id, section, most.into(), None).await?.last().map(|version| version.id),
        None => None,
    };
    let fits = |kept: &Generation| {
        let visible = oldest.is_none_or(|oldest| kept.id >= oldest);
        kept.venture == Some(id) && kept.section == *section && kept.status != Status::Failed && visible
    };
    let kept = kept.filter(fits).ok_or(Error::NotFound("this version"))?;
    tx.make_current(id, section, version, app.now()).await?;
    tx.mark_stale(id, &app.release().dependents(section)).await?;
    tx.commit().await?;
    Ok(kept)
}

/// A venture as it stands.
pub async fn plan(app: &App, who: &Caller, id: VentureId) -> Result<Plan> {
    who.may_read()?;
    let tx = app.store.tenant_read(who.owner).await?;
    let venture = tx.venture(id).await?.ok_or(Error::NotFound("this venture"))?;
    let run = tx.latest_run(id).await?;
    let mut current: BTreeMap<SectionName, _> =
        tx.current_sections(id).await?.into_iter().map(|s| (s.current.section.clone(), s)).collect();
    let attempts = match &run {
        Some(run) => tx.generations_of_run(run.id).await?,
        None => Vec::new(),
    };
    let events = match &run {
        Some(run) if run.state.is_open() => tx.events_after(run.id, 0, 1000).await?,
        _ => Vec::new(),
    };
    drop(tx);
    let standing = match &run {
        Some(run) => runs::standing(app, run).await?,
        None => None,
    };
    let writing = |name: &SectionName| events.iter().any(|e| matches!(&e.what, Happening::Started { section } if section == name));
    let waits_until = runs::waits_until(events.last(), app.now());
    let release = app.release();
    let sections = release.sections().into_iter().map(|template| {
        let state = state(&template.name, run.as_ref(), writing(&template.name), &attempts, &current);
        PlanSection { template: template.clone(), state, current: current.remove(&template.name) }
    });
    let last_event = events.last().map_or(0, |event| event.number);
    Ok(Plan { sections: sections.collect(), venture, run, standing, last_event, waits_until })
}

fn state(
    name: &SectionName,
    run: Option<&Run>,
    writing: bool,
    attempts: &[Generation],
    current: &BTreeMap<SectionName, CurrentSection>,
) -> SectionState {
    let attempt = attempts.iter().filter(|g| g.section == *name && !g.was_stopped()).max_by_key(|g| g.created);
    let open = run.filter(|r| r.state.is_open() && r.sections.contains(name) && attempt.is_none());
    match (open, current.get(name), attempt) {
        (Some(_), ..) if writing => SectionState::Writing,
        (Some(_), ..) => SectionState::Waiting,
        (None, Some(kept), _) => SectionState::Ready { generation: kept.current.clone(), stale: kept.stale },
        (None, None, Some(attempt)) => SectionState::Failed { generation: attempt.clone() },
        (None, None, None) => SectionState::NotAsked,
    }
}

//! Ventures: made from a brief, seen as they stand.

use crate::error::{Error, Result};
use crate::runs;
use crate::{App, Guest};
use domain::generations::Generation;
use domain::ids::VentureId;
use domain::runs::VentureRun;
use domain::sections::SectionName;
use domain::ventures::{Brief, RawBrief, Venture};
use export::Document;
use prompts::Template;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Run;

/// A venture with everything made for it, as the page and the export show it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The venture.
    pub venture: Venture,
    /// Its sections in the order people meet them.
    pub sections: Vec<PlanSection>,
    /// Its newest run.
    pub run: Option<Run>,
}

/// A section of a plan.
#[derive(Debug, Clone)]
pub struct PlanSection {
    /// What it is.
    pub template: Arc<Template>,
    /// Where it stands.
    pub state: SectionState,
}

/// Where a section stands.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a plan holds a dozen of these")]
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
        self.run.as_ref().is_some_and(|run| matches!(run.state, VentureRun::Running { .. }))
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

/// Makes a venture from what somebody typed, or names every fault.
pub async fn create(app: &App, who: &Guest, raw: &RawBrief) -> Result<Venture> {
    let brief = Brief::parse(raw)?;
    let venture = Venture { id: VentureId::new(), owner: who.owner, brief, created: app.now() };
    let tx = app.store.tenant(who.owner).await?;
    tx.insert_venture(&venture).await?;
    tx.commit().await?;
    Ok(venture)
}

/// Their ventures, newest first.
pub async fn list(app: &App, who: &Guest, limit: u64) -> Result<Vec<Venture>> {
    let tx = app.store.tenant_read(who.owner).await?;
    Ok(tx.ventures(limit, None).await?)
}

/// A venture as it stands.
pub async fn plan(app: &App, who: &Guest, id: VentureId) -> Result<Plan> {
    let tx = app.store.tenant_read(who.owner).await?;
    let venture = tx.venture(id).await?.ok_or(Error::NotFound("this venture"))?;
    let run = tx.latest_run(id).await?;
    let current: BTreeMap<SectionName, _> = tx.current_sections(id).await?.into_iter().map(|s| (s.current.section.clone(), s)).collect();
    let attempts = match &run {
        Some(run) => tx.generations_of_run(run.id).await?,
        None => Vec::new(),
    };
    let sections = app.release().sections().into_iter().map(|template| {
        let state = state(app, &template.name, run.as_ref(), &attempts, &current);
        PlanSection { template: template.clone(), state }
    });
    Ok(Plan { sections: sections.collect(), venture, run })
}

fn state(
    app: &App,
    name: &SectionName,
    run: Option<&Run>,
    attempts: &[Generation],
    current: &BTreeMap<SectionName, domain::ventures::CurrentSection>,
) -> SectionState {
    let attempt = attempts.iter().filter(|g| g.section == *name && !g.was_stopped()).max_by_key(|g| g.created);
    let open = run.filter(|r| matches!(r.state, VentureRun::Running { .. }) && r.sections.contains(name) && attempt.is_none());
    match (open, current.get(name), attempt) {
        (Some(run), ..) if runs::is_writing(app, run.id, name) => SectionState::Writing,
        (Some(_), ..) => SectionState::Waiting,
        (None, Some(kept), _) => SectionState::Ready { generation: kept.current.clone(), stale: kept.stale },
        (None, None, Some(attempt)) => SectionState::Failed { generation: attempt.clone() },
        (None, None, None) => SectionState::NotAsked,
    }
}

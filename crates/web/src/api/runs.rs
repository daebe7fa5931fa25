//! Runs: started over sections of a venture, looked at, stopped. Following one is in `events.rs`.

use crate::Shared;
use crate::api::id;
use crate::api::paging::{Listing, Page, PageParams};
use crate::api::refusals::{Always, BadBody, Conflicting, Elsewhere, Unknown, Unreadable};
use crate::error::Problem;
use crate::fields::{Fields, Read, unless_faulty};
use crate::limits;
use crate::requests::{Asked, Path};
use crate::visitors::Visitor;
use app::App;
use app::runs::{self, Seen, Standing};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use domain::faults::Faults;
use domain::generations::Status;
use domain::ids::{RunId, VentureId};
use domain::runs::VentureRun;
use domain::sections::SectionName;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(start, list)).routes(routes!(get)).routes(routes!(cancel))
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum RunState {
    /// It waits for its turn.
    Queued,
    /// Sections are being made.
    Running,
    /// Every section was made or has failed.
    Finished,
    /// It was stopped; what was finished is kept.
    Cancelled,
}

/// Where a section of a run stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Progress {
    /// Its turn comes later.
    Waiting,
    /// It is being written.
    Writing,
    /// It is there.
    Complete,
    /// It is there, and its issues say what is wrong with it.
    Partial,
    /// It could not be made.
    Failed,
    /// The run ended before it was made.
    Stopped,
}

/// A section of a run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunSection {
    /// The section's name.
    name: String,
    status: Progress,
}

/// A run over sections of a venture.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    id: Uuid,
    venture_id: Uuid,
    state: RunState,
    /// Since when it is in this state: when it began or ended.
    state_since: DateTime<Utc>,
    created_at: DateTime<Utc>,
    /// What was asked for, and how far it is.
    sections: Vec<RunSection>,
    /// How many jobs come first, while it waits for its turn.
    ahead: Option<u64>,
    /// In how many seconds it will probably begin, while it waits and where that is known.
    expected_seconds: Option<u64>,
    /// When it goes on, while it waits because its owner has had as many generations as their tier gives.
    waiting_until: Option<DateTime<Utc>>,
    /// The number of its latest event, to be followed from.
    last_event: u64,
}

/// A run in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunSummary {
    id: Uuid,
    venture_id: Uuid,
    state: RunState,
    /// Since when it is in this state.
    state_since: DateTime<Utc>,
    created_at: DateTime<Utc>,
    /// The names of the sections that were asked for.
    sections: Vec<String>,
    /// The names of those that could not be made.
    failed: Vec<String>,
}

fn state(run: &VentureRun) -> (RunState, DateTime<Utc>) {
    match run {
        VentureRun::Queued { since } => (RunState::Queued, *since),
        VentureRun::Running { since } => (RunState::Running, *since),
        VentureRun::Finished { at, .. } => (RunState::Finished, *at),
        VentureRun::Cancelled { at } => (RunState::Cancelled, *at),
    }
}

/// Jobs that come first and the seconds until the turn; nothing once it has come.
pub(super) fn place(standing: Option<&Standing>) -> (Option<u64>, Option<u64>) {
    match standing {
        Some(Standing::Waiting { ahead, expected_ms }) => (Some(*ahead), expected_ms.map(|ms| ms.div_ceil(1000))),
        Some(Standing::Running) => (Some(0), Some(0)),
        Some(Standing::Ended) | None => (None, None),
    }
}

impl From<Seen> for Run {
    fn from(seen: Seen) -> Self {
        let (state, state_since) = state(&seen.run.state);
        let (ahead, expected_seconds) = place(seen.standing.as_ref());
        let status = |name: &SectionName| match seen.ended.iter().find(|(ended, _)| ended == name) {
            Some((_, Status::Complete)) => Progress::Complete,
            Some((_, Status::Partial)) => Progress::Partial,
            Some((_, Status::Failed)) => Progress::Failed,
            // A run that was given up names what it never came to.
            None if matches!(&seen.run.state, VentureRun::Finished { failed, .. } if failed.contains(name)) => Progress::Failed,
            None if !seen.run.state.is_open() => Progress::Stopped,
            None if seen.started.contains(name) => Progress::Writing,
            None => Progress::Waiting,
        };
        Self {
            id: seen.run.id.0,
            venture_id: seen.run.venture.0,
            state,
            state_since,
            created_at: seen.run.created,
            sections: seen.run.sections.iter().map(|name| RunSection { name: name.to_string(), status: status(name) }).collect(),
            ahead,
            expected_seconds,
            waiting_until: seen.waits_until,
            last_event: seen.last_event,
        }
    }
}

impl From<runs::Run> for RunSummary {
    fn from(run: runs::Run) -> Self {
        let (state, state_since) = state(&run.state);
        let failed = match &run.state {
            VentureRun::Finished { failed, .. } => failed.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        let sections = run.sections.iter().map(ToString::to_string).collect();
        Self { id: run.id.0, venture_id: run.venture.0, state, state_since, created_at: run.created, sections, failed }
    }
}

/// What is to be made.
#[derive(Debug, ToSchema)]
pub(crate) struct NewRun {
    /// Names of sections; all of them when not given or empty.
    #[schema(required = false, examples(json!(["smart-goals", "brand-kit"])))]
    sections: Vec<String>,
}

impl Read for NewRun {
    fn read(mut fields: Fields) -> Result<Self, Faults> {
        let sections = fields.texts("sections").unwrap_or_default();
        unless_faulty(Self { sections }, fields.all_faults())
    }
}

/// A run that was taken on.
pub(super) type Accepted = (StatusCode, [(header::HeaderName, String); 1], HeaderMap, Json<Run>);

/// Says where to look for what comes of a run that was just started, and where the quota stands before it takes from it.
pub(super) async fn accepted(app: &App, visitor: &Visitor, run: RunId) -> Result<Accepted, Problem> {
    let seen = runs::see(app, &visitor.caller, run).await?;
    let mut quota = HeaderMap::new();
    limits::describe_quota(app, &visitor.caller, &mut quota).await;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("/api/v1/runs/{run}"))], quota, Json(seen.into())))
}

/// Start a run
///
/// It goes on by itself: look at it, or follow its events. A venture has one run at a time.
#[utoipa::path(post, path = "/api/v1/ventures/{id}/runs", operation_id = "startRun", tag = "Runs", request_body = Option<NewRun>,
    params(("id" = Uuid, Path, description = "The venture"),
        ("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same key and body, the request answers with the run it started the first time.")),
    responses(
        (status = 202, description = "It is in line.", body = Run, headers(("location" = String, description = "The run's address"))),
        Unknown, BadBody, Conflicting, Elsewhere, Always))]
async fn start(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Asked { what, key }: Asked<NewRun>,
) -> Result<impl IntoResponse, Problem> {
    let (app, venture) = (&shared.app, id(&text, "this venture")?);
    let sections = runs::choose(app, &what.sections)?;
    let pass = shared.limits.plan(app, &visitor).await?;
    let run = pass.used_for(app, runs::start(app, &visitor.caller, venture, sections, key.as_ref()).await).await?;
    accepted(app, &visitor, run.id).await
}

/// List runs of a venture
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/ventures/{id}/runs", operation_id = "listRuns", tag = "Runs",
    params(("id" = Uuid, Path, description = "The venture"), PageParams),
    responses((status = 200, description = "A page of them.", body = Listing<RunSummary>), Unknown, Unreadable, Always))]
async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Path(text): Path<String>,
    page: Page,
) -> Result<Json<Listing<RunSummary>>, Problem> {
    let venture: VentureId = id(&text, "this venture")?;
    let found = runs::list(&app, &visitor.caller, venture, page.enough(), page.before.map(RunId)).await?;
    Ok(Json(page.of(found, |run| run.id.0, RunSummary::from)))
}

/// Get a run
#[utoipa::path(get, path = "/api/v1/runs/{id}", operation_id = "getRun", tag = "Runs",
    params(("id" = Uuid, Path, description = "The run")),
    responses((status = 200, description = "The run as it stands.", body = Run), Unknown, Always))]
async fn get(State(app): State<App>, visitor: Visitor, Path(text): Path<String>) -> Result<Json<Run>, Problem> {
    let seen = runs::see(&app, &visitor.caller, id(&text, "this run")?).await?;
    Ok(Json(seen.into()))
}

/// Stop a run
///
/// No further section starts and running calls are cancelled; what was finished stays. One that has ended stays as it is.
#[utoipa::path(post, path = "/api/v1/runs/{id}/cancel", operation_id = "cancelRun", tag = "Runs",
    params(("id" = Uuid, Path, description = "The run")),
    responses((status = 200, description = "The run as it is now.", body = Run), Unknown, Elsewhere, Always))]
async fn cancel(State(app): State<App>, visitor: Visitor, Path(text): Path<String>) -> Result<Json<Run>, Problem> {
    let run = runs::cancel(&app, &visitor.caller, id(&text, "this run")?).await?;
    let seen = runs::see(&app, &visitor.caller, run.id).await?;
    Ok(Json(seen.into()))
}

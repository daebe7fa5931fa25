//! Sections of a venture as they stand, and one made anew.

use crate::Shared;
use crate::api::refusals::{Always, BadBody, Conflicting, Elsewhere, NoSection, Unknown};
use crate::api::runs::{Run, accepted};
use crate::api::versions::{Confidence, Issue, Source, Status, Usage, Version};
use crate::api::{id, section};
use crate::error::Problem;
use crate::fields::{Fields, Read, unless_faulty};
use crate::requests::{Asked, Path};
use crate::visitors::Visitor;
use app::ventures::{PlanSection, SectionState};
use app::{App, runs, ventures};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use domain::faults::Faults;
use domain::ids::VentureId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(regenerate))
}

/// Where a section stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Stand {
    /// Nobody asked for it yet.
    NotAsked,
    /// Its turn comes later in the run.
    Waiting,
    /// It is being written now.
    Writing,
    /// It is there.
    Ready,
    /// It could not be made; its issues say why.
    Failed,
}

/// A section of a venture. While it is made anew, what was there before is still shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Section {
    #[schema(examples("smart-goals"))]
    name: String,
    title: String,
    /// What it is about, in a sentence.
    summary: String,
    /// The step of the plan it is shown in, from 1.
    step: Option<u8>,
    /// The names of the sections it is built from.
    depends_on: Vec<String>,
    state: Stand,
    /// Whether something it was built from has changed since.
    stale: bool,
    /// The id of the version shown; this and what follows is `null` or empty while there is none.
    version: Option<Uuid>,
    status: Option<Status>,
    confidence: Option<Confidence>,
    /// What was written, in the form the section's template promises.
    #[schema(value_type = Option<Object>)]
    output: Option<Value>,
    issues: Vec<Issue>,
    sources: Vec<Source>,
    /// Who wrote it, as `provider:model`.
    model: Option<String>,
    /// The release of the template it was made with.
    prompt_version: Option<String>,
    usage: Option<Usage>,
    created_at: Option<DateTime<Utc>>,
}

/// Every section of a venture.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sections {
    /// In the order people meet them.
    items: Vec<Section>,
}

impl From<PlanSection> for Section {
    fn from(section: PlanSection) -> Self {
        let (outdated, current) = section.current.map_or((false, None), |kept| (kept.stale, Some(kept.current)));
        let (state, shown) = match section.state {
            SectionState::NotAsked => (Stand::NotAsked, current),
            SectionState::Waiting => (Stand::Waiting, current),
            SectionState::Writing => (Stand::Writing, current),
            SectionState::Ready { .. } => (Stand::Ready, current),
            SectionState::Failed { generation } => (Stand::Failed, Some(generation)),
        };
        let template = &section.template;
        let mut view = Self {
            name: template.name.to_string(),
            title: template.title.clone(),
            summary: template.summary.clone(),
            step: template.step,
            depends_on: template.depends_on.iter().map(ToString::to_string).collect(),
            state,
            stale: outdated,
            version: None,
            status: None,
            confidence: None,
            output: None,
            issues: Vec::new(),
            sources: Vec::new(),
            model: None,
            prompt_version: None,
            usage: None,
            created_at: None,
        };
        if let Some(shown) = shown {
            view.show(shown.into());
        }
        view
    }
}

impl Section {
    fn show(&mut self, shown: Version) {
        self.version = Some(shown.id);
        self.status = Some(shown.status);
        self.confidence = Some(shown.confidence);
        self.output = Some(shown.output).filter(|output| !output.is_null());
        self.issues = shown.issues;
        self.sources = shown.sources;
        self.model = Some(shown.model).filter(|model| !model.is_empty());
        self.prompt_version = Some(shown.release);
        self.usage = Some(shown.usage);
        self.created_at = Some(shown.created_at);
    }
}

/// A body without fields.
struct Nothing;

impl Read for Nothing {
    fn read(fields: Fields) -> Result<Self, Faults> {
        unless_faulty(Self, fields.all_faults())
    }
}

/// List sections of a venture
#[utoipa::path(get, path = "/api/v1/ventures/{id}/sections", operation_id = "listSections", tag = "Sections",
    params(("id" = Uuid, Path, description = "The venture")),
    responses((status = 200, description = "All of them.", body = Sections), Unknown, Always))]
async fn list(State(app): State<App>, visitor: Visitor, Path(text): Path<String>) -> Result<Json<Sections>, Problem> {
    let plan = ventures::plan(&app, &visitor.caller, id(&text, "this venture")?).await?;
    Ok(Json(Sections { items: plan.sections.into_iter().map(Section::from).collect() }))
}

/// Get a section
#[utoipa::path(get, path = "/api/v1/ventures/{id}/sections/{name}", operation_id = "getSection", tag = "Sections",
    params(("id" = Uuid, Path, description = "The venture"), ("name" = String, Path, description = "The section's name")),
    responses((status = 200, description = "The section.", body = Section), Unknown, NoSection, Always))]
async fn get(State(app): State<App>, visitor: Visitor, Path((text, name)): Path<(String, String)>) -> Result<Json<Section>, Problem> {
    let name = section(&app, &name)?;
    let plan = ventures::plan(&app, &visitor.caller, id(&text, "this venture")?).await?;
    let found = plan.sections.into_iter().find(|section| section.template.name == name);
    Ok(Json(found.ok_or(app::Error::NotFound("this section"))?.into()))
}

/// Make a section anew
///
/// A run of this one section, from what the venture holds now. What was there stays until the new version is.
#[utoipa::path(post, path = "/api/v1/ventures/{id}/sections/{name}/regenerate", operation_id = "regenerateSection", tag = "Sections",
    params(("id" = Uuid, Path, description = "The venture"), ("name" = String, Path, description = "The section's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same key, the request answers with the run it started the first time.")),
    responses(
        (status = 202, description = "It is in line.", body = Run, headers(("location" = String, description = "The run's address"))),
        Unknown, BadBody, Conflicting, Elsewhere, Always))]
async fn regenerate(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path((text, name)): Path<(String, String)>,
    Asked { what: Nothing, key }: Asked<Nothing>,
) -> Result<impl IntoResponse, Problem> {
    let app = &shared.app;
    let name = section(app, &name)?;
    let venture: VentureId = id(&text, "this venture")?;
    let pass = shared.limits.generation(app, &visitor).await?;
    let run = pass.used_for(app, runs::start(app, &visitor.caller, venture, vec![name], key.as_ref()).await).await?;
    accepted(app, &visitor, run.id).await
}

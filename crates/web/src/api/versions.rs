//! Versions of a section: everything that was kept for it, and an earlier one made the current one again.

use crate::Shared;
use crate::api::paging::{Listing, Page, PageParams};
use crate::api::refusals::{Always, BadBody, Elsewhere, NoSection, Unknown, Unreadable};
use crate::api::{id, section};
use crate::error::Problem;
use crate::fields::{Fields, Read, unless_faulty};
use crate::requests::{Asked, Path};
use crate::visitors::Visitor;
use app::{App, ventures};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::faults::Faults;
use domain::generations::{self, Generation};
use domain::ids::GenerationId;
use domain::usage;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(restore))
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Status {
    /// Nothing is wrong with it.
    Complete,
    /// There is something to show, and its issues say what is wrong with it.
    Partial,
    /// There is nothing to show; its issues say why.
    Failed,
}

/// How far to rely on what was written.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Confidence {
    /// A draft model, no sources where there should be some, or open issues.
    Low,
    /// A capable model on its own knowledge.
    Medium,
    /// Backed by sources that were found.
    High,
}

/// Something that is wrong with an output.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Issue {
    /// The rule that found it.
    #[schema(examples("schema", "placeholder"))]
    rule: String,
    /// Where in the output, as a JSON Pointer (RFC 6901); empty for the whole.
    at: String,
    message: String,
}

/// A page that a claim rests on, as the search recorded it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Source {
    uri: String,
    title: String,
}

/// What making it has used, tokens as billed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Usage {
    /// All input tokens.
    input: u64,
    /// Those of them that were read from the provider's cache.
    cached: u64,
    /// All output tokens.
    pub(super) output: u64,
    /// Those of them that were spent on thinking.
    thoughts: u64,
    /// Calls to models, failed ones included.
    calls: u32,
    /// Millionths of a US dollar; `null` where a model has no price.
    cost_micro_usd: Option<i64>,
}

/// What was kept for a section.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Version {
    /// Its id.
    #[serde(rename = "version")]
    pub(super) id: Uuid,
    /// The section's name.
    pub(super) section: String,
    pub(super) status: Status,
    pub(super) confidence: Confidence,
    /// The section's output, in the form its template promises.
    #[schema(value_type = Object)]
    pub(super) output: Value,
    pub(super) issues: Vec<Issue>,
    pub(super) sources: Vec<Source>,
    /// Who wrote it, as `provider:model`.
    pub(super) model: String,
    /// The release of the template it was made with.
    #[serde(rename = "promptVersion")]
    pub(super) release: String,
    pub(super) usage: Usage,
    pub(super) created_at: DateTime<Utc>,
    /// How long making it took.
    duration_ms: u64,
}

impl From<generations::Status> for Status {
    fn from(status: generations::Status) -> Self {
        match status {
            generations::Status::Complete => Self::Complete,
            generations::Status::Partial => Self::Partial,
            generations::Status::Failed => Self::Failed,
        }
    }
}

impl From<generations::Confidence> for Confidence {
    fn from(confidence: generations::Confidence) -> Self {
        match confidence {
            generations::Confidence::Low => Self::Low,
            generations::Confidence::Medium => Self::Medium,
            generations::Confidence::High => Self::High,
        }
    }
}

impl From<generations::Issue> for Issue {
    fn from(issue: generations::Issue) -> Self {
        Self { rule: issue.rule, at: issue.at, message: issue.message }
    }
}

impl From<generations::Source> for Source {
    fn from(source: generations::Source) -> Self {
        Self { uri: source.uri, title: source.title }
    }
}

impl From<usage::Usage> for Usage {
    fn from(used: usage::Usage) -> Self {
        let usage::Tokens { input, cached, output, thoughts } = used.tokens;
        Self { input, cached, output, thoughts, calls: used.calls, cost_micro_usd: used.cost.map(|cost| cost.0) }
    }
}

impl From<Generation> for Version {
    fn from(kept: Generation) -> Self {
        Self {
            id: kept.id.0,
            section: kept.section.to_string(),
            status: kept.status.into(),
            confidence: kept.confidence.into(),
            output: kept.output,
            issues: kept.issues.into_iter().map(Issue::from).collect(),
            sources: kept.sources.into_iter().map(Source::from).collect(),
            model: kept.model,
            release: kept.prompt_version,
            usage: kept.usage.into(),
            created_at: kept.created,
            duration_ms: kept.duration_ms,
        }
    }
}

/// Which version is to be the current one.
#[derive(Debug, ToSchema)]
pub(crate) struct Restore {
    pub(super) version: Uuid,
}

impl Read for Restore {
    fn read(mut fields: Fields) -> Result<Self, Faults> {
        let text = fields.text("version");
        let mut faults = fields.all_faults();
        let version = text.as_ref().and_then(|text| text.parse().ok());
        match text {
            None if faults.is_empty() => faults.add("version", "is missing; it must be the id of a version"),
            Some(_) if version.is_none() => faults.add("version", "is not the id of a version"),
            _ => {}
        }
        unless_faulty(Self { version: version.unwrap_or_default() }, faults)
    }
}

/// List versions of a section
///
/// Everything that was kept for it, newest first. What could not be made is no version.
#[utoipa::path(get, path = "/api/v1/ventures/{id}/sections/{name}/versions", operation_id = "listVersions", tag = "Sections",
    params(("id" = Uuid, Path, description = "The venture"), ("name" = String, Path, description = "The section's name"), PageParams),
    responses((status = 200, description = "A page of them.", body = Listing<Version>), Unknown, NoSection, Unreadable, Always))]
async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Path((text, name)): Path<(String, String)>,
    page: Page,
) -> Result<Json<Listing<Version>>, Problem> {
    let (name, venture) = (section(&app, &name)?, id(&text, "this venture")?);
    let found = ventures::versions(&app, &visitor.caller, venture, &name, page.enough(), page.before.map(GenerationId)).await?;
    Ok(Json(page.of(found, |kept| kept.id.0, Version::from)))
}

/// Make an earlier version the current one again
///
/// Sections that were built from it are out of date then.
#[utoipa::path(post, path = "/api/v1/ventures/{id}/sections/{name}/restore", operation_id = "restoreVersion", tag = "Sections", request_body = Restore,
    params(("id" = Uuid, Path, description = "The venture"), ("name" = String, Path, description = "The section's name")),
    responses((status = 200, description = "The version that is the current one now.", body = Version), Unknown, BadBody, Elsewhere, Always))]
async fn restore(
    State(app): State<App>,
    visitor: Visitor,
    Path((text, name)): Path<(String, String)>,
    Asked { what, .. }: Asked<Restore>,
) -> Result<Json<Version>, Problem> {
    let (name, venture) = (section(&app, &name)?, id(&text, "this venture")?);
    let kept = ventures::restore(&app, &visitor.caller, venture, &name, GenerationId(what.version)).await?;
    Ok(Json(kept.into()))
}

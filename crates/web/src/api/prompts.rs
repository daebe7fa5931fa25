//! The template library, for the team's programs.

use crate::Shared;
use crate::api::refusals::{Always, Elsewhere, Unknown};
use crate::error::Problem;
use crate::visitors::Visitor;
use app::App;
use app::prompts::{self, Line, Overview};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list))
}

/// The library.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PromptLibrary)]
pub(crate) struct Prompts {
    /// The release production serves.
    production: String,
    /// The release staging serves.
    staging: String,
    items: Vec<Prompt>,
}

/// One template.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Prompt {
    name: String,
    title: String,
    /// `section` or `utility`.
    kind: &'static str,
    /// Step of the guided flow; utilities have none.
    step: Option<u8>,
    /// The version production serves.
    production: Option<String>,
    /// The version staging serves.
    staging: Option<String>,
    /// `fast` or `reasoning`.
    model_class: String,
    tests: usize,
    /// Input tokens of one call, estimated.
    input_tokens: Option<u64>,
    /// US dollars for 1,000 generations, estimated; `null` where the model has no price.
    cost_per_thousand: Option<f64>,
    /// Proposals on their way that change it.
    proposals: Vec<Uuid>,
}

impl From<Line> for Prompt {
    fn from(line: Line) -> Self {
        let template = &line.template;
        Self {
            name: template.name.to_string(),
            title: template.title.clone(),
            kind: if template.is_section() { "section" } else { "utility" },
            step: template.step,
            production: line.production.as_ref().map(ToString::to_string),
            staging: line.staging.as_ref().map(ToString::to_string),
            model_class: format!("{:?}", template.model).to_lowercase(),
            tests: line.tests,
            input_tokens: line.report.as_ref().map(|report| report.input),
            cost_per_thousand: line.report.as_ref().and_then(|report| report.cost_per_thousand),
            proposals: line.open.iter().map(|proposal| proposal.id.0).collect(),
        }
    }
}

/// List prompt templates
///
/// Sections in the order people meet them, then utilities. For whoever may view prompts; a token needs the scope `staff`.
#[utoipa::path(get, path = "/api/v1/prompts", operation_id = "listPrompts", tag = "Team",
    responses((status = 200, description = "All of them.", body = Prompts), Unknown, Elsewhere, Always))]
async fn list(State(app): State<App>, visitor: Visitor) -> Result<Json<Prompts>, Problem> {
    let Overview { production, staging, lines } = prompts::list(&app, &visitor.caller).await?;
    let items = lines.into_iter().map(Prompt::from).collect();
    Ok(Json(Prompts { production: production.to_string(), staging: staging.to_string(), items }))
}

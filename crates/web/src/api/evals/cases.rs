//! The cases of an eval: a page of verdicts, and one case with what it asked and what came back.

use super::named;
use crate::Shared;
use crate::api::paging::query;
use crate::api::refusals::{Always, Elsewhere, Unknown, Unreadable};
use crate::error::Problem;
use crate::requests::Path;
use crate::visitors::Visitor;
use app::App;
use app::evals::{self, CasesOf};
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use domain::evals as rules;
use domain::sections::SectionName;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Cases on a page, and the most there can be.
const USUAL: u64 = 50;
const MOST: u64 = 200;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// A case with its verdict.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EvalCase)]
pub(crate) struct Case {
    /// Its place in the eval, from 0.
    number: u32,
    section: String,
    description: String,
    /// `pass`, `fail` or `error`.
    outcome: &'static str,
    /// The weighted mean of its assertions, 0 to 1.
    score: f64,
    /// What the rubric gave its output, 0 to 100.
    quality: Option<f64>,
    latency_ms: u64,
    input_tokens: u64,
    output_tokens: u64,
    /// Millionths of a US dollar, where a price is known.
    cost_micro_dollars: Option<i64>,
    /// What was wrong, a sentence each.
    reasons: Vec<String>,
}

impl From<rules::CaseVerdict> for Case {
    fn from(kept: rules::CaseVerdict) -> Self {
        Self {
            number: kept.number,
            section: kept.section.to_string(),
            description: kept.description,
            outcome: kept.outcome.key(),
            score: kept.score,
            quality: kept.quality,
            latency_ms: kept.latency_ms,
            input_tokens: kept.tokens.input,
            output_tokens: kept.tokens.output,
            cost_micro_dollars: kept.cost.map(|cost| cost.0),
            reasons: kept.reasons,
        }
    }
}

/// Verdicts by number.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EvalCases)]
pub(crate) struct Cases {
    items: Vec<Case>,
    /// What `after` the next page is; `null` on the last one.
    next_after: Option<u32>,
}

/// A case with its texts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WholeEvalCase)]
pub(crate) struct Whole {
    verdict: Case,
    /// What was asked: the test's variables.
    vars: Value,
    /// What came back.
    output: Value,
}

/// Which cases are wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is read field by field, to say what is wrong")]
pub(crate) struct WantedParams {
    /// Most items to answer with; 50 if not given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// Only cases behind this number.
    after: Option<u32>,
    /// Of this template alone.
    section: Option<String>,
    /// `true` for those alone that did not pass.
    failing: Option<bool>,
}

struct Wanted {
    limit: u64,
    after: Option<u32>,
    section: Option<SectionName>,
    failing: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let wrong = |why: String| Problem::new(StatusCode::BAD_REQUEST, why);
        let mut wanted = Self { limit: USUAL, after: None, section: None, failing: false };
        for (name, value) in query(parts)?.into_iter().filter(|(_, value)| !value.is_empty()) {
            match name.as_str() {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                    wanted.limit = limit.ok_or_else(|| wrong(format!("limit must be a whole number from 1 to {MOST}")))?;
                }
                "after" => wanted.after = Some(value.parse().map_err(|_| wrong("after must be the number of a case".into()))?),
                "section" => {
                    wanted.section = Some(SectionName::parse(&value).map_err(|_| wrong("section must be the name of a template".into()))?);
                }
                "failing" => wanted.failing = value.parse().map_err(|_| wrong("failing must be true or false".into()))?,
                _ => {}
            }
        }
        Ok(wanted)
    }
}

/// List the cases of an eval
///
/// Those that have their verdict by now, by number. For whoever may view prompts; a token needs the scope `staff`.
#[utoipa::path(get, path = "/api/v1/evals/{id}/cases", operation_id = "listEvalCases", tag = "Team", params(("id" = Uuid, Path), WantedParams),
    responses((status = 200, description = "A page of them.", body = Cases), Unreadable, Unknown, Elsewhere, Always))]
async fn list(State(app): State<App>, visitor: Visitor, Path(id): Path<String>, wanted: Wanted) -> Result<Json<Cases>, Problem> {
    let of = CasesOf { section: wanted.section.as_ref(), failing: wanted.failing };
    // One more, to know whether there is a next page.
    let mut found = evals::page_of_cases(&app, &visitor.caller, named(&id)?, of, (wanted.limit + 1, wanted.after)).await?;
    let shown = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    let more = found.len() > shown;
    found.truncate(shown);
    let next_after = found.last().filter(|_| more).map(|last| last.number);
    Ok(Json(Cases { items: found.into_iter().map(Case::from).collect(), next_after }))
}

/// A case of an eval
///
/// With what it asked and what came back. For whoever may view prompts; a token needs the scope `staff`.
#[utoipa::path(get, path = "/api/v1/evals/{id}/cases/{number}", operation_id = "getEvalCase", tag = "Team",
    params(("id" = Uuid, Path), ("number" = u32, Path)), responses((status = 200, description = "It.", body = Whole), Unknown, Elsewhere, Always))]
async fn get(State(app): State<App>, visitor: Visitor, Path((id, number)): Path<(String, String)>) -> Result<Json<Whole>, Problem> {
    let found = evals::case(&app, &visitor.caller, named(&id)?, crate::api::id(&number, "this case")?).await?;
    Ok(Json(Whole { verdict: found.verdict.into(), vars: found.texts.vars, output: found.texts.output }))
}

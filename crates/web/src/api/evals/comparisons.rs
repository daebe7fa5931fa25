//! Two evals beside each other: what is different by more than chance.

use super::named;
use crate::Shared;
use crate::api::refusals::{Always, Conflicting, Elsewhere, Unknown};
use crate::error::Problem;
use crate::requests::Path;
use crate::visitors::Visitor;
use app::App;
use app::evals::{self, Beside};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(compare))
}

/// Two evals beside each other.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EvalComparison)]
pub(crate) struct Comparison {
    /// Whether they were asked different tests: then only the cases of both are compared.
    tests_differ: bool,
    /// Whether different models answered: then what differs need not come from the templates.
    models_differ: bool,
    /// Over all templates.
    whole: Part,
    /// Each template, by name.
    sections: Vec<Part>,
    /// Cases the second did better, the largest change first.
    better: Vec<Change>,
    /// Cases the second did worse, the largest change first.
    worse: Vec<Change>,
    /// Cases only the first has, as `section: case`.
    only_before: Vec<String>,
    /// Cases only the second has.
    only_after: Vec<String>,
}

/// One template, or the whole.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ComparedPart)]
pub(crate) struct Part {
    /// The template; empty for the whole.
    section: String,
    cases_before: usize,
    cases_after: usize,
    /// Cases of both.
    pairs: usize,
    metrics: Vec<Metric>,
}

/// One metric of both.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ComparedMetric)]
pub(crate) struct Metric {
    /// `pass rate`, `score`, `rubric` (each 0 to 1), `latency p50`, `latency p95` (milliseconds), `tokens`, `cost` (US dollars a case).
    name: &'static str,
    before: Option<Estimate>,
    after: Option<Estimate>,
    /// Second minus first, over the cases of both.
    difference: Option<Estimate>,
    /// How often chance alone would show a difference as large, before it is considered how many are looked at.
    p_value: Option<f64>,
    /// `better`, `worse`, `no difference seen`, `too few cases to say` or `not measured`.
    verdict: String,
}

/// A figure with the interval that holds the true one in 95 of 100 such runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Estimate {
    value: f64,
    low: f64,
    high: f64,
}

/// How a case changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChangedCase)]
pub(crate) struct Change {
    section: String,
    case: String,
    /// 0 to 1.
    passed_before: f64,
    passed_after: f64,
    score_delta: f64,
    /// Why the second did not pass it; empty when it did.
    reason: String,
}

impl From<evals::Part> for Part {
    fn from(part: evals::Part) -> Self {
        let metrics = part.metrics.into_iter().map(Metric::from).collect();
        Self { section: part.section, cases_before: part.cases_before, cases_after: part.cases_after, pairs: part.pairs, metrics }
    }
}

impl From<evals::Metric> for Metric {
    fn from(metric: evals::Metric) -> Self {
        let estimate = |figure: evals::Estimate| Estimate { value: figure.value, low: figure.low, high: figure.high };
        Self {
            name: metric.name,
            before: metric.before.map(estimate),
            after: metric.after.map(estimate),
            difference: metric.difference.map(estimate),
            p_value: metric.p_value,
            verdict: metric.verdict.to_string(),
        }
    }
}

impl From<evals::Change> for Change {
    fn from(change: evals::Change) -> Self {
        Self {
            section: change.section,
            case: change.case,
            passed_before: change.passed_before,
            passed_after: change.passed_after,
            score_delta: change.score_delta,
            reason: change.reason,
        }
    }
}

impl From<Beside> for Comparison {
    fn from(beside: Beside) -> Self {
        let (tests_differ, models_differ, found) = (beside.tests_differ(), beside.models_differ(), beside.comparison);
        let changes = |list: Vec<evals::Change>| list.into_iter().map(Change::from).collect();
        Self {
            tests_differ,
            models_differ,
            whole: found.whole.into(),
            sections: found.sections.into_iter().map(Part::from).collect(),
            better: changes(found.better),
            worse: changes(found.worse),
            only_before: found.only_before,
            only_after: found.only_after,
        }
    }
}

/// Compare two evals
///
/// What the second, whose id stands last, does better and worse than the first, with how sure that is. Both have to be finished. For
/// whoever may view prompts; a token needs the scope `staff`.
#[utoipa::path(get, path = "/api/v1/evals/{id}/compared-with/{after}", operation_id = "compareEvals", tag = "Team",
    params(("id" = Uuid, Path), ("after" = Uuid, Path)),
    responses((status = 200, description = "The two beside each other.", body = Comparison), Conflicting, Unknown, Elsewhere, Always))]
async fn compare(
    State(app): State<App>,
    visitor: Visitor,
    Path((before, after)): Path<(String, String)>,
) -> Result<Json<Comparison>, Problem> {
    let beside = evals::compare_kept(&app, &visitor.caller, named(&before)?, named(&after)?).await?;
    Ok(Json(beside.into()))
}

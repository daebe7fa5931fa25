//! Evals, for the team's programs: asked for, followed, stopped, read case by case, and compared.

mod cases;
mod comparisons;

use crate::Shared;
use crate::api::paging::{Listing, Page, PageParams, query};
use crate::api::refusals::{Always, BadBody, Conflicting, Elsewhere, Unknown, Unreadable};
use crate::error::Problem;
use crate::fields::{Fields, Read, unless_faulty};
use crate::requests::{Asked, Path};
use crate::visitors::Visitor;
use app::App;
use app::evals::{self, Begun, Standing};
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use domain::evals as rules;
use domain::faults::Faults;
use domain::ids::{EvalId, ProposalId};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    let own = OpenApiRouter::new().routes(routes!(list, begin)).routes(routes!(get)).routes(routes!(stop));
    own.merge(cases::routes()).merge(comparisons::routes())
}

/// A run of test cases against a release, or what a proposal would become.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Eval {
    id: Uuid,
    version: String,
    /// The proposal, where it is no release yet.
    proposal: Option<Uuid>,
    /// SHA-256 over all templates of that release with their schemas. A gate takes no eval of another content.
    content: String,
    /// The models of each class, first to last.
    models: String,
    /// SHA-256 over all test cases.
    suite: String,
    /// `running`, `finished` or `stopped`.
    progress: &'static str,
    /// Why it was stopped.
    reason: Option<String>,
    /// Cases that have their verdict; `null` for a running one in a list, where they are not counted.
    judged: Option<u32>,
    /// Cases it has.
    cases: u32,
    /// Seconds until the others have their verdict, at the pace it went so far; `null` where that cannot be said, and at the end.
    seconds_left: Option<u64>,
    /// Of all cases that have their verdict.
    total: Figures,
    /// Of each template's.
    sections: BTreeMap<String, Figures>,
    /// Who asked for it; `null` for the command line.
    by: Option<Uuid>,
    created_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

/// The figures of cases.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EvalFigures)]
pub(crate) struct Figures {
    tests: u32,
    passed: u32,
    failed: u32,
    /// Cases that could not be judged. They count as failures.
    errors: u32,
    /// 0 to 1.
    pass_rate: f64,
    /// The mean of what the rubric gave, 0 to 100.
    quality: Option<f64>,
    latency_p50_ms: u64,
    latency_p95_ms: u64,
    input_tokens: u64,
    output_tokens: u64,
    /// Millionths of a US dollar; `null` as soon as one answer has no price.
    cost_micro_dollars: Option<i64>,
}

impl From<&rules::Figures> for Figures {
    fn from(kept: &rules::Figures) -> Self {
        Self {
            tests: kept.tests,
            passed: kept.passed,
            failed: kept.failed,
            errors: kept.errors,
            pass_rate: kept.pass_rate(),
            quality: kept.quality,
            latency_p50_ms: kept.latency_p50_ms,
            latency_p95_ms: kept.latency_p95_ms,
            input_tokens: kept.tokens.input,
            output_tokens: kept.tokens.output,
            cost_micro_dollars: kept.cost.map(|cost| cost.0),
        }
    }
}

impl Eval {
    /// With how far it is, where that is known; in a list it is not.
    fn of(kept: rules::Eval, standing: Option<Standing>) -> Self {
        let subject = kept.subject;
        Self {
            id: kept.id.0,
            version: subject.version.to_string(),
            proposal: subject.proposal.map(|proposal| proposal.0),
            content: subject.content,
            models: subject.models,
            suite: subject.suite,
            progress: kept.progress.key(),
            reason: kept.reason,
            judged: standing.map(|standing| standing.judged).or((kept.progress != rules::Progress::Running).then_some(kept.total.tests)),
            cases: standing.map_or(kept.cases, |standing| standing.of),
            seconds_left: standing.and_then(|standing| standing.left_seconds),
            total: (&kept.total).into(),
            sections: kept.sections.iter().map(|(name, figures)| (name.to_string(), figures.into())).collect(),
            by: kept.by.account().map(|owner| owner.0),
            created_at: kept.created,
            ended_at: kept.ended,
        }
    }
}

/// What is evaluated: a proposal, or a release.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewEval)]
pub(crate) struct Begin {
    /// A proposal, as the release it would become.
    proposal: Option<Uuid>,
    /// A release.
    version: Option<String>,
}

impl Read for Begin {
    fn read(mut fields: Fields) -> Result<Self, Faults> {
        let (named, version) = (fields.text("proposal"), fields.text("version"));
        let mut faults = fields.all_faults();
        if named.is_some() == version.is_some() {
            faults.add("proposal", "name either a proposal or a version, not both");
        }
        let proposal = named.as_ref().and_then(|text| text.parse().ok());
        if named.is_some() && proposal.is_none() {
            faults.add("proposal", "must be the id of a proposal");
        }
        unless_faulty(Self { proposal, version }, faults)
    }
}

/// What was begun.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BegunEvals {
    /// Of the proposal or release.
    eval: Eval,
    /// Of what production serves, by the same tests: the gate compares the two. `null` where they are the same.
    baseline: Option<Eval>,
    /// The same again where staging and production are served with different models: each has a gate of its own.
    also: Vec<Eval>,
}

/// Whose evals are listed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is read field by field, to say what is wrong")]
pub(crate) struct WhoseParams {
    /// Of this proposal alone.
    proposal: Option<Uuid>,
}

struct Whose(Option<ProposalId>);

impl<S: Send + Sync> FromRequestParts<S> for Whose {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let named = query(parts)?.into_iter().find(|(name, value)| name == "proposal" && !value.is_empty());
        let wrong = |_| Problem::new(StatusCode::BAD_REQUEST, "proposal must be the id of a proposal");
        Ok(Self(named.map(|(_, value)| value.parse()).transpose().map_err(wrong)?))
    }
}

/// List evals
///
/// Newest first, with the figures of those that have ended. For whoever may view prompts; a token needs the scope `staff`.
#[utoipa::path(get, path = "/api/v1/evals", operation_id = "listEvals", tag = "Team", params(PageParams, WhoseParams),
    responses((status = 200, description = "A page of them.", body = Listing<Eval>), Unreadable, Unknown, Elsewhere, Always))]
async fn list(State(app): State<App>, visitor: Visitor, page: Page, Whose(proposal): Whose) -> Result<Json<Listing<Eval>>, Problem> {
    let found = evals::list(&app, &visitor.caller, proposal, page.enough(), page.before.map(EvalId)).await?;
    Ok(Json(page.of(found, |eval| eval.id.0, |eval| Eval::of(eval, None))))
}

/// Evaluate a proposal or a release
///
/// By the tests of the templates a gate asks about, with the models the server works with, in the background. Asked again while it runs,
/// it answers with the one that is running. For whoever may edit prompts; a token needs the scope `staff`.
#[utoipa::path(post, path = "/api/v1/evals", operation_id = "beginEval", tag = "Team", request_body = Begin,
    responses((status = 202, description = "It is in line.", body = BegunEvals), BadBody, Conflicting, Unknown, Elsewhere, Always))]
async fn begin(
    State(app): State<App>,
    visitor: Visitor,
    Asked { what, .. }: Asked<Begin>,
) -> Result<(StatusCode, Json<BegunEvals>), Problem> {
    let Begun { eval, baseline, also } = match (what.proposal, what.version) {
        (Some(proposal), _) => evals::ask_for_proposal(&app, &visitor.caller, ProposalId(proposal)).await?,
        (None, version) => evals::ask_for_release(&app, &visitor.caller, &version.unwrap_or_default()).await?,
    };
    let shown = |eval| Eval::of(eval, None);
    let begun = BegunEvals { eval: shown(eval), baseline: baseline.map(shown), also: also.into_iter().map(shown).collect() };
    Ok((StatusCode::ACCEPTED, Json(begun)))
}

/// An eval
///
/// How far it is, and the figures it has by now. For whoever may view prompts; a token needs the scope `staff`.
#[utoipa::path(get, path = "/api/v1/evals/{id}", operation_id = "getEval", tag = "Team", params(("id" = Uuid, Path)),
    responses((status = 200, description = "It.", body = Eval), Unknown, Elsewhere, Always))]
async fn get(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Result<Json<Eval>, Problem> {
    let sheet = evals::sheet(&app, &visitor.caller, named(&id)?).await?;
    Ok(Json(Eval::of(sheet.eval, Some(sheet.standing))))
}

/// Stop an eval
///
/// What it has decides nothing. For whoever may edit prompts; a token needs the scope `staff`.
#[utoipa::path(post, path = "/api/v1/evals/{id}/stop", operation_id = "stopEval", tag = "Team", params(("id" = Uuid, Path)),
    responses((status = 200, description = "It, stopped.", body = Eval), Conflicting, Unknown, Elsewhere, Always))]
async fn stop(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Result<Json<Eval>, Problem> {
    let id = named(&id)?;
    evals::stop(&app, &visitor.caller, id).await?;
    let sheet = evals::sheet(&app, &visitor.caller, id).await?;
    Ok(Json(Eval::of(sheet.eval, Some(sheet.standing))))
}

/// An eval out of an address.
fn named(id: &str) -> Result<EvalId, Problem> {
    crate::api::id(id, "this eval")
}

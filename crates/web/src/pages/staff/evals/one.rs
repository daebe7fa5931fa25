//! One eval: its figures by section, and the matrix of its cases.

use super::words::{Figured, cost, outcome, readable};
use crate::error::PageResult;
use crate::pages::forms::Query;
use crate::pages::members::{Staff, id};
use crate::pages::render;
use crate::pages::staff::people::Names;
use crate::requests::{Form, Nothing, Path};
use crate::shell::Shell;
use crate::views::moment;
use crate::{Shared, paths};
use app::{App, evals, gates};
use axum::Router;
use axum::extract::State;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use domain::evals::{CaseVerdict, Eval, Figures, Outcome, Progress};
use domain::ids::EvalId;
use domain::roles::Right;
use domain::sections::SectionName;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/staff/evals/{id}", get(one)).route("/staff/evals/{id}/stop", post(stop))
}

#[derive(askama::Template)]
#[template(path = "staff/evals/one.html")]
struct EvalPage {
    shell: Shell,
    path: String,
    version: String,
    proposal: Option<String>,
    models: String,
    by: String,
    begun: String,
    progress: Progress,
    reason: Option<String>,
    may_stop: bool,
    total: Figured,
    sections: Vec<SectionRow>,
    /// What the cases below are of, and whether only those that do not pass are shown.
    shown: Option<String>,
    failing: bool,
    ways: Vec<(&'static str, String, bool)>,
    cases: Vec<CaseRow>,
    /// Beside what production had, with the same tests.
    beside: Option<String>,
}

struct SectionRow {
    name: String,
    path: String,
    here: bool,
    figures: Figured,
}

struct CaseRow {
    number: u32,
    section: String,
    description: String,
    outcome: &'static str,
    tone: &'static str,
    score: String,
    quality: String,
    latency_ms: u64,
    cost: String,
    reasons: Vec<String>,
    vars: String,
    output: String,
}

impl CaseRow {
    fn of(case: &CaseVerdict) -> Self {
        Self {
            number: case.number + 1,
            section: case.section.to_string(),
            description: case.description.clone(),
            outcome: outcome(case),
            tone: if case.outcome == Outcome::Pass { "pass" } else { "short" },
            score: format!("{:.2}", case.score),
            quality: case.quality.map_or_else(|| "–".into(), |quality| format!("{quality:.1}")),
            latency_ms: case.latency_ms,
            cost: cost(case.cost),
            reasons: case.reasons.clone(),
            vars: readable(&case.vars),
            output: readable(&case.output),
        }
    }
}

/// The figures by section of the cases that are judged by now.
fn sections(path: &str, cases: &[CaseVerdict], here: Option<&SectionName>) -> Vec<SectionRow> {
    let mut names: Vec<&SectionName> = cases.iter().map(|case| &case.section).collect();
    names.dedup();
    let row = |name: &SectionName| SectionRow {
        name: name.to_string(),
        path: format!("{}#cases", paths::with(path, &[("section", name.as_str())])),
        here: here == Some(name),
        figures: Figured::of(&Figures::of(cases.iter().filter(|case| case.section == *name))),
    };
    names.into_iter().map(row).collect()
}

async fn one(State(app): State<App>, Staff(visitor): Staff, Path(text): Path<String>, query: Query) -> PageResult<Html<String>> {
    let caller = &visitor.caller;
    let eval = evals::get(&app, caller, id(&text, "this eval")?).await?;
    let cases = evals::cases(&app, caller, eval.id, None).await?;
    let (names, path) = (Names::load(&app, caller).await?, paths::eval(eval.id));
    let section = SectionName::parse(query.get("section")).ok();
    let failing = query.get("failing") == "yes";
    let wanted =
        |case: &&CaseVerdict| section.as_ref().is_none_or(|name| case.section == *name) && (!failing || case.outcome != Outcome::Pass);
    let named = section.as_ref().map(ToString::to_string).unwrap_or_default();
    let way = |failing: &str| format!("{}#cases", paths::with(&path, &[("section", &named), ("failing", failing)]));
    render(&EvalPage {
        shell: Shell::of(&app, &visitor),
        version: eval.subject.version.to_string(),
        proposal: eval.subject.proposal.map(paths::proposal),
        models: eval.subject.models.clone(),
        by: names.of(eval.by),
        begun: moment(eval.created),
        progress: eval.progress,
        reason: eval.reason.clone(),
        may_stop: eval.progress == Progress::Running && caller.has(&app, Right::EditPrompts),
        total: Figured::of(&Figures::of(&cases)),
        sections: sections(&path, &cases, section.as_ref()),
        ways: vec![("All", way(""), !failing), ("Only those that do not pass", way("yes"), failing)],
        failing,
        cases: cases.iter().filter(wanted).map(CaseRow::of).collect(),
        beside: baseline(&app, caller, &eval).await?.map(|before| paths::evals_beside(before, eval.id)),
        shown: section.map(|name| name.to_string()),
        path,
    })
}

/// The eval of what production has, that this one is measured against.
async fn baseline(app: &App, caller: &app::Caller, eval: &Eval) -> app::Result<Option<EvalId>> {
    let answer = match eval.subject.proposal {
        Some(proposal) => gates::of_proposal(app, caller, proposal).await,
        None => gates::of_release(app, caller, &eval.subject.version).await,
    };
    match answer {
        Ok(answer) => Ok(answer.baseline.map(|before| before.id).filter(|before| *before != eval.id)),
        // Its proposal does not go with the library any more: there is nothing to compare it with.
        Err(app::Error::Invalid(_) | app::Error::NotFound(_) | app::Error::Internal(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

async fn stop(
    State(app): State<App>,
    Staff(visitor): Staff,
    Path(text): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> PageResult<Redirect> {
    let eval: EvalId = id(&text, "this eval")?;
    evals::stop(&app, &visitor.caller, eval).await?;
    Ok(Redirect::to(&paths::eval(eval)))
}

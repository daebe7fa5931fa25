//! One eval: its figures by section, and the matrix of its cases, a page at a time.

use super::words::{Figured, cost, outcome};
use crate::error::PageResult;
use crate::pages::forms::Query;
use crate::pages::members::{Staff, id};
use crate::pages::render;
use crate::pages::staff::people::Names;
use crate::pages::staff::{ENOUGH, page};
use crate::requests::{Form, Nothing, Path};
use crate::shell::Shell;
use crate::views::moment;
use crate::{Shared, paths};
use app::evals::{CasesOf, Sheet, Standing};
use app::{App, evals};
use axum::Router;
use axum::extract::State;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use domain::evals::{CaseVerdict, Outcome, Progress, models_by_class};
use domain::ids::EvalId;
use domain::roles::Right;
use domain::sections::SectionName;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/staff/evals/{id}", get(one))
        .route("/staff/evals/{id}/standing", get(standing))
        .route("/staff/evals/{id}/stop", post(stop))
}

#[derive(askama::Template)]
#[template(path = "staff/evals/one.html")]
struct EvalPage {
    shell: Shell,
    path: String,
    version: String,
    proposal: Option<String>,
    models: Vec<(String, String)>,
    by: String,
    begun: String,
    progress: Progress,
    reason: Option<String>,
    may_stop: bool,
    standing: StandingView,
    total: Figured,
    sections: Vec<SectionRow>,
    /// What the cases below are of, and whether only those that do not pass are shown.
    shown: Option<String>,
    failing: bool,
    ways: Vec<(&'static str, String, bool)>,
    cases: Vec<CaseRow>,
    /// Where the list goes on, and where it begins again.
    more: Option<String>,
    first: Option<String>,
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
    path: String,
    number: u32,
    section: String,
    description: String,
    outcome: &'static str,
    tone: &'static str,
    figures: String,
    reasons: Vec<String>,
}

/// How far an eval is, in words and as a bar.
#[derive(askama::Template)]
#[template(path = "staff/evals/standing.html")]
struct StandingView {
    running: bool,
    judged: u32,
    of: u32,
    left: Option<String>,
}

impl StandingView {
    fn of(standing: Standing) -> Self {
        let Standing { progress, judged, of, left_seconds } = standing;
        let left = left_seconds.map(|seconds| match seconds {
            0..90 => format!("about {seconds} seconds left"),
            _ => format!("about {} minutes left", seconds.div_ceil(60)),
        });
        Self { running: progress == Progress::Running, judged, of, left }
    }

    /// Where the bar ends; a bar has a length.
    fn most(&self) -> u32 {
        self.of.max(1)
    }
}

impl CaseRow {
    fn of(path: &str, case: &CaseVerdict) -> Self {
        Self {
            path: format!("{path}/cases/{}", case.number + 1),
            number: case.number + 1,
            section: case.section.to_string(),
            description: case.description.clone(),
            outcome: outcome(case),
            tone: if case.outcome == Outcome::Pass { "pass" } else { "short" },
            figures: figures(case),
            reasons: case.reasons.clone(),
        }
    }
}

/// The figures of one case in a line; those that were not measured are left out.
pub(super) fn figures(case: &CaseVerdict) -> String {
    let mut said = vec![format!("score {:.2}", case.score)];
    said.extend(case.quality.map(|quality| format!("quality {quality:.1}")));
    said.push(format!("{} ms", case.latency_ms));
    said.push(cost(case.cost));
    said.join(" · ")
}

/// Which cases are looked at.
struct Looked {
    section: Option<SectionName>,
    failing: bool,
    after: Option<u32>,
}

impl Looked {
    fn of(query: &Query) -> Self {
        Self { section: SectionName::parse(query.get("section")).ok(), failing: query.get("failing") == "yes", after: query.id("after") }
    }

    /// Where cases of this kind are listed.
    fn path(&self, path: &str, failing: bool, after: &str) -> String {
        let section = self.section.as_ref().map(ToString::to_string).unwrap_or_default();
        let failing = if failing { "yes" } else { "" };
        format!("{}#cases", paths::with(path, &[("section", &section), ("failing", failing), ("after", after)]))
    }
}

async fn one(State(app): State<App>, Staff(visitor): Staff, Path(text): Path<String>, query: Query) -> PageResult<Html<String>> {
    let caller = &visitor.caller;
    let Sheet { eval, standing, baseline } = evals::sheet(&app, caller, id(&text, "this eval")?).await?;
    let looked = Looked::of(&query);
    let of = CasesOf { section: looked.section.as_ref(), failing: looked.failing };
    let (cases, last) = page(evals::page_of_cases(&app, caller, eval.id, of, (ENOUGH, looked.after)).await?, |case| case.number);
    let (names, path) = (Names::load(&app, caller).await?, paths::eval(eval.id));
    let row = |(name, figures): (&SectionName, _)| SectionRow {
        name: name.to_string(),
        path: format!("{}#cases", paths::with(&path, &[("section", name.as_str())])),
        here: looked.section.as_ref() == Some(name),
        figures: Figured::of(figures),
    };
    render(&EvalPage {
        shell: Shell::of(&app, &visitor),
        version: eval.subject.version.to_string(),
        proposal: eval.subject.proposal.map(paths::proposal),
        models: models_by_class(&eval.subject.models),
        by: names.of(eval.by),
        begun: moment(eval.created),
        progress: eval.progress,
        reason: eval.reason.clone(),
        may_stop: eval.progress == Progress::Running && caller.has(&app, Right::EditPrompts),
        standing: StandingView::of(standing),
        total: Figured::of(&eval.total),
        sections: eval.sections.iter().map(row).collect(),
        ways: vec![
            ("All", looked.path(&path, false, ""), !looked.failing),
            ("Only those that do not pass", looked.path(&path, true, ""), looked.failing),
        ],
        failing: looked.failing,
        cases: cases.iter().map(|case| CaseRow::of(&path, case)).collect(),
        more: last.map(|last| looked.path(&path, looked.failing, &last)),
        first: looked.after.map(|_| looked.path(&path, looked.failing, "")),
        beside: baseline.map(|before| paths::evals_beside(before, eval.id)),
        shown: looked.section.map(|name| name.to_string()),
        path,
    })
}

/// How far it is, for the page to put in while it waits.
async fn standing(State(app): State<App>, Staff(visitor): Staff, Path(text): Path<String>) -> PageResult<Html<String>> {
    render(&StandingView::of(evals::standing(&app, &visitor.caller, id(&text, "this eval")?).await?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_said_by_class() {
        let said = models_by_class("fast=gemini:flash,openai:mini;reasoning=gemini:pro");
        assert_eq!(said, [("fast".into(), "gemini:flash, then openai:mini".into()), ("reasoning".into(), "gemini:pro".into())]);
    }

    #[test]
    fn waiting_says_how_long() {
        let standing = |left_seconds| Standing { progress: Progress::Running, judged: 7, of: 20, left_seconds };
        let left = |seconds| StandingView::of(standing(seconds)).left;
        assert_eq!(left(None), None);
        assert_eq!(left(Some(40)).as_deref(), Some("about 40 seconds left"));
        assert_eq!(left(Some(130)).as_deref(), Some("about 3 minutes left"));
    }
}

//! Two evals beside each other: by metric and section with how sure a difference is, and the cases that changed, with both answers.

use super::words::readable;
use crate::Shared;
use crate::error::PageResult;
use crate::pages::forms::Query;
use crate::pages::members::Staff;
use crate::pages::render;
use crate::pages::staff::diffs::Diff;
use crate::paths;
use crate::shell::Shell;
use app::evals::{self, Beside};
use app::{App, Error};
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use evals::{Change, Difference, Estimate, Part, SHOWN};

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/staff/evals/compare", get(compare))
}

#[derive(askama::Template)]
#[template(path = "staff/evals/compare.html")]
struct ComparePage {
    shell: Shell,
    before: (String, String),
    after: (String, String),
    /// What somebody has to know who reads the figures.
    cautions: Vec<&'static str>,
    parts: Vec<PartView>,
    changes: Vec<Changed>,
    only_before: Vec<String>,
    only_after: Vec<String>,
}

/// Cases that changed in one direction.
struct Changed {
    title: &'static str,
    /// What is said where there are none.
    none: &'static str,
    /// How many there are; of many, those that changed most are shown.
    all: usize,
    shown: Vec<ChangeView>,
}

impl Changed {
    fn of(title: &'static str, none: &'static str, beside: &Beside, changes: &[Change]) -> Self {
        Self { title, none, all: changes.len(), shown: changes.iter().take(SHOWN).map(|one| change(beside, one)).collect() }
    }
}

struct PartView {
    name: String,
    pairs: usize,
    metrics: Vec<MetricView>,
}

struct MetricView {
    name: &'static str,
    before: String,
    after: String,
    difference: String,
    verdict: String,
    tone: &'static str,
}

struct ChangeView {
    section: String,
    case: String,
    passed: String,
    reason: String,
    diff: Option<Diff>,
}

impl PartView {
    fn of(part: &Part) -> Self {
        let metrics = part.metrics.iter().map(|metric| MetricView {
            name: metric.name,
            before: metric.before.map_or_else(|| "–".into(), |figure| in_unit(metric.name, figure.value)),
            after: metric.after.map_or_else(|| "–".into(), |figure| in_unit(metric.name, figure.value)),
            difference: metric.difference.map_or_else(|| "–".into(), |figure| between(metric.name, figure)),
            verdict: metric.verdict.to_string(),
            tone: match metric.verdict {
                Difference::Better => "pass",
                Difference::Worse => "short",
                Difference::NoDifferenceSeen | Difference::TooFewCases | Difference::NotMeasured => "past",
            },
        });
        let name = if part.section.is_empty() { "All sections".to_owned() } else { part.section.clone() };
        Self { name, pairs: part.pairs, metrics: metrics.collect() }
    }
}

fn in_unit(metric: &str, value: f64) -> String {
    match metric {
        "pass rate" => format!("{:.1} %", value * 100.0),
        "score" => format!("{value:.3}"),
        "rubric" => format!("{:.1}", value * 100.0),
        "cost" => format!("${value:.6}"),
        "tokens" => format!("{value:.0}"),
        _ => format!("{value:.0} ms"),
    }
}

fn between(metric: &str, figure: Estimate) -> String {
    let sign = if figure.value > 0.0 { "+" } else { "" };
    format!("{sign}{} ({} to {})", in_unit(metric, figure.value), in_unit(metric, figure.low), in_unit(metric, figure.high))
}

fn change(beside: &Beside, change: &Change) -> ChangeView {
    let answers = beside.answers(change).map(|(before, after)| (readable(before), readable(after)));
    ChangeView {
        section: change.section.clone(),
        case: change.case.clone(),
        passed: match (change.passed_before >= 1.0, change.passed_after >= 1.0) {
            (true, false) => "passed, does not any more".into(),
            (false, true) => "passes now".into(),
            _ => format!("score {:+.2}", change.score_delta),
        },
        reason: change.reason.clone(),
        diff: answers
            .map(|(before, after)| Diff::of(format!("The answers to {}", change.case), &before, &after))
            .filter(|diff| !diff.is_empty()),
    }
}

async fn compare(State(app): State<App>, Staff(visitor): Staff, query: Query) -> PageResult<Html<String>> {
    let named = |name: &str| query.id(name).ok_or(Error::NotFound("this eval"));
    let beside = evals::compare_kept(&app, &visitor.caller, named("before")?, named("after")?).await?;
    let head = |eval: &domain::evals::Eval| (eval.subject.version.to_string(), paths::eval(eval.id));
    let comparison = &beside.comparison;
    let cautions = [
        (beside.tests_differ(), "They were asked different tests: only the cases that both have are compared."),
        (beside.models_differ(), "Different models answered: what differs below need not come from the prompts."),
    ];
    render(&ComparePage {
        shell: Shell::of(&app, &visitor),
        before: head(&beside.before),
        after: head(&beside.after),
        cautions: cautions.into_iter().filter(|(holds, _)| *holds).map(|(_, said)| said).collect(),
        parts: std::iter::once(&comparison.whole).chain(&comparison.sections).map(PartView::of).collect(),
        changes: vec![
            Changed::of("What got worse", "No case got worse.", &beside, &comparison.worse),
            Changed::of("What got better", "No case got better.", &beside, &comparison.better),
        ],
        only_before: comparison.only_before.clone(),
        only_after: comparison.only_after.clone(),
    })
}

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
use domain::evals::CaseVerdict;
use evals::{Change, Difference, Estimate, Part};

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/staff/evals/compare", get(compare))
}

/// Cases whose answers are shown beside each other.
const SHOWN: usize = 30;

#[derive(askama::Template)]
#[template(path = "staff/evals/compare.html")]
struct ComparePage {
    shell: Shell,
    before: (String, String),
    after: (String, String),
    parts: Vec<PartView>,
    /// What changed: a heading, what is said where there is nothing, and the cases.
    changes: Vec<(&'static str, &'static str, Vec<ChangeView>)>,
    only_before: Vec<String>,
    only_after: Vec<String>,
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
    let of = |cases: &[CaseVerdict]| {
        let found = cases.iter().find(|case| case.section.as_str() == change.section && case.description == change.case);
        found.map(|case| readable(&case.output))
    };
    let diff = of(&beside.before.1).zip(of(&beside.after.1));
    ChangeView {
        section: change.section.clone(),
        case: change.case.clone(),
        passed: match (change.passed_before >= 1.0, change.passed_after >= 1.0) {
            (true, false) => "passed, does not any more".into(),
            (false, true) => "passes now".into(),
            _ => format!("score {:+.2}", change.score_delta),
        },
        reason: change.reason.clone(),
        diff: diff
            .map(|(before, after)| Diff::of(format!("The answers to {}", change.case), &before, &after))
            .filter(|diff| !diff.is_empty()),
    }
}

async fn compare(State(app): State<App>, Staff(visitor): Staff, query: Query) -> PageResult<Html<String>> {
    let named = |name: &str| query.id(name).ok_or(Error::NotFound("this eval"));
    let beside = evals::compare_kept(&app, &visitor.caller, named("before")?, named("after")?).await?;
    let head = |eval: &domain::evals::Eval| (eval.subject.version.to_string(), paths::eval(eval.id));
    let comparison = &beside.comparison;
    let changed = |changes: &[Change]| changes.iter().take(SHOWN).map(|one| change(&beside, one)).collect();
    render(&ComparePage {
        shell: Shell::of(&app, &visitor),
        before: head(&beside.before.0),
        after: head(&beside.after.0),
        parts: std::iter::once(&comparison.whole).chain(&comparison.sections).map(PartView::of).collect(),
        changes: vec![
            ("What got worse", "No case got worse.", changed(&comparison.worse)),
            ("What got better", "No case got better.", changed(&comparison.better)),
        ],
        only_before: comparison.only_before.clone(),
        only_after: comparison.only_after.clone(),
    })
}

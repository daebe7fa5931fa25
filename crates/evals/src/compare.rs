//! Two runs beside each other: what got better, what got worse, and whether the difference is more than chance. Reads the JSONL files of
//! runs line by line, or takes the figures of cases that are kept elsewhere; of each result only its figures are kept, some hundred bytes,
//! so that runs of any size fit.
//!
//! Results are matched by section (what the answer says of itself, else the prompt's label) and case (its description and its variables),
//! not by provider: that is what differs between the two. Repetitions of a case count as one, by their mean.
//!
//! How sure a difference is, [`statistics`] says.

mod statistics;

use crate::results::{CaseResult, Outcome, lines};
use serde::Serialize;
use serde_json::Value;
use statistics::{decide, metric};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

/// Named scores that count as the rubric's, when a run has them.
const RUBRICS: [&str; 2] = ["rubric", "quality"];

/// A figure with the interval that holds the true one in 95 of 100 such runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The figure as measured.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// What a difference says, in words for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The second run is better, and that is more than chance.
    Better,
    /// The second run is worse, and that is more than chance.
    Worse,
    /// No difference was seen; there may be one too small for so few cases.
    NoDifferenceSeen,
    /// So few cases are in both runs that no difference whatever would be more than chance.
    TooFewCases,
    /// One of the runs has no such figure.
    NotMeasured,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NoDifferenceSeen => "no difference seen",
            Self::TooFewCases => "too few cases to say",
            Self::NotMeasured => "not measured",
        })
    }
}

/// One metric of both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    /// `pass rate`, `score`, `rubric`, `latency p50`, `latency p95`, `tokens`, `cost`. Rates and scores from 0 to 1, latency in milliseconds,
    /// tokens and US dollars a case.
    pub name: &'static str,
    /// In the first run.
    pub before: Option<Estimate>,
    /// In the second run.
    pub after: Option<Estimate>,
    /// Second minus first, over the cases both runs have.
    pub difference: Option<Estimate>,
    /// How often chance alone would show a difference as large, before it is considered how many are looked at.
    pub p_value: Option<f64>,
    /// What that says.
    pub verdict: Verdict,
}

/// How a case changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The section: the prompt's label.
    pub section: String,
    /// The case: its description, or its variables.
    pub case: String,
    /// The share of its repetitions that passed in the first run.
    pub passed_before: f64,
    /// And in the second.
    pub passed_after: f64,
    /// The second score minus the first.
    pub score_delta: f64,
    /// Why the second run did not pass it; empty when it did.
    pub reason: String,
}

/// One section, or the whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// The section; empty for the whole.
    pub section: String,
    /// Cases of the first run.
    pub cases_before: usize,
    /// Cases of the second run.
    pub cases_after: usize,
    /// Cases of both.
    pub pairs: usize,
    /// Its metrics.
    pub metrics: Vec<Metric>,
}

/// Two runs beside each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Over all sections.
    pub whole: Part,
    /// Each section, by name.
    pub sections: Vec<Part>,
    /// Cases that passed more often, or with a better score, the largest change first.
    pub better: Vec<Change>,
    /// Cases that passed less often, or with a worse score, the largest change first.
    pub worse: Vec<Change>,
    /// Cases only the first run has, as `section: case`.
    pub only_before: Vec<String>,
    /// Cases only the second run has.
    pub only_after: Vec<String>,
}

/// The figures of one result.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// The section: what the two runs are matched by, with the case.
    pub section: String,
    /// The case: its description.
    pub case: String,
    /// Its variables. Results with the same section, case and variables are repetitions of it.
    pub vars: String,
    /// Whether every assertion held.
    pub passed: bool,
    /// The weighted mean of the assertions, 0 to 1.
    pub score: f64,
    /// The rubric's, 0 to 1, where there is one.
    pub rubric: Option<f64>,
    /// How long the answer took; none where that says nothing, as out of a cache or after an error.
    pub latency_ms: Option<u64>,
    /// Tokens used; none after an error, which has no answer.
    pub tokens: Option<u64>,
    /// US dollars, where a price is known; of an answer out of a recording, what it cost when it was made.
    pub cost: Option<f64>,
    /// Why it did not pass.
    pub reason: String,
}

impl From<&CaseResult> for Measure {
    fn from(row: &CaseResult) -> Self {
        let section = row.metadata.get("section").and_then(Value::as_str).unwrap_or(&row.prompt_label).to_owned();
        let mut vars: Vec<_> = row.vars.iter().collect();
        vars.sort_by_key(|(name, _)| *name);
        let judged = row.outcome != Outcome::Error;
        Self {
            section,
            case: row.description().unwrap_or_default().to_owned(),
            vars: serde_json::to_string(&vars).unwrap_or_default(),
            passed: row.outcome == Outcome::Passed,
            score: row.grade.score,
            rubric: RUBRICS.iter().find_map(|name| row.grade.named_scores.get(*name)).copied(),
            // An answer out of a cache says nothing of how long answers take.
            latency_ms: (!row.cached && judged).then_some(row.latency_ms),
            tokens: judged.then_some(row.tokens.total),
            cost: row.metadata.get("recordedCost").map_or(row.cost, Value::as_f64),
            reason: row.error.clone().unwrap_or_else(|| row.grade.reason.clone()),
        }
    }
}

/// What is kept of the results of one case in one run.
#[derive(Debug, Clone, Default)]
struct Figures {
    count: f64,
    passed: f64,
    score: f64,
    rubric: (f64, f64),
    latency: (f64, f64),
    tokens: (f64, f64),
    cost: (f64, f64),
    reason: String,
}

/// Section, description, variables.
type Key = (String, String, String);
type Cases = BTreeMap<Key, Figures>;

/// Compares the results in two JSONL files: `before` and `after`.
pub fn compare(before: &Path, after: &Path) -> io::Result<Comparison> {
    Ok(beside(&read(before)?, &read(after)?))
}

/// Compares results whose figures are at hand.
pub fn compare_measures(before: impl IntoIterator<Item = Measure>, after: impl IntoIterator<Item = Measure>) -> Comparison {
    beside(&gathered(before), &gathered(after))
}

fn gathered(measures: impl IntoIterator<Item = Measure>) -> Cases {
    let mut cases = Cases::new();
    for measure in measures {
        cases.entry((measure.section.clone(), measure.case.clone(), measure.vars.clone())).or_default().add(&measure);
    }
    cases
}

fn read(path: &Path) -> io::Result<Cases> {
    // What a resumed run asked again has two lines, of which the last counts.
    let mut rows = BTreeMap::new();
    for line in lines::<CaseResult>(path)? {
        let row = line?.row;
        rows.insert(row.key(), Measure::from(&row));
    }
    Ok(gathered(rows.into_values()))
}

/// What each case is called: by its description, unless it has none or others have it too; then its variables say which one it is.
fn names_of(before: &Cases, after: &Cases) -> impl Fn(&Key) -> String {
    let mut alike: BTreeMap<(String, String), usize> = BTreeMap::new();
    let all: BTreeSet<&Key> = before.keys().chain(after.keys()).collect();
    for (section, case, _) in all {
        *alike.entry((section.clone(), case.clone())).or_default() += 1;
    }
    move |(section, case, vars)| match alike.get(&(section.clone(), case.clone())) {
        Some(1) if !case.is_empty() => case.clone(),
        _ if case.is_empty() => vars.clone(),
        _ => format!("{case} {vars}"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds and tokens of a call")]
impl Figures {
    fn add(&mut self, measure: &Measure) {
        self.count += 1.0;
        self.passed += f64::from(u8::from(measure.passed));
        self.score += measure.score;
        if let Some(rubric) = measure.rubric {
            self.rubric = (self.rubric.0 + rubric, self.rubric.1 + 1.0);
        }
        if let Some(latency) = measure.latency_ms {
            self.latency = (self.latency.0 + latency as f64, self.latency.1 + 1.0);
        }
        if let Some(tokens) = measure.tokens {
            self.tokens = (self.tokens.0 + tokens as f64, self.tokens.1 + 1.0);
        }
        if let Some(cost) = measure.cost {
            self.cost = (self.cost.0 + cost, self.cost.1 + 1.0);
        }
        if !measure.passed && self.reason.is_empty() {
            self.reason = measure.reason.chars().take(300).collect();
        }
    }

    fn pass(&self) -> f64 {
        self.passed / self.count
    }

    fn get(&self, metric: &str) -> Option<f64> {
        let mean = |(sum, count): (f64, f64)| (count > 0.0).then(|| sum / count);
        match metric {
            "pass rate" => Some(self.pass()),
            "score" => Some(self.score / self.count),
            "rubric" => mean(self.rubric),
            "latency p50" | "latency p95" => mean(self.latency),
            "tokens" => mean(self.tokens),
            _ => mean(self.cost),
        }
    }
}

/// The metrics, and whether more of them is better.
const METRICS: [(&str, bool); 7] = [
    ("pass rate", true),
    ("score", true),
    ("rubric", true),
    ("latency p50", false),
    ("latency p95", false),
    ("tokens", false),
    ("cost", false),
];

fn beside(before: &Cases, after: &Cases) -> Comparison {
    let mut names: Vec<&str> = before.keys().chain(after.keys()).map(|(section, ..)| section.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let (mut better, mut worse) = (Vec::new(), Vec::new());
    let called = names_of(before, after);
    for (key, a) in before {
        let Some(b) = after.get(key) else { continue };
        let change = Change {
            section: key.0.clone(),
            case: called(key),
            passed_before: a.pass(),
            passed_after: b.pass(),
            score_delta: b.score / b.count - a.score / a.count,
            reason: b.reason.clone(),
        };
        let moved = weight(&change);
        if moved > 1e-9 {
            better.push(change);
        } else if moved < -1e-9 {
            worse.push(change);
        }
    }
    for list in [&mut better, &mut worse] {
        list.sort_by(|a: &Change, b| weight(b).abs().total_cmp(&weight(a).abs()));
    }
    let only = |a: &Cases, b: &Cases| a.keys().filter(|k| !b.contains_key(*k)).map(|k| format!("{}: {}", k.0, called(k))).collect();
    let (mut whole, mut sections) = (part("", before, after), names.iter().map(|name| part(name, before, after)).collect::<Vec<_>>());
    decide(whole.metrics.iter_mut());
    decide(sections.iter_mut().flat_map(|part| &mut part.metrics));
    Comparison { whole, sections, better, worse, only_before: only(before, after), only_after: only(after, before) }
}

/// How far a case moved: passing counts before any score.
fn weight(change: &Change) -> f64 {
    let passed = change.passed_after - change.passed_before;
    if passed == 0.0 { change.score_delta } else { passed * 1000.0 + change.score_delta }
}

fn part(section: &str, before: &Cases, after: &Cases) -> Part {
    let within = |cases: &Cases| -> Vec<(Key, Figures)> {
        cases.iter().filter(|((s, ..), _)| section.is_empty() || s == section).map(|(k, f)| (k.clone(), f.clone())).collect()
    };
    let (a, b) = (within(before), within(after));
    let pairs: Vec<(&Figures, &Figures)> = a.iter().filter_map(|(k, f)| Some((f, after.get(k)?))).collect();
    let metrics = METRICS.iter().map(|(name, _)| metric(name, &a, &b, &pairs)).collect();
    Part { section: section.to_owned(), cases_before: a.len(), cases_after: b.len(), pairs: pairs.len(), metrics }
}

#[cfg(test)]
#[path = "compare/tests.rs"]
mod tests;

//! Two runs beside each other: what got better, what got worse, and whether the difference is more than chance. Reads the JSONL files of
//! runs line by line; of each result only its figures are kept, some hundred bytes, so that runs of any size fit.
//!
//! Results are matched by section (the prompt's label) and case (its description, or its variables), not by provider: that is what differs
//! between the two. Repetitions of a case count as one, by their mean.
//!
//! # How sure a difference is
//! - Rates: Wilson's score interval, `(p + z²/2n ± z·√(p(1-p)/n + z²/4n²)) / (1 + z²/n)` with z = 1.96 (E. B. Wilson, 1927).
//! - Means (score, rubric, latency, tokens, cost) and medians: the percentile bootstrap (B. Efron, 1979), 1,000 draws with a fixed seed, so
//!   that the same files give the same figures.
//! - Differences: the same bootstrap over the pairs of a case in both runs, so that hard and easy cases do not blur what changed. A metric is
//!   called better or worse only when the interval of its difference does not hold 0. For pass rates of few pairs without any change the
//!   bootstrap would be too sure of itself; there the interval is Newcombe's for paired rates without correlation (R. G. Newcombe, 1998,
//!   method 10).

use crate::results::{CaseResult, Outcome};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

const Z: f64 = 1.959_964;
const DRAWS: usize = 1000;
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
    /// One of the runs has no such figure.
    NotMeasured,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NoDifferenceSeen => "no difference seen",
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

/// What is kept of the results of one case in one run.
#[derive(Debug, Clone, Default)]
struct Figures {
    count: f64,
    passed: f64,
    score: f64,
    rubric: (f64, f64),
    latency: (f64, f64),
    tokens: f64,
    cost: (f64, f64),
    reason: String,
}

type Key = (String, String);
type Cases = BTreeMap<Key, Figures>;

/// Compares the results in two JSONL files: `before` and `after`.
pub fn compare(before: &Path, after: &Path) -> io::Result<Comparison> {
    Ok(beside(&read(before)?, &read(after)?))
}

fn read(path: &Path) -> io::Result<Cases> {
    let mut cases = Cases::new();
    let mut lines = BufReader::new(File::open(path)?).lines().enumerate().peekable();
    while let Some((at, line)) = lines.next() {
        let line = line?;
        let row = serde_json::from_str(&line).ok().and_then(|json| CaseResult::from_json(&json));
        match row {
            Some(row) => cases.entry(key(&row)).or_default().add(&row),
            // A last line that was cut is what a crash leaves.
            None if line.trim().is_empty() || lines.peek().is_none() => {}
            None => {
                let why = format!("{}:{}: is not a result; compare the JSONL files of runs", path.display(), at + 1);
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
        }
    }
    Ok(cases)
}

fn key(row: &CaseResult) -> Key {
    let vars = || {
        let mut sorted: Vec<_> = row.vars.iter().collect();
        sorted.sort_by_key(|(name, _)| *name);
        serde_json::to_string(&sorted.into_iter().collect::<BTreeMap<_, _>>()).unwrap_or_default()
    };
    // Cases that an array variable made share their description: the variables tell them apart.
    let case = match row.description() {
        Some(description) if row.test_case.get("vars").is_none_or(|vars| vars.as_object() == Some(&row.vars)) => description.to_owned(),
        Some(description) => format!("{description} {}", vars()),
        None => vars(),
    };
    (row.prompt_label.clone(), case)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds and tokens of a call")]
impl Figures {
    fn add(&mut self, row: &CaseResult) {
        self.count += 1.0;
        self.passed += f64::from(u8::from(row.outcome == Outcome::Passed));
        self.score += row.grade.score;
        if let Some(rubric) = RUBRICS.iter().find_map(|name| row.grade.named_scores.get(*name)) {
            self.rubric = (self.rubric.0 + rubric, self.rubric.1 + 1.0);
        }
        // An answer out of a cache says nothing of how long answers take.
        if !row.cached && row.outcome != Outcome::Error {
            self.latency = (self.latency.0 + row.latency_ms as f64, self.latency.1 + 1.0);
        }
        self.tokens += row.tokens.total as f64;
        if let Some(cost) = row.cost {
            self.cost = (self.cost.0 + cost, self.cost.1 + 1.0);
        }
        if row.outcome != Outcome::Passed && self.reason.is_empty() {
            self.reason = row.error.clone().unwrap_or_else(|| row.grade.reason.clone()).chars().take(300).collect();
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
            "tokens" => Some(self.tokens / self.count),
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
    let mut names: Vec<&str> = before.keys().chain(after.keys()).map(|(section, _)| section.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let (mut better, mut worse) = (Vec::new(), Vec::new());
    for ((section, case), a) in before {
        let Some(b) = after.get(&(section.clone(), case.clone())) else { continue };
        let change = Change {
            section: section.clone(),
            case: case.clone(),
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
    let only = |a: &Cases, b: &Cases| a.keys().filter(|k| !b.contains_key(*k)).map(|(s, c)| format!("{s}: {c}")).collect();
    Comparison {
        whole: part("", before, after),
        sections: names.iter().map(|name| part(name, before, after)).collect(),
        better,
        worse,
        only_before: only(before, after),
        only_after: only(after, before),
    }
}

/// How far a case moved: passing counts before any score.
fn weight(change: &Change) -> f64 {
    let passed = change.passed_after - change.passed_before;
    if passed == 0.0 { change.score_delta } else { passed * 1000.0 + change.score_delta }
}

fn part(section: &str, before: &Cases, after: &Cases) -> Part {
    let within = |cases: &Cases| -> Vec<(Key, Figures)> {
        cases.iter().filter(|((s, _), _)| section.is_empty() || s == section).map(|(k, f)| (k.clone(), f.clone())).collect()
    };
    let (a, b) = (within(before), within(after));
    let pairs: Vec<(&Figures, &Figures)> = a.iter().filter_map(|(k, f)| Some((f, after.get(k)?))).collect();
    let metrics = METRICS.iter().map(|(name, more)| metric(name, *more, &a, &b, &pairs)).collect();
    Part { section: section.to_owned(), cases_before: a.len(), cases_after: b.len(), pairs: pairs.len(), metrics }
}

fn metric(name: &'static str, more: bool, a: &[(Key, Figures)], b: &[(Key, Figures)], pairs: &[(&Figures, &Figures)]) -> Metric {
    let values = |side: &[(Key, Figures)]| -> Vec<f64> { side.iter().filter_map(|(_, f)| f.get(name)).collect() };
    let both: Vec<(f64, f64)> = pairs.iter().filter_map(|(a, b)| Some((a.get(name)?, b.get(name)?))).collect();
    let (before, after) = (estimate(name, &values(a)), estimate(name, &values(b)));
    let difference = difference(name, &both);
    let verdict = match difference {
        None => Verdict::NotMeasured,
        Some(d) if d.low > 0.0 && more || d.high < 0.0 && !more => Verdict::Better,
        Some(d) if d.high < 0.0 && more || d.low > 0.0 && !more => Verdict::Worse,
        Some(_) => Verdict::NoDifferenceSeen,
    };
    Metric { name, before, after, difference, verdict }
}

fn estimate(name: &str, values: &[f64]) -> Option<Estimate> {
    if values.is_empty() {
        return None;
    }
    if name == "pass rate" {
        return Some(wilson(mean(values), values.len()));
    }
    let drawn = draws(values.len(), |chosen| summary(name, chosen.iter().map(|i| values[*i]).collect()));
    Some(interval(summary(name, values.to_vec()), drawn))
}

fn difference(name: &str, pairs: &[(f64, f64)]) -> Option<Estimate> {
    if pairs.is_empty() {
        return None;
    }
    let of = |chosen: &[usize]| {
        let side = |pick: fn(&(f64, f64)) -> f64| summary(name, chosen.iter().map(|i| pick(&pairs[*i])).collect());
        side(|p| p.1) - side(|p| p.0)
    };
    let all: Vec<usize> = (0..pairs.len()).collect();
    if name == "pass rate" && pairs.iter().all(|(a, b)| (b - a).abs() < 1e-12) {
        let (a, b) = (wilson(mean_of(pairs, |p| p.0), pairs.len()), wilson(mean_of(pairs, |p| p.1), pairs.len()));
        return Some(newcombe(a, b));
    }
    Some(interval(of(&all), draws(pairs.len(), of)))
}

fn mean_of(pairs: &[(f64, f64)], pick: impl Fn(&(f64, f64)) -> f64) -> f64 {
    mean(&pairs.iter().map(pick).collect::<Vec<_>>())
}

#[expect(clippy::cast_precision_loss, reason = "cases of a run")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// A metric's figure over the cases of a run.
fn summary(name: &str, values: Vec<f64>) -> f64 {
    match name {
        "latency p50" => quantile(values, 0.5),
        "latency p95" => quantile(values, 0.95),
        _ => mean(&values),
    }
}

/// The value below which a share of all lies, between the two nearest.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among the cases")]
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = share * (values.len() - 1) as f64;
    let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
    below + (above - below) * (place - place.floor())
}

/// Wilson's score interval of a rate over `n` cases.
#[expect(clippy::cast_precision_loss, reason = "cases of a run")]
fn wilson(rate: f64, n: usize) -> Estimate {
    let n = n as f64;
    let z2 = Z * Z;
    let centre = (rate + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (rate * (1.0 - rate) / n + z2 / (4.0 * n * n)).max(0.0).sqrt();
    Estimate { value: rate, low: (centre - half).max(0.0).min(rate), high: (centre + half).min(1.0).max(rate) }
}

/// Newcombe's interval of the difference of two rates, out of their own intervals.
fn newcombe(a: Estimate, b: Estimate) -> Estimate {
    let value = b.value - a.value;
    let low = value - ((b.value - b.low).powi(2) + (a.high - a.value).powi(2)).sqrt();
    let high = value + ((b.high - b.value).powi(2) + (a.value - a.low).powi(2)).sqrt();
    Estimate { value, low: low.max(-1.0), high: high.min(1.0) }
}

/// The figure over each of many draws of `n` cases with replacement, always the same draws.
fn draws(n: usize, figure: impl Fn(&[usize]) -> f64) -> Vec<f64> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut chosen = vec![0; n];
    (0..DRAWS)
        .map(|_| {
            for place in &mut chosen {
                // SplitMix64.
                state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mut z = state;
                z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                *place = usize::try_from((z ^ (z >> 31)) % n as u64).unwrap_or(0);
            }
            figure(&chosen)
        })
        .collect()
}

fn interval(value: f64, drawn: Vec<f64>) -> Estimate {
    let (low, high) = (quantile(drawn.clone(), 0.025), quantile(drawn, 0.975));
    Estimate { value, low: low.min(value), high: high.max(value) }
}

#[cfg(test)]
#[path = "compare/tests.rs"]
mod tests;

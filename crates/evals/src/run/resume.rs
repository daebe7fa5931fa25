//! Results of an earlier run that need not be asked again: known by what was asked, kept as small as sums need them.

use super::one::{Asking, Job};
use crate::grading::Grade;
use crate::results::{CaseResult, Outcome, TokenUsage, lines};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// Earlier results by their place.
#[derive(Debug, Default)]
pub(super) struct Resumed(HashMap<(usize, usize, usize), Earlier>);

/// What the sums need of an earlier result.
#[derive(Debug, Clone)]
pub(super) struct Earlier {
    asked: String,
    outcome: Outcome,
    score: f64,
    /// Why it did not pass.
    reason: String,
    named_scores: BTreeMap<String, f64>,
    named_weights: BTreeMap<String, f64>,
    /// Which assertions held, and their metrics.
    parts: Vec<(bool, Option<String>)>,
    latency_ms: u64,
    cost: Option<f64>,
    tokens: TokenUsage,
}

/// Everything that decides the answer and its verdict, in a number: the prompt as it is sent, who is asked and with what, the variables,
/// the test with the files it names, how it is judged. `identity` is what the target says of the provider.
pub(super) fn fingerprint(asking: &Asking<'_>, job: &Job, prompt: &str, identity: &str) -> String {
    let provider = &asking.config.providers[job.provider];
    let mut hasher = DefaultHasher::new();
    (prompt, &provider.id, &provider.label, &provider.transform, provider.config.to_string(), identity).hash(&mut hasher);
    // Written out with the content of its files, which its JSON names only.
    let _ = write!(Hashed(&mut hasher), "{:?}", job.case.test);
    format!("{:016x}", hasher.finish())
}

/// Takes in what is written.
struct Hashed<'a>(&'a mut DefaultHasher);

impl std::fmt::Write for Hashed<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

impl Resumed {
    /// Reads the results of a run. An error says nothing about the output: it is asked again.
    pub fn read(path: &Path) -> Result<Self, String> {
        let cannot = |e: std::io::Error| format!("{}: the results to resume from cannot be read ({e})", path.display());
        let mut earlier = HashMap::new();
        for line in lines::<CaseResult>(path).map_err(cannot)? {
            let row = line.map_err(cannot)?.row;
            match Earlier::of(&row) {
                Some(known) => drop(earlier.insert(row.key(), known)),
                None => drop(earlier.remove(&row.key())),
            }
        }
        Ok(Self(earlier))
    }

    /// The earlier result at this place, if it was of the same question.
    pub fn take_over(&self, key: (usize, usize, usize), asked: &str) -> Option<&Earlier> {
        self.0.get(&key).filter(|earlier| earlier.asked == asked)
    }
}

impl Earlier {
    /// Nothing of an error, and of a result that does not say what was asked.
    fn of(row: &CaseResult) -> Option<Self> {
        let parts = row.grade.components.iter().map(|part| {
            let metric = part.assertion.get("metric").and_then(Value::as_str);
            (part.pass, metric.filter(|_| part.assertion["type"] != "assert-set").map(str::to_owned))
        });
        Some(Self {
            asked: row.asked.clone().filter(|_| row.outcome != Outcome::Error)?,
            outcome: row.outcome,
            score: row.grade.score,
            reason: if row.outcome == Outcome::Passed { String::new() } else { row.grade.reason.clone() },
            named_scores: row.grade.named_scores.clone(),
            named_weights: row.grade.named_weights.clone(),
            parts: parts.collect(),
            latency_ms: row.latency_ms,
            cost: row.cost,
            tokens: row.tokens,
        })
    }

    /// A result with what the sums need.
    pub fn answer(&self, question: CaseResult) -> CaseResult {
        let part = |(pass, metric): &(bool, Option<String>)| {
            let assertion = metric.as_ref().map_or(Value::Null, |metric| json!({"metric": metric}));
            Grade { pass: *pass, assertion, ..Grade::default() }
        };
        CaseResult {
            outcome: self.outcome,
            grade: Grade {
                pass: self.outcome == Outcome::Passed,
                score: self.score,
                reason: self.reason.clone(),
                named_scores: self.named_scores.clone(),
                named_weights: self.named_weights.clone(),
                components: self.parts.iter().map(part).collect(),
                ..Grade::default()
            },
            latency_ms: self.latency_ms,
            cost: self.cost,
            tokens: self.tokens,
            ..question
        }
    }
}

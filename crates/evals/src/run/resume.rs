//! Results of an earlier run that need not be asked again: known by what was asked, kept as small as sums need them.

use crate::grading::Grade;
use crate::results::{CaseResult, Outcome, TokenUsage};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Earlier results by their place.
#[derive(Debug, Default)]
pub(super) struct Resumed(HashMap<(usize, usize, usize), Earlier>);

/// What the sums need of an earlier result.
#[derive(Debug, Clone)]
pub(super) struct Earlier {
    asked: u64,
    outcome: Outcome,
    score: f64,
    named_scores: BTreeMap<String, f64>,
    held: usize,
    asserts: usize,
    latency_ms: u64,
    cost: Option<f64>,
    tokens: TokenUsage,
}

/// What was asked, in a number: prompt, provider, variables and the test with its assertions.
pub(super) fn fingerprint(result: &CaseResult) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&result.prompt, &result.provider).hash(&mut hasher);
    Value::Object(result.vars.clone()).to_string().hash(&mut hasher);
    result.test_case.to_string().hash(&mut hasher);
    hasher.finish()
}

impl Resumed {
    /// Reads results line by line. A last line that was cut is what a crash leaves, and not read.
    pub fn read(path: &Path) -> Result<Self, String> {
        let cannot = |e: std::io::Error| format!("{}: the results to resume from cannot be read ({e})", path.display());
        let mut lines = BufReader::new(File::open(path).map_err(cannot)?).lines().enumerate().peekable();
        let mut earlier = HashMap::new();
        while let Some((at, line)) = lines.next() {
            let line = line.map_err(cannot)?;
            let row = serde_json::from_str::<Value>(&line).ok().and_then(|json| CaseResult::from_json(&json));
            match row {
                // An error says nothing about the output: it is asked again.
                Some(row) if row.outcome == Outcome::Error => drop(earlier.remove(&row.key())),
                Some(row) => drop(earlier.insert(row.key(), Earlier::of(&row))),
                None if lines.peek().is_none() || line.trim().is_empty() => {}
                None => return Err(format!("{}:{}: is not a result; resume from the JSONL file of a run", path.display(), at + 1)),
            }
        }
        Ok(Self(earlier))
    }

    /// The earlier result at this place, if it was of the same question.
    pub fn take_over(&self, key: (usize, usize, usize), asked: u64) -> Option<&Earlier> {
        self.0.get(&key).filter(|earlier| earlier.asked == asked)
    }
}

impl Earlier {
    fn of(row: &CaseResult) -> Self {
        Self {
            asked: fingerprint(row),
            outcome: row.outcome,
            score: row.grade.score,
            named_scores: row.grade.named_scores.clone(),
            held: row.grade.components.iter().filter(|c| c.pass).count(),
            asserts: row.grade.components.len(),
            latency_ms: row.latency_ms,
            cost: row.cost,
            tokens: row.tokens,
        }
    }

    /// A result with what the sums need.
    pub fn answer(&self, question: CaseResult) -> CaseResult {
        let components = (0..self.asserts).map(|n| Grade { pass: n < self.held, ..Grade::default() }).collect();
        CaseResult {
            outcome: self.outcome,
            grade: Grade {
                pass: self.outcome == Outcome::Passed,
                score: self.score,
                named_scores: self.named_scores.clone(),
                components,
                ..Grade::default()
            },
            latency_ms: self.latency_ms,
            cost: self.cost,
            tokens: self.tokens,
            ..question
        }
    }
}

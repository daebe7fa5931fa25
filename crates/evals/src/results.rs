//! What a run found: one result for each case, prompt and provider, and their sums. Kept in promptfoo's form.

mod lines;

pub(crate) use lines::{Head, lines};

use crate::grading::Grade;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};

/// Tokens an answer took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// All of them.
    pub total: u64,
    /// Of the prompt.
    pub prompt: u64,
    /// Of the answer.
    pub completion: u64,
    /// Of the prompt, from the provider's cache.
    pub cached: u64,
    /// Of the answer, spent on thinking.
    pub reasoning: u64,
    /// Calls.
    pub requests: u64,
}

impl TokenUsage {
    /// In promptfoo's form.
    pub fn to_json(self) -> Value {
        json!({"total": self.total, "prompt": self.prompt, "completion": self.completion, "cached": self.cached,
               "numRequests": self.requests, "completionDetails": {"reasoning": self.reasoning}})
    }

    /// From promptfoo's form; what is not there is 0.
    pub fn from_json(json: &Value) -> Self {
        let get = |key: &str| json.get(key).and_then(Value::as_u64).unwrap_or(0);
        let reasoning = json.pointer("/completionDetails/reasoning").and_then(Value::as_u64).unwrap_or(0);
        Self {
            total: get("total"),
            prompt: get("prompt"),
            completion: get("completion"),
            cached: get("cached"),
            reasoning,
            requests: get("numRequests"),
        }
    }

    /// Adds another's.
    pub fn add(&mut self, other: Self) {
        self.total += other.total;
        self.prompt += other.prompt;
        self.completion += other.completion;
        self.cached += other.cached;
        self.reasoning += other.reasoning;
        self.requests += other.requests;
    }
}

/// The names of fields that [`CaseResult::from_json`] looks for.
pub const FIELDS: &[&str] = &[
    "asked",
    "assertion",
    "cached",
    "completion",
    "completionDetails",
    "componentResults",
    "cost",
    "description",
    "error",
    "failureReason",
    "gradingResult",
    "id",
    "label",
    "latencyMs",
    "metadata",
    "namedScoreWeights",
    "namedScores",
    "numRequests",
    "output",
    "pass",
    "prompt",
    "promptIdx",
    "provider",
    "raw",
    "reason",
    "reasoning",
    "repeatIndex",
    "response",
    "score",
    "success",
    "testCase",
    "testIdx",
    "tokenUsage",
    "total",
    "vars",
];

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything holds.
    Passed,
    /// Something does not.
    Failed,
    /// It could not be asked or judged.
    Error,
}

/// One case, asked of one provider by one prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseResult {
    /// The case's place in the suite, from 0.
    pub test_index: usize,
    /// The place of the pair of prompt and provider, from 0.
    pub prompt_index: usize,
    /// Which repetition this is, from 0.
    pub repeat_index: usize,
    /// The provider's id.
    pub provider: String,
    /// What the provider is called.
    pub provider_label: String,
    /// What the prompt is called.
    pub prompt_label: String,
    /// The prompt as it was sent.
    pub prompt: String,
    /// The variables that were used.
    pub vars: Map<String, Value>,
    /// The test, in promptfoo's form.
    pub test_case: Value,
    /// What was asked, in a number: by it a run that goes on knows that nothing has changed.
    pub asked: Option<String>,
    /// What was judged.
    pub output: Value,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it is an error.
    pub error: Option<String>,
    /// Milliseconds the answer took.
    pub latency_ms: u64,
    /// What it cost in US dollars, when that is known.
    pub cost: Option<f64>,
    /// Whether the answer came from a cache.
    pub cached: bool,
    /// Tokens it took.
    pub tokens: TokenUsage,
    /// The verdict, when there was something to judge.
    pub grade: Grade,
    /// What the provider said beside the answer.
    pub metadata: Map<String, Value>,
}

impl CaseResult {
    /// The place of this result in a run.
    pub fn key(&self) -> (usize, usize, usize) {
        (self.test_index, self.prompt_index, self.repeat_index)
    }

    /// The test's description, if it has one.
    pub fn description(&self) -> Option<&str> {
        self.test_case.get("description").and_then(Value::as_str)
    }

    /// The result in promptfoo's form.
    pub fn to_json(&self) -> Value {
        let mut response = json!({"output": self.output, "tokenUsage": self.tokens.to_json(), "cost": self.cost, "cached": self.cached,
                                  "latencyMs": self.latency_ms, "metadata": self.metadata});
        if let (Value::Null, Some(error)) = (&self.output, &self.error) {
            response["error"] = error.as_str().into();
        }
        let mut json = json!({
            "promptIdx": self.prompt_index, "testIdx": self.test_index, "repeatIndex": self.repeat_index,
            "provider": {"id": self.provider, "label": self.provider_label},
            "prompt": {"raw": self.prompt, "label": self.prompt_label},
            "vars": self.vars, "testCase": self.test_case, "response": response,
            "success": self.outcome == Outcome::Passed, "score": self.grade.score, "latencyMs": self.latency_ms, "cost": self.cost,
            "failureReason": match self.outcome { Outcome::Passed => 0, Outcome::Failed => 1, Outcome::Error => 2 },
            "namedScores": self.grade.named_scores, "gradingResult": self.grade.to_json(), "metadata": self.metadata,
        });
        if let Some(asked) = &self.asked {
            json["asked"] = asked.as_str().into();
        }
        if self.outcome != Outcome::Passed {
            json["error"] = self.error.clone().unwrap_or_else(|| self.grade.reason.clone()).into();
        }
        json
    }

    /// A result from promptfoo's form, or nothing when it is none.
    pub fn from_json(json: &Value) -> Option<Self> {
        let index = |key: &str| json.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let text = |path: &str| json.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let map = |path: &str| json.pointer(path).and_then(Value::as_object).cloned().unwrap_or_default();
        let outcome = match json.get("failureReason").and_then(Value::as_u64) {
            Some(2) => Outcome::Error,
            _ if json.get("success")?.as_bool()? => Outcome::Passed,
            _ => Outcome::Failed,
        };
        Some(Self {
            test_index: index("testIdx")?,
            prompt_index: index("promptIdx")?,
            repeat_index: index("repeatIndex").unwrap_or(0),
            provider: text("/provider/id"),
            provider_label: text("/provider/label"),
            prompt_label: text("/prompt/label"),
            prompt: text("/prompt/raw"),
            vars: map("/vars"),
            test_case: json.get("testCase").cloned().unwrap_or_default(),
            asked: json.get("asked").and_then(Value::as_str).map(str::to_owned),
            output: json.pointer("/response/output").cloned().unwrap_or_default(),
            outcome,
            error: if outcome == Outcome::Error { Some(text("/error")) } else { None },
            latency_ms: json.get("latencyMs").and_then(Value::as_u64).unwrap_or(0),
            cost: json.get("cost").and_then(Value::as_f64),
            cached: json.pointer("/response/cached").and_then(Value::as_bool).unwrap_or(false),
            tokens: json.pointer("/response/tokenUsage").map(TokenUsage::from_json).unwrap_or_default(),
            grade: json.get("gradingResult").map(Grade::from_json).unwrap_or_default(),
            metadata: map("/metadata"),
        })
    }
}

/// The sums of one pair of prompt and provider.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PromptMetrics {
    /// The prompt's template.
    pub raw: String,
    /// What the prompt is called.
    pub label: String,
    /// What the provider is called.
    pub provider: String,
    /// Cases that passed.
    pub passed: usize,
    /// Cases that failed.
    pub failed: usize,
    /// Cases that could not be asked or judged.
    pub errors: usize,
    /// Assertions that held.
    pub asserts_passed: usize,
    /// Assertions that did not.
    pub asserts_failed: usize,
    /// The sum of all scores.
    pub score: f64,
    /// The sum of all latencies, in milliseconds.
    pub latency_ms: u64,
    /// Tokens.
    pub tokens: TokenUsage,
    /// The sum of all known costs, in US dollars.
    pub cost: f64,
    /// The sum of each metric's scores by weight, and the derived metrics.
    pub named_scores: BTreeMap<String, f64>,
    /// How many assertions each metric is made of.
    pub named_counts: BTreeMap<String, usize>,
    /// The sum of their weights.
    pub named_weights: BTreeMap<String, f64>,
}

impl PromptMetrics {
    /// Adds a result.
    pub fn add(&mut self, result: &CaseResult) {
        match result.outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Error => self.errors += 1,
        }
        // Of a case that could not be judged no assertion counts.
        let judged: &[Grade] = if result.outcome == Outcome::Error { &[] } else { &result.grade.components };
        let held = judged.iter().filter(|c| c.pass).count();
        self.asserts_passed += held;
        self.asserts_failed += judged.len() - held;
        self.score += result.grade.score;
        self.latency_ms += result.latency_ms;
        self.tokens.add(result.tokens);
        self.cost += result.cost.unwrap_or(0.0);
        for (name, score) in &result.grade.named_scores {
            let weight = result.grade.named_weights.get(name).copied().unwrap_or(1.0);
            let of_metric = |c: &&Grade| c.assertion["type"] != "assert-set" && c.assertion["metric"] == name.as_str();
            let count = result.grade.components.iter().filter(of_metric).count().max(1);
            *self.named_scores.entry(name.clone()).or_default() += score * weight;
            *self.named_counts.entry(name.clone()).or_default() += count;
            *self.named_weights.entry(name.clone()).or_default() += weight;
        }
    }

    /// In promptfoo's form.
    pub fn to_json(&self) -> Value {
        json!({"raw": self.raw, "label": self.label, "provider": self.provider, "metrics": {
            "score": self.score, "testPassCount": self.passed, "testFailCount": self.failed, "testErrorCount": self.errors,
            "assertPassCount": self.asserts_passed, "assertFailCount": self.asserts_failed, "totalLatencyMs": self.latency_ms,
            "tokenUsage": self.tokens.to_json(), "namedScores": self.named_scores, "namedScoresCount": self.named_counts,
            "namedScoreWeights": self.named_weights, "cost": self.cost}})
    }
}

/// How a whole run ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Cases that passed.
    pub passed: usize,
    /// Cases that failed.
    pub failed: usize,
    /// Cases that could not be asked or judged.
    pub errors: usize,
    /// How many of them were taken over from an earlier run.
    pub resumed: usize,
    /// How often each case ran.
    pub repeat: usize,
    /// Cases by prompt and provider, of which `passed_always` passed every time they ran (pass^k).
    pub cells: usize,
    /// Cells that passed in every repetition.
    pub passed_always: usize,
    /// Tokens.
    pub tokens: TokenUsage,
    /// Milliseconds the run took.
    pub duration_ms: u64,
    /// The places of all results, those that were taken over too: what else a file holds is of another run.
    pub places: HashSet<(usize, usize, usize)>,
    /// The sums of each pair of prompt and provider.
    pub prompts: Vec<PromptMetrics>,
}

impl Summary {
    /// The share of cases that passed, from 0 to 1. Errors count as failures; of nothing, nothing passed.
    #[expect(clippy::cast_precision_loss, reason = "cases of a run")]
    pub fn pass_rate(&self) -> f64 {
        let all = self.passed + self.failed + self.errors;
        if all == 0 { 0.0 } else { self.passed as f64 / all as f64 }
    }

    /// What a process should exit with: 0, or 100 when the pass rate is below `least` (0 to 1), or 1 when nothing ran at all.
    pub fn exit_code(&self, least: f64) -> u8 {
        match self.passed + self.failed + self.errors {
            0 => 1,
            _ if self.pass_rate() + 1e-12 < least => 100,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_that_is_read_again_is_left_out() {
        let grade = Grade {
            error: Some("e".into()),
            named_scores: BTreeMap::from([("id".to_owned(), 1.0)]),
            named_weights: BTreeMap::from([("id".to_owned(), 1.0)]),
            components: vec![Grade { assertion: json!({}), ..Grade::default() }],
            ..Grade::default()
        };
        let json = json!({"testIdx": 1, "promptIdx": 2, "success": false, "failureReason": 2, "gradingResult": grade.to_json()});
        let mut result = CaseResult::from_json(&json).expect("a result");
        (result.asked, result.error) = (Some("a".into()), Some("e".into()));
        let mut names = Vec::new();
        named(&result.to_json(), &mut names);
        names.retain(|name| !FIELDS.contains(&name.as_str()));
        assert!(names.is_empty(), "{names:?}");
    }

    fn named(value: &Value, names: &mut Vec<String>) {
        for (name, inner) in value.as_object().into_iter().flatten() {
            names.push(name.clone());
            named(inner, names);
        }
        value.as_array().into_iter().flatten().for_each(|inner| named(inner, names));
    }

    #[test]
    fn errors_count_as_failures_and_nothing_is_no_pass() {
        let summary = Summary { passed: 19, errors: 1, ..Summary::default() };
        assert_eq!((summary.exit_code(1.0), summary.exit_code(0.95), summary.exit_code(0.96)), (100, 0, 100));
        assert_eq!(Summary::default().exit_code(0.0), 1);
    }
}

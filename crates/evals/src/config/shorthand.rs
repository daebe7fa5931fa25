//! Assertions in one line, as CSV columns write them: `type(threshold):value`.

use serde_json::{Map, Value, json};

/// Types whose value is a list, separated by commas.
const LISTS: [&str; 4] = ["contains-all", "contains-any", "icontains-all", "icontains-any"];

/// Types that get promptfoo's threshold when the line says none.
const WITH_THRESHOLD: [&str; 13] = [
    "answer-relevance",
    "classifier",
    "context-faithfulness",
    "context-recall",
    "context-relevance",
    "cost",
    "latency",
    "levenshtein",
    "perplexity-score",
    "perplexity",
    "rouge-n",
    "similar",
    "starts-with",
];

/// Every type promptfoo knows; a line that begins with none of them is a text the output must equal.
const TYPES: [&str; 62] = [
    "answer-relevance",
    "bleu",
    "classifier",
    "contains",
    "contains-all",
    "contains-any",
    "contains-html",
    "contains-json",
    "contains-sql",
    "contains-xml",
    "context-faithfulness",
    "context-recall",
    "context-relevance",
    "conversation-relevance",
    "cost",
    "equals",
    "factuality",
    "finish-reason",
    "g-eval",
    "gleu",
    "guardrails",
    "icontains",
    "icontains-all",
    "icontains-any",
    "is-html",
    "is-json",
    "is-refusal",
    "is-sql",
    "is-valid-function-call",
    "is-valid-openai-function-call",
    "is-valid-openai-tools-call",
    "is-xml",
    "javascript",
    "latency",
    "levenshtein",
    "llm-rubric",
    "meteor",
    "model-graded-closedqa",
    "model-graded-factuality",
    "moderation",
    "perplexity",
    "perplexity-score",
    "pi",
    "python",
    "regex",
    "rouge-n",
    "ruby",
    "search-rubric",
    "similar",
    "similar:cosine",
    "similar:dot",
    "similar:euclidean",
    "skill-used",
    "starts-with",
    "tool-call-f1",
    "trace-error-spans",
    "trace-span-count",
    "trace-span-duration",
    "trajectory:tool-used",
    "trajectory:step-count",
    "webhook",
    "word-count",
];

/// The assertion a line stands for, in the form of a config.
pub(crate) fn assertion(line: &str) -> Value {
    for (prefix, kind) in
        [("javascript:", "javascript"), ("fn:", "javascript"), ("eval:", "javascript"), ("grade:", "llm-rubric"), ("python:", "python")]
    {
        if let Some(value) = line.strip_prefix(prefix) {
            return json!({"type": kind, "value": value.trim()});
        }
    }
    if line.starts_with("file://") && (line.contains(".js") || line.contains(".ts")) {
        return json!({"type": "javascript", "value": line});
    }
    typed(line).unwrap_or_else(|| json!({"type": "equals", "value": line}))
}

fn typed(line: &str) -> Option<Value> {
    let bare = line.strip_prefix("not-").unwrap_or(line);
    // The longest type wins: `contains-all` is not `contains`.
    let kind = TYPES
        .iter()
        .filter(|t| bare.strip_prefix(**t).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '('])))
        .max_by_key(|t| t.len())?;
    let rest = bare.strip_prefix(*kind)?;
    let (threshold, rest) = match rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
        Some((number, rest)) => (Some(number.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0)?), rest),
        None => (None, rest),
    };
    let value = match rest.strip_prefix(':') {
        Some(value) => Some(value),
        None if rest.is_empty() => None,
        None => return None,
    };
    let mut assertion = Map::new();
    let name = if bare.len() == line.len() { (*kind).to_owned() } else { format!("not-{kind}") };
    assertion.insert("type".into(), name.into());
    if LISTS.contains(kind) {
        let items: Vec<&str> = value.unwrap_or("").split(',').map(str::trim).collect();
        assertion.insert("value".into(), items.into());
    } else if let Some(value) = value {
        assertion.insert("value".into(), value.into());
    }
    if WITH_THRESHOLD.contains(kind) {
        let default = if *kind == "similar" { 0.8 } else { 0.75 };
        assertion.insert("threshold".into(), threshold.filter(|t| *t > 0.0).unwrap_or(default).into());
    } else if let Some(threshold) = threshold {
        assertion.insert("threshold".into(), threshold.into());
    }
    Some(Value::Object(assertion))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_one_assertion() {
        for (line, expected) in [
            ("Paris", json!({"type": "equals", "value": "Paris"})),
            ("contains:Paris: the city", json!({"type": "contains", "value": "Paris: the city"})),
            ("not-contains:x", json!({"type": "not-contains", "value": "x"})),
            ("contains-all: a, b ,c", json!({"type": "contains-all", "value": ["a", "b", "c"]})),
            ("similar(0.9):hello", json!({"type": "similar", "value": "hello", "threshold": 0.9})),
            ("similar:hello", json!({"type": "similar", "value": "hello", "threshold": 0.8})),
            ("latency(1000)", json!({"type": "latency", "threshold": 1000.0})),
            ("levenshtein(3):abc", json!({"type": "levenshtein", "value": "abc", "threshold": 3.0})),
            ("bleu(0.3):abc", json!({"type": "bleu", "value": "abc", "threshold": 0.3})),
            ("is-json", json!({"type": "is-json"})),
            ("fn: output.length > 3", json!({"type": "javascript", "value": "output.length > 3"})),
            ("grade:is polite", json!({"type": "llm-rubric", "value": "is polite"})),
            ("not-similar(0.2):x", json!({"type": "not-similar", "value": "x", "threshold": 0.2})),
            ("similar:cosine(0.2):x", json!({"type": "similar:cosine", "value": "x", "threshold": 0.2})),
            ("containsx:y", json!({"type": "equals", "value": "containsx:y"})),
            ("latency(abc)", json!({"type": "equals", "value": "latency(abc)"})),
        ] {
            assert_eq!(assertion(line), expected, "{line}");
        }
    }
}

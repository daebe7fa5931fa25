//! Assertions in one line, as CSV columns write them: `type(threshold):value`.

use crate::assertions::separated;
use crate::cases::KINDS;
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

/// Types promptfoo knows beside those that are judged here. A line that begins with none of either is a text the output must equal.
const NOT_JUDGED: [&str; 6] = ["agent-rubric", "classifier", "moderation", "pi", "python", "ruby"];

/// The assertion a line stands for, in the form of a config, or what is wrong with it.
pub(crate) fn assertion(line: &str) -> Result<Value, String> {
    for (prefix, kind) in [("javascript:", "javascript"), ("fn:", "javascript"), ("eval:", "javascript"), ("python:", "python")] {
        if let Some(value) = line.strip_prefix(prefix) {
            return Ok(json!({"type": kind, "value": value.trim()}));
        }
    }
    if let Some(value) = line.strip_prefix("grade:").or_else(|| line.strip_prefix("llm-rubric:")) {
        return Ok(json!({"type": "llm-rubric", "value": value}));
    }
    if line.starts_with("file://") && (line.contains(".js") || line.contains(".ts")) {
        return Ok(json!({"type": "javascript", "value": line}));
    }
    Ok(typed(line)?.unwrap_or_else(|| json!({"type": "equals", "value": line})))
}

fn typed(line: &str) -> Result<Option<Value>, String> {
    let bare = line.strip_prefix("not-").unwrap_or(line);
    // The longest type wins: `contains-all` is not `contains`.
    let kinds = KINDS
        .iter()
        .chain(&NOT_JUDGED)
        .filter(|t| bare.strip_prefix(**t).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '('])));
    let Some((kind, rest)) = kinds.max_by_key(|t| t.len()).and_then(|kind| Some((*kind, bare.strip_prefix(kind)?))) else {
        return Ok(None);
    };
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let number = |text: &str| text.split_once('.').map_or_else(|| digits(text), |(whole, part)| digits(whole) && digits(part));
    let (threshold, rest) = match rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
        Some((text, rest)) if number(text) => (text.parse::<f64>().ok(), rest),
        Some(_) => return Ok(None),
        None => (None, rest),
    };
    let value = match rest.strip_prefix(':') {
        Some(value) => Some(value),
        None if rest.is_empty() => None,
        None => return Ok(None),
    };
    let mut assertion = Map::new();
    let name = if bare.len() == line.len() { kind.to_owned() } else { format!("not-{kind}") };
    assertion.insert("type".into(), name.into());
    match value {
        Some(text) if LISTS.contains(&kind) && !text.is_empty() => drop(assertion.insert("value".into(), separated(text)?.into())),
        Some(text) if kind.ends_with("-json") => drop(assertion.insert("value".into(), text.into())),
        Some(text) => drop(assertion.insert("value".into(), text.trim().into())),
        None => {}
    }
    if WITH_THRESHOLD.contains(&kind) {
        let default = if kind == "similar" { 0.8 } else { 0.75 };
        assertion.insert("threshold".into(), threshold.unwrap_or(default).into());
    } else if let Some(threshold) = threshold {
        assertion.insert("threshold".into(), threshold.into());
    }
    Ok(Some(Value::Object(assertion)))
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
            ("meteor(0.6): a b", json!({"type": "meteor", "value": "a b", "threshold": 0.6})),
            ("not-meteor:a", json!({"type": "not-meteor", "value": "a"})),
            ("is-json", json!({"type": "is-json"})),
            ("fn: output.length > 3", json!({"type": "javascript", "value": "output.length > 3"})),
            ("grade:is polite", json!({"type": "llm-rubric", "value": "is polite"})),
            ("not-similar(0.2):x", json!({"type": "not-similar", "value": "x", "threshold": 0.2})),
            ("similar:cosine(0.2):x", json!({"type": "similar:cosine", "value": "x", "threshold": 0.2})),
            ("contains-any:\"a, b\", c", json!({"type": "contains-any", "value": ["a, b", "c"]})),
            ("levenshtein(0):a", json!({"type": "levenshtein", "value": "a", "threshold": 0.0})),
            ("containsx:y", json!({"type": "equals", "value": "containsx:y"})),
            ("latency(abc)", json!({"type": "equals", "value": "latency(abc)"})),
        ] {
            assert_eq!(assertion(line), Ok(expected), "{line}");
        }
    }
}

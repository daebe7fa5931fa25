//! Assertions about JSON: whether an output is or holds some, and whether it fits a schema.

use super::{Ask, Finding};
use crate::faults::yaml;
use jsonschema::Validator;
use serde_json::Value;

pub(super) fn is_json(ask: &Ask<'_>) -> Result<Finding, String> {
    let validator = schema(ask.value)?;
    let Ok(found) = serde_json::from_str::<Value>(ask.text) else {
        return Ok(Finding::plain(false, "Expected output to be valid JSON"));
    };
    Ok(against(validator.as_ref(), &[found]))
}

pub(super) fn contains_json(ask: &Ask<'_>) -> Result<Finding, String> {
    let validator = schema(ask.value)?;
    let found = inside(ask.text);
    if found.is_empty() {
        return Ok(Finding::plain(false, "Expected output to contain valid JSON"));
    }
    Ok(against(validator.as_ref(), &found))
}

/// The schema an assertion names: a map, or YAML or JSON in a text.
fn schema(value: &Value) -> Result<Option<Validator>, String> {
    let parsed = match value {
        Value::Null => return Ok(None),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => yaml(text).map_err(|(_, e)| format!("its schema is no YAML: {e}"))?,
        other => other.clone(),
    };
    if !matches!(parsed, Value::Object(_) | Value::Bool(_)) {
        return Err(format!("needs a JSON Schema as \"value\", not {parsed}"));
    }
    jsonschema::validator_for(&parsed).map(Some).map_err(|e| format!("its schema is no JSON Schema: {e}"))
}

fn against(validator: Option<&Validator>, candidates: &[Value]) -> Finding {
    let Some(validator) = validator else { return Finding::plain(true, "") };
    let mut faults = Vec::new();
    for candidate in candidates {
        faults = validator.iter_errors(candidate).take(5).map(|e| format!("{} at \"{}\"", e, e.instance_path())).collect();
        if faults.is_empty() {
            return Finding::plain(true, "Output fits the schema");
        }
    }
    Finding::plain(false, format!("JSON does not conform to the provided schema. Errors: {}", faults.join("; ")))
}

/// Every object and list in a text, outermost first.
fn inside(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut at = 0;
    // Each opening bracket costs one attempt to read; a text of nothing but brackets must not cost more than that.
    let mut attempts = 0;
    while let Some(next) = text[at..].find(['{', '[']) {
        let start = at + next;
        let mut stream = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        attempts += 1;
        match stream.next() {
            Some(Ok(value)) => {
                at = start + stream.byte_offset();
                found.push(value);
            }
            _ => at = start + 1,
        }
        if attempts > 10_000 {
            break;
        }
    }
    found
}

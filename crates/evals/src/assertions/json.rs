//! Assertions about JSON: whether an output is or holds some, and whether it fits a schema.

use super::{Ask, Finding, Subject};
use crate::faults::yaml;
use crate::schemas::Schemas;
use crate::values::is_nothing;
use jsonschema::Validator;
use serde_json::Value;
use std::sync::Arc;

/// Signs of one object that are looked through.
const LONGEST: usize = 100_000;
/// Signs that are looked at, at most, over all objects of a text.
const WORK: usize = 100_000_000;

pub(super) fn is_json(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let validator = schema(ask.value, subject.schemas)?;
    let Ok(found) = serde_json::from_str::<Value>(ask.text) else {
        return Ok(Finding::plain(false, "Expected output to be valid JSON"));
    };
    Ok(against(validator.as_deref(), &[found]))
}

pub(super) fn contains_json(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let validator = schema(ask.value, subject.schemas)?;
    let found = inside(ask.text)?;
    if found.is_empty() {
        return Ok(Finding::plain(false, "Expected output to contain valid JSON"));
    }
    Ok(against(validator.as_deref(), &found))
}

/// The schema an assertion names: a map, or YAML or JSON in a text.
fn schema(value: &Value, schemas: &Schemas) -> Result<Option<Arc<Validator>>, String> {
    let parsed = match value {
        nothing if is_nothing(nothing) => return Ok(None),
        Value::String(text) => yaml(text).map_err(|(_, e)| format!("its schema is no YAML: {e}"))?,
        other => other.clone(),
    };
    if !matches!(parsed, Value::Object(_) | Value::Bool(_)) {
        return Err(format!("needs a JSON Schema as \"value\", not {parsed}"));
    }
    schemas.compiled(&parsed).map(Some)
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

/// The objects inside a text, also in YAML's looser writing and with a missing end, as promptfoo finds them.
fn inside(text: &str) -> Result<Vec<Value>, String> {
    let (mut found, mut at, mut work) = (Vec::new(), 0, 0);
    while let Some(start) = text[at..].find('{').map(|i| at + i) {
        // Texts of nothing but brackets would be read over and over.
        work += (text.len() - start).min(LONGEST);
        if work > WORK {
            return Err("has too many brackets in its output to look through all of them; judge a part of it with \"transform\"".into());
        }
        at = match object(&text[start..]) {
            Some((value, length)) => {
                found.push(value);
                start + length
            }
            None => start + 1,
        };
    }
    Ok(found)
}

/// The object a text begins with, and how long it is.
fn object(text: &str) -> Option<(Value, usize)> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices().take(LONGEST) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            let end = at + 1;
            return read(&text[..end]).map(|value| (value, end));
        }
    }
    if text.len() == 1 || text.starts_with("{{") {
        return None;
    }
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    read(&format!("{}{}", &text[..end], "}".repeat(depth))).map(|value| (value, end))
}

fn read(text: &str) -> Option<Value> {
    let value = serde_json::from_str(text).ok().or_else(|| yaml(&without_comments(text)).ok())?;
    matches!(value, Value::Object(_) | Value::Array(_)).then_some(value)
}

/// Comments that begin with two slashes as YAML writes them.
fn without_comments(text: &str) -> String {
    text.split('\n').map(line_without_comment).collect::<Vec<_>>().join("\n")
}

fn line_without_comment(line: &str) -> String {
    let (mut quote, mut before) = (None, ' ');
    for (at, c) in line.char_indices() {
        match quote {
            Some(open) if c == open && before != '\\' => quote = None,
            None if c == '"' || (c == '\'' && !before.is_ascii_alphabetic()) => quote = Some(c),
            None if c == '/' && line[at..].starts_with("//") => {
                let word = line[..at].rfind(char::is_whitespace).map_or(0, |i| i + 1);
                if !line[word..at + 2].contains("://") {
                    return format!("{}#{}", &line[..at], line[at..].trim_start_matches('/'));
                }
            }
            _ => {}
        }
        before = c;
    }
    line.to_owned()
}

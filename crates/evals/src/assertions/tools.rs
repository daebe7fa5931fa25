//! Assertions about calls of tools and skills.

use super::{Ask, Finding, Subject, count_bound, only_keys};
use crate::values::coerced;
use serde_json::Value;
use std::collections::BTreeSet;

/// How well the tools that were called are those that were expected: the F1 measure over their names.
pub(super) fn tool_call_f1(ask: &Ask<'_>) -> Result<Finding, String> {
    let expected: BTreeSet<String> = match ask.value {
        Value::Array(items) => items.iter().map(|i| coerced(i).trim().to_owned()).filter(|n| !n.is_empty()).collect(),
        Value::String(text) => text.split(',').map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect(),
        other => return Err(format!("needs the names of tools as \"value\", not {other}")),
    };
    if expected.is_empty() {
        return Err("needs at least one tool's name as \"value\"".into());
    }
    let mut called = BTreeSet::new();
    names(ask.output, &mut called);
    #[expect(clippy::cast_precision_loss, reason = "tools of an answer")]
    let share = |of: &BTreeSet<String>| {
        if of.is_empty() { 0.0 } else { expected.intersection(&called).count() as f64 / of.len() as f64 }
    };
    let (precision, recall) = (share(&called), share(&expected));
    let f1 = if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 };
    let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    let reason = format!(
        "Tool call F1 {f1:.3} (precision {precision:.3}, recall {recall:.3}); expected {}; called {}",
        list(&expected),
        list(&called)
    );
    let threshold = ask.assertion.threshold.unwrap_or(1.0);
    Ok(Finding { holds: f1 >= threshold, score: Some(f1), reason, ..Finding::default() })
}

/// The names of the tools an output calls, in the forms of the large providers.
fn names(output: &Value, found: &mut BTreeSet<String>) {
    let mut add = |value: Option<&Value>| found.extend(value.and_then(Value::as_str).map(str::to_owned));
    let kind = |value: &Value| matches!(value["type"].as_str(), Some("tool_use" | "function_call"));
    match output {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(parsed) if !parsed.is_string() => names(&parsed, found),
            Ok(_) => {}
            Err(_) => blocks(text).iter().for_each(|block| names(block, found)),
        },
        Value::Object(map) => {
            if let Some(Value::Array(calls)) = map.get("tool_calls") {
                for call in calls {
                    add(call.pointer("/function/name"));
                    add(call.get("name"));
                }
            } else if kind(output) {
                add(map.get("name"));
            } else if let Some(call) = map.get("functionCall") {
                add(call.get("name"));
            } else if let Some(Value::Array(calls)) = output.pointer("/toolCall/functionCalls") {
                for call in calls {
                    add(call.get("name"));
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                if let Some(call) = item.get("functionCall").filter(|_| !kind(item)) {
                    add(call.get("name"));
                } else if let Some(function) = item.get("function").filter(|f| f.is_object() && !kind(item)) {
                    add(function.get("name"));
                } else {
                    add(item.get("name"));
                }
            }
        }
        _ => {}
    }
}

/// JSON that stands on lines of its own in a text, outside of fenced blocks.
fn blocks(text: &str) -> Vec<Value> {
    let (mut found, mut at, mut fenced) = (Vec::new(), 0, false);
    while at < text.len() {
        let end = text[at..].find('\n').map_or(text.len(), |i| at + i + 1);
        let line = text[at..end].trim_start();
        let start = end - line.len();
        fenced ^= line.starts_with("```") || line.starts_with("~~~");
        let mut next = end;
        if !fenced && line.starts_with(['{', '[']) {
            let mut stream = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
            if let Some(Ok(value)) = stream.next() {
                let behind = start + stream.byte_offset();
                let rest = text[behind..].lines().next().unwrap_or_default();
                if rest.trim().is_empty() {
                    found.push(value);
                    next = behind + rest.len() + 1;
                }
            }
        }
        at = next;
    }
    found
}

/// Which skills were used, from `metadata.skillCalls`.
pub(super) fn skill_used(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let calls = subject.response.metadata.get("skillCalls").and_then(Value::as_array);
    let calls = calls.ok_or("needs what the provider says of skills, and it says nothing");
    let used: Vec<&str> = calls
        .iter()
        .flat_map(|calls| calls.iter())
        .filter(|c| c["is_error"] != true)
        .filter_map(|c| c.get("name").and_then(Value::as_str))
        .collect();
    let shown = if used.is_empty() { "(none)".to_owned() } else { used.join(", ") };
    let wanted: Vec<String> = match ask.value {
        Value::String(name) if !name.trim().is_empty() => vec![name.trim().to_owned()],
        Value::Array(items) if !items.is_empty() => {
            let name = |i: &Value| i.as_str().map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned);
            items.iter().map(|i| name(i).ok_or_else(|| format!("{i} is no skill's name"))).collect::<Result<_, _>>()?
        }
        Value::Object(_) => return calls.map_err(str::to_owned).and(counted(ask, &used, &shown)),
        other => return Err(format!("needs the name of a skill, a list of them, or a map, as \"value\", not {other}")),
    };
    calls?;
    let (held, missing): (Vec<_>, Vec<_>) = wanted.iter().partition(|name| used.contains(&name.as_str()));
    // Negated it asks for none of them, not for one missing.
    let holds = if ask.assertion.negated { !held.is_empty() } else { missing.is_empty() };
    Ok(Finding::plain(holds, format!("Skills asked for: {}; used: {shown}", wanted.join(", "))))
}

fn counted(ask: &Ask<'_>, used: &[&str], shown: &str) -> Result<Finding, String> {
    only_keys(ask.value, &["name", "pattern", "min", "max"])?;
    let text = |key: &str| ask.value.get(key).and_then(Value::as_str).map(str::trim).filter(|t| !t.is_empty());
    let (name, pattern) = (text("name"), text("pattern"));
    if name.is_none() && pattern.is_none() {
        return Err("needs \"name\" or \"pattern\" in its \"value\"".into());
    }
    let (min, max) = (count_bound(ask.value, "min")?, count_bound(ask.value, "max")?);
    if let (Some(min), Some(max)) = (min, max)
        && max < min
    {
        return Err(format!("\"max\" {max} is less than \"min\" {min}"));
    }
    let matches = |skill: &&&str| name.is_none_or(|n| **skill == n) && pattern.is_none_or(|p| super::traces::glob(p, skill));
    let count = used.iter().filter(matches).count() as u64;
    let reason = format!("Skill \"{}\" was used {count} times; used: {shown}", pattern.or(name).unwrap_or_default());
    if ask.assertion.negated {
        if min.is_some() || max.is_some_and(|m| m != 0) {
            return Err("negated it takes \"name\" or \"pattern\" alone, or \"max\": 0".into());
        }
        return Ok(Finding::plain(count > 0, reason));
    }
    let least = min.unwrap_or(u64::from(max.is_none()));
    Ok(Finding::plain(count >= least && max.is_none_or(|m| count <= m), reason))
}

/// Whether an output is a call of a function the provider's `config` declares. As in promptfoo, `not-` makes no difference.
pub(super) fn function_call(ask: &Ask<'_>, subject: &Subject<'_>) -> Finding {
    let config = &subject.provider.config;
    let mut declared: Vec<Value> = config["functions"].as_array().cloned().unwrap_or_default();
    for tool in config["tools"].as_array().into_iter().flatten() {
        declared.extend(tool["functionDeclarations"].as_array().cloned().unwrap_or_default());
    }
    if declared.is_empty() {
        return Finding::always(false, "The provider's config declares no functions");
    }
    let output = match ask.output {
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        other => other.clone(),
    };
    let call = output.get("function_call").or_else(|| output.get("functionCall")).unwrap_or(&output);
    judged(call_fits(call, &declared, subject))
}

/// Whether an output is a list of calls of tools the provider's `config` declares, in the form of chat completions. `not-` makes no difference.
pub(super) fn tools_call(ask: &Ask<'_>, subject: &Subject<'_>) -> Finding {
    if ask.text.contains("MCP Tool Error") {
        return Finding::always(false, "The MCP tool call failed");
    }
    if ask.text.contains("MCP Tool Result") {
        return Finding::always(true, "The MCP tool call succeeded");
    }
    let calls = ask.output.get("tool_calls").unwrap_or(ask.output).as_array().cloned().unwrap_or_default();
    let looks = |call: &Value| {
        call.pointer("/function/name").is_some_and(Value::is_string) && call.pointer("/function/arguments").is_some_and(Value::is_string)
    };
    if calls.is_empty() || !calls.iter().all(looks) {
        return Finding::always(false, "The output holds no tool calls in OpenAI's form");
    }
    let tools = subject.provider.config["tools"].as_array().cloned().unwrap_or_default();
    let declared: Vec<Value> = tools.iter().filter(|t| t["type"] == "function").map(|t| t["function"].clone()).collect();
    judged(calls.iter().try_for_each(|call| call_fits(&call["function"], &declared, subject)))
}

fn judged(fits: Result<(), String>) -> Finding {
    match fits {
        Ok(()) => Finding::always(true, ""),
        Err(why) => Finding::always(false, why),
    }
}

fn call_fits(call: &Value, declared: &[Value], subject: &Subject<'_>) -> Result<(), String> {
    let name = call["name"].as_str().ok_or_else(|| format!("Not a function call: {call}"))?;
    let arguments = match call.get("arguments").or_else(|| call.get("args")) {
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|e| format!("The arguments of \"{name}\" are no JSON: {e}"))?,
        Some(map @ Value::Object(_)) => map.clone(),
        _ => return Err(format!("Not a function call: {call}")),
    };
    let schema = declared.iter().find(|f| f["name"] == name).and_then(|f| f.get("parameters"));
    let schema = schema.ok_or_else(|| format!("Called \"{name}\", but there is no function with that name"))?;
    let validator = subject.schemas.compiled(schema)?;
    validator.validate(&arguments).map_err(|e| format!("Call to \"{name}\" does not match its schema: {e}"))
}

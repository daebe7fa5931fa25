//! Assertions about the words of an output.

use super::{Ask, Finding, Subject, only_keys};
use crate::script::ScriptError;
use crate::values::{coerced, is_space, json, same, trim};
use serde_json::Value;

pub(super) fn equals(ask: &Ask<'_>) -> Result<Finding, String> {
    let (holds, expected) = match ask.value {
        Value::Null => return Err("needs a \"value\" to compare with".into()),
        Value::Object(_) | Value::Array(_) => {
            let got = serde_json::from_str::<Value>(ask.text).ok();
            (got.is_some_and(|got| same(&got, ask.value)), json(ask.value))
        }
        other => {
            let text = coerced(other);
            (text == ask.text, text)
        }
    };
    let (quantifier, shown): (_, String) = (if ask.assertion.negated { "not " } else { "" }, ask.text.chars().take(500).collect());
    Ok(Finding::plain(holds, format!("Expected output \"{shown}\" to {quantifier}equal \"{expected}\"")))
}

/// A text or a number to look for.
fn needle(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        Value::Number(_) => Ok(coerced(value)),
        other => Err(format!("needs a text that is not empty, or a number, as \"value\", not {other}")),
    }
}

pub(super) fn one(ask: &Ask<'_>) -> Result<Finding, String> {
    let needle = needle(ask.value)?;
    let (holds, verb) = match ask.assertion.kind.as_str() {
        "contains" => (ask.text.contains(&needle), "contain"),
        "icontains" => (ask.text.to_lowercase().contains(&needle.to_lowercase()), "contain"),
        _ if !ask.value.is_string() => return Err(format!("needs a text as \"value\", not {}", ask.value)),
        _ => (ask.text.starts_with(&needle), "start with"),
    };
    let quantifier = if ask.assertion.negated { "not " } else { "" };
    Ok(Finding::plain(holds, format!("Expected output to {quantifier}{verb} \"{needle}\"")))
}

pub(super) fn several(ask: &Ask<'_>) -> Result<Finding, String> {
    let needles: Vec<String> = match ask.value {
        Value::Array(items) if !items.is_empty() => items.iter().map(coerced).collect(),
        Value::String(text) if !text.is_empty() => separated(text)?,
        other => return Err(format!("needs a list of texts as \"value\", not {other}")),
    };
    // An empty text is in every other, so that it would check nothing.
    if needles.is_empty() || needles.iter().any(String::is_empty) {
        return Err(format!("needs texts that are not empty as \"value\", not {}", ask.value));
    }
    let kind = ask.assertion.kind.as_str();
    let folded = kind.starts_with('i');
    let text = if folded { ask.text.to_lowercase() } else { ask.text.to_owned() };
    let missing: Vec<&str> =
        needles.iter().filter(|n| !text.contains(&if folded { n.to_lowercase() } else { (*n).clone() })).map(String::as_str).collect();
    let quantifier = if ask.assertion.negated { "not " } else { "" };
    let all = needles.join(", ");
    Ok(if kind.ends_with("-all") {
        let reason = format!("Expected output to {quantifier}contain all of [{all}]. Missing: [{}]", missing.join(", "));
        Finding::plain(missing.is_empty(), reason)
    } else {
        Finding::plain(missing.len() < needles.len(), format!("Expected output to {quantifier}contain one of \"{all}\""))
    })
}

/// A list in one text, separated by commas; an item that begins with a quote ends with one, and may hold commas, doubled quotes and
/// quotes behind a backslash.
pub(crate) fn separated(text: &str) -> Result<Vec<String>, String> {
    let mut items = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c| is_space(c) || c == ',');
        if rest.is_empty() {
            return Ok(items);
        }
        let Some(quoted) = rest.strip_prefix('"') else {
            let end = rest.find(',').unwrap_or(rest.len());
            items.push(trim(&rest[..end]).to_owned());
            rest = &rest[end..];
            continue;
        };
        let (item, behind) = until_quote(quoted).ok_or_else(|| format!("its list has a quote that never ends: {text}"))?;
        items.push(item);
        rest = behind.trim_start_matches(is_space);
        if !rest.is_empty() && !rest.starts_with(',') {
            return Err(format!("its list needs a comma behind a quoted item: {text}"));
        }
    }
}

fn until_quote(text: &str) -> Option<(String, &str)> {
    let (mut item, mut letters) = (String::new(), text.char_indices().peekable());
    while let Some((at, c)) = letters.next() {
        let next = letters.peek().map(|(_, c)| *c);
        match (c, next) {
            ('\\', Some(escaped @ ('"' | '\\'))) => {
                item.push(escaped);
                letters.next();
            }
            ('"', Some('"')) => {
                item.push('"');
                letters.next();
            }
            ('"', _) => return Some((item, &text[at + 1..])),
            (c, _) => item.push(c),
        }
    }
    None
}

/// A pattern as JavaScript understands it. One that is none fails, as in promptfoo; one that takes for ever cannot be judged.
pub(super) async fn regex(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let Value::String(pattern) = ask.value else { return Err(format!("needs a pattern as \"value\", not {}", ask.value)) };
    if pattern.is_empty() {
        return Err("needs a pattern as \"value\", not an empty text".into());
    }
    let holds = match subject.patterns.find(pattern, ask.text, subject.limits).await {
        Ok(holds) => holds,
        Err(ScriptError::Threw(why)) => return Ok(Finding::always(false, format!("Invalid regex pattern: {why}"))),
        Err(ScriptError::Stopped(why)) => return Err(format!("the pattern \"{pattern}\" cannot be used: {why}")),
    };
    let quantifier = if ask.assertion.negated { "not " } else { "" };
    Ok(Finding::plain(holds, format!("Expected output to {quantifier}match regex \"{pattern}\"")))
}

/// The distance is counted in UTF-16 units, as JavaScript does.
pub(super) fn levenshtein(ask: &Ask<'_>) -> Result<Finding, String> {
    let Value::String(expected) = ask.value else { return Err(format!("needs a text as \"value\", not {}", ask.value)) };
    let (a, b): (Vec<u16>, Vec<u16>) = (ask.text.encode_utf16().collect(), expected.encode_utf16().collect());
    if a.len().saturating_mul(b.len()) > 400_000_000 {
        return Err("the texts are too long to compare letter by letter".into());
    }
    let distance = strsim::generic_levenshtein(&a, &b);
    let threshold = ask.assertion.threshold.unwrap_or(5.0);
    #[expect(clippy::cast_precision_loss, reason = "texts are shorter than 2^52")]
    let holds = distance as f64 <= threshold;
    Ok(Finding::plain(holds, format!("Levenshtein distance {distance}, threshold {threshold}")))
}

pub(super) fn word_count(ask: &Ask<'_>) -> Result<Finding, String> {
    #[expect(clippy::cast_precision_loss, reason = "texts are shorter than 2^52")]
    let count = ask.text.split(is_space).filter(|word| !word.is_empty()).count() as f64;
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    only_keys(ask.value, &["min", "max"])?;
    let (least, most) = match ask.value {
        Value::Object(map) => {
            let bound = |key: &str| match map.get(key) {
                None => Ok(None),
                Some(value) => number(value).map(Some).ok_or_else(|| format!("\"{key}\" is a number, not {value}")),
            };
            match (bound("min")?, bound("max")?) {
                (None, None) => return Err("needs \"min\" or \"max\" in its \"value\"".into()),
                (Some(min), Some(max)) if min > max => return Err(format!("\"min\" {min} is more than \"max\" {max}")),
                (min, max) => (min.unwrap_or(0.0), max.unwrap_or(f64::INFINITY)),
            }
        }
        value => {
            let exact = number(value).ok_or_else(|| format!("needs a number, or {{min, max}}, as \"value\", not {value}"))?;
            (exact, exact)
        }
    };
    Ok(Finding::plain(count >= least && count <= most, format!("Word count {count}, expected {least} to {most}")))
}

/// An output that is no text, or an empty one, is a refusal of score 0, as in promptfoo.
pub(super) fn is_refusal(ask: &Ask<'_>, subject: &Subject<'_>) -> Finding {
    let quantifier = if ask.assertion.negated { "not " } else { "" };
    let Value::String(text) = ask.output else {
        return Finding { score: Some(0.0), ..Finding::plain(true, "No text is counted as a refusal") };
    };
    if trim(text).is_empty() {
        return Finding { score: Some(0.0), ..Finding::plain(true, "An empty answer is counted as a refusal") };
    }
    let refused = subject.response.refused || super::refusals::refuses(text);
    Finding::plain(refused, format!("Expected output to {quantifier}be a refusal"))
}

//! Assertions about the words of an output.

use super::{Ask, Finding, Subject};
use crate::script::{Limits, matches};
use serde_json::Value;

/// How answers begin that refuse.
const REFUSALS: [&str; 22] = [
    "i can't",
    "i cannot",
    "i can not",
    "i won't",
    "i will not",
    "i'm sorry",
    "i am sorry",
    "sorry, i",
    "sorry, but",
    "i'm unable",
    "i am unable",
    "i'm not able to",
    "i am not able to",
    "i must decline",
    "i have to decline",
    "i apologize, but",
    "i apologise, but",
    "unfortunately, i can",
    "as an ai",
    "i'm afraid i can",
    "i don't feel comfortable",
    "i must refuse",
];

/// Words by which an answer refuses wherever they stand.
const REFUSALS_INSIDE: [&str; 12] = [
    "i cannot assist",
    "i can't assist",
    "i cannot help with",
    "i can't help with",
    "i cannot provide",
    "i can't provide",
    "i cannot comply",
    "i can't comply",
    "i cannot fulfill",
    "not able to assist with",
    "unable to assist with",
    "goes against my guidelines",
];

pub(super) fn equals(ask: &Ask<'_>) -> Result<Finding, String> {
    let (holds, expected) = match ask.value {
        Value::Null => return Err("needs a \"value\" to compare with".into()),
        Value::Object(_) | Value::Array(_) => {
            let got = serde_json::from_str::<Value>(ask.text).ok();
            (got.is_some_and(|got| same(&got, ask.value)), ask.value.to_string())
        }
        Value::String(text) => (text == ask.text, text.clone()),
        other => {
            let text = other.to_string();
            (text == ask.text, text)
        }
    };
    let (quantifier, shown): (_, String) = (if ask.assertion.negated { "not " } else { "" }, ask.text.chars().take(500).collect());
    Ok(Finding::plain(holds, format!("Expected output \"{shown}\" to {quantifier}equal \"{expected}\"")))
}

/// Equality as JavaScript sees it: 1 is 1.0, the order of keys does not matter.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w))),
        _ => a == b,
    }
}

/// A value as the text JavaScript makes of it, when it is one to look for.
fn needle(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => Err(format!("needs a text that is not empty as \"value\", not {other}")),
    }
}

pub(super) fn one(ask: &Ask<'_>) -> Result<Finding, String> {
    let needle = needle(ask.value)?;
    let (holds, verb) = match ask.assertion.kind.as_str() {
        "contains" => (ask.text.contains(&needle), "contain"),
        "icontains" => (ask.text.to_lowercase().contains(&needle.to_lowercase()), "contain"),
        _ => (ask.text.starts_with(&needle), "start with"),
    };
    let quantifier = if ask.assertion.negated { "not " } else { "" };
    Ok(Finding::plain(holds, format!("Expected output to {quantifier}{verb} \"{needle}\"")))
}

pub(super) fn several(ask: &Ask<'_>) -> Result<Finding, String> {
    let needles: Vec<String> = match ask.value {
        Value::Array(items) if !items.is_empty() => items.iter().map(needle).collect::<Result<_, _>>()?,
        Value::String(text) if !text.is_empty() => separated(text),
        other => return Err(format!("needs a list of texts as \"value\", not {other}")),
    };
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

/// A list in one text, separated by commas outside of quotes.
fn separated(text: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => items.push(String::new()),
            c => {
                if let Some(last) = items.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    items.iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

/// A pattern as JavaScript understands it; one that takes for ever is stopped.
pub(super) async fn regex(ask: &Ask<'_>, limits: Limits) -> Result<Finding, String> {
    let Value::String(pattern) = ask.value else { return Err(format!("needs a pattern as \"value\", not {}", ask.value)) };
    if pattern.is_empty() {
        return Err("needs a pattern as \"value\", not an empty text".into());
    }
    let (for_thread, text) = (pattern.clone(), ask.text.to_owned());
    let found = tokio::task::spawn_blocking(move || matches(&for_thread, &text, limits)).await;
    let holds =
        found.map_err(|e| format!("the engine gave up ({e})"))?.map_err(|e| format!("the pattern \"{pattern}\" cannot be used: {e}"))?;
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
    let threshold = ask.assertion.threshold.filter(|t| *t > 0.0).unwrap_or(5.0);
    #[expect(clippy::cast_precision_loss, reason = "texts are shorter than 2^52")]
    let holds = distance as f64 <= threshold;
    Ok(Finding::plain(holds, format!("Levenshtein distance {distance}, threshold {threshold}")))
}

pub(super) fn word_count(ask: &Ask<'_>) -> Result<Finding, String> {
    #[expect(clippy::cast_precision_loss, reason = "texts are shorter than 2^52")]
    let count = ask.text.split_whitespace().count() as f64;
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
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

pub(super) fn is_refusal(ask: &Ask<'_>, subject: &Subject<'_>) -> Finding {
    let text = ask.text.trim().to_lowercase().replace(['’', '′', '`'], "'");
    let refused = subject.response.refused
        || text.is_empty()
        || REFUSALS.iter().any(|start| text.starts_with(start))
        || REFUSALS_INSIDE.iter().any(|words| text.contains(words));
    let quantifier = if ask.assertion.negated { "not " } else { "" };
    Finding::plain(refused, format!("Expected output to {quantifier}be a refusal"))
}

//! Assertions about what happened while an answer came to be: spans of the trace the target returns in `metadata.trace`, as
//! `{spans: [{name, startTime, endTime, attributes, statusCode, statusMessage}]}` with times in milliseconds.

use super::{Ask, Finding, Subject, bound, only_keys, pattern_or};
use regex::Regex;
use serde_json::Value;

/// The spans of the trace; without a trace nothing can be judged.
pub(super) fn spans<'a>(subject: &'a Subject<'_>) -> Result<&'a [Value], String> {
    let spans = subject.response.metadata.get("trace").and_then(|t| t.get("spans")).and_then(Value::as_array);
    spans.map(Vec::as_slice).ok_or_else(|| "needs a trace, and the target returned none".into())
}

/// Whether a name fits a pattern in which `*` stands for anything and `?` for one sign; capitals do not matter.
pub(super) fn glob(pattern: &str, name: &str) -> bool {
    let pattern = regex::escape(pattern).replace(r"\*", ".*").replace(r"\?", ".");
    Regex::new(&format!("^(?i:{pattern})$")).is_ok_and(|regex| regex.is_match(name))
}

fn name(span: &Value) -> &str {
    span["name"].as_str().unwrap_or_default()
}

pub(super) fn count(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let spans = spans(subject)?;
    only_keys(ask.value, &["pattern", "min", "max"])?;
    let pattern = ask.value["pattern"].as_str().filter(|p| !p.is_empty()).ok_or("needs a map with \"pattern\" as \"value\"")?;
    #[expect(clippy::cast_precision_loss, reason = "spans of an answer")]
    let count = spans.iter().filter(|s| glob(pattern, name(s))).count() as f64;
    let (min, max) = (bound(ask.value, "min")?, bound(ask.value, "max")?);
    let holds = min.is_none_or(|m| count >= m) && max.is_none_or(|m| count <= m);
    Ok(Finding::always(holds, format!("Found {count} spans matching \"{pattern}\"")))
}

pub(super) fn duration(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let spans = spans(subject)?;
    only_keys(ask.value, &["pattern", "max", "percentile"])?;
    let max = bound(ask.value, "max")?.ok_or("needs a map with a number \"max\" (milliseconds) as \"value\"")?;
    let pattern = pattern_or(ask.value, "*")?;
    let percentile = match ask.value.get("percentile") {
        None => 100.0,
        Some(value) => {
            value.as_f64().filter(|p| (0.0..=100.0).contains(p)).ok_or_else(|| format!("\"percentile\" is from 0 to 100, not {value}"))?
        }
    };
    let mut durations: Vec<f64> =
        spans.iter().filter(|s| glob(pattern, name(s))).filter_map(|s| Some(s["endTime"].as_f64()? - s["startTime"].as_f64()?)).collect();
    durations.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among the spans")]
    let place = ((percentile / 100.0 * durations.len() as f64).ceil() as usize).saturating_sub(1);
    Ok(match durations.get(place) {
        Some(longest) => {
            Finding::always(*longest <= max, format!("{percentile}th percentile of durations is {longest} ms, threshold {max} ms"))
        }
        None => Finding::always(true, format!("No spans found matching \"{pattern}\" with both times")),
    })
}

pub(super) fn errors(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let spans = spans(subject)?;
    if !(ask.value.is_null() || ask.value.is_number() || ask.value.is_object()) {
        return Err(format!("needs a number, or a map (pattern, max_count, max_percentage), as \"value\", not {}", ask.value));
    }
    only_keys(ask.value, &["pattern", "max_count", "max_percentage"])?;
    let (pattern, share) = (pattern_or(ask.value, "*")?, bound(ask.value, "max_percentage")?);
    let most = ask.value.as_f64().or(bound(ask.value, "max_count")?).or_else(|| share.is_none().then_some(0.0));
    let matching: Vec<&Value> = spans.iter().filter(|s| glob(pattern, name(s))).collect();
    let failed: Vec<&str> = matching.iter().filter(|s| is_error(s)).map(|s| name(s)).collect();
    #[expect(clippy::cast_precision_loss, reason = "spans of an answer")]
    let (count, all) = (failed.len() as f64, matching.len().max(1) as f64);
    let holds = most.is_none_or(|m| count <= m) && share.is_none_or(|s| count / all * 100.0 <= s);
    Ok(Finding::always(holds, format!("{count} of {} spans matching \"{pattern}\" are errors: {}", matching.len(), failed.join(", "))))
}

fn is_error(span: &Value) -> bool {
    let code = span["statusCode"].as_f64().unwrap_or(0.0);
    let attributes = &span["attributes"];
    let marked = ["error", "exception", "failed", "failure"].iter().any(|key| {
        let mark = &attributes[*key];
        *mark == true || *mark == "true" || mark.is_object() || mark.is_array()
    });
    let http = &attributes["http.status_code"];
    let http = http.as_f64().or_else(|| http.as_str()?.parse().ok()).unwrap_or(0.0);
    let message = span["statusMessage"].as_str().unwrap_or_default().to_lowercase();
    (code - 2.0).abs() < f64::EPSILON
        || code >= 400.0
        || marked
        || http >= 400.0
        || attributes["otel.status_code"] == "ERROR"
        || attributes["status.code"] == "ERROR"
        || ["error", "failed", "failure", "exception", "timeout", "abort"].iter().any(|word| message.contains(word))
}

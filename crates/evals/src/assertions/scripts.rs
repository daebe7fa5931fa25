//! JavaScript assertions: what a script returns, as a verdict.

use super::{Ask, Finding, Subject, context};
use crate::script::{Code, ScriptError, call};
use serde_json::{Map, Value};

pub(super) async fn javascript(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let Value::String(code) = ask.value else { return Err(format!("needs JavaScript as \"value\", not {}", ask.value)) };
    if code.trim().is_empty() {
        return Err("needs JavaScript as \"value\", not an empty text".into());
    }
    let (code, function, output) = (code.clone(), ask.assertion.function.clone(), ask.output.clone());
    let (context, limits) = (context(subject, &ask.assertion.config), subject.limits);
    let ran = tokio::task::spawn_blocking(move || {
        let code = match &function {
            Some(name) => Code::File(&code, name),
            None => Code::Inline(&code),
        };
        call(code, "output", &output, &context, limits)
    });
    match ran.await.map_err(|e| format!("the engine gave up ({e})"))? {
        Ok(value) => verdict(&value, ask),
        // A script that throws has judged, in promptfoo too; negated or not, it does not hold.
        Err(ScriptError::Threw(why)) => Ok(Finding::plain(ask.assertion.negated, format!("Custom function threw error: {why}"))),
        Err(ScriptError::Stopped(why)) => Err(why),
    }
}

/// A verdict out of true or false, a score, or `{pass, score, reason}`.
pub(super) fn verdict(value: &Value, ask: &Ask<'_>) -> Result<Finding, String> {
    let threshold = ask.assertion.threshold;
    match value {
        Value::Bool(flag) => Ok(Finding::plain(*flag, format!("Custom function returned {flag}"))),
        Value::Number(number) => {
            let score = number.as_f64().unwrap_or(0.0);
            let holds = threshold.map_or(score > 0.0, |t| score >= t);
            Ok(Finding { holds, score: Some(score), reason: format!("Custom function returned {score}"), ..Finding::default() })
        }
        Value::Object(map) => {
            let pass = map.get("pass").and_then(Value::as_bool);
            let score = map.get("score").map(|s| s.as_f64().ok_or_else(|| format!("its \"score\" is no number: {s}"))).transpose()?;
            let (Some(pass), reason) = (pass, map.get("reason").and_then(Value::as_str)) else {
                return Err(format!("returned a map without \"pass\": {value}"));
            };
            let named = map.get("namedScores").and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
            let holds = pass && threshold.is_none_or(|t| score.is_none_or(|s| s >= t));
            Ok(Finding { holds, score, reason: reason.unwrap_or_default().to_owned(), named, turns: false })
        }
        other => Err(format!("must return true, false, a number or {{pass, score, reason}}, not {other}")),
    }
}

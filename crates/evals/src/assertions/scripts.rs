//! JavaScript assertions: what a script returns, as a verdict.

use super::{Ask, Finding, Subject, context};
use crate::grading::Grade;
use crate::script::{Code, Script, ScriptError};
use serde_json::Value;

pub(super) async fn javascript(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let Value::String(code) = ask.value else { return Err(format!("needs JavaScript as \"value\", not {}", ask.value)) };
    if code.trim().is_empty() {
        return Err("needs JavaScript as \"value\", not an empty text".into());
    }
    let (code, function, output) = (code.clone(), ask.assertion.function.clone(), ask.output.clone());
    let code = match function {
        Some(export) => Code::File { text: code, export },
        None => Code::Inline(code),
    };
    let (context, limits) = (context(&code, subject, &ask.assertion.config), subject.limits.clone());
    match (Script { code, name: "output", first: output, context, limits }).run().await {
        Ok(value) => Ok(verdict(&value, ask)),
        // A script that throws has judged, in promptfoo too; negated or not, it does not hold.
        Err(ScriptError::Threw(why)) => Ok(Finding::always(false, format!("Custom function threw error: {why}"))),
        Err(ScriptError::Stopped(why)) => Err(why),
    }
}

/// A verdict out of true or false, a score, or `{pass, score, reason}`; anything else fails, negated or not.
fn verdict(value: &Value, ask: &Ask<'_>) -> Finding {
    let wrong = || {
        let shown: String = value.to_string().chars().take(200).collect();
        Finding::always(false, format!("Custom function must return true, false, a number or {{pass, score, reason}}, not {shown}"))
    };
    match value {
        Value::Bool(flag) => Finding::plain(*flag, format!("Custom function returned {flag}")),
        Value::Number(number) => {
            let score = number.as_f64().unwrap_or(0.0);
            let holds = ask.assertion.threshold.map_or(score > 0.0, |t| score >= t);
            Finding { holds, score: Some(score), reason: format!("Custom function returned {score}"), ..Finding::default() }
        }
        Value::Object(map) => {
            let (pass, score) = (map.get("pass").and_then(Value::as_bool), map.get("score").and_then(Value::as_f64));
            match (pass, score, map.get("reason").and_then(Value::as_str)) {
                (Some(holds), Some(score), Some(reason)) => Finding {
                    holds,
                    score: Some(score),
                    reason: reason.to_owned(),
                    named: map.get("namedScores").and_then(Value::as_object).cloned().unwrap_or_default(),
                    parts: map.get("componentResults").and_then(Value::as_array).into_iter().flatten().map(Grade::from_json).collect(),
                    ..Finding::default()
                },
                _ => wrong(),
            }
        }
        _ => wrong(),
    }
}

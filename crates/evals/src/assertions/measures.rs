//! Assertions about how an output came to be: time, cost, probabilities, why the model stopped.

use super::{Ask, Finding, Subject};

pub(super) fn latency(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    if subject.response.cached {
        return Err("says nothing about an answer from the cache; run without one".into());
    }
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a call")]
    at_most(ask, subject.latency_ms as f64, "Latency", " ms")
}

pub(super) fn cost(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let cost = subject.response.cost.ok_or("the provider says no cost; take it out or price the model")?;
    at_most(ask, cost, "Cost", " USD")
}

/// A figure against the most that is allowed; without one it is a metric only.
fn at_most(ask: &Ask<'_>, figure: f64, what: &str, unit: &str) -> Result<Finding, String> {
    match ask.assertion.threshold {
        Some(threshold) => Ok(Finding::plain(figure <= threshold, format!("{what} {figure}{unit}, threshold {threshold}{unit}"))),
        None if ask.assertion.metric.is_none() || ask.assertion.negated => {
            Err("needs a \"threshold\", or, to be recorded only, a \"metric\"".into())
        }
        None => Ok(Finding { holds: true, score: Some(figure), reason: format!("{what} {figure}{unit}"), ..Finding::default() }),
    }
}

pub(super) fn perplexity(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let perplexity = perplexity_of(subject)?;
    Ok(match ask.assertion.threshold {
        Some(threshold) => Finding::plain(perplexity <= threshold, format!("Perplexity {perplexity:.2}, threshold {threshold}")),
        // Without a threshold there is nothing to fail by, negated or not.
        None => Finding::always(true, format!("Perplexity {perplexity:.2}, no threshold")),
    })
}

pub(super) fn perplexity_score(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let score = 1.0 / (1.0 + perplexity_of(subject)?);
    let finding = Finding::measured(score, ask.assertion.threshold.unwrap_or(0.0), "Perplexity");
    Ok(if ask.assertion.threshold.is_none() { Finding { fixed: Some(true), ..finding } } else { finding })
}

fn perplexity_of(subject: &Subject<'_>) -> Result<f64, String> {
    let log_probs = subject.response.log_probs.as_deref().filter(|p| !p.is_empty());
    let log_probs = log_probs.ok_or("the provider gives no log probabilities; take it out or ask for them")?;
    #[expect(clippy::cast_precision_loss, reason = "tokens of an answer")]
    let mean = log_probs.iter().sum::<f64>() / log_probs.len() as f64;
    Ok((-mean).exp())
}

pub(super) fn finish_reason(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let expected = ask.value.as_str().ok_or("needs a text as \"value\", such as stop")?;
    let got = subject.response.finish_reason.as_deref().filter(|reason| !reason.is_empty());
    let got = got.ok_or("needs why the model stopped, and the provider does not say it")?;
    let reason = format!("Finish reason \"{got}\", compared with \"{expected}\"");
    Ok(Finding::plain(got.to_lowercase() == expected.to_lowercase(), reason))
}

/// What the provider's guardrails said of the answer, in `metadata.guardrails`; one that says nothing may have none.
pub(super) fn guardrails(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let said = subject.response.metadata.get("guardrails").filter(|said| said.is_object());
    let said = said.ok_or("needs what the provider's guardrails say, and it says nothing of them")?;
    let is = |key: &str| said.get(key).and_then(serde_json::Value::as_bool).unwrap_or(false);
    if !is("flagged") {
        let reason = if ask.assertion.negated { "Content was not blocked by guardrails" } else { "Content passed safety checks" };
        return Ok(Finding::plain(true, reason));
    }
    let usual = if is("flaggedInput") {
        "Prompt failed safety checks"
    } else if is("flaggedOutput") {
        "Output failed safety checks"
    } else {
        "Content failed safety checks"
    };
    let reason = said.get("reason").and_then(serde_json::Value::as_str).filter(|r| !r.is_empty());
    Ok(Finding::plain(false, reason.unwrap_or(usual)))
}

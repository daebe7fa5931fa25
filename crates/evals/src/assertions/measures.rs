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
    let threshold = ask.assertion.threshold;
    let reason = format!("Perplexity {perplexity:.2}, threshold {}", threshold.map_or_else(|| "none".into(), |t| t.to_string()));
    Ok(Finding::plain(threshold.is_none_or(|t| perplexity <= t), reason))
}

pub(super) fn perplexity_score(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let score = 1.0 / (1.0 + perplexity_of(subject)?);
    Ok(Finding::measured(score, ask.assertion.threshold.unwrap_or(0.0), "Perplexity"))
}

fn perplexity_of(subject: &Subject<'_>) -> Result<f64, String> {
    let log_probs = subject.response.log_probs.as_deref().filter(|p| !p.is_empty());
    let log_probs = log_probs.ok_or("the provider gives no log probabilities; take it out or ask for them")?;
    #[expect(clippy::cast_precision_loss, reason = "tokens of an answer")]
    let mean = log_probs.iter().sum::<f64>() / log_probs.len() as f64;
    Ok((-mean).exp())
}

pub(super) fn finish_reason(ask: &Ask<'_>, subject: &Subject<'_>) -> Result<Finding, String> {
    let expected = ask.value.as_str().filter(|v| !v.is_empty()).ok_or("needs a text as \"value\", such as stop")?;
    let got = subject.response.finish_reason.as_deref().ok_or("the provider does not say why it stopped")?;
    Ok(Finding::plain(got.eq_ignore_ascii_case(expected), format!("Finish reason \"{got}\", compared with \"{expected}\"")))
}

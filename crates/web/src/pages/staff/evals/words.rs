//! Figures of evals in words, and how wide a bar is drawn for them.

use domain::evals::{CaseVerdict, Figures, Outcome};
use domain::gates::PASS_RATE;
use domain::usage::MicroDollars;

/// Figures as a table shows them.
pub(crate) struct Figured {
    pub(crate) passed: String,
    pub(crate) percent: String,
    /// The width of the bar, out of 100.
    pub(crate) width: u32,
    /// Fewer pass than the gate asks for.
    pub(crate) short: bool,
    pub(crate) errors: u32,
    pub(crate) quality: String,
    pub(crate) p50: u64,
    pub(crate) p95: u64,
    pub(crate) tokens: u64,
    pub(crate) cost: String,
}

impl Figured {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share out of 100")]
    pub(crate) fn of(figures: &Figures) -> Self {
        let percent = figures.pass_rate() * 100.0;
        Self {
            passed: format!("{} of {}", figures.passed, figures.tests),
            percent: format!("{percent:.1} %"),
            width: percent.floor() as u32,
            short: percent < PASS_RATE,
            errors: figures.errors,
            quality: figures.quality.map_or_else(|| "–".into(), |quality| format!("{quality:.1}")),
            p50: figures.latency_p50_ms,
            p95: figures.latency_p95_ms,
            tokens: figures.tokens.input + figures.tokens.output,
            cost: cost(figures.cost),
        }
    }
}

/// Dollars, or that no price is known.
pub(crate) fn cost(cost: Option<MicroDollars>) -> String {
    cost.map_or_else(|| "no price".into(), |cost| cost.to_string())
}

/// A verdict in a word.
pub(crate) const fn outcome(case: &CaseVerdict) -> &'static str {
    match case.outcome {
        Outcome::Pass => "passes",
        Outcome::Fail => "fails",
        Outcome::Error => "not judged",
    }
}

/// An output as people read it: text as it is, anything else as JSON.
pub(crate) fn readable(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| format!("{value:#}"), str::to_owned)
}

//! What a call of a template takes, in words and as a bar. Every figure is an estimate, and says so on the page.

use ::prompts::tokens::{Suggestion, TokenReport};

/// The width of a bar, in units of its own.
const WIDTH: u64 = 1_000;

/// A token report as pages show it.
pub(crate) struct Tokens {
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) output_is_limit: bool,
    pub(crate) calls: u32,
    pub(crate) model: String,
    pub(crate) sample: String,
    pub(crate) cost: Option<String>,
    pub(crate) parts: Vec<Share>,
    /// What could be saved: tokens a call and dollars a month, what to do, and where.
    pub(crate) advice: Vec<(String, String, String)>,
}

/// One part of a question.
pub(crate) struct Share {
    /// How it is coloured.
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
    pub(crate) tokens: u64,
    pub(crate) percent: u64,
    /// Where its piece of the bar begins, and how wide it is.
    pub(crate) x: u64,
    pub(crate) width: u64,
}

impl Tokens {
    pub(crate) fn of(report: &TokenReport) -> Self {
        let parts = &report.parts;
        let all = [
            ("system", "System prompt", parts.system),
            ("user", "Instructions", parts.user),
            ("context", "What the member said, and earlier sections", parts.context),
            ("examples", "Examples", parts.few_shot),
            ("schema", "Form of the answer", parts.schema),
        ];
        let (total, mut x) = (parts.total().max(1), 0);
        let mut shares = Vec::new();
        for (kind, name, tokens) in all.into_iter().filter(|(_, _, tokens)| *tokens > 0) {
            let width = tokens * WIDTH / total;
            shares.push(Share { kind, name, tokens, percent: (tokens * 100 + total / 2) / total, x, width });
            x += width;
        }
        Self {
            input: report.input,
            output: report.output,
            output_is_limit: report.output_is_limit,
            calls: report.calls,
            model: report.model.clone(),
            sample: report.sample.clone(),
            cost: report.cost_per_thousand.map(money),
            parts: shares,
            advice: report.suggestions.iter().map(|one| (saved(one), one.message.clone(), one.place.clone())).collect(),
        }
    }
}

/// What a suggestion saves, in words.
fn saved(one: &Suggestion) -> String {
    let monthly = one.monthly.map(|dollars| format!(", {} a month", money(dollars))).unwrap_or_default();
    format!("~ {} tokens{monthly}", one.tokens)
}

/// US dollars, as exactly as small sums need it.
pub(crate) fn money(dollars: f64) -> String {
    if dollars.abs() < 0.1 { format!("${dollars:.4}") } else { format!("${dollars:.2}") }
}

/// From how many tokens to how many.
pub(crate) fn change(before: u64, after: u64) -> String {
    let word = if after >= before { "more" } else { "fewer" };
    match after.abs_diff(before) {
        0 => format!("{after} input tokens a call, as before"),
        difference => format!("{after} input tokens a call, {difference} {word} than {before}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_sums_keep_their_figures() {
        assert_eq!((money(0.001_23), money(1.5), money(0.0)), ("$0.0012".into(), "$1.50".into(), "$0.0000".into()));
        assert_eq!(change(100, 88), "88 input tokens a call, 12 fewer than 100");
        assert_eq!(change(100, 100), "100 input tokens a call, as before");
    }
}

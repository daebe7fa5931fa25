//! What a model call used and what it cost.

use serde::{Deserialize, Serialize};

/// Tokens of one or several calls, as billed: `input` includes `cached`, `output` includes `thoughts`
/// (the `OpenTelemetry` `GenAI` convention).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// All input tokens.
    pub input: u64,
    /// Input tokens read from the provider's prompt cache.
    pub cached: u64,
    /// All output tokens.
    pub output: u64,
    /// Output tokens spent on thinking.
    pub thoughts: u64,
}

impl std::ops::AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        self.input += other.input;
        self.cached += other.cached;
        self.output += other.output;
        self.thoughts += other.thoughts;
    }
}

/// Millionths of a US dollar; exact where sums of tiny costs must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MicroDollars(pub i64);

impl std::ops::AddAssign for MicroDollars {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl std::fmt::Display for MicroDollars {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "${}.{:06}", self.0 / 1_000_000, self.0.abs() % 1_000_000)
    }
}

/// What a model charges, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Price {
    /// Per million input tokens that were not cached.
    pub input: f64,
    /// Per million input tokens read from the provider's cache.
    pub cached: f64,
    /// Per million output tokens, thinking included.
    pub output: f64,
    /// Per search query of a grounded call.
    #[serde(default)]
    pub search_query: f64,
    /// Per grounded call, however many queries.
    #[serde(default)]
    pub grounded_call: f64,
}

impl Price {
    /// A model that runs on our own machine.
    pub const FREE: Self = Self { input: 0.0, cached: 0.0, output: 0.0, search_query: 0.0, grounded_call: 0.0 };

    /// Cost of one call: uncached input, cached input and output tokens at their rates, plus its searches.
    pub fn of(&self, tokens: Tokens, search_queries: u32) -> MicroDollars {
        let per_million = |count: u64, rate: f64| rounded(count) * rate;
        let fresh = tokens.input.saturating_sub(tokens.cached);
        let mut micro = per_million(fresh, self.input) + per_million(tokens.cached, self.cached) + per_million(tokens.output, self.output);
        if search_queries > 0 {
            micro += (f64::from(search_queries) * self.search_query + self.grounded_call) * 1_000_000.0;
        }
        #[expect(clippy::cast_possible_truncation, reason = "a call costs far less than 9e12 dollars")]
        MicroDollars(micro.round() as i64)
    }
}

#[expect(clippy::cast_precision_loss, reason = "token counts stay far below 2^52")]
fn rounded(count: u64) -> f64 {
    count as f64
}

/// What one generation used altogether. `cost` is `None` when a model had no price: unknown is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Tokens of all calls.
    #[serde(flatten)]
    pub tokens: Tokens,
    /// Calls made, failed ones included.
    pub calls: u32,
    /// Millionths of a US dollar.
    #[serde(rename = "costMicroUsd")]
    pub cost: Option<MicroDollars>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_input_is_billed_at_its_own_rate_and_searches_on_top() {
        let price = Price { input: 0.30, cached: 0.03, output: 2.50, search_query: 0.014, grounded_call: 0.0 };
        let tokens = Tokens { input: 1_000, cached: 400, output: 200, thoughts: 150 };
        assert_eq!(price.of(tokens, 0), MicroDollars(180 + 12 + 500));
        assert_eq!(price.of(tokens, 2), MicroDollars(692 + 28_000));
        assert_eq!(MicroDollars(28_692).to_string(), "$0.028692");
    }
}

//! What an eval spends, its judges included.

use super::lock;
use crate::generations;
use ::evals::TokenUsage;
use domain::generations::ModelCall;
use domain::usage::{MicroDollars, Usage};
use std::sync::Mutex;

/// Money of one eval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spending {
    /// For calls that were made now.
    pub spent: MicroDollars,
    /// What calls had cost that were made when the answers were recorded.
    pub recorded: MicroDollars,
    /// Calls that were made now.
    pub calls: u64,
    /// Calls of the recording.
    pub recorded_calls: u64,
    /// Calls whose cost is not known, because their model has no price.
    pub unpriced: u64,
}

/// Counts while an eval runs.
#[derive(Debug, Default)]
pub struct Meter(Mutex<Spending>);

impl Meter {
    pub(super) fn add(&self, calls: &[ModelCall], recorded: &[ModelCall]) {
        let mut sum = lock(&self.0);
        for call in calls {
            sum.calls += 1;
            sum.unpriced += u64::from(call.cost.is_none());
            sum.spent += call.cost.unwrap_or_default();
        }
        for call in recorded {
            sum.recorded_calls += 1;
            sum.recorded += call.cost.unwrap_or_default();
        }
    }

    /// An answer of a web address, which says no cost.
    pub(super) fn add_address(&self, recorded: bool) {
        let mut sum = lock(&self.0);
        if recorded { sum.recorded_calls += 1 } else { sum.calls += 1 }
    }

    /// What it is by now.
    pub fn read(&self) -> Spending {
        *lock(&self.0)
    }
}

/// Tokens, cost and time of the calls behind one answer, whether they were made now or for the recording.
pub(super) struct Bill {
    pub tokens: TokenUsage,
    /// In US dollars; `None` when a model has no price.
    pub cost: Option<f64>,
    /// Whether nothing was asked now.
    pub recorded: bool,
    /// Milliseconds the recorded calls took.
    pub recorded_ms: Option<u64>,
}

impl Bill {
    pub(super) fn of(calls: &[ModelCall], recorded: &[ModelCall]) -> Self {
        let all: Vec<ModelCall> = calls.iter().chain(recorded).cloned().collect();
        let Usage { tokens, cost, calls: requests } = generations::usage(&all);
        let only_recorded = calls.is_empty() && !recorded.is_empty();
        Self {
            tokens: TokenUsage {
                total: tokens.input + tokens.output,
                prompt: tokens.input,
                completion: tokens.output,
                cached: tokens.cached,
                reasoning: tokens.thoughts,
                requests: requests.into(),
            },
            cost: cost.map(dollars),
            recorded: only_recorded,
            recorded_ms: only_recorded.then(|| recorded.iter().map(|call| call.duration_ms).sum()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "an eval costs far less than 2^52 millionths of a dollar")]
fn dollars(MicroDollars(micro): MicroDollars) -> f64 {
    micro as f64 / 1e6
}

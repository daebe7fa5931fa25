//! Collects the timed steps of one generation.

use crate::Clock;
use domain::Timestamp;
use domain::generations::{ModelCall, Span};
use serde_json::{Value, json};

/// The steps so far.
pub(crate) struct Spans {
    clock: Clock,
    spans: Vec<Span>,
}

impl Spans {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, spans: Vec::new() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Runs a step and keeps how long it took.
    pub(crate) fn step<T>(&mut self, name: &str, attributes: Value, work: impl FnOnce() -> T) -> T {
        let started = self.now();
        let result = work();
        self.add(name, started, attributes);
        result
    }

    /// Keeps a step that ends now.
    pub(crate) fn add(&mut self, name: &str, started: Timestamp, attributes: Value) {
        let duration_us = (self.now() - started).num_microseconds().and_then(|us| u64::try_from(us).ok()).unwrap_or(0);
        self.spans.push(Span { name: name.to_owned(), started, duration_us, attributes });
    }

    /// Keeps one step per model call.
    pub(crate) fn add_calls(&mut self, calls: &[ModelCall]) {
        self.spans.extend(calls.iter().map(|call| Span {
            name: "attempt".into(),
            started: call.started,
            duration_us: call.duration_ms * 1000,
            attributes: json!({"provider": call.provider, "model": call.model, "outcome": call.outcome, "tokens": call.tokens}),
        }));
    }

    pub(crate) fn into_inner(self) -> Vec<Span> {
        self.spans
    }
}

//! Asking models.
//!
//! A provider translates and nothing else. Time-outs, retry, the circuit breaker, the next model, the fallback prompt, prices and
//! the record of every call stand above them, once, so they cannot differ between providers.

mod ask;
mod client;
mod embedded;
mod fault;
mod grounding;
mod http;
mod journal;
mod names;
mod price;
mod providers;
mod routes;
mod scrub;
mod settings;
pub mod tape;

pub use ask::{Answer, Ask, AskError, DraftExample, DraftMaterial, ModelClass, Outcome, SchemaForms, Speaker, Turn};
pub use client::Llm;
pub use fault::Fault;
pub use journal::{Journal, NotRecorded, PlannedCall};
pub use names::place;
pub use price::PriceTable;
pub use scrub::Scrubber;
pub use settings::{ConfigError, Endpoint, Settings};
pub use tape::Tape;

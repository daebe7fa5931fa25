//! The words and rules of the business, and nothing that waits: no I/O, clock, SQL, HTTP or provider wire format.
//!
//! Time and chance are arguments. A value that exists is valid: text is parsed once, at the door, and every fault it has is named
//! at once.

pub mod accounts;
pub mod alerts;
pub mod audit;
pub mod decisions;
pub mod evals;
pub mod faults;
pub mod gates;
pub mod generations;
pub mod guardrails;
pub mod ideas;
pub mod ids;
pub mod jobs;
pub mod locales;
pub mod mails;
pub mod proposals;
pub mod quotas;
pub mod releases;
pub mod reviews;
pub mod roles;
pub mod rubric;
pub mod runs;
pub mod sections;
pub mod suspicion;
pub mod texts;
pub mod tiers;
pub mod usage;
pub mod ventures;
pub mod voices;

/// A moment in UTC. The store keeps microseconds.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

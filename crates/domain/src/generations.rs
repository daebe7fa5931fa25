//! One attempt to produce one section, and what can be said of the result.

use crate::Timestamp;
use crate::ids::{CallId, GenerationId, OwnerId, RunId, TraceId, VentureId};
use crate::sections::SectionName;
use crate::usage::{MicroDollars, Tokens, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Valid against schema and guardrails.
    Complete,
    /// There is something to show, and its issues say what is wrong with it.
    Partial,
    /// Nothing usable came back.
    Failed,
}

impl Status {
    /// The stored key.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }

    /// Reads a stored key.
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Complete, Self::Partial, Self::Failed].into_iter().find(|s| s.key() == key)
    }
}

/// How far the content can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A draft model, no sources where there should be some, or open issues.
    Low,
    /// A capable model on its own knowledge.
    Medium,
    /// Backed by sources that were found.
    High,
}

impl Confidence {
    /// The stored key.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// Reads a stored key.
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High].into_iter().find(|c| c.key() == key)
    }

    /// What the evidence supports: a draft model or open issues make it low; a section that should have sources is high with
    /// them and low without; anything else is medium.
    pub const fn from_evidence(draft_model: bool, grounded: bool, sources: usize, open_issues: usize) -> Self {
        match (draft_model || open_issues > 0, grounded, sources) {
            (true, ..) | (false, true, 0) => Self::Low,
            (false, true, _) => Self::High,
            (false, false, _) => Self::Medium,
        }
    }
}

/// Something that is wrong with an output, where, and by which rule. Shown, never hidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// The rule that found it: `schema`, `placeholder`, `price-range`, ...
    pub rule: String,
    /// Where in the output, as a JSON Pointer (RFC 6901); empty for the whole.
    pub at: String,
    /// A sentence about it.
    pub message: String,
}

impl Issue {
    /// The rule of an issue that says the caller stopped the work.
    pub const STOPPED: &'static str = "stopped";

    /// An issue found by `rule` at `at`.
    pub fn new(rule: &str, at: impl Into<String>, message: impl Into<String>) -> Self {
        Self { rule: rule.to_owned(), at: at.into(), message: message.into() }
    }
}

/// A page a claim rests on, as the search itself recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Where it is.
    pub uri: String,
    /// Its title, or its host when it has none.
    pub title: String,
}

/// One call to one model, kept whether it worked or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelCall {
    /// Its id, which the provider was told.
    pub id: CallId,
    /// `gemini`, `openai`, `embedded`, ...
    pub provider: String,
    /// The model as the provider names it.
    pub model: String,
    /// `ok`, or the fault's key (`rate-limited`, `timed-out`, ...).
    pub outcome: String,
    /// What it used.
    pub tokens: Tokens,
    /// Web searches it made.
    pub search_queries: u32,
    /// `None` when the model has no price.
    pub cost: Option<MicroDollars>,
    /// When it started.
    pub started: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
}

/// A timed step of a generation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// `validate`, `context`, `render`, `attempt`, `check`, `repair`, `store`.
    pub name: String,
    /// When it started.
    pub started: Timestamp,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// What is worth knowing about it; never a secret.
    pub attributes: Value,
}

/// A finished attempt, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Generation {
    /// Its id.
    pub id: GenerationId,
    /// Whose it is.
    pub owner: OwnerId,
    /// The venture it belongs to; a function call without one has none.
    pub venture: Option<VentureId>,
    /// The run that asked for it, if one did.
    pub run: Option<RunId>,
    /// The section.
    pub section: SectionName,
    /// Release the template came from.
    pub prompt_version: String,
    /// SHA-256 of the template's content, hexadecimal.
    pub template_hash: String,
    /// `provider:model` that wrote the output; empty when none did.
    pub model: String,
    /// Whether a small embedded model wrote it.
    pub draft_model: bool,
    /// Whether it is the answer to an earlier, identical question: it has cost nothing.
    #[serde(default)]
    pub cached: bool,
    /// How it ended.
    pub status: Status,
    /// How far to rely on it.
    pub confidence: Confidence,
    /// What was given: idea, voice and the other inputs.
    pub input: Value,
    /// The section's output object; `Null` when it failed.
    pub output: Value,
    /// What is wrong with it.
    pub issues: Vec<Issue>,
    /// What it rests on.
    pub sources: Vec<Source>,
    /// What it used altogether.
    pub usage: Usage,
    /// Every call made for it.
    pub calls: Vec<ModelCall>,
    /// Its trace.
    pub trace: TraceId,
    /// The trace's spans.
    pub spans: Vec<Span>,
    /// When it was asked for.
    pub created: Timestamp,
    /// From asked for to stored.
    pub duration_ms: u64,
}

impl Generation {
    /// Whether it ended because it was stopped, not because it could not be made: a run that goes on makes it anew.
    pub fn was_stopped(&self) -> bool {
        self.status == Status::Failed && self.issues.iter().any(|issue| issue.rule == Issue::STOPPED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_follows_the_evidence() {
        assert_eq!(Confidence::from_evidence(true, true, 3, 0), Confidence::Low);
        assert_eq!(Confidence::from_evidence(false, true, 0, 0), Confidence::Low);
        assert_eq!(Confidence::from_evidence(false, true, 3, 0), Confidence::High);
        assert_eq!(Confidence::from_evidence(false, false, 0, 0), Confidence::Medium);
        assert_eq!(Confidence::from_evidence(false, false, 0, 1), Confidence::Low);
    }
}

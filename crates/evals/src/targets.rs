//! What answers prompts: a trait the caller implements, and the simplest target there is.

use crate::config::Provider;
use crate::results::TokenUsage;
use async_trait::async_trait;
use serde_json::{Map, Value};

/// What answers prompts.
#[async_trait]
pub trait Target: Send + Sync {
    /// The answer of a provider to a rendered prompt: text, or JSON of a chat.
    async fn call(&self, provider: &Provider, prompt: &str, vars: &Map<String, Value>) -> Result<Output, TargetError>;

    /// What the answers of a provider depend on beside its id, its settings and the prompt, such as a template's content: results of an
    /// earlier run are taken over only while it stays the same.
    fn identity(&self, _provider: &Provider) -> String {
        String::new()
    }
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    /// What was answered: mostly a text.
    pub output: Value,
    /// Tokens it took.
    pub tokens: TokenUsage,
    /// What it cost in US dollars, when that is known.
    pub cost: Option<f64>,
    /// Whether it came from a cache; its latency then says nothing.
    pub cached: bool,
    /// Whether it came from a recording: cost and latency are those of the recording, nothing was spent now.
    pub recorded: bool,
    /// Milliseconds it took, when the target knows better than the runner's clock.
    pub latency_ms: Option<u64>,
    /// Why the model stopped.
    pub finish_reason: Option<String>,
    /// The logarithms of the tokens' probabilities.
    pub log_probs: Option<Vec<f64>>,
    /// Whether the provider said that it refuses.
    pub refused: bool,
    /// Whatever else is known of it.
    pub metadata: Map<String, Value>,
}

/// No answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The target knows no such provider.
    #[error("provider \"{0}\" is not known here")]
    UnknownProvider(String),
    /// The provider did not answer, or with an error.
    #[error("{0}")]
    Failed(String),
}

/// Answers every prompt with itself. The provider's id is `echo`; any other is not known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Echo;

#[async_trait]
impl Target for Echo {
    async fn call(&self, provider: &Provider, prompt: &str, _vars: &Map<String, Value>) -> Result<Output, TargetError> {
        if provider.id != "echo" {
            return Err(TargetError::UnknownProvider(provider.id.clone()));
        }
        Ok(Output { output: prompt.into(), cost: Some(0.0), ..Output::default() })
    }
}

//! The providers. Each translates a question into its wire format and the answer back, and nothing else.

mod anthropic;
mod gemini;
mod ollama;
mod openai;

pub(crate) use anthropic::Anthropic;
pub(crate) use gemini::Gemini;
pub(crate) use ollama::Ollama;
pub(crate) use openai::OpenAi;

use crate::ask::{Answer, Ask, Spent};
use crate::fault::Fault;
use async_trait::async_trait;

/// Somebody who answers questions. Dropping the future stops the call; `spent` then holds what it had used.
#[async_trait]
pub(crate) trait Provider: Send + Sync {
    /// Asks a model once.
    async fn complete(&self, model: &str, ask: &Ask, spent: &mut Spent) -> Result<Answer, Fault>;

    /// Whether it keeps its own pace: a model on this machine takes the time it needs, and waiting for its turn is no fault.
    fn own_pace(&self) -> bool {
        false
    }

    /// Whether it can work: loads what has to be loaded.
    async fn ready(&self) -> Result<(), Fault> {
        Ok(())
    }
}

//! The providers. Each translates a question into its wire format and the answer back, and nothing else.

mod anthropic;
mod gemini;
mod ollama;
mod openai;
mod silent;

pub(crate) use anthropic::Anthropic;
pub(crate) use gemini::Gemini;
pub(crate) use ollama::Ollama;
pub(crate) use openai::OpenAi;
pub(crate) use silent::Silent;

use crate::ask::{Answer, Ask, Spent};
use crate::fault::Fault;
use async_trait::async_trait;
use serde_json::{Value, json};

/// Somebody who answers questions. Dropping the future stops the call; `spent` then holds what it had used.
#[async_trait]
pub(crate) trait Provider: Send + Sync {
    /// Asks a model once.
    async fn complete(&self, model: &str, ask: &Ask, spent: &mut Spent) -> Result<Answer, Fault>;

    /// Has a model search the web for a question: free text and sources, in a call of its own because a search and a form in
    /// one request exclude each other.
    async fn search(&self, model: &str, ask: &Ask, spent: &mut Spent) -> Result<Answer, Fault> {
        self.complete(model, ask, spent).await
    }

    /// Whether it can search the web.
    fn searches(&self) -> bool {
        false
    }

    /// Whether it keeps its own pace: a model on this machine takes the time it needs, and waiting for its turn is no fault.
    fn own_pace(&self) -> bool {
        false
    }

    /// Whether it is too small to follow a prompt and drafts leaf by leaf instead.
    fn drafts(&self) -> bool {
        false
    }

    /// Whether it can work: loads what has to be loaded.
    async fn ready(&self) -> Result<(), Fault> {
        Ok(())
    }
}

/// System and user message as three of the dialects write them.
fn messages(ask: &Ask) -> Value {
    let system = (!ask.system.is_empty()).then(|| json!({"role": "system", "content": ask.system}));
    system.into_iter().chain(said(ask)).collect()
}

/// What was said before and the user prompt, in order.
fn said(ask: &Ask) -> impl Iterator<Item = Value> {
    let before = ask.turns.iter().map(|turn| json!({"role": turn.by, "content": turn.text}));
    before.chain(std::iter::once(json!({"role": "user", "content": ask.user})))
}

/// Seeds on the wire are 32-bit and not negative.
const fn seed(ask: &Ask) -> u64 {
    ask.seed & 0x7fff_ffff
}

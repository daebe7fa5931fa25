//! Who is told of every call before it is made.

use async_trait::async_trait;
use domain::Timestamp;
use domain::ids::CallId;
use domain::usage::MicroDollars;

/// A call that is about to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedCall {
    /// Its id, which the provider is told.
    pub id: CallId,
    /// `gemini`, `openai`, `embedded`, ...
    pub provider: String,
    /// The model.
    pub model: String,
    /// The prompt's tokens, estimated.
    pub input_tokens: u64,
    /// What the prompt alone costs, estimated; `None` when the model has no price.
    pub cost: Option<MicroDollars>,
    /// Now.
    pub started: Timestamp,
}

/// Hears of every call before it is made, so that it is accounted for even if this process dies before it ends.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Writes a call down. An error keeps it from being made.
    async fn begin(&self, call: PlannedCall) -> Result<(), NotRecorded>;
}

/// The call could not be written down; the journal itself knows why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotRecorded;

/// Writes nothing down: for questions that nobody pays for.
#[async_trait]
impl Journal for () {
    async fn begin(&self, _call: PlannedCall) -> Result<(), NotRecorded> {
        Ok(())
    }
}

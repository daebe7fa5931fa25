//! What was asked of the upstream, as a test reads it afterwards.

use serde_json::Value;
use std::fmt;
use std::time::Instant;

/// Whose wire format a call spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`.
    Gemini,
    /// `POST /v1/chat/completions`.
    OpenAi,
    /// `POST /v1/messages`.
    Anthropic,
    /// `POST /api/chat`.
    Ollama,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gemini => "gemini",
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Ollama => "ollama",
        })
    }
}

/// One request, recorded when it arrived.
#[derive(Debug, Clone)]
pub struct Call {
    /// The path without its query, in which a key could be.
    pub path: String,
    /// Whose wire format it spoke.
    pub dialect: Dialect,
    /// The model asked for.
    pub model: String,
    /// Every text of the request in order, the system's first, one per line.
    pub prompt: String,
    /// The whole body.
    pub body: Value,
    /// Whether it carried a key; which one is not kept.
    pub key_present: bool,
    /// Its `x-client-request-id`, by which the asker names it too.
    pub request_id: Option<String>,
    /// When it arrived.
    pub at: Instant,
    /// The fault it was answered with, as [`crate::Fault::name`] calls it.
    pub fault: Option<String>,
    /// Tokens of the prompt, cached ones included: a quarter of its characters.
    pub input_tokens: u64,
    /// Tokens of the answer, thoughts included; 0 where the fault lets none be written.
    pub output_tokens: u64,
}

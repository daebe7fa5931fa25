//! What is asked and what comes back, without any provider's words.

use crate::fault::Fault;
use domain::generations::{ModelCall, Source};
use domain::ids::CallId;
use domain::usage::Tokens;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How strong a model is needed; the route says which one that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelClass {
    /// Quick and cheap.
    Fast,
    /// Thinks first.
    Reasoning,
    /// Grades what the others wrote; there may be none.
    Judge,
}

/// The output schema in the form each kind of provider wants.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaForms {
    /// Gemini's `responseSchema`.
    pub gemini: Value,
    /// `OpenAI`'s strict form.
    pub openai: Value,
    /// Plain JSON Schema.
    pub plain: Value,
}

/// What a small embedded model drafts from, beside the prompts it cannot follow.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DraftMaterial {
    /// The product idea.
    pub subject: String,
    /// The brand voice's key.
    pub voice: String,
    /// English name of the language.
    pub language: String,
    /// ISO 4217.
    pub currency: String,
    /// As the person gave it.
    pub price_range: Option<String>,
    /// Outputs of earlier sections by camelCase name.
    pub context: Value,
    /// The output schema with its annotations.
    pub schema: Value,
    /// The curated examples of this very section.
    pub examples: Vec<DraftExample>,
}

/// A curated example.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftExample {
    /// Its product idea.
    pub subject: String,
    /// ISO 4217.
    pub currency: String,
    /// Its voice's key.
    pub voice: String,
    /// Its output.
    pub output: Value,
    /// Every text of its whole plan.
    pub plan: Arc<str>,
}

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
}

/// Something that was said earlier in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// By whom.
    pub by: Speaker,
    /// What.
    pub text: String,
}

/// One question.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// Which route.
    pub class: ModelClass,
    /// System instruction.
    pub system: String,
    /// What was said before the user prompt, oldest first.
    pub turns: Vec<Turn>,
    /// User prompt.
    pub user: String,
    /// The form the answer must have.
    pub schema: Option<SchemaForms>,
    /// Whether the answer is to be JSON of any form, where the provider can promise it; a schema says more.
    pub json: bool,
    /// A name for the form: `^[a-zA-Z0-9_-]{1,64}$`.
    pub schema_name: String,
    /// 0 to 2.
    pub temperature: f32,
    /// Of the answer; thinking is budgeted apart.
    pub max_output_tokens: u32,
    /// How long one call may take; a model on this machine takes the time it needs.
    pub timeout: Duration,
    /// Search the web first, where the provider can.
    pub grounding: bool,
    /// Same seed, same draft, where the provider can.
    pub seed: u64,
    /// For the embedded model.
    pub draft: DraftMaterial,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Answer {
    /// What the model wrote; empty where there is only a value.
    pub text: String,
    /// The same as a value, where the provider already has it as one.
    pub value: Option<Value>,
    /// Who answered.
    pub provider: String,
    /// With which model.
    pub model: String,
    /// Whether it is a small model's draft.
    pub draft_model: bool,
    /// Pages from the search's own record.
    pub sources: Vec<Source>,
    /// Whether the web was searched.
    pub grounded: bool,
    /// The user prompt that was answered, where a search added its facts to it.
    pub asked: Option<String>,
    /// What a draft had to leave out, in sentences.
    pub gaps: Vec<String>,
    /// Whether the answer ended at the token limit.
    pub truncated: bool,
}

/// What a call used so far; kept up to date while it runs, so that a call that is cut or cancelled is settled too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Whose it is; told to the provider.
    pub call: CallId,
    pub tokens: Tokens,
    pub search_queries: u32,
}

impl Spent {
    /// From the lengths of prompt and answer, about four to a token; used until, or unless, the provider says.
    pub(crate) fn estimate(&mut self, prompt: usize, answer: usize) {
        self.tokens = Tokens { input: prompt as u64 / 4, output: answer as u64 / 4, ..Tokens::default() };
    }
}

impl Ask {
    /// Length of the prompts.
    pub(crate) fn length(&self) -> usize {
        self.system.len() + self.turns.iter().map(|turn| turn.text.len()).sum::<usize>() + self.user.len()
    }
}

#[cfg(test)]
impl Ask {
    pub(crate) fn sample() -> Self {
        Self {
            class: ModelClass::Fast,
            system: "You plan.".into(),
            turns: Vec::new(),
            user: "Plan cork yoga mats.".into(),
            schema: None,
            json: false,
            schema_name: String::new(),
            temperature: 0.0,
            max_output_tokens: 1000,
            timeout: Duration::from_secs(1),
            grounding: false,
            seed: 0,
            draft: DraftMaterial::default(),
        }
    }
}

/// The result and every call made for it, failed ones included.
#[derive(Debug)]
pub struct Outcome {
    /// The answer, or why there is none.
    pub result: Result<Answer, AskError>,
    /// In order.
    pub calls: Vec<ModelCall>,
    /// Calls that were made when the answer was recorded; none of them was made now.
    pub recorded: Vec<ModelCall>,
}

/// Why no model answered.
#[derive(Debug, thiserror::Error)]
#[error("no model answered: {}", .tried.iter().map(|(model, fault)| format!("{model} {fault}")).collect::<Vec<_>>().join("; "))]
pub struct AskError {
    /// Each model of the route with its last fault.
    pub tried: Vec<(String, Fault)>,
}

impl AskError {
    /// Whether it was to be answered from a recording that has no answer to it.
    pub fn is_stale(&self) -> bool {
        self.tried.iter().any(|(_, fault)| matches!(fault, Fault::Stale))
    }

    /// Whether nobody else came to speak because a model or a safety filter declined.
    pub fn is_refusal(&self) -> bool {
        !self.tried.is_empty() && self.tried.iter().all(|(_, fault)| matches!(fault, Fault::Refused { .. }))
    }

    /// Whether the caller stopped it.
    pub fn is_cancelled(&self) -> bool {
        self.tried.iter().any(|(_, fault)| matches!(fault, Fault::Cancelled))
    }
}

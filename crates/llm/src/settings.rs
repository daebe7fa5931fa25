//! How models are reached; read from the outside by the binary alone.

use crate::ask::ModelClass;
use crate::tape::Tape;
use secrecy::SecretString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A provider that is reached over HTTP. A provider that speaks a known dialect is one more of these.
#[derive(Debug, Clone, Default)]
pub struct Endpoint {
    /// Its key; printing it prints nothing.
    pub key: Option<SecretString>,
    /// Where it is; its own address when missing.
    pub url: Option<String>,
}

impl Endpoint {
    fn is_configured(&self) -> bool {
        self.key.is_some() || self.url.is_some()
    }
}

/// Everything this room needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `provider:model`, first to last; empty chooses by what is configured.
    pub fast: Vec<String>,
    /// `provider:model`, first to last; empty chooses by what is configured.
    pub reasoning: Vec<String>,
    /// `provider:model` that grades what others wrote; empty is none.
    pub judge: String,
    /// Google's Gemini.
    pub gemini: Endpoint,
    /// `OpenAI`, or whatever speaks its dialect.
    pub openai: Endpoint,
    /// Anthropic.
    pub anthropic: Endpoint,
    /// Ollama.
    pub ollama: Endpoint,
    /// The embedded language model's file.
    pub gguf: PathBuf,
    /// Whether somebody chose that file; then it is used before any remote provider.
    pub gguf_chosen: bool,
    /// The embedded embedder's directory.
    pub embedder: PathBuf,
    /// Threads of the embedded model.
    pub threads: u32,
    /// Tries of one model, the first included.
    pub attempts: usize,
    /// Wait before the second try; doubles from there, with jitter.
    pub first_wait: Duration,
    /// No wait is longer; a provider that asks for a longer one is left for the next.
    pub longest_wait: Duration,
    /// Calls in a row that must all have failed for the breaker to open.
    pub breaker_after: usize,
    /// How long it stays open.
    pub breaker_wait: Duration,
    /// Where answers are recorded or repeated from; while they are repeated, nobody is asked and no key is needed.
    pub tape: Option<Arc<Tape>>,
    /// What tells these models from others of the same name on a recording, such as the address a file names for them.
    pub apart: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fast: Vec::new(),
            reasoning: Vec::new(),
            judge: String::new(),
            gemini: Endpoint::default(),
            openai: Endpoint::default(),
            anthropic: Endpoint::default(),
            ollama: Endpoint::default(),
            gguf: PathBuf::from("models/smollm2-135m-instruct-q4_1.gguf"),
            gguf_chosen: false,
            embedder: PathBuf::from("models/all-minilm-l6-v2"),
            threads: 2,
            attempts: 3,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(20),
            breaker_after: 5,
            breaker_wait: Duration::from_secs(30),
            tape: None,
            apart: None,
        }
    }
}

/// A setting that cannot work.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Not `provider:model`.
    #[error("\"{0}\" in a model route is not provider:model; providers are gemini, openai, anthropic, ollama and embedded")]
    Route(String),
    /// A provider without key.
    #[error("the model route names {provider}, but {variable} is not set")]
    NoKey {
        /// Which.
        provider: &'static str,
        /// What to set.
        variable: &'static str,
    },
    /// The embedded model was left out of this build.
    #[error(
        "this build has no embedded models; build with the feature `embedded`, or set GEMINI_API_KEY, OPENAI_API_KEY, ANTHROPIC_API_KEY or OLLAMA_BASE_URL"
    )]
    NoEmbedded,
    /// An address that is none.
    #[error("{0} is not an http or https address without password, query and fragment")]
    Url(&'static str),
    /// A key with characters no header can carry.
    #[error("the key of {0} contains characters that cannot be sent; copy it again")]
    Key(&'static str),
    /// The price table.
    #[error("the price table cannot be read: {0}")]
    Prices(String),
    /// The HTTP client could not be made.
    #[error("no HTTP client can be made: {0}")]
    Client(String),
}

impl Settings {
    /// Whether every answer comes from a recording.
    pub(crate) fn replays(&self) -> bool {
        self.tape.as_ref().is_some_and(|tape| tape.is_replay())
    }

    /// The route of a class: what was set, else what the configured providers are best at.
    pub fn route(&self, class: ModelClass) -> Vec<String> {
        let set = match class {
            ModelClass::Fast => &self.fast,
            ModelClass::Reasoning => &self.reasoning,
            ModelClass::Judge if self.judge.is_empty() => return Vec::new(),
            ModelClass::Judge => return vec![self.judge.clone()],
        };
        if !set.is_empty() {
            return set.clone();
        }
        if let Some(recorded) = self.tape.as_ref().filter(|tape| tape.is_replay()).and_then(|tape| tape.routes()) {
            return match class {
                ModelClass::Fast => recorded.fast,
                ModelClass::Reasoning | ModelClass::Judge => recorded.reasoning,
            };
        }
        let names: &[&str] = match class {
            _ if self.gguf_chosen => return vec![self.embedded()],
            ModelClass::Fast if self.gemini.key.is_some() => &["gemini:gemini-2.5-flash"],
            ModelClass::Reasoning if self.gemini.key.is_some() => &["gemini:gemini-2.5-pro", "gemini:gemini-2.5-flash"],
            ModelClass::Fast if self.openai.is_configured() => &["openai:gpt-4.1-mini"],
            ModelClass::Reasoning if self.openai.is_configured() => &["openai:gpt-4.1", "openai:gpt-4.1-mini"],
            _ if self.anthropic.key.is_some() => &["anthropic:claude-sonnet-4-5"],
            _ if self.ollama.url.is_some() => &["ollama:llama3.2"],
            _ => return vec![self.embedded()],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn embedded(&self) -> String {
        let stem = self.gguf.file_stem().map_or_else(|| "model".into(), |s| s.to_string_lossy().to_lowercase());
        format!("embedded:{stem}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed() -> Endpoint {
        Endpoint { key: Some("sk-very-secret".into()), url: None }
    }

    #[test]
    fn the_route_follows_what_is_configured() {
        let mut settings = Settings { ollama: Endpoint { key: None, url: Some("http://127.0.0.1:11434".into()) }, ..Settings::default() };
        assert_eq!(Settings::default().route(ModelClass::Fast), ["embedded:smollm2-135m-instruct-q4_1"]);
        assert_eq!(settings.route(ModelClass::Fast), ["ollama:llama3.2"]);
        settings.anthropic = keyed();
        assert_eq!(settings.route(ModelClass::Fast), ["anthropic:claude-sonnet-4-5"]);
        settings.openai = keyed();
        assert_eq!(settings.route(ModelClass::Reasoning), ["openai:gpt-4.1", "openai:gpt-4.1-mini"]);
        settings.gemini = keyed();
        assert_eq!(settings.route(ModelClass::Fast), ["gemini:gemini-2.5-flash"]);
        assert_eq!(settings.route(ModelClass::Reasoning), ["gemini:gemini-2.5-pro", "gemini:gemini-2.5-flash"]);
        settings.fast = vec!["openai:gpt-4o".into()];
        assert_eq!(settings.route(ModelClass::Fast), ["openai:gpt-4o"]);
        settings.gguf_chosen = true;
        assert_eq!(settings.route(ModelClass::Reasoning), ["embedded:smollm2-135m-instruct-q4_1"]);
    }

    #[test]
    fn printing_settings_prints_no_key() {
        let settings = Settings { gemini: keyed(), openai: keyed(), anthropic: keyed(), ollama: keyed(), ..Settings::default() };
        assert!(!format!("{settings:#?}").contains("secret"));
    }
}

//! What every test of the suite starts from: an upstream, the models of one dialect over it, and a question.

use llm::{Ask, DraftMaterial, Endpoint, Llm, ModelClass, Outcome, PriceTable, SchemaForms, Settings};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use testkit::{Dialect, Upstream};
use tokio_util::sync::CancellationToken;

/// The key of every provider; nothing may repeat it.
pub(crate) const KEY: &str = "sk-very-secret-0815";

pub(crate) const DIALECTS: [Dialect; 4] = [Dialect::Gemini, Dialect::OpenAi, Dialect::Anthropic, Dialect::Ollama];

/// Dialects that are asked for a stream.
pub(crate) const fn streams(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::Gemini | Dialect::OpenAi)
}

/// The first and the second model of a dialect's route, with a price.
pub(crate) const fn models(dialect: Dialect) -> [&'static str; 2] {
    match dialect {
        Dialect::Gemini => ["gemini:gemini-2.5-flash", "gemini:gemini-2.5-pro"],
        Dialect::OpenAi => ["openai:gpt-4.1-mini", "openai:gpt-4.1"],
        Dialect::Anthropic => ["anthropic:claude-sonnet-4-5", "anthropic:claude-sonnet-4"],
        Dialect::Ollama => ["ollama:llama3.2", "ollama:qwen3"],
    }
}

/// The models of one dialect over an upstream of their own.
pub(crate) struct House {
    pub(crate) upstream: Upstream,
    pub(crate) llm: Llm,
}

impl House {
    /// With one model and no patience to speak of.
    pub(crate) async fn open(dialect: Dialect) -> Self {
        Self::with(dialect, 1, |_| {}).await
    }

    /// With the first `length` models and settings changed.
    pub(crate) async fn with(dialect: Dialect, length: usize, change: impl FnOnce(&mut Settings)) -> Self {
        crate::secrets::listen();
        drop(rustls::crypto::ring::default_provider().install_default());
        let upstream = Upstream::start().await;
        let here = Endpoint { key: Some(KEY.into()), url: Some(upstream.url()) };
        let mut settings = Settings {
            fast: models(dialect).iter().take(length).map(|&model| model.to_owned()).collect(),
            gemini: here.clone(),
            openai: here.clone(),
            anthropic: here.clone(),
            ollama: here,
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(5),
            ..Settings::default()
        };
        settings.reasoning.clone_from(&settings.fast);
        change(&mut settings);
        let prices = PriceTable::shipped().expect("the shipped table is valid");
        let llm = Llm::new(settings, prices, Arc::new(chrono::Utc::now)).expect("the settings work");
        Self { upstream, llm }
    }

    pub(crate) async fn ask(&self, ask: &Ask) -> Outcome {
        self.llm.ask(ask, None, &CancellationToken::new(), &()).await
    }
}

/// A question with a form.
pub(crate) fn question() -> Ask {
    let properties = json!({"title": {"type": "string", "maxLength": 60}, "goals": {"type": "array", "minItems": 3, "items": {"type": "string", "maxLength": 120}}});
    let plain = json!({"type": "object", "additionalProperties": false, "required": ["title", "goals"], "properties": properties});
    let goals = json!({"type": "ARRAY", "minItems": "3", "items": {"type": "STRING", "maxLength": "120"}});
    let gemini = json!({"type": "OBJECT", "required": ["title", "goals"], "properties": {"title": {"type": "STRING", "maxLength": "60"}, "goals": goals}});
    Ask {
        class: ModelClass::Fast,
        system: "You plan.".into(),
        user: "<product_idea>cork yoga mats</product_idea> Set goals.".into(),
        schema: Some(SchemaForms { gemini, openai: plain.clone(), plain }),
        json: false,
        turns: Vec::new(),
        schema_name: "smart_goals".into(),
        temperature: 0.7,
        max_output_tokens: 2000,
        timeout: Duration::from_secs(5),
        grounding: false,
        seed: 7,
        draft: DraftMaterial::default(),
    }
}

/// How the calls of an outcome ended.
pub(crate) fn outcomes(outcome: &Outcome) -> Vec<&str> {
    outcome.calls.iter().map(|call| call.outcome.as_str()).collect()
}

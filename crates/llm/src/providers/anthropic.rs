//! Anthropic's messages: `POST /v1/messages`. The form of the answer is had by forcing one tool whose input has it.

use super::{Provider, said};
use crate::ask::{Answer, Ask, Spent};
use crate::fault::Fault;
use crate::http::{self, KeyHeader, Wire};
use crate::settings::{ConfigError, Endpoint};
use async_trait::async_trait;
use domain::usage::Tokens;
use serde_json::{Value, json};

const KEY: KeyHeader = KeyHeader { provider: "anthropic", header: "x-api-key", prefix: "" };

pub(crate) struct Anthropic {
    wire: Wire,
    base: String,
}

impl Anthropic {
    pub(crate) fn new(endpoint: &Endpoint) -> Result<Self, ConfigError> {
        let base = http::base(endpoint.url.as_ref(), "https://api.anthropic.com", "ANTHROPIC_BASE_URL")?;
        Ok(Self { wire: Wire::new(&KEY, endpoint, &[("anthropic-version", "2023-06-01")])?, base })
    }
}

fn request(model: &str, ask: &Ask) -> Value {
    let mut body = json!({
        "model": model,
        "messages": said(ask).collect::<Vec<_>>(),
        "max_tokens": ask.max_output_tokens,
        "temperature": ask.temperature.min(1.0),
    });
    if !ask.system.is_empty() {
        body["system"] = json!(ask.system);
    }
    if let Some(schema) = &ask.schema {
        body["tools"] = json!([{"name": ask.schema_name, "description": "Hand over the finished answer.", "input_schema": schema.plain}]);
        body["tool_choice"] = json!({"type": "tool", "name": ask.schema_name});
    }
    body
}

/// `usage`: cached input is counted apart from the rest there, together here.
fn tokens(usage: &Value) -> Tokens {
    let count = |key: &str| usage.get(key).and_then(Value::as_u64).unwrap_or(0);
    let cached = count("cache_read_input_tokens");
    Tokens {
        input: count("input_tokens") + count("cache_creation_input_tokens") + cached,
        cached,
        output: count("output_tokens"),
        thoughts: 0,
    }
}

fn answer(model: &str, body: &Value) -> Result<Answer, Fault> {
    let blocks = body.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let input = blocks.iter().find(|b| b["type"] == "tool_use").and_then(|b| b.get("input"));
    let text = match input {
        // An input that is no object is what the model wrote, not what was asked for.
        Some(Value::String(text)) => text.clone(),
        Some(input) => input.to_string(),
        None => blocks.iter().filter_map(|b| b.get("text").and_then(Value::as_str)).collect(),
    };
    match body.get("stop_reason").and_then(Value::as_str) {
        None => Err(Fault::Malformed("no stop_reason".into())),
        Some("refusal") => Err(Fault::Refused { reason: "refusal".into() }),
        Some("max_tokens") if text.trim().is_empty() => Err(Fault::Truncated),
        Some(_) if text.trim().is_empty() => Err(Fault::Malformed("an empty answer".into())),
        Some(stop) => Ok(Answer {
            provider: "anthropic".into(),
            model: model.to_owned(),
            truncated: stop == "max_tokens",
            value: input.filter(|input| input.is_object()).cloned(),
            text,
            ..Answer::default()
        }),
    }
}

#[async_trait]
impl Provider for Anthropic {
    async fn complete(&self, model: &str, ask: &Ask, spent: &mut Spent) -> Result<Answer, Fault> {
        let response = self.wire.post(&format!("{}/v1/messages", self.base), &request(model, ask), ask.length(), spent).await?;
        let body = self.wire.json(response).await?;
        if let Some(usage) = body.get("usage") {
            spent.tokens = tokens(usage);
        }
        answer(model, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::SchemaForms;

    #[test]
    fn a_form_is_a_forced_tool() {
        let schema = SchemaForms { gemini: Value::Null, openai: Value::Null, plain: json!({"type": "object"}) };
        let body = request("claude", &Ask { schema: Some(schema), schema_name: "goals".into(), temperature: 1.5, ..Ask::sample() });
        let expected = json!({
            "model": "claude", "messages": [{"role": "user", "content": "Plan cork yoga mats."}], "max_tokens": 1000, "temperature": 1.0, "system": "You plan.",
            "tools": [{"name": "goals", "description": "Hand over the finished answer.", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "tool", "name": "goals"},
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn cached_tokens_are_part_of_the_input() {
        let usage = json!({"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 7});
        assert_eq!(tokens(&usage), Tokens { input: 100, cached: 90, output: 7, thoughts: 0 });
    }

    #[test]
    fn the_tool_s_input_is_the_answer() {
        let said = |content: Value, stop: &str| answer("claude", &json!({"content": content, "stop_reason": stop}));
        let whole =
            said(json!([{"type": "text", "text": "Here."}, {"type": "tool_use", "input": {"a": 1}}]), "tool_use").expect("an answer");
        assert_eq!((whole.value, whole.text.as_str()), (Some(json!({"a": 1})), "{\"a\":1}"));
        let broken = said(json!([{"type": "tool_use", "input": "{\"a"}]), "max_tokens").expect("an answer");
        assert_eq!((broken.value, broken.text.as_str(), broken.truncated), (None, "{\"a", true));
        assert_eq!(said(json!([]), "refusal"), Err(Fault::Refused { reason: "refusal".into() }));
        assert_eq!(said(json!([]), "max_tokens"), Err(Fault::Truncated));
    }
}

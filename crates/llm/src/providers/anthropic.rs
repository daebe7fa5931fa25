//! Anthropic's messages: `POST /v1/messages`. The form of the answer is had by forcing one tool whose input has it.

use super::Provider;
use crate::ask::{Answer, Ask, Spent};
use crate::fault::Fault;
use crate::http;
use crate::settings::{ConfigError, Endpoint};
use async_trait::async_trait;
use domain::usage::Tokens;
use reqwest::Client;
use serde_json::{Value, json};

pub(crate) struct Anthropic {
    client: Client,
    base: String,
}

impl Anthropic {
    pub(crate) fn new(endpoint: &Endpoint) -> Result<Self, ConfigError> {
        let client = http::client("anthropic", "x-api-key", "", endpoint.key.as_ref())?;
        Ok(Self { client, base: http::base(endpoint.url.as_ref(), "https://api.anthropic.com", "ANTHROPIC_BASE_URL")? })
    }
}

fn request(model: &str, ask: &Ask) -> Value {
    let mut body = json!({
        "model": model,
        "system": ask.system,
        "messages": [{"role": "user", "content": ask.user}],
        "max_tokens": ask.max_output_tokens,
        "temperature": ask.temperature.min(1.0),
    });
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
    Tokens { input: count("input_tokens") + count("cache_creation_input_tokens") + cached, cached, output: count("output_tokens"), thoughts: 0 }
}

#[async_trait]
impl Provider for Anthropic {
    async fn complete(&self, model: &str, ask: &Ask, spent: &mut Spent) -> Result<Answer, Fault> {
        let request = self.client.post(format!("{}/v1/messages", self.base)).header("anthropic-version", "2023-06-01").json(&request(model, ask));
        let response = http::send(request).await?;
        spent.estimate(ask.length(), 0);
        let body = response.bytes().await.map_err(http::network)?;
        let body: Value = serde_json::from_slice(&body).map_err(|error| Fault::Malformed(error.to_string()))?;
        if let Some(usage) = body.get("usage") {
            spent.tokens = tokens(usage);
        }
        let blocks = body.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let value = blocks.iter().find(|b| b["type"] == "tool_use").and_then(|b| b.get("input")).cloned();
        let text: String = blocks.iter().filter_map(|b| b.get("text").and_then(Value::as_str)).collect();
        let stop = body.get("stop_reason").and_then(Value::as_str).unwrap_or_default();
        match stop {
            "refusal" => Err(Fault::Refused { reason: "refusal".into() }),
            "max_tokens" if value.is_none() && text.is_empty() => Err(Fault::Truncated),
            "" => Err(Fault::Malformed("no stop_reason".into())),
            stop => Ok(Answer { provider: "anthropic".into(), model: model.to_owned(), truncated: stop == "max_tokens", value, text, ..Answer::default() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_are_part_of_the_input() {
        let usage = json!({"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 7});
        assert_eq!(tokens(&usage), Tokens { input: 100, cached: 90, output: 7, thoughts: 0 });
    }
}

//! Ollama: `POST /api/chat` with the schema as `format`.

use super::Provider;
use crate::ask::{Answer, Ask, Spent};
use crate::fault::Fault;
use crate::http;
use crate::settings::{ConfigError, Endpoint};
use async_trait::async_trait;
use domain::usage::Tokens;
use reqwest::Client;
use serde_json::{Value, json};

pub(crate) struct Ollama {
    client: Client,
    base: String,
}

impl Ollama {
    pub(crate) fn new(endpoint: &Endpoint) -> Result<Self, ConfigError> {
        let client = http::client("ollama", "authorization", "Bearer ", endpoint.key.as_ref())?;
        Ok(Self { client, base: http::base(endpoint.url.as_ref(), "http://127.0.0.1:11434", "OLLAMA_BASE_URL")? })
    }
}

fn request(model: &str, ask: &Ask) -> Value {
    let mut body = json!({
        "model": model,
        "messages": [{"role": "system", "content": ask.system}, {"role": "user", "content": ask.user}],
        "stream": false,
        "options": {"temperature": ask.temperature, "num_predict": ask.max_output_tokens, "seed": ask.seed & 0x7fff_ffff},
    });
    if let Some(schema) = &ask.schema {
        body["format"] = schema.plain.clone();
    }
    body
}

#[async_trait]
impl Provider for Ollama {
    async fn complete(&self, model: &str, ask: &Ask, spent: &mut Spent) -> Result<Answer, Fault> {
        let response = http::send(self.client.post(format!("{}/api/chat", self.base)).json(&request(model, ask))).await?;
        spent.estimate(ask.length(), 0);
        let body = response.bytes().await.map_err(http::network)?;
        let body: Value = serde_json::from_slice(&body).map_err(|error| Fault::Malformed(error.to_string()))?;
        let count = |key: &str| body.get(key).and_then(Value::as_u64).unwrap_or(0);
        spent.tokens = Tokens { input: count("prompt_eval_count"), output: count("eval_count"), ..Tokens::default() };
        let text = body.pointer("/message/content").and_then(Value::as_str).ok_or_else(|| Fault::Malformed("no message".into()))?;
        let truncated = body.get("done_reason").and_then(Value::as_str) == Some("length");
        if truncated && text.trim().is_empty() {
            return Err(Fault::Truncated);
        }
        Ok(Answer { provider: "ollama".into(), model: model.to_owned(), text: text.to_owned(), truncated, ..Answer::default() })
    }
}

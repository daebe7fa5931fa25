//! OpenAI's chat completions, and whatever else speaks that dialect: `POST /v1/chat/completions`.

use super::Provider;
use crate::ask::{Answer, Ask, Spent};
use crate::fault::Fault;
use crate::http;
use crate::settings::{ConfigError, Endpoint};
use async_trait::async_trait;
use domain::generations::Source;
use domain::usage::Tokens;
use futures::StreamExt as _;
use reqwest::Client;
use serde_json::{Value, json};

pub(crate) struct OpenAi {
    client: Client,
    url: String,
    /// OpenAI itself wants the newer name of the token limit; endpoints that imitate it know the older one.
    original: bool,
}

impl OpenAi {
    pub(crate) fn new(endpoint: &Endpoint) -> Result<Self, ConfigError> {
        let client = http::client("openai", "authorization", "Bearer ", endpoint.key.as_ref())?;
        let base = http::base(endpoint.url.as_ref(), "https://api.openai.com/v1", "OPENAI_BASE_URL")?;
        // People give the address with and without the version.
        let base = if base.ends_with("/v1") || base.contains("/v1/") { base } else { format!("{base}/v1") };
        Ok(Self { client, url: format!("{base}/chat/completions"), original: endpoint.url.is_none() })
    }

    fn request(&self, model: &str, ask: &Ask) -> Value {
        let mut body = json!({
            "model": model,
            "messages": [{"role": "system", "content": ask.system}, {"role": "user", "content": ask.user}],
            "temperature": ask.temperature,
            "seed": ask.seed & 0x7fff_ffff,
            "stream": true,
            "stream_options": {"include_usage": true},
        });
        let limit = if self.original { "max_completion_tokens" } else { "max_tokens" };
        body[limit] = json!(ask.max_output_tokens);
        if let Some(schema) = &ask.schema {
            body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": ask.schema_name, "strict": true, "schema": schema.openai}});
        }
        body
    }
}

#[derive(Default)]
struct Stream {
    text: String,
    refusal: String,
    finish: Option<String>,
    sources: Vec<Source>,
    done: bool,
}

impl Stream {
    fn read(&mut self, event: &Value) {
        if event.is_null() {
            self.done = true;
            return;
        }
        let Some(choice) = event.pointer("/choices/0") else { return };
        let text = |key: &str| choice.pointer(key).and_then(Value::as_str);
        self.text.push_str(text("/delta/content").unwrap_or_default());
        self.refusal.push_str(text("/delta/refusal").unwrap_or_default());
        if let Some(reason) = text("/finish_reason") {
            self.finish = Some(reason.to_owned());
        }
        for note in choice.pointer("/delta/annotations").and_then(Value::as_array).into_iter().flatten() {
            let field = |key: &str| note.pointer(&format!("/url_citation/{key}")).and_then(Value::as_str);
            if let Some(uri) = field("url").filter(|u| u.starts_with("https://") || u.starts_with("http://")) {
                self.sources.push(Source { uri: uri.to_owned(), title: field("title").unwrap_or(uri).to_owned() });
            }
        }
    }
}

/// `usage`: prompt tokens include cached ones, completion tokens include reasoning.
fn tokens(usage: &Value) -> Tokens {
    let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    Tokens {
        input: count("/prompt_tokens"),
        cached: count("/prompt_tokens_details/cached_tokens"),
        output: count("/completion_tokens"),
        thoughts: count("/completion_tokens_details/reasoning_tokens"),
    }
}

#[async_trait]
impl Provider for OpenAi {
    async fn complete(&self, model: &str, ask: &Ask, spent: &mut Spent) -> Result<Answer, Fault> {
        let response = http::send(self.client.post(&self.url).json(&self.request(model, ask))).await?;
        let mut events = http::events(response);
        let mut stream = Stream::default();
        let mut reported = false;
        while let Some(event) = events.next().await {
            // A stream that breaks off carries no usage: an estimate keeps budgets honest.
            if !reported {
                spent.estimate(ask.length(), stream.text.len());
            }
            let event = event?;
            if let Some(error) = event.get("error").filter(|e| !e.is_null()) {
                tracing::debug!(%error, "error inside a stream");
                return Err(Fault::Unavailable { status: 500, retry_after: None });
            }
            stream.read(&event);
            if let Some(usage) = event.get("usage").filter(|u| u.is_object()) {
                spent.tokens = tokens(usage);
                reported = true;
            }
        }
        match stream.finish.as_deref() {
            _ if !stream.refusal.is_empty() => Err(Fault::Refused { reason: "refusal".into() }),
            None => Err(Fault::Cut),
            Some("content_filter") => Err(Fault::Refused { reason: "content_filter".into() }),
            Some("length") if stream.text.trim().is_empty() => Err(Fault::Truncated),
            Some(reason) => Ok(Answer {
                provider: "openai".into(),
                model: model.to_owned(),
                truncated: reason == "length",
                grounded: !stream.sources.is_empty(),
                sources: stream.sources,
                text: stream.text,
                ..Answer::default()
            }),
        }
    }
}

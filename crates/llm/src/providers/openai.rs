//! `OpenAI`'s chat completions, and whatever else speaks that dialect: `POST /v1/chat/completions`, always as a stream.

use super::{Provider, messages, seed};
use crate::ask::{Answer, Ask, ModelClass, Spent};
use crate::fault::Fault;
use crate::grounding::source;
use crate::http::{self, KeyHeader, Wire};
use crate::settings::{ConfigError, Endpoint};
use async_trait::async_trait;
use domain::generations::Source;
use domain::usage::Tokens;
use futures::StreamExt as _;
use serde_json::{Value, json};

const KEY: KeyHeader = KeyHeader { provider: "openai", header: "authorization", prefix: "Bearer " };

/// Tokens for thinking on top of the answer's limit, which on this wire covers both.
const THINKING: u32 = 4096;

pub(crate) struct OpenAi {
    wire: Wire,
    url: String,
    /// `OpenAI` itself wants the newer name of the token limit; endpoints that imitate it know the older one.
    original: bool,
}

impl OpenAi {
    pub(crate) fn new(endpoint: &Endpoint) -> Result<Self, ConfigError> {
        let base = http::base(endpoint.url.as_ref(), "https://api.openai.com/v1", "OPENAI_BASE_URL")?;
        // People give the address with and without the version.
        let base = if base.ends_with("/v1") || base.contains("/v1/") { base } else { format!("{base}/v1") };
        Ok(Self { wire: Wire::new(&KEY, endpoint, &[])?, url: format!("{base}/chat/completions"), original: endpoint.url.is_none() })
    }
}

fn request(original: bool, model: &str, ask: &Ask) -> Value {
    let mut body =
        json!({"model": model, "messages": messages(ask), "seed": seed(ask), "stream": true, "stream_options": {"include_usage": true}});
    let limit = if original { "max_completion_tokens" } else { "max_tokens" };
    if original && thinks(model) {
        // These accept no temperature but their own.
        body[limit] = json!(ask.max_output_tokens.saturating_add(THINKING));
        body["reasoning_effort"] = json!(if ask.class == ModelClass::Fast { "low" } else { "medium" });
    } else {
        body[limit] = json!(ask.max_output_tokens);
        body["temperature"] = json!(ask.temperature);
    }
    if let Some(schema) = &ask.schema {
        body["response_format"] =
            json!({"type": "json_schema", "json_schema": {"name": ask.schema_name, "strict": true, "schema": schema.openai}});
    } else if ask.json {
        body["response_format"] = json!({"type": "json_object"});
    }
    body
}

/// Whether it is one of `OpenAI`'s models that think before they write.
fn thinks(model: &str) -> bool {
    ["o1", "o3", "o4", "gpt-5"].iter().any(|family| model.starts_with(family)) && !model.contains("chat")
}

/// What a stream has brought so far.
#[derive(Default)]
struct Reading {
    text: String,
    refusal: String,
    finish: Option<String>,
    sources: Vec<Source>,
    /// Whether the provider has said what was used.
    counted: bool,
}

impl Reading {
    fn read(&mut self, event: &Value, prompt: usize, spent: &mut Spent) {
        if let Some(choice) = event.pointer("/choices/0") {
            self.choice(choice);
        }
        if let Some(usage) = event.get("usage").filter(|usage| usage.is_object()) {
            spent.tokens = tokens(usage);
            self.counted = true;
        } else if !self.counted {
            // A stream that breaks off carries no usage: an estimate keeps budgets honest.
            spent.estimate(prompt, self.text.len() + self.refusal.len());
        }
    }

    fn choice(&mut self, choice: &Value) {
        let text = |pointer: &str| choice.pointer(pointer).and_then(Value::as_str);
        self.text.push_str(text("/delta/content").unwrap_or_default());
        self.refusal.push_str(text("/delta/refusal").unwrap_or_default());
        if let Some(reason) = text("/finish_reason") {
            self.finish = Some(reason.to_owned());
        }
        for note in choice.pointer("/delta/annotations").and_then(Value::as_array).into_iter().flatten() {
            let field = |key: &str| note.get("url_citation")?.get(key)?.as_str();
            let cited = source(field("url"), field("title"));
            self.sources.extend(cited.filter(|new| self.sources.iter().all(|old| old.uri != new.uri)));
        }
    }

    fn answer(self, model: &str) -> Result<Answer, Fault> {
        match self.finish.as_deref() {
            _ if !self.refusal.is_empty() => Err(Fault::Refused { reason: "refusal".into() }),
            None => Err(Fault::Cut),
            Some("content_filter") => Err(Fault::Refused { reason: "content_filter".into() }),
            Some("length") if self.text.trim().is_empty() => Err(Fault::Truncated),
            Some(_) if self.text.trim().is_empty() => Err(Fault::Malformed("an empty answer".into())),
            Some(reason) => Ok(Answer {
                provider: "openai".into(),
                model: model.to_owned(),
                truncated: reason == "length",
                grounded: !self.sources.is_empty(),
                sources: self.sources,
                text: self.text,
                ..Answer::default()
            }),
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
        let response = self.wire.post(&self.url, &request(self.original, model, ask), ask.length(), spent).await?;
        let mut events = http::events(response);
        let mut reading = Reading::default();
        while let Some(event) = events.next().await {
            let event = event?;
            if let Some(fault) = self.wire.told(&event) {
                return Err(fault);
            }
            reading.read(&event, ask.length(), spent);
        }
        reading.answer(model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::SchemaForms;

    #[test]
    fn a_question_takes_openai_s_form() {
        let schema = SchemaForms { gemini: Value::Null, openai: json!({"type": "object"}), plain: Value::Null };
        let ask = Ask { schema: Some(schema), schema_name: "goals".into(), temperature: 0.5, seed: 3, ..Ask::sample() };
        let mut expected = json!({
            "model": "gpt-4.1", "messages": [{"role": "system", "content": "You plan."}, {"role": "user", "content": "Plan cork yoga mats."}],
            "seed": 3, "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 1000, "temperature": 0.5,
            "response_format": {"type": "json_schema", "json_schema": {"name": "goals", "strict": true, "schema": {"type": "object"}}},
        });
        assert_eq!(request(false, "gpt-4.1", &ask), expected);
        let thinking = request(true, "gpt-5-mini", &ask);
        assert_eq!(
            (thinking.get("temperature"), &thinking["max_completion_tokens"], &thinking["reasoning_effort"]),
            (None, &json!(5096), &json!("low"))
        );
        expected["max_completion_tokens"] = expected["max_tokens"].take();
        expected.as_object_mut().expect("an object").remove("max_tokens");
        assert_eq!(request(true, "gpt-4.1", &ask), expected);
    }

    fn read(events: &[Value]) -> (Result<Answer, Fault>, Tokens) {
        let (mut reading, mut spent) = (Reading::default(), Spent::default());
        for event in events {
            reading.read(event, 400, &mut spent);
        }
        (reading.answer("m"), spent.tokens)
    }

    #[test]
    fn a_stream_is_put_together() {
        let note = json!({"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}});
        let (answer, tokens) = read(&[
            json!({"choices": [{"delta": {"role": "assistant", "content": ""}, "finish_reason": null}], "usage": null}),
            json!({"choices": [{"delta": {"content": "{}", "annotations": [note, note, {"url_citation": {"url": "file:///x"}}]}, "finish_reason": null}]}),
            json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}),
            json!({"choices": [], "usage": {
                "prompt_tokens": 10, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 5},
            }}),
            Value::Null,
        ]);
        let answer = answer.expect("an answer");
        assert_eq!((answer.text.as_str(), answer.sources.len(), answer.grounded, answer.truncated), ("{}", 1, true, false));
        assert_eq!(tokens, Tokens { input: 10, cached: 4, output: 7, thoughts: 5 });
    }

    #[test]
    fn ways_not_to_answer() {
        let (cut, tokens) = read(&[json!({"choices": [{"delta": {"content": "half of an answer"}, "finish_reason": null}]})]);
        assert_eq!((cut, tokens), (Err(Fault::Cut), Tokens { input: 100, output: 4, ..Tokens::default() }));
        let end = |delta: Value, reason: &str| read(&[json!({"choices": [{"delta": delta, "finish_reason": reason}]})]).0;
        assert_eq!(end(json!({"refusal": "No."}), "stop"), Err(Fault::Refused { reason: "refusal".into() }));
        assert_eq!(end(json!({}), "content_filter"), Err(Fault::Refused { reason: "content_filter".into() }));
        assert_eq!(end(json!({}), "length"), Err(Fault::Truncated));
        assert_eq!(end(json!({"content": "{\"a"}), "length").map(|a| a.truncated), Ok(true));
    }
}

//! Google's Gemini: `POST /v1beta/models/{model}:streamGenerateContent?alt=sse` of the Generative Language API.
//!
//! It is always asked for a stream, because a stream tells a finished answer from one that broke off and what it has used so far.
//! A search and a response schema in one request are refused or silently drop the search, so the search is a call of its own.
//! Sources are those of the grounding metadata alone.

use super::{Provider, seed};
use crate::ask::{Answer, Ask, ModelClass, Speaker, Spent};
use crate::fault::Fault;
use crate::grounding::{search_prompt, source};
use crate::http::{self, KeyHeader, Wire};
use crate::settings::{ConfigError, Endpoint};
use async_trait::async_trait;
use domain::generations::Source;
use domain::usage::Tokens;
use futures::StreamExt as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const KEY: KeyHeader = KeyHeader { provider: "gemini", header: "x-goog-api-key", prefix: "" };

/// Tokens a model may think before a `reasoning` answer; for one that takes a level instead of a budget, what it is expected to take.
const THINKING: u32 = 2048;
/// The least that a Pro model of the 2.5 generation can be told.
const LEAST_THINKING: u32 = 128;

pub(crate) struct Gemini {
    wire: Wire,
    base: String,
}

/// What a stream has brought so far.
#[derive(Default)]
struct Reading {
    text: String,
    finish: Option<String>,
    blocked: Option<String>,
    metadata: Value,
    /// Whether the provider has said what was used.
    counted: bool,
}

impl Gemini {
    pub(crate) fn new(endpoint: &Endpoint) -> Result<Self, ConfigError> {
        let base = http::base(endpoint.url.as_ref(), "https://generativelanguage.googleapis.com", "GEMINI_BASE_URL")?;
        Ok(Self { wire: Wire::new(&KEY, endpoint, &[])?, base })
    }

    /// One request. `spent` is kept up to date while it runs.
    async fn stream(&self, model: &str, body: &Value, prompt: usize, spent: &mut Spent) -> Result<Reading, Fault> {
        let response =
            self.wire.post(&format!("{}/v1beta/models/{model}:streamGenerateContent?alt=sse", self.base), body, prompt, spent).await?;
        let mut events = http::events(response);
        let mut reading = Reading::default();
        while let Some(event) = events.next().await {
            let event = event?;
            if let Some(fault) = self.wire.told(&event) {
                return Err(fault);
            }
            reading.read(&event, prompt, spent);
        }
        reading.verdict()
    }
}

impl Reading {
    fn read(&mut self, event: &Value, prompt: usize, spent: &mut Spent) {
        if let Some(reason) = event.pointer("/promptFeedback/blockReason").and_then(Value::as_str) {
            self.blocked = Some(reason.to_owned());
        }
        if let Some(candidate) = event.pointer("/candidates/0") {
            self.candidate(candidate);
        }
        spent.search_queries = queries(&self.metadata);
        if let Some(usage) = event.get("usageMetadata") {
            spent.tokens = tokens(usage);
            self.counted = true;
        } else if !self.counted {
            spent.estimate(prompt, self.text.len());
        }
    }

    fn candidate(&mut self, candidate: &Value) {
        for part in candidate.pointer("/content/parts").and_then(Value::as_array).into_iter().flatten() {
            let thought = part.get("thought").and_then(Value::as_bool).unwrap_or(false);
            if let Some(text) = part.get("text").and_then(Value::as_str).filter(|_| !thought) {
                self.text.push_str(text);
            }
        }
        if let Some(reason) = candidate.get("finishReason").and_then(Value::as_str) {
            self.finish = Some(reason.to_owned());
        }
        if let Some(metadata) = candidate.get("groundingMetadata") {
            self.metadata = metadata.clone();
        }
    }

    fn verdict(self) -> Result<Self, Fault> {
        if let Some(reason) = self.blocked {
            return Err(Fault::Refused { reason });
        }
        match self.finish.as_deref() {
            // Only the last event of a whole stream says how it ended.
            None => Err(Fault::Cut),
            Some("MAX_TOKENS") if self.text.trim().is_empty() => Err(Fault::Truncated),
            Some("STOP") if self.text.trim().is_empty() => Err(Fault::Malformed("an empty answer".into())),
            Some("STOP" | "MAX_TOKENS") => Ok(self),
            Some("OTHER" | "MALFORMED_RESPONSE" | "MALFORMED_FUNCTION_CALL" | "FINISH_REASON_UNSPECIFIED") => {
                Err(Fault::Malformed("the model broke off".into()))
            }
            Some(other) => Err(Fault::Refused { reason: other.to_owned() }),
        }
    }

    fn answer(self, model: &str) -> Answer {
        let truncated = self.finish.as_deref() == Some("MAX_TOKENS");
        Answer { provider: "gemini".into(), model: model.to_owned(), text: self.text, truncated, ..Answer::default() }
    }
}

/// `usageMetadata`: prompt tokens include cached ones; thoughts and tool results are billed on top.
fn tokens(usage: &Value) -> Tokens {
    let count = |key: &str| usage.get(key).and_then(Value::as_u64).unwrap_or(0);
    let thoughts = count("thoughtsTokenCount");
    Tokens {
        input: count("promptTokenCount") + count("toolUsePromptTokenCount"),
        cached: count("cachedContentTokenCount"),
        output: count("candidatesTokenCount") + thoughts,
        thoughts,
    }
}

/// The question as free text. Thinking is taken out of the answer's limit, so it gets its own share on top.
fn request(model: &str, ask: &Ask, user: &str) -> Value {
    let (thinking, share) = thinking(model, ask.class);
    let mut config =
        json!({"temperature": ask.temperature, "maxOutputTokens": ask.max_output_tokens.saturating_add(share), "seed": seed(ask)});
    if let Some(thinking) = thinking {
        config["thinkingConfig"] = thinking;
    }
    let before = ask.turns.iter().map(|turn| {
        let role = if turn.by == Speaker::Assistant { "model" } else { "user" };
        json!({"role": role, "parts": [{"text": turn.text}]})
    });
    let contents: Vec<Value> = before.chain(std::iter::once(json!({"role": "user", "parts": [{"text": user}]}))).collect();
    let mut body = json!({"contents": contents, "generationConfig": config});
    if !ask.system.is_empty() {
        body["systemInstruction"] = json!({"parts": [{"text": ask.system}]});
    }
    body
}

fn structured(model: &str, ask: &Ask) -> Value {
    let mut body = request(model, ask, &ask.user);
    if let Some(schema) = &ask.schema {
        body["generationConfig"]["responseMimeType"] = json!("application/json");
        body["generationConfig"]["responseSchema"] = schema.gemini.clone();
    } else if ask.json {
        body["generationConfig"]["responseMimeType"] = json!("application/json");
    }
    body
}

/// What a model is told about thinking, and the tokens it takes. The third generation takes a level, 2.5 a budget, those before
/// neither; Flash may be told not to think, Pro may not.
fn thinking(model: &str, class: ModelClass) -> (Option<Value>, u32) {
    let third = model.starts_with("gemini-3");
    match class {
        ModelClass::Fast if third => (Some(json!({"thinkingLevel": "LOW"})), THINKING / 2),
        ModelClass::Reasoning | ModelClass::Judge if third => (Some(json!({"thinkingLevel": "HIGH"})), THINKING * 4),
        _ if !model.starts_with("gemini-2.5") => (None, 0),
        ModelClass::Fast if !model.contains("-pro") => (Some(json!({"thinkingBudget": 0})), 0),
        ModelClass::Fast => (Some(json!({"thinkingBudget": LEAST_THINKING})), LEAST_THINKING),
        ModelClass::Reasoning | ModelClass::Judge => (Some(json!({"thinkingBudget": THINKING})), THINKING),
    }
}

/// The pages of the search's own record, each once, and which of them each chunk is.
fn sources(metadata: &Value) -> (Vec<Source>, Vec<Option<usize>>) {
    let mut sources: Vec<Source> = Vec::new();
    let chunks = metadata.get("groundingChunks").and_then(Value::as_array);
    let places = chunks.into_iter().flatten().map(|chunk| {
        let field = |key: &str| chunk.get("web")?.get(key)?.as_str();
        let source = source(field("uri"), field("title"))?;
        let known = sources.iter().position(|s| s.uri == source.uri);
        known.or_else(|| {
            sources.push(source);
            Some(sources.len() - 1)
        })
    });
    let places = places.collect();
    (sources, places)
}

/// The text with the numbers of its sources behind what rests on them. Offsets of segments count bytes; one that does not name
/// the text it claims to is left out.
fn cited(text: &str, metadata: &Value, places: &[Option<usize>]) -> String {
    let supports = metadata.get("groundingSupports").and_then(Value::as_array);
    let mut marks: Vec<(usize, BTreeSet<usize>)> = Vec::new();
    for support in supports.into_iter().flatten() {
        let offset = |key: &str| support.pointer(&format!("/segment/{key}")).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let (start, Some(end)) = (offset("startIndex").unwrap_or(0), offset("endIndex")) else { continue };
        let claimed = support.pointer("/segment/text").and_then(Value::as_str);
        let chunks = support.get("groundingChunkIndices").and_then(Value::as_array);
        let indices = chunks.into_iter().flatten().filter_map(Value::as_u64).filter_map(|n| usize::try_from(n).ok());
        let numbers: BTreeSet<usize> = indices.filter_map(|n| places.get(n).copied().flatten()).map(|place| place + 1).collect();
        if text.get(start..end).is_some_and(|found| claimed.is_none_or(|claimed| claimed == found)) && !numbers.is_empty() {
            marks.push((end, numbers));
        }
    }
    marks.sort_by_key(|(end, _)| std::cmp::Reverse(*end));
    let mut cited = text.to_owned();
    for (end, numbers) in marks {
        let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        cited.insert_str(end, &format!(" [{}]", numbers.join("][")));
    }
    cited
}

/// Unique queries that say something: those are billed, empty ones are not.
fn queries(metadata: &Value) -> u32 {
    let queries = metadata.get("webSearchQueries").and_then(Value::as_array);
    let unique: BTreeSet<&str> = queries.into_iter().flatten().filter_map(Value::as_str).map(str::trim).filter(|q| !q.is_empty()).collect();
    u32::try_from(unique.len()).unwrap_or(u32::MAX)
}

#[async_trait]
impl Provider for Gemini {
    async fn complete(&self, model: &str, ask: &Ask, spent: &mut Spent) -> Result<Answer, Fault> {
        let reading = self.stream(model, &structured(model, ask), ask.length(), spent).await?;
        Ok(reading.answer(model))
    }

    async fn search(&self, model: &str, ask: &Ask, spent: &mut Spent) -> Result<Answer, Fault> {
        let mut body = request(model, ask, &search_prompt(ask));
        body["tools"] = json!([{"googleSearch": {}}]);
        let reading = self.stream(model, &body, ask.length(), spent).await?;
        let (sources, places) = sources(&reading.metadata);
        let text = cited(&reading.text, &reading.metadata, &places);
        Ok(Answer { grounded: !sources.is_empty(), sources, text, ..reading.answer(model) })
    }

    fn searches(&self) -> bool {
        true
    }
}

#[cfg(test)]
#[path = "gemini_tests.rs"]
mod tests;

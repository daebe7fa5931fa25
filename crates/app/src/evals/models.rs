//! Models by name, as promptfoo's configs name and set them. Whatever is set and not supported is an error by name.

use super::meter::Bill;
use super::{Bench, Kind, lock};
use ::evals::{Output, Provider};
use llm::{Ask, DraftMaterial, Endpoint, Llm, ModelClass, SchemaForms, Speaker, Turn};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A model and how it is asked.
pub(super) struct Model {
    pub llm: Llm,
    pub name: String,
    wish: Wish,
}

/// What a config says of the asking.
#[derive(Debug, Clone, PartialEq)]
struct Wish {
    temperature: f32,
    max_output_tokens: u32,
    seed: Option<u64>,
    schema: Option<SchemaForms>,
    schema_name: String,
    json: bool,
    system: Option<String>,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            max_output_tokens: 4096,
            seed: None,
            schema: None,
            schema_name: "answer".to_owned(),
            json: false,
            system: None,
        }
    }
}

/// How long a model may take; a test's own limit is the runner's matter.
const PATIENCE: Duration = Duration::from_mins(5);

const KEYS: &str = "temperature, max_tokens, maxOutputTokens, seed, response_format, generationConfig, systemInstruction, apiBaseUrl, \
                    apiKey and apiKeyEnvar";

impl Bench {
    /// The model that a provider means, made once.
    pub(super) fn model(&self, provider: &Provider) -> Result<Arc<Model>, String> {
        let key = format!("{} {} {}", provider.id, provider.config, provider.env);
        if let Some(model) = lock(&self.models).get(&key) {
            return Ok(Arc::clone(model));
        }
        let id = self.named(&provider.id)?;
        let Kind::Model(place) = Kind::of(&id) else { return Err("is no model".to_owned()) };
        let config = provider.config.as_object().cloned().unwrap_or_default();
        let (endpoint, wish) = (self.endpoint(provider, &config)?, wish(&config)?);
        let settings = llm::Settings { apart: apart(&config, wish.seed), ..self.setup.models.alone(&place, &endpoint) };
        let llm = Llm::new(settings, self.setup.prices.clone(), self.setup.clock.clone()).map_err(|error| error.to_string())?;
        let model = Arc::new(Model { llm, name: id, wish });
        lock(&self.models).insert(key, Arc::clone(&model));
        Ok(model)
    }

    /// Where a config says that the model is, and with which key.
    fn endpoint(&self, provider: &Provider, config: &Map<String, Value>) -> Result<Endpoint, String> {
        let text = |key: &str| -> Result<Option<String>, String> {
            match config.get(key) {
                None | Some(Value::Null) => Ok(None),
                Some(Value::String(text)) => self.filled(text).map(Some).map_err(|why| format!("config.{key}: {why}")),
                Some(other) => Err(format!("config.{key} is a text, not {other}")),
            }
        };
        if let (Some(env), None) = (provider.env.as_object().filter(|env| !env.is_empty()), config.get("apiKeyEnvar")) {
            let names = env.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(format!(
                "has an env ({names}), of which only what config.apiKeyEnvar names is read; name it there, or take env out"
            ));
        }
        let url = text("apiBaseUrl")?;
        let mut key = text("apiKey")?;
        if let (None, Some(name)) = (&key, text("apiKeyEnvar")?) {
            let own = provider.env.get(&name).or_else(|| self.setup.env.get(&name)).and_then(Value::as_str);
            key = own.map(str::to_owned);
            if key.is_none() && !self.replays() {
                return Err(format!("config.apiKeyEnvar names {name}, which is not set"));
            }
        }
        Ok(Endpoint { key: key.map(Into::into), url })
    }

    /// The answer of a model to a prompt: a text, or the JSON of a chat.
    pub(super) async fn ask_model(&self, provider: &Provider, prompt: &str) -> Result<Output, String> {
        let model = self.model(provider)?;
        let seed = self.draw(&format!("{} {} {prompt}", provider.id, provider.config));
        let ask = model.wish.ask(prompt, seed)?;
        let outcome = model.llm.ask(&ask, None, &CancellationToken::new(), &()).await;
        self.meter.add(&outcome.calls, &outcome.recorded);
        let bill = Bill::of(&outcome.calls, &outcome.recorded);
        let (output, refused, finish) = match outcome.result {
            Ok(answer) => (answer.text, false, if answer.truncated { "length" } else { "stop" }),
            Err(error) if error.is_stale() => return Err(self.stale(&model.name)),
            Err(error) if error.is_refusal() => (error.to_string(), true, "content_filter"),
            Err(error) => return Err(error.to_string()),
        };
        let mut guardrails = json!({"flagged": refused, "flaggedInput": false, "flaggedOutput": refused});
        if refused {
            guardrails["reason"] = output.as_str().into();
        }
        Ok(Output {
            output: output.into(),
            tokens: bill.tokens,
            cost: bill.cost,
            recorded: bill.recorded,
            latency_ms: bill.recorded_ms,
            finish_reason: Some(finish.to_owned()),
            refused,
            metadata: Map::from_iter([("guardrails".to_owned(), guardrails)]),
            ..Output::default()
        })
    }
}

/// What a config says of a model that tells its answers from those of another of the same name: where it is, as the file writes it (what
/// stands in the environment may differ between who records and who repeats), and its seed.
fn apart(config: &Map<String, Value>, seed: Option<u64>) -> Option<String> {
    let url = config.get("apiBaseUrl").filter(|url| !url.is_null());
    (url.is_some() || seed.is_some()).then(|| json!([url, seed]).to_string())
}

/// What the keys of a config mean; one that means nothing here is named.
fn wish(config: &Map<String, Value>) -> Result<Wish, String> {
    let mut wish = Wish::default();
    for (key, value) in config {
        let at = || format!("config.{key}");
        match key.as_str() {
            "temperature" => wish.temperature = temperature(&at(), value)?,
            "max_tokens" | "maxOutputTokens" | "max_completion_tokens" | "num_predict" => wish.max_output_tokens = count(&at(), value)?,
            "seed" => wish.seed = Some(count::<u64>(&at(), value)?),
            "response_format" => response_format(&mut wish, value)?,
            "generationConfig" => generation_config(&mut wish, value)?,
            "systemInstruction" => wish.system = Some(text(&at(), value)?),
            "apiBaseUrl" | "apiKey" | "apiKeyEnvar" => {}
            _ => return Err(format!("config.{key} is not supported; there are {KEYS}")),
        }
    }
    Ok(wish)
}

fn generation_config(wish: &mut Wish, value: &Value) -> Result<(), String> {
    let map = value.as_object().ok_or_else(|| format!("config.generationConfig is a map of keys, not {value}"))?;
    for (key, value) in map {
        let at = format!("config.generationConfig.{key}");
        match (key.as_str(), value.as_str()) {
            ("temperature", _) => wish.temperature = temperature(&at, value)?,
            ("maxOutputTokens", _) => wish.max_output_tokens = count(&at, value)?,
            ("seed", _) => wish.seed = Some(count::<u64>(&at, value)?),
            ("responseMimeType" | "response_mime_type", Some("application/json")) => wish.json = true,
            ("responseMimeType" | "response_mime_type", Some("text/plain")) => {}
            ("responseSchema" | "response_schema", _) => {
                wish.schema = Some(SchemaForms { gemini: value.clone(), ..schema(value) });
            }
            _ => {
                return Err(format!(
                    "{at} is not supported with this value; there are temperature, maxOutputTokens, seed, responseMimeType and responseSchema"
                ));
            }
        }
    }
    Ok(())
}

fn response_format(wish: &mut Wish, value: &Value) -> Result<(), String> {
    match value.get("type").and_then(Value::as_str) {
        Some("text") => {}
        Some("json_object") => wish.json = true,
        Some("json_schema") => {
            let inner = value.get("json_schema").unwrap_or(value);
            let given = inner.get("schema").filter(|schema| schema.is_object());
            wish.schema = Some(schema(given.ok_or("config.response_format has no json_schema.schema")?));
            if let Some(name) = inner.get("name").and_then(Value::as_str) {
                name.clone_into(&mut wish.schema_name);
            }
        }
        _ => return Err(format!("config.response_format is of type text, json_object or json_schema, not {value}")),
    }
    Ok(())
}

/// Any schema as each provider wants it.
pub(super) fn schema(plain: &Value) -> SchemaForms {
    let forms = prompts::schema::forms(plain);
    SchemaForms { gemini: forms.gemini, openai: forms.openai, plain: forms.plain }
}

fn temperature(at: &str, value: &Value) -> Result<f32, String> {
    #[expect(clippy::cast_possible_truncation, reason = "a number from 0 to 2")]
    let given = value.as_f64().filter(|t| (0.0..=2.0).contains(t)).map(|t| t as f32);
    given.ok_or_else(|| format!("{at} is a number from 0 to 2, not {value}"))
}

fn count<T: TryFrom<u64>>(at: &str, value: &Value) -> Result<T, String> {
    value.as_u64().and_then(|n| T::try_from(n).ok()).ok_or_else(|| format!("{at} is a whole number, not {value}"))
}

fn text(at: &str, value: &Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("{at} is a text, not {value}"))
}

impl Wish {
    fn ask(&self, prompt: &str, seed: u64) -> Result<Ask, String> {
        let (system, turns, user) = messages(prompt)?;
        let system = self.system.iter().cloned().chain((!system.is_empty()).then_some(system)).collect::<Vec<_>>().join("\n\n");
        Ok(Ask {
            class: ModelClass::Fast,
            system,
            turns,
            user,
            schema: self.schema.clone(),
            json: self.json,
            schema_name: self.schema_name.clone(),
            temperature: self.temperature,
            max_output_tokens: self.max_output_tokens,
            timeout: PATIENCE,
            grounding: false,
            seed: self.seed.unwrap_or(seed),
            draft: DraftMaterial::default(),
        })
    }
}

/// System, earlier turns and the last question of a prompt: the JSON of a chat, or a text.
pub(super) fn messages(prompt: &str) -> Result<(String, Vec<Turn>, String), String> {
    let chat = serde_json::from_str::<Value>(prompt).ok().filter(|value| value.get(0).and_then(|first| first.get("role")).is_some());
    let Some(Value::Array(list)) = chat else { return Ok((String::new(), Vec::new(), prompt.to_owned())) };
    let (mut system, mut turns) = (Vec::new(), Vec::new());
    for message in &list {
        let said = content(message).ok_or_else(|| format!("a message of the chat has no text: {message}"))?;
        match message.get("role").and_then(Value::as_str) {
            Some("system" | "developer") => system.push(said),
            Some("user") => turns.push(Turn { by: Speaker::User, text: said }),
            Some("assistant" | "model") => turns.push(Turn { by: Speaker::Assistant, text: said }),
            _ => return Err(format!("a message of the chat is of system, user or assistant: {message}")),
        }
    }
    match turns.pop() {
        Some(Turn { by: Speaker::User, text }) => Ok((system.join("\n\n"), turns, text)),
        _ => Err("the chat does not end with a message of the user, so there is nothing to answer".to_owned()),
    }
}

fn content(message: &Value) -> Option<String> {
    match message.get("content")? {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            parts.iter().map(|part| part.get("text")?.as_str()).collect::<Option<Vec<_>>>().map(|texts| texts.join("\n"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_of_one_name_are_told_apart() {
        let apart = |config: Value| {
            let config = config.as_object().cloned().expect("a map");
            apart(&config, wish(&config).expect("understood").seed)
        };
        let all = [json!({}), json!({"apiBaseUrl": "http://a"}), json!({"apiBaseUrl": "http://b"}), json!({"seed": 1}), json!({"seed": 2})];
        let all: Vec<Option<String>> = all.into_iter().map(apart).collect();
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), 5, "{all:?}");
        assert_eq!(apart(json!({"temperature": 0.5, "apiKey": "k"})), None, "what the question says itself, and keys, are no part of it");
    }

    #[test]
    fn a_config_is_understood_or_named() {
        let read = |config: Value| wish(config.as_object().expect("a map"));
        let set = read(json!({"temperature": 0.5, "max_tokens": 100, "apiKey": "k", "response_format": {"type": "json_object"}}));
        assert_eq!(set.map(|w| (w.temperature, w.max_output_tokens, w.json)), Ok((0.5, 100, true)));
        let gemini = json!({"generationConfig": {"maxOutputTokens": 7, "responseSchema": {"type": "OBJECT"}}});
        assert_eq!(read(gemini).map(|w| (w.max_output_tokens, w.schema.map(|s| s.gemini))), Ok((7, Some(json!({"type": "OBJECT"})))));
        for (config, said) in [
            (json!({"top_p": 1}), "config.top_p is not supported"),
            (json!({"temperature": "hot"}), "from 0 to 2"),
            (json!({"generationConfig": {"topK": 1}}), "generationConfig.topK"),
            (json!({"response_format": {"type": "json_schema"}}), "no json_schema.schema"),
        ] {
            assert!(read(config).expect_err(said).contains(said));
        }
    }

    #[test]
    fn a_chat_is_taken_apart() {
        let chat = r#"[{"role":"system","content":"S"},{"role":"user","content":"A"},{"role":"assistant","content":[{"type":"text","text":"B"}]},{"role":"user","content":"C"}]"#;
        let (system, turns, user) = messages(chat).expect("a chat");
        assert_eq!((system.as_str(), turns.len(), user.as_str()), ("S", 2, "C"));
        assert_eq!(messages("[1, 2]").map(|m| m.2).as_deref(), Ok("[1, 2]"));
        assert!(messages(r#"[{"role":"assistant","content":"B"}]"#).expect_err("nothing to answer").contains("nothing to answer"));
        assert!(messages(r#"[{"role":"tool","content":"B"}]"#).is_err());
    }
}

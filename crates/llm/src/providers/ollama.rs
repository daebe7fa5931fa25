//! Ollama: `POST /api/chat` with the schema as `format`.

use super::{Provider, messages, seed};
use crate::ask::{Answer, Ask, Spent};
use crate::fault::Fault;
use crate::http::{self, KeyHeader, Wire};
use crate::settings::{ConfigError, Endpoint};
use async_trait::async_trait;
use domain::usage::Tokens;
use serde_json::{Value, json};

const KEY: KeyHeader = KeyHeader { provider: "ollama", header: "authorization", prefix: "Bearer " };

pub(crate) struct Ollama {
    wire: Wire,
    base: String,
}

impl Ollama {
    pub(crate) fn new(endpoint: &Endpoint) -> Result<Self, ConfigError> {
        let base = http::base(endpoint.url.as_ref(), "http://127.0.0.1:11434", "OLLAMA_BASE_URL")?;
        Ok(Self { wire: Wire::new(&KEY, endpoint, &[])?, base })
    }
}

fn request(model: &str, ask: &Ask) -> Value {
    let mut body = json!({
        "model": model,
        "messages": messages(ask),
        "stream": false,
        "options": {"temperature": ask.temperature, "num_predict": ask.max_output_tokens, "seed": seed(ask)},
    });
    if let Some(schema) = &ask.schema {
        body["format"] = schema.plain.clone();
    } else if ask.json {
        body["format"] = json!("json");
    }
    body
}

fn tokens(body: &Value) -> Tokens {
    let count = |key: &str| body.get(key).and_then(Value::as_u64).unwrap_or(0);
    Tokens { input: count("prompt_eval_count"), output: count("eval_count"), ..Tokens::default() }
}

fn answer(model: &str, body: &Value) -> Result<Answer, Fault> {
    let text = body.pointer("/message/content").and_then(Value::as_str).ok_or_else(|| Fault::Malformed("no message".into()))?;
    let truncated = body.get("done_reason").and_then(Value::as_str) == Some("length");
    match (text.trim().is_empty(), truncated) {
        (true, true) => Err(Fault::Truncated),
        (true, false) => Err(Fault::Malformed("an empty answer".into())),
        (false, _) => {
            Ok(Answer { provider: "ollama".into(), model: model.to_owned(), text: text.to_owned(), truncated, ..Answer::default() })
        }
    }
}

#[async_trait]
impl Provider for Ollama {
    async fn complete(&self, model: &str, ask: &Ask, spent: &mut Spent) -> Result<Answer, Fault> {
        let response = self.wire.post(&format!("{}/api/chat", self.base), &request(model, ask), ask.length(), spent).await?;
        let body = self.wire.json(response).await?;
        spent.tokens = tokens(&body);
        answer(model, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::SchemaForms;

    #[test]
    fn a_question_takes_ollama_s_form() {
        let schema = SchemaForms { gemini: Value::Null, openai: Value::Null, plain: json!({"type": "object"}) };
        let body = request("llama3.2", &Ask { schema: Some(schema), temperature: 0.5, seed: 3, ..Ask::sample() });
        let expected = json!({
            "model": "llama3.2", "messages": [{"role": "system", "content": "You plan."}, {"role": "user", "content": "Plan cork yoga mats."}],
            "stream": false, "options": {"temperature": 0.5, "num_predict": 1000, "seed": 3}, "format": {"type": "object"},
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn an_answer_is_read() {
        let body = |text: &str, reason: &str| json!({"message": {"role": "assistant", "content": text}, "done_reason": reason, "prompt_eval_count": 9, "eval_count": 4});
        assert_eq!(answer("m", &body("{}", "stop")).map(|a| (a.text, a.truncated)), Ok(("{}".into(), false)));
        assert_eq!(answer("m", &body("", "length")), Err(Fault::Truncated));
        assert_eq!(answer("m", &json!({"error": "no"})), Err(Fault::Malformed("no message".into())));
        assert_eq!(tokens(&body("", "")), Tokens { input: 9, output: 4, ..Tokens::default() });
    }
}

//! Reads a request of any dialect: what is asked, in which form the answer is wanted, and how it is to travel.

use crate::call::Dialect;
use serde_json::{Value, json};

/// What a request asks for.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other, as in the requests")]
pub(crate) struct Question {
    pub(crate) model: String,
    /// Every text in order, one per line.
    pub(crate) prompt: String,
    /// The form the answer must have, as it was sent.
    pub(crate) schema: Option<Value>,
    /// JSON is wanted, whatever form.
    pub(crate) json: bool,
    pub(crate) stream: bool,
    /// A web search is wanted.
    pub(crate) grounded: bool,
    /// `OpenAI`: usage at the end of a stream.
    pub(crate) include_usage: bool,
    /// Anthropic: the tool the model must call.
    pub(crate) tool: Option<String>,
    /// The most tokens the answer may have.
    pub(crate) limit: Option<u64>,
}

impl Question {
    /// `action` is what Gemini's path says: the model and the method. An error is a sentence for the caller.
    pub(crate) fn read(dialect: Dialect, action: Option<&str>, body: &Value) -> Result<Self, String> {
        if !body.is_object() {
            return Err("the body must be a JSON object".to_owned());
        }
        let question = match dialect {
            Dialect::Gemini => gemini(action.unwrap_or_default(), body)?,
            Dialect::OpenAi => openai(body),
            Dialect::Anthropic => anthropic(body),
            Dialect::Ollama => ollama(body),
        };
        match (question.model.is_empty(), question.prompt.trim().is_empty()) {
            (true, _) => Err("no model is named".to_owned()),
            (_, true) => Err("there is no text to answer".to_owned()),
            _ => Ok(question),
        }
    }

    /// The text between `<product_idea>` and `</product_idea>`, on one line.
    pub(crate) fn product(&self) -> Option<String> {
        product_in(&self.prompt)
    }
}

/// The text between `<product_idea>` and `</product_idea>`, on one line.
pub(crate) fn product_in(prompt: &str) -> Option<String> {
    let inner = prompt.split_once("<product_idea>")?.1.split_once("</product_idea>")?.0;
    let line = inner.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then_some(line)
}

/// A field under either of its spellings: proto3 JSON reads both.
fn either<'a>(value: &'a Value, camel: &str, snake: &str) -> Option<&'a Value> {
    value.get(camel).or_else(|| value.get(snake)).filter(|found| !found.is_null())
}

fn gemini(action: &str, body: &Value) -> Result<Question, String> {
    let (model, method) = action.rsplit_once(':').ok_or("the path names no method")?;
    let stream = match method {
        "generateContent" => false,
        "streamGenerateContent" => true,
        other => return Err(format!("the method {other} is not known")),
    };
    let config = either(body, "generationConfig", "generation_config").unwrap_or(&Value::Null);
    let schema =
        either(config, "responseSchema", "response_schema").or_else(|| either(config, "responseJsonSchema", "response_json_schema"));
    let mime = either(config, "responseMimeType", "response_mime_type").and_then(Value::as_str).unwrap_or_default();
    let tools = body.get("tools").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let searches = tools.iter().any(|tool| either(tool, "googleSearch", "google_search").is_some());
    let structured = schema.is_some() || mime == "application/json";
    if searches && structured && model.starts_with("gemini-2") {
        return Err("Tool use with a response mime type: 'application/json' is unsupported".to_owned());
    }
    let mut texts = Vec::new();
    let system = either(body, "systemInstruction", "system_instruction");
    for content in system.into_iter().chain(body.get("contents").and_then(Value::as_array).into_iter().flatten()) {
        parts(content.get("parts").unwrap_or(&Value::Null), &mut texts);
    }
    Ok(Question {
        model: model.to_owned(),
        prompt: texts.join("\n"),
        schema: schema.cloned(),
        json: structured,
        stream,
        // Models of the third generation drop the search without a word when a form is asked for.
        grounded: searches && !structured,
        limit: either(config, "maxOutputTokens", "max_output_tokens").and_then(Value::as_u64),
        ..Question::default()
    })
}

fn openai(body: &Value) -> Question {
    let format = body.pointer("/response_format/type").and_then(Value::as_str).unwrap_or("text");
    let limit = body.get("max_completion_tokens").or_else(|| body.get("max_tokens"));
    Question {
        schema: body.pointer("/response_format/json_schema/schema").cloned(),
        json: format != "text",
        stream: flag(body, "/stream", false),
        include_usage: flag(body, "/stream_options/include_usage", false),
        limit: limit.and_then(Value::as_u64),
        ..messages(body)
    }
}

fn anthropic(body: &Value) -> Question {
    let forced = body.pointer("/tool_choice/name").and_then(Value::as_str);
    let tools = body.get("tools").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let tool = tools.iter().find(|tool| forced.is_some() && tool.get("name").and_then(Value::as_str) == forced);
    Question {
        schema: tool.and_then(|tool| tool.get("input_schema")).cloned(),
        json: tool.is_some(),
        stream: flag(body, "/stream", false),
        tool: tool.and(forced).map(str::to_owned),
        limit: body.get("max_tokens").and_then(Value::as_u64),
        ..messages(body)
    }
}

fn ollama(body: &Value) -> Question {
    let format = body.get("format").filter(|format| !format.is_null() && **format != json!(""));
    Question {
        schema: format.filter(|format| format.is_object()).cloned(),
        json: format.is_some(),
        stream: flag(body, "/stream", true),
        limit: body.pointer("/options/num_predict").and_then(Value::as_u64),
        ..messages(body)
    }
}

/// Model and texts of the three dialects that speak in messages.
fn messages(body: &Value) -> Question {
    let mut texts = Vec::new();
    parts(body.get("system").unwrap_or(&Value::Null), &mut texts);
    for message in body.get("messages").and_then(Value::as_array).into_iter().flatten() {
        parts(message.get("content").unwrap_or(&Value::Null), &mut texts);
    }
    let model = body.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
    Question { model, prompt: texts.join("\n"), ..Question::default() }
}

/// A text, or a list of parts of which some have a text.
fn parts(content: &Value, texts: &mut Vec<String>) {
    match content {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(parts) => texts.extend(parts.iter().filter_map(|part| part.get("text")?.as_str()).map(str::to_owned)),
        _ => {}
    }
}

fn flag(body: &Value, pointer: &str, default: bool) -> bool {
    body.pointer(pointer).and_then(Value::as_bool).unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gemini_is_read_in_both_spellings() {
        let body = json!({
            "system_instruction": {"parts": [{"text": "You plan."}]},
            "contents": [{"role": "user", "parts": [{"text": "<product_idea>soap\nbars</product_idea>"}, {"inlineData": {}}]}],
            "generation_config": {"response_schema": {"type": "OBJECT"}, "maxOutputTokens": 20},
        });
        let question = Question::read(Dialect::Gemini, Some("gemini-2.5-flash:streamGenerateContent"), &body).expect("a question");
        assert_eq!((question.model.as_str(), question.stream, question.limit), ("gemini-2.5-flash", true, Some(20)));
        assert!(question.prompt.starts_with("You plan.\n"));
        assert_eq!(question.product().as_deref(), Some("soap bars"));
        assert_eq!(question.schema, Some(json!({"type": "OBJECT"})));
    }

    #[test]
    fn search_and_a_form_exclude_each_other() {
        let body = json!({
            "contents": [{"parts": [{"text": "find"}]}], "tools": [{"googleSearch": {}}], "generationConfig": {"responseMimeType": "application/json"},
        });
        assert!(Question::read(Dialect::Gemini, Some("gemini-2.5-flash:generateContent"), &body).is_err());
        let third = Question::read(Dialect::Gemini, Some("gemini-3.5-flash:generateContent"), &body).expect("a question");
        assert!(third.json && !third.grounded);
    }

    #[test]
    fn a_forced_tool_is_a_form() {
        let body = json!({
            "model": "claude", "system": "S", "messages": [{"role": "user", "content": [{"type": "text", "text": "U"}]}],
            "tools": [{"name": "other"}, {"name": "goals", "input_schema": {"type": "object"}}], "tool_choice": {"type": "tool", "name": "goals"},
        });
        let question = Question::read(Dialect::Anthropic, None, &body).expect("a question");
        assert_eq!((question.prompt.as_str(), question.tool.as_deref(), question.json), ("S\nU", Some("goals"), true));
    }
}

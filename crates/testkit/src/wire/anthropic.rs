//! Anthropic: a `message` and its events. A forced tool is answered by a call of it.

use crate::answer::{Answer, Ending};
use serde_json::{Value, json};

pub(super) fn whole(answer: &Answer) -> Value {
    let mut message = envelope(answer);
    if answer.ending == Ending::Done {
        message["content"] = json!([block(answer, Some(&answer.text))]);
    }
    message["stop_reason"] = json!(stop(answer));
    message["usage"] = usage(answer, answer.usage.output + answer.usage.thoughts);
    message
}

pub(super) fn frames(answer: &Answer) -> Vec<String> {
    let mut start = envelope(answer);
    start["usage"] = usage(answer, 1);
    let mut events = vec![json!({"type": "message_start", "message": start})];
    if answer.ending == Ending::Done {
        events.push(json!({"type": "content_block_start", "index": 0, "content_block": block(answer, None)}));
        let (kind, key) = if answer.tool.is_some() { ("input_json_delta", "partial_json") } else { ("text_delta", "text") };
        events.extend(
            answer.pieces().iter().map(|piece| json!({"type": "content_block_delta", "index": 0, "delta": {"type": kind, key: piece}})),
        );
        events.push(json!({"type": "content_block_stop", "index": 0}));
    }
    let output = json!({"output_tokens": answer.usage.output + answer.usage.thoughts});
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": stop(answer), "stop_sequence": null}, "usage": output}));
    events.push(json!({"type": "message_stop"}));
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default())).collect()
}

fn envelope(answer: &Answer) -> Value {
    json!({
        "id": format!("msg_{}", answer.number), "type": "message", "role": "assistant", "model": answer.model, "content": [],
        "stop_reason": null, "stop_sequence": null,
    })
}

/// With its content, or empty as a stream opens it. An input that is no JSON is handed over as a text.
fn block(answer: &Answer, content: Option<&str>) -> Value {
    match &answer.tool {
        Some(name) => {
            let input = content.map_or_else(|| json!({}), |text| serde_json::from_str(text).unwrap_or_else(|_| json!(text)));
            json!({"type": "tool_use", "id": format!("toolu_{}", answer.number), "name": name, "input": input})
        }
        None => json!({"type": "text", "text": content.unwrap_or_default()}),
    }
}

const fn stop(answer: &Answer) -> &'static str {
    match (answer.ending, answer.tool.is_some()) {
        (Ending::Refused, _) => "refusal",
        (Ending::Exhausted, _) => "max_tokens",
        (Ending::Done, true) => "tool_use",
        (Ending::Done, false) => "end_turn",
    }
}

/// Cached input is counted apart from the rest.
fn usage(answer: &Answer, output: u64) -> Value {
    let usage = answer.usage;
    json!({
        "input_tokens": usage.input - usage.cached, "cache_creation_input_tokens": 0, "cache_read_input_tokens": usage.cached,
        "output_tokens": output,
    })
}

pub(super) fn error(code: u16, message: &str) -> Value {
    let kind = match code {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": message}})
}

//! `OpenAI`: `chat.completion` and `chat.completion.chunk`.

use crate::answer::{Answer, Ending};
use serde_json::{Value, json};

/// What a refusing model says.
const REFUSAL: &str = "I'm sorry, but I can't help with that.";

pub(super) fn whole(answer: &Answer) -> Value {
    let refused = answer.ending == Ending::Refused;
    let content = if refused { Value::Null } else { json!(answer.text) };
    let refusal = if refused { json!(REFUSAL) } else { Value::Null };
    let message = json!({"role": "assistant", "content": content, "refusal": refusal, "annotations": []});
    let mut body = envelope(answer, "chat.completion");
    body["choices"] = json!([{"index": 0, "message": message, "logprobs": null, "finish_reason": finish(answer)}]);
    body["usage"] = usage(answer);
    body
}

/// Role, pieces, finish reason, usage where it was asked for, `[DONE]`.
pub(super) fn frames(answer: &Answer) -> Vec<String> {
    let key = if answer.ending == Ending::Refused { "refusal" } else { "content" };
    let pieces = if answer.ending == Ending::Refused { vec![REFUSAL.to_owned()] } else { answer.pieces() };
    let mut chunks = vec![chunk(answer, json!([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": null}]))];
    chunks.extend(pieces.iter().map(|piece| chunk(answer, json!([{"index": 0, "delta": {key: piece}, "finish_reason": null}]))));
    chunks.push(chunk(answer, json!([{"index": 0, "delta": {}, "finish_reason": finish(answer)}])));
    if answer.include_usage {
        let mut last = chunk(answer, json!([]));
        last["usage"] = usage(answer);
        chunks.push(last);
    }
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).chain(["data: [DONE]\n\n".to_owned()]).collect()
}

fn chunk(answer: &Answer, choices: Value) -> Value {
    let mut chunk = envelope(answer, "chat.completion.chunk");
    chunk["choices"] = choices;
    if answer.include_usage {
        chunk["usage"] = Value::Null;
    }
    chunk
}

fn envelope(answer: &Answer, object: &str) -> Value {
    json!({
        "id": format!("chatcmpl-{}", answer.number), "object": object, "created": 1_790_000_000, "model": answer.model,
        "service_tier": "default", "system_fingerprint": "fp_upstream",
    })
}

const fn finish(answer: &Answer) -> &'static str {
    match answer.ending {
        Ending::Exhausted => "length",
        Ending::Done | Ending::Refused => "stop",
    }
}

/// Completion tokens include reasoning.
fn usage(answer: &Answer) -> Value {
    let usage = answer.usage;
    let completion = usage.output + usage.thoughts;
    json!({
        "prompt_tokens": usage.input, "completion_tokens": completion, "total_tokens": usage.input + completion,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.thoughts, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    })
}

pub(super) fn error(code: u16, message: &str) -> Value {
    let (kind, code) = match code {
        401 | 403 => ("invalid_request_error", json!("invalid_api_key")),
        429 => ("requests", json!("rate_limit_exceeded")),
        500.. => ("server_error", Value::Null),
        _ => ("invalid_request_error", Value::Null),
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

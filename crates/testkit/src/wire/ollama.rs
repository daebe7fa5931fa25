//! Ollama: one object, or one a line.

use crate::answer::{Answer, Ending};
use serde_json::{Value, json};

/// Models on Ollama have no other way to decline than to say so.
const REFUSAL: &str = "I cannot help with that.";

pub(super) fn whole(answer: &Answer) -> Value {
    let text = if answer.ending == Ending::Refused { REFUSAL } else { &answer.text };
    last(answer, text)
}

pub(super) fn events(answer: &Answer) -> Vec<Value> {
    let pieces = if answer.ending == Ending::Refused { vec![REFUSAL.to_owned()] } else { answer.pieces() };
    pieces.iter().map(|piece| event(answer, piece)).chain([last(answer, "")]).collect()
}

fn event(answer: &Answer, text: &str) -> Value {
    json!({
        "model": answer.model, "created_at": "2026-09-21T12:00:00Z", "message": {"role": "assistant", "content": text}, "done": false,
    })
}

/// Durations are in nanoseconds.
fn last(answer: &Answer, text: &str) -> Value {
    let mut event = event(answer, text);
    event["done"] = json!(true);
    event["done_reason"] = json!(if answer.ending == Ending::Exhausted { "length" } else { "stop" });
    event["total_duration"] = json!(1_000_000);
    event["load_duration"] = json!(1000);
    event["prompt_eval_count"] = json!(answer.usage.input);
    event["prompt_eval_duration"] = json!(400_000);
    event["eval_count"] = json!(answer.usage.output + answer.usage.thoughts);
    event["eval_duration"] = json!(500_000);
    event
}

pub(super) fn error(message: &str) -> Value {
    json!({"error": message})
}

//! Gemini: `GenerateContentResponse`, `google.rpc.Status`.

use crate::answer::{Answer, Ending, Usage};
use serde_json::{Value, json};

pub(super) fn whole(answer: &Answer) -> Value {
    event(answer, &answer.text, true, answer.usage.output)
}

/// What a stream brings: usage grows with every event, only the last says how it ended.
pub(super) fn events(answer: &Answer) -> Vec<Value> {
    let pieces = answer.pieces();
    let last = pieces.len() - 1;
    let count = u64::try_from(pieces.len()).unwrap_or(1);
    let share = |i: usize| answer.usage.output * u64::try_from(i + 1).unwrap_or(1) / count;
    pieces.iter().enumerate().map(|(i, piece)| event(answer, piece, i == last, share(i))).collect()
}

fn event(answer: &Answer, piece: &str, last: bool, output: u64) -> Value {
    let mut event = match answer.ending {
        Ending::Refused => json!({"promptFeedback": {"blockReason": "SAFETY", "safetyRatings": [
            {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": true},
        ]}}),
        Ending::Exhausted => json!({"candidates": [{"index": 0, "content": {"role": "model"}, "finishReason": "MAX_TOKENS"}]}),
        Ending::Done => {
            let mut candidate = json!({"index": 0, "content": {"role": "model", "parts": [{"text": piece}]}});
            if last {
                candidate["finishReason"] = json!("STOP");
            }
            if last && answer.grounded {
                candidate["groundingMetadata"] = grounding(answer);
            }
            json!({"candidates": [candidate]})
        }
    };
    event["usageMetadata"] = usage(Usage { output, ..answer.usage });
    event["modelVersion"] = json!(answer.model);
    event["responseId"] = json!(format!("upstream-{}", answer.number));
    event
}

fn usage(usage: Usage) -> Value {
    json!({
        "promptTokenCount": usage.input,
        "cachedContentTokenCount": usage.cached,
        "candidatesTokenCount": usage.output,
        "thoughtsTokenCount": usage.thoughts,
        "totalTokenCount": usage.input + usage.output + usage.thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.input}],
    })
}

/// Two pages and, as Google does at times, an empty query among the real ones.
fn grounding(answer: &Answer) -> Value {
    let first = answer.text.split_inclusive(". ").next().unwrap_or_default().trim_end();
    json!({
        "webSearchQueries": [format!("{} price", answer.topic), format!("{} competitors", answer.topic), ""],
        "searchEntryPoint": {"renderedContent": "<div>Search suggestions</div>"},
        "groundingChunks": [
            {"web": {"uri": "https://example.com/market-overview", "title": "Market overview"}},
            {"web": {"uri": "https://example.com/price-comparison", "title": "Price comparison"}},
        ],
        "groundingSupports": [{
            // Offsets count bytes.
            "segment": {"startIndex": 0, "endIndex": first.len(), "text": first},
            "groundingChunkIndices": [0, 1],
            "confidenceScores": [0.9, 0.8],
        }],
    })
}

pub(super) fn error(code: u16, message: &str, retry_after: Option<u64>) -> Value {
    let status = match code {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "UNKNOWN",
    };
    let mut error = json!({"code": code, "message": message, "status": status});
    if let Some(seconds) = retry_after {
        error["details"] = json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")}]);
    }
    json!({"error": error})
}

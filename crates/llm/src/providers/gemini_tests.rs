//! Gemini's translation, both ways.

use super::*;
use crate::ask::SchemaForms;

#[test]
fn thinking_is_budgeted_by_generation_and_class() {
    assert_eq!(thinking("gemini-2.5-flash", ModelClass::Fast), (Some(json!({"thinkingBudget": 0})), 0));
    assert_eq!(thinking("gemini-2.5-pro", ModelClass::Fast), (Some(json!({"thinkingBudget": 128})), 128));
    assert_eq!(thinking("gemini-2.5-pro", ModelClass::Reasoning), (Some(json!({"thinkingBudget": 2048})), 2048));
    assert_eq!(thinking("gemini-3.1-pro", ModelClass::Reasoning), (Some(json!({"thinkingLevel": "HIGH"})), 8192));
    assert_eq!(thinking("gemini-2.0-flash", ModelClass::Fast), (None, 0));
}

#[test]
fn a_question_takes_gemini_s_form() {
    let schema = SchemaForms { gemini: json!({"type": "OBJECT"}), openai: Value::Null, plain: Value::Null };
    let ask = Ask { class: ModelClass::Reasoning, schema: Some(schema), temperature: 0.5, seed: u64::MAX, ..Ask::sample() };
    let expected = json!({
        "contents": [{"role": "user", "parts": [{"text": "Plan cork yoga mats."}]}],
        "generationConfig": {
            "temperature": 0.5, "maxOutputTokens": 2048 + 1000, "seed": 0x7fff_ffff, "thinkingConfig": {"thinkingBudget": 2048},
            "responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"},
        },
        "systemInstruction": {"parts": [{"text": "You plan."}]},
    });
    assert_eq!(structured("gemini-2.5-pro", &ask), expected);
}

#[test]
fn usage_counts_what_is_billed() {
    let usage = json!({"promptTokenCount": 100, "cachedContentTokenCount": 40, "candidatesTokenCount": 30, "thoughtsTokenCount": 20, "toolUsePromptTokenCount": 5});
    assert_eq!(tokens(&usage), Tokens { input: 105, cached: 40, output: 50, thoughts: 20 });
}

fn read(events: &[Value]) -> (Result<Reading, Fault>, Spent) {
    let (mut reading, mut spent) = (Reading::default(), Spent::default());
    for event in events {
        reading.read(event, 400, &mut spent);
    }
    (reading.verdict(), spent)
}

#[test]
fn a_stream_is_whole_only_with_its_finish_reason() {
    let first = json!({"candidates": [{"content": {"parts": [{"text": "I think", "thought": true}, {"text": "{\"a\""}]}}]});
    let last = json!({"candidates": [{"content": {"parts": [{"text": ":1}"}]}, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 2}});
    let (reading, spent) = read(&[first.clone(), last]);
    assert_eq!(reading.map(|r| r.text), Ok("{\"a\":1}".into()));
    assert_eq!(spent.tokens, Tokens { input: 9, output: 2, ..Tokens::default() });

    let (cut, spent) = read(&[first]);
    assert_eq!(cut.map(|r| r.text), Err(Fault::Cut));
    assert_eq!(spent.tokens, Tokens { input: 100, output: 1, ..Tokens::default() });
}

#[test]
fn ways_not_to_answer() {
    let verdict = |event: Value| read(&[event]).0.map(|r| r.text).unwrap_err();
    assert_eq!(verdict(json!({"promptFeedback": {"blockReason": "SAFETY"}})), Fault::Refused { reason: "SAFETY".into() });
    assert_eq!(verdict(json!({"candidates": [{"finishReason": "RECITATION"}]})), Fault::Refused { reason: "RECITATION".into() });
    assert_eq!(verdict(json!({"candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}]})), Fault::Truncated);
    assert_eq!(verdict(json!({"candidates": [{"finishReason": "STOP"}]})), Fault::Malformed("an empty answer".into()));
}

#[test]
fn sources_come_from_the_metadata_once_each_and_are_cited_by_number() {
    let text = "Größe zählt. Boots cost $90.";
    let metadata = json!({
        "webSearchQueries": ["boots", "", "boots", "vegan boots"],
        "groundingChunks": [
            {"web": {"uri": "https://a.example/1", "title": "A"}}, {"web": {"uri": "https://a.example/1", "title": "A"}},
            {"web": {"uri": "javascript:alert(1)", "title": "B"}}, {"web": {"uri": "https://c.example/x", "title": ""}},
        ],
        "groundingSupports": [
            {"segment": {"endIndex": 15, "text": "Größe zählt."}, "groundingChunkIndices": [1, 3]},
            {"segment": {"startIndex": 16, "endIndex": 31, "text": "Boots cost $90."}, "groundingChunkIndices": [2]},
            {"segment": {"startIndex": 16, "endIndex": 30, "text": "something else"}, "groundingChunkIndices": [0]},
            {"segment": {"startIndex": 16, "endIndex": 99}, "groundingChunkIndices": [0]},
        ],
    });
    let (found, places) = sources(&metadata);
    assert_eq!(found.iter().map(|s| s.title.as_str()).collect::<Vec<_>>(), ["A", "c.example"]);
    assert_eq!(cited(text, &metadata, &places), "Größe zählt. [1][2] Boots cost $90.");
    assert_eq!(queries(&metadata), 2);
    assert_eq!(sources(&Value::Null).0, []);
}

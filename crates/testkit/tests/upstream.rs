//! The upstream over real connections, as a provider's client sees it.

use reqwest::{Client, Response};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::{Dialect, Fault, Upstream};

const PROMPT: &str = "<product_idea>cork yoga mats</product_idea> Plan it.";

fn client() -> Client {
    // Only the first installation counts; nothing here is encrypted.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder().build().expect("a client")
}

async fn post(upstream: &Upstream, path: &str, body: Value) -> Response {
    client().post(format!("{}{path}", upstream.url())).header("x-goog-api-key", "k").json(&body).send().await.expect("a response")
}

async fn json_of(response: Response) -> Value {
    response.json().await.expect("JSON")
}

fn gemini() -> Value {
    let title = json!({"type": "STRING", "minLength": "1", "maxLength": "60"});
    json!({
        "systemInstruction": {"parts": [{"text": "You plan."}]},
        "contents": [{"role": "user", "parts": [{"text": PROMPT}]}],
        "generationConfig": {
            "responseMimeType": "application/json", "maxOutputTokens": 100,
            "responseSchema": {"type": "OBJECT", "required": ["titles"], "properties": {"titles": {"type": "ARRAY", "minItems": "3", "items": title}}},
        },
    })
}

fn openai(stream: bool) -> Value {
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["goal"],
        "properties": {"goal": {"type": "string", "description": "at most 200 characters"}},
    });
    json!({
        "model": "gpt-test", "messages": [{"role": "user", "content": PROMPT}], "stream": stream, "stream_options": {"include_usage": true},
        "response_format": {"type": "json_schema", "json_schema": {"name": "goals", "strict": true, "schema": schema}},
    })
}

const WHOLE: &str = "/v1beta/models/gemini-2.5-flash:generateContent";
const STREAM: &str = "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse";

/// The JSON of every `data:` line but `[DONE]`.
fn data(text: &str) -> Vec<Value> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|line| *line != "[DONE]");
    lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test]
async fn gemini_answers_in_the_form_asked_for() {
    let upstream = Upstream::start().await;
    upstream.thoughts(11).cached(4);
    let body = json_of(post(&upstream, WHOLE, gemini()).await).await;
    let text = body.pointer("/candidates/0/content/parts/0/text").and_then(Value::as_str).expect("a text");
    let made: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(made["titles"].as_array().map(Vec::len), Some(3));
    assert!(text.contains("ork yoga mats"), "{text}");
    assert_eq!(body.pointer("/candidates/0/finishReason"), Some(&json!("STOP")));
    assert_eq!(body.pointer("/usageMetadata/thoughtsTokenCount"), Some(&json!(11)));
    assert_eq!(body.pointer("/usageMetadata/cachedContentTokenCount"), Some(&json!(4)));

    let calls = upstream.calls();
    let [call] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!(
        (call.dialect, call.model.as_str(), call.path.as_str(), call.key_present),
        (Dialect::Gemini, "gemini-2.5-flash", WHOLE, true)
    );
    assert!(call.prompt.starts_with("You plan.\n<product_idea>"));
    assert_eq!(body.pointer("/usageMetadata/promptTokenCount"), Some(&json!(call.input_tokens)));
    assert_eq!(call.output_tokens, text.chars().count().div_ceil(4) as u64 + 11);
}

#[tokio::test]
async fn gemini_streams_events_of_which_the_last_ends() {
    let upstream = Upstream::start().await;
    let response = post(&upstream, STREAM, gemini()).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let events = data(&response.text().await.expect("a text"));
    assert!(events.len() > 1);
    let finished: Vec<bool> = events.iter().map(|event| event.pointer("/candidates/0/finishReason").is_some()).collect();
    assert_eq!(finished.iter().position(|done| *done), Some(events.len() - 1));
    let text: String = events.iter().filter_map(|event| event.pointer("/candidates/0/content/parts/0/text")?.as_str()).collect();
    assert!(serde_json::from_str::<Value>(&text).is_ok());

    let listed = post(&upstream, "/v1/models/gemini-2.5-flash:streamGenerateContent", gemini()).await;
    assert_eq!(json_of(listed).await.as_array().map(Vec::len), Some(events.len()));
}

#[tokio::test]
async fn a_search_brings_its_record_and_excludes_a_form() {
    let upstream = Upstream::start().await;
    let mut body = gemini();
    body["tools"] = json!([{"googleSearch": {}}]);
    assert_eq!(post(&upstream, WHOLE, body.clone()).await.status(), 400);
    body["generationConfig"] = json!({});
    let answer = json_of(post(&upstream, WHOLE, body).await).await;
    let record = answer.pointer("/candidates/0/groundingMetadata").expect("a record");
    assert_eq!(record["webSearchQueries"], json!(["cork yoga mats price", "cork yoga mats competitors", ""]));
    assert_eq!(record["groundingChunks"].as_array().map(Vec::len), Some(2));
    assert_eq!(upstream.calls()[0].fault.as_deref(), Some("rejected"));
}

#[tokio::test]
async fn openai_answers_whole_and_streamed() {
    let upstream = Upstream::start().await;
    let whole = json_of(post(&upstream, "/v1/chat/completions", openai(false)).await).await;
    let content = whole.pointer("/choices/0/message/content").and_then(Value::as_str).expect("a text").to_owned();
    assert!(serde_json::from_str::<Value>(&content).expect("JSON")["goal"].as_str().is_some_and(|goal| goal.contains("cork yoga mats")));
    assert_eq!(whole.pointer("/usage/prompt_tokens_details/cached_tokens"), Some(&json!(0)));

    let text = post(&upstream, "/chat/completions", openai(true)).await.text().await.expect("a text");
    assert!(text.ends_with("data: [DONE]\n\n"));
    let events = data(&text);
    let streamed: String = events.iter().filter_map(|event| event.pointer("/choices/0/delta/content")?.as_str()).collect();
    assert_eq!(streamed, content);
    let last = events.last().expect("an event");
    assert_eq!((&last["choices"], &last["usage"]), (&json!([]), &whole["usage"]));
}

#[tokio::test]
async fn anthropic_calls_the_forced_tool_and_ollama_speaks_lines() {
    let upstream = Upstream::start().await;
    let schema = json!({"type": "object", "required": ["goal"], "properties": {"goal": {"type": "string", "maxLength": 200}}});
    let messages = json!([{"role": "user", "content": PROMPT}]);
    let mut body = json!({
        "model": "claude", "max_tokens": 100, "messages": messages, "tools": [{"name": "goals", "input_schema": schema}],
        "tool_choice": {"type": "tool", "name": "goals"},
    });
    let whole = json_of(post(&upstream, "/v1/messages", body.clone()).await).await;
    assert_eq!((&whole["stop_reason"], &whole["content"][0]["name"]), (&json!("tool_use"), &json!("goals")));
    body["stream"] = json!(true);
    let events = data(&post(&upstream, "/v1/messages", body).await.text().await.expect("a text"));
    let input: String = events.iter().filter_map(|event| event.pointer("/delta/partial_json")?.as_str()).collect();
    assert_eq!(serde_json::from_str::<Value>(&input).expect("JSON"), whole["content"][0]["input"]);

    let mut body = json!({"model": "qwen", "messages": messages, "format": schema, "stream": false});
    let whole = json_of(post(&upstream, "/api/chat", body.clone()).await).await;
    assert_eq!((&whole["done"], &whole["done_reason"]), (&json!(true), &json!("stop")));
    body["stream"] = json!(true);
    let lines = post(&upstream, "/api/chat", body).await.text().await.expect("a text");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let text: String = lines.iter().filter_map(|line| line["message"]["content"].as_str()).collect();
    assert_eq!(Some(text.as_str()), whole["message"]["content"].as_str());
}

#[tokio::test]
async fn statuses_say_when_to_come_back_in_the_dialect_s_way() {
    let upstream = Upstream::start().await;
    upstream.always(Some(Fault::Status { code: 429, retry_after: Some(2) }));
    let google = post(&upstream, WHOLE, gemini()).await;
    assert_eq!((google.status().as_u16(), google.headers().get("retry-after")), (429, None));
    let body = json_of(google).await;
    assert_eq!(body.pointer("/error/status"), Some(&json!("RESOURCE_EXHAUSTED")));
    assert_eq!(body.pointer("/error/details/0/retryDelay"), Some(&json!("2s")));
    let openai = post(&upstream, "/v1/chat/completions", openai(false)).await;
    assert_eq!(openai.headers()["retry-after"], "2");
    let calls = upstream.calls();
    assert_eq!((calls[0].fault.as_deref(), calls[0].output_tokens), (Some("status-429"), 0));
    upstream.reset();
    assert!(upstream.calls().is_empty());
    assert!(post(&upstream, WHOLE, gemini()).await.status().is_success());
}

#[tokio::test]
async fn faults_are_taken_in_turn() {
    let upstream = Upstream::start().await;
    upstream.then(Fault::CutStream).then(Fault::EndEarly).then(Fault::Refusal).then(Fault::EmptyThinking).then(Fault::MalformedWire);
    assert!(post(&upstream, STREAM, gemini()).await.text().await.is_err());
    let early = data(&post(&upstream, STREAM, gemini()).await.text().await.expect("a text"));
    assert!(!early.is_empty() && early.iter().all(|event| event.pointer("/candidates/0/finishReason").is_none()));
    let refused = data(&post(&upstream, STREAM, gemini()).await.text().await.expect("a text"));
    assert_eq!(refused[0].pointer("/promptFeedback/blockReason"), Some(&json!("SAFETY")));
    let empty = json_of(post(&upstream, WHOLE, gemini()).await).await;
    assert_eq!(empty.pointer("/candidates/0"), Some(&json!({"index": 0, "content": {"role": "model"}, "finishReason": "MAX_TOKENS"})));
    assert_eq!(empty.pointer("/usageMetadata/thoughtsTokenCount"), Some(&json!(100)));
    assert!(post(&upstream, WHOLE, gemini()).await.json::<Value>().await.is_err());
    assert!(post(&upstream, WHOLE, gemini()).await.json::<Value>().await.is_ok());
}

#[tokio::test]
async fn a_hung_call_ends_with_its_caller_or_with_the_upstream() {
    let upstream = Upstream::start().await;
    upstream.when(|call| call.prompt.contains("yoga").then_some(Fault::Hang));
    let url = format!("{}{WHOLE}", upstream.url());
    let client = client();
    let short = client.post(&url).json(&gemini()).timeout(Duration::from_secs(1)).send().await;
    assert!(short.is_err_and(|error| error.is_timeout()));
    let waiting = client.post(&url).json(&gemini()).send();
    let ending = async {
        while upstream.calls().len() < 2 {
            tokio::task::yield_now().await;
        }
        drop(upstream);
    };
    let (answer, ()) = tokio::join!(waiting, ending);
    assert_eq!(answer.expect("an answer").status(), 503);
    assert!(client.post(&url).json(&gemini()).send().await.is_err());
}

#[tokio::test]
async fn calls_side_by_side_are_counted() {
    let upstream = Upstream::start().await;
    upstream.then(Fault::Hang).then(Fault::Hang).then(Fault::Stall);
    let client = client();
    let send = |path: &str| client.post(format!("{}{path}", upstream.url())).json(&gemini()).send();
    let (one, two, three) = (send(WHOLE), send(WHOLE), send(STREAM));
    let ending = async {
        while upstream.calls().len() < 3 {
            tokio::task::yield_now().await;
        }
        let most = upstream.max_in_flight();
        drop(upstream);
        most
    };
    let (_, _, _, most) = tokio::join!(one, two, three, ending);
    assert_eq!(most, 3);
}

#[tokio::test]
async fn answers_take_as_long_as_they_are_told() {
    let upstream = Upstream::start().await;
    upstream.latency(Duration::from_millis(60));
    let before = Instant::now();
    assert!(post(&upstream, WHOLE, gemini()).await.status().is_success());
    assert!(before.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let upstream = Upstream::start().await;
    for (path, body) in [(WHOLE, json!({})), ("/v1beta/models/m:embedContent", gemini()), ("/v1/chat/completions", json!([]))] {
        assert_eq!(post(&upstream, path, body).await.status(), 400, "{path}");
    }
    assert_eq!(post(&upstream, "/v1/embeddings", json!({})).await.status(), 404);
}

//! An HTTP server that answers at once, and the target that asks it: both programs get the same answers from it.

use async_trait::async_trait;
use evals::{Output, Provider, Target, TargetError};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

type Answers = Arc<Mutex<HashMap<String, Value>>>;

/// The server. It answers a prompt it knows with what it was told to, a prompt that is JSON with an `output` with that, any other with
/// itself.
pub struct Mock {
    pub address: SocketAddr,
    answers: Answers,
    /// Ends when the mock is dropped.
    _serving: tokio::task::JoinSet<()>,
}

impl Mock {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("address");
        let answers = Answers::default();
        let known = Arc::clone(&answers);
        let mut serving = tokio::task::JoinSet::new();
        serving.spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&known)));
            }
        });
        Self { address, answers, _serving: serving }
    }

    /// What a prompt is answered with: a whole response, in the form of promptfoo's providers.
    pub fn answer(&self, prompt: &str, response: Value) {
        self.answers.lock().expect("no panic").insert(prompt.to_owned(), response);
    }

    async fn ask(&self, prompt: &str) -> std::io::Result<Value> {
        let body = json!({"prompt": prompt}).to_string();
        let mut stream = TcpStream::connect(self.address).await?;
        let head = format!("POST / HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", self.address, body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let start = answer.windows(4).position(|w| w == b"\r\n\r\n").map_or(0, |at| at + 4);
        Ok(serde_json::from_slice(&answer[start..])?)
    }
}

fn response(prompt: &str, answers: &Answers) -> Value {
    if let Some(known) = answers.lock().expect("no panic").get(prompt) {
        return known.clone();
    }
    match serde_json::from_str::<Value>(prompt) {
        Ok(whole) if whole.get("output").is_some() => whole,
        _ => json!({"output": prompt}),
    }
}

async fn serve(stream: TcpStream, answers: Answers) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut length, mut last, mut line) = (0, false, String::new());
        loop {
            line.clear();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            last |= line.eq_ignore_ascii_case("connection: close\r\n");
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        // promptfoo sends a prompt that is JSON as JSON.
        let prompt = match &body["prompt"] {
            Value::String(text) => {
                serde_json::from_str::<Value>(text).ok().filter(|v| !v.is_number()).map_or_else(|| text.clone(), |v| v.to_string())
            }
            other => other.to_string(),
        };
        let text = response(&prompt, &answers).to_string();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", text.len());
        if stream.write_all(format!("{head}{text}").as_bytes()).await.is_err() || last {
            return;
        }
    }
}

#[async_trait]
impl Target for Mock {
    async fn call(&self, provider: &Provider, prompt: &str, vars: &Map<String, Value>) -> Result<Output, TargetError> {
        if provider.id == "echo" {
            return evals::Echo.call(provider, prompt, vars).await;
        }
        let mut response = self.ask(prompt).await.map_err(|e| TargetError::Failed(e.to_string()))?;
        if let Some(error) = response.get("error").and_then(Value::as_str) {
            return Err(TargetError::Failed(error.to_owned()));
        }
        let numbers = |value: &Value| value.as_array().map(|all| all.iter().filter_map(Value::as_f64).collect());
        let mut metadata = response["metadata"].as_object().cloned().unwrap_or_default();
        if !response["guardrails"].is_null() {
            metadata.insert("guardrails".into(), response["guardrails"].take());
        }
        Ok(Output {
            output: response["output"].take(),
            cost: response["cost"].as_f64(),
            latency_ms: response["latencyMs"].as_u64(),
            finish_reason: response["finishReason"].as_str().map(str::to_owned),
            log_probs: numbers(&response["logProbs"]),
            metadata,
            ..Output::default()
        })
    }
}

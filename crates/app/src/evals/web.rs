//! Web addresses as promptfoo's `http` provider asks them, and those that judge (`webhook`).
//!
//! Deliberately different: an answer counts only with a status from 200 to 299 unless `validateStatus` says otherwise, because an error
//! page is no answer; a missing variable is an error; redirects are not followed.

use super::Bench;
use ::evals::{HelperError, Output, Provider, Scope, TokenUsage, Webhook};
use async_trait::async_trait;
use integrations::addresses::{Reply, Request, address};
use llm::tape::{Question, Recall};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How long an address may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// What a config says of an address.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Config {
    url: String,
    method: String,
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
    body: Value,
    transform: Option<String>,
    validate: Option<String>,
    patience: Duration,
}

/// Reads a provider, or says what in it is not supported.
pub(super) fn read(provider: &Provider) -> Result<Config, String> {
    let empty = Map::new();
    let config = provider.config.as_object().unwrap_or(&empty);
    let known = ["url", "method", "headers", "queryParams", "body", "transformResponse", "responseParser", "validateStatus", "timeoutMs"];
    if let Some(key) = config.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("config.{key} is not supported; there are {}", known.join(", ")));
    }
    let text = |key: &str| match config.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.starts_with("file://") => Err(format!("config.{key} in a file is not supported; write it here")),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(format!("config.{key} is a text, not {other}")),
    };
    let pairs = |key: &str| match config.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(map)) => Ok(map.iter().map(|(name, value)| (name.clone(), plain(value))).collect()),
        Some(other) => Err(format!("config.{key} is a map of texts, not {other}")),
    };
    let own = provider.id.starts_with("http://") || provider.id.starts_with("https://");
    let url = text("url")?.or_else(|| own.then(|| provider.id.clone())).ok_or("needs config.url")?;
    if !url.contains("{{") {
        address(&url).map_err(|error| error.to_string())?;
    }
    let method = text("method")?.unwrap_or_else(|| "POST".to_owned()).to_uppercase();
    let body = config.get("body").cloned().unwrap_or_default();
    if body.is_null() && !matches!(method.as_str(), "GET" | "HEAD") {
        return Err(format!("needs config.body to {method}; '{{{{prompt}}}}' sends the prompt, method GET sends none"));
    }
    let patience = match config.get("timeoutMs") {
        None => PATIENCE,
        Some(value) => Duration::from_millis(value.as_u64().ok_or_else(|| format!("config.timeoutMs is a whole number, not {value}"))?),
    };
    let transform = text("transformResponse")?.or(text("responseParser")?);
    Ok(Config {
        url,
        method,
        headers: pairs("headers")?,
        query: pairs("queryParams")?,
        body,
        transform,
        validate: text("validateStatus")?,
        patience,
    })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Bench {
    /// A text with `{{ env.X }}` filled in. Who repeats a recording needs no keys: one that is not there is a secret all the same.
    pub(super) fn filled(&self, text: &str) -> Result<String, String> {
        self.fill(text, &Map::new())
    }

    fn fill(&self, text: &str, vars: &Map<String, Value>) -> Result<String, String> {
        match self.templating.render(text, vars) {
            Err(_) if self.replays() && text.contains("env.") => {
                let mut vars = vars.clone();
                vars.insert("env".into(), Value::Object(with_absent(&self.setup.env, text)));
                self.templating.render(text, &vars)
            }
            rendered => rendered,
        }
    }

    fn fill_deep(&self, value: &Value, vars: &Map<String, Value>) -> Result<Value, String> {
        Ok(match value {
            // Promptfoo reads a text that became JSON as what it is.
            Value::String(text) => {
                let filled = self.fill(text, vars)?;
                let structured = filled.trim_start().starts_with(['{', '[']).then(|| serde_json::from_str(&filled).ok()).flatten();
                structured.unwrap_or(Value::String(filled))
            }
            Value::Array(items) => items.iter().map(|item| self.fill_deep(item, vars)).collect::<Result<_, _>>()?,
            Value::Object(map) => Value::Object(
                map.iter().map(|(key, value)| Ok((key.clone(), self.fill_deep(value, vars)?))).collect::<Result<_, String>>()?,
            ),
            other => other.clone(),
        })
    }

    /// The request of one case.
    fn request(&self, config: &Config, prompt: &str, vars: &Map<String, Value>) -> Result<Request, String> {
        let mut vars = vars.clone();
        vars.insert("prompt".into(), prompt.into());
        let fill = |what: &str, text: &str| self.fill(text, &vars).map_err(|why| format!("config.{what}: {why}"));
        let mut headers = Vec::new();
        for (name, value) in &config.headers {
            headers.push((fill("headers", name)?, fill("headers", value)?));
        }
        let mut url = address(&fill("url", &config.url)?).map_err(|error| error.to_string())?;
        for (name, value) in &config.query {
            url.query_pairs_mut().append_pair(&fill("queryParams", name)?, &fill("queryParams", value)?);
        }
        let typed = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type")).map(|(_, value)| value.to_lowercase());
        let is_json = typed.as_ref().map_or(!config.body.is_string(), |kind| kind.contains("json"));
        if typed.is_none() && is_json && !config.body.is_null() {
            headers.push(("content-type".into(), "application/json".into()));
        }
        let body = self.body(&config.body, is_json, &vars).map_err(|why| format!("config.body: {why}"))?;
        Ok(Request { method: config.method.clone(), url: url.into(), headers, body, patience: config.patience })
    }

    fn body(&self, body: &Value, is_json: bool, vars: &Map<String, Value>) -> Result<Option<String>, String> {
        match body {
            Value::Null => Ok(None),
            Value::String(text) if is_json => {
                let plain = self.fill(text, vars)?;
                if serde_json::from_str::<Value>(&plain).is_ok() {
                    return Ok(Some(plain));
                }
                // A value with quotes or line ends in it stays inside its own quotes.
                let escaped: Map<String, Value> = vars.iter().map(|(name, value)| (name.clone(), escaped(value))).collect();
                let text = self.fill(text, &escaped)?;
                serde_json::from_str::<Value>(&text).map_err(|error| format!("is no JSON once it is filled in ({error})"))?;
                Ok(Some(text))
            }
            Value::String(text) => Ok(Some(self.fill(text, vars)?.trim().to_owned())),
            other => self.fill_deep(other, vars).map(|filled| Some(filled.to_string())),
        }
    }

    /// The answer of an address to one case.
    pub(super) async fn ask_address(&self, provider: &Provider, prompt: &str, vars: &Map<String, Value>) -> Result<Output, String> {
        let config = read(provider)?;
        let request = self.request(&config, prompt, vars)?;
        let code: Vec<&str> = [&config.transform, &config.validate].into_iter().flatten().map(String::as_str).collect();
        let (reply, recorded) = self.send(&request, &code.join("\n")).await?;
        self.meter.add_address(recorded);
        let valid = match &config.validate {
            None => (200..300).contains(&reply.status),
            Some(code) => {
                let verdict = ::evals::evaluate(code, &[("status", reply.status.into())], &self.scripts).await;
                verdict.map_err(|why| format!("validateStatus: {why}"))? == Value::Bool(true)
            }
        };
        if !valid {
            let said: String = reply.text.chars().take(300).collect();
            return Err(format!("the address answered with status {}: {said}", reply.status));
        }
        let mut output = output(&config, &reply, &self.scripts).await?;
        output.recorded = recorded;
        output.latency_ms = Some(reply.took_ms);
        Ok(output)
    }

    /// An address's answer, from the recording where it is there. `code` is what reads the answer: headers it names are recorded.
    async fn send(&self, request: &Request, code: &str) -> Result<(Reply, bool), String> {
        let place = format!("{} {}", request.method, place(&request.url));
        let Some(tape) = self.tape() else { return self.sent(request).await.map(|reply| (reply, false)) };
        let mut whole = json!({"kind": "http", "method": request.method, "url": nobodys(&request.url), "body": request.body});
        let headers = asking(&request.headers);
        if !headers.is_empty() {
            whole["headers"] = json!(headers);
        }
        let asked: String = request.body.iter().flat_map(|body| body.chars()).take(200).collect();
        let question = Question { whole, about: format!("{place} {asked}") };
        match tape.recall(&question) {
            Recall::Known(kept) => return kept_reply(&kept).map(|reply| (reply, true)),
            Recall::Stale => return Err(self.stale(&place)),
            Recall::Ask => {}
        }
        let reply = self.sent(request).await?;
        let passing = reply.status == 429 || reply.status >= 500;
        let kept = json!({"status": reply.status, "headers": harmless(&reply.headers, code), "text": reply.text, "tookMs": reply.took_ms});
        tape.keep(&question, kept, passing).map_err(|error| format!("the recording cannot be written ({error})"))?;
        Ok((reply, false))
    }

    async fn sent(&self, request: &Request) -> Result<Reply, String> {
        self.addresses.send(request).await.map_err(|error| error.to_string())
    }
}

/// The environment with a secret in the place of each entry a text names that is not there.
fn with_absent(env: &Map<String, Value>, text: &str) -> Map<String, Value> {
    let mut env = env.clone();
    for rest in text.split("env.").skip(1) {
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        env.entry(name).or_insert_with(|| "[secret]".into());
    }
    env
}

/// A text as it stands inside the quotes of JSON.
fn escaped(value: &Value) -> Value {
    match value {
        Value::String(_) => {
            let quoted = value.to_string();
            quoted.get(1..quoted.len() - 1).unwrap_or_default().into()
        }
        other => other.clone(),
    }
}

/// Whether a header's name says that its value is a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    ["auth", "cookie", "key", "token", "secret", "password", "credential", "signature", "session"].iter().any(|part| name.contains(part))
}

/// Headers of an answer that are kept: its type, what it cost, and what the config's code reads; nothing that may be a key.
fn harmless<'a>(headers: &'a [(String, String)], code: &str) -> Vec<&'a (String, String)> {
    let code = code.to_lowercase();
    let kept = |name: &str| {
        let counted = name.starts_with("x-") && name.ends_with("-tokens");
        matches!(name, "content-type" | "x-cost-usd") || counted || (!is_secret(name) && code.contains(name))
    };
    headers.iter().filter(|(name, _)| kept(&name.to_lowercase())).collect()
}

/// Headers of a question as they tell it from others: of those that hold a secret the name alone, since who repeats it has another one.
fn asking(headers: &[(String, String)]) -> Vec<(String, &str)> {
    let mut told: Vec<(String, &str)> =
        headers.iter().map(|(name, value)| (name.to_lowercase(), if is_secret(name) { "" } else { value.as_str() })).collect();
    told.retain(|header| *header != ("content-type".to_owned(), "application/json"));
    told.sort();
    told
}

/// An address without the name and password in it.
fn nobodys(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit_once('@').map_or(&rest[..end], |(_, host)| host);
    format!("{scheme}://{host}{}", &rest[end..])
}

/// An address as people may read it: where and which path.
fn place(url: &str) -> String {
    nobodys(url).split(['?', '#']).next().unwrap_or_default().to_owned()
}

fn kept_reply(kept: &Value) -> Result<Reply, String> {
    let status = kept.get("status").and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok());
    let text = kept.get("text").and_then(Value::as_str);
    let (Some(status), Some(text)) = (status, text) else {
        return Err("the recording has no answer of an address at this question".into());
    };
    let pair = |pair: &Value| Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.as_str()?.to_owned()));
    let headers = kept.get("headers").and_then(Value::as_array).into_iter().flatten().filter_map(pair).collect();
    Ok(Reply { status, headers, text: text.to_owned(), took_ms: kept.get("tookMs").and_then(Value::as_u64).unwrap_or(0) })
}

/// What the config makes of an answer.
async fn output(config: &Config, reply: &Reply, scripts: &Scope) -> Result<Output, String> {
    let data: Value = serde_json::from_str(&reply.text).unwrap_or_default();
    let headers: Map<String, Value> = reply.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let mut metadata = Map::from_iter([("http".to_owned(), json!({"status": reply.status}))]);
    let Some(code) = &config.transform else {
        let output = if data.is_null() { Value::String(reply.text.clone()) } else { data };
        return Ok(Output { output, metadata, ..Output::default() });
    };
    let response = json!({"data": reply.text, "status": reply.status, "headers": headers, "cached": false, "latencyMs": reply.took_ms});
    let named = [("json", data), ("text", reply.text.as_str().into()), ("context", json!({"response": response}))];
    let made = ::evals::evaluate(code, &named, scripts).await.map_err(|why| format!("transformResponse: {why}"))?;
    let whole = made.as_object().filter(|map| map.contains_key("output") || map.contains_key("error"));
    let Some(whole) = whole else {
        return if made.is_null() {
            Err("transformResponse found nothing in the answer; look at the address's own form".to_owned())
        } else {
            Ok(Output { output: made, metadata, ..Output::default() })
        };
    };
    if let Some(error) = whole.get("error").filter(|error| !error.is_null()) {
        return Err(plain(error));
    }
    metadata.extend(whole.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default());
    metadata.extend(whole.get("guardrails").filter(|said| said.is_object()).map(|said| ("guardrails".to_owned(), said.clone())));
    Ok(Output {
        output: whole.get("output").cloned().unwrap_or_default(),
        tokens: whole.get("tokenUsage").map(TokenUsage::from_json).unwrap_or_default(),
        cost: whole.get("cost").and_then(Value::as_f64),
        finish_reason: whole.get("finishReason").and_then(Value::as_str).map(str::to_owned),
        metadata,
        ..Output::default()
    })
}

#[async_trait]
impl Webhook for Bench {
    async fn post(&self, url: &str, body: &Value) -> Result<Value, HelperError> {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let request = Request { method: "POST".into(), url: url.to_owned(), headers, body: Some(body.to_string()), patience: PATIENCE };
        let (reply, recorded) = self.send(&request, "").await.map_err(HelperError)?;
        self.meter.add_address(recorded);
        if !(200..300).contains(&reply.status) {
            return Err(HelperError(format!("the address answered with status {}", reply.status)));
        }
        serde_json::from_str(&reply.text).map_err(|error| HelperError(format!("the answer is no JSON ({error})")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(id: &str, config: Value) -> Provider {
        Provider { id: id.into(), config, ..Provider::default() }
    }

    #[test]
    fn what_a_config_says_is_understood_or_named() {
        let config = read(&provider("https://a.example/x", json!({"body": {"p": "{{prompt}}"}}))).expect("understood");
        assert_eq!((config.method.as_str(), config.url.as_str()), ("POST", "https://a.example/x"));
        for (id, config, said) in [
            ("http", json!({"body": "x"}), "needs config.url"),
            ("https://a.example", json!({}), "needs config.body"),
            ("https://a.example", json!({"body": "x", "auth": {}}), "config.auth is not supported"),
            ("http", json!({"url": "ftp://a.example", "body": "x"}), "no http or https address"),
            ("https://a.example", json!({"body": "x", "transformResponse": "file://x.js"}), "in a file is not supported"),
        ] {
            assert!(read(&provider(id, config)).expect_err(said).contains(said), "{said}");
        }
    }

    #[test]
    fn a_recording_of_an_address_holds_nothing_that_may_be_a_key() {
        let names = [
            "content-type",
            "x-cost-usd",
            "x-input-tokens",
            "x-auth-token",
            "x-csrf-token",
            "x-amz-security-token",
            "x-trace",
            "set-cookie",
        ];
        let headers: Vec<(String, String)> = names.iter().map(|name| ((*name).to_owned(), "v".to_owned())).collect();
        let kept = |code: &str| harmless(&headers, code).into_iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
        assert_eq!(kept(""), ["content-type", "x-cost-usd", "x-input-tokens"]);
        let code =
            "context.response.headers['X-Trace'] + context.response.headers['x-auth-token'] + context.response.headers['set-cookie']";
        assert_eq!(kept(code), ["content-type", "x-cost-usd", "x-input-tokens", "x-trace"]);
        let asked = |name: &str, value: &str| {
            asking(&[(name.to_owned(), value.to_owned())]).into_iter().map(|(n, v)| (n, v.to_owned())).collect::<Vec<_>>()
        };
        assert_ne!(asked("x-model", "a"), asked("X-Model", "b"));
        assert_eq!(asked("Authorization", "Bearer a"), asked("authorization", "Bearer b"));
        let url = "https://ana:pa@ss@host.example:8080/v1/x?key=4711#y";
        assert_eq!(
            (place(url).as_str(), nobodys(url).as_str()),
            ("https://host.example:8080/v1/x", "https://host.example:8080/v1/x?key=4711#y")
        );
        assert_eq!(place("http://a.example/x@y"), "http://a.example/x@y");
    }

    #[tokio::test]
    async fn an_answer_is_what_the_transform_makes_of_it() {
        let reply = Reply { status: 200, headers: Vec::new(), text: r#"{"a": {"b": "x"}}"#.into(), took_ms: 3 };
        let made = async |code: Option<&str>| {
            let given = json!({"body": "x", "transformResponse": code});
            output(&read(&provider("https://a.example", given)).expect("understood"), &reply, &Scope::new()).await
        };
        assert_eq!(made(None).await.map(|o| o.output), Ok(json!({"a": {"b": "x"}})));
        assert_eq!(made(Some("json.a.b")).await.map(|o| o.output), Ok(json!("x")));
        let whole =
            made(Some("({output: text, tokenUsage: {total: 5}, cost: 0.5, guardrails: {flagged: true}})")).await.expect("an output");
        assert_eq!((whole.tokens.total, whole.cost, &whole.metadata["guardrails"]["flagged"]), (5, Some(0.5), &Value::Bool(true)));
        assert!(made(Some("json.nothing")).await.expect_err("nothing").contains("found nothing"));
        assert!(made(Some("json.no.where")).await.expect_err("throws").contains("transformResponse"));
    }
}

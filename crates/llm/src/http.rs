//! What every HTTP dialect shares: sending, statuses as faults, event streams. No key leaves here but in its header.

use crate::ask::Spent;
use crate::fault::Fault;
use crate::settings::{ConfigError, Endpoint};
use eventsource_stream::{EventStreamError, Eventsource as _};
use futures::{Stream, StreamExt as _};
use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// An error's body is read so far and no further.
const ERROR_BODY: usize = 64 * 1024;
/// An answer's body is read so far and no further: no section comes near it.
const ANSWER_BODY: usize = 16 * 1024 * 1024;

/// How a provider is told who asks.
pub(crate) struct KeyHeader {
    /// As errors name it.
    pub(crate) provider: &'static str,
    pub(crate) header: &'static str,
    /// What stands before the key.
    pub(crate) prefix: &'static str,
}

/// A client that sends the key with every request and follows no redirects, which could carry it elsewhere.
pub(crate) struct Wire {
    client: Client,
    key: Option<SecretString>,
}

impl Wire {
    pub(crate) fn new(how: &KeyHeader, endpoint: &Endpoint, also: &[(&'static str, &'static str)]) -> Result<Self, ConfigError> {
        let mut headers: HeaderMap =
            also.iter().map(|(name, value)| (reqwest::header::HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
        if let Some(key) = &endpoint.key {
            let mut value =
                HeaderValue::from_str(&format!("{}{}", how.prefix, key.expose_secret())).map_err(|_| ConfigError::Key(how.provider))?;
            value.set_sensitive(true);
            headers.insert(how.header, value);
        }
        let client = Client::builder()
            .default_headers(headers)
            .connect_timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ConfigError::Client(error.without_url().to_string()))?;
        Ok(Self { client, key: endpoint.key.clone() })
    }

    /// Sends a request whose prompts have `prompt` characters; anything but success is a fault. From the moment it is sent the
    /// prompt counts as used: a caller who gives up before the answer begins has it to pay for. A refusal costs nothing.
    pub(crate) async fn post(&self, url: &str, body: &Value, prompt: usize, spent: &mut Spent) -> Result<Response, Fault> {
        spent.estimate(prompt, 0);
        let response =
            self.client.post(url).header("x-client-request-id", spent.call.to_string()).json(body).send().await.map_err(network)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        *spent = Spent { call: spent.call, ..Spent::default() };
        let retry_after = retry_after(response.headers(), SystemTime::now());
        let body = limited(response, ERROR_BODY).await.unwrap_or_default();
        Err(self.fault(status.as_u16(), retry_after, &serde_json::from_slice(&body).unwrap_or_default()))
    }

    /// A whole answer as JSON.
    pub(crate) async fn json(&self, response: Response) -> Result<Value, Fault> {
        let body = limited(response, ANSWER_BODY).await?;
        serde_json::from_slice(&body).map_err(|error| Fault::Malformed(error.to_string()))
    }

    /// An error that came inside a stream that began well.
    pub(crate) fn told(&self, event: &Value) -> Option<Fault> {
        let error = event.get("error").filter(|error| !error.is_null())?;
        let status = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok()).unwrap_or(500);
        Some(self.fault(status, None, event))
    }

    /// A status and an error body as what is done next.
    fn fault(&self, status: u16, retry_after: Option<Duration>, body: &Value) -> Fault {
        let retry_after = retry_after.or_else(|| google_delay(body));
        match status {
            401 | 403 => Fault::Unauthorized,
            429 => Fault::RateLimited { retry_after },
            408 | 425 | 500.. => Fault::Unavailable { status, retry_after },
            _ if has_reason(body, "API_KEY_INVALID") => Fault::Unauthorized,
            _ => {
                let message =
                    body.pointer("/error/message").or_else(|| body.pointer("/error")).and_then(Value::as_str).unwrap_or("no reason given");
                Fault::BadRequest { reason: format!("status {status}: {}", self.quoted(message)) }
            }
        }
    }

    /// A provider's message may quote what we sent: a few words of it are enough, and of the key none.
    fn quoted(&self, message: &str) -> String {
        let key = self.key.as_ref().map(SecretString::expose_secret).filter(|key| !key.is_empty());
        let message = key.map_or_else(|| message.to_owned(), |key| message.replace(key, "[key]"));
        message.chars().filter(|c| !c.is_control()).take(160).collect()
    }
}

/// The base address without a slash at its end. One that carries a password or a query, where a key could be, is refused.
pub(crate) fn base(given: Option<&String>, default: &str, name: &'static str) -> Result<String, ConfigError> {
    let url = given.map_or(default, String::as_str).trim_end_matches('/');
    let parsed = reqwest::Url::parse(url).map_err(|_| ConfigError::Url(name))?;
    let bare = parsed.username().is_empty() && parsed.password().is_none() && parsed.query().is_none() && parsed.fragment().is_none();
    if bare && matches!(parsed.scheme(), "http" | "https") { Ok(url.to_owned()) } else { Err(ConfigError::Url(name)) }
}

/// `Retry-After` in either form: seconds, or a date, which counts from the sender's own clock where it tells the time.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let wanted = text(RETRY_AFTER)?;
    seconds(wanted).or_else(|| {
        let now = text(DATE).and_then(date).unwrap_or(now);
        date(wanted).map(|at| at.duration_since(now).unwrap_or_default())
    })
}

fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// Google says when to come back in `error.details[]`: `{"@type": ".../google.rpc.RetryInfo", "retryDelay": "12s"}`.
fn google_delay(body: &Value) -> Option<Duration> {
    let details = body.pointer("/error/details")?.as_array()?;
    details.iter().find_map(|d| d.get("retryDelay")?.as_str()?.strip_suffix('s').and_then(seconds))
}

/// Google answers 400 to a wrong key and tells in `error.details[].reason` that it was the key.
fn has_reason(body: &Value, reason: &str) -> bool {
    let details = body.pointer("/error/details").and_then(Value::as_array);
    details.into_iter().flatten().any(|d| d.get("reason").and_then(Value::as_str) == Some(reason))
}

async fn limited(mut response: Response, most: usize) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(network)? {
        if body.len() + chunk.len() > most {
            return Err(Fault::Malformed("the answer is far too long".into()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn network(error: reqwest::Error) -> Fault {
    if error.is_timeout() {
        return Fault::TimedOut;
    }
    if error.is_body() || error.is_decode() {
        return Fault::Cut;
    }
    let what = if error.is_connect() { "no connection" } else { "the connection failed" };
    tracing::debug!(error = %error.without_url(), "network fault");
    Fault::Network(what.into())
}

/// The events of a `text/event-stream` answer as JSON, until its end; `[DONE]` is `Null`. A connection that breaks is a cut.
pub(crate) fn events(response: Response) -> impl Stream<Item = Result<Value, Fault>> + Send + Unpin {
    let events = response.bytes_stream().eventsource().map(|event| {
        let event = event.map_err(|error| match error {
            EventStreamError::Transport(error) if error.is_timeout() => Fault::TimedOut,
            EventStreamError::Transport(_) => Fault::Cut,
            _ => Fault::Malformed("not an event stream".into()),
        })?;
        if event.data.trim() == "[DONE]" {
            return Ok(Value::Null);
        }
        serde_json::from_str(&event.data).map_err(|error| Fault::Malformed(error.to_string()))
    });
    Box::pin(events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wire() -> Wire {
        drop(rustls::crypto::ring::default_provider().install_default());
        let how = KeyHeader { provider: "gemini", header: "x-goog-api-key", prefix: "" };
        Wire::new(&how, &Endpoint { key: Some("sk-very-secret".into()), url: None }, &[]).expect("a client")
    }

    #[test]
    fn statuses_become_what_is_done_next() {
        let wire = wire();
        let google =
            json!({"error": {"code": 429, "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12s"}]}});
        assert_eq!(wire.fault(429, None, &google), Fault::RateLimited { retry_after: Some(Duration::from_secs(12)) });
        assert_eq!(wire.told(&google), Some(Fault::RateLimited { retry_after: Some(Duration::from_secs(12)) }));
        assert_eq!(
            wire.told(&json!({"error": {"type": "server_error", "code": null}})),
            Some(Fault::Unavailable { status: 500, retry_after: None })
        );
        assert_eq!(wire.told(&json!({"choices": [], "error": null})), None);
        assert_eq!(
            wire.fault(503, seconds("3"), &Value::Null),
            Fault::Unavailable { status: 503, retry_after: Some(Duration::from_secs(3)) }
        );
        assert_eq!(wire.fault(403, None, &Value::Null), Fault::Unauthorized);
        assert_eq!(wire.fault(400, None, &json!({"error": {"details": [{"reason": "API_KEY_INVALID"}]}})), Fault::Unauthorized);
        assert_eq!(seconds("-1"), None);
        assert_eq!(seconds("1e300"), None);
        assert_eq!(seconds("Wed, 21 Oct"), None);
    }

    #[test]
    fn when_to_come_back_is_said_in_seconds_or_as_a_date() {
        let at = |text| httpdate::parse_http_date(text).expect("a date");
        let now = at("Wed, 21 Oct 2026 07:28:00 GMT");
        let wait = |headers: &[(&'static str, &'static str)]| {
            let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
            retry_after(&headers, now)
        };
        assert_eq!(wait(&[("retry-after", " 7 ")]), Some(Duration::from_secs(7)));
        assert_eq!(wait(&[("retry-after", "Wed, 21 Oct 2026 07:28:09 GMT")]), Some(Duration::from_secs(9)));
        assert_eq!(wait(&[("retry-after", "Wednesday, 21-Oct-26 07:29:00 GMT")]), Some(Duration::from_mins(1)));
        assert_eq!(wait(&[("retry-after", "Wed, 21 Oct 2026 07:00:00 GMT")]), Some(Duration::ZERO), "that time has come");
        let ahead = [("date", "Wed, 21 Oct 2026 08:28:00 GMT"), ("retry-after", "Wed, 21 Oct 2026 08:28:05 GMT")];
        assert_eq!(wait(&ahead), Some(Duration::from_secs(5)), "by the clock of who says so");
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn a_message_that_quotes_the_key_is_not_repeated() {
        let fault = wire().fault(400, None, &json!({"error": {"message": "no such model; you sent sk-very-secret"}}));
        assert_eq!(fault, Fault::BadRequest { reason: "status 400: no such model; you sent [key]".into() });
    }

    #[test]
    fn an_address_with_a_secret_in_it_is_refused() {
        for bad in ["https://user:pw@example.com", "https://example.com/v1?key=abc", "ftp://example.com", "example.com"] {
            assert!(base(Some(&bad.to_owned()), "", "OPENAI_BASE_URL").is_err(), "{bad}");
        }
        assert_eq!(base(Some(&"http://127.0.0.1:9/".into()), "", "OPENAI_BASE_URL"), Ok("http://127.0.0.1:9".into()));
    }
}

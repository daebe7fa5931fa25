//! What every HTTP dialect shares: sending, statuses as faults, event streams.

use crate::fault::Fault;
use crate::settings::ConfigError;
use eventsource_stream::Eventsource as _;
use futures::{Stream, StreamExt as _};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::time::Duration;

/// A client that sends `header: prefix + key` with every request and follows no redirects, which could carry the key elsewhere.
pub(crate) fn client(provider: &'static str, header: &'static str, prefix: &str, key: Option<&SecretString>) -> Result<Client, ConfigError> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", key.expose_secret())).map_err(|_| ConfigError::Key(provider))?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Client::builder()
        .default_headers(headers)
        .connect_timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| ConfigError::Client(error.without_url().to_string()))
}

/// The base address without a slash at its end.
pub(crate) fn base(given: Option<&String>, default: &str, name: &'static str) -> Result<String, ConfigError> {
    let url = given.map_or(default, String::as_str).trim_end_matches('/');
    let parsed = reqwest::Url::parse(url).map_err(|_| ConfigError::Url(name))?;
    if matches!(parsed.scheme(), "http" | "https") && parsed.username().is_empty() && parsed.password().is_none() {
        Ok(url.to_owned())
    } else {
        Err(ConfigError::Url(name))
    }
}

/// Sends a request; anything but success is a fault.
pub(crate) async fn send(request: RequestBuilder) -> Result<Response, Fault> {
    let response = request.send().await.map_err(network)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let header = response.headers().get("retry-after").and_then(|v| v.to_str().ok()).and_then(seconds);
    let body = response.text().await.unwrap_or_default();
    Err(refusal(status, header, &body))
}

/// `Retry-After` in seconds; the form with a date is rare and then the backoff decides.
fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse::<f64>().ok().filter(|s| s.is_finite() && *s >= 0.0).map(Duration::from_secs_f64)
}

fn refusal(status: StatusCode, header: Option<Duration>, body: &str) -> Fault {
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let retry_after = header.or_else(|| google_delay(&json));
    match status.as_u16() {
        401 | 403 => Fault::Unauthorized,
        429 => Fault::RateLimited { retry_after },
        status @ (408 | 425 | 500..) => Fault::Unavailable { status, retry_after },
        status => {
            let message = json.pointer("/error/message").or_else(|| json.pointer("/error")).and_then(Value::as_str).unwrap_or("no reason given");
            Fault::BadRequest { reason: format!("status {status}: {}", shorten(message)) }
        }
    }
}

/// Google says when to come back in `error.details[]`: `{"@type": ".../google.rpc.RetryInfo", "retryDelay": "12s"}`.
fn google_delay(body: &Value) -> Option<Duration> {
    let details = body.pointer("/error/details")?.as_array()?;
    details.iter().find_map(|d| d.get("retryDelay")?.as_str()?.strip_suffix('s').and_then(seconds))
}

/// A provider's message may quote what we sent: a few words of it are enough.
fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(160).collect()
}

pub(crate) fn network(error: reqwest::Error) -> Fault {
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

/// The events of a `text/event-stream` answer as JSON, until `[DONE]` or its end. A connection that breaks is a cut.
pub(crate) fn events(response: Response) -> impl Stream<Item = Result<Value, Fault>> + Send + Unpin {
    let events = response.bytes_stream().eventsource().map(|event| {
        let event = event.map_err(|error| match error {
            eventsource_stream::EventStreamError::Transport(error) => match network(error) {
                Fault::TimedOut => Fault::TimedOut,
                _ => Fault::Cut,
            },
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

    #[test]
    fn statuses_become_what_is_done_next() {
        let google = r#"{"error":{"code":429,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"12s"}]}}"#;
        assert_eq!(refusal(StatusCode::TOO_MANY_REQUESTS, None, google), Fault::RateLimited { retry_after: Some(Duration::from_secs(12)) });
        assert_eq!(refusal(StatusCode::SERVICE_UNAVAILABLE, seconds("3"), ""), Fault::Unavailable { status: 503, retry_after: Some(Duration::from_secs(3)) });
        assert_eq!(refusal(StatusCode::FORBIDDEN, None, ""), Fault::Unauthorized);
        assert_eq!(refusal(StatusCode::BAD_REQUEST, None, r#"{"error":{"message":"no such model"}}"#), Fault::BadRequest { reason: "status 400: no such model".into() });
        assert_eq!(seconds("-1"), None);
        assert_eq!(seconds("Wed, 21 Oct"), None);
    }

    #[test]
    fn an_address_with_a_password_in_it_is_refused() {
        assert!(base(Some(&"https://user:pw@example.com".into()), "", "OPENAI_BASE_URL").is_err());
        assert!(base(Some(&"ftp://example.com".into()), "", "OPENAI_BASE_URL").is_err());
        assert_eq!(base(Some(&"http://127.0.0.1:9/".into()), "", "OPENAI_BASE_URL"), Ok("http://127.0.0.1:9".into()));
    }
}

//! Other people's addresses that an eval asks: a request as its config says it, the answer as it came. Follows no redirects, which could
//! carry a key elsewhere; waits as an overloaded address asks; reads no answer without end.

use crate::error::ConfigError;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Url};
use std::time::{Duration, Instant};

/// No answer that is worth judging comes near it.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;
/// Tries of an address that is overloaded, the first included.
const TRIES: usize = 4;
/// An address that asks for more time than this is given up.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, ...
    pub method: String,
    /// An http or https address.
    pub url: String,
    /// By name; they may hold secrets and are repeated nowhere.
    pub headers: Vec<(String, String)>,
    /// The body, as it is.
    pub body: Option<String>,
    /// How long the whole call may take.
    pub patience: Duration,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// By name in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub text: String,
    /// Milliseconds of the call that was answered.
    pub took_ms: u64,
}

/// Why nothing came back. Never has a header, a body or the query of an address in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The request cannot be sent as it is.
    #[error("{0}")]
    Request(String),
    /// Nobody is there.
    #[error("{0} cannot be reached (no connection); check the address and whether it is running")]
    NoConnection(String),
    /// It took too long.
    #[error("{place} did not answer within {} s", .patience.as_secs_f32())]
    TimedOut {
        /// Scheme, host and port.
        place: String,
        /// How long it was waited for.
        patience: Duration,
    },
    /// The answer broke off.
    #[error("{0} broke off in the middle of its answer")]
    Broken(String),
    /// The answer is far too long.
    #[error("{0} answered more than 16 MiB")]
    TooLong(String),
}

/// Whoever asks.
#[derive(Debug, Clone)]
pub struct Addresses(Client);

impl Addresses {
    /// The process has chosen its TLS provider before.
    pub fn new() -> Result<Self, ConfigError> {
        Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("ecommerce-planner/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(Self)
            .map_err(|error| ConfigError::Client(error.without_url().to_string()))
    }

    /// The answer, whatever its status; an address that answers 429, or 503 with `Retry-After`, is asked again.
    pub async fn send(&self, request: &Request) -> Result<Reply, Unanswered> {
        let mut wait = Duration::from_millis(500);
        for _ in 1..TRIES {
            let reply = self.once(request).await?;
            let told = reply.headers.iter().find(|(name, _)| name == RETRY_AFTER.as_str()).and_then(|(_, value)| seconds(value));
            let again = reply.status == 429 || (reply.status == 503 && told.is_some());
            let pause = told.unwrap_or(wait);
            if !again || pause > LONGEST_WAIT {
                return Ok(reply);
            }
            tokio::time::sleep(pause).await;
            wait *= 2;
        }
        self.once(request).await
    }

    async fn once(&self, request: &Request) -> Result<Reply, Unanswered> {
        let url = address(&request.url)?;
        let place = place(&url);
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| Unanswered::Request(format!("\"{}\" is no HTTP method", request.method)))?;
        let mut call = self.0.request(method, url).headers(headers(&request.headers)?).timeout(request.patience);
        if let Some(body) = &request.body {
            call = call.body(body.clone());
        }
        let began = Instant::now();
        let failed = |error: reqwest::Error| match error {
            _ if error.is_timeout() => Unanswered::TimedOut { place: place.clone(), patience: request.patience },
            _ if error.is_connect() => Unanswered::NoConnection(place.clone()),
            _ => Unanswered::Broken(place.clone()),
        };
        let mut response = call.send().await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(Unanswered::TooLong(place));
            }
            body.extend_from_slice(&chunk);
        }
        let named =
            response.headers().iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        Ok(Reply {
            status: response.status().as_u16(),
            headers: named.collect(),
            text: String::from_utf8_lossy(&body).into_owned(),
            took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// An http or https address.
pub fn address(text: &str) -> Result<Url, Unanswered> {
    let wrong = || Unanswered::Request(format!("\"{}\" is no http or https address", text.split(['?', '#']).next().unwrap_or_default()));
    Url::parse(text).ok().filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https")).ok_or_else(wrong)
}

fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn headers(given: &[(String, String)]) -> Result<HeaderMap, Unanswered> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let wrong = |what: &str| Unanswered::Request(format!("the header \"{name}\" has {what} that cannot be sent"));
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong("a value"))?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("a name"))?, value);
    }
    Ok(headers)
}

fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_sent_is_said_without_what_could_be_secret() {
        assert!(address("https://a.example/x?key=abc").is_ok());
        for bad in ["ftp://a.example", "a.example/x?key=abc", "http://"] {
            let error = address(bad).expect_err(bad).to_string();
            assert!(!error.contains("abc"), "{error}");
        }
        let error = headers(&[("x-key".into(), "secret\n4711".into())]).expect_err("a line end").to_string();
        assert!(error.contains("x-key") && !error.contains("4711"), "{error}");
    }
}

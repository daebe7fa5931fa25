//! One HTTP client for every service: no redirects, which could carry a secret elsewhere, a time-out, and answers of bounded length.

use crate::error::ConfigError;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, http};
use reqwest::{Client, RequestBuilder, Url};
use std::pin::Pin;
use std::time::Duration;

/// No answer of an identity provider comes near it.
const LONGEST_ANSWER: usize = 512 * 1024;

/// Why there is no answer. Whatever it is, it may be over in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Away {
    #[error("took too long to answer")]
    TimedOut,
    #[error("could not be reached")]
    NoConnection,
    #[error("broke off")]
    Broken,
    #[error("answered with status {0}")]
    Status(u16),
    #[error("answered something that cannot be read")]
    Unreadable,
}

/// A client that follows no redirects. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Http(Client);

impl Http {
    /// A client that gives up on a whole call after `patience`. The process has chosen its TLS provider before.
    pub(crate) fn new(patience: Duration) -> Result<Self, ConfigError> {
        Client::builder()
            .timeout(patience)
            .connect_timeout(patience.min(Duration::from_secs(5)))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("ecommerce-planner/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(Self)
            .map_err(|error| ConfigError::Client(error.without_url().to_string()))
    }

    pub(crate) fn get(&self, url: &str) -> RequestBuilder {
        self.0.get(url)
    }

    pub(crate) fn post(&self, url: &str) -> RequestBuilder {
        self.0.post(url)
    }

    /// The status and the body of an answer; a server that is overloaded or broken is away.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<(u16, Vec<u8>), Away> {
        let response = self.execute(request.build().map_err(|_| Away::Unreadable)?).await?;
        Ok((response.status().as_u16(), response.into_body()))
    }

    async fn execute(&self, request: reqwest::Request) -> Result<HttpResponse, Away> {
        let mut response = self.0.execute(request).await.map_err(away)?;
        let status = response.status();
        if status.is_server_error() || status.as_u16() == 429 {
            return Err(Away::Status(status.as_u16()));
        }
        let mut answer = http::Response::builder().status(status);
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(away)? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(Away::Unreadable);
            }
            body.extend_from_slice(&chunk);
        }
        answer.body(body).map_err(|_| Away::Unreadable)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Away;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Away>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let request = reqwest::Request::try_from(request).map_err(|_| Away::Unreadable)?;
            self.execute(request).await
        })
    }
}

// An address can have a code in it, so what the client says is not passed on.
#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn away(error: reqwest::Error) -> Away {
    match error {
        _ if error.is_timeout() => Away::TimedOut,
        _ if error.is_connect() => Away::NoConnection,
        _ => Away::Broken,
    }
}

/// An address, as it was written. One that carries a password, a query or a fragment, where a secret could be, is refused.
pub(crate) fn address(setting: &'static str, text: &str) -> Result<Url, ConfigError> {
    let wrong = || ConfigError::setting(setting, "is not an http or https address without password, query and fragment");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if bare && url.has_host() && matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(wrong()) }
}

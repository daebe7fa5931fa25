//! The only map from errors to status codes, with two faces: a page for people, problem+json (RFC 9457) for programs.

use crate::limits;
use crate::shell::Shell;
use askama::Template as _;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::{Extension, Json};
use domain::faults::Fault;
use domain::quotas::Quota;
use serde::Serialize;
use std::any::Any;
use utoipa::ToSchema;
use uuid::Uuid;

/// What is said about a request that could not be answered.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    /// A sentence for a person.
    detail: String,
    errors: Vec<Fault>,
    /// What it does not go with.
    conflicts_with: Option<Uuid>,
    retry_after: Option<u64>,
    /// Where somebody stands who has used up what their tier gives.
    quota: Option<Quota>,
}

/// Why a request could not be answered, as RFC 9457 writes it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub(crate) struct Written<'a> {
    /// `about:blank`: the status says it all.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// A sentence for a person: what is wrong and what to do.
    detail: &'a str,
    /// The detail again, where Supabase clients look for it.
    error: &'a str,
    /// Each fault of what was sent, by field.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<FaultShape>, required = false)]
    errors: &'a [Fault],
    /// The id of what it does not go with: the run that is going on.
    #[serde(skip_serializing_if = "Option::is_none")]
    conflicts_with: Option<Uuid>,
}

/// One thing that is wrong with what was sent.
#[derive(ToSchema)]
#[schema(as = Fault)]
#[expect(dead_code, reason = "the shape of `domain::faults::Fault`, which knows no HTTP")]
pub(crate) struct FaultShape {
    /// The field it is about.
    field: String,
    /// What is wrong with it and what to do.
    message: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), errors: Vec::new(), conflicts_with: None, retry_after: None, quota: None }
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// Seconds after which trying again makes sense.
    pub(crate) const fn retry(&self) -> Option<u64> {
        self.retry_after
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(quota) = &self.quota {
            limits::write_quota(quota, self.retry_after.unwrap_or_default(), &mut headers);
        }
        headers
    }
}

impl From<app::Error> for Problem {
    fn from(error: app::Error) -> Self {
        match error {
            app::Error::NotFound(what) => Self::new(StatusCode::NOT_FOUND, format!("{what} was not found; check the address")),
            app::Error::Invalid(faults) => {
                let detail = faults.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                Self { errors: faults.0, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
            }
            app::Error::NotSignedIn(why) => Self::new(StatusCode::UNAUTHORIZED, why),
            app::Error::TokenRefused(why) => Self::new(StatusCode::UNAUTHORIZED, why),
            app::Error::Forbidden(why) => Self::new(StatusCode::FORBIDDEN, why),
            app::Error::SecondFactor => Self::new(StatusCode::FORBIDDEN, error.to_string()),
            app::Error::TooMuch { reason, retry_after, quota, .. } => {
                Self { quota, ..Self::new(StatusCode::TOO_MANY_REQUESTS, reason).retry_after(retry_after.as_secs()) }
            }
            app::Error::Conflict { reason, id } => Self { conflicts_with: id, ..Self::new(StatusCode::CONFLICT, reason) },
            app::Error::NoModel { reason, retry_after } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, reason).retry_after(retry_after.as_secs())
            }
            app::Error::Stopping => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "the server is restarting; try again in a moment").retry_after(5)
            }
            app::Error::Busy(reason) => {
                tracing::warn!(error = ?reason, "store unavailable");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}; nothing was changed")).retry_after(5)
            }
            other => Self::internal(&other),
        }
    }
}

impl Problem {
    /// A defect of ours: the person sees a number, the log has the rest.
    fn internal(error: &dyn std::fmt::Debug) -> Self {
        let id = Uuid::new_v4();
        tracing::error!(%id, ?error, "internal error");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("something went wrong on our side. Report it as {id}"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let written = Written {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Problem"),
            status: self.status.as_u16(),
            detail: &self.detail,
            error: &self.detail,
            errors: &self.errors,
            conflicts_with: self.conflicts_with,
        };
        let mut response = (self.status, self.headers(), Json(written)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// The same for people.
#[derive(Debug)]
pub(crate) struct PageError(pub(crate) Problem);

impl<E: Into<Problem>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// What an answer that is an error page says, for who has something better to show with it.
#[derive(Debug, Clone)]
pub(crate) struct Said(pub(crate) String);

/// A page, or a page that says why not.
pub(crate) type PageResult<T> = Result<T, PageError>;

#[derive(askama::Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage {
    pub(crate) shell: Shell,
    /// Where to go on: an address and what stands on it.
    pub(crate) next: Option<(String, &'static str)>,
    pub(crate) title: String,
    pub(crate) detail: String,
    pub(crate) faults: Vec<Fault>,
    /// Seconds after which the page looks again by itself.
    pub(crate) again: Option<u64>,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let title = match problem.status.as_u16() {
            401 => "Sign in first",
            404 => "This page is not here",
            422 => "Something in the form needs another look",
            429 => "That was a lot at once",
            503 => "Not available right now",
            _ => "That did not work",
        };
        // What is away comes back by itself, and so does the page; a limit is for the visitor to wait for.
        let again = problem.retry_after.filter(|_| problem.status == 503);
        let next = match problem.status.as_u16() {
            401 => Some(("/sign-in".to_owned(), "Sign in")),
            _ => None,
        };
        let page = ErrorPage {
            shell: Shell::nobody(),
            next,
            title: title.into(),
            detail: problem.detail.clone(),
            faults: problem.errors.clone(),
            again,
        };
        match page.render() {
            Ok(html) => (problem.status, problem.headers(), Extension(Said(problem.detail)), Html(html)).into_response(),
            Err(error) => Problem::internal(&error).into_response(),
        }
    }
}

fn wants_page(uri: &Uri, headers: &HeaderMap) -> bool {
    let api = uri.path().starts_with("/functions/") || uri.path().starts_with("/api/");
    !api && headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

/// A problem with the face that the asker wants.
pub(crate) fn answer(problem: Problem, uri: &Uri, headers: &HeaderMap) -> Response {
    if wants_page(uri, headers) { PageError(problem).into_response() } else { problem.into_response() }
}

pub(crate) async fn not_found(uri: Uri, headers: HeaderMap) -> Response {
    answer(not_found_problem(), &uri, &headers)
}

pub(crate) fn not_found_problem() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing at this address")
}

pub(crate) async fn wrong_method(uri: Uri, headers: HeaderMap) -> Response {
    answer(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not take that method"), &uri, &headers)
}

pub(crate) fn panicked(payload: Box<dyn Any + Send + 'static>) -> Response {
    let text = payload.downcast::<String>().map(|text| *text).or_else(|payload| payload.downcast::<&str>().map(|text| (*text).to_owned()));
    Problem::internal(&format!("panic: {}", text.unwrap_or_default())).into_response()
}

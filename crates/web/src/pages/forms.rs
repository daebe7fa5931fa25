//! What forms have in common: what was wrong with one is said beside its fields, and what stands behind a question mark is read.

use crate::error::{PageError, Problem};
use crate::views::sentence;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use domain::faults::Fault;
use std::convert::Infallible;

/// What was wrong with a form that came in.
#[derive(Debug, Default)]
pub(crate) struct Wrong {
    form: &'static str,
    status: StatusCode,
    faults: Vec<Fault>,
    /// What is not about one of its fields.
    whole: Option<String>,
    retry_after: Option<u64>,
}

impl Wrong {
    /// What can be said on the form itself. What cannot is a page of its own.
    pub(crate) fn with(form: &'static str, error: app::Error) -> Result<Self, PageError> {
        let whole = |status, reason: String| Self { form, status, whole: Some(sentence(&reason)), ..Self::default() };
        Ok(match error {
            app::Error::Invalid(faults) => Self { form, status: StatusCode::UNPROCESSABLE_ENTITY, faults: faults.0, ..Self::default() },
            app::Error::NotSignedIn(why) => whole(StatusCode::UNPROCESSABLE_ENTITY, why.to_owned()),
            app::Error::Forbidden(why) => whole(StatusCode::FORBIDDEN, why),
            app::Error::Conflict { reason, .. } => whole(StatusCode::CONFLICT, reason),
            app::Error::TooMuch { reason, retry_after, .. } => {
                Self { retry_after: Some(retry_after.as_secs().max(1)), ..whole(StatusCode::TOO_MANY_REQUESTS, reason) }
            }
            other => return Self::ours(form, other.into()),
        })
    }

    /// What failed on our side is said on the form too: what was typed is not to be typed again because a database was busy. What is not
    /// there is a page of its own.
    fn ours(form: &'static str, problem: Problem) -> Result<Self, PageError> {
        if !problem.status().is_server_error() {
            return Err(PageError(problem));
        }
        let (status, retry_after) = (problem.status(), problem.retry());
        Ok(Self { form, status, retry_after, whole: Some(sentence(problem.detail())), ..Self::default() })
    }

    /// Whether it was this form.
    pub(crate) fn is(&self, form: &str) -> bool {
        self.form == form
    }

    /// Everything that was wrong, for a page so long that the form may be out of sight.
    pub(crate) fn all(&self) -> Option<String> {
        let parts =
            self.whole.iter().cloned().chain(self.faults.iter().map(|fault| sentence(&format!("{} {}", fault.field, fault.message))));
        let parts: Vec<String> = parts.collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// What is wrong with this form as a whole.
    pub(crate) fn whole(&self, form: &str) -> Option<&str> {
        self.whole.as_deref().filter(|_| self.is(form))
    }

    /// What is wrong with one of its fields, in sentences that begin with what people call it.
    pub(crate) fn at(&self, form: &str, field: &str, called: &str) -> Option<String> {
        let said = self.faults.iter().filter(|fault| self.is(form) && fault.field == field);
        let said: Vec<String> = said.map(|fault| sentence(&format!("{called} {}", fault.message))).collect();
        (!said.is_empty()).then(|| said.join(" "))
    }

    /// The same as it was said, for forms that have words of their own around it.
    pub(crate) fn messages(&self, form: &str, field: &str) -> Vec<&str> {
        self.faults.iter().filter(|fault| self.is(form) && fault.field == field).map(|fault| fault.message.as_str()).collect()
    }

    /// The page with the form, as an answer.
    pub(crate) fn answer(&self, page: Html<String>) -> Response {
        let mut response = (self.status, page).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What stands behind the question mark of an address. What cannot be read was not asked.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// The value of a name; empty if it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.trim())
    }

    /// The same as an id.
    pub(crate) fn id<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name).parse().ok()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(serde_html_form::from_str(parts.uri.query().unwrap_or_default()).unwrap_or_default()))
    }
}

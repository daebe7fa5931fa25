//! What a handler reads from a request. What cannot be read is answered like every other error, as a page or as problem+json, and
//! says what was wrong; the framework's own extractors would answer in plain text.

use crate::Shared;
use crate::error::{Problem, answer};
use crate::fields::{Fields, Read};
use crate::visitors;
use app::RequestKey;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum_extra::extract::CookieJar;
use domain::faults::Fault;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::error::Error;

/// Largest body, in bytes: an idea and every earlier section fit many times.
pub(crate) const LARGEST: usize = 256 * 1024;

/// What a route takes instead of [`LARGEST`], in bytes: an extension of its requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Takes(pub(crate) usize);

/// The header under whose value a request may be sent again without doing its work twice.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The fields of a form.
#[derive(Debug)]
pub(crate) struct Form<T>(pub(crate) T);

/// A form that is only a button.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// The variable parts of an address.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

/// What a JSON body asks for, and the key under which it may be asked again. No body is one without fields.
#[derive(Debug)]
pub(crate) struct Asked<T> {
    pub(crate) what: T,
    pub(crate) key: Option<RequestKey>,
}

impl<S: Send + Sync, T: Read> FromRequest<S> for Asked<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (uri, headers) = (request.uri().clone(), request.headers().clone());
        let same = format!("{} {}", request.method(), uri.path());
        let largest = request.extensions().get::<Takes>().map_or(LARGEST, |takes| takes.0);
        let body = Bytes::from_request(request, state).await;
        asked(&headers, &same, body, largest).map_err(|problem| answer(problem, &uri, &headers))
    }
}

fn asked<T: Read>(headers: &HeaderMap, same: &str, body: Result<Bytes, BytesRejection>, largest: usize) -> Result<Asked<T>, Problem> {
    let body = body.map_err(|refused| match refused.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(refused.status(), format!("the body is larger than {} KiB", largest / 1024)),
        _ => Problem::new(StatusCode::BAD_REQUEST, "the body could not be read to its end"),
    })?;
    let fields = Fields::from(object(headers, &body)?);
    let key = headers.get(IDEMPOTENCY_KEY).map(|key| {
        let unreadable = || Fault::new("Idempotency-Key", "must have 1 to 200 printable ASCII characters without spaces").into();
        key.to_str().map_err(|_| unreadable()).and_then(|key| RequestKey::read(key, same, &body))
    });
    let key = key.transpose().map_err(app::Error::Invalid)?;
    let what = T::read(fields).map_err(app::Error::Invalid)?;
    Ok(Asked { what, key })
}

fn object(headers: &HeaderMap, body: &Bytes) -> Result<Map<String, Value>, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or_default());
    if kind.is_none() && body.is_empty() {
        return Ok(Map::new());
    }
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the body as content-type: application/json"));
    }
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "the body must be a JSON object such as {\"productIdea\": \"...\", \"brandVoice\": \"...\"}",
        )),
        Err(error) => Err(Problem::new(StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}"))),
    }
}

/// A form has to carry the token that its page was made with: another site can have a browser send a form, but not know that.
impl<S, T> FromRequest<S> for Form<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
    Shared: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (uri, headers) = (request.uri().clone(), request.headers().clone());
        let jar = CookieJar::from_headers(&headers);
        let body = axum::extract::RawForm::from_request(request, state).await.map_err(|refused| raw_problem(refused.status()));
        let read = body.and_then(|axum::extract::RawForm(body)| form(&Shared::from_ref(state), &jar, &body));
        read.map(Self).map_err(|problem| answer(problem, &uri, &headers))
    }
}

fn form<T: DeserializeOwned>(shared: &Shared, jar: &CookieJar, body: &[u8]) -> Result<T, Problem> {
    let unreadable = |why: String| Problem::new(StatusCode::BAD_REQUEST, format!("the form cannot be read: {why}"));
    let mut fields: Vec<(String, String)> = serde_html_form::from_bytes(body).map_err(|fault| unreadable(fault.to_string()))?;
    let token = fields.iter().position(|(name, _)| name == "csrf").map(|at| fields.remove(at).1);
    if !token.is_some_and(|token| visitors::is_form_token(&shared.app, jar, &token)) {
        tracing::info!("a form was refused that was not made for who sent it");
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "this form is too old, or was made for somebody else; open the page again and send it from there",
        ));
    }
    let rest = serde_html_form::to_string(&fields).map_err(|fault| unreadable(fault.to_string()))?;
    serde_html_form::from_str(&rest).map_err(|fault| {
        let twice = fields.iter().enumerate().find(|(at, (name, _))| fields[..*at].iter().any(|(before, _)| before == name));
        let why = twice.map_or_else(|| fault.to_string(), |(_, (name, _))| format!("duplicate field `{name}`"));
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("the form cannot be used: {why}"))
    })
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(path)| Self(path)).map_err(|refused| answer(path_problem(&refused), &parts.uri, &parts.headers))
    }
}

fn raw_problem(status: StatusCode) -> Problem {
    let detail = match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "send the form as content-type: application/x-www-form-urlencoded",
        StatusCode::PAYLOAD_TOO_LARGE => "the form is larger than any plan needs; shorten what it says",
        _ => "the form could not be read to its end",
    };
    Problem::new(status, detail)
}

fn path_problem(refused: &PathRejection) -> Problem {
    Problem::new(refused.status(), format!("the address cannot be read: {}", cause(refused)))
}

/// The innermost reason; those around it only say that something failed.
fn cause(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

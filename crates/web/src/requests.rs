//! What a handler reads from a request. What cannot be read is answered like every other error, as a page or as problem+json, and
//! says what was wrong; the framework's own extractors would answer in plain text.

use crate::error::{Problem, answer};
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;
use std::error::Error;

/// The fields of a form.
#[derive(Debug)]
pub(crate) struct Form<T>(pub(crate) T);

/// The variable parts of an address.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (uri, headers) = (request.uri().clone(), request.headers().clone());
        let read = axum::extract::Form::from_request(request, state).await;
        read.map(|axum::extract::Form(fields)| Self(fields)).map_err(|refused| answer(form_problem(&refused), &uri, &headers))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(path)| Self(path)).map_err(|refused| answer(path_problem(&refused), &parts.uri, &parts.headers))
    }
}

fn form_problem(refused: &FormRejection) -> Problem {
    let status = refused.status();
    let detail = match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "send the form as content-type: application/x-www-form-urlencoded".to_owned(),
        StatusCode::PAYLOAD_TOO_LARGE => "the form is larger than any plan needs; shorten what it says".to_owned(),
        _ => format!("the form cannot be read: {}", cause(refused)),
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

//! What somebody has typed into a form of the team's pages outlives an answer that is an error page: it is shown again, to be sent again or
//! copied. These pages are kept by no browser, so going back would not bring it back.

use super::proposals::LARGEST;
use crate::error::{PageError, Problem, Said};
use crate::pages::render;
use crate::shell::Shell;
use crate::views::sentence;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Fewer characters than this are soon typed again.
const WORTH: usize = 20;

#[derive(askama::Template)]
#[template(path = "staff/typed.html")]
struct TypedPage {
    shell: Shell,
    detail: String,
    /// Where it is sent again; none where that would be refused again.
    action: Option<String>,
    hidden: Vec<(String, String)>,
    fields: Vec<(String, String)>,
}

/// Shows again what was typed, where the answer is a page about an error.
pub(super) async fn keep(request: Request, next: Next) -> Response {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if request.method() != Method::POST || !kind.starts_with("application/x-www-form-urlencoded") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let action = parts.uri.path().to_owned();
    let Ok(bytes) = to_bytes(body, LARGEST).await else {
        let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the form is larger than {} MiB", LARGEST / 1024 / 1024));
        return PageError(problem).into_response();
    };
    let response = next.run(Request::from_parts(parts, Body::from(bytes.clone()))).await;
    let Some(Said(detail)) = response.extensions().get() else { return response };
    let all: Vec<(String, String)> = serde_html_form::from_bytes(&bytes).unwrap_or_default();
    let (fields, hidden): (Vec<_>, Vec<_>) = all.into_iter().partition(|(name, value)| is_text(name, value));
    if fields.iter().map(|(_, value)| value.chars().count()).sum::<usize>() < WORTH {
        return response;
    }
    let status = response.status();
    let action = status.is_server_error().then_some(action);
    match render(&TypedPage { shell: Shell::nobody(), detail: sentence(detail), action, hidden, fields }) {
        Ok(page) => (status, page).into_response(),
        Err(_) => response,
    }
}

/// Whether it is something a person wrote, other than a choice or a mark.
fn is_text(name: &str, value: &str) -> bool {
    name != "csrf" && name != "parts" && value.chars().any(|c| c.is_whitespace() || c == '"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_wrote_is_told_from_choices() {
        assert!(is_text("why", "It names no dates."));
        for (name, value) in [("csrf", "a b"), ("parts", "1 2"), ("revision", "3"), ("section", "swot"), ("why", "")] {
            assert!(!is_text(name, value), "{name}");
        }
    }
}

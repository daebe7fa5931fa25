//! Who may open a page: somebody signed in, or somebody of the team. A page without one of these is for everybody.

use crate::error::{PageError, Problem};
use crate::pages::render;
use crate::shell::Shell;
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::App;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use domain::roles::Right;

/// Somebody with an account. Anybody else is asked to sign in, and comes back to where they wanted to go.
pub(crate) struct Member(pub(crate) Visitor);

/// Somebody of the team who may use what their role gives. For anybody else its pages are not there. What the role does not give is
/// for the use cases to refuse.
pub(crate) struct Staff(pub(crate) Visitor);

#[derive(askama::Template)]
#[template(path = "staff/second_step.html")]
struct SecondStepWanted {
    shell: Shell,
    has_one: bool,
}

impl<S> FromRequestParts<S> for Member
where
    S: Send + Sync,
    Shared: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, state).await?;
        if visitor.caller.account().is_some() {
            return Ok(Self(visitor));
        }
        Err(Redirect::to(&paths::sign_in_then(&wanted(&parts.method, &parts.uri))).into_response())
    }
}

/// The page somebody wanted; of a form, the room it stands in: what only takes forms cannot be opened.
fn wanted(method: &Method, uri: &Uri) -> String {
    if *method == Method::GET {
        return uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string);
    }
    let room = uri.path().split('/').nth(1).unwrap_or_default();
    format!("/{room}")
}

impl<S> FromRequestParts<S> for Staff
where
    S: Send + Sync,
    Shared: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Member(visitor) = Member::from_request_parts(parts, state).await?;
        let app = Shared::from_ref(state).app;
        match any_right(&app, &visitor) {
            Ok(()) => Ok(Self(visitor)),
            Err(app::Error::SecondFactor) => Err(second_step(&app, &visitor)),
            Err(error) => Err(PageError::from(error).into_response()),
        }
    }
}

/// Whether there is a right they may use now; else why not.
fn any_right(app: &App, visitor: &Visitor) -> app::Result<()> {
    let mut refused = Err(app::Error::NotFound("this page"));
    for right in Right::ALL {
        match visitor.caller.may(app, right) {
            Ok(()) => return Ok(()),
            // Another right will not change that.
            Err(app::Error::SecondFactor) => return Err(app::Error::SecondFactor),
            Err(error) => refused = Err(error),
        }
    }
    refused
}

fn second_step(app: &App, visitor: &Visitor) -> Response {
    let has_one = visitor.caller.account().is_some_and(|account| account.has_second_factor);
    match render(&SecondStepWanted { shell: Shell::of(app, visitor), has_one }) {
        Ok(page) => (StatusCode::FORBIDDEN, page).into_response(),
        Err(error) => error.into_response(),
    }
}

/// The id in an address; what is none is nobody's.
pub(crate) fn id<T: std::str::FromStr>(text: &str, what: &'static str) -> Result<T, Problem> {
    text.parse().map_err(|_| app::Error::NotFound(what).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_to_sign_in_comes_back_to_a_page() {
        let at = |method: Method, uri: &'static str| wanted(&method, &Uri::from_static(uri));
        assert_eq!(at(Method::GET, "/staff/members?search=ana"), "/staff/members?search=ana");
        assert_eq!(at(Method::POST, "/account/tokens/7/revoke"), "/account");
        assert_eq!(at(Method::POST, "/staff/alerts/7/acknowledge"), "/staff");
    }
}

//! The pages: each file has its page types, handlers and routes.

mod account;
mod examples;
mod forms;
mod landing;
mod links;
mod members;
mod models;
mod outside;
mod sign_in;
mod sign_up;
mod staff;
mod ventures;

use crate::Shared;
use crate::error::{PageError, Problem};
use crate::guards;
use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, Response};

pub(crate) fn routes() -> Router<Shared> {
    // What is somebody's own, and what lets them in.
    let own = Router::new()
        .merge(ventures::routes())
        .merge(sign_in::routes())
        .merge(sign_up::routes())
        .merge(links::routes())
        .merge(outside::routes())
        .merge(account::routes())
        .merge(staff::routes())
        .layer(axum::middleware::map_response(guards::unkept));
    let everybodys = landing::routes().merge(examples::routes()).merge(models::routes());
    own.merge(everybodys.layer(axum::middleware::from_fn(unkept_if_known)))
}

/// A page that is everybody's still has the name of whoever is signed in at its head.
async fn unkept_if_known(request: Request, next: Next) -> Response {
    let known = request.headers().get(header::COOKIE).is_some_and(|cookies| !cookies.is_empty());
    let response = next.run(request).await;
    if known { guards::unkept(response).await } else { response }
}

/// Renders a page; a page that cannot be rendered is a defect of ours.
fn render(page: &impl askama::Template) -> Result<Html<String>, PageError> {
    page.render().map(Html).map_err(|error| {
        tracing::error!(%error, "page could not be rendered");
        PageError(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this page could not be drawn; try again in a moment"))
    })
}

//! The pages: each file has its page types, handlers and routes.

mod examples;
mod landing;
mod models;
mod ventures;

use crate::Shared;
use crate::error::{PageError, Problem};
use axum::Router;
use axum::http::StatusCode;
use axum::response::Html;

pub(crate) fn routes() -> Router<Shared> {
    Router::new().merge(landing::routes()).merge(ventures::routes()).merge(examples::routes()).merge(models::routes())
}

/// Renders a page; a page that cannot be rendered is a defect of ours.
fn render(page: &impl askama::Template) -> Result<Html<String>, PageError> {
    page.render().map(Html).map_err(|error| {
        tracing::error!(%error, "page could not be rendered");
        PageError(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this page could not be drawn; nothing was lost"))
    })
}

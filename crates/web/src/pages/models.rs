//! How plans are written, by which model, and how to connect a stronger one.

use crate::Shared;
use crate::error::PageResult;
use crate::pages::render;
use app::App;
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use prompts::ModelClass;

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/models", get(models))
}

#[derive(askama::Template)]
#[template(path = "models.html")]
struct Models {
    fast: Vec<String>,
    reasoning: Vec<String>,
    drafts_only: bool,
}

async fn models(State(app): State<App>) -> PageResult<Html<String>> {
    render(&Models { fast: app.models(ModelClass::Fast), reasoning: app.models(ModelClass::Reasoning), drafts_only: app.drafts_only() })
}

//! How plans are written, by which model, and how to connect a stronger one.

use crate::Shared;
use crate::error::PageResult;
use crate::pages::render;
use crate::shell::Shell;
use crate::visitors::Visitor;
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
    shell: Shell,
    fast: Vec<String>,
    reasoning: Vec<String>,
    drafts_only: bool,
}

async fn models(State(app): State<App>, visitor: Visitor) -> PageResult<Html<String>> {
    let shell = Shell::of(&app, &visitor);
    let (fast, reasoning) = (app.models(ModelClass::Fast), app.models(ModelClass::Reasoning));
    render(&Models { shell, fast, reasoning, drafts_only: app.drafts_only() })
}

//! Whether the process lives, and whether it can work.

use crate::Shared;
use crate::error::Problem;
use app::App;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use prompts::ModelClass;
use serde_json::{Value, json};

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(ready))
}

async fn ready(State(app): State<App>) -> Result<Json<Value>, Problem> {
    app.ready().await.map_err(|reason| Problem::new(StatusCode::SERVICE_UNAVAILABLE, reason).retry_after(5))?;
    let models = json!({"fast": app.models(ModelClass::Fast), "reasoning": app.models(ModelClass::Reasoning)});
    Ok(Json(json!({
        "status": "ready",
        "release": app.release().version.to_string(),
        "models": models,
        "shared": app.shared(),
        "warnings": app.warnings(),
    })))
}

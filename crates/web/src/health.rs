//! Whether the process lives, and whether it can work.

use crate::Shared;
use crate::error::{self, Problem};
use crate::visitors::Visitor;
use app::{App, jobs};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use prompts::ModelClass;
use serde_json::{Value, json};

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(ready)).route("/statusz", get(status))
}

/// How this process does, for whoever is on this machine: the queue, the cache, and how long queries take. Nobody else learns that it
/// is there.
async fn status(State(app): State<App>, visitor: Visitor, uri: Uri, headers: HeaderMap) -> Result<Json<Value>, Response> {
    if !visitor.address.is_loopback() || headers.contains_key("x-forwarded-for") {
        return Err(error::not_found(uri, headers).await);
    }
    let queue = jobs::state(&app).await.map_err(|fault| Problem::from(fault).into_response())?;
    let cache = app.cache_stats().await;
    let queries = app.query_times().into_iter().map(|times| {
        json!({"name": times.name, "count": times.count, "failed": times.failed, "slow": times.slow,
            "p50Ms": millis(times.p50), "p95Ms": millis(times.p95), "maxMs": millis(times.max)})
    });
    Ok(Json(json!({
        "queue": {"waiting": queue.waiting, "running": queue.running, "givenUp": queue.dead, "paused": queue.paused},
        "cache": {"hits": cache.hits, "misses": cache.misses, "entries": cache.entries},
        "shared": app.shared(),
        "queries": queries.collect::<Vec<_>>(),
    })))
}

fn millis(time: std::time::Duration) -> f64 {
    time.as_secs_f64() * 1000.0
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

//! Style and scripts, compiled in.

use crate::Shared;
use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

#[derive(rust_embed::RustEmbed)]
#[folder = "assets"]
struct Assets;

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/assets/{name}", get(asset)).route("/favicon.ico", get(|| asset(Path("icon.svg".into()))))
}

async fn asset(Path(name): Path<String>) -> Response {
    let Some(file) = Assets::get(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let kind = match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "application/octet-stream",
    };
    // Pages ask for assets by the program's version, so they may be kept as long as the version lives.
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=86400")], file.data).into_response()
}

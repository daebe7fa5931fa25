//! Style and scripts, compiled in, each at an address that names its content.

use crate::Shared;
use crate::error::{answer, not_found_problem};
use crate::requests::Path;
use axum::Router;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::EmbeddedFile;

/// At an address with the hash of its content a file can never change.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Everywhere else it may be another one after the next start.
const BRIEFLY: &str = "public, max-age=300";

#[derive(rust_embed::RustEmbed)]
#[folder = "assets"]
struct Assets;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/assets/{name}", get(plain))
        .route("/assets/{hash}/{name}", get(hashed))
        .route("/favicon.ico", get(|uri: Uri, headers: HeaderMap| async move { asset("icon.svg", None, &uri, &headers) }))
}

/// What stands in the address for a file's content; `None` where there is no such file.
pub(crate) fn hash(name: &str) -> Option<String> {
    Assets::get(name).map(|file| digest(&file))
}

fn digest(file: &EmbeddedFile) -> String {
    hex::encode(&file.metadata.sha256_hash()[..8])
}

async fn plain(Path(name): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    asset(&name, None, &uri, &headers)
}

async fn hashed(Path((hash, name)): Path<(String, String)>, uri: Uri, headers: HeaderMap) -> Response {
    asset(&name, Some(&hash), &uri, &headers)
}

fn asset(name: &str, hash: Option<&str>, uri: &Uri, headers: &HeaderMap) -> Response {
    let Some(file) = Assets::get(name) else { return answer(not_found_problem(), uri, headers) };
    let kind = match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "application/octet-stream",
    };
    // A page from before an update asks for what is gone: it gets what there is now, but must not keep it under that address.
    let keep = if hash.is_some_and(|hash| hash == digest(&file)) { FOREVER } else { BRIEFLY };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], file.data).into_response()
}

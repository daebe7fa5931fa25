//! A proposal's files to take along: as an archive for a prompts folder, as one text, or one by one.

use crate::Shared;
use crate::error::PageResult;
use crate::pages::members::{Staff, id};
use crate::requests::Path;
use app::{App, proposals};
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/staff/prompts/proposals/{id}/files.zip", get(archive))
        .route("/staff/prompts/proposals/{id}/files.txt", get(text))
        .route("/staff/prompts/proposals/{id}/files/{*path}", get(one))
}

/// Something to keep as a file of this name.
pub(in crate::pages::staff) fn download(kind: &'static str, name: &str, content: impl IntoResponse) -> Response {
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    (headers, content).into_response()
}

const PLAIN: &str = "text/plain; charset=utf-8";

async fn archive(State(app): State<App>, Staff(visitor): Staff, Path(given): Path<String>) -> PageResult<Response> {
    let files = proposals::export(&app, &visitor.caller, id(&given, "this proposal")?).await?;
    Ok(download("application/zip", "prompts.zip", proposals::zipped(&files)?))
}

async fn text(State(app): State<App>, Staff(visitor): Staff, Path(given): Path<String>) -> PageResult<Response> {
    let files = proposals::export(&app, &visitor.caller, id(&given, "this proposal")?).await?;
    Ok(([(header::CONTENT_TYPE, PLAIN)], proposals::bundled(&files)).into_response())
}

async fn one(State(app): State<App>, Staff(visitor): Staff, Path((given, path)): Path<(String, String)>) -> PageResult<Response> {
    let files = proposals::export(&app, &visitor.caller, id(&given, "this proposal")?).await?;
    let file = files.into_iter().find(|file| file.path == path).ok_or(app::Error::NotFound("this file"))?;
    Ok(([(header::CONTENT_TYPE, PLAIN)], file.text).into_response())
}

//! A member's data: taken along as one file, or gone for good.

use super::{Kept, settled};
use crate::Shared;
use crate::error::PageResult;
use crate::pages::members::Member;
use crate::requests::{Form, Nothing};
use app::App;
use app::accounts;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/account/archive", post(pack))
        .route("/account/archive.zip", get(fetch))
        .route("/account/delete", post(leave))
        .route("/account/keep", post(keep))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Leave {
    #[serde(default)]
    current_password: String,
}

async fn pack(State(app): State<App>, Member(visitor): Member, Form(Nothing {}): Form<Nothing>) -> PageResult<Response> {
    let did = accounts::request_archive(&app, &visitor.caller).await;
    settled(&app, &visitor, "archive", did, Kept::default()).await
}

async fn fetch(State(app): State<App>, Member(visitor): Member) -> PageResult<Response> {
    let content = accounts::archive_content(&app, &visitor.caller).await?;
    let headers =
        [(header::CONTENT_TYPE, "application/zip"), (header::CONTENT_DISPOSITION, "attachment; filename=\"e-commerce-planner.zip\"")];
    Ok((headers, content).into_response())
}

async fn leave(State(app): State<App>, Member(visitor): Member, Form(typed): Form<Leave>) -> PageResult<Response> {
    let did = accounts::leave(&app, &visitor.caller, &typed.current_password).await;
    settled(&app, &visitor, "delete", did, Kept::default()).await
}

async fn keep(State(app): State<App>, Member(visitor): Member, Form(Nothing {}): Form<Nothing>) -> PageResult<Response> {
    let did = accounts::keep_account(&app, &visitor.caller).await;
    settled(&app, &visitor, "keep", did, Kept::default()).await
}

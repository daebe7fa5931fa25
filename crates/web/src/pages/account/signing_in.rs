//! What lets a member in: password, address, sessions.

use super::{Kept, settled};
use crate::Shared;
use crate::error::PageResult;
use crate::pages::members::{Member, id};
use crate::requests::{Form, Nothing, Path};
use app::App;
use app::accounts;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/account/verification", post(verification))
        .route("/account/password", post(password))
        .route("/account/email", post(email))
        .route("/account/sessions/end-others", post(end_others))
        .route("/account/sessions/{id}/end", post(end))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewPassword {
    #[serde(default)]
    current_password: String,
    #[serde(default)]
    password: String,
    /// Only tells password managers whose password it is.
    #[serde(default, rename = "username")]
    _username: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewEmail {
    #[serde(default)]
    email: String,
    #[serde(default)]
    current_password: String,
}

async fn verification(State(app): State<App>, Member(visitor): Member, Form(Nothing {}): Form<Nothing>) -> PageResult<Response> {
    let did = accounts::send_verification(&app, &visitor.caller).await;
    settled(&app, &visitor, "verification", did, Kept::default()).await
}

async fn password(State(app): State<App>, Member(visitor): Member, Form(typed): Form<NewPassword>) -> PageResult<Response> {
    let did = accounts::change_password(&app, &visitor.caller, &typed.current_password, &typed.password).await;
    settled(&app, &visitor, "password", did, Kept::default()).await
}

async fn email(State(app): State<App>, Member(visitor): Member, Form(typed): Form<NewEmail>) -> PageResult<Response> {
    let did = accounts::change_email(&app, &visitor.caller, &typed.current_password, &typed.email).await;
    settled(&app, &visitor, "email-change", did, Kept { email: typed.email, ..Kept::default() }).await
}

async fn end(
    State(app): State<App>,
    Member(visitor): Member,
    Path(text): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> PageResult<Response> {
    let did = accounts::end_session(&app, &visitor.caller, id(&text, "this session")?).await;
    settled(&app, &visitor, "session", did, Kept::default()).await
}

async fn end_others(State(app): State<App>, Member(visitor): Member, Form(Nothing {}): Form<Nothing>) -> PageResult<Response> {
    let did = accounts::end_other_sessions(&app, &visitor.caller).await.map(drop);
    settled(&app, &visitor, "sessions", did, Kept::default()).await
}

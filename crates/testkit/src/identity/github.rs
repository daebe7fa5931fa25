//! OAuth 2 as GitHub speaks it: a refusal has status 200, and addresses are asked for by themselves.

use super::grants::{Fields, Refused};
use super::{Fault, Person, Shared};
use crate::serve::lock;
use axum::Json;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, Form(form): Form<Fields>) -> Json<Value> {
    Json(match lock(&shared.script).grants.exchange(&headers, &form) {
        Err(Refused::Client) => {
            json!({"error": "incorrect_client_credentials"})
        }
        Err(Refused::Code) => json!({"error": "bad_verification_code"}),
        Ok((token, _)) => json!({"access_token": token, "token_type": "bearer", "scope": "user:email"}),
    })
}

pub(super) async fn user(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    answer(&shared, &headers, |person, _| json!({"id": person.subject, "login": "ana", "email": null}))
}

pub(super) async fn emails(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    answer(&shared, &headers, |person, fault| {
        let other = json!({"email": "other@example.org", "primary": false, "verified": true, "visibility": null});
        let primary = json!({"email": person.email, "primary": true, "verified": person.verified, "visibility": "private"});
        if fault == Some(Fault::NoEmail) { json!([]) } else { json!([other, primary]) }
    })
}

fn answer(shared: &Shared, headers: &HeaderMap, say: impl Fn(&Person, Option<Fault>) -> Value) -> Response {
    let script = lock(&shared.script);
    match script.grants.bearer(headers) {
        Some(person) => Json(say(&person, script.fault)).into_response(),
        None => (StatusCode::UNAUTHORIZED, Json(json!({"message": "Bad credentials"}))).into_response(),
    }
}

//! `OpenID` Connect: discovery, keys, coming and going, tokens.

use super::grants::{Fields, Grant, Refused};
use super::{CLIENT_ID, CLIENT_SECRET, Fault, Key, Shared, jwks, mint};
use crate::serve::lock;
use axum::Json;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::SystemTime;

pub(super) async fn discovery(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let url = &shared.url;
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "jwks_uri": format!("{url}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
        "scopes_supported": ["openid", "email"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
    }))
}

pub(super) async fn keys(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(jwks(&[lock(&shared.script).key]))
}

/// Back to where they came from, with a code.
pub(super) async fn authorize(State(shared): State<Arc<Shared>>, Query(query): Query<Fields>) -> Response {
    let mut script = lock(&shared.script);
    let (back, state) = (query.get("redirect_uri").cloned().unwrap_or_default(), query.get("state").cloned().unwrap_or_default());
    let answer = if script.fault == Some(Fault::Declined) {
        "error=access_denied".to_owned()
    } else {
        let person = script.person.clone();
        match script.grants.give(&query, person) {
            Ok(code) => format!("code={code}"),
            Err(why) => return (StatusCode::BAD_REQUEST, why).into_response(),
        }
    };
    let location = format!("{back}?{answer}&state={}", encoded(&state));
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

pub(super) async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, Form(form): Form<Fields>) -> Response {
    let mut script = lock(&shared.script);
    let error = |status: StatusCode, name: &str| (status, Json(json!({"error": name}))).into_response();
    match script.grants.exchange(&headers, &form) {
        Err(Refused::Client) => error(StatusCode::UNAUTHORIZED, "invalid_client"),
        Err(Refused::Code) => error(StatusCode::BAD_REQUEST, "invalid_grant"),
        Ok((token, grant)) => {
            let mut answer = json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600});
            if script.fault != Some(Fault::NoIdToken) {
                answer["id_token"] = id_token(&shared.url, &grant, script.key, script.fault).into();
            }
            Json(answer).into_response()
        }
    }
}

pub(super) async fn user(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    match lock(&shared.script).grants.bearer(&headers) {
        Some(person) => {
            Json(json!({"sub": person.subject.to_string(), "email": person.email, "email_verified": person.verified})).into_response()
        }
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

/// What vouches for the person, wrong as it is told.
fn id_token(issuer: &str, grant: &Grant, key: Key<'static>, fault: Option<Fault>) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut claims = json!({
        "iss": issuer, "aud": CLIENT_ID, "azp": CLIENT_ID, "sub": grant.person.subject.to_string(),
        "iat": now, "exp": now + 3600, "nonce": grant.nonce,
        "email": grant.person.email, "email_verified": grant.person.verified,
    });
    match fault {
        Some(Fault::WrongNonce) => claims["nonce"] = "another".into(),
        Some(Fault::WrongAudience) => claims["aud"] = "another-client".into(),
        Some(Fault::WrongIssuer) => claims["iss"] = "https://issuer.example.com".into(),
        Some(Fault::Expired) => (claims["iat"], claims["exp"]) = ((now - 3720).into(), (now - 120).into()),
        Some(Fault::NotYet) => claims["iat"] = (now + 120).into(),
        Some(Fault::NoEmail) => {
            claims.as_object_mut().map(|claims| claims.remove("email"));
        }
        _ => {}
    }
    match fault {
        Some(Fault::AlgNone) => mint(Key::Nothing, &json!({"kid": key.kid()}), &claims),
        Some(Fault::SignedWithPublicKey) => mint(Key::Secret(&key.jwk().to_string()), &json!({"kid": key.kid()}), &claims),
        Some(Fault::SignedWithClientSecret) => mint(Key::Secret(CLIENT_SECRET), &json!({}), &claims),
        Some(Fault::UnknownKey) => mint(key, &json!({"kid": "test-unknown"}), &claims),
        Some(Fault::Tampered) => tampered(&mint(key, &json!({}), &claims), &claims),
        _ => mint(key, &json!({}), &claims),
    }
}

/// Another person's number under a signature that was made for this one.
fn tampered(token: &str, claims: &Value) -> String {
    let mut claims = claims.clone();
    claims["sub"] = "1".into();
    let parts: Vec<&str> = token.split('.').collect();
    format!("{}.{}.{}", parts[0], BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2])
}

/// As it is written in a query.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

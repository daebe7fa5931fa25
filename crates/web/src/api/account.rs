//! The account of whoever asks, its tokens, and where its quota stands.

use crate::Shared;
use crate::api::id;
use crate::api::refusals::{Always, BadBody, Conflicting, Elsewhere, Unknown};
use crate::error::Problem;
use crate::fields::{Fields, Read, unless_faulty};
use crate::requests::{Asked, Path};
use crate::visitors::Visitor;
use app::accounts::{self, NewToken};
use app::{App, quotas};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use domain::accounts::{ApiToken, Scope};
use domain::faults::Faults;
use domain::ids::TokenId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(list, create)).routes(routes!(revoke))
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Account {
    email: String,
    /// Whether the address is confirmed; until then the account has what a guest has.
    verified: bool,
    /// `free`, `starter` or `pro`.
    tier: String,
    /// A role in the team: `developer`, `prompt-engineer`, `tech-lead`, `product-manager`, `support-agent`.
    role: Option<String>,
    created_at: DateTime<Utc>,
    /// Until when nothing is generated, because it cost more in a day than the tier covers.
    limited_until: Option<DateTime<Utc>>,
    /// When it was asked to be deleted.
    leaving_since: Option<DateTime<Utc>>,
    quota: Quota,
}

/// Section generations within the last hour.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Quota {
    /// How many an hour; `null` when there is no limit.
    limit: Option<u32>,
    used: u32,
    /// `null` when there is no limit.
    remaining: Option<u32>,
    /// When the next of them comes back.
    next_back_at: Option<DateTime<Utc>>,
}

/// Get the account
///
/// Of whoever is signed in, or of the token's owner.
#[utoipa::path(get, path = "/api/v1/account", operation_id = "getAccount", tag = "Account",
    responses((status = 200, description = "The account.", body = Account), Elsewhere, Always))]
async fn get(State(app): State<App>, visitor: Visitor) -> Result<Json<Account>, Problem> {
    let caller = &visitor.caller;
    let account = caller.signed_in()?;
    caller.may_read()?;
    let quota = quotas::standing(&app, caller).await?;
    let quota = quota.map_or(Quota { limit: None, used: 0, remaining: None, next_back_at: None }, |quota| Quota {
        limit: quota.allowed.most(),
        used: quota.used,
        remaining: quota.left(),
        next_back_at: quota.next_back,
    });
    Ok(Json(Account {
        email: account.email.to_string(),
        verified: account.verified.is_some(),
        tier: account.tier.key().to_owned(),
        role: account.role.map(|role| role.key().to_owned()),
        created_at: account.created,
        limited_until: account.limited_until,
        leaving_since: account.leaving,
        quota,
    }))
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Token {
    id: Uuid,
    name: String,
    /// `read`, `write`, `staff`.
    scopes: Vec<String>,
    created_at: DateTime<Utc>,
    /// When it ends by itself; `null` when it does not.
    expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    last_used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl From<ApiToken> for Token {
    fn from(token: ApiToken) -> Self {
        Self {
            id: token.id.0,
            name: token.name,
            scopes: token.scopes.into_iter().map(|scope: Scope| scope.key().to_owned()).collect(),
            created_at: token.created,
            expires_at: token.expires,
            last_used_at: token.used,
            revoked_at: token.revoked,
        }
    }
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FreshToken {
    #[serde(flatten)]
    about: Token,
    /// The token itself. It is shown this once.
    token: String,
}

/// What a token is to be.
#[derive(ToSchema)]
pub(crate) struct NewTokenBody {
    /// What you call it, in 1 to 80 characters.
    name: String,
    /// One or more of `read`, `write`, `staff`.
    scopes: Vec<String>,
    /// How many days it is good for; without it, until it is revoked.
    #[schema(minimum = 1, maximum = 3650)]
    days: Option<i64>,
}

impl Read for NewTokenBody {
    fn read(mut fields: Fields) -> Result<Self, Faults> {
        let (name, scopes, days) = (fields.text("name"), fields.texts("scopes"), fields.number("days"));
        let body = Self { name: name.unwrap_or_default(), scopes: scopes.unwrap_or_default(), days };
        unless_faulty(body, fields.all_faults())
    }
}

/// List tokens
///
/// Your own, those that have ended too.
#[utoipa::path(get, path = "/api/v1/tokens", operation_id = "listTokens", tag = "Account",
    responses((status = 200, description = "All of them.", body = Vec<Token>), Elsewhere, Always))]
async fn list(State(app): State<App>, visitor: Visitor) -> Result<Json<Vec<Token>>, Problem> {
    let tokens = accounts::tokens(&app, &visitor.caller).await?;
    Ok(Json(tokens.into_iter().map(Token::from).collect()))
}

/// Make a token
///
/// Only for who is signed in with a cookie: a token makes no other tokens.
#[utoipa::path(post, path = "/api/v1/tokens", operation_id = "createToken", tag = "Account", request_body = NewTokenBody,
    responses((status = 201, description = "It is made.", body = FreshToken), BadBody, Elsewhere, Always))]
async fn create(
    State(app): State<App>,
    visitor: Visitor,
    Asked { what, .. }: Asked<NewTokenBody>,
) -> Result<(StatusCode, Json<FreshToken>), Problem> {
    let NewToken { token, secret } = accounts::create_token(&app, &visitor.caller, &what.name, &what.scopes, what.days).await?;
    Ok((StatusCode::CREATED, Json(FreshToken { about: token.into(), token: secret })))
}

/// Revoke a token
///
/// At once and everywhere.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", operation_id = "revokeToken", tag = "Account",
    params(("id" = Uuid, Path, description = "The token")),
    responses((status = 204, description = "It opens nothing any more."), Unknown, Conflicting, Elsewhere, Always))]
async fn revoke(State(app): State<App>, visitor: Visitor, Path(text): Path<String>) -> Result<StatusCode, Problem> {
    let token: TokenId = id(&text, "this token")?;
    accounts::revoke_token(&app, &visitor.caller, token).await?;
    Ok(StatusCode::NO_CONTENT)
}

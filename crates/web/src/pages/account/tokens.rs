//! Tokens for programs. A new one is shown once, on the answer to the form that made it, and in no address.

use super::{AccountPage, Kept, settled};
use crate::Shared;
use crate::error::PageResult;
use crate::pages::forms::Wrong;
use crate::pages::members::{Member, id};
use crate::pages::render;
use crate::requests::{Form, Nothing, Path};
use crate::shell::Shell;
use crate::views::day;
use app::App;
use app::accounts;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/account/tokens", post(create)).route("/account/tokens/{id}/revoke", post(revoke))
}

/// What the form says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typed {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) scopes: Vec<String>,
    #[serde(default)]
    pub(super) days: String,
}

impl Typed {
    /// Whether a scope was ticked; seeing is, at first.
    pub(super) fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|ticked| ticked == scope) || (self.scopes.is_empty() && scope == "read")
    }

    pub(super) fn lives(&self, days: &str) -> bool {
        self.days == days || (self.days.is_empty() && days == "90")
    }

    /// What is no number is as wrong as none of the days there can be, and said with everything else that is wrong.
    fn days(&self) -> Option<i64> {
        (self.days != "never").then(|| self.days.parse().unwrap_or(0))
    }
}

#[derive(askama::Template)]
#[template(path = "account/new_token.html")]
struct NewTokenPage {
    shell: Shell,
    name: String,
    secret: String,
    expires: Option<String>,
}

async fn create(State(app): State<App>, Member(visitor): Member, Form(typed): Form<Typed>) -> PageResult<Response> {
    match accounts::create_token(&app, &visitor.caller, &typed.name, &typed.scopes, typed.days()).await {
        Ok(made) => {
            let (name, expires) = (made.token.name, made.token.expires.map(day));
            Ok(render(&NewTokenPage { shell: Shell::of(&app, &visitor), name, secret: made.secret, expires })?.into_response())
        }
        Err(error) => {
            let kept = Kept { token: typed, ..Kept::default() };
            let page = AccountPage::load(&app, &visitor, Wrong::with("token", error)?, kept).await?;
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}

async fn revoke(
    State(app): State<App>,
    Member(visitor): Member,
    Path(text): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> PageResult<Response> {
    let did = accounts::revoke_token(&app, &visitor.caller, id(&text, "this token")?).await;
    settled(&app, &visitor, "revocation", did, Kept::default()).await
}

//! Making an account. What a guest has made comes along.

use crate::error::PageResult;
use crate::pages::forms::{Query, Wrong};
use crate::pages::outside::{self, Offered};
use crate::pages::render;
use crate::pages::sign_in::enter;
use crate::requests::Form;
use crate::shell::Shell;
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::App;
use app::accounts::{self, SignedIn};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum_extra::extract::CookieJar;
use serde::Deserialize;

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/sign-up", get(page).post(sign_up))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(askama::Template)]
#[template(path = "sign_in/sign_up.html")]
struct SignUpPage {
    shell: Shell,
    wrong: Wrong,
    email: String,
    next: String,
    providers: Vec<Offered>,
}

async fn page(State(app): State<App>, visitor: Visitor, query: Query) -> PageResult<Response> {
    let next = paths::next(query.get("next"));
    if visitor.caller.account().is_some() {
        return Ok(Redirect::to(next.unwrap_or(paths::VENTURES)).into_response());
    }
    let (next, providers) = (next.unwrap_or_default().to_owned(), outside::offered(&app));
    let page = SignUpPage { shell: Shell::of(&app, &visitor), wrong: Wrong::default(), email: String::new(), next, providers };
    Ok(render(&page)?.into_response())
}

async fn sign_up(State(app): State<App>, visitor: Visitor, jar: CookieJar, Form(typed): Form<Typed>) -> PageResult<Response> {
    let Typed { email, password, next } = typed;
    match accounts::sign_up(&app, &visitor.caller, &visitor.from(), &email, &password).await {
        Ok(session) => Ok(enter(&visitor, jar, SignedIn::Done(Box::new(session)), &next)),
        Err(error) => {
            let wrong = Wrong::with("sign-up", error)?;
            let next = paths::next(&next).unwrap_or_default().to_owned();
            let page = SignUpPage { shell: Shell::of(&app, &visitor), wrong, email, next, providers: outside::offered(&app) };
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}

//! Signing in with a password, the second step of it, and signing out.

use crate::error::PageResult;
use crate::pages::forms::{Query, Wrong};
use crate::pages::outside::{self, Offered};
use crate::pages::render;
use crate::requests::{Form, Nothing};
use crate::shell::Shell;
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::App;
use app::accounts::{self, SignedIn};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;
use serde::Deserialize;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/sign-in", get(page).post(sign_in))
        .route("/sign-in/second-step", get(second_page).post(second_step))
        .route("/sign-out", post(sign_out))
}

/// The right to show a second factor, in the browser that took the first step.
const PENDING: &str = "planner_second_step";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

#[derive(askama::Template)]
#[template(path = "sign_in/sign_in.html")]
struct SignInPage {
    shell: Shell,
    wrong: Wrong,
    email: String,
    next: String,
    /// What happened before.
    said: Option<&'static str>,
    providers: Vec<Offered>,
}

#[derive(askama::Template)]
#[template(path = "sign_in/second_step.html")]
struct SecondStepPage {
    shell: Shell,
    wrong: Wrong,
    next: String,
}

fn said(visitor: &Visitor, done: &str) -> Option<&'static str> {
    match done {
        "out" => Some("You are signed out."),
        "reset" => Some("Your new password is set, and every session was ended. Sign in with it."),
        "verified" => Some("Your e-mail address is confirmed."),
        "email" => Some("This is the address of your account now."),
        "left" => Some("That took too long, or another sign-in has begun meanwhile. Begin again."),
        _ if visitor.session_ended => Some("Your session has ended. Sign in again."),
        _ => None,
    }
}

async fn page(State(app): State<App>, visitor: Visitor, query: Query) -> PageResult<Response> {
    let next = paths::next(query.get("next"));
    if visitor.caller.account().is_some() {
        return Ok(Redirect::to(next.unwrap_or(paths::VENTURES)).into_response());
    }
    let page = SignInPage {
        shell: Shell::of(&app, &visitor),
        wrong: Wrong::default(),
        email: String::new(),
        next: next.unwrap_or_default().to_owned(),
        said: said(&visitor, query.get("done")),
        providers: outside::offered(&app),
    };
    Ok(render(&page)?.into_response())
}

async fn sign_in(State(app): State<App>, visitor: Visitor, jar: CookieJar, Form(typed): Form<Typed>) -> PageResult<Response> {
    let Typed { email, password, next } = typed;
    match accounts::sign_in(&app, &visitor.from(), &email, &password).await {
        Ok(signed_in) => Ok(enter(&visitor, jar, signed_in, &next)),
        Err(error) => {
            let wrong = Wrong::with("sign-in", error)?;
            let next = paths::next(&next).unwrap_or_default().to_owned();
            let shell = Shell::of(&app, &visitor);
            let page = SignInPage { shell, wrong, email, next, said: None, providers: outside::offered(&app) };
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}

/// Lets somebody in who has shown who they are, or asks for the second step.
pub(crate) fn enter(visitor: &Visitor, jar: CookieJar, signed_in: SignedIn, next: &str) -> Response {
    let next = paths::next(next);
    match signed_in {
        SignedIn::Done(session) => (visitor.signed_in(jar, &session), Redirect::to(next.unwrap_or(paths::VENTURES))).into_response(),
        SignedIn::SecondStep(secret) => {
            let there = paths::with("/sign-in/second-step", &[("next", next.unwrap_or_default())]);
            (visitor.remember(jar, PENDING, secret, paths::SIGN_IN), Redirect::to(&there)).into_response()
        }
    }
}

async fn second_page(State(app): State<App>, visitor: Visitor, jar: CookieJar, query: Query) -> PageResult<Response> {
    if jar.get(PENDING).is_none() {
        return Ok(Redirect::to(paths::SIGN_IN).into_response());
    }
    let next = paths::next(query.get("next")).unwrap_or_default().to_owned();
    Ok(render(&SecondStepPage { shell: Shell::of(&app, &visitor), wrong: Wrong::default(), next })?.into_response())
}

async fn second_step(State(app): State<App>, visitor: Visitor, jar: CookieJar, Form(typed): Form<Code>) -> PageResult<Response> {
    let Some(pending) = jar.get(PENDING).map(|cookie| cookie.value().to_owned()) else {
        return Ok(Redirect::to(&paths::with(paths::SIGN_IN, &[("done", "left"), ("next", &typed.next)])).into_response());
    };
    match accounts::second_step(&app, &visitor.from(), &pending, &typed.code).await {
        Ok(session) => {
            let jar = visitor.forget(jar, PENDING, paths::SIGN_IN);
            Ok(enter(&visitor, jar, SignedIn::Done(Box::new(session)), &typed.next))
        }
        Err(error) => {
            let wrong = Wrong::with("second-step", error)?;
            let next = paths::next(&typed.next).unwrap_or_default().to_owned();
            let page = SecondStepPage { shell: Shell::of(&app, &visitor), wrong, next };
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}

async fn sign_out(State(app): State<App>, visitor: Visitor, jar: CookieJar, Form(Nothing {}): Form<Nothing>) -> PageResult<Response> {
    accounts::sign_out(&app, &visitor.caller).await?;
    Ok((visitor.signed_out(jar), Redirect::to(&paths::with(paths::SIGN_IN, &[("done", "out")]))).into_response())
}

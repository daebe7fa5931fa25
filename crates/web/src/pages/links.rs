//! What links lead to that are sent by mail, or printed when a new place begins. Mail scanners open links, so opening one changes
//! nothing: each page has a button or a form that does.

use crate::error::{PageError, PageResult};
use crate::pages::forms::{Query, Wrong};
use crate::pages::render;
use crate::pages::sign_in::enter;
use crate::requests::{Form, Nothing, Path};
use crate::shell::Shell;
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::App;
use app::accounts::{self, SignedIn};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum_extra::extract::CookieJar;
use domain::accounts::Purpose;
use serde::Deserialize;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/verify/{secret}", get(verify_page).post(verify))
        .route("/email/{secret}", get(email_page).post(email))
        .route("/reset", get(ask_page).post(ask))
        .route("/reset/{secret}", get(reset_page).post(reset))
        .route("/setup/{secret}", get(setup_page).post(setup))
}

/// A page with one button.
#[derive(askama::Template)]
#[template(path = "links/confirm.html")]
struct Confirm {
    shell: Shell,
    wrong: Wrong,
    title: &'static str,
    about: &'static str,
    button: &'static str,
    action: String,
}

/// A link that does not work any more, and what to do now.
#[derive(askama::Template)]
#[template(path = "links/gone.html")]
struct Gone {
    shell: Shell,
    next: (&'static str, &'static str),
}

#[derive(askama::Template)]
#[template(path = "links/ask.html")]
struct AskPage {
    shell: Shell,
    wrong: Wrong,
    email: String,
    sent: bool,
}

#[derive(askama::Template)]
#[template(path = "links/reset.html")]
struct ResetPage {
    shell: Shell,
    wrong: Wrong,
    action: String,
}

#[derive(askama::Template)]
#[template(path = "links/setup.html")]
struct SetupPage {
    shell: Shell,
    wrong: Wrong,
    email: String,
    action: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Address {
    #[serde(default)]
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    #[serde(default)]
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstLead {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
}

/// Where to go on from a link that does not work.
const TO_ACCOUNT: (&str, &str) = (paths::ACCOUNT, "Ask for a new link on my account page");
const TO_RESET: (&str, &str) = ("/reset", "Ask for a new link");
const TO_SIGN_IN: (&str, &str) = (paths::SIGN_IN, "Sign in");

/// What to show when something a link is for cannot be done.
fn not_done(app: &App, visitor: &Visitor, error: app::Error, next: (&'static str, &'static str)) -> PageResult<Response> {
    match error {
        app::Error::NotFound(_) => {
            let page = render(&Gone { shell: Shell::of(app, visitor), next })?;
            Ok((StatusCode::NOT_FOUND, page).into_response())
        }
        other => Err(PageError::from(other)),
    }
}

/// Where something was done without being signed in, it is said where one signs in.
fn after(visitor: &Visitor, done: &'static str) -> Redirect {
    let there = if visitor.caller.is_guest() { paths::SIGN_IN } else { paths::ACCOUNT };
    Redirect::to(&paths::with(there, &[("done", done)]))
}

fn verify_confirm(app: &App, visitor: &Visitor, secret: &str) -> Confirm {
    Confirm {
        shell: Shell::of(app, visitor),
        wrong: Wrong::default(),
        title: "Confirm your e-mail address",
        about: "One click, and this address is yours here.",
        button: "Confirm my address",
        action: format!("/verify/{secret}"),
    }
}

async fn verify_page(State(app): State<App>, visitor: Visitor, Path(secret): Path<String>) -> PageResult<Response> {
    match accounts::link_is_good(&app, &secret, Purpose::Verify).await {
        Ok(()) => Ok(render(&verify_confirm(&app, &visitor, &secret))?.into_response()),
        Err(error) => not_done(&app, &visitor, error, TO_ACCOUNT),
    }
}

async fn verify(
    State(app): State<App>,
    visitor: Visitor,
    Path(secret): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> PageResult<Response> {
    match accounts::verify(&app, &secret).await {
        Ok(()) => Ok(after(&visitor, "verified").into_response()),
        Err(error) => not_done(&app, &visitor, error, TO_ACCOUNT),
    }
}

fn email_confirm(app: &App, visitor: &Visitor, secret: &str) -> Confirm {
    Confirm {
        shell: Shell::of(app, visitor),
        wrong: Wrong::default(),
        title: "Use this e-mail address",
        about: "From then on you sign in with it, and mail goes there. The old address is told.",
        button: "Use this address",
        action: format!("/email/{secret}"),
    }
}

async fn email_page(State(app): State<App>, visitor: Visitor, Path(secret): Path<String>) -> PageResult<Response> {
    match accounts::link_is_good(&app, &secret, Purpose::ChangeEmail).await {
        Ok(()) => Ok(render(&email_confirm(&app, &visitor, &secret))?.into_response()),
        Err(error) => not_done(&app, &visitor, error, TO_ACCOUNT),
    }
}

async fn email(
    State(app): State<App>,
    visitor: Visitor,
    Path(secret): Path<String>,
    Form(Nothing {}): Form<Nothing>,
) -> PageResult<Response> {
    match accounts::confirm_email(&app, &secret).await {
        Ok(()) => Ok(after(&visitor, "email").into_response()),
        Err(error @ app::Error::Invalid(_)) => {
            let page = Confirm { wrong: Wrong::with("confirm", error)?, ..email_confirm(&app, &visitor, &secret) };
            Ok(page.wrong.answer(render(&page)?))
        }
        Err(error) => not_done(&app, &visitor, error, TO_ACCOUNT),
    }
}

async fn ask_page(State(app): State<App>, visitor: Visitor, query: Query) -> PageResult<Html<String>> {
    let sent = query.get("done") == "sent";
    render(&AskPage { shell: Shell::of(&app, &visitor), wrong: Wrong::default(), email: String::new(), sent })
}

async fn ask(State(app): State<App>, visitor: Visitor, Form(typed): Form<Address>) -> PageResult<Response> {
    match accounts::request_reset(&app, &visitor.from(), &typed.email).await {
        Ok(()) => Ok(Redirect::to("/reset?done=sent").into_response()),
        Err(error) => {
            let wrong = Wrong::with("ask", error)?;
            let page = AskPage { shell: Shell::of(&app, &visitor), wrong, email: typed.email, sent: false };
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}

fn reset_form(app: &App, visitor: &Visitor, secret: &str, wrong: Wrong) -> ResetPage {
    ResetPage { shell: Shell::of(app, visitor), wrong, action: format!("/reset/{secret}") }
}

async fn reset_page(State(app): State<App>, visitor: Visitor, Path(secret): Path<String>) -> PageResult<Response> {
    match accounts::link_is_good(&app, &secret, Purpose::Reset).await {
        Ok(()) => Ok(render(&reset_form(&app, &visitor, &secret, Wrong::default()))?.into_response()),
        Err(error) => not_done(&app, &visitor, error, TO_RESET),
    }
}

async fn reset(
    State(app): State<App>,
    visitor: Visitor,
    jar: CookieJar,
    Path(secret): Path<String>,
    Form(typed): Form<NewPassword>,
) -> PageResult<Response> {
    match accounts::reset(&app, &visitor.from(), &secret, &typed.password).await {
        Ok(()) => {
            let there = paths::with(paths::SIGN_IN, &[("done", "reset")]);
            Ok((visitor.signed_out(jar), Redirect::to(&there)).into_response())
        }
        Err(error @ app::Error::NotFound(_)) => not_done(&app, &visitor, error, TO_RESET),
        Err(error) => {
            let page = reset_form(&app, &visitor, &secret, Wrong::with("reset", error)?);
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}

fn setup_form(app: &App, visitor: &Visitor, secret: &str) -> SetupPage {
    SetupPage { shell: Shell::of(app, visitor), wrong: Wrong::default(), email: String::new(), action: format!("/setup/{secret}") }
}

async fn setup_page(State(app): State<App>, visitor: Visitor, Path(secret): Path<String>) -> PageResult<Response> {
    match accounts::link_is_good(&app, &secret, Purpose::FirstLead).await {
        Ok(()) => Ok(render(&setup_form(&app, &visitor, &secret))?.into_response()),
        Err(error) => not_done(&app, &visitor, error, TO_SIGN_IN),
    }
}

async fn setup(
    State(app): State<App>,
    visitor: Visitor,
    jar: CookieJar,
    Path(secret): Path<String>,
    Form(typed): Form<FirstLead>,
) -> PageResult<Response> {
    match accounts::create_first_lead(&app, &visitor.from(), &secret, &typed.email, &typed.password).await {
        Ok(session) => Ok(enter(&visitor, jar, SignedIn::Done(Box::new(session)), paths::STAFF)),
        Err(error @ app::Error::NotFound(_)) => not_done(&app, &visitor, error, TO_SIGN_IN),
        Err(error) => {
            let wrong = Wrong::with("setup", error)?;
            let page = SetupPage { wrong, email: typed.email, ..setup_form(&app, &visitor, &secret) };
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}

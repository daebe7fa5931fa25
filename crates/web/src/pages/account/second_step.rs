//! Setting up the second step of signing in, and taking it away.

use super::{Kept, settled};
use crate::error::{PageError, PageResult};
use crate::pages::forms::Wrong;
use crate::pages::members::Member;
use crate::pages::render;
use crate::requests::Form;
use crate::shell::Shell;
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::App;
use app::accounts::{self, Enrolment};
use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Deserialize;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/account/second-step", get(page).post(confirm)).route("/account/second-step/remove", post(remove))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Removal {
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
}

#[derive(askama::Template)]
#[template(path = "account/second_step.html")]
struct SetUp {
    shell: Shell,
    wrong: Wrong,
    /// The secret in groups of four.
    secret: String,
    /// A picture of its address, as a `data:` address itself.
    picture: String,
}

impl SetUp {
    fn of(app: &App, visitor: &Visitor, enrolment: &Enrolment, wrong: Wrong) -> Result<Self, PageError> {
        Ok(Self {
            shell: Shell::of(app, visitor),
            wrong,
            secret: in_fours(&enrolment.secret),
            picture: picture(&enrolment.url).map_err(app::Error::Internal)?,
        })
    }
}

fn in_fours(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// A picture that a phone reads, black on white whatever the page looks like.
fn picture(url: &str) -> Result<String, String> {
    let code = QrCode::new(url.as_bytes()).map_err(|fault| format!("the picture cannot be drawn: {fault}"))?;
    let svg = code.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
    Ok(format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg)))
}

async fn page(State(app): State<App>, Member(visitor): Member) -> PageResult<Html<String>> {
    let enrolment = accounts::enrol(&app, &visitor.caller).await?;
    render(&SetUp::of(&app, &visitor, &enrolment, Wrong::default())?)
}

async fn confirm(State(app): State<App>, Member(visitor): Member, Form(typed): Form<Code>) -> PageResult<Response> {
    match accounts::confirm_second_factor(&app, &visitor.caller, &typed.code).await {
        Ok(()) => Ok(Redirect::to(&paths::account_after("second-step")).into_response()),
        Err(error) => {
            let wrong = Wrong::with("second-step", error)?;
            let enrolment = accounts::enrol(&app, &visitor.caller).await?;
            let page = SetUp::of(&app, &visitor, &enrolment, wrong)?;
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}

async fn remove(State(app): State<App>, Member(visitor): Member, Form(typed): Form<Removal>) -> PageResult<Response> {
    let did = accounts::remove_second_factor(&app, &visitor.caller, &typed.password, &typed.code).await;
    settled(&app, &visitor, "second-step-removal", did, Kept::default()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_can_be_typed_and_scanned() {
        assert_eq!(in_fours("JBSWY3DPEHPK3PXPAB"), "JBSW Y3DP EHPK 3PXP AB");
        let picture = picture("otpauth://totp/E-commerce%20Planner:ana@example.com?secret=JBSWY3DPEHPK3PXP").expect("draws");
        assert!(picture.starts_with("data:image/svg+xml;base64,"));
    }
}

//! A member's own page: who they are, what they have left, what lets them in, and what is kept of them.

mod data;
mod second_step;
mod signing_in;
mod tokens;
mod views;

use crate::error::{PageError, PageResult};
use crate::pages::forms::{Query, Wrong};
use crate::pages::members::Member;
use crate::pages::render;
use crate::shell::Shell;
use crate::views::{day, moment};
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::App;
use app::accounts;
use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::accounts::Scope;
use views::{ArchiveView, SessionView, TokenView};

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/account", get(page))
        .merge(signing_in::routes())
        .merge(second_step::routes())
        .merge(tokens::routes())
        .merge(data::routes())
}

/// What was typed into a form that has to be looked at again. Never a password.
#[derive(Debug, Default)]
struct Kept {
    email: String,
    token: tokens::Typed,
}

#[derive(askama::Template)]
#[template(path = "account/account.html")]
struct AccountPage {
    shell: Shell,
    wrong: Wrong,
    kept: Kept,
    said: Option<&'static str>,
    email: String,
    tier: &'static str,
    role: Option<&'static str>,
    since: String,
    verified: bool,
    has_password: bool,
    has_second_factor: bool,
    sessions: Vec<SessionView>,
    tokens: Vec<TokenView>,
    scopes: Vec<Scope>,
    archive: ArchiveView,
    grace_days: i64,
    /// The day on which everything will be gone.
    gone_on: Option<String>,
}

impl AccountPage {
    async fn load(app: &App, visitor: &Visitor, wrong: Wrong, kept: Kept) -> Result<Self, PageError> {
        let caller = &visitor.caller;
        let account = caller.signed_in()?;
        let grace = accounts::grace(app);
        let sessions = accounts::sessions(app, caller).await?;
        let tokens = accounts::tokens(app, caller).await?;
        Ok(Self {
            shell: Shell::with_quota(app, visitor).await?,
            said: None,
            email: account.email.to_string(),
            tier: account.tier.name(),
            role: account.role.map(domain::roles::Role::name),
            since: day(account.created),
            verified: account.verified.is_some(),
            has_password: account.has_password,
            has_second_factor: account.has_second_factor,
            sessions: sessions.iter().map(|session| SessionView::of(session, caller.credential())).collect(),
            tokens: tokens.iter().map(TokenView::of).collect(),
            scopes: Scope::ALL.into_iter().filter(|scope| *scope != Scope::Staff || account.role.is_some()).collect(),
            archive: ArchiveView::of(accounts::archive(app, caller).await?),
            grace_days: grace.num_days(),
            gone_on: account.leaving.map(|asked| moment(asked + grace)),
            wrong,
            kept,
        })
    }

    /// How long tokens can be made for: what is sent, and what people read.
    fn lives() -> [(&'static str, &'static str); 4] {
        [("30", "30 days"), ("90", "90 days"), ("365", "A year"), ("never", "Until I revoke it")]
    }

    fn scope_about(scope: Scope) -> &'static str {
        match scope {
            Scope::Read => "See my ventures and plans",
            Scope::Write => "Make and change them",
            Scope::Staff => "Use the rights of my role in the team",
        }
    }
}

async fn page(State(app): State<App>, Member(visitor): Member, query: Query) -> PageResult<Html<String>> {
    let page = AccountPage::load(&app, &visitor, Wrong::default(), Kept::default()).await?;
    render(&AccountPage { said: done(query.get("done")), ..page })
}

/// What was done, in a sentence.
fn done(what: &str) -> Option<&'static str> {
    Some(match what {
        "verification" => "We sent the link once more. It can take a minute to arrive.",
        "verified" => "Your e-mail address is confirmed.",
        "password" => "Your password is changed, and every other session was ended.",
        "email-change" => "We sent a link to the new address. Open it there; until then the old one stays.",
        "email" => "The e-mail address is changed.",
        "second-step" => "The second step is on: from now on signing in asks for a code as well.",
        "second-step-removal" => "The second step is off.",
        "session" => "That session was ended.",
        "sessions" => "Every other session was ended.",
        "revocation" => "The token is revoked and opens nothing any more.",
        "archive" => "Your data is being packed. We write to you when it is ready.",
        "delete" => "Done. A mail to you says the same, with the way back.",
        "keep" => "Your account stays.",
        _ => return None,
    })
}

/// Where a form of this page leads: back to it, and it says what was done; or to itself again, which says what was wrong.
async fn settled(app: &App, visitor: &Visitor, form: &'static str, did: app::Result<()>, kept: Kept) -> PageResult<Response> {
    match did {
        Ok(()) => Ok(Redirect::to(&paths::account_after(form)).into_response()),
        Err(error) => {
            let page = AccountPage::load(app, visitor, Wrong::with(form, error)?, kept).await?;
            Ok(page.wrong.answer(render(&page)?))
        }
    }
}

//! Signing in with somebody else who vouches for people. It begins with a form, so that nobody is signed in elsewhere without having
//! asked for it, and ends where the provider sends the browser back to.

use crate::error::{PageError, PageResult, Problem};
use crate::pages::forms::Query;
use crate::pages::render;
use crate::pages::sign_in::enter;
use crate::requests::{Form, Path};
use crate::shell::Shell;
use crate::views::sentence;
use crate::visitors::Visitor;
use crate::{Shared, paths};
use app::App;
use app::accounts::{self, Pending, Provider};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/sign-in/with/{provider}", post(begin)).route("/sign-in/with/{provider}/callback", get(callback))
}

/// What has to come back, in the browser that went there.
const COOKIE: &str = "planner_outside";
/// What that cookie is signed for.
const OUTSIDE: &str = "outside";

/// Somebody who vouches for people here, as a button.
pub(crate) struct Offered {
    pub(crate) name: &'static str,
    pub(crate) action: String,
}

/// Everybody who does.
pub(crate) fn offered(app: &App) -> Vec<Offered> {
    let offer = |provider: Provider| Offered { name: provider.name(), action: format!("/sign-in/with/{}", provider.key()) };
    accounts::providers(app).into_iter().map(offer).collect()
}

fn provider(app: &App, key: &str) -> Result<Provider, Problem> {
    let known = accounts::providers(app).into_iter().find(|provider| provider.key() == key);
    known.ok_or_else(|| app::Error::NotFound("this way to sign in").into())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    #[serde(default)]
    next: String,
}

/// What the cookie keeps meanwhile.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    provider: String,
    state: String,
    nonce: String,
    pkce_verifier: String,
    next: String,
}

impl Kept {
    fn written(&self, app: &App) -> Result<String, PageError> {
        let json = serde_json::to_vec(self).map_err(|fault| app::Error::Internal(format!("a cookie cannot be written: {fault}")))?;
        let text = URL_SAFE_NO_PAD.encode(json);
        let signature = app::sign(app, OUTSIDE, &text);
        Ok(format!("{text}.{signature}"))
    }

    fn read(app: &App, cookie: &str) -> Option<Self> {
        let (text, _) = cookie.split_once('.').filter(|(text, signature)| app::is_signed(app, OUTSIDE, text, signature))?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

#[derive(askama::Template)]
#[template(path = "sign_in/go_on.html")]
struct GoOn {
    shell: Shell,
    name: &'static str,
    url: String,
}

#[derive(askama::Template)]
#[template(path = "sign_in/not_vouched.html")]
struct NotVouched {
    shell: Shell,
    name: &'static str,
    why: String,
}

/// Chromium holds a form to `form-action` through every redirect that follows it, so this cannot redirect to the provider. The answer is
/// a page that goes on by itself and has a link for who would rather click.
async fn begin(
    State(app): State<App>,
    visitor: Visitor,
    jar: CookieJar,
    Path(key): Path<String>,
    Form(typed): Form<Begin>,
) -> PageResult<Response> {
    let provider = provider(&app, &key)?;
    let (url, state, pending) = accounts::begin_with(&app, provider).await?;
    let Pending { nonce, pkce_verifier } = pending;
    let kept = Kept { provider: key, state, nonce, pkce_verifier, next: typed.next };
    let page = render(&GoOn { shell: Shell::of(&app, &visitor), name: provider.name(), url })?;
    Ok((visitor.remember(jar, COOKIE, kept.written(&app)?, paths::SIGN_IN), page).into_response())
}

async fn callback(State(app): State<App>, visitor: Visitor, jar: CookieJar, Path(key): Path<String>, query: Query) -> PageResult<Response> {
    let provider = provider(&app, &key)?;
    let kept = jar.get(COOKIE).and_then(|cookie| Kept::read(&app, cookie.value()));
    let jar = visitor.forget(jar, COOKIE, paths::SIGN_IN);
    let refused = |why: String| -> PageResult<Response> {
        let page = render(&NotVouched { shell: Shell::of(&app, &visitor), name: provider.name(), why: sentence(&why) })?;
        Ok((StatusCode::FORBIDDEN, jar.clone(), page).into_response())
    };
    let Some(kept) = kept.filter(|kept| kept.provider == provider.key() && !kept.state.is_empty() && kept.state == query.get("state"))
    else {
        return refused("this browser did not ask for it, or it took longer than ten minutes".into());
    };
    if query.get("code").is_empty() {
        return refused(declined(query.get("error"), query.get("error_description")));
    }
    let pending = Pending { nonce: kept.nonce, pkce_verifier: kept.pkce_verifier };
    match accounts::finish_with(&app, &visitor.caller, &visitor.from(), provider, query.get("code"), &pending).await {
        Ok(signed_in) => Ok(enter(&visitor, jar, signed_in, &kept.next)),
        Err(app::Error::Forbidden(why)) => refused(why),
        Err(error) => Err(error.into()),
    }
}

/// What a provider says that does not vouch, in a sentence.
fn declined(error: &str, description: &str) -> String {
    match (error, description) {
        ("access_denied", _) => "you did not agree there".into(),
        ("", "") => "it sent back nothing to go on with".into(),
        (error, "") => format!("it says: {}", short(error)),
        (_, description) => format!("it says: {}", short(description)),
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_says_is_passed_on_and_kept_short() {
        assert_eq!(declined("access_denied", "The user said no"), "you did not agree there");
        assert_eq!(declined("server_error", ""), "it says: server_error");
        assert_eq!(declined("", ""), "it sent back nothing to go on with");
        assert_eq!(declined("x", &"a".repeat(999)).len(), "it says: ".len() + 200);
    }
}
